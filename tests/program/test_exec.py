# SPDX-License-Identifier: MIT
"""Servers that have no hil, only ST's programmer and a hub controller's program: a real ssh to a real
sshd, and stand-ins for the two that behave as they do."""
import hashlib
import json
import os
import pathlib
import shutil
import signal
import stat

import pytest
from conftest import ROOT, firmware, wait_until
from sshlab import SSHD, Servers, cmdline, descendants
from test_remote_links import hosts  # noqa: F401, a fixture
from usblab import UsbLab

pytestmark = pytest.mark.skipif(not SSHD, reason="no sshd: scripts/install-deps test")

IMAGE = firmware("one.elf")
LOGS = ROOT / "tests" / "golden" / "flash" / "cubeprogrammer"
G0, G1, DFU1 = "066DFF515754888367131638", "066EFF494851877267043838", "208230913036"

# What it was given, where, and which files lay there; then a transcript of the real one.
PROGRAMMER = """\
import hashlib, json, os, pathlib, sys, time
home = pathlib.Path({home!r})
files = {{name: hashlib.sha256(open(name, "rb").read()).hexdigest() for name in os.listdir(".")}} if "-w" in sys.argv else {{}}
with open(home / "calls", "a") as calls:
    calls.write(json.dumps([sys.argv[1:], os.getcwd(), files]) + "\\n")
if (home / "hang").exists():
    print("Download in Progress:", flush=True)
    (home / "starting").write_text(os.getcwd())
    (home / "starting").rename(home / "running")
    time.sleep(float((home / "hang").read_text() or 60))
log = home / "log"
sys.stdout.write(log.read_text() if log.exists() else "")
sys.exit(int((home / "code").read_text()) if (home / "code").exists() else 0)
"""

# Port power is a mask in a file.
HUB = """\
import pathlib, sys
home = pathlib.Path({home!r})
with open(home / "hub-calls", "a") as calls:
    calls.write(" ".join(sys.argv[1:]) + "\\n")
state = int((home / "ports").read_text(), 0)
if sys.argv[1] == "get_power_state":
    print("Power state: 0x%04x" % state)
elif sys.argv[1] in ("power_on", "power_off"):
    mask = int(sys.argv[2], 0)
    (home / "ports").write_text(hex(state | mask if sys.argv[1] == "power_on" else state & ~mask))
elif sys.argv[1] not in ("nrst_on", "nrst_off", "boot_on", "boot_off"):
    sys.exit("unknown command")
"""


class Rack:
    """The server pi1, with what the older tool's config.json says of it."""

    def __init__(self, hil, servers, server=None):
        self.hil = hil
        self.servers = servers
        self.server = server or servers.start("pi1", program=None)
        self.home = self.server.home
        self.tmp = self.home / "tmp"
        self.tmp.mkdir()
        self.programmer = self.home / "bin" / "STM32_Programmer_CLI"
        self.programmer.write_text("#!/usr/bin/env python3\n" + PROGRAMMER.format(home=str(self.home)))
        self.programmer.chmod(self.programmer.stat().st_mode | stat.S_IXUSR)
        (self.home / "hub_cli.py").write_text(HUB.format(home=str(self.home)))
        (self.home / "ports").write_text("0xffff")
        self.says("good")

    def says(self, log, code=0):
        shutil.copy(LOGS / f"{log}.log", self.home / "log")
        (self.home / "code").write_text(str(code))

    def lab(self, boards, **more):
        exec = f"{{programmer: {self.programmer}, hub: [python3, hub_cli.py]}}"
        return self.servers.lab(boards, exec=exec, **more)

    def calls(self):
        path = self.home / "calls"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def hub_calls(self):
        path = self.home / "hub-calls"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def rack(hil):
    servers = Servers(hil)
    yield Rack(hil, servers)
    servers.stop()


def swd(serial=G0, more=""):
    return f"{{server: pi1, flash: {{cubeprogrammer: {{port: SWD, serial: '{serial}'}}}}, recovery: {{steps: []}}{more}}}"


