# SPDX-License-Identifier: MIT
"""hil console while a run holds the board: looking on, and then one's turn."""
import os
import threading

import pytest
from conftest import firmware, wait_until
from ptyboard import UNITY, PtyBoard, lab_of
from test_desk import person, see

IMAGE = firmware("selftest-unity.elf")
HALF = len("a.c:1:test_one:PASS\r\n")


@pytest.fixture
def uno(hil):
    """A board that stops in the middle of each test until it is told to go on."""
    go = threading.Semaphore(0)

    def script(board):
        board.say(UNITY[:HALF])
        if not go.acquire(timeout=30):
            return
        board.say(UNITY[HALF:])

    board = PtyBoard(hil.home, "uno", script)
    board.go = go
    lab_of(hil, board)
    yield board
    go.release(9)
    board.close()


def reached(hil, run, count=1):
    """So many tests have begun to talk."""

    def begun():
        assert run.poll() is None, run.communicate()
        return sum(b"test_one" in log.read_bytes() for log in hil.out.rglob("uart.log")) >= count

    wait_until(begun, 30, "the run's log")


class Onlooker:
    """hil console --view, read as it comes."""

    def __init__(self, hil, *args):
        self.process = hil.start("console", "uno", "--view", *args)
        self.seen = b""

    def sees(self, text):
        while text not in self.seen:
            data = os.read(self.process.stdout.fileno(), 4096)
            assert data, (self.seen, self.process.stderr.read())
            self.seen += data

    def ends(self, code=0):
        out, err = self.process.communicate(timeout=30)
        self.seen += out
        assert self.process.returncode == code, (self.seen, err)


def test_looking_on_to_the_end_of_the_run(hil, uno):
    run = hil.start("run", "-t", "idle=60s,total=90s", IMAGE)
    reached(hil, run)
    onlooker = Onlooker(hil)
    onlooker.sees(b"a.c:1:test_one:PASS\r\n")  # what came before we did
    assert onlooker.seen.startswith(b"[hil: uno is held by ") and b"hil run -t" in onlooker.seen
    uno.go.release()
    onlooker.sees(b"2 Tests 0 Failures")
    onlooker.ends()
    assert onlooker.seen.endswith(b"[hil: the run has let go of the board]\n")
    assert hil.finish(run).code == 0  # nobody was disturbed


def test_every_test_and_attempt_of_the_run(hil, uno):
    other = hil.home / "other.elf"
    other.write_bytes(IMAGE.read_bytes())
    run = hil.start("run", "-t", "idle=60s,total=90s", IMAGE, other)
    reached(hil, run)
    onlooker = Onlooker(hil, "--log", "seen.log")
    onlooker.sees(b"test_one:PASS")
    uno.go.release()
    reached(hil, run, 2)
    onlooker.sees(b"OK\r\n[hil: uno/")
    uno.go.release()
    onlooker.ends()
    assert hil.finish(run).code == 0
    assert (hil.home / "seen.log").read_bytes() == 2 * UNITY.encode()  # bytes, and nothing of hil's


def test_leaving_early(hil, uno):
    run = hil.start("run", "-t", "idle=60s,total=90s", IMAGE)
    reached(hil, run)
    Onlooker(hil, "--until", "test_one").ends(0)
    Onlooker(hil, "--until", "never said", "--for", "100ms").ends(1)
    uno.go.release()
    assert hil.finish(run).code == 0


@pytest.mark.threads
def test_then_it_is_ones_turn(hil, uno):
    run = hil.start("run", "-t", "idle=60s,total=90s", IMAGE)
    reached(hil, run)
    process, master, _, _ = person(hil, "console", "uno")
    seen = bytearray()
    see(master, seen, b"test_one:PASS")
    uno.go.release()
    see(master, seen, b"Ctrl-A x leaves")
    assert b"is held by" in seen and b"2 Tests 0 Failures" in seen
    assert hil.finish(run).code == 0
    uno.say("here I am\r\n")
    see(master, seen, b"here I am")
    os.write(master, b"\x01x")
    assert process.wait(10) == 0


def test_nothing_to_be_seen(hil, uno):
    result = hil("console", "uno", "--view")
    assert result.code == 3 and "nobody holds uno: there is nothing to be seen" in result.err
    process, master, _, _ = person(hil, "console", "uno")
    see(master, bytearray(), b"Ctrl-A x leaves")
    result = hil("console", "uno", "--view")
    assert result.code == 3 and "who runs no test" in result.err and "hil console uno" in result.err
    os.write(master, b"\x01x")
    assert process.wait(10) == 0
    assert hil("console", "uno", "--view", "--reset").code == 2
    assert hil("console", "uno", "--view", "--wait", "1s").code == 2
    assert hil("console", "due", "--view").code == 2
