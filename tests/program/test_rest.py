# SPDX-License-Identifier: MIT
"""hil rest: boards that nobody uses, switched off; and what a job left running, ended."""
import fcntl
import json
import os
import signal
import struct
import subprocess

import pytest
from conftest import LAB, processes_in, wait_until
from ptyboard import PtyBoard, lab_of

JOB = {
    "GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "octo/firmware", "GITHUB_RUN_ID": "4711", "GITHUB_JOB": "test",
    "GITHUB_RUN_ATTEMPT": "1", "GITHUB_SERVER_URL": "https://github.com", "RUNNER_NAME": "bench-a",
}  # fmt: skip


@pytest.fixture
def uno(hil):
    board = PtyBoard(hil.home, "uno", lambda board: board.say("ready\r\n"))
    board.switch = hil.home / "switch"
    board.switch.write_text("off\n")
    argv = lambda state: f"[sh, -c, 'echo {state} >> {board.switch}']"
    board.power = (
        f"{{cmd: {{on: {argv('on')}, off: {argv('off')}, "
        f"status: [sh, -c, 'test $(tail -n 1 {board.switch}) = on']}}}}"
    )
    board.lab = lab_of(hil, board, power=board.power)
    board.states = lambda: board.switch.read_text().split()
    yield board
    board.close()


def hold(hil, uno, **env):
    """A hil that has the board, and no console of its own to end with."""
    process = hil.start("console", "uno", "--reset", env={**JOB, **env}, stdin=subprocess.PIPE)
    assert process.stdout.read(5) == b"ready"
    return process


def test_what_was_switched_on_by_hand(hil, uno):
    assert hil("power", "uno", "on").code == 0
    run = hil("rest")
    assert run.code == 0 and run.out == "uno: at rest: switched off\n"
    run = hil("rest", "uno-type")
    assert run.code == 0 and run.out == "uno: at rest: is off\n"
    assert uno.states() == ["off", "on", "off"]


def test_nothing_to_switch(hil):
    run = hil("rest", "--lab", LAB, "virtual-f405")
    assert run.code == 0 and run.out == "virtual-f405: has no power switch\n"


def test_a_held_board_without_a_switch_is_left_alone_too(hil):
    process = hil.start("console", "--lab", LAB, "virtual-f405", stdin=subprocess.PIPE)
    boards = lambda: json.loads(hil("boards", "--lab", LAB, "--json").out)["boards"]
    wait_until(lambda: any(board["held"] for board in boards()), what="the lease")
    run = hil("rest", "--lab", LAB, "virtual-f405", "virtual-f205")
    assert run.code == 3 and "virtual-f405: left alone: held by" in run.out
    assert "hil console" in run.out and "--wait" not in run.out
    assert "virtual-f205: has no power switch" in run.out
    process.terminate()
    process.communicate(timeout=20)


def test_who_holds_a_board_is_left_alone(hil, uno):
    process = hold(hil, uno)
    run = hil("rest")
    assert run.code == 0 and run.out.startswith("uno: left alone: held by") and "hil console" in run.out
    assert hil("rest", "uno").code == 3
    for other in ({"RUNNER_NAME": "bench-b"}, {"GITHUB_RUN_ATTEMPT": "2"}, {"GITHUB_JOB": "lint"}):
        run = hil("rest", "--job", env={**JOB, **other})
        assert run.code == 0 and "left alone" in run.out, other
    assert uno.states()[-1] == "on" and process.poll() is None
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=10)


def test_what_this_job_left_running_is_ended(hil, uno):
    process = hold(hil, uno)
    run = hil("rest", "--job", env=JOB)
    assert run.code == 0 and process.wait(5) == 143
    first, second = run.out.splitlines()
    assert first.startswith("uno: this job's, ended: ") and "hil console" in first
    assert "https://github.com/octo/firmware/actions/runs/4711" in first
    assert second == "uno: at rest: is off" and uno.states() == ["off", "on", "off"]
    process.communicate()


def test_one_that_does_not_hear_is_killed(hil, uno):
    process = hold(hil, uno)
    process.send_signal(signal.SIGSTOP)
    run = hil("rest", "--job", env=JOB)
    assert run.code == 0 and process.wait(1) == -signal.SIGKILL
    assert 5 < run.seconds < 12 and uno.states()[-1] == "off"
    wait_until(lambda: not processes_in(hil.home), what="the end of the guardian")
    process.communicate()


def test_a_forged_record_harms_nobody(hil, uno):
    """Anybody may write a lock file: whose process it is tells the process."""
    path = hil.home / "run" / "bench+uno.lock"
    innocent = subprocess.Popen(["sleep", "60"], env={**hil.env, "PATH": os.environ["PATH"]})
    with open(path, "w+") as file:
        lock = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 1, 0)
        fcntl.fcntl(file, 37, lock)  # F_OFD_SETLK
        json.dump({"pid": innocent.pid, "user": "x", "command": "hil run", "run_id": "4711"}, file)
        file.flush()
        run = hil("rest", "--job", env=JOB)
        assert run.code == 0 and "left alone: held by x" in run.out
    assert innocent.poll() is None
    innocent.kill()
    innocent.wait()


def test_a_switch_that_fails(hil, uno):
    lab_of(hil, uno, power="{cmd: {on: [true], off: [sh, -c, 'echo no such hub; exit 4']}}")
    run = hil("rest")
    assert run.code == 3 and "uno: cannot be brought to rest: power cmd: sh: exit 4: no such hub" in run.err


def test_mistakes(hil, uno):
    run = hil("rest", "--job")
    assert run.code == 2 and "this is no job" in run.err
    run = hil("rest", "due")
    assert run.code == 2 and "no board is called 'due'" in run.err
