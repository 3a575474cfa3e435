# SPDX-License-Identifier: MIT
"""Which image the board runs: build-id and nonce, on emulated boards and over every console."""
import json
import pathlib
import re
import shutil
import signal
import socket
import threading
import time

import pytest
from conftest import LAB, firmware, wait_until
from ptyboard import UNITY, PtyBoard, lab_of

CHIPS = ["stm32f405", "stm32f205", "stm32f100"]
OTHER = "0123456789abcdef0123456789abcdef01234567"
QUICK = ("--timeout", "boot=2s,idle=2s,total=10s")


def build_id(hil, image):
    return json.loads(hil("image", "--json", image).out)["build_id"]


def identity(result, index=0):
    return result.board(index)["identity"]


def properties(result):
    return {p.get("name"): p.get("value") for p in result.junit.iter("property")}


def replays(hil, run):
    """The run directory says the same again, byte for byte."""
    again = hil(
        "replay", "--junit", "again.xml", "--json", "again.json", "--summary", "again.md",
        "--html", "again.html", hil.out,
    )  # fmt: skip
    assert again.code == run.code, again.out + again.err
    for mine, theirs in [("xml", "junit.xml"), ("json", "report.json"), ("md", "summary.md")]:
        assert (hil.home / f"again.{mine}").read_bytes() == (hil.out / theirs).read_bytes(), theirs


# ---- the build-id --------------------------------------------------------------------------------


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("name", ["selftest-unity", "selftest-ztest", "selftest-tap"])
def test_right_build_id_in_every_dialect(hil, chip, name):
    image = firmware(f"{name}.elf", chip)
    run = hil.run("-b", chip, "--build-id", "auto", "--require-build-id", image)
    assert run.code == 0, run.out + run.err
    assert identity(run) == {
        "required": True, "build_id": "seen", "expected": build_id(hil, image), "printed": None,
        "nonce": "none", "ignored_results": 0,
    }  # fmt: skip
    assert len(run.cases()) == 34
    assert properties(run)["build_id_proof"] == "seen"
    assert "1 of 1 board proved to run the image" in (hil.out / "summary.md").read_text()
    assert "build-id was seen" in (hil.out / "report.html").read_text()
    replays(hil, run)


def test_without_the_option_nothing_is_asked(hil):
    run = hil.run("-b", "stm32f405", firmware("identity-nonce.elf"), timeout=30)
    assert run.code == 0 and "identity" not in run.board()
    assert run.cases()["test_nonce_came"]["result"] == "skip"  # it asked in vain, and went on


def test_another_build_id_is_infra_at_once(hil):
    run = hil.run("-b", "stm32f405", "--build-id", OTHER, firmware("bad-hang.elf"))
    assert run.code == 3, run.out + run.err
    mine = build_id(hil, firmware("bad-hang.elf"))
    assert f"the board runs build-id {mine}, the image is {OTHER}" in run.board()["reason"]
    assert identity(run)["build_id"] == "other" and identity(run)["printed"] == mine
    assert run.board()["capture"]["end"] == "other-image"
    assert not run.cases().keys() - {"run"}  # of the other image's results none
    assert run.board()["test_s"] < 2  # and not when its hang was over
    assert properties(run)["build_id_printed"] == mine
    replays(hil, run)


def test_a_flasher_that_only_says_it_flashed(hil):
    """The board's flash outlives a run; the second flasher does nothing, and claims success."""
    assert hil.run("-b", "virtual-f405", firmware("selftest-unity.elf")).code == 0
    text = LAB.read_text()
    lying = text.replace(
        "    qemu: {machine: netduinoplus2}    # short for its power, reset, flash and console\n",
        "    qemu: {machine: netduinoplus2}\n    flash: {cmd: {run: ['true']}}\n",
    )
    assert lying != text
    lab = hil.write("lab.yaml", lying)
    believed = hil.run("-b", "virtual-f405", firmware("bad-fail.elf"), lab=lab)
    assert believed.code == 0  # which is what the proof is for
    run = hil.run("-b", "virtual-f405", "--build-id", "auto", firmware("bad-fail.elf"), lab=lab)
    assert run.code == 3
    old, new = (build_id(hil, firmware(f"{n}.elf")) for n in ("selftest-unity", "bad-fail"))
    assert f"the board runs build-id {old}, the image is {new}" in run.board()["reason"]