def flash(hil, lab, *args):
    result = hil("flash", "--lab", lab, "--json", *args)
    return result, {board["board"]: board for board in json.loads(result.out)["boards"]} if result.out else {}


# ---- the older tool's config and command lines ------------------------------------------------------


def older_config(rack):
    return {
        "servers": {
            "pi1": {
                "hostnames": ["127.0.0.9", "pi1.invalid"],
                "user": os.environ.get("USER", "root"),
                "stm32cli": str(rack.programmer),
                "hub_cli": "hub_cli.py",
                "max_parallel": 2,
                "power_control": True,
            }
        },
        "devices": {
            "g0": {"serial": G0, "server": "pi1", "hub_port": "USB3", "default_interface": "SWD", "signals": {"boot": False, "nrst": False}},
            "dfu1": {"serial": DFU1, "server": "pi1", "hub_port": "USB16", "default_interface": "USB", "signals": {"boot": True, "nrst": True}},
        },
    }


def test_the_older_tools_command_lines_run_as_they_stood(hil, rack):
    """Its config.json is imported, and its command lines are typed."""
    config = hil.write("config.json", json.dumps(older_config(rack)))
    assert UsbLab(hil)("discover", "--write", "--yes", "--import", config).code == 0
    lab = hil.home / "lab.yaml"
    text = lab.read_text()
    reached = f"port: {rack.server.port}, ssh: [ssh, -F, {hil.home}/ssh_config], user"
    # What the user's ~/.ssh/config would say of the host.
    lab.write_text(text.replace('["127.0.0.9", "pi1.invalid"]', "[127.0.0.1]").replace("user", reached, 1))
    (hil.home / "bin").mkdir()
    for name in ("dfu.hex", "g0.hex"):
        shutil.copy(firmware("selftest-unity.hex"), hil.home / "bin" / name)
    result = hil("flash", "--server", "pi1", "dfu1=bin/dfu.hex", "g0=bin/g0.hex")
    assert result.code == 0, result.out + result.err
    assert "pi1/dfu1: ok dfu.hex" in result.out and "pi1/g0: ok g0.hex" in result.out
    writes = {argv[2]: argv for argv, _, _ in rack.calls() if "-w" in argv}
    assert writes[f"sn={G0}"] == ["-c", "port=SWD", f"sn={G0}", "-w", "firmware.hex", "-v", "-rst"]
    assert writes[f"sn={DFU1}"] == ["-c", "port=USB1", f"sn={DFU1}", "-w", "firmware.hex", "-v", "-g"]
    dfu = [call for call in rack.hub_calls() if call.endswith("0x8000")]
    assert dfu == ["power_on 0x8000", "boot_on 0x8000", "nrst_on 0x8000", "nrst_off 0x8000", "boot_off 0x8000",
                   "nrst_on 0x8000", "nrst_off 0x8000"]  # fmt: skip
    assert hil("hub", "pi1", "power_off", "0x0004").code == 0
    assert (rack.home / "ports").read_text() == "0xfffb"
    state = hil("hub", "pi1", "get_power_state")
    assert state.out == "Power state: 0xfffb\n", state.err
    shown = hil("power", "g0", "status")
    assert shown.out == "off\n", shown.err
    assert hil("power", "pi1/g0", "on").code == 0 and (rack.home / "ports").read_text() == "0xffff"


# ---- flashing ---------------------------------------------------------------------------------------


@pytest.mark.threads
def test_the_file_arrives_and_nothing_is_left(hil, rack):
    lab = rack.lab(f"{{g0: {swd()}}}")
    name = "-$(touch pwned)`touch pwned`;touch pwned'\"\\ \n.elf"
    shutil.copy(IMAGE, hil.home / name)
    result, boards = flash(hil, lab, f"./{name}")
    assert result.code == 0, result.out + result.err
    argv, where, files = rack.calls()[0]
    assert files == {"firmware.elf": hashlib.sha256(pathlib.Path(IMAGE).read_bytes()).hexdigest()}
    assert argv == ["-c", "port=SWD", f"sn={G0}", "-w", "firmware.elf", "-v", "-rst"]
    assert not pathlib.Path(where).exists()
    assert not list(hil.home.rglob("pwned*"))


