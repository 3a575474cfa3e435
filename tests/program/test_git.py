# SPDX-License-Identifier: MIT
"""Reports name files and the commit as the firmware's repository has them, and replay says the same."""
import os
import shutil
import subprocess

import pytest
from conftest import HIL
from ptyboard import PtyBoard, lab_of

GIT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "Tester",
    "GIT_AUTHOR_EMAIL": "tester@example.org",
    "GIT_COMMITTER_NAME": "Tester",
    "GIT_COMMITTER_EMAIL": "tester@example.org",
}
ACTIONS = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://github.example",
    "GITHUB_REPOSITORY": "acme/workflows",
    "GITHUB_SHA": "1" * 40,
    "GITHUB_RUN_ID": "77",
    "GITHUB_RUN_ATTEMPT": "2",
}
SOURCES = ["src/foo.c", "src/drv/spi.c", "app/util.c", "lib/util.c"]
LOG = (
    "../src/foo.c:12:test_foo:FAIL: Expected 1 Was 2\r\n"
    "/home/builder/fw/src/drv/spi.c:34:test_spi:FAIL: no answer\r\n"
    "util.c:5:test_util:FAIL: ambiguous\r\n"
    "C:\\\\sdk\\\\newlib\\\\string.c:6:test_sdk:FAIL: not ours\r\n"
    "../src/foo.c:40:test_bar:PASS\r\n"
    "\r\n-----------------------\r\n5 Tests 4 Failures 0 Ignored \r\nFAIL\r\n"
)
PATHS = {
    "test_foo": "src/foo.c",
    "test_spi": "src/drv/spi.c",
    "test_util": None,
    "test_sdk": None,
    "test_bar": "src/foo.c",
}


def git(directory, *args):
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **GIT}
    return subprocess.run(
        ["git", "-C", directory, *args], env=env, check=True, capture_output=True, text=True
    ).stdout.strip()


def make_repository(directory):
    for name in SOURCES:
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("int x;\n")
    git(directory, "init", "-q", "-b", "main")
    git(directory, "remote", "add", "origin", "https://token@github.example/acme/fw.git")
    git(directory, "add", *SOURCES)
    git(directory, "commit", "-q", "-m", "one")
    git(directory, "tag", "v1.0")
    return git(directory, "rev-parse", "HEAD")


@pytest.fixture
def board(hil):
    made = PtyBoard(hil.home, "uno", lambda board: board.say(LOG))
    (hil.home / "fw.hex").write_text(":0400000001020304F2\n:00000001FF\n")
    yield made
    made.close()


def run(hil, board, *args, **more):
    return hil.run(*args, hil.home / "fw.hex", lab=lab_of(hil, board), **more)


def properties(result):
    found = result.junit.find("testsuite").find("properties")
    return {item.get("name"): item.get("value") for item in found}


def files(result):
    return {case.get("name"): case.get("file") for case in result.junit.iter("testcase")}


def replays_to_the_same(hil, result, tmp_path):
    """From elsewhere, where there is neither the repository nor the job."""
    moved = tmp_path / "moved"
    shutil.copytree(result.dir, moved)
    names = ["--junit", "a.xml", "--json", "a.json", "--html", "a.html", "--summary", "a.md"]
    again = subprocess.run(
        [HIL, "replay", *names, moved], cwd=tmp_path, env=hil.env, capture_output=True, text=True
    )
    assert again.returncode == result.code, again.stdout + again.stderr
    for mine, theirs in (("a.xml", "junit.xml"), ("a.json", "report.json")):
        assert (tmp_path / mine).read_bytes() == (result.dir / theirs).read_bytes()
    return again


def test_files_are_named_as_the_repository_has_them(hil, board, tmp_path):
    commit = make_repository(hil.home)
    result = run(hil, board)
    assert result.code == 1, result.out + result.err
    cases = result.cases()
    assert {name: case["path"] for name, case in cases.items()} == PATHS
    assert cases["test_foo"]["file"] == "../src/foo.c"
    shown = files(result)
    assert shown["test_spi"] == "src/drv/spi.c" and shown["test_util"] == "util.c"
    assert "src/drv/spi.c:34: no answer" in result.out
    assert result.report["origin"] == {
        "repository": "acme/fw",
        "commit": commit,
        "describe": "v1.0",
        "dirty": False,
        "run_url": None,
    }
    assert properties(result)["commit"] == commit and properties(result)["dirty"] == "false"
    assert "token" not in "".join(
        path.read_text(errors="replace") for path in result.dir.rglob("*") if path.is_file()
    )
    replays_to_the_same(hil, result, tmp_path)


