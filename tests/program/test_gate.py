# SPDX-License-Identifier: MIT
"""hil gate: several boards' reports, one answer; and telling it to GitHub."""
import json
import shutil
import sys

import pytest
from conftest import ROOT, firmware

sys.path.insert(0, str(ROOT / "tests" / "github"))
from server import GitHub, always, answer  # noqa: E402

SHA, MERGE, HEAD = "a" * 40, "b" * 40, "c" * 40
TOKEN = "ghs_notARealToken"


def case(name, result="pass", **more):
    return {"name": name, "result": result, **more}


def report(*boards, commit=SHA):
    return json.dumps({"schema": 1, "origin": {"commit": commit}, "boards": list(boards)})


def board(name, *cases, verdict="pass", **more):
    return {"name": name, "verdict": verdict, "test": "smoke", "labels": ["nucleo"],
            "suites": [{"name": "math", "cases": list(cases)}], **more}  # fmt: skip


def failing(count, **more):
    return board("n1", *(case(f"test_{i}", "fail", message=f"is {i}", path=f"src/t{i % 7}.c", line=i + 1)
                         for i in range(count)), verdict="fail", **more)  # fmt: skip


@pytest.fixture
def github():
    with GitHub(token=TOKEN) as server:
        yield server


def env_of(github, **more):
    return {**github.env, "GITHUB_ACTIONS": "true", "GITHUB_SHA": SHA, "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_RUN_ID": "7", **more}  # fmt: skip


def test_what_boards_said_decides(hil):
    """From firmware to the answer: a green board, a red one, and the red one in quarantine."""
    for name, image in (("good", "selftest-tap.elf"), ("bad", "bad-fail.elf")):
        hil.run("-b", "virtual-f405", "-o", f"reports/{name}/hil-out", firmware(image))
    good = hil("gate", "reports/good")
    assert good.code == 0 and good.out.startswith("PASS  the boards say yes (1 of 1 run passed, ")
    both = hil("gate", "reports")
    assert both.code == 1 and both.out.splitlines()[-1].startswith("FAIL  3 reasons against it")
    assert "virtual-f405: fail of test_reference_is_exact: hil-tests/firmware/bad/fail.c:16: Expected 1210" in both.out
    hil.write("gate.yaml", "quarantine: [{test: 'test_*', boards: [virtual], until: 2999-01-01, reason: '#1'}]\n")
    assert hil("gate", "-p", "gate.yaml", "reports").code == 0
    hil.write("gate.yaml", "quarantine: [{test: 'test_*', until: 2020-01-01, reason: '#1'}]\n")
    over = hil("gate", "-p", "gate.yaml", "reports")
    assert over.code == 1 and "(its quarantine ended on 2020-01-01: #1)" in over.out


@pytest.mark.parametrize(
    "boards, policy, code",
    [
        ([board("n1", case("a"))], "", 0),
        ([failing(1)], "", 1),
        ([board("n1", verdict="infra", reason="no probe")], "", 3),
        ([board("n1", verdict="infra", reason="no probe")], "infra: block", 1),
        ([board("n1", case("a"))], "boards: [n2]", 1),
    ],
)
def test_exit_codes_and_quiet(hil, boards, policy, code):
    hil.write("r.json", report(*boards))
    hil.write("gate.yaml", policy + "\n")
    run = hil("gate", "-q", "-p", "gate.yaml", "r.json")
    assert run.code == code and run.out == {0: "pass", 1: "fail", 3: "infra"}[code] + "\n"


def test_json_and_summary(hil):
    hil.write("r.json", report(failing(2)))
    run = hil("gate", "--json", "--summary", "page.md", "r.json")
    told = json.loads(run.out)
    assert told["schema"] == 1
    assert (run.code, told["verdict"], told["runs"], told["runs_passed"], told["tests"]) == (1, "fail", 1, 0, 2)
    assert told["reasons"][1] == {"kind": "failure", "reason": "n1: fail of math.test_1: src/t1.c:2: is 1",
                                  "test": "math.test_1", "path": "src/t1.c", "line": 2, "boards": ["n1"]}  # fmt: skip
    assert "FAIL  2 reasons" in run.err
    page = (hil.home / "page.md").read_text()
    assert page.startswith("## ❌ Gate: FAIL: 2 reasons against it") and "- **failure** `n1: fail of" in page
    assert hil("gate", "--summary", "-", "r.json").out == page