@pytest.mark.threads
def test_hostile_words_of_a_configuration_are_words(hil, rack):
    bad = ["$(touch pwned)", "`touch pwned`", ";touch pwned", "a'b\"c\\d", "two  blanks", "new\nline", "-n", "%s\\0101", "*", ""]
    args = json.dumps(bad)
    lab = rack.lab(f"{{g0: {{server: pi1, flash: {{cubeprogrammer: {{serial: {json.dumps(bad[3])}, args: {args}}}}}, recovery: {{steps: []}}}}}}")
    result, _ = flash(hil, lab, IMAGE)
    assert result.code == 0, result.out + result.err
    argv = rack.calls()[0][0]
    assert argv == ["-c", "port=SWD", f"sn={bad[3]}", *bad, "-w", "firmware.elf", "-v", "-rst"]
    odd = rack.home / "odd $(touch pwned)';x"
    odd.mkdir()
    shutil.copy(rack.programmer, odd / "cli")
    lab = rack.servers.lab(f"{{g0: {swd()}}}", exec=json.dumps({"programmer": str(odd / "cli"), "hub": ["python3", "$(touch pwned)", "hub_cli.py"]}))
    result, _ = flash(hil, lab, IMAGE)
    assert result.code == 0, result.out + result.err
    assert hil("hub", "--lab", lab, "pi1", "get_power_state").code == 3
    assert not list(hil.home.rglob("pwned*")) and not os.path.exists(os.path.expanduser("~/pwned"))


@pytest.mark.parametrize(
    "log, code, words",
    [
        ("no-target", 1, "target"),
        ("no-probe-exit-0", 0, "probe"),
        ("verify-failed-exit-0", 0, "verif"),
        ("error-after-success", 0, "Error"),
        ("probe-busy", 1, "probe"),
    ],
)
@pytest.mark.threads
def test_its_words_are_judged_as_they_are_here(hil, rack, log, code, words):
    rack.says(log, code)
    result, boards = flash(hil, rack.lab(f"{{g0: {swd()}}}"), "--out", "logs", IMAGE)
    assert result.code == 3 and boards["pi1/g0"]["outcome"] == "failed", result.out
    assert words in boards["pi1/g0"]["reason"], boards["pi1/g0"]["reason"]
    kept = (hil.home / "logs" / "pi1" / "g0" / "flash.log").read_text()
    assert kept == (LOGS / f"{log}.log").read_text(), "and nothing of ours or of a login shell is among them"


@pytest.mark.threads
def test_progress_is_told(hil, rack):
    events = hil.home / "events.jsonl"
    result, _ = flash(hil, rack.lab(f"{{g0: {swd()}}}"), "--events", events, IMAGE)
    assert result.code == 0, result.out + result.err
    steps = {event.get("what") for event in map(json.loads, events.read_text().splitlines()) if event["kind"] == "progress"}
    assert {"flash", "verify"} <= steps


@pytest.mark.threads
def test_as_many_at_once_as_the_server_may(hil, rack):
    (rack.home / "hang").touch()
    lab = rack.lab(f"{{g0: {swd()}, g1: {swd(G1)}}}", **{"max-parallel": 1})
    process = hil.start("flash", "--lab", lab, f"g0={IMAGE}", f"g1={IMAGE}")
    wait_until(lambda: (rack.home / "running").exists(), what="the first flash")
    assert len(rack.calls()) == 1, "the other one waits"
    process.send_signal(signal.SIGTERM)
    assert hil.finish(process).code == 143


def programmers(rack):
    return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if str(rack.programmer) in cmdline(pid)]


