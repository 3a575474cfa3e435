# SPDX-License-Identifier: MIT
"""hil flash and hil run through an STM32's UART bootloader, and stm32flash beside it."""
import json
import os
import signal
import subprocess

import pytest
from conftest import wait_until
from ptyboard import UNITY
from stm32boot import BUSY, FLASH, KIB, PROTECTED, Stm32Boot


class Bench:
    """A lab with one board, and its firmware."""

    def __init__(self, hil):
        self.hil = hil
        self.chips = []
        self.firmware = hil.home / "fw.bin"
        self.data = UNITY.encode() + b"\0" + os.urandom(20000)
        self.firmware.write_bytes(self.data)

    def small(self):
        self.data = os.urandom(1024)
        self.firmware.write_bytes(self.data)

    def chip(self, chip=0x413, flash="", extra=None, **options):
        played = Stm32Boot(self.hil.home, "b", chip, **options)
        self.chips.append(played)
        self.hil.write("lab.yaml", "boards:\n" + played.yaml(flash, recovery="{steps: []}", **(extra or {})))
        return played

    def flash(self, *args):
        result = self.hil("flash", "--json", *args, "--at", hex(FLASH), f"b={self.firmware}")
        assert result.out, result.err
        self.seconds = result.seconds
        return json.loads(result.out)["boards"][0]

    def run(self, *args, **more):
        return self.hil("run", *args, "--at", hex(FLASH), self.firmware, **more)

    def log(self, chip):
        directory = self.hil.home / "out"
        self.flash("--out", directory)
        return (directory / chip.name / "flash.log").read_text()


@pytest.fixture
def bench(hil):
    made = Bench(hil)
    yield made
    for chip in made.chips:
        chip.close()


def good(outcome, wanted="flashed"):
    assert outcome["outcome"] == wanted, outcome
    return outcome


def failed(outcome):
    assert outcome["outcome"] == "failed", outcome
    return outcome["reason"]


# ---- what works ----------------------------------------------------------------------------------


def test_flashed_on_the_console_port_then_started_and_tested(bench):
    chip = bench.chip(flash=", chip: 0x413")
    result = bench.run()
    assert result.code == 0, result.out + result.err
    assert list(result.cases()) == ["test_one", "test_two"]  # what came out is what was flashed
    assert chip.holds(0, bench.data) and chip.bad_writes == 0
    assert chip.erased == [0, 1]
    assert chip.flash[32 * KIB :] == b"\x5a" * (len(chip.flash) - 32 * KIB)
    (log,) = bench.hil.out.rglob("flash.log")
    assert "chip 0x413 (STM32F405/407/415/417), bootloader 3.1\nerased 2 sectors, 32768 bytes" in log.read_text()
    events = [json.loads(line) for line in (bench.hil.out / "events.jsonl").read_text().splitlines()]
    steps = [e["what"] for e in events if e["kind"] == "progress" and e["bytes"] == e["total"]]
    assert steps == ["erase", "flash", "verify"]


def test_without_a_port_it_is_the_consoles(bench):
    chip = bench.chip()
    lab = bench.hil.home / "lab.yaml"
    lab.write_text(lab.read_text().replace(f"{{stm32-uart: {{port: {chip.tty}}}}}", "{stm32-uart: {}}"))
    assert bench.run().code == 0
    assert chip.holds(0, bench.data)


def test_lines_that_are_not_there_are_told(bench):
    bench.chip(flash=", enter: dtr-rts")
    assert "into its bootloader: " in (reason := failed(bench.flash())) and "has no modem lines" in reason


def test_a_failing_firmware_is_a_fail(bench):
    bench.chip()
    text = UNITY.replace("two:PASS", "two:FAIL: no").replace("0 Failures", "1 Failures").replace("OK", "FAIL")
    bench.firmware.write_bytes(text.encode() + b"\0")
    assert bench.run().code == 1


@pytest.mark.parametrize(
    "chip, erased",
    [(0x410, range(20)), (0x440, range(20)), (0x417, range(158)), (0x413, [0, 1])],
)
def test_pages_and_sectors_of_each_family(bench, chip, erased):
    played = bench.chip(chip)
    good(bench.flash("--no-reset"))
    assert played.holds(0, bench.data) and played.bad_writes == 0
    assert played.erased == list(erased)


