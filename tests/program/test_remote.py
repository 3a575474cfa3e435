# SPDX-License-Identifier: MIT
"""Boards on other hosts: a real ssh to real sshds on loopback, hil agent there, emulated boards behind it."""
import contextlib
import json
import os
import shutil
import signal
import stat
import struct
import subprocess
import sys
import time

import pytest
from conftest import HIL, ROOT, firmware, wait_until
from page_client import Page, Viewer
from sshlab import SSHD, keygen, pi1, servers  # noqa: F401, pi1 and servers are fixtures

pytestmark = pytest.mark.skipif(not SSHD, reason="no sshd: scripts/install-deps test")

HANG = ("--timeout", "boot=30s,idle=30s,total=50s")


def run(hil, lab, *args, **more):
    return hil("run", "--lab", lab, *args, **more)


def held(hil, server):
    """The boards that somebody has there, as the server's own hil says."""
    shown = hil("boards", "--lab", server.home / "lab.yaml", "--json", env={"HIL_STATE_DIR": f"{server.home}/state"})
    assert shown.code == 0, shown.err
    return [board["name"] for board in json.loads(shown.out)["boards"] if board["held"]]


def events(hil):
    log = hil.out / "events.jsonl"
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def in_state(hil, state):
    return any(event.get("state") == state for event in events(hil))


@contextlib.contextmanager
def there(hil, server, *words):
    """hil run by somebody on the server, on its board-a, until it is not wanted any more."""
    env = {"HIL_STATE_DIR": f"{server.home}/state", "HOME": str(server.home)}
    lab = ("--lab", server.home / "lab.yaml", "-b", "board-a", "-o", hil.home / "there")
    process = hil.start("run", *lab, *HANG, *words, env=env)
    wait_until(lambda: held(hil, server), what="a board that is held")
    yield process
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)


# ---- a board is a board ---------------------------------------------------------------------------


def test_boards_of_servers_are_listed_as_those_here(hil, servers, pi1):
    lab = servers.lab("from pi1")
    shown = json.loads(hil("boards", "--lab", lab, "--json").out)["boards"]
    assert [board["name"] for board in shown] == ["pi1/board-a", "pi1/board-b"]
    assert shown[1]["labels"] == ["stm32f405", "virtual", "pi1-only"]
    assert shown[0]["drivers"]["flash"] == "gdb" and not shown[0]["held"]
    table = hil("boards", "--lab", lab)
    assert "pi1/board-b" in table.out and "qemu" in table.out


def test_run_has_the_files_and_the_replay_of_a_board_here(hil, servers, pi1):
    lab = servers.lab("{node: {server: pi1, as: board-a}}")
    there = run(hil, lab, "--timeout", "boot=7s,idle=8s", firmware("selftest-unity.elf"), firmware("bad-crash.elf"))
    assert there.code == 1, there.out + there.err
    assert "pi1/node: FAIL bad-crash" in there.out
    job = hil.out / "pi1" / "node" / "bad-crash"
    assert (job / "uart.log").stat().st_size and (job / "uart.timing").exists()
    assert (job / "decoded.json").exists()
    asked = json.loads((job / "job.json").read_text())["timeouts_ms"]
    assert (asked["boot"], asked["idle"], asked["total"]) == (7000, 8000, 60000), "ours, then the server's"
    junit = (hil.out / "junit.xml").read_text()
    assert 'name="board" value="pi1/node"' in junit and 'name="server" value="pi1"' in junit
    again = hil("replay", "--junit", "again.xml", "--json", "again.json", hil.out)
    assert again.code == 1
    assert [board["server"] for board in there.report["boards"]] == ["pi1", "pi1"]
    assert "<code>pi1/node</code>" in (hil.out / "summary.md").read_text() and "pi1/node" in (hil.out / "report.html").read_text()
    assert "%0Aon pi1/node" in hil("replay", "--annotations", "on", hil.out).out
    assert (hil.home / "again.xml").read_bytes() == (hil.out / "junit.xml").read_bytes()
    assert (hil.home / "again.json").read_bytes() == (hil.out / "report.json").read_bytes()
    cases = there.cases(1)
    here = run(hil, pi1.home / "lab.yaml", "-b", "board-b", firmware("bad-crash.elf"))
    told = ("result", "message", "detail", "file", "line", "error_type")
    assert [[case[key] for key in told] for case in cases.values()] == [
        [case[key] for key in told] for case in here.cases().values()
    ]