@pytest.mark.threads
@pytest.mark.parametrize("victim", ["cancel", "hil", "connection"])
def test_whatever_ends_it_ends_the_program_there(hil, rack, victim):
    (rack.home / "hang").touch()
    process = hil.start("flash", "--lab", rack.lab(f"{{g0: {swd()}}}"), IMAGE)
    wait_until(lambda: (rack.home / "running").exists(), what="a flash under way")
    where = pathlib.Path((rack.home / "running").read_text())
    assert where.exists() and programmers(rack)
    if victim == "connection":
        for pid in rack.server.sessions():
            os.kill(pid, signal.SIGKILL)
    else:
        process.send_signal(signal.SIGTERM if victim == "cancel" else signal.SIGKILL)
    result = hil.finish(process)
    wait_until(lambda: not programmers(rack), what="the end of the program there")
    wait_until(lambda: not where.exists(), what="the end of its directory")
    if victim == "connection":
        assert result.code == 3 and "the connection broke with STM32_Programmer_CLI" in result.out, result.out + result.err


def test_a_cable_that_is_pulled_ends_the_program_before_its_board_is_given_away(hil, hosts):
    """Neither end hears of it, and sshd there would wait for hours."""
    rack = Rack(hil, hosts, hosts.host("pi1", program=None))
    (rack.home / "hang").touch()
    process = hil.start("flash", "--lab", rack.lab(f"{{g0: {swd()}}}"), IMAGE)
    wait_until(lambda: (rack.home / "running").exists(), what="a flash under way")
    hosts.cables["pi1"].cut()
    result = hil.finish(process)
    assert result.code == 3 and "the connection broke with STM32_Programmer_CLI" in result.out, result.out + result.err
    assert result.seconds < 40 and not programmers(rack), "it was ended by then"
    assert not pathlib.Path((rack.home / "running").read_text()).exists(), "and its directory with it"


def test_a_program_may_take_its_time(hil, rack):
    """Longer than it would live without a word from us."""
    (rack.home / "hang").write_text("12")
    result, boards = flash(hil, rack.lab(f"{{g0: {swd()}}}"), IMAGE)
    assert result.code == 0 and boards["pi1/g0"]["outcome"] == "flashed", result.out + result.err


@pytest.mark.threads
def test_a_server_that_is_away_is_infra(hil, rack):
    lab = rack.lab(f"{{g0: {swd()}}}")
    rack.server.stop()
    result, boards = flash(hil, lab, IMAGE)
    assert result.code == 3
    assert "server pi1: 127.0.0.1: no ssh server answers there" in boards["pi1/g0"]["reason"]


def test_what_is_not_there_is_said(hil, rack):
    lab = rack.servers.lab(f"{{g0: {swd()}}}", exec="{programmer: /opt/none/STM32_Programmer_CLI}")
    result, boards = flash(hil, lab, IMAGE)
    assert result.code == 3
    reason = boards["pi1/g0"]["reason"]
    assert "server pi1: 127.0.0.1: STM32_Programmer_CLI cannot be started there" in reason and "on that host, install STM32CubeProgrammer" in reason
    hub = hil("hub", "--lab", lab, "pi1", "power_off", "1")
    assert hub.code == 2 and "exec: {hub: [python3, hub_cli.py]} to the server" in hub.err


# ---- other verbs ------------------------------------------------------------------------------------


def test_without_a_console_a_run_says_what_to_do(hil, rack):
    lab = rack.lab(f"{{g0: {swd()}}}")
    result = hil("run", "--lab", lab, IMAGE)
    assert result.code == 2
    assert "pi1/g0 has no console" in result.err and "hil flash pi1/g0=FILE" in result.err, result.err
    assert not rack.calls(), "nothing is flashed for nothing"
    console = hil("console", "--lab", lab, "g0", "--for", "1s")
    assert console.code == 2 and "has no console" in console.err, console.out + console.err


def test_what_hil_can_tell_of_such_a_board(hil, rack):
    lab = rack.lab(f"{{g0: {swd(more=', labels: [stm32g0], reset: {cmd: {run: [touch, pulse]}}')}}}")
    board = json.loads(hil("boards", "--lab", lab, "--json").out)["boards"][0]
    assert board["name"] == "pi1/g0" and board["labels"] == ["stm32g0"]
    assert "stm32g0" in hil("labels", "--lab", lab).out.splitlines()
    assert hil("reset", "--lab", lab, "g0").code == 0 and (rack.home / "pulse").exists(), "in the home there"
    listed = hil("discover", "--lab", lab, "--server", "pi1")
    assert listed.code == 0 and rack.calls()[-1][0] == ["-l"], listed.err
    assert hil("doctor", "--lab", lab, "--server", "pi1").code == 0 and rack.calls()[-1][0] == ["--version"]
    away = UsbLab(hil)("discover", "--lab", lab, "--write", "--yes", "--remove-missing")
    assert away.code == 0 and "pi1/g0" not in away.out, "it is on no port of this host's"


