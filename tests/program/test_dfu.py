# SPDX-License-Identifier: MIT
"""hil run on a board that is flashed and started through its USB bootloader."""
import json
import os
import signal
import socket
import time

import pytest
from conftest import wait_until
from usblab import UsbLab, flash, state

UNITY = "test.c:1:test_one:PASS\ntest.c:2:test_two:PASS\n\n-----------------------\n2 Tests 0 Failures 0 Ignored \nOK\n"


class Board:
    """A bootloader at 1-1.3 whose firmware prints itself on a socket."""

    def __init__(self, hil, options=""):
        self.hil = hil
        self.state = hil.home / "state.json"
        console = hil.home / "uart"
        self.usb = UsbLab(
            hil, f"bootloader 1-1.3 serial=357B31563235 state={self.state} console={console} {options}"
        )
        hil.write(
            "lab.yaml",
            "boards:\n  f405:\n    labels: [stm32f405]\n    memory: [{at: 0x08000000, size: 1M}]\n"
            "    flash: {dfu: {path: 1-1.3, leave: false}}\n    reset: {dfu: {path: 1-1.3}}\n"
            f"    console: {{unix: {{path: {console}}}}}\n",
        )
        self.firmware = hil.home / "fw.bin"
        self.firmware.write_bytes(UNITY.encode() + b"\0" + os.urandom(60000))

    def run(self, *args, **more):
        return self.usb("run", "--at", "0x08000000", self.firmware, *args, **more)


def test_flashed_started_and_tested(hil):
    board = Board(hil, "erase=30 write=1")
    result = board.run()
    assert result.code == 0, result.out + result.err
    assert list(result.cases()) == ["test_one", "test_two"]  # what came out is what was flashed
    size = board.firmware.stat().st_size
    assert flash(board.state, size) == board.firmware.read_bytes()
    after = state(board.state)
    assert after["erases"] == 4 and after["bad_writes"] == 0 and after["early_polls"] == 0
    assert after["booted"]
    (log,) = hil.out.rglob("flash.log")
    assert "erased 4 sectors" in log.read_text() and "'@Internal Flash" in log.read_text()


def test_a_failing_firmware_is_a_fail(hil):
    board = Board(hil)
    text = UNITY.replace("two:PASS", "two:FAIL: no").replace("0 Failures", "1 Failures").replace("OK", "FAIL")
    board.firmware.write_bytes(text.encode() + b"\0")
    assert board.run().code == 1


def test_two_at_once_each_by_its_own_serial_number(hil):
    boards = "boards:\n"
    lines = []
    for port in (2, 3):
        console, counted = hil.home / f"uart{port}", hil.home / f"state{port}.json"
        lines.append(
            f"bootloader 1-1.{port} serial=S{port} erase=300 write=1 state={counted} console={console}"
        )
        boards += (
            f"  b{port}:\n    labels: [twin]\n    flash: {{dfu: {{serial: S{port}, leave: false}}}}\n"
            f"    reset: {{dfu: {{serial: S{port}}}}}\n    console: {{unix: {{path: {console}}}}}\n"
        )
    hil.write("lab.yaml", boards)
    firmware = hil.home / "fw.bin"
    firmware.write_bytes(UNITY.encode() + b"\0" + bytes(40000))
    result = UsbLab(hil, *lines)("run", "-b", "twin", "--all", "--at", "0x08000000", firmware)
    assert result.code == 0, result.out + result.err
    assert len(result.report["boards"]) == 2
    for port in (2, 3):
        assert state(hil.home / f"state{port}.json")["written"] > 40000
    events = [json.loads(line) for line in (hil.out / "events.jsonl").read_text().splitlines()]
    steps = [event["board"] for event in events if event.get("what") == "erase"]
    assert steps.index("b3") < len(steps) - 1 - steps[::-1].index("b2")  # not one after the other


@pytest.mark.parametrize(
    "options, words",
    [
        ("unplug=20000", ["flash dfu: 1-1.3: writing at 0x08004", "the device went away"]),
        ("protect", ["read protection is on (RDP)", "dfu-util -a 0 -s :unprotect:force"]),
        ("bad=5001", ["verify: 0x08001389 holds 0xff"]),
        ("held", ["another program has the device open"]),
    ],
)
def test_what_goes_wrong_is_the_labs_fault_and_told(hil, options, words):
    result = Board(hil, options).run()
    assert result.code == 3, result.out + result.err
    for word in words:
        assert word in result.board()["reason"]


def test_a_bootloader_that_falls_silent_ends_with_the_deadline(hil):
    result = Board(hil, "silent=20000").run("--timeout", "flash=1s")
    assert result.code == 3
    assert "does not answer" in result.board()["reason"]
    assert result.seconds < 10


def test_a_board_that_is_not_in_its_bootloader(hil):
    board = Board(hil)
    board.usb = UsbLab(hil, "device 1-1.3 id=0483:5740 serial=X if=02/02/01,ttyACM0")
    console = socket.socket(socket.AF_UNIX)
    console.bind(str(hil.home / "uart"))
    console.listen()
    result = board.run("--timeout", "flash=1s")
    assert result.code == 3
    assert "(0483:5740) at 1-1.3 is not in its bootloader" in result.board()["reason"]


def test_cancel_in_the_middle_of_an_erase(hil):
    board = Board(hil, "erase=60000")
    process = board.usb.start("run", "--at", "0x08000000", board.firmware)
    wait_until(lambda: list(hil.out.rglob("flash.log")) and b"DfuSe" in next(hil.out.rglob("flash.log")).read_bytes())
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    result = hil.finish(process)
    assert result.code == 130, result.err
    assert time.monotonic() - began < 5


def test_mistakes_in_the_lab_are_told_in_their_place(hil):
    hil.write("lab.yaml", "boards:\n  a:\n    flash: {dfu: {path: ttyACM0}}\n    reset: {dfu: {}}\n    console: {unix: {path: x}}\n")
    result = hil("boards")
    assert result.code == 2
    assert "lab.yaml:3:25: flash dfu: 'ttyACM0' is not a hub path" in result.err
    assert "lab.yaml:4:13: reset dfu: needs path or serial" in result.err


# ---- dfu-util and hil, each over what the other has written ----------------------------------


def test_dfu_util_agrees_on_what_was_written(hil):
    board = Board(hil, "")
    assert board.run().code == 0
    size = board.firmware.stat().st_size
    ours = flash(board.state, size)
    counted = state(board.state)
    done = board.usb.other("dfu-util", "-a", "0", "-s", "0x08000000:leave", "-D", board.firmware)
    assert done.returncode == 0, done.stderr
    assert flash(board.state, size) == ours
    theirs = state(board.state)
    # and verified, which dfu-util does not do, with fewer requests for the download
    assert counted["downloads"] < theirs["downloads"] * 0.6
    assert counted["uploads"] > 0 and theirs["uploads"] == 0


def test_the_emulator_is_as_strict_with_dfu_util(hil):
    usb = UsbLab(hil, "bootloader 1-1.3 serial=S protect")
    (hil.home / "x.bin").write_bytes(b"x" * 100)
    done = usb.other("dfu-util", "-a", "0", "-s", "0x08000000", "-D", "x.bin")
    assert done.returncode != 0
    assert "ERASE_PAGE not correctly executed" in done.stderr