@pytest.mark.threads
def test_all_times_of_a_run_are_of_one_clock(hil, servers, pi1):
    behind = hil.home / "behind.so"
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", behind, ROOT / "tests/clock/behind.c"], check=True)
    words = f'ASAN_OPTIONS="$ASAN_OPTIONS:verify_asan_link_order=0" LD_PRELOAD={behind} exec {HIL} "$@"'
    script(pi1, f"#!/bin/sh\n{words}\n")
    result = run(hil, servers.lab("from pi1"), "-b", "pi1/board-a", firmware("selftest-unity.elf"))
    assert result.code == 0, result.out + result.err
    report = json.loads((hil.out / "report.json").read_text())
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    assert report["started"] <= report["boards"][0]["started"] <= now, "not by the server's, which is years behind"


def test_two_servers_are_one_queue(hil, servers, pi1):
    servers.start("pi2")
    lab = servers.lab("from pi1 pi2", **{"max-parallel": 1})
    result = run(hil, lab, "-b", "stm32f405", "--all", firmware("one.elf"))
    assert result.code == 0, result.out + result.err
    names = {board["name"] for board in result.report["boards"]}
    assert names == {"pi1/board-a", "pi1/board-b", "pi2/board-a", "pi2/board-b"}


@pytest.mark.threads
def test_who_waits_for_several_boards_takes_the_first_that_is_free(hil, servers, pi1):
    lab = servers.lab("from pi1")
    holder = hil.start("run", "--lab", lab, "-b", "board-a", *HANG, "--out", "holder", firmware("bad-hang.elf"))
    wait_until(lambda: held(hil, pi1) == ["board-a"], what="a board that is held")
    two = run(hil, lab, "-b", "stm32f405", "--repeat", "2", firmware("one.elf"))
    assert two.code == 0, two.out + two.err
    assert {board["name"] for board in two.report["boards"]} == {"pi1/board-b"}
    busy = run(hil, lab, "-b", "board-a", "--wait", "0", firmware("one.elf"))
    assert busy.code == 3 and "board-a is held by" in busy.board()["reason"], busy.out + busy.err
    assert ": hil run --lab" in busy.board()["reason"], "who holds it says what was typed here"
    queued = hil.start("run", "--lab", lab, "-b", "board-a", "-v", firmware("one.elf"))
    wait_until(lambda: json.loads(hil("boards", "--lab", lab, "--json").out)["boards"][0]["waiting"])
    holder.send_signal(signal.SIGTERM)
    hil.finish(holder)
    result = hil.finish(queued)
    assert result.code == 0, result.out + result.err


def test_an_image_goes_there_once(hil, servers, pi1):
    lab = servers.lab("from pi1")
    kept = []
    for _ in range(2):
        assert run(hil, lab, "-b", "board-a", firmware("one.elf")).code == 0
        (image,) = (pi1.home / "state" / "agent" / "images").iterdir()
        kept.append((image.name, image.stat().st_ino))
        wait_until(lambda: os.listdir(pi1.home / "state" / "agent") == ["images"], what="no scratch that stays")
    assert kept[0] == kept[1]


def test_names_are_never_words_for_a_shell(hil, servers, pi1):
    lab = servers.lab("from pi1")
    name = "-$(touch pwned)`touch pwned`;touch pwned'\"\\ \n.elf"
    shutil.copy(firmware("one.elf"), hil.home / name)
    result = run(hil, lab, "-b", "board-a", "--timeout", "idle=500ms", "--require", "$(touch pwned)", "--pass", "';touch pwned;'", "--end", "`touch pwned`", f"./{name}")
    assert result.code in (0, 1), result.out + result.err
    assert not list(hil.home.rglob("pwned*")) and not os.path.exists(os.path.expanduser("~/pwned"))


@pytest.mark.threads
def test_flash_goes_to_boards_there(hil, servers, pi1):
    lab = servers.lab("from pi1")
    image = firmware("one.elf")
    result = hil("flash", "--lab", lab, "--json", "--out", "logs", f"board-a={image}", f"pi1/board-b={image}")
    assert result.code == 0, result.out + result.err
    boards = json.loads(result.out)["boards"]
    assert [(board["board"], board["outcome"]) for board in boards] == [
        ("pi1/board-a", "flashed"), ("pi1/board-b", "flashed"),
    ]  # fmt: skip
    again = hil("flash", "--lab", lab, "--if-changed", f"board-a={image}")
    assert again.code == 0 and "holds one.elf already" in again.out, again.out + again.err
    named = hil("flash", "--lab", servers.lab("{x: {server: pi1, as: board-a}}"), "--server", "pi1", f"board-b={image}")
    assert named.code == 0 and "pi1/board-b: ok one.elf" in named.out, named.out + named.err
    small = hil("flash", "--lab", servers.lab("from pi1"), "--at", "0x70000000", f"board-a={firmware('selftest-unity.bin')}")
    assert small.code == 3 and "0x70000000" in small.out, small.out + small.err