def test_in_actions_links_and_annotations_lead_there(hil, board, tmp_path):
    commit = make_repository(hil.home)
    (hil.home / "src/foo.c").write_text("int y;\n")
    summary = hil.home / "summary.md"
    job = {**ACTIONS, "GITHUB_WORKSPACE": str(hil.home), "GITHUB_STEP_SUMMARY": str(summary)}
    result = run(hil, board, "--annotations", "on", env=job)
    assert result.code == 1, result.out + result.err
    assert "::error file=src/foo.c,line=12,title=" in result.out
    assert "::error file=src/drv/spi.c,line=34,title=" in result.out
    # A wrong file is worse than none: those go into the message.
    assert "file=util.c" not in result.out and "::util.c:5: ambiguous" in result.out
    link = f"https://github.example/acme/fw/blob/{commit}/"
    text = summary.read_text()
    assert f"{link}src/foo.c#L12" in text and "/util.c" not in text
    found = properties(result)
    assert found["commit"] == commit and found["describe"] == "v1.0" and found["dirty"] == "true"
    assert found["run_url"] == "https://github.example/acme/workflows/actions/runs/77/attempts/2"
    replays_to_the_same(hil, result, tmp_path)


def test_the_plan_says_whose_firmware_it_is(hil, board):
    firmware = hil.home / "checkout"
    firmware.mkdir()
    commit = make_repository(firmware)
    plan = firmware / "hil.yaml"
    plan.write_text("tests:\n  - {name: unit, firmware: ../fw.hex, boards: [uno]}\n")
    result = hil.run("--plan", plan, lab=lab_of(hil, board))
    assert result.code == 1, result.out + result.err
    assert result.report["origin"]["commit"] == commit
    assert result.cases()["test_foo"]["path"] == "src/foo.c"


def test_without_a_repository_all_is_as_printed(hil, board, tmp_path):
    result = run(hil, board, env={"GIT_CEILING_DIRECTORIES": str(hil.home.parent)})
    assert result.code == 1, result.out + result.err
    assert not [case for case in result.cases().values() if case["path"]]
    assert files(result)["test_foo"] == "../src/foo.c"
    assert result.report["origin"]["commit"] is None and "commit" not in properties(result)
    assert '"note"' not in (result.dir / "events.jsonl").read_text()
    replays_to_the_same(hil, result, tmp_path)


def test_a_runner_that_stands_in_a_repository_does_not_count(hil, board):
    make_repository(hil.home)
    workspace = hil.home / "workspace"
    workspace.mkdir()
    result = run(hil, board, env={**ACTIONS, "GITHUB_WORKSPACE": str(workspace)})
    assert result.report["origin"]["commit"] == ACTIONS["GITHUB_SHA"]
    assert result.report["origin"]["repository"] == "acme/workflows"
    assert result.report["origin"]["dirty"] is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_somebody_elses_repository_is_told(hil, board):
    make_repository(hil.home)
    for path in (hil.home, hil.home / ".git"):
        os.chown(path, 65534, 65534)
    result = run(hil, board, "-v")
    os.chown(hil.home, 0, 0)
    assert result.code == 1, result.out + result.err
    assert result.report["origin"]["commit"] is None
    assert "safe.directory" in result.out + result.err
    assert "safe.directory" in (result.dir / "events.jsonl").read_text()


@pytest.mark.parametrize("path", ["../x.c", "/etc/passwd", "a//b.c", ""])
def test_a_run_that_names_what_no_repository_has_is_refused(hil, board, path):
    make_repository(hil.home)
    result = run(hil, board)
    file = result.dir / "run.json"
    file.write_text(file.read_text().replace('"src/foo.c"', f'"{path}"'))
    again = hil("replay", result.dir)
    assert again.code in (2, 3) and "run.json" in again.err, again.out + again.err
