# SPDX-License-Identifier: MIT
"""One board in hand: hil console, power, reset."""
import os
import pty
import re
import select
import signal
import subprocess
import termios
import time

import pytest
from conftest import HIL, LAB, firmware, processes_in, wait_until
from ptyboard import PtyBoard, lab_of


def echo(board):
    """Firmware that greets, and then repeats in upper case what it is told."""
    board.say("ready\r\n")
    while not board.closing:
        if select.select([board.master], [], [], 0.05)[0]:
            board.say(os.read(board.master, 100).upper())


@pytest.fixture
def uno(hil):
    board = PtyBoard(hil.home, "uno", echo)
    board.switch = hil.home / "switch"
    board.switch.write_text("off\n")
    argv = lambda state: f"[sh, -c, 'echo {state} >> {board.switch}']"
    board.power = (
        f"{{cmd: {{on: {argv('on')}, off: {argv('off')}, "
        f"status: [sh, -c, 'test $(tail -n 1 {board.switch}) = on']}}}}"
    )
    board.lab = lab_of(hil, board, power=board.power)
    yield board
    board.close()


def person(hil, *args):
    """hil with both ends of its conversation on a terminal."""
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    process = subprocess.Popen(
        [HIL, *map(str, args)], cwd=hil.home, env={**hil.env, "TERM": "xterm"}, stdin=slave, stdout=slave,
        stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    return process, master, slave, before


def see(master, seen, text):
    def look():
        while select.select([master], [], [], 0.02)[0]:
            seen.extend(os.read(master, 4096))
        return text in seen

    wait_until(look, what=f"{text!r} on the terminal")


def test_a_conversation(hil, uno):
    process, master, slave, before = person(hil, "console", "uno", "--reset", "--log", "console.log")
    seen = bytearray()
    see(master, seen, b"ready")
    assert not termios.tcgetattr(slave)[3] & (termios.ICANON | termios.ISIG)
    os.write(master, b"hello \x03")  # Ctrl-C is the board's
    see(master, seen, b"HELLO \x03")
    os.write(master, b"\x01t\x01aback\n")
    see(master, seen, b"\x01BACK")
    see(master, seen, b"times on")
    os.write(master, b"\x01?")
    see(master, seen, b"r reset, p power cycle")
    os.write(master, b"\x01x")
    assert process.wait(10) == 0
    assert termios.tcgetattr(slave) == before
    assert (hil.home / "console.log").read_bytes().startswith(b"ready\r\nHELLO \x03")
    assert uno.switch.read_text().split() == ["off", "on", "off"]  # at rest again


def test_reset_key(hil, uno):
    process, master, *_ = person(hil, "console", "uno", "--reset")
    seen = bytearray()
    see(master, seen, b"ready")
    uno.closing = True  # the firmware ends, to be started by the reset
    wait_until(lambda: uno.resets == 1, what="the first reset")
    os.write(master, b"\x01r")
    wait_until(lambda: uno.resets == 2, what="the second reset")
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 143


@pytest.mark.parametrize("number,code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_puts_terminal_and_board_back(hil, uno, number, code):
    process, master, slave, before = person(hil, "console", "uno", "--reset")
    see(master, bytearray(), b"ready")
    process.send_signal(number)
    assert process.wait(10) == code
    assert termios.tcgetattr(slave) == before
    assert uno.switch.read_text().split()[-1] == "off"


def test_in_a_script(hil, uno):
    run = hil("console", "uno", "--until", "VERSION", "--for", "20s", "--reset", stdin=pipe_of(b"version\n"))
    assert run.code == 0 and "ready" in run.out and run.seconds < 15
    run = hil("console", "uno", "--until", "never said", "--for", "300ms", "--reset")
    assert run.code == 1 and 0.25 < run.seconds < 10


def pipe_of(data):
    end, begin = os.pipe()
    os.write(begin, data)
    os.close(begin)
    return end


def test_times(hil):
    hang = hil.run("-b", "virtual-f405", "-t", "idle=200ms", firmware("bad-hang.elf"))
    assert hang.code == 1  # but its flash keeps the firmware
    run = hil("console", "virtual-f405", "--lab", LAB, "--times", "--until", "frame_is_sent:PASS", "--for", "20s")
    assert run.code == 0
    lines = run.out.splitlines()
    assert len(lines) == 5 and lines[4].endswith("test_frame_is_sent:PASS")
    assert all(re.match(r"\[\d\d:\d\d:\d\d\.\d{3}\] \S", line) for line in lines)


def test_an_emulator_without_firmware(hil):
    process = hil.start("console", "virtual-f100", "--lab", LAB, "--for", "30s")
    seen = bytearray()
    while b"locked up" not in seen:
        piece = os.read(process.stdout.fileno(), 4096)
        assert piece, seen
        seen += piece
    assert b"[hil: the core locked up" in seen
    process.send_signal(signal.SIGINT)
    assert hil.finish(process).code == 128 + signal.SIGINT


def test_nobody_else_may_use_it_meanwhile(hil, uno):
    process, master, *_ = person(hil, "console", "uno", "--reset")
    see(master, bytearray(), b"ready")
    for verb in (["console"], ["reset"], ["power", "uno", "off"]):
        run = hil(verb[0], *(verb[1:] or ["uno"]), "--wait", "0")
        assert run.code == 3 and "hil console --reset uno" in run.err, verb
    os.write(master, b"\x01x")
    assert process.wait(10) == 0


def test_killed_in_the_middle(hil, uno):
    process, master, *_ = person(hil, "console", "uno", "--reset")
    see(master, bytearray(), b"ready")
    process.kill()
    process.wait()
    wait_until(lambda: uno.switch.read_text().split()[-1] == "off", what="the resting state")
    wait_until(lambda: not processes_in(hil.home), what="the end of the guardian")
    assert hil("reset", "uno", "--wait", "5s").code == 0


def test_power(hil, uno):
    assert hil("power", "uno", "status").out == "off\n"
    assert hil("power", "uno", "on").code == 0
    assert hil("power", "uno", "status").out == "on\n"
    began = time.monotonic()
    assert hil("power", "uno", "cycle", "--off-time", "150ms").code == 0
    assert time.monotonic() - began >= 0.15
    assert uno.switch.read_text().split() == ["off", "on", "off", "on"]
    assert hil("power", "off").code == 0  # the lab's only board
    assert hil("power", "uno", "status").out == "off\n"


def test_reset(hil, uno):
    assert hil("reset", "uno").code == 0
    wait_until(lambda: uno.resets == 1, what="the reset")
    assert uno.switch.read_text() == "off\n"


def test_mistakes(hil, uno):
    for args, code, text in [
        (["power", "uno"], 2, "'uno' is none of on, off, cycle, status"),
        (["power"], 2, "name a board, and one of"),
        (["power", "due", "on"], 2, "no board is called 'due'"),
        (["console", "uno", "due"], 2, "only one board"),
        (["console", "--lab", LAB], 2, "which board? there are: virtual-f405, "),
        (["console", "uno", "--until", ""], 2, "every line holds nothing"),
        (["console", "uno", "--log", "/no/such/log"], 3, "--log /no/such/log"),
        (["reset", "virtual-f405", "--lab", LAB], 2, "try: hil console virtual-f405"),
        (["power", "virtual-f405", "on", "--lab", LAB], 2, "is emulated"),
    ]:
        run = hil(*args)
        assert run.code == code and text in run.err, (args, run.err)


def test_a_switch_that_fails_keeps_its_log(hil, uno):
    lab = lab_of(hil, uno, power="{cmd: {on: [sh, -c, 'echo no such hub; exit 4'], off: [true]}}")
    run = hil("power", "uno", "on", "--lab", lab, env={"TMPDIR": str(hil.home)})
    assert run.code == 3 and "no such hub" in run.err
    kept = re.search(r"what the tool printed: (\S+)", run.err)[1]
    assert "no such hub" in open(f"{kept}/power.log").read()
    run = hil("power", "uno", "status", "--lab", lab)
    assert run.code == 2 and "has no `status`" in run.err


def test_keys_are_heard_while_the_console_is_away(hil):
    """An emulated board without firmware locks up at once, and the terminal is raw."""
    process, master, slave, before = person(hil, "console", "--lab", LAB, "virtual-f205")
    seen = bytearray()
    try:
        see(master, seen, b"the console has gone")
        os.write(master, b"\x01?")
        see(master, seen, b"Ctrl-A x leave")
        os.write(master, b"\x01x")
        assert process.wait(10) == 0
        assert termios.tcgetattr(slave) == before
    finally:
        process.kill()
        process.wait()
        os.close(master)
        os.close(slave)
