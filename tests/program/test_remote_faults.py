# SPDX-License-Identifier: MIT
"""Links to servers that fail, in every phase of a run: the lab's fault, said at once, with nothing lost or left behind.

HIL_FAULT_TABLE=FILE adds what each of them came to: phase, fault, verdict, message, seconds, what was kept.
"""
import os
import signal
import socket
import subprocess
import sys
import time

import pytest
from conftest import HIL, firmware, wait_until
from sshlab import SSHD, pi1, servers  # noqa: F401, pi1 and servers are fixtures
from test_remote import HANG, events, held, in_state, run, there

pytestmark = pytest.mark.skipif(not SSHD, reason="no sshd: scripts/install-deps test")

BIG = 900_000  # bytes, which take their time to be sent and to be flashed


class Link:
    """The way to a server, through linkproxy.py."""

    def __init__(self, hil, server):
        self.directory = hil.home / f"link-{server.name}"
        self.directory.mkdir()
        proxy = os.path.join(os.path.dirname(__file__), "linkproxy.py")
        with open(hil.home / "ssh_config", "a") as config:
            config.write(f"Match host {server.address} exec \"test %p = {server.port}\"\n")
            config.write(f"  ProxyCommand {sys.executable} {proxy} %h %p {self.directory}\n")

    def first(self, line):
        (self.directory / "first").write_text(line + "\n")

    def next(self, line):
        (self.directory / "next").write_text(line + "\n")

    def now(self, line):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as order:
            for proxy in self.proxies():
                try:
                    order.sendto(line.encode(), str(proxy))
                except (ConnectionRefusedError, FileNotFoundError):
                    pass  # of a connection that is over

    def proxies(self):
        """A socket for each connection that there was."""
        return [path for path in self.directory.iterdir() if path.name.isdigit()]

    def mend(self):
        (self.directory / "first").unlink(missing_ok=True)


@pytest.fixture
def link(hil, pi1):
    return Link(hil, pi1)


def make_big(hil, name):
    """An image that is a program with much behind it."""
    path = hil.home / "big.bin"
    subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", firmware(name), path], check=True)
    path.write_bytes(path.read_bytes().ljust(4096, b"\xff") + os.urandom(BIG))
    return path


@pytest.fixture
def big(hil):
    """It hangs, so that no fault comes too late."""
    return make_big(hil, "bad-hang.elf")


