# SPDX-License-Identifier: MIT
"""hil runner: one just-in-time runner a job, with a run.sh that stands for GitHub's."""
import os
import re
import signal
import sys

import pytest
from conftest import LAB, ROOT, processes_in, wait_until

sys.path.insert(0, str(ROOT / "tests" / "github"))
from server import GitHub, always, answer  # noqa: E402

TOKEN = "github_pat_notARealToken"
# As GitHub's: the configuration comes by the environment; what it does next stands in the file `mode`.
RUN_SH = """#!/bin/bash
cd "$(dirname "$0")" || exit 9
{ printf 'argv='; tr '\\0' ' ' </proc/$$/cmdline; echo; env; } >seen.part
mv seen.part "seen-${ACTIONS_RUNNER_INPUT_JITCONFIG#secret-of-}"
echo "Listening for Jobs"
case $(cat mode) in
  quits) exit 0 ;;
  fails) exit 1 ;;
  works) until [[ -e go ]]; do sleep 0.02; done; rm go ;;
  cancels) trap 'echo TERM >ended; exit 0' TERM; touch ready; while :; do sleep 0.05; done ;;
  hangs) trap '' TERM INT; touch ready; while :; do sleep 0.05; done ;;
esac
"""


@pytest.fixture
def github():
    with GitHub(token=TOKEN) as server:
        yield server


@pytest.fixture
def opt(hil):
    """Where the runner is unpacked."""
    opt = hil.home / "actions-runner"
    opt.mkdir()
    (opt / "run.sh").write_text(RUN_SH)
    (opt / "run.sh").chmod(0o755)
    return opt


def start(hil, github, opt, mode, *args, **env):
    (opt / "mode").write_text(mode)
    user = ["--user", "nobody"] if os.geteuid() == 0 else []
    if user:
        hil.home.chmod(0o711)
        opt.chmod(0o777)
    return hil.start(
        "runner", "--dir", opt, "--lab", LAB, "--name", "bench-a", "--pause", "50ms", "--every", "300ms", *user, *args,
        env={**github.env, **env},
    )  # fmt: skip


def stop(hil, process, number=signal.SIGTERM):
    process.send_signal(number)
    return hil.finish(process, 20)


def seen(opt, number):
    path = opt / f"seen-{number}"
    wait_until(path.exists, what=f"runner {number}")
    return path.read_text().splitlines()


def test_one_job(hil, github, opt):
    process = start(hil, github, opt, "works", "--once", "--group", "3", "--work", "_w", "--add", "site-3")
    lines = seen(opt, 1)
    (runner,) = github.runners.all
    assert re.fullmatch(r"bench-a-[0-9a-f]{8}", runner["name"])
    labels = [label["name"] for label in runner["labels"]]
    assert labels[:2] == ["self-hosted", "Linux"] and labels.index("site-3") == labels.index("hil") + 1
    assert {"hil", "site-3", "stm32f405", "virtual"} <= set(labels)
    github.runners.all.clear()  # as GitHub does after the job
    (opt / "go").touch()
    run = hil.finish(process, 20)
    assert run.code == 0, run.err
    assert "Listening for Jobs" in run.out and "did its job" in run.err
    assert github.runners.changes == [("JIT", 1, labels)]
    # By the environment, and nothing else of ours.
    assert "ACTIONS_RUNNER_INPUT_JITCONFIG=secret-of-1" in lines
    assert lines[0].startswith("argv=/bin/bash ") and "secret" not in lines[0]
    assert not any(TOKEN in line for line in lines) and "secret-of" not in run.out + run.err
    if os.geteuid() == 0:
        assert "USER=nobody" in lines and (opt / "seen-1").owner() == "nobody"


def test_a_job_whose_end_github_has_not_seen_yet(hil, github, opt):
    process = start(hil, github, opt, "works", "--once")
    seen(opt, 1)
    github.runners.all[0]["busy"] = True
    (opt / "go").touch()
    wait_until(lambda: any("DELETE" in path for _, path, _ in github.seen), what="the first refusal")
    github.runners.all.clear()
    run = hil.finish(process, 20)
    assert run.code == 0 and "did its job" in run.err and "422" not in run.err


def test_one_after_the_other(hil, github, opt):
    process = start(hil, github, opt, "works")
    for number in (1, 2, 3):
        seen(opt, number)
        github.runners.all.clear()
        (opt / "go").touch()
    seen(opt, 4)
    run = stop(hil, process)
    assert run.code == 143 and run.err.count("did its job") == 3
    assert [change[:2] for change in github.runners.changes] == [("JIT", n) for n in (1, 2, 3, 4)] + [("DELETE", 4)]
    assert not github.runners.all


