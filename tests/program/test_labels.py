# SPDX-License-Identifier: MIT
"""hil labels: what the lab's boards let a runner promise, and keeping a runner at GitHub in line with it."""
import json
import signal
import sys

import pytest
from conftest import LAB, ROOT, wait_until

sys.path.insert(0, str(ROOT / "tests" / "github"))
from server import GitHub, always, answer, reset, silence  # noqa: E402

TOKEN = "github_pat_notARealToken"
VIRTUAL = ["hil", "stm32f405", "stm32", "virtual", "has-fpu", "stm32f205", "stm32f100"]


@pytest.fixture
def github():
    with GitHub(token=TOKEN) as server:
        server.runners.place = "repos/octo/firmware"
        yield server


@pytest.fixture
def lab(hil):
    """Two boards whose ttys are files that stand for them: /dev/null is there, and a link may come and go."""
    (hil.home / "tty").symlink_to("/dev/null")
    one = lambda name, label, tty: (
        f"  {name}:\n    labels: [stm32f4, {label}]\n    flash: {{cmd: {{run: [/bin/true, '{{file}}']}}}}\n"
        f"    reset: {{cmd: {{run: [/bin/true]}}}}\n    console: {{serial: {{path: {tty}}}}}\n"
    )
    text = "lab: bench\nboards:\n" + one("one", "has-can", "/dev/null") + one("two", "has-eth", hil.home / "tty")
    return hil.write("lab.yaml", text)


def sync(hil, github, *args, **env):
    return hil("labels", "--sync", "--runner", "bench-a", *args, env={**github.env, **env})


def writes(github):
    return [path for _, path, _ in github.seen if path.startswith(("PUT", "POST", "DELETE", "PATCH"))]


def test_printing(hil):
    run = hil("labels", "--lab", LAB)
    assert run.code == 0 and run.out.split() == VIRTUAL and not run.err
    assert hil("labels", "--lab", LAB, "--comma").out == ",".join(VIRTUAL) + "\n"
    named = hil("labels", "--lab", LAB, "--names", "--add", "site-3").out.split()
    assert named[:3] == ["hil", "site-3", "virtual-f405"] and set(VIRTUAL) < set(named)


def test_a_board_that_is_gone(hil, lab):
    assert hil("labels").out.split() == ["hil", "stm32f4", "has-can", "has-eth"]
    (hil.home / "tty").unlink()
    run = hil("labels")
    assert run.code == 0 and run.out.split() == ["hil", "stm32f4", "has-can"]
    assert f"two gives none: {hil.home}/tty: No such file" in run.err
    boards = json.loads(hil("labels", "--json").out)["boards"]
    assert [(b["name"], b["present"], b["healthy"]) for b in boards] == [("one", True, True), ("two", False, True)]
    assert boards[0]["why"] is None and "No such file" in boards[1]["why"]


def test_a_board_that_fails_again_and_again(hil, lab):
    """Its runs are infra: the console is no tty."""
    image = hil.write("fw.bin", "x")
    for n in range(3):
        assert hil("labels").out.split() == ["hil", "stm32f4", "has-can", "has-eth"], n
        assert hil("run", "-b", "two", "--at", "0x08000000", image).code in (2, 3)
    run = hil("labels")
    assert run.out.split() == ["hil", "stm32f4", "has-can"]
    assert "its last 3 runs ended as infra; it gets another chance in 30 min" in run.err
    assert "has-eth" in hil("labels", "--infra-max", "4").out
    assert "has-eth" in hil("labels", "--retry-after", "0").out