def test_segments_in_the_middle_and_at_the_end_of_flash(bench):
    played = bench.chip()
    bench.firmware = bench.hil.home / "fw.srec"
    parts = {0x0800FFF0: b"a" * 32, 0x080FFFFD: b"end"}
    lines = []
    for at, data in parts.items():
        record = bytes([len(data) + 5]) + at.to_bytes(4, "big") + data
        lines.append("S3" + record.hex().upper() + f"{~sum(record) & 0xFF:02X}")
    bench.firmware.write_text("\n".join(lines) + "\nS70508000000F2\n")
    result = bench.hil("flash", "--json", "--no-reset", f"b={bench.firmware}")
    good(json.loads(result.out)["boards"][0])
    assert played.erased == [3, 4, 11]
    for at, data in parts.items():
        assert played.holds(at - FLASH, data)
    assert played.holds(0x80000, b"\x5a") and played.holds(0x10010, b"\xff")


def test_blank_blocks_are_not_sent(bench):
    played = bench.chip()
    bench.firmware.write_bytes(b"x" * 256 + b"\xff" * 10240 + b"y" * 256)
    good(bench.flash("--no-reset"))
    assert played.written == 512
    assert played.holds(0, bench.firmware.read_bytes())


def test_where_erased_means_zeroes_ones_are_written(bench):
    played = bench.chip(0x417)
    bench.firmware.write_bytes(b"x" * 256 + b"\xff" * 256 + b"\0" * 256 + b"y" * 256)
    good(bench.flash("--no-reset"))
    assert played.holds(0, bench.firmware.read_bytes()) and played.written == 768


def test_leave_starts_the_firmware(bench):
    played = bench.chip(flash=", leave: true")
    good(bench.flash("--no-reset"))
    assert played.went == FLASH


def test_busy_is_waited_for(bench):
    played = bench.chip(busy=3)
    good(bench.flash("--no-reset"))
    assert played.holds(0, bench.data)


def test_if_changed_compares_and_writes_nothing(bench):
    played = bench.chip()
    good(bench.flash("--no-reset", "--if-changed"))
    written = played.written
    good(bench.flash("--no-reset", "--if-changed"), "unchanged")  # also: a second host is understood
    assert played.written == written and played.erased == [0, 1]
    bench.firmware.write_bytes(bench.data[:-1] + bytes([bench.data[-1] ^ 1]))
    good(bench.flash("--no-reset", "--if-changed"))
    assert played.holds(0, bench.firmware.read_bytes()) and played.bad_writes == 0


def test_a_page_size_for_a_chip_that_hil_does_not_know(bench):
    played = bench.chip(0x999, flash=", page-size: 4K")
    good(bench.flash("--no-reset"))
    assert played.erased == [0, 1, 2, 3, 4] and played.holds(0, bench.data)


# ---- what is refused before anything is erased ---------------------------------------------------


@pytest.mark.parametrize(
    "options, flash, extra, words",
    [
        ({"chip": 0x410}, ", chip: 0x413", {},
         ["this chip is 0x410 (STM32F1 medium density), not the 0x413 that lab.yaml names; nothing was erased"]),
        ({"protected": [0x11]}, "", {}, ["the chip is read protected"]),  # which would be erased all the same
        ({"protected": PROTECTED}, "", {}, ["the chip is read protected", "stm32flash -k"]),
        ({"chip": 0x999}, "", {}, ["the sectors of chip 0x999 are not known", "page-size"]),
        ({"chip": 0x469}, "", {}, ["STM32G47x/48x", "option bytes", "page-size"]),
        ({}, "", {"memory": "[{at: 0x08000000, size: 24K}]"},
         ["the sector to be erased at 0x08004000-0x08007fff lies outside the memory of b"]),
    ],
)  # fmt: skip
def test_refused_before_anything_is_erased(bench, options, flash, extra, words):
    played = bench.chip(flash=flash, extra=extra, **options)
    for changed in ([], ["--if-changed"]):
        reason = failed(bench.flash(*changed))
        for word in words:
            assert word in reason, reason
    assert not played.erased and not played.written and played.resets == 0