BOARD = """\
lab: {name}
boards:
  real:
    flash: {{cmd: {{run: [cp, '{{file}}', {home}/flashed], file: bin}}}}
    console: {{pty: {{path: {home}/console}}}}
    reset: {{cmd: {{run: [touch, {home}/reset]}}}}
    power: {{cmd: {{on: [touch, {home}/on], off: [rm, -f, {home}/on], status: [test, -e, {home}/on]}}}}
"""


def test_one_board_in_hand_there(hil, servers, pi1):
    (pi1.home / "lab.yaml").write_text(BOARD.format(name="pi1", home=pi1.home))
    lab = servers.lab("{real: {server: pi1}}")
    on = pi1.home / "on"
    assert hil("power", "--lab", lab, "real", "on").code == 0 and on.exists()
    assert hil("power", "--lab", lab, "pi1/real", "cycle", "--off-time", "10ms").code == 0 and on.exists()
    assert hil("reset", "--lab", lab).code == 0 and (pi1.home / "reset").exists()
    rest = hil("rest", "--lab", lab, "real")
    assert rest.code == 0 and rest.out == "pi1/real: at rest: switched off\n" and not on.exists(), rest.out + rest.err
    missing = hil("reset", "--lab", lab, "pi1/none")
    assert missing.code == 2 and "pi1/none" in missing.err


def test_the_console_of_a_board_there(hil, servers, pi1):
    lab = servers.lab("from pi1")
    assert hil("flash", "--lab", lab, f"board-a={firmware('one.elf')}").code == 0
    console = hil("console", "--lab", lab, "board-a", "--until", "Tests", "--for", "20s", "--log", "log")
    assert console.code == 0, console.out + console.err
    assert "Tests" in console.out and "Tests" in (hil.home / "log").read_text()


def test_what_a_board_said_comes_before_what_is_told_of_it(hil, pi1):
    """So that a link may break anywhere, and no case that was told of is missing in the log that is here."""
    env = {"HIL_STATE_DIR": f"{pi1.home}/state", "HOME": str(pi1.home), "HIL_LAB": f"{pi1.home}/lab.yaml"}
    agent = hil.start("agent", env=env, stdin=subprocess.PIPE)

    def frames():
        while len(sizes := agent.stdout.read(8)) == 8:
            head, body = struct.unpack(">II", sizes)
            yield json.loads(agent.stdout.read(head)), agent.stdout.read(body)

    assert agent.stdout.read(11) == b"\0hil agent\n"
    args = ["-b", "board-a", "--events", "/dev/stderr", "--quiet", "--out", {"out": True}, str(firmware("selftest-unity.elf"))]
    request = json.dumps({"t": "do", "verb": "run", "args": args, "follow": ["uart.log"]}).encode()
    agent.stdin.write(struct.pack(">II", len(request), 0) + request)
    agent.stdin.flush()
    log, lines, told = bytearray(), b"", []
    for head, body in frames():
        if head["t"] == "end":
            break
        if head["t"] == "file" and head["name"] == "uart.log":
            log[head["at"] :] = body
        if head["t"] == "err":
            *whole, lines = (lines + body).split(b"\n")
            ended = [event["name"] for event in map(json.loads, whole) if event["kind"] == "case-end"]
            assert [name for name in ended if name.encode() not in log] == []
            told += ended
    agent.communicate(timeout=10)
    assert len(told) == 34 and agent.returncode == 0


def test_boards_of_servers_are_on_the_page(hil, servers, pi1):
    lab = servers.lab("{node: {server: pi1, as: board-a, labels: [f4]}}")
    with Page(hil, lab) as page, Viewer(page) as viewer:
        shown = lambda: viewer.state.get("pi1/node")
        board = wait_until(shown, seconds=30, what="the board")
        assert board["server"] == "pi1" and board["labels"] == ["f4"] and not board["held"] and not board["away"]
        assert page.boards()["pi1/node"]["drivers"]["flash"] == "gdb"
        metrics = lambda: page.ask("/metrics")[2].decode()
        assert {'hil_boards{state="free"} 1', 'hil_board_held{board="pi1/node"} 0', 'hil_server_up{server="pi1"} 1'} <= set(metrics().split("\n"))
        with there(hil, pi1, firmware("bad-hang.elf")):
            board = wait_until(lambda: shown()["held"] and shown(), seconds=30, what="a board that is held")
            seen = metrics()
            assert {'hil_boards{state="held"} 1', 'hil_board_held{board="pi1/node"} 1'} <= set(seen.split("\n"))
            assert f'hil_board_holder{{board="pi1/node",host="pi1",user="{board["holder"]["user"]}",repository=""}} 1\n' in seen
        pi1.stop()
        away = wait_until(lambda: shown()["away"] and shown(), seconds=60, what="a server that is away")
        assert "server pi1" in away["away"], away
        seen = metrics()
        assert {'hil_boards{state="away"} 1', 'hil_boards{state="free"} 0', 'hil_server_up{server="pi1"} 0'} <= set(seen.split("\n"))
        assert "hil_board_held{" not in seen, "nothing is known of it"
        told = float(next(line for line in seen.split("\n") if line.startswith("hil_servers_told_timestamp_seconds ")).split()[1])
        assert time.time() - 60 < told <= time.time()


