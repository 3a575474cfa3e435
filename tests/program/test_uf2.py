# SPDX-License-Identifier: MIT
"""hil flash and hil run onto the drive of a UF2 bootloader."""
import json
import os

import pytest
from ptyboard import UNITY, PtyBoard
from uf2drive import Uf2Drive, can_loop, uf2

FLASH = 0x10000000
NRF = 0xADA52840


class Bench:
    def __init__(self, hil):
        self.hil = hil
        self.firmware = hil.home / "fw.bin"
        self.data = UNITY.encode() + b"\0" + os.urandom(150000)
        self.firmware.write_bytes(self.data)
        self.drives = []
        self.uart = PtyBoard(hil.home, "b", lambda board: None)

    def board(self, options="", memory="", **more):
        drive = Uf2Drive(self.hil.home, started=self.start, **more)
        self.drives.append(drive)
        flash = f"{{uf2: {{mount: '{drive.dir}'{options}}}}}"
        extra = {"memory": memory} if memory else {}
        self.lab(flash, **extra)
        return drive

    def lab(self, flash, **extra):
        text = self.uart.yaml(recovery="{steps: []}", **extra)
        lines = [f"    flash: {flash}" if line.startswith("    flash:") else line for line in text.splitlines()]
        self.hil.write("lab.yaml", "boards:\n" + "\n".join(lines) + "\n")

    def start(self, drive):
        """The firmware, from now on: what it has as text at its beginning."""
        text = bytes(drive.memory[FLASH + i] for i in range(len(UNITY))) if FLASH in drive.memory else b""
        self.uart.script = lambda board: board.say(text)

    def flash(self, *args, at=True):
        at = ("--at", hex(FLASH)) if at else ()
        result = self.hil("flash", "--json", "--no-reset", *args, *at, f"b={self.firmware}")
        assert result.out, result.err
        return json.loads(result.out)["boards"][0]

    def close(self):
        for drive in self.drives:
            drive.close()
        self.uart.close()


@pytest.fixture
def bench(hil):
    made = Bench(hil)
    yield made
    made.close()


def good(outcome, wanted="flashed"):
    assert outcome["outcome"] == wanted, outcome
    return outcome


def failed(outcome):
    assert outcome["outcome"] == "failed", outcome
    return outcome["reason"]


KINDS = [False, pytest.param(True, marks=pytest.mark.skipif(not can_loop(), reason="loop devices need root"))]


@pytest.mark.parametrize("block_device", KINDS)
def test_written_restarted_and_tested(bench, block_device):
    drive = bench.board(block_device=block_device)
    result = bench.hil("run", "--at", hex(FLASH), bench.firmware)
    assert result.code == 0, result.out + result.err
    assert list(result.cases()) == ["test_one", "test_two"]  # what came out is what was flashed
    assert drive.holds(FLASH, bench.data) and drive.restarts == 1
    (log,) = bench.hil.out.rglob("flash.log")
    assert "Board-ID RPI-RP2; firmware for family rp2040 (0xe48bff56)" in log.read_text()
    assert "the bootloader has started it" in log.read_text()


def test_a_uf2_file_is_written_as_it_came(bench):
    drive = bench.board()
    bench.firmware = bench.hil.home / "fw.uf2"
    bench.firmware.write_bytes(uf2(bench.data, FLASH))
    shown = bench.hil("image", bench.firmware)
    assert "family    rp2040 (0xe48bff56)" in shown.out, shown.err
    good(bench.flash(at=False))
    assert drive.holds(FLASH, bench.data)


def test_a_chip_that_does_not_take_it_is_told_before_anything_is_written(bench):
    drive = bench.board(options=", family: nrf52840")
    assert "a RPI-RP2 does not take family nrf52840 (0xada52840)" in failed(bench.flash())
    assert not (drive.dir / "FIRMWARE.UF2").exists() and not drive.memory


def test_another_board_is_never_written(bench):
    drive = bench.board(options=", board-id: nRF52840-Feather-revD")
    assert "is the drive of a RPI-RP2 (Raspberry Pi RP2), and lab.yaml says" in failed(bench.flash())
    assert not (drive.dir / "FIRMWARE.UF2").exists()


def test_a_board_nobody_knows_wants_a_family(bench):
    info = "UF2 Bootloader v1\nModel: Thing\nBoard-ID: Thing-9\n"
    drive = bench.board(info=info, family=0x1234)
    assert "give the board `family:`" in failed(bench.flash())
    bench.lab(f"{{uf2: {{mount: '{drive.dir}', family: 0x1234}}}}")
    good(bench.flash())
    assert drive.holds(FLASH, bench.data)


def test_padding_outside_the_boards_memory_is_refused(bench):
    bench.data = b"x" * 300
    bench.firmware.write_bytes(bench.data)
    bench.board(memory="[{at: 0x10000000, size: 300}]")
    assert "with its padding 0x10000000-0x100001ff lies outside the memory of b" in failed(bench.flash())


def test_a_bootloader_that_stays_has_not_started_anything(bench):
    drive = bench.board(family=NRF)  # it ignores blocks that are not for it
    assert "has not started the firmware; is that for this chip? (RPI-RP2)" in failed(bench.flash("--timeout", "flash=500ms"))
    assert drive.restarts == 0


def test_if_changed_reads_what_the_bootloader_shows(bench):
    drive = bench.board(current=uf2(bench.data, FLASH))
    good(bench.flash("--if-changed"), "unchanged")
    assert not drive.memory
    bench.firmware.write_bytes(bench.data[:-1] + b"!")
    good(bench.flash("--if-changed"))


def test_a_drive_that_is_not_there_is_named(bench):
    drive = bench.board(present=False)
    reason = failed(bench.flash("--timeout", "flash=300ms"))
    assert "the bootloader's drive did not come" in reason and str(drive.dir) in reason and "enter: touch" in reason


def test_mistakes_in_lab_yaml(bench):
    for flash, words in (
        ("{uf2: {}}", "needs path, serial, mount or board-id"),
        ("{uf2: {mount: drive}}", "'drive' is not an absolute path"),
        ("{uf2: {mount: /m, path: 1-1}}", "either mount, or path and serial"),
        ("{uf2: {path: usb1}}", "'usb1' is not a hub path"),
        ("{uf2: {path: 1-1, family: rp1}}", "'rp1' is no family"),
    ):
        bench.lab(flash)
        result = bench.hil("boards")
        assert result.code == 2 and words in result.err, result.err
