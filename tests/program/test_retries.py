# SPDX-License-Identifier: MIT
"""What does not pass is tried again: what failed on the same board, what the lab broke on another."""
import json
import os
import signal
import sqlite3

import pytest
from conftest import firmware, wait_until
from ptyboard import UNITY, PtyBoard, lab_of

IMAGE = firmware("selftest-unity.elf")
RED = UNITY.replace("test_two:PASS", "test_two:FAIL: Expected 1 Was 2").replace("0 Failures", "1 Failures").replace("OK", "FAIL")
CRASH = "a.c:1:test_one:PASS\r\nHardFault\r\nCFSR: 0x00000100\r\n"


class Bench:
    """Boards that say, at each reset, the next of what they are to say."""

    def __init__(self, hil):
        self.hil, self.boards = hil, []

    def board(self, name, *says, flash=None):
        says = list(says)
        board = PtyBoard(self.hil.home, name, lambda board: board.say(says.pop(0) if len(says) > 1 else says[0]))
        board.program = flash
        self.boards.append(board)
        return board

    def lab(self, **extra):
        path = lab_of(self.hil, *self.boards, recovery="{steps: []}", **extra)
        text = path.read_text()
        for board in self.boards:
            if board.program:
                text = text.replace(f"[cp, '{{file}}', '{board.flash}']", json.dumps(["sh", "-c", board.program]))
        path.write_text(text)
        return path

    def run(self, *args, **more):
        return self.hil("run", "--lab", self.lab(), *args, IMAGE, **more)


@pytest.fixture
def bench(hil):
    bench = Bench(hil)
    yield bench
    for board in bench.boards:
        board.close()


def events(run, kind):
    lines = (run.dir / "events.jsonl").read_text().splitlines()
    return [event for event in map(json.loads, lines) if event["kind"] == kind]


def dirs(run):
    return sorted(str(path.parent.relative_to(run.dir)) for path in run.dir.rglob("job.json"))


def replayed(hil, run):
    """Verdict and reports of the run once more, from its logs."""
    again = hil("replay", run.dir, "--json", "again.json", "--junit", "again.xml")
    strip = lambda text: text.replace(str(hil.home), "")
    assert strip((hil.home / "again.json").read_text()) == strip((run.dir / "report.json").read_text())
    assert (hil.home / "again.xml").read_bytes() == (run.dir / "junit.xml").read_bytes()
    return again


def test_a_flaky_test(hil, bench):
    bench.board("uno", RED, UNITY)
    run = bench.run("--retries", "2", "--annotations", "on")
    assert run.code == 0
    assert "again: selftest-unity, attempt 2 of 3, on the same board" in run.out
    assert "FLAKY  uno  test_two" in run.out and "failed in attempt 1 on uno: a.c:2: Expected 1 Was 2" in run.out
    assert "PASS  1 board, 2 tests, 1 flaky" in run.out
    assert "::warning file=a.c,line=2,title=flaky%3A test_two::failed in attempt 1 on uno" in run.out
    assert dirs(run) == ["uno", "uno@2"], "nothing of the first is lost"
    assert b"FAIL" in (run.dir / "uno/uart.log").read_bytes() and b"OK" in (run.dir / "uno@2/uart.log").read_bytes()
    board = run.board()
    assert (board["attempt"], board["flaky"], board["counts"]["flaky"]) == (2, True, 1)
    assert [(e["name"], e["verdict"], e["dir"]) for e in board["earlier"]] == [("uno", "fail", "uno")]
    case = run.cases()["test_two"]
    assert case["flaky"] is True and case["earlier"][0]["message"] == "Expected 1 Was 2"
    assert "flaky" not in run.cases()["test_one"]
    (flaky,) = run.junit.iter("flakyFailure")
    assert "Expected 1 Was 2" in flaky.get("message") and "a.c:2: Expected 1 Was 2" in flaky.find("stackTrace").text
    assert run.junit.get("failures") == "0" and run.junit.get("tests") == "2"
    assert "### Tried again" in (run.dir / "summary.md").read_text()
    assert ">flaky<" in (run.dir / "report.html").read_text()
    assert replayed(hil, run).code == 0