def test_cancelled_while_its_registration_is_taken_back(hil, github, opt):
    process = start(hil, github, opt, "works", "--once")
    seen(opt, 1)
    (runner,) = github.runners.all
    runner["busy"] = True
    (opt / "go").touch()
    asked = lambda: sum("DELETE" in path for _, path, _ in github.seen)
    wait_until(asked, what="the first refusal")
    process.send_signal(signal.SIGTERM)
    before = asked()
    wait_until(lambda: asked() > before or process.poll() is not None, what="another try")
    runner["busy"] = False
    assert hil.finish(process, 20).code == 143 and not github.runners.all


@pytest.mark.parametrize("mode, code", [("quits", 0), ("fails", 1)])
def test_a_runner_that_ends_without_a_job(hil, github, opt, mode, code):
    """The pauses grow, and no registration is left."""
    process = start(hil, github, opt, mode)
    for number in (1, 2, 3, 4):
        seen(opt, number)
    run = stop(hil, process)
    assert run.code == 143 and not github.runners.all
    pauses = re.findall(rf"ended without a job after \d\.\d s \(exit code {code}\); the next one in (\S+) s", run.err)
    assert pauses[:3] == ["0.1", "0.1", "0.2"] and TOKEN not in run.err


def test_a_signal_is_passed_on(hil, github, opt):
    process = start(hil, github, opt, "cancels")
    wait_until((opt / "ready").exists, what="the runner")
    run = stop(hil, process, signal.SIGINT)
    assert run.code == 130 and run.seconds < 3 and (opt / "ended").read_text() == "TERM\n"
    assert not github.runners.all and github.runners.changes[-1][0] == "DELETE"
    assert not processes_in(hil.home)


def test_a_runner_that_hangs_is_killed(hil, github, opt):
    process = start(hil, github, opt, "hangs", "--grace", "1200ms")
    wait_until((opt / "ready").exists, what="the runner")
    run = stop(hil, process)
    assert run.code == 143 and 1.2 < run.seconds < 5 and not processes_in(hil.home)
    assert not github.runners.all


def test_killed_ourselves(hil, github, opt):
    process = start(hil, github, opt, "cancels")
    wait_until((opt / "ready").exists, what="the runner")
    process.kill()
    wait_until(lambda: not processes_in(hil.home), what="the end of all")
    process.communicate()


def test_labels_follow_the_boards_while_it_waits(hil, github, opt):
    (hil.home / "tty").symlink_to("/dev/null")
    lab = hil.write(
        "lab.yaml",
        "lab: bench\nboards:\n  one:\n    labels: [stm32f4]\n    flash: {cmd: {run: [/bin/true, '{file}']}}\n"
        f"    reset: {{cmd: {{run: [/bin/true]}}}}\n    console: {{serial: {{path: {hil.home}/tty}}}}\n",
    )
    process = start(hil, github, opt, "works", "--lab", lab)
    seen(opt, 1)
    name = github.runners.all[0]["name"]
    assert github.runners.custom(name) == ["hil", "stm32f4"]
    (hil.home / "tty").unlink()
    wait_until(lambda: github.runners.custom(name) == ["hil"], what="the label to go")
    (hil.home / "tty").symlink_to("/dev/null")
    wait_until(lambda: github.runners.custom(name) == ["hil", "stm32f4"], what="its return")
    run = stop(hil, process)
    assert run.code == 143 and f"{name}: -stm32f4" in run.err


def test_what_github_refuses(hil, github, opt):
    github.runners.forbidden = True
    run = hil.finish(start(hil, github, opt, "works"), 20)
    assert run.code == 3 and "`administration: write`" in run.err and "cannot have it" in run.err
    github.runners.forbidden = False
    process = start(hil, github, opt, "quits")
    seen(opt, 1)
    github.faults["change"] = [always(answer(403, {"message": "Resource not accessible"}))]
    reads = lambda: wait_until(lambda: b"; again in" in process.stderr.readline(), what="the note")
    reads()  # the first one was good, so it goes on
    github.faults["change"] = []
    before = github.runners.number
    wait_until(lambda: github.runners.number > before, what="another runner")
    stop(hil, process)


def test_mistakes(hil, github, opt):
    none = hil.home / "none"
    none.mkdir()
    for args, words in [
        (["--dir", none], "none/run.sh is no program"),
        (["extra"], "takes no operands"),
        (["--pause", "0"], "--pause: '0' is no time"),
        (["--group", "first"], "first"),
        (["--user", "no-such-user", "--dir", opt], "no user 'no-such-user'" if os.geteuid() == 0 else "no user"),
        (["--user", "root", "--dir", opt], "does not run as root"),
    ]:
        run = hil("runner", "--lab", LAB, *args, env=github.env)
        assert run.code == 2 and words in run.err, (args, run.err)
    env = {name: value for name, value in github.env.items() if name != "GITHUB_TOKEN"}
    run = hil("runner", "--lab", LAB, "--dir", opt, env=env)
    assert run.code == 2 and "needs a token" in run.err
    assert not github.seen