@pytest.mark.parametrize(
    "args, code, words",
    [
        ([], 2, "no report: name report.json"),
        (["none.json"], 2, "none.json: No such file"),
        (["empty"], 3, "there is no report.json in it: did the jobs run"),
        (["bad.json"], 2, "this is no report of hil's"),
        (["-p", "none.yaml", "r.json"], 2, "none.yaml"),
        (["-p", "bad.yaml", "r.json"], 2, "bad.yaml:1:1: unknown key 'bord' (did you mean 'boards'?)"),
        (["--commit", "main", "r.json"], 2, "'main' is no SHA"),
        (["--baseline", "none.json", "r.json"], 2, "--baseline: none.json"),
        (["--json", "--summary", "-", "r.json"], 2, "would share standard output"),
        (["--check-run", "r.json"], 2, "name --repo OWNER/NAME"),
        (["--check-run", "--repo", "o/r", "r.json"], 2, "name --commit SHA"),
        (["--check-run", "--repo", "o/r", "--commit", "abcdef0", "r.json"], 2, "all of its 40 digits"),
    ],
)
def test_what_is_wrong_is_told(hil, args, code, words):
    hil.write("r.json", report(board("n1", case("a"))))
    hil.write("bad.json", "{}")
    hil.write("bad.yaml", "bord: [a]\n")
    (hil.home / "empty").mkdir()
    run = hil("gate", *args)
    assert words in run.err
    assert run.code == (1 if "abcdef0" in args else code), "a red ruling stays red"


def test_a_stale_report_lets_nothing_out(hil, github):
    hil.write("r.json", report(board("n1", case("a")), commit=MERGE))
    run = hil("gate", "r.json", env=env_of(github))
    assert run.code == 1 and f"r.json is a report of commit {MERGE[:12]}, not of {SHA[:12]}" in run.out
    assert hil("gate", "--commit", MERGE[:9], "r.json").code == 0


def test_on_a_pull_request_the_head_is_checked_and_marked(hil, github):
    hil.write("event.json", json.dumps({"pull_request": {"head": {"sha": HEAD}}}))
    event = {"GITHUB_EVENT_NAME": "pull_request", "GITHUB_EVENT_PATH": str(hil.home / "event.json"), "GITHUB_SHA": MERGE}
    for sha in (HEAD, MERGE):
        hil.write("r.json", report(board("n1", case("a")), commit=sha))
        assert hil("gate", "--check-run", "r.json", env=env_of(github, **event)).code == 0
    assert [run["head_sha"] for run in github.checks.runs] == [HEAD, HEAD]


@pytest.mark.parametrize("event", ["pull_request_target", "workflow_run"])
def test_events_whose_sha_is_something_else(hil, github, event):
    payload = {"workflow_run": {"head_sha": HEAD}, "pull_request": {"head": {"sha": HEAD}}}
    hil.write("event.json", json.dumps(payload))
    env = env_of(github, GITHUB_EVENT_NAME=event, GITHUB_EVENT_PATH=str(hil.home / "event.json"))
    hil.write("r.json", report(board("n1", case("a")), commit=HEAD))
    assert hil("gate", "--check-run", "r.json", env=env).code == 0
    assert github.checks.runs[0]["head_sha"] == HEAD
    hil.write("r.json", report(board("n1", case("a")), commit=SHA))
    assert hil("gate", "r.json", env=env).code == 1, "of the default branch"


def test_a_run_that_was_killed_is_not_passed_over(hil):
    for name in ("good", "killed"):
        (hil.home / "reports" / name).mkdir(parents=True)
        (hil.home / "reports" / name / "run.json").write_text("{}")
    (hil.home / "reports/good/report.json").write_text(report(board("n1", case("a"))))
    run = hil("gate", "reports")
    assert run.code == 3 and "reports/killed: a run that never ended" in run.err


def test_the_same_report_in_two_places_counts_once(hil):
    for name in ("a", "b"):
        hil.write(f"{name}.json", report(board("n1", case("x"), case("y"))))
    hil.write("gate.yaml", "tests: {minimum: 3}\n")
    run = hil("gate", "-p", "gate.yaml", "a.json", "b.json", "a.json")
    assert run.code == 1 and "2 tests ran, at least 3 must" in run.out


def test_outputs_and_summary_of_the_step(hil, github):
    hil.write("r.json", report(failing(2)))
    files = {"GITHUB_OUTPUT": str(hil.home / "output"), "GITHUB_STEP_SUMMARY": str(hil.home / "summary")}
    hil.write("summary", "an earlier line")
    assert hil("gate", "r.json", env=env_of(github, **files)).code == 1
    lines = (hil.home / "output").read_text().split("\n")
    values = {name.split("<<")[0]: lines[i + 1] for i, name in enumerate(lines) if "<<" in name}
    assert values == {"verdict": "fail", "reasons": "2"}
    assert (hil.home / "summary").read_text().startswith("an earlier line\n## ❌ Gate: FAIL")


# ---- baselines ------------------------------------------------------------------------------------


def test_a_baseline_file(hil):
    hil.write("old.json", report(board("x", case("a"), case("b"), case("c", "skip")), commit=MERGE))
    hil.write("r.json", report(board("n1", case("a"))))
    run = hil("gate", "--baseline", "old.json", "r.json")
    assert run.code == 1 and "1 test that ran for old.json did not run: math.b" in run.out