def test_outputs_of_a_step(hil, bench):
    bench.board("uno", RED, UNITY)
    output = hil.home / "output"
    bench.run("--retries", "1", env={"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(output)})
    lines = output.read_text().splitlines()
    assert lines[next(i for i, line in enumerate(lines) if line.startswith("flaky<<")) + 1] == "1"


def test_flaky_may_be_red(hil, bench):
    bench.board("uno", RED, UNITY)
    run = bench.run("--retries", "2", "--flaky", "fail")
    assert run.code == 1 and "what is flaky is to fail" in run.board()["reason"]
    assert dirs(run) == ["uno", "uno@2"], "that it passed is settled"
    assert run.board()["flaky"] is True and run.junit.get("failures") == "1"
    assert replayed(hil, run).code == 1


def test_what_fails_every_time_is_a_failure_and_shows_each(hil, bench):
    board = bench.board("uno", RED)
    run = bench.run("--retries", "2")
    assert run.code == 1 and board.resets == 3
    assert dirs(run) == ["uno", "uno@2", "uno@3"]
    assert len(list(run.junit.iter("rerunFailure"))) == 2 and len(list(run.junit.iter("failure"))) == 1
    assert "failed at attempt 3; attempt 1: fail on uno: 1 of 2 tests failed" in run.out
    assert run.board()["flaky"] is False
    assert replayed(hil, run).code == 1


def test_a_crash_at_first(hil, bench):
    bench.board("uno", CRASH, UNITY)
    run = bench.run("--retries", "1", "-t", "idle=300ms")
    assert run.code == 0 and run.board()["flaky"] is True
    assert "attempt 1: fail on uno" in run.out
    assert replayed(hil, run).code == 0


def test_silence_at_first_is_told_as_a_case_of_its_own(hil, bench):
    bench.board("uno", b"", UNITY)
    run = bench.run("--retries", "1", "-t", "boot=300ms")
    assert run.code == 0 and run.board()["flaky"] is True
    (whole,) = [case for case in run.junit.iter("testcase") if case.get("name") == "run"]
    assert "failed in attempt 1 on uno: " in whole.find("flakyFailure").get("message")
    assert whole.get("classname").startswith("uno.") and run.junit.get("failures") == "0"
    assert int(run.junit.get("tests")) == len(list(run.junit.iter("testcase"))) == 3


def test_without_retries_nothing_is_tried_again(hil, bench):
    board = bench.board("uno", RED, UNITY)
    run = bench.run()
    assert run.code == 1 and board.resets == 1 and "earlier" not in run.board()
    assert "retries" not in (run.dir / "uno/job.json").read_text()


def test_the_labs_fault_is_tried_on_another_board(hil, bench):
    begun = hil.home / "begun"
    bench.board("bad", UNITY, flash=f"touch {begun}; echo no probe; exit 1")
    bench.board("good", UNITY, flash=f"until [ -e {begun} ]; do sleep 0.01; done")
    run = bench.run("-b", "pty", "--repeat", "2", "--retries", "1")
    assert run.code == 0 and {b["name"] for b in run.report["boards"]} == {"good"}, run.out
    (again,) = [b for b in run.report["boards"] if "earlier" in b]
    assert (again["attempt"], again["flaky"]) == (2, False), "the firmware did nothing wrong"
    assert again["earlier"][0]["name"] == "bad" and "no probe" in again["earlier"][0]["reason"]
    assert events(run, "retry")[0]["text"] == "on another board"
    assert replayed(hil, run).code == 0


def test_the_labs_fault_on_the_only_board(hil, bench):
    count = hil.home / "count"
    bench.board("uno", UNITY, flash=f"echo x >> {count}; test $(wc -l < {count}) -gt 2")
    run = bench.run("--retries", "3")
    assert run.code == 0 and run.board()["attempt"] == 3
    assert events(run, "retry")[0]["text"] == "on the same board"


def test_a_board_that_stays_bad_is_infra(hil, bench):
    count = hil.home / "count"
    bench.board("uno", UNITY, flash=f"echo x >> {count}; exit 1")
    run = bench.run("--retries", "2")
    assert run.code == 3 and len(count.read_text().split()) == 3
    assert replayed(hil, run).code == 3


def test_a_failure_that_no_pass_refutes_stays_one(hil, bench):
    """It failed, and when it was tried again the lab did."""
    count = hil.home / "count"
    bench.board("uno", RED, flash=f"echo x >> {count}; test $(wc -l < {count}) -lt 2")
    run = bench.run("--retries", "1")
    assert run.code == 1 and "failed before (1 of 2 tests failed: test_two), and then the lab did" in run.board()["reason"]
    assert replayed(hil, run).code == 1


def test_a_test_that_is_skipped_the_second_time_has_not_passed(hil, bench):
    skipped = UNITY.replace("test_two:PASS", "test_two:IGNORE").replace("0 Ignored", "1 Ignored")
    bench.board("uno", RED, skipped)
    run = bench.run("--retries", "1")
    assert run.code == 1 and "test_two failed in an earlier attempt, and in none did it pass" in run.board()["reason"]
    assert replayed(hil, run).code == 1


def test_history_has_each_attempt(hil, bench):
    """Two that the lab broke and a good one: hil labels must know of all three."""
    count = hil.home / "count"
    bench.board("uno", UNITY, flash=f"echo x >> {count}; test $(wc -l < {count}) -gt 2")
    assert bench.run("--retries", "3").code == 0
    rows = sqlite3.connect(next((hil.home / "state").glob("*.db"))).execute("SELECT board, verdict FROM jobs ORDER BY id")
    assert rows.fetchall() == [("uno", "infra"), ("uno", "infra"), ("uno", "pass")]


def test_the_plan_says_it_per_test(hil, bench):
    bench.board("uno", RED, UNITY, RED, UNITY)
    hil.write("hil.yaml", f"tests:\n  - {{name: one, firmware: {IMAGE}, boards: [uno], retries: 1}}\n"
                          f"  - {{name: two, firmware: {IMAGE}, boards: [uno], retries: 1, flaky: fail}}\n")  # fmt: skip
    run = hil("run", "--lab", bench.lab(), "--plan", "hil.yaml")
    assert run.code == 1
    assert {b["test"]: b["verdict"] for b in run.report["boards"]} == {"one": "pass", "two": "fail"}
    assert dirs(run) == ["uno/one", "uno/one@2", "uno/two", "uno/two@2"]
    assert replayed(hil, run).code == 1


@pytest.mark.threads
def test_several_jobs_on_several_boards(hil, bench):
    """Twelve tests over three boards, each of which fails every other time."""
    for name in ("a", "b", "c"):
        bench.board(name, *[RED, UNITY] * 20)
    run = bench.run("-b", "pty", "--repeat", "12", "--retries", "3", "-q")
    assert run.code == 0, run.report["verdict"]
    assert {b.get("attempt", 1) for b in run.report["boards"]} <= {1, 2}
    assert all(b["earlier"][0]["name"] == b["name"] for b in run.report["boards"] if "earlier" in b)
    assert replayed(hil, run).code == 0


def test_a_cancel_is_not_tried_again(hil, bench):
    bench.board("uno", "a.c:1:test_one:PASS\r\n")
    process = hil.start("run", "--lab", bench.lab(), "--retries", "5", IMAGE)
    wait_until(lambda: (hil.out / "uno/uart.log").exists() and (hil.out / "uno/uart.log").stat().st_size, what="a byte")
    process.send_signal(signal.SIGTERM)
    run = hil.finish(process)
    assert run.code == 128 + signal.SIGTERM and dirs(run) == ["uno"] and run.seconds < 5


def test_killed_in_the_second_attempt(hil, bench):
    """What lies there is read as one job with two attempts."""
    board = bench.board("uno", RED, "a.c:1:test_one:PASS\r\n")
    process = hil.start("run", "--lab", bench.lab(), "--retries", "5", "-t", "idle=1m,total=2m", IMAGE)
    wait_until(lambda: board.resets == 2 and (hil.out / "uno@2/uart.log").exists()
               and (hil.out / "uno@2/uart.log").stat().st_size, what="the second attempt")  # fmt: skip
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    again = hil("replay", "--json", "-", hil.out)
    (job,) = json.loads(again.out)["boards"]
    assert (again.code, job["dir"], job["attempt"]) == (1, "uno@2", 2), "it failed before it was killed"


@pytest.mark.parametrize("args", [("--retries", "11"), ("--retries", "x"), ("--flaky", "maybe")])
def test_what_is_no_number_or_word(hil, bench, args):
    bench.board("uno", UNITY)
    assert bench.run(*args).code == 2