def test_what_is_wrong_there_and_what_is_plugged_in(hil, servers, pi1):
    lab = servers.lab("from pi1")
    doctor = hil("doctor", "--lab", lab, "--server", "pi1", "--json")
    assert json.loads(doctor.out)["findings"], doctor.out + doctor.err
    plugged = hil("discover", "--lab", lab, "--server", "pi1", "--json")
    assert "devices" in json.loads(plugged.out), plugged.err
    unknown = hil("doctor", "--lab", lab, "--server", "pi9")
    assert unknown.code == 2 and "no server 'pi9'" in unknown.err


def test_the_health_of_boards_there(hil, servers, pi1):
    """Labels, quarantine and golden images are the server's own."""
    text = (pi1.home / "lab.yaml").read_text()
    golden = f"    health: {{firmware: {firmware('bad-hang.elf')}}}\n    timeouts: {{boot: 300ms, idle: 300ms}}\n"
    (pi1.home / "lab.yaml").write_text(text.replace("    labels: [stm32f405, virtual]\n", "    labels: [stm32f405, virtual]\n" + golden, 1))
    lab = servers.lab("from pi1")
    assert "pi1-only" in hil("labels", "--lab", lab, "--server", "pi1").out.splitlines()
    ill = hil("health", "--lab", lab, "--server", "pi1", "-b", "board-a")
    assert ill.code == 1, ill.out + ill.err
    shown = json.loads(hil("boards", "--lab", lab, "--json").out)["boards"]
    assert [bool(board["quarantine"]) for board in shown] == [True, False], shown
    freed = hil("boards", "--lab", lab, "--release", "pi1/board-a", "board-b")
    assert freed.code == 0 and freed.out == "pi1/board-a: released\npi1/board-b: was in no quarantine\n", freed.out + freed.err
    assert not json.loads(hil("boards", "--lab", lab, "--json").out)["boards"][0]["quarantine"]
    assert hil("labels", "--lab", lab, "--server", "pi1", "--sync").code == 2
    none = hil("boards", "--lab", lab, "--release", "pi1/none")
    assert none.code == 2 and "pi1/none" in none.err


# ---- a link that breaks ---------------------------------------------------------------------------


def test_a_server_that_stands_still_is_given_up(hil, servers, pi1):
    lab = servers.lab("{board-a: {server: pi1, labels: [x]}}")
    process = hil.start("run", "--lab", lab, *HANG, firmware("bad-hang.elf"))
    wait_until(lambda: in_state(hil, "test"), what="test")
    (agent,) = pi1.agents()
    os.kill(agent, signal.SIGSTOP)
    result = hil.finish(process)
    assert result.code == 3 and "nothing was heard for 10 s" in result.board()["reason"]
    assert held(hil, pi1) == ["board-a"]
    os.kill(agent, signal.SIGCONT)
    wait_until(lambda: not held(hil, pi1), what="a free board")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_ends_here_ends_there(hil, servers, pi1, number):
    lab = servers.lab("from pi1")
    process = hil.start("run", "--lab", lab, "-b", "board-a", *HANG, firmware("bad-hang.elf"))
    logs = lambda: [path for path in pi1.home.glob("state/agent/job-*/out/board-a/uart.log") if path.stat().st_size]
    wait_until(logs, what="a board that talks")
    assert held(hil, pi1) == ["board-a"]
    process.send_signal(number)
    result = hil.finish(process)
    wait_until(lambda: not held(hil, pi1), what="a free board")
    if number == signal.SIGINT:
        assert result.code == 130
        assert (hil.out / "pi1" / "board-a" / "uart.log").stat().st_size, "what it said is kept"