def test_drivers_that_need_hil_beside_the_board_are_refused(hil, rack):
    lab = rack.lab("{g0: {server: pi1, flash: {dfu: {serial: '1'}}, console: {serial: {path: /dev/ttyACM0}}}}")
    result = hil("boards", "--lab", lab)
    assert result.code == 2
    for what in ("flash dfu", "console serial"):
        assert f"{what} needs hil beside the board, and server 'pi1' has none" in result.err, result.err


# ---- hub controllers ----------------------------------------------------------------------------------


@pytest.mark.threads
def test_a_hub_controller_of_this_host(hil):
    (hil.home / "hub_cli.py").write_text(HUB.format(home=str(hil.home)))
    (hil.home / "ports").write_text("0x0")
    board = "{flash: {cmd: {run: ['true']}}, console: {pty: {path: x}}, power: {hub-controller: {port: USB3, settle: 0s}}}"
    lab = hil.write("hub.yaml", f"lab: x\nhub-controller: [python3, {hil.home}/hub_cli.py]\nboards: {{a: {board}}}\n")
    assert hil("power", "--lab", lab, "a", "status").out == "off\n"
    assert hil("hub", "--lab", lab, "power_on", "USB3,USB5").code == 0 and (hil.home / "ports").read_text() == "0x14"
    assert hil("power", "--lab", lab, "a", "status").out == "on\n"
    assert hil("hub", "--lab", lab, "get_power_state").out == "Power state: 0x0014\n"
    for words in (["power_of", "1"], ["power_off"], ["power_off", "USB17"], ["get_power_state", "1"], ["pi9", "power_off", "1"], []):
        assert hil("hub", "--lab", lab, *words).code == 2, words
    failed = hil.write("bad.yaml", f"lab: x\nhub-controller: [python3, -c, 'print(\"what?\")']\nboards: {{a: {board}}}\n")
    status = hil("power", "--lab", failed, "a", "status")
    assert status.code == 3 and "neither a mask of ports nor a list of them" in status.err and "what?" in status.err


@pytest.mark.threads
def test_a_board_in_use_is_not_switched_off_under_a_run(hil, rack):
    (rack.home / "hang").touch()
    lab = rack.lab(f"{{g0: {swd(more=', power: {hub-controller: {port: USB3}}')}}}")
    process = hil.start("flash", "--lab", lab, IMAGE)
    wait_until(lambda: (rack.home / "running").exists(), what="a flash under way")
    busy = hil("hub", "--lab", lab, "pi1", "power_off", "0x0004")
    assert busy.code == 3 and "pi1/g0 is held by" in busy.err, busy.err
    assert "power_off 0x0004" not in rack.hub_calls()
    assert hil("hub", "--lab", lab, "pi1", "power_off", "0x0008").code == 0, "another port"
    process.send_signal(signal.SIGTERM)
    hil.finish(process)


@pytest.mark.threads
def test_a_server_with_hil_does_it_itself(hil):
    servers = Servers(hil)
    try:
        server = servers.start("pi2")
        (server.home / "hub_cli.py").write_text(HUB.format(home=str(server.home)))
        (server.home / "ports").write_text("0xffff")
        lab_there = server.home / "lab.yaml"
        lab_there.write_text(f"hub-controller: [python3, {server.home}/hub_cli.py]\n" + lab_there.read_text())
        lab = servers.lab("from pi2")
        off = hil("hub", "--lab", lab, "pi2", "power_off", "0x0004")
        assert off.code == 0 and (server.home / "ports").read_text() == "0xfffb", off.err
        assert hil("hub", "--lab", lab, "pi2", "get_power_state").out == "Power state: 0xfffb\n"
    finally:
        servers.stop()