def test_missing_build_id_is_a_note_and_required_a_fail(hil):
    image = firmware("identity-none.elf")
    run = hil.run("-b", "stm32f405", "--build-id", "auto", *QUICK, image, env={"GITHUB_ACTIONS": "true"})
    assert run.code == 0, run.out + run.err
    assert identity(run)["build_id"] == "absent" and len(run.cases()) == 2
    words = "the image's build-id was not seen"
    (notice,) = [line for line in run.out.splitlines() if line.startswith("::notice")]
    assert notice == "::notice title=passed without proof that the image ran::" + (
        f"{run.board()['name']} identity-none: {words}")
    assert f"note: {run.board()['name']}: {words}" in run.out
    assert words in (hil.out / "summary.md").read_text()
    assert "0 of 1 board proved" in (hil.out / "summary.md").read_text()
    assert words.replace("'", "&#39;") in (hil.out / "report.html").read_text() or (
        words in (hil.out / "report.html").read_text()
    )
    assert properties(run)["build_id_proof"] == "absent"
    replays(hil, run)
    run = hil.run("-b", "stm32f405", "--require-build-id", *QUICK, image)
    assert run.code == 1 and words in run.board()["reason"]
    assert len(run.cases()) >= 2  # they are shown, and count for nothing
    replays(hil, run)
    # A replay may be stricter than the run was.
    assert hil.run("-b", "stm32f405", *QUICK, image).code == 0
    assert hil("replay", hil.out).code == 0
    assert hil("replay", "--require-build-id", hil.out).code == 1


def test_results_before_the_build_id_do_not_count(hil):
    image = firmware("identity-late.elf")
    assert hil.run("-b", "stm32f405", *QUICK, image).code == 1  # a loader's test fails
    run = hil.run("-b", "stm32f405", "--build-id", "auto", "-v", *QUICK, image)
    assert run.code == 0, run.out + run.err
    assert {c["result"] for c in run.cases().values()} == {"pass"}
    assert identity(run)["ignored_results"] == 2
    assert run.log().count(b"test_passes:PASS") == 2  # the raw log has both
    assert "2 results before it do not count" in run.out
    events = [json.loads(line) for line in (hil.out / "events.jsonl").read_text().splitlines()]
    names = [e["kind"] for e in events if e["kind"] in ("case-end", "cases-dropped")]
    assert names == ["case-end"] * 2 + ["cases-dropped"] + ["case-end"] * 2
    assert [e["cases"] for e in events if e["kind"] == "cases-dropped"] == [2]
    assert "2 results before it do not count" in (hil.out / "summary.md").read_text()
    assert properties(run)["ignored_results"] == "2"
    replays(hil, run)


def test_image_without_a_build_id(hil):
    image = firmware("selftest-unity.hex")
    run = hil.run("-b", "stm32f405", "--build-id", "auto", image)
    assert run.code == 0 and identity(run)["build_id"] == "unknown"
    assert "no build-id that could be seen" in run.out
    replays(hil, run)
    run = hil.run("-b", "stm32f405", "--require-build-id", image)
    assert run.code == 2 and "--build-id HEX" in run.err and "selftest-unity.hex" in run.err
    known = build_id(hil, firmware("selftest-unity.elf"))
    run = hil.run("-b", "stm32f405", "--require-build-id", "--build-id", known.upper(), image)
    assert run.code == 0 and identity(run)["build_id"] == "seen"
    replays(hil, run)


@pytest.mark.parametrize("bad", ["", "xyz", "abc", "abcdef", "abcdef012", "a" * 66, "Auto"])
def test_what_is_no_build_id(hil, bad):
    run = hil.run("-b", "stm32f405", "--build-id", bad, firmware("selftest-unity.elf"))
    assert run.code == 2 and "--build-id" in run.err and "8 to 64" in run.err


def test_bare_logs(hil):
    log = hil.write("uart.log", f"hil: build-id {OTHER}\n" + UNITY)
    assert hil("replay", "--build-id", OTHER, "--require-build-id", log).code == 0
    assert hil("replay", "--build-id", "f" * 40, log).code == 3
    assert hil("replay", "--build-id", "auto", log).code == 2
    assert "names no image" in hil("replay", "--require-build-id", log).err