def test_what_one_server_breaks_is_tried_on_another(hil, servers, pi1):
    servers.start("pi2")
    lab = servers.lab("{a: {server: pi1, as: board-a, labels: [f4]}, b: {server: pi2, as: board-b, labels: [f4]}}")
    pi1.install(None)
    result = run(hil, lab, "-b", "f4", "--retries", "1", "--repeat", "2", firmware("one.elf"))
    assert result.code == 0, result.out + result.err
    assert {board["name"] for board in result.report["boards"]} == {"pi2/b"}


# ---- a server that is not to be had ---------------------------------------------------------------


def unknown_key(hil, server):
    (hil.home / "known_hosts").unlink()
    return "its host key is not known"


def changed_key(hil, server):
    (hil.home / "known_hosts").unlink()
    keygen(hil.home / "other_key")
    server.trust(hil.home / "other_key.pub")
    return "its host key has changed"


def refused_key(hil, server):
    for name in ("client_key", "client_key.pub"):
        (hil.home / name).rename(hil.home / f"{name}.away")
    keygen(hil.home / "client_key")
    (hil.home / "client_key.pub").unlink()
    return "it lets nobody in with the keys at hand"


def no_listener(hil, server):
    server.stop()
    return "no ssh server answers there"


def no_hil(hil, server):
    server.install(None)
    return "hil is not installed there"


def script(server, text):
    server.install(None)
    path = server.home / "bin" / "hil"
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def old_hil(hil, server):
    script(server, "#!/bin/sh\necho \"hil: no such command: 'agent'\" >&2\nexit 2\n")
    return "its hil is too old to have an agent"


def other_protocol(hil, server):
    script(
        server,
        f"#!{sys.executable}\nimport json, struct, sys\n"
        "head = json.dumps({'t': 'hello', 'protocol': 99, 'version': '7.0'}).encode()\n"
        "sys.stdout.buffer.write(b'noise of a shell\\n\\0hil agent\\n' + struct.pack('>II', len(head), 0) + head)\n"
        "sys.stdout.flush()\nsys.stdin.read()\n",
    )
    return "hil 7.0 there speaks protocol 99"


def rubbish(hil, server):
    script(server, f"#!{sys.executable}\nprint('\\0hil agent\\n' + 'x' * 100, flush=True)\nimport sys; sys.stdin.read()\n")
    return "is none of hil's"


@pytest.mark.parametrize(
    "trouble",
    [unknown_key, changed_key, refused_key, no_listener, no_hil, old_hil, other_protocol, rubbish],
)
def test_why_a_server_is_not_to_be_had(hil, servers, pi1, trouble):
    lab = servers.lab("{a: {server: pi1}}")
    words = trouble(hil, pi1)
    shown = json.loads(hil("boards", "--lab", lab, "--json").out)["boards"][0]
    assert shown["away"].startswith("server pi1: 127.0.0.1:") and words in shown["away"], shown["away"]


def test_a_run_on_a_server_that_is_away_is_infra(hil, servers, pi1):
    pi1.stop()
    result = run(hil, servers.lab("{a: {server: pi1}}"), firmware("one.elf"))
    assert result.code == 3
    assert "no ssh server answers there" in result.board()["reason"]
    result = run(hil, servers.lab("from pi1"), firmware("one.elf"))
    assert result.code == 3 and "no ssh server answers there" in result.err


def test_the_host_that_answered_last_is_tried_first(hil, servers, pi1):
    lab = servers.lab("from pi1", hosts="[nowhere.invalid, 127.0.0.1]")
    assert hil("boards", "--lab", lab).code == 0
    assert (hil.home / "state" / "servers" / "pi1").read_text() == "127.0.0.1"


def test_hil_is_copied_to_a_server_that_has_none(hil, servers, pi1):
    lab = servers.lab("from pi1")
    pi1.install(None)
    asked = hil("agent", "--lab", lab, "--install", "pi1")
    assert asked.code == 2 and "--yes" in asked.err
    broken = hil("agent", "--lab", lab, "--install", "pi1", "--yes", "--program", hil.write("bad", "#!/bin/sh\nexit 4\n"))
    assert broken.code == 3 and not (pi1.home / ".local/bin/hil").exists(), broken.out + broken.err
    done = hil("agent", "--lab", lab, "--install", "pi1", "--yes")
    assert done.code == 0 and "answers" in done.out, done.out + done.err
    assert hil("boards", "--lab", lab).out.count("pi1/board-") == 2


def test_an_agent_is_nothing_to_type(hil):
    shown = subprocess.run([*map(str, [os.environ.get("HIL", "hil")]), "agent", "x"], capture_output=True, text=True)
    assert shown.returncode == 2 and "takes no operands" in shown.stderr
