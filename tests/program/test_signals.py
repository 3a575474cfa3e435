# SPDX-License-Identifier: MIT
"""A run that is cancelled or killed: boards at rest, nothing left running, reports on disk."""
import json
import random
import signal
import time
import xml.etree.ElementTree as ET

import pytest
from conftest import LAB, firmware, processes_in, wait_until

pytestmark = pytest.mark.threads


@pytest.mark.parametrize("number,code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_cancel_in_the_middle_of_a_test(hil, number, code):
    process = hil.start(
        "run", "--lab", LAB, "-b", "stm32f405", "--all", "--timeout", "idle=60s",
        firmware("bad-hang.elf"),
    )
    logs = lambda: [path for path in hil.out.rglob("uart.log") if b":PASS\n" in path.read_bytes()]
    wait_until(lambda: len(logs()) == 2, what="a test that passed, from both boards")
    began = time.monotonic()
    process.send_signal(number)
    result = hil.finish(process)
    assert time.monotonic() - began < 3
    assert result.code == code
    assert not processes_in(hil.home)
    report = result.report
    assert [board["verdict"] for board in report["boards"]] == ["infra", "infra"]
    assert all("cancelled" in board["reason"] for board in report["boards"])
    # What had passed before is in the report, too.
    assert any(case["result"] == "pass" for case in result.cases().values())
    assert int(ET.parse(hil.out / "junit.xml").getroot().get("errors")) > 0


def test_cancel_of_boards_that_never_pause(hil):
    process = hil.start(
        "run", "--lab", LAB, "-b", "stm32f405", "--all", "--timeout", "total=60s", firmware("bad-babble.elf"),
    )
    long = lambda: [path for path in hil.out.rglob("uart.log") if path.stat().st_size > 200_000]
    wait_until(lambda: len(long()) == 2, what="much output of both boards")
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert hil.finish(process).code == 143
    assert time.monotonic() - began < 3
    assert not processes_in(hil.home)


def test_cancel_while_waiting_for_a_board(hil):
    holder = hil.start(
        "run", "--lab", LAB, "-b", "virtual-f405", "-o", "holder", "--timeout", "idle=60s",
        firmware("bad-hang.elf"),
    )
    log = hil.home / "holder/virtual-f405/uart.log"
    wait_until(lambda: log.exists() and log.stat().st_size, what="the holder's output")
    waiter = hil.start("run", "--lab", LAB, "-b", "virtual-f405", firmware("selftest-unity.elf"))
    boards = lambda: json.loads(hil("boards", "--lab", LAB, "--json").out)["boards"]
    wait_until(lambda: any(board["waiting"] for board in boards()), what="the ticket")
    began = time.monotonic()
    waiter.send_signal(signal.SIGINT)
    assert hil.finish(waiter).code == 130
    assert time.monotonic() - began < 3
    holder.send_signal(signal.SIGINT)
    assert hil.finish(holder).code == 130


def test_killed_at_random_moments(hil):
    """SIGKILL anywhere between exec and exit; then nothing runs, and the next run just works."""
    seed = 20240607
    moments = random.Random(seed)
    image = firmware("selftest-unity.elf")
    whole = hil.run("-b", "virtual-f405", image).seconds
    for _ in range(10):
        process = hil.start("run", "--lab", LAB, "-b", "virtual-f405", image)
        time.sleep(moments.uniform(0, whole))  # the moment itself, not a wait for anything
        process.send_signal(signal.SIGKILL)
        hil.finish(process)
        wait_until(lambda: not processes_in(hil.home), seconds=3, what="an empty house")
    result = hil.run("-b", "virtual-f405", "--wait", "5s", image)
    assert result.code == 0, result.out + result.err


def test_a_flasher_that_ignores_sigterm_is_ended(hil):
    lab = hil.write(
        "lab.yaml",
        """lab: bench
boards:
  stubborn:
    flash: {cmd: {run: [sh, -c, "trap '' TERM; echo started; while :; do sleep 1; done"]}}
    reset: {cmd: {run: ["true"]}}
    console: {pty: {path: console}}
""",
    )
    process = hil.start("run", "--lab", lab, firmware("selftest-unity.elf"))
    log = hil.out / "stubborn/flash.log"
    wait_until(lambda: log.exists() and b"started" in log.read_bytes(), what="the flasher")
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert hil.finish(process).code == 130
    assert time.monotonic() - began < 3
    wait_until(lambda: not processes_in(hil.home), seconds=1, what="an empty house")


def test_a_reader_that_stops_reading_holds_up_nothing(hil):
    """Deadlines hold, the board comes free, the reports are written, and a cancel ends it."""
    process = hil.start("run", "--lab", LAB, "-b", "virtual-f405", "-vvv", "--timeout", "total=2s", firmware("bad-babble.elf"))
    wait_until(lambda: (hil.out / "report.json").exists(), seconds=20, what="the reports")
    shown = json.loads(hil("boards", "--lab", LAB, "--json").out)["boards"]
    assert not any(board["held"] for board in shown)
    assert process.poll() is None, "the rest is shown once somebody reads"
    process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    process.wait(10)
    assert time.monotonic() - began < 3


def test_what_nobody_read_in_time_is_counted(hil):
    process = hil.start("run", "--lab", LAB, "-b", "virtual-f405", "-vvv", "--timeout", "total=4s", firmware("bad-babble.elf"))
    wait_until(lambda: (hil.out / "report.json").exists(), seconds=20, what="the reports")
    result = hil.finish(process)
    assert result.code == 1
    lines = result.out.splitlines()
    assert lines[-1].startswith("FAIL") and any("lines are left out: nobody read them" in line for line in lines)