def test_in_a_plan(hil):
    text = """tests:
  - {{name: a, firmware: '{image}', boards: [stm32f405], {more}}}
"""
    image = firmware("identity-nonce.elf")
    plan = lambda more: hil.write("hil.yaml", text.format(image=image, more=more))
    run = hil.run("--plan", plan("build-id: auto, require-build-id: true, nonce: true"))
    assert run.code == 0, run.out + run.err
    assert identity(run)["build_id"] == identity(run)["nonce"] == "seen"
    run = hil.run("--plan", plan(f"build-id: {OTHER}"))
    assert run.code == 3
    run = hil.run("--plan", plan("build-id: 12"))
    assert run.code == 2 and "hil.yaml:2:" in run.err and "'build-id' must be auto" in run.err


# ---- the nonce -----------------------------------------------------------------------------------


@pytest.mark.parametrize("chip", CHIPS)
def test_nonce_is_echoed(hil, chip):
    image = firmware("identity-nonce.elf", chip)
    runs = []
    for _ in range(2):
        run = hil.run("-b", chip, "--nonce", "--require-build-id", "--build-id", "auto", image)
        assert run.code == 0, run.out + run.err
        assert identity(run)["nonce"] == identity(run)["build_id"] == "seen"
        assert run.cases()["test_nonce_came"]["result"] == "pass"
        job = json.loads(next(hil.out.rglob("job.json")).read_text())
        nonce = job["parse"]["nonce"]
        assert re.fullmatch("[0-9a-f]{32}", nonce)
        assert f"hil: nonce {nonce}\n".encode() in run.log()
        assert properties(run)["nonce_proof"] == "seen"
        replays(hil, run)
        runs.append(nonce)
    assert runs[0] != runs[1]


def test_nonce_that_is_never_asked_for(hil):
    image = firmware("selftest-unity.elf")
    run = hil.run("-b", "stm32f405", "--nonce", image)
    assert run.code == 0 and identity(run)["nonce"] == "absent"
    assert "the firmware never asked for the nonce" in run.out
    replays(hil, run)
    run = hil.run("-b", "stm32f405", "--nonce", "--require-build-id", image)
    assert run.code == 1 and "the nonce was not echoed" in run.board()["reason"]
    replays(hil, run)


def read_line(board):
    line = b""
    while not line.endswith(b"\n"):
        line += read_byte(board)
    return line.decode().strip()


def read_byte(board):
    import os
    import select

    assert select.select([board.master], [], [], 5)[0], "nothing was sent"
    return os.read(board.master, 1)


@pytest.fixture
def board(hil):
    player = PtyBoard(hil.home, "uno", lambda board: board.say(UNITY))
    yield player
    player.close()


def asks(say, receive, echo=lambda nonce: nonce):
    """Firmware that has old results in its buffer, asks, and echoes."""
    say("a.c:9:test_old:FAIL: of yesterday\r\n")
    say("hil: nonce?\r\n")
    nonce = receive()
    say(f"[0.001] hil: nonce {echo(nonce)}\r\n" + UNITY)


def test_nonce_over_a_serial_port(hil, board):
    board.script = lambda board: asks(board.say, lambda: read_line(board))
    run = hil.run("--nonce", "--require-build-id", *QUICK, firmware("selftest-unity.elf"),
                  lab=lab_of(hil, board))  # fmt: skip
    assert run.code == 0, run.out + run.err
    assert list(run.cases()) == ["test_one", "test_two"]
    assert identity(run)["ignored_results"] == 1
    replays(hil, run)


def test_wrong_echo_is_no_proof(hil, board):
    board.script = lambda board: asks(board.say, lambda: read_line(board), lambda n: n[:-1] + "x")
    args = ("--nonce", *QUICK, firmware("selftest-unity.elf"))
    run = hil.run(*args, lab=lab_of(hil, board))
    assert run.code == 1 and identity(run)["nonce"] == "other"  # test_old counts
    run = hil.run("--require-build-id", *args, lab=lab_of(hil, board))
    assert run.code == 1 and "the nonce was not echoed" in run.board()["reason"]
    replays(hil, run)