@pytest.mark.parametrize("old", [False, True])
def test_a_runner_is_brought_in_line(hil, lab, github, old):
    github.runners.old = old
    for n in range(120):  # more than one page
        github.runners.add(f"other-{n}")
    github.runners.add("bench-a", ["hil", "gone", "has-eth", "site-3"])
    (hil.home / "tty").unlink()
    run = sync(hil, github)
    assert run.code == 0, run.err
    assert github.runners.changes == [("PUT", 121, ["gone", "site-3", "hil", "stm32f4", "has-can"])]
    assert "changed: +stm32f4 +has-can -has-eth" in run.err
    assert github.runners.custom("bench-a") == run.out.split()
    sent = next(fields for _, path, fields in github.seen if path.startswith("PUT"))
    assert sent["Accept"] == "application/vnd.github+json" and sent["X-GitHub-Api-Version"] == "2022-11-28"
    again = sync(hil, github)
    assert again.code == 0 and "nothing to change" in again.err and len(github.runners.changes) == 1
    exact = sync(hil, github, "--exact", "--json")
    assert json.loads(exact.out)["labels"] == ["hil", "stm32f4", "has-can"] and json.loads(exact.out)["changed"]
    assert github.runners.custom("bench-a") == ["hil", "stm32f4", "has-can"]
    assert TOKEN not in run.out + run.err


def test_dry_run_sends_nothing(hil, lab, github):
    github.runners.add("bench-a", ["gone"])
    run = sync(hil, github, "--dry-run")
    assert run.code == 0 and "would change: +hil +stm32f4 +has-can +has-eth" in run.err
    assert json.loads(sync(hil, github, "-n", "--json").out)["changed"] is False
    assert not writes(github) and github.runners.custom("bench-a") == ["gone"]


def test_a_number_an_organisation_and_the_default_name(hil, lab, github):
    github.runners.place = "orgs/octo"
    number = github.runners.add("bench-a")["id"]
    run = hil("labels", "--sync", "--org", "octo", "-r", number, env=github.env)
    assert run.code == 0 and github.runners.changes[0][1] == number, run.err
    assert not any("per_page" in path for _, path, _ in github.seen)  # asked for by its number
    github.runners.add("from-env")
    run = hil("labels", "--sync", "--org", "octo", env={**github.env, "RUNNER_NAME": "from-env"})
    assert run.code == 0 and "runner 'from-env'" in run.err


def test_what_github_refuses_is_explained(hil, lab, github):
    github.runners.add("bench-b")
    run = sync(hil, github)
    assert run.code == 3 and "octo/firmware has no runner called 'bench-a'; there are: bench-b" in run.err
    github.runners.forbidden = True
    run = sync(hil, github)
    assert run.code == 3 and "`administration: write`" in run.err
    assert "a job's GITHUB_TOKEN cannot have it" in run.err
    run = hil("labels", "--sync", "--org", "octo", "-r", "x", env=github.env)
    assert run.code == 3 and "`organization_self_hosted_runners: write`" in run.err
    github.runners.forbidden = False
    run = sync(hil, github, GITHUB_TOKEN="github_pat_revoked")
    assert run.code == 3 and "not accepted" in run.err and "github_pat_revoked" not in run.err
    github.runners.add("bench-a")
    github.faults["change"] = [answer(403, {"message": "Resource not accessible by personal access token"})]
    run = sync(hil, github)
    assert run.code == 3 and "labels of runner 'bench-a'" in run.err and "cannot have it" in run.err


@pytest.mark.parametrize(
    "args, words",
    [
        (["labels", "extra"], "takes no operands"),
        (["labels", "--dry-run"], "--dry-run is for --sync"),
        (["labels", "--sync"], "whose runner?"),
        (["labels", "--sync", "--repo", "x"], "is not OWNER/NAME"),
        (["labels", "--sync", "--repo", "a/b", "--org", "c"], "not to both"),
        (["labels", "--watch", "--every", "10ms"], "less than a second"),
        (["labels", "--add", "a,b"], "--add: 'a,b' must be made of"),
        (["labels", "--infra-max", "many"], "many"),
    ],
)
def test_mistakes(hil, lab, args, words):
    run = hil(*args)
    assert run.code == 2 and words in run.err and not run.out