@pytest.mark.parametrize("missing, code", [("block", 3), ("allow", 0)])
def test_a_baseline_from_the_last_release(hil, github, missing, code):
    hil.write("gate.yaml", f"baseline: {{release: latest, missing: {missing}}}\n")
    hil.write("r.json", report(board("n1", case("a"))))
    gate = lambda: hil("gate", "-p", "gate.yaml", "r.json", env=env_of(github))
    first = gate()
    assert first.code == code
    assert ("missing: allow" in first.err) == (missing == "block")
    github.add_release("v1", {"report.json": report(board("x", case("a"), case("b")), commit=MERGE).encode()})
    second = gate()
    assert second.code == 1 and "1 test that ran for release latest did not run: math.b" in second.out


# ---- telling GitHub -------------------------------------------------------------------------------


@pytest.mark.parametrize("count, batches", [(1, [1]), (50, [50]), (51, [50, 1]), (120, [50, 50, 20])])
def test_annotations_go_in_batches_of_50(hil, github, count, batches):
    hil.write("r.json", report(failing(count)))
    run = hil("gate", "--check-run", "r.json", env=env_of(github))
    assert run.code == 1, run.err
    (made,) = github.checks.runs
    assert github.checks.batches == batches
    assert [a["path"] + str(a["start_line"]) for a in made["annotations"]] == [f"src/t{i % 7}.c{i + 1}" for i in range(count)]
    assert (made["name"], made["conclusion"], made["head_sha"]) == ("hil", "failure", SHA)
    assert made["output"]["title"].startswith(f"{count} reason")
    assert made["details_url"] == "https://github.com/octo/firmware/actions/runs/7/attempts/1"


@pytest.mark.parametrize(
    "boards, conclusion, state",
    [
        (board("n1", case("a")), "success", "success"),
        (failing(1), "failure", "failure"),
        (board("n1", verdict="infra", reason="no probe"), "failure", "error"),
    ],
)
def test_a_check_run_and_a_status(hil, github, boards, conclusion, state):
    hil.write("r.json", report(boards))
    hil("gate", "--check-run", "--status", "--name", "boards", "r.json", env=env_of(github))
    (run,), (status,) = github.checks.runs, github.checks.statuses
    assert (run["name"], run["conclusion"], status["context"], status["state"]) == ("boards", conclusion, "boards", state)
    assert ("the lab, not the firmware" in run["output"]["title"]) == (state == "error")
    assert status["sha"] == SHA and status["target_url"] == run["details_url"] and len(status["description"]) <= 140
    assert TOKEN not in json.dumps(github.checks.runs)


def test_words_of_a_board_that_are_too_long(hil, github):
    long = board("n1", case("t" * 400, "fail", message="m" * 100000, detail="d\n" * 60000, path="src/a.c"), verdict="fail")
    hil.write("r.json", report(long))
    run = hil("gate", "--check-run", "--status", "r.json", env=env_of(github))
    assert run.code == 1 and len(github.checks.runs) == len(github.checks.statuses) == 1, run.err
    (annotation,) = github.checks.runs[0]["annotations"]
    assert annotation["start_line"] == 1 and "[cut, " in annotation["message"]


@pytest.mark.parametrize("what, permission", [("checks", "checks: write"), ("statuses", "statuses: write")])
@pytest.mark.parametrize("boards, code", [(board("n1", case("a")), 3), (failing(1), 1)])
def test_what_could_not_be_told_is_no_pass(hil, github, what, permission, boards, code):
    github.checks.forbidden = {what}
    hil.write("r.json", report(boards))
    run = hil("gate", "--check-run", "--status", "r.json", env=env_of(github))
    assert run.code == code and permission in run.err
    assert run.out.splitlines()[-1].startswith("PASS" if code == 3 else "FAIL"), "the ruling is told all the same"


def test_no_token(hil, github):
    hil.write("r.json", report(board("n1", case("a"))))
    run = hil("gate", "--status", "r.json", env=env_of(github, GITHUB_TOKEN=""))
    assert run.code == 3 and "needs a token" in run.err


def test_a_moment_of_trouble_is_waited_out(hil, github):
    github.faults["change"] = [answer(503)]
    hil.write("r.json", report(board("n1", case("a"))))
    assert hil("gate", "--status", "r.json", env=env_of(github)).code == 0
    assert len(github.checks.statuses) == 1


def test_many_reports(hil):
    for i in range(200):
        (hil.home / f"reports/{i}").mkdir(parents=True)
        shutil.copy(hil.write("r.json", report(board(f"n{i}", *(case(f"t{k}") for k in range(50))))),
                    hil.home / f"reports/{i}/report.json")  # fmt: skip
    run = hil("gate", "reports")
    assert run.code == 0 and "200 of 200 runs passed, 10000 tests" in run.out
