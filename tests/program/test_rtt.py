# SPDX-License-Identifier: MIT
"""hil run and hil console over SEGGER RTT: a real OpenOCD on a chip that this process plays."""
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest
from conftest import firmware, wait_until
from jtagchip import RAM, RAM_SIZE, JtagChip
from ptyboard import UNITY

IMAGE = firmware("selftest-unity.elf")
pytestmark = pytest.mark.skipif(not shutil.which("openocd"), reason="needs OpenOCD")


class Bench:
    def __init__(self, hil):
        self.hil = hil
        self.chip = JtagChip(hil.home, "b", lambda chip: UNITY.encode(), answer=lambda heard: b"<" + heard + b">\r\n")
        self.lab()

    def lab(self, console=None, flash="{cmd: {run: [cp, '{file}', /dev/null]}}", reset=None):
        probe = self.chip.yaml()
        console = console or f"{{openocd: {probe}, at: {RAM:#x}, size: {RAM_SIZE}}}"
        lines = [
            "boards:", "  b:", "    labels: [rtt]", f"    flash: {flash}",
            f"    reset: {reset or f'{{openocd: {probe}}}'}", f"    console: {{rtt: {console}}}",
            "    recovery: {steps: []}",
        ]  # fmt: skip
        self.hil.write("lab.yaml", "\n".join(lines) + "\n")

    def run(self, *args, **more):
        return self.hil("run", "--timeout", "boot=20s,idle=20s,total=40s", *args, IMAGE, **more)


@pytest.fixture
def bench(hil):
    made = Bench(hil)
    yield made
    made.chip.close()


@pytest.mark.threads
def test_read_through_openocd_and_reset_through_the_same(bench):
    result = bench.run()
    assert result.code == 0, result.out + result.err
    assert list(result.cases()) == ["test_one", "test_two"]
    assert result.log().endswith(UNITY.encode())  # the ring buffer has 64 bytes: it went round several times
    assert bench.chip.chip.resets == 1 and bench.chip.connections == 1
    (log,) = bench.hil.out.rglob("rtt.log")
    assert "hil: the control block is found" in log.read_text()


def test_what_an_earlier_firmware_left_is_not_read(bench):
    bench.chip.chip.set_up(RAM + 0x20)  # found before the one at 0x100
    result = bench.run()
    assert result.code == 0, result.out + result.err
    assert list(result.cases()) == ["test_one", "test_two"]


def test_reading_goes_on_after_a_power_cycle(bench):
    """Not through OpenOCD, which sees a chip that does not answer for a while."""
    fifo = bench.hil.home / "fifo"
    os.mkfifo(fifo)
    bench.hil.write("r", "r")
    bench.lab(reset=f"{{cmd: {{run: [dd, 'if={bench.hil.home}/r', 'of={fifo}', status=none]}}}}")
    chip = bench.chip.chip
    chip.script = lambda chip: b""
    chip.restart()

    def switch():
        with open(fifo, "rb") as order:
            order.read(1)
        chip.power_off()
        time.sleep(0.6)  # longer than it takes OpenOCD to notice
        chip.script = lambda chip: UNITY.encode()
        chip.power_on()

    threading.Thread(target=switch, daemon=True).start()
    result = bench.run()
    assert result.code == 0, result.out + result.err
    assert list(result.cases()) == ["test_one", "test_two"]


def test_the_probe_is_free_while_the_board_is_flashed(bench):
    probe = bench.chip.dir
    flash = [
        "openocd", "-f", f"{probe}/probe.cfg", "-f", f"{probe}/chip.cfg", "-c",
        "gdb_port disabled; tcl_port disabled; telnet_port disabled; init; mww 0x20000000 0x600D; shutdown",
    ]  # fmt: skip
    bench.lab(flash=f"{{cmd: {{run: {json.dumps(flash)}}}}}")
    result = bench.run()
    assert result.code == 0, result.out + result.err
    assert bench.chip.chip.word(RAM) == 0x600D and bench.chip.connections == 2


def test_a_person_talks_to_the_firmware(bench):
    process = bench.hil.start("console", "--reset", "--until", "<ping", "--for", "30s", stdin=subprocess.PIPE)
    process.stdin.write(b"ping\n")
    process.stdin.flush()
    result = bench.hil.finish(process)
    assert result.code == 0, result.out + result.err
    assert "2 Tests 0 Failures" in result.out


def test_a_chip_that_does_not_answer_is_told_with_openocds_words(bench):
    bench.chip.close()
    os.unlink(bench.chip.path)
    result = bench.run()
    assert result.code == 3
    assert "console rtt: openocd: " in result.board()["reason"], result.board()["reason"]
    assert "rtt.log" in result.board()["reason"] or "Error" in result.board()["reason"]


def test_no_openocd_outlives_a_hil_that_is_killed(bench):
    process = bench.hil.start("console", "--for", "60s")
    wait_until(lambda: bench.chip.connections, 30, "OpenOCD's connection")
    process.send_signal(signal.SIGKILL)
    process.communicate()  # the fixture looks for what is left


class Server:
    """An RTT server such as J-Link's: a banner, then what the firmware says."""

    def __init__(self, text):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.text, self.heard = text, b""
        self.wire = None
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        self.wire, _ = self.socket.accept()
        self.wire.sendall(b"SEGGER J-Link V7.94 - Real time terminal output\r\n")
        while data := self.wire.recv(1000):
            self.heard += data

    def say(self):
        self.wire.sendall(self.text)


def test_a_server_that_runs_already(bench, hil):
    server = Server(UNITY.encode())
    fifo = hil.home / "fifo"
    os.mkfifo(fifo)
    hil.write("r", "r")
    bench.lab(
        console=f"{{server: 'localhost:{server.port}', channel: 2}}",
        reset=f"{{cmd: {{run: [dd, 'if={hil.home}/r', 'of={fifo}', status=none]}}}}",
    )

    def board():
        with open(fifo, "rb") as reset:
            reset.read(1)
        server.say()

    threading.Thread(target=board, daemon=True).start()
    result = bench.run()
    assert result.code == 0, result.out + result.err
    assert server.heard == b"$$SEGGER_TELNET_ConfigStr=RTTCh;2$$"
    assert result.log().startswith(b"SEGGER J-Link")  # before the reset: kept, never parsed
    assert list(result.cases()) == ["test_one", "test_two"]


@pytest.mark.parametrize(
    "console, words",
    [
        ("{}", "needs either 'openocd' or 'server'"),
        ("{server: 'a:1', openocd: {interface: stlink, target: stm32f4x}}", "not both"),
        ("{server: nowhere}", "nowhere"),
        ("{openocd: {interface: stlink, target: stm32f4x}}", "needs at and size"),
        ("{openocd: {target: stm32f4x}, at: 0x20000000, size: 64K}", "'interface'"),
        ("{openocd: {interface: stlink, target: x}, at: 0xFFFFFFFF, size: 64K}", "ends beyond 4 GiB"),
        ("{openocd: {interface: stlink, target: x}, at: 0, size: 1, id: 12345678901234567}", "1 to 16 characters"),
    ],
)
def test_mistakes_in_lab_yaml(bench, console, words):
    bench.lab(console=console)
    result = bench.hil("boards")
    assert result.code == 2 and words in result.err, result.err
