# SPDX-License-Identifier: MIT
"""hil run on a board behind a serial port: the lab's own faults, and bytes that come in pieces."""
import json
import os
import shutil
import subprocess
import threading
import time

import pytest
from conftest import firmware
from ptyboard import UNITY, PtyBoard, lab_of

IMAGE = firmware("selftest-unity.elf")
QUICK = ("--timeout", "boot=500ms,idle=500ms,total=5s")


@pytest.fixture
def board(hil):
    player = PtyBoard(hil.home, "uno", lambda board: board.say(UNITY))
    yield player
    player.close()


def test_serial_board_passes(hil, board):
    result = hil.run(IMAGE, lab=lab_of(hil, board))
    assert result.code == 0, result.out + result.err
    assert list(result.cases()) == ["test_one", "test_two"]
    assert board.flash.read_bytes() == IMAGE.read_bytes()


def test_output_from_before_the_reset_never_counts(hil, board):
    board.say(UNITY)  # an earlier image, still in the kernel's buffer
    board.script = lambda board: board.say("booting\r\n")
    result = hil.run(IMAGE, *QUICK, lab=lab_of(hil, board))
    assert result.code == 1
    assert result.cases().keys() <= {"run"}
    log = result.log()
    assert log.startswith(UNITY.encode()) and log.endswith(b"booting\r\n")


def test_a_tty_that_goes_with_the_reset_and_comes_back(hil):
    """A board's own USB port: under another name, which the link follows."""
    link = hil.home / "tty"

    def script(board):
        board.unplug()
        board.plug()
        link.unlink()
        link.symlink_to(board.tty)
        board.say(UNITY)

    board = PtyBoard(hil.home, "uno", script)
    link.symlink_to(board.tty)
    lab = lab_of(hil, board)
    lab.write_text(lab.read_text().replace(board.tty, str(link)))
    try:
        result = hil.run(IMAGE, lab=lab)
        assert result.code == 0, result.out + result.err
        assert list(result.cases()) == ["test_one", "test_two"]
        assert "the console vanished at the reset, and is back" in (hil.out / "events.jsonl").read_text()
    finally:
        board.close()


def test_bytes_one_by_one(hil, board):
    def drip(board):
        for byte in UNITY.encode():
            board.say(bytes([byte]))

    board.script = drip
    assert hil.run(IMAGE, lab=lab_of(hil, board)).code == 0


def test_longest_first_once_times_are_known(hil, board):
    slow, quick = (hil.home / name for name in ("b-slow.elf", "a-quick.elf"))
    for path, tail in ((slow, b"slow"), (quick, b"quick")):
        path.write_bytes(IMAGE.read_bytes() + tail)  # bytes behind an ELF's end are nobody's

    def script(board):
        if board.flash.read_bytes().endswith(b"slow"):
            time.sleep(0.3)  # what the firmware takes
        board.say(UNITY)

    board.script = script
    lab = lab_of(hil, board)
    orders = []
    for _ in range(2):
        result = hil.run(quick, slow, lab=lab)
        assert result.code == 0, result.out + result.err
        jobs = [json.loads(path.read_text()) for path in hil.out.rglob("job.json")]
        orders.append([job["test"] for job in sorted(jobs, key=lambda job: job["started_unix_us"])])
    assert orders == [["a-quick", "b-slow"], ["b-slow", "a-quick"]]


def test_console_that_vanishes_is_infra(hil, board):
    def script(board):
        board.say(UNITY[:30])
        board.unplug()

    board.script = script
    result = hil.run(IMAGE, lab=lab_of(hil, board))
    assert result.code == 3
    assert "console" in result.board()["reason"]


def flood(lines):
    return b"".join(b"line %06d of a board that never pauses\r\n" % i for i in range(lines))


def test_boards_that_never_pause_lose_nothing(hil):
    boards = [PtyBoard(hil.home, f"b{i}", lambda board: board.say(flood(5000) + UNITY.encode())) for i in range(3)]
    try:
        result = hil.run("--all", "-b", "pty", IMAGE, lab=lab_of(hil, *boards))
        assert result.code == 0, result.out + result.err
        for board in boards:
            assert (hil.out / board.name / "uart.log").read_bytes() == flood(5000) + UNITY.encode()
    finally:
        for board in boards:
            board.close()


def test_console_that_vanishes_in_a_flood_is_infra(hil, board):
    def script(board):
        board.say(flood(5000))
        board.unplug()

    board.script = script
    result = hil.run(IMAGE, lab=lab_of(hil, board))
    assert result.code == 3
    assert "vanished" in result.report["boards"][0]["reason"]
    assert flood(5000).startswith(result.log()) and len(result.log()) > 100_000  # the kernel drops what it still holds


def test_console_that_is_not_there_is_infra(hil):
    lab = hil.write(
        "lab.yaml",
        "boards:\n  uno:\n    flash: {cmd: {run: ['true']}}\n    reset: {cmd: {run: ['true']}}\n"
        "    console: {serial: {path: /dev/ttyNOWHERE}}\n",
    )
    result = hil.run(IMAGE, lab=lab)
    assert result.code == 3 and "/dev/ttyNOWHERE" in result.board()["reason"]