def test_watching(hil, lab, github):
    """Each sign of life is waited for, so the test is as long as hil takes."""
    github.runners.add("bench-a", ["site-3"])
    watch = hil.start("labels", "--watch", "--every", "1s", "--runner", "bench-a", env=github.env)
    has = lambda *labels: lambda: github.runners.custom("bench-a") == ["site-3", *labels]
    wait_until(has("hil", "stm32f4", "has-can", "has-eth"), what="the first labels")
    (hil.home / "tty").unlink()
    wait_until(has("hil", "stm32f4", "has-can"), what="the board's label to go")
    github.faults["api"] = [answer(503), reset, None]
    (hil.home / "tty").symlink_to("/dev/null")
    wait_until(has("hil", "stm32f4", "has-can", "has-eth"), 20, what="its return, after an outage")
    github.unchanged = 0
    wait_until(lambda: github.unchanged >= 2, what="rounds that cost no rate limit")
    lab.write_text(lab.read_text().replace("has-eth", "has-usb"))
    wait_until(has("hil", "stm32f4", "has-can", "has-usb"), what="labels of the new lab.yaml")
    seen = len(github.seen)
    wait_until(lambda: len(github.seen) > seen, what="the next round")
    lab.write_text(lab.read_text().replace("boards:", "bords:"))
    rounds = len(github.seen)
    watch.send_signal(signal.SIGTERM)
    run = hil.finish(watch, 5)
    assert run.code == 143 and run.seconds < 3
    assert run.err.rstrip().endswith("leaves runner 'bench-a' with its labels: site-3, hil, stm32f4, has-can, has-usb")
    assert len(github.runners.changes) == 4 and len(github.seen) - rounds <= 1
    assert "bench-a: +has-usb -has-eth" in run.err


def test_watching_waits_out_trouble_and_a_bad_lab(hil, lab, github):
    github.runners.add("bench-a")
    watch = hil.start("labels", "--watch", "--every", "1s", "-r", "bench-a", env=github.env, text=True)
    wait_until(lambda: github.runners.custom("bench-a"), what="the first labels")
    good = lab.read_text()
    lab.write_text("boards: 7\n")
    line = lambda words: wait_until(lambda: words in watch.stderr.readline(), what=words)
    line("again in 2 s")
    github.runners.forbidden = True
    lab.write_text(good.replace("has-eth", "has-usb"))
    line("again in 4 s")
    github.runners.forbidden = False
    wait_until(lambda: "has-usb" in github.runners.custom("bench-a"), 20, what="recovery")
    watch.send_signal(signal.SIGINT)
    assert watch.wait(5) == 130
    watch.communicate()


def test_watching_ends_where_it_can_never_succeed(hil, lab, github):
    run = hil("labels", "--watch", "-r", "bench-a", env=github.env)
    assert run.code == 3 and "no runner called 'bench-a'" in run.err and "leaves" not in run.err


def test_a_change_that_was_not_answered(hil, lab, github):
    github.runners.add("bench-a", ["stm32f1"])
    github.faults["change"] = [always(silence)]
    watch = hil.start("labels", "--watch", "-r", "bench-a", env=github.env)
    wait_until(lambda: writes(github), what="the change")
    watch.send_signal(signal.SIGTERM)
    run = hil.finish(watch, 5)
    assert run.code == 143 and run.seconds < 3
    assert "leaves runner 'bench-a' in the middle of a change to: stm32f1, hil, stm32f4" in run.err


def test_a_signal_ends_a_request_that_hangs(hil, lab, github):
    github.runners.add("bench-a")
    github.faults["api"] = [always(silence)]
    watch = hil.start("labels", "--watch", "-r", "bench-a", env=github.env)
    wait_until(lambda: github.seen, what="the request")
    watch.send_signal(signal.SIGTERM)
    run = hil.finish(watch, 5)
    assert run.code == 143 and run.seconds < 3