def kill(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


# It says three cases when it is reset, and stays on while there is the file `hold`.
SLOW_TO_REST = """\
boards:
  board-a:
    labels: [x]
    power: {{cmd: {{on: ['true'], off: [sh, -c, 'while test -e {at}/hold; do sleep 0.02; done']}}}}
    flash: {{cmd: {{run: ['true', '{{file}}']}}}}
    reset: {{cmd: {{run: [sh, -c, 'cat {at}/says > {at}/uart']}}}}
    console: {{pty: {{path: {at}/uart}}}}
"""
SAYS = "".join(f"a.c:{i}:test_{i}:PASS\n" for i in (1, 2, 3)) + "-----------------------\n3 Tests 0 Failures 0 Ignored\nOK\n"


class SlowToRest:
    """A server's board in the end of its run, for as long as that is wanted."""

    def __init__(self, server):
        self.lab, self.hold = server.home / "lab.yaml", server.home / "hold"
        self.before = self.lab.read_text()
        (server.home / "says").write_text(SAYS)
        self.hold.touch()
        self.lab.write_text(SLOW_TO_REST.format(at=server.home))

    def mend(self):
        self.hold.unlink()
        self.lab.write_text(self.before)


def ended_cases(hil):
    return [event["name"] for event in events(hil) if event["kind"] == "case-end"]


def big_run(big):
    return ("--at", "0x08000000", big)


# Phase: what is run, and when it has come to that.
PHASES = {
    "connect": (lambda big: [firmware("one.elf")], None),
    "login": (lambda big: [firmware("one.elf")], None),
    "image": (big_run, None),
    "flash": (big_run, lambda hil: in_state(hil, "flash")),
    "test": (lambda big: [firmware("bad-hang.elf")], lambda hil: len(ended_cases(hil)) == 3),
    "end": (lambda big: [firmware("one.elf")], lambda hil: in_state(hil, "rest")),
}
BYTES = {"connect": 0, "login": 2500, "image": 300_000}

FAULTS = [
    *((phase, fault) for phase in PHASES for fault in ("reset", "stall") if phase + fault != "loginstall"),
    *((phase, fault) for phase in ("flash", "test") for fault in ("close", "sshd", "agent")),
    ("end", "close"),
]


def break_it(fault, link, server):
    if fault == "sshd":
        kill(server.sessions())
    elif fault == "agent":
        kill(server.agents())
    else:
        link.now(fault)


def write_row(*cells):
    if "HIL_FAULT_TABLE" in os.environ:
        with open(os.environ["HIL_FAULT_TABLE"], "a") as table:
            table.write("| " + " | ".join(map(str, cells)) + " |\n")


@pytest.mark.parametrize("phase, fault", FAULTS)
def test_a_link_that_fails_is_the_labs_fault_and_costs_nothing_else(hil, pi1, servers, link, big, phase, fault):
    firmware_of, reached = PHASES[phase]
    lab = servers.lab("{board-a: {server: pi1, labels: [x]}}")
    if reached is None:
        link.first(fault if phase == "connect" else f"after {BYTES[phase]} {fault}")
    slow = SlowToRest(pi1) if phase == "end" else None
    process = hil.start("run", "--lab", lab, *HANG, *firmware_of(big))
    if reached is not None:
        wait_until(lambda: reached(hil), seconds=30, what=phase)
        break_it(fault, link, pi1)
    if slow:
        slow.mend()
    broken = time.monotonic()
    result = hil.finish(process)
    seconds = time.monotonic() - broken
    assert result.code == 3, result.out + result.err
    reason = result.board()["reason"]
    assert reason.startswith("server pi1: "), reason
    assert seconds < (5 if fault != "stall" else 45), f"{seconds:.1f} s until {reason}"
    wait_until(lambda: not held(hil, pi1), what="a board that is free")
    freed = time.monotonic() - broken
    wait_until(lambda: not pi1.agents(), what="no agent that stays")
    told, kept = ended_cases(hil), result.cases()
    assert [name for name in told if name not in kept] == [], "a case that was told of is in the report"
    if phase in ("test", "end"):
        assert len(told) >= 3 and result.log(), "what the board said is kept"
        assert hil("replay", hil.out).code == 3
    write_row(phase, fault, result.board()["verdict"], reason, f"{seconds:.1f}", f"{freed:.1f}", len(kept))
    link.mend()
    assert run(hil, lab, firmware("one.elf")).code == 0, "the next run just works"


def warnings(hil):
    return [event["text"] for event in events(hil) if event["kind"] == "warning"]


def check_passed(hil, server, result):
    """As if nothing had been, but for one warning."""
    assert result.code == 0, result.out + result.err
    (warning,) = warnings(hil)
    assert warning.startswith("server pi1: ") and f"warning: {warning}" in result.out, result.out
    assert len([event for event in events(hil) if event.get("state") == "flash"]) == 1, "nothing is done twice"
    wait_until(lambda: not held(hil, server), seconds=15, what="a board that is free")
    wait_until(lambda: not server.agents(), seconds=15, what="no agent that stays")


@pytest.mark.parametrize(
    "phase, fault", [("connect", "reset"), ("login", "reset"), ("login", "stall"), ("image", "reset"), ("image", "stall")]
)
def test_a_fault_that_goes_away_before_the_board_is_had_is_a_warning(hil, pi1, servers, link, phase, fault):
    lab = servers.lab("{board-a: {server: pi1, labels: [x]}}")
    link.next(fault if phase == "connect" else f"after {BYTES[phase]} {fault}")
    words = [firmware("one.elf")] if phase != "image" else big_run(make_big(hil, "one.elf"))
    result = run(hil, lab, *words)
    check_passed(hil, pi1, result)
    assert len(link.proxies()) == 2
    write_row(phase, f"{fault}, once", "pass", warnings(hil)[0], f"{result.seconds:.1f}", "", len(result.cases()))


@pytest.fixture
def holder(hil, pi1):
    with there(hil, pi1, firmware("bad-hang.elf")) as process:
        yield process


@pytest.mark.parametrize("fault, more", [("reset", ["--detach"]), ("stall", ["--detach"]), ("sshd", []), ("agent", [])])
def test_a_link_that_breaks_in_the_queue_is_made_anew(hil, pi1, servers, link, holder, fault, more):
    """And the run that had stood there is the one that has given up."""
    lab = servers.lab("{board-a: {server: pi1, labels: [x]}}")
    process = hil.start("run", "--lab", lab, *more, firmware("one.elf"))
    wait_until(lambda: in_state(hil, "waiting"), what="a run in the queue")
    break_it(fault, link, pi1)
    broken = time.monotonic()
    wait_until(lambda: len(link.proxies()) == 2, seconds=15, what="a second connection")
    holder.send_signal(signal.SIGTERM)
    result = hil.finish(process)
    check_passed(hil, pi1, result)
    assert time.monotonic() - broken < (10 if fault != "stall" else 30)
    assert not list(hil.out.rglob("detached.json")) and not list((pi1.home / "state").glob("agent/kept/*"))
    write_row("queue", f"{fault}, once", "pass", warnings(hil)[0], f"{result.seconds:.1f}", "", len(result.cases()))


def test_who_comes_back_to_a_queue_waits_for_the_rest_of_the_time(hil, pi1, servers, link, holder):
    lab = servers.lab("{board-a: {server: pi1, labels: [x]}}")
    process = hil.start("run", "--lab", lab, "--wait", "12s", firmware("one.elf"))
    wait_until(lambda: in_state(hil, "waiting"), what="a run in the queue")
    link.now("stall")
    result = hil.finish(process)
    assert result.code == 3 and result.seconds < 18, "10 s until that was noticed, and 2 s more"
    assert len(link.proxies()) == 2 and "board-a" in result.board()["reason"], result.board()["reason"]


@pytest.mark.parametrize("phase", ["image", "flash", "test", "end"])
def test_hil_killed_in_any_phase_leaves_nothing_there(hil, pi1, servers, link, big, phase):
    firmware_of, reached = PHASES[phase]
    lab = servers.lab("from pi1")
    slow = SlowToRest(pi1) if phase == "end" else None
    if phase == "image":
        link.first("throttle 200000")
    process = hil.start("run", "--lab", lab, "-b", "pi1/board-a", *HANG, *firmware_of(big))
    wait_until(pi1.agents if phase == "image" else lambda: reached(hil), seconds=30, what=phase)
    process.kill()
    hil.finish(process)
    if slow:
        slow.mend()
    wait_until(lambda: not held(hil, pi1), what="a board that is free")
    wait_until(lambda: not pi1.agents(), what="no agent that stays")
    link.mend()
    assert run(hil, lab, "-b", "pi1/board-a", firmware("one.elf")).code == 0, "the next run just works"


@pytest.mark.parametrize("trouble", ["delay 150", "throttle 30000"])
def test_a_slow_link_is_only_slow(hil, pi1, servers, link, trouble):
    lab = servers.lab("from pi1")
    link.first(trouble)
    slow = run(hil, lab, "-b", "pi1/board-a", firmware("selftest-unity.elf"))
    assert slow.code == 0, slow.out + slow.err
    seconds = [case["duration_s"] or 0 for case in slow.cases().values()]
    assert len(seconds) == 34 and max(seconds) < 0.1, "times are the board's, not the link's"
    write_row("all", trouble, "pass", "", f"{slow.seconds:.1f}", "", len(seconds))


def test_jobs_of_a_board_share_a_login(hil, pi1, servers, link):
    """Another connection asked for the boards."""
    lab = servers.lab("from pi1")
    result = run(hil, lab, "-b", "pi1/board-a", "--repeat", "4", firmware("one.elf"), firmware("bad-fail.elf"))
    assert result.code == 1 and len(result.report["boards"]) == 8, result.out + result.err
    assert len(link.proxies()) == 2
    wait_until(lambda: not pi1.agents(), what="no agent that stays")


def test_one_link_that_fails_is_none_of_the_other_servers(hil, pi1, servers, link):
    """Of a queue over two servers every test has a result, and those of the other one are whole."""
    servers.start("pi2")
    lab = servers.lab("{a: {server: pi1, as: board-a, labels: [f4]}, b: {server: pi2, as: board-a, labels: [f4]}}")
    process = hil.start("run", "--lab", lab, "-b", "f4", "--repeat", "6", firmware("selftest-unity.elf"))
    wait_until(lambda: any(e["kind"] == "case-end" and e["board"] == "pi1/a" for e in events(hil)), what="pi1 at work")
    link.now("reset")
    result = hil.finish(process)
    boards = result.report["boards"]
    assert len(boards) == 6, "none is lost"
    lost = [board for board in boards if board["verdict"] == "infra"]
    assert len(lost) <= 1 and all(board["name"] == "pi1/a" for board in lost), lost
    assert all(sum(len(suite["cases"]) for suite in board["suites"]) == 34 for board in boards if board not in lost)
    assert result.code == (3 if lost else 0)


def test_a_link_that_fails_is_made_up_for_elsewhere(hil, pi1, servers, link):
    pi2 = servers.start("pi2")
    lab = servers.lab("{a: {server: pi1, as: board-a, labels: [f4]}, b: {server: pi2, as: board-a, labels: [f4]}}")
    os.kill(pi2.process.pid, signal.SIGSTOP)  # so that the first gets the test
    process = hil.start("run", "--lab", lab, "-b", "f4", "--retries", "1", firmware("selftest-unity.elf"))
    wait_until(lambda: ended_cases(hil), what="pi1 at work")
    link.first("reset")
    link.now("reset")
    os.kill(pi2.process.pid, signal.SIGCONT)
    result = hil.finish(process)
    assert result.code == 0, result.out + result.err
    (board,) = result.report["boards"]
    assert board["name"] == "pi2/b" and board["attempt"] == 2, board
    first = hil.out / "pi1" / "a"
    assert [path for path in first.rglob("uart.log") if path.stat().st_size], "what the first has said is kept"


def test_a_link_that_fails_before_the_test_needs_no_retries(hil, pi1, servers, link):
    """Nothing was flashed: another board has the test, as if it had been chosen at once."""
    pi2 = servers.start("pi2")
    lab = servers.lab("{a: {server: pi1, as: board-a, labels: [f4]}, b: {server: pi2, as: board-a, labels: [f4]}}")
    os.kill(pi2.process.pid, signal.SIGSTOP)
    link.first(f"after {BYTES['image']} reset")
    process = hil.start("run", "--lab", lab, "-b", "f4", *big_run(make_big(hil, "selftest-unity.elf")))
    wait_until(pi1.agents, what="pi1 at work")
    wait_until(lambda: not pi1.agents(), what="its end")
    os.kill(pi2.process.pid, signal.SIGCONT)
    result = hil.finish(process)
    assert result.code == 0, result.out + result.err
    assert [board["name"] for board in result.report["boards"]] == ["pi2/b"]


def test_a_disk_that_fills_up_here(hil, pi1, servers):
    """What the board says is written as it comes; where it cannot be, the run ends, there as here."""
    if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"]).returncode:
        pytest.skip("mounting a small disk needs root and a mount namespace")
    lab = servers.lab("{board-a: {server: pi1, labels: [x]}}")
    small, kept = hil.home / "small", hil.home / "kept"
    small.mkdir()
    hil_run = f"'{HIL}' run --lab {lab} {' '.join(HANG)} -o {small}/out '{firmware('bad-babble.elf')}'"
    script = f"mount -t tmpfs -o size=256k tmpfs {small}; {hil_run}; code=$?; cp -r {small}/out {kept}; exit $code"
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script], cwd=hil.home, env=hil.env, capture_output=True, timeout=60
    )
    text = (done.stdout + done.stderr).decode()
    assert done.returncode == 3 and "No space left on device" in text, text
    assert (kept / "pi1/board-a/uart.log").stat().st_size > 50_000
    wait_until(lambda: not held(hil, pi1), what="a board that is free")
    wait_until(lambda: not pi1.agents(), what="no agent that stays")


def test_jobs_do_not_wait_for_a_server_that_is_gone(hil, pi1, servers, link):
    """Its board is no board any more, and there is no other."""
    lab = servers.lab("from pi1")
    process = hil.start("run", "--lab", lab, "-b", "pi1/board-a", "--repeat", "3", *HANG, firmware("bad-hang.elf"))
    wait_until(lambda: len(ended_cases(hil)) == 3, what="the first test")
    link.first("reset")
    link.now("reset")
    result = hil.finish(process)
    assert result.code == 3 and result.seconds < 20, result.out + result.err
    assert [board["verdict"] for board in result.report["boards"]] == ["infra"] * 3