@pytest.mark.parametrize(
    "argv,words",
    [
        ("[sh, -c, 'echo no device found >&2; exit 7']", ["exit 7", "no device found"]),
        ("[no-such-flasher]", ["no-such-flasher"]),
        ("[sh, -c, 'kill -SEGV $$']", ["SIGSEGV|signal 11"]),
    ],
)
def test_failed_flash_is_infra_with_the_tools_words(hil, board, argv, words):
    lab = lab_of(hil, board)
    text = lab.read_text().replace(f"[cp, '{{file}}', '{board.flash}']", argv)
    lab.write_text(text)
    result = hil.run(IMAGE, lab=lab)
    assert result.code == 3
    for word in words:
        assert any(part in result.board()["reason"] for part in word.split("|"))
    assert board.resets == 0


def test_flash_that_hangs_is_ended_at_its_deadline(hil, board):
    lab = lab_of(hil, board)
    lab.write_text(lab.read_text().replace(f"[cp, '{{file}}', '{board.flash}']", "[sleep, '600']"))
    result = hil.run(IMAGE, "--timeout", "flash=300ms", lab=lab)
    assert result.code == 3 and result.seconds < 10
    assert "timed out" in result.board()["reason"]


def test_file_names_never_become_options(hil, board):
    hostile = hil.home / "--help;touch owned $(id).elf"
    shutil.copy(IMAGE, hostile)
    result = hil("run", "--lab", lab_of(hil, board), "--", hostile.name)
    assert result.code == 0, result.out + result.err
    assert board.flash.read_bytes() == IMAGE.read_bytes()
    assert not (hil.home / "owned").exists()


def test_power_commands_run_in_order_and_rest(hil, board):
    trace = hil.home / "trace"
    lab = lab_of(
        hil,
        board,
        power=f"{{cmd: {{on: [sh, -c, 'echo on >> {trace}'], off: [sh, -c, 'echo off >> {trace}']}}}}",
    )
    assert hil.run(IMAGE, lab=lab).code == 0
    assert trace.read_text().split() == ["on", "off"]


def test_killed_run_still_switches_the_board_off(hil, board):
    trace = hil.home / "trace"
    started = threading.Event()
    board.script = lambda board: (board.say("hello\r\n"), started.set())
    lab = lab_of(
        hil,
        board,
        power=f"{{cmd: {{on: [sh, -c, 'echo on >> {trace}'], off: [sh, -c, 'echo off >> {trace}']}}}}",
    )
    process = hil.start("run", "--lab", lab, IMAGE)
    assert started.wait(20)
    process.kill()
    hil.finish(process)
    from conftest import processes_in, wait_until

    wait_until(lambda: trace.read_text().split() == ["on", "off"], what="the guardian's off")
    wait_until(lambda: not processes_in(hil.home), what="an empty house")


def test_regex_format(hil, board):
    board.script = lambda board: board.say("[ok] alpha\r\n[no] beta: too hot\r\n[..] gamma\r\nbye\r\n")
    patterns = (
        "--pass", r"^\[ok\] (?<name>\w+)",
        "--fail", r"^\[no\] (?<name>\w+): (?<message>.*)",
        "--skip", r"^\[\.\.\] (?<name>\w+)",
        "--end", "^bye",
    )
    result = hil.run(IMAGE, *patterns, lab=lab_of(hil, board))
    assert result.code == 1
    cases = result.cases()
    assert {name: case["result"] for name, case in cases.items()} == {
        "alpha": "pass",
        "beta": "fail",
        "gamma": "skip",
    }
    assert cases["beta"]["message"] == "too hot"


def test_patterns_of_the_board(hil, board):
    board.script = lambda board: board.say("[ok] alpha\r\nbye\r\n")
    lab = lab_of(hil, board, format="{regex: {pass: '^\\[ok\\] (?<name>\\w+)', end: '^bye'}}")
    result = hil.run(IMAGE, lab=lab)
    assert result.code == 0 and list(result.cases()) == ["alpha"]


def test_disk_that_fills_up_is_infra_and_keeps_what_was_written(hil, board):
    if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"]).returncode:
        pytest.skip("mounting a small disk needs root and a mount namespace")
    board.script = lambda board: [board.say(b"x" * 1000 + b"\r\n") for _ in range(2000)]
    lab = lab_of(hil, board)
    from conftest import HIL

    small = hil.home / "small"
    small.mkdir()
    kept = hil.home / "kept"
    script = f"mount -t tmpfs -o size=256k tmpfs {small}; '{HIL}' run --lab {lab} -o {small}/out '{IMAGE}'; code=$?; cp -r {small}/out {kept}; exit $code"
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script], cwd=hil.home, env=hil.env, capture_output=True, timeout=60
    )
    text = (done.stdout + done.stderr).decode()
    assert done.returncode == 3, text
    assert "No space left on device" in text
    assert (kept / "uno/uart.log").stat().st_size > 100_000