def test_firmware_for_other_memory(bench):
    played = bench.chip()
    result = bench.hil("flash", "--json", "--at", "0x20000000", f"b={bench.firmware}")
    assert "0x20000000 cannot be written" in failed(json.loads(result.out)["boards"][0])
    assert not played.erased


def test_firmware_beyond_the_end_of_a_smaller_chip(bench):
    played = bench.chip(0x410)
    played.sectors = played.sectors[:64]
    del played.flash[64 * KIB :]
    bench.firmware.write_bytes(bytes(70000))
    assert "erasing at 0x08010000: the bootloader refuses to erase" in failed(bench.flash())


# ---- what goes wrong -----------------------------------------------------------------------------


def test_unplugged_in_the_middle_of_a_write(bench):
    bench.chip(unplug_after=4096)
    result = bench.run()
    assert result.code == 3, result.out + result.err
    reason = result.board()["reason"]
    assert "writing at 0x08000f00: the port went away; was its adapter unplugged?" in reason
    assert result.seconds < 5


def test_silence_in_the_middle_of_a_write(bench):
    played = bench.chip(silent_after=4096)
    reason = failed(bench.flash())
    assert "writing at 0x08000f00: the bootloader does not answer any more: reset the board" in reason
    assert bench.seconds < 10 and played.resets == 0


def test_silence_ends_with_the_deadline_of_the_step(bench):
    bench.chip(silent_after=4096)
    result = bench.run("--timeout", "flash=1s")
    assert result.code == 3
    assert "writing at 0x08000f00: the bootloader does not answer" in result.board()["reason"]
    assert result.seconds < 4


@pytest.mark.parametrize(
    "chatter, words",
    [
        (b"", ["no bootloader answers at 115200 baud: is BOOT0 high"]),
        (b"ready? yes\r\n", ["what answers is no bootloader; is the board running its firmware?"]),
    ],
)
def test_a_board_that_is_not_in_its_bootloader(bench, chatter, words):
    bench.chip(in_bootloader=False, chatter=chatter)
    reason = failed(bench.flash())
    for word in words:
        assert word in reason, reason
    assert bench.seconds < 10


def test_a_worn_out_cell_is_named(bench):
    bench.chip(bad_cell=0x1234)
    bench.firmware.write_bytes(b"\0" * 20000)
    assert "verify: 0x08001234 holds 0xff, and 0x00 was written" in failed(bench.flash())


def test_cancelled_in_the_middle_and_flashed_again(bench):
    played = bench.chip(wire=115200)
    process = bench.hil.start("flash", "--at", hex(FLASH), f"b={bench.firmware}")
    wait_until(lambda: played.written > 2048)
    process.send_signal(signal.SIGINT)
    assert bench.hil.finish(process).code == 130
    played.wire = 0
    good(bench.flash("--no-reset"))
    assert played.holds(0, bench.data)


HUNG = bytes([0x31, 0xCE, 8, 0, 0x40, 0, 0x48])  # WRITE MEMORY at 0x08004000


@pytest.mark.parametrize(
    "frame",
    [HUNG[:1], HUNG[:2], HUNG[:4], HUNG, HUNG + b"\xff" + b"x" * 100, b"\x11\xee"],
)
def test_a_bootloader_that_waits_for_the_rest_of_another_hosts_frame(bench, frame):
    played = bench.chip(hung_in=frame)
    bench.small()
    good(bench.flash("--no-reset"))
    assert played.holds(0, bench.data) and played.bad_writes == 0
    assert played.erased == [0] and played.written == len(bench.data)  # nothing came of the frame


# unit-board spoils each of them; these are a look at the whole.
# Status bytes: 0 sync, 1 and 2 GET, 3 and 4 GET ID, 5 to 7 READ, 8 and 9 erase, then 3 for each block written.
@pytest.mark.parametrize("number, instead", [(0, None), (2, 0x59), (5, 0x1F), (8, None), (9, 0x59), (12, None), (15, 0x59)])
def test_answers_that_the_line_spoils(bench, number, instead):
    played = bench.chip(answers={number: instead})
    bench.small()
    good(bench.flash("--no-reset"))
    assert played.holds(0, bench.data) and played.bad_writes == 0
    assert set(played.erased) == {0} and played.written == len(bench.data)