def stuffed(board):
    """XOFF: the adapter may send nothing, and then the firmware asks."""
    board.say(b"\x13")
    time.sleep(0.05)
    board.say("hil: nonce?\r\n")


def test_board_that_takes_no_bytes_is_infra_in_time(hil, board):
    board.script = stuffed
    lab = lab_of(hil, board)
    lab.write_text(lab.read_text().replace("baud: 115200", "baud: 115200, flow: xonxoff"))
    run = hil.run("--nonce", firmware("selftest-unity.elf"), lab=lab)
    assert run.code == 3 and "the board takes no bytes" in run.board()["reason"]
    assert 1.5 < run.seconds < 8
    replays(hil, run)


def test_a_write_is_cancelled(hil, board):
    board.script = stuffed
    lab = lab_of(hil, board)
    lab.write_text(lab.read_text().replace("baud: 115200", "baud: 115200, flow: xonxoff"))
    process = hil.start("run", "--lab", lab, "--nonce", firmware("selftest-unity.elf"))
    wait_until(lambda: any(b"nonce?" in p.read_bytes() for p in hil.out.rglob("uart.log")))
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    run = hil.finish(process)
    assert run.code == 130 and time.monotonic() - began < 1.5


class SocketBoard:
    """A board behind a socket: at each connection that sends no reset, it boots."""

    def __init__(self, server):
        self.server = server
        self.boot = threading.Event()
        self.thread = threading.Thread(target=self._live, daemon=True)
        self.thread.start()

    def _live(self):
        peer, _ = self.server.accept()
        self.boot.wait(20)
        file = peer.makefile("rw", newline="", encoding="ascii")

        def say(text):
            file.write(text)
            file.flush()

        asks(say, lambda: file.readline().strip())
        file.read()  # until hil hangs up


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_nonce_over_a_socket(hil, kind):
    if kind == "tcp":
        server = socket.create_server(("127.0.0.1", 0))
        console = f"tcp: {{host: 127.0.0.1, port: {server.getsockname()[1]}}}"
    else:
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(hil.home / "uart"))
        server.listen()
        console = f"unix: {{path: {hil.home / 'uart'}}}"
    board = SocketBoard(server)
    mark = hil.home / "reset"
    lab = hil.write(
        "lab.yaml",
        f"boards:\n  uno:\n    flash: {{cmd: {{run: ['true']}}}}\n"
        f"    reset: {{cmd: {{run: [touch, '{mark}']}}}}\n    console: {{{console}}}\n",
    )
    threading.Thread(
        target=lambda: (wait_until(mark.exists), board.boot.set()), daemon=True
    ).start()
    run = hil.run("--nonce", "--require-build-id", *QUICK, firmware("selftest-unity.elf"), lab=lab)
    assert run.code == 0, run.out + run.err
    assert identity(run)["nonce"] == "seen" and list(run.cases()) == ["test_one", "test_two"]
    replays(hil, run)
    server.close()


def test_nonce_over_a_pty_of_ours(hil):
    """console pty: hil makes the terminal, the simulator opens it."""
    player = hil.write(
        "sim.py",
        """import os, sys
fd = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)
def say(text): os.write(fd, text.encode())
say("hil: nonce?\\n")
line = b""
while not line.endswith(b"\\n"):
    line += os.read(fd, 1)
say("hil: nonce " + line.decode() + "a.c:1:one:PASS\\n\\n1 Tests 0 Failures 0 Ignored\\nOK\\n")
""",
    )
    lab = hil.write(
        "lab.yaml",
        "boards:\n  uno:\n    flash: {cmd: {run: ['true']}}\n"
        f"    reset: {{cmd: {{run: [{shutil.which('python3')}, {player}, {hil.home / 'tty'}]}}}}\n"
        f"    console: {{pty: {{path: {hil.home / 'tty'}}}}}\n",
    )
    run = hil.run("--nonce", "--require-build-id", *QUICK, firmware("selftest-unity.elf"), lab=lab)
    assert run.code == 0, run.out + run.err  # it was answered while the reset command still ran
    assert identity(run)["nonce"] == "seen"


# ---- what users copy -----------------------------------------------------------------------------


def test_the_header_is_short(hil):
    path = pathlib.Path(LAB).parent / "firmware" / "harness" / "hil_identity.h"
    assert len(path.read_text().splitlines()) < 60