@pytest.mark.parametrize("number", [0, 5, 16, 200])
def test_bytes_that_the_line_loses(bench, number):
    played = bench.chip(lose=[number])
    bench.small()
    good(bench.flash("--no-reset"))
    assert played.holds(0, bench.data) and played.bad_writes == 0
    assert set(played.erased) == {0}


def test_what_was_read_wrongly_is_read_again_and_told_in_the_log(bench):
    played = bench.chip(garble_reads=[3, 10, 11])
    assert "tried again 3 times: is the line noisy?" in bench.log(played)
    assert played.holds(0, bench.data)


def test_a_line_that_is_nothing_but_noise(bench):
    bench.chip(answers=dict.fromkeys(range(20, 100000), 0x55))
    reason = failed(bench.flash())
    assert "writing at 0x08000" in reason and bench.seconds < 10


# ---- lab.yaml ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options, message",
    [
        ("{}", "lab.yaml:3:13: 'stm32-uart' needs either 'port' or 'usb-serial': the board has no serial console"),
        ("{port: /dev/a, enter: [dtr=2]}", "flash stm32-uart: enter: 'dtr=2': a line becomes 0 or 1"),
        ("{port: /dev/a, enter: dtr-rst}", "unknown pattern 'dtr-rst' (did you mean 'dtr-rts'?)"),
        ("{port: /dev/a, usb-serial: b}", "'port' or 'usb-serial', not both"),
        ("{port: /dev/a, page-size: 3000}", "a page is a power of two from 64 bytes to 256K"),
        ("{port: /dev/a, page-size: 0}", "a page is a power of two"),
        ("{port: /dev/a, chip: F405}", "'chip' must be a number from 1 to 4095, not 'F405'"),
    ],
)
def test_mistakes_in_the_lab_are_told_in_their_place(hil, options, message):
    hil.write("lab.yaml", f"boards:\n  a:\n    flash: {{stm32-uart: {options}}}\n    console: {{unix: {{path: x}}}}\n")
    result = hil("boards")
    assert result.code == 2
    assert message in result.err


def test_a_port_that_is_not_there(bench):
    bench.hil.write(
        "lab.yaml",
        f"boards:\n  b:\n    flash: {{stm32-uart: {{port: {bench.hil.home}/tty}}}}\n"
        "    console: {unix: {path: x}}\n    reset: {cmd: {run: [true]}}\n",
    )
    assert "is the board plugged in" in failed(bench.flash("--timeout", "flash=1s"))


# ---- stm32flash holds the emulator to its word ---------------------------------------------------


def stm32flash(chip, *args):
    return subprocess.run(
        ["stm32flash", "-m", "8n1", "-b", "115200", *map(str, args), chip.tty],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize("kind", [0x410, 0x440])
def test_stm32flash_agrees_on_what_was_written(bench, kind):
    played = bench.chip(kind)
    span = f"{FLASH:#x}:{len(bench.data)}"
    done = stm32flash(played, "-v", "-w", bench.firmware, "-S", span)
    assert done.returncode == 0 and "(100.00%)" in done.stdout, done.stdout + done.stderr
    assert played.holds(0, bench.data) and played.bad_writes == 0
    theirs = list(played.erased)
    good(bench.flash("--no-reset", "--if-changed"), "unchanged")
    good(bench.flash("--no-reset"))
    assert played.erased[len(theirs) :] == theirs
    copy = bench.hil.home / "copy"
    assert stm32flash(played, "-r", copy, "-S", span).returncode == 0
    assert copy.read_bytes() == bench.data


def test_the_emulator_is_as_strict_with_stm32flash(bench):
    played = bench.chip(0x410, protected=PROTECTED)
    assert stm32flash(played, "-w", bench.firmware).returncode != 0
    assert not played.erased
    assert stm32flash(played, "-k").returncode == 0  # what hil tells to do
    assert not played.protected
    good(bench.flash("--no-reset"))


def test_busy_comes_before_an_answer(bench):
    """BUSY alone is no answer: an erase that stays busy ends."""
    bench.chip(answers=dict.fromkeys(range(9, 100000), BUSY))
    reason = failed(bench.flash())
    assert "erasing at 0x08000000" in reason and bench.seconds < 15
