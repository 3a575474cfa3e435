# SPDX-License-Identifier: MIT
"""hil rig and hil pool: boards that are plugged in, pulled, swapped and killed under; identities given once."""
import csv
import io
import json
import os
import pathlib
import pty
import re
import signal
import sqlite3
import subprocess
import threading
import time

import conftest
import pytest
from conftest import wait_until
from usblab import LAB as WITH_USB
from usblab import UsbLab, flash, state

UNITY = b"t.c:1:test_one:PASS\nt.c:2:test_two:PASS\n\n-----------------------\n2 Tests 0 Failures 0 Ignored \nOK\n"
RIG = """lab: table
rig:
  match: {id: ['0483:df11'], hub: 1-1}
  firmware: fw.bin
  at: 0x08000000
  flash: {dfu: {path: '{path}', serial: '{serial}'}}
"""
MACS = "02:00:00:00:10:00-02:00:00:00:10:ff"
AT_IT = "linger=4096"  # some of it is written, and the board is busy until it is pulled
PATCH = "  provision: [{pool: macs, patch: {at: 0x08000100}}]\n"


def bootloader(hil, port, serial, *options):
    named = f"serial={serial} state={hil.home / serial}" if serial else ""
    return f"bootloader 1-1.{port} {named} {' '.join(options)}"


def table(hil, yaml, *devices):
    """lab.yaml, firmware, and what is plugged in from the beginning."""
    hil.write("lab.yaml", yaml)
    (hil.home / "fw.bin").write_bytes(UNITY + b"\0" + os.urandom(9000))
    return UsbLab(hil, *devices)


def pool(hil, *args):
    done = hil("pool", *args)
    assert done.code == 0, done.err
    return done.out


def given(hil, name="macs"):
    rows = csv.DictReader(io.StringIO(pool(hil, "export", name)))
    return {row["board"]: row["value"] for row in rows if row["state"] == "given"}


def tries(hil, **which):
    done = hil("rig", "--report", "--json", "--since", "1h")
    assert done.code == 0, done.err
    return [t for t in json.loads(done.out)["tries"] if all(t[key] == value for key, value in which.items())]


class Table:
    """A hil rig that runs until it is stopped, and a hand that plugs and pulls."""

    def __init__(self, hil, usb, *args):
        self.hil = hil
        self.lines = []
        fifo = hil.home / "orders"
        if not fifo.exists():
            os.mkfifo(fifo)
        self.orders = os.open(fifo, os.O_RDWR)
        argv = [WITH_USB, "--orders", fifo, usb.path, conftest.HIL, "rig", *map(str, args)]
        self.process = subprocess.Popen(argv, cwd=hil.home, env=hil.env, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.decode().rstrip("\n"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.stop()
        os.close(self.orders)

    def order(self, line):
        os.write(self.orders, (line + "\n").encode())

    def plug(self, port, serial, *options):
        self.order(bootloader(self.hil, port, serial, *options))

    def wait_for(self, *words, count=1):
        found = lambda: [line for line in self.lines if all(word in line for word in words)]
        try:
            return wait_until(lambda: len(found()) >= count and found(), 30, f"{words}")[-1]
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.lines[-20:]}") from None

    def slots(self):
        path = self.hil.home / "run" / "service-rig.json"
        return {slot["slot"]: slot for slot in json.loads(path.read_text())["slots"]} if path.exists() else {}

    def wait_for_state(self, slot, state):
        is_so = lambda: self.slots().get(slot, {}).get("state") == state
        try:
            wait_until(is_so)
        except AssertionError:
            raise AssertionError(f"slot {slot} is not {state}: {self.slots()} {self.lines[-20:]}") from None

    def rig_pid(self):
        """hil's own, below with-usb."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0])

    def stop(self, number=signal.SIGTERM):
        began = time.monotonic()
        os.kill(self.rig_pid(), number)
        try:
            self.process.wait(10)
        finally:
            self.process.kill()
            self.reader.join()
        self.seconds = time.monotonic() - began
        return self.process.returncode


# ---- what is plugged in -----------------------------------------------------------------------


def test_once_flashes_what_is_there_and_knows_it_again(hil):
    boards = [bootloader(hil, n, serial) for n, serial in ((1, "AA1"), (2, "BB2"), (3, "CC3"))]
    usb = table(hil, RIG + PATCH, *boards, "device 1-1.4 id=0403:6001 serial=X if=ff/ff/ff")
    pool(hil, "import", "macs", MACS)
    done = usb("rig", "--once", "--json")
    assert done.code == 0, done.err
    summary = json.loads(done.out)
    assert (summary["done"], summary["failed"], summary["yield_percent"]) == (3, 0, 100)
    assert summary["until"] == time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(summary["until_us"] // 1000000))
    macs = given(hil)
    assert sorted(macs) == ["AA1", "BB2", "CC3"] and len(set(macs.values())) == 3
    for serial, mac in macs.items():
        written = bytearray((hil.home / "fw.bin").read_bytes())
        written[0x100:0x106] = bytes.fromhex(mac.replace(":", ""))
        assert flash(hil.home / serial, len(written)) == written, serial
    assert {t["identity"] for t in tries(hil)} == set(macs.values())

    again = usb("rig", "--once")
    assert again.code == 0 and again.out.count("seen before") == 3, again.out
    assert state(hil.home / "AA1")["written"] == 0

    # New firmware is another job, --again the same one; what identity a board has it keeps.
    (hil.home / "fw.bin").write_bytes(b"two\0" + os.urandom(9000))
    assert usb("rig", "--once").code == 0
    assert usb("rig", "--once", "--again", "--max-parallel", "1").code == 0
    assert given(hil) == macs and len(tries(hil, outcome="done")) == 9
    labels = list(csv.DictReader(io.StringIO(pool(hil, "labels"))))
    assert {row["board"]: row["macs"] for row in labels} == macs


def test_no_more_than_are_wanted(hil):
    usb = table(hil, RIG, *[bootloader(hil, n, f"AA{n}") for n in (1, 2, 3)])
    done = usb("rig", "--count", "2")
    assert done.code == 0 and "2 boards done" in done.out and "slot 3" not in done.out, done.out


def test_a_failed_board_is_told_and_its_identity_is_in_doubt(hil):
    usb = table(hil, RIG + PATCH + "  on-done: [sh, -c, 'echo done $HIL_SERIAL $HIL_IDENTITY >> hooks']\n"
                "  on-fail: [sh, -c, 'echo fail $HIL_SLOT $HIL_REASON >> hooks']\n",
                bootloader(hil, 1, "AA1", "bad=64"), bootloader(hil, 2, "BB2"))
    pool(hil, "import", "macs", MACS)
    done = usb("rig", "--once", "--summary", "shift.csv")
    assert done.code == 3, done.out
    assert "slot 1 1-1.1 AA1: FAILED: flash dfu: 1-1.1: verify: 0x08000040 holds" in done.out
    assert "1 board done, 1 failed, yield 50.0 %" in done.out
    rows = {row["serial"]: row for row in csv.DictReader((hil.home / "shift.csv").open())}
    assert rows["AA1"]["outcome"] == "failed" and rows["BB2"]["outcome"] == "done"
    hooks = sorted((hil.home / "hooks").read_text().splitlines())
    assert hooks[0] == f"done BB2 {given(hil)['BB2']}" and hooks[1].startswith("fail 1 flash dfu"), hooks
    (doubtful,) = [row for row in json.loads(pool(hil, "show", "macs", "--json"))["identities"] if row["board"] == "AA1"]
    assert doubtful["state"] == "drawn"
    usb = UsbLab(hil, bootloader(hil, 1, "AA1"), bootloader(hil, 3, "CC3"))
    assert usb("rig", "--once").code == 0
    assert given(hil)["AA1"] == doubtful["value"] and len(set(given(hil).values())) == 3


def test_without_a_serial_number_there_is_no_identity(hil):
    usb = table(hil, RIG + PATCH, bootloader(hil, 1, ""))
    pool(hil, "import", "macs", MACS)
    done = usb("rig", "--once")
    assert done.code == 3 and "no serial number" in done.out, done.out
    assert usb("rig", "--once", "--no-provision").code == 0


def test_an_empty_pool_and_two_boards_with_one_serial_number(hil):
    usb = table(hil, RIG + PATCH, bootloader(hil, 1, "AA1"), bootloader(hil, 2, "AA1"), bootloader(hil, 3, "BB2"))
    pool(hil, "import", "macs", "02:00:00:00:10:00")
    done = usb("rig", "--once", "--max-parallel", "1")
    assert done.code == 3
    assert "slot 2 1-1.2 AA1: FAILED: slot 1 has a board with the same serial number" in done.out
    assert "slot 3 1-1.3 BB2: FAILED: provisioning: pool macs is empty" in done.out
    assert list(given(hil)) == ["AA1"]


def notices(hil):
    """What a command sink was handed, in order."""
    decoder, text, found = json.JSONDecoder(), (hil.home / "heard").read_text() if (hil.home / "heard").exists() else "", []
    while text.strip():
        message, end = decoder.raw_decode(text.strip())
        found += message["notices"]
        text = text.strip()[end:]
    return found


def test_those_who_are_not_at_the_table_hear_of_it(hil):
    notify = "notify:\n  - {command: {run: [tee, -a, heard]}, on: [rig, pool-low], every: 0}\n"
    usb = table(hil, notify + RIG + PATCH.replace("pool: macs", "pool: macs, low: 3"),
                *[bootloader(hil, n, serial) for n, serial in ((1, "AA1"), (2, "BB2"), (3, "CC3"))])  # fmt: skip
    pool(hil, "import", "macs", "02:00:00:00:10:00-02:00:00:00:10:03")
    assert usb("rig", "--once", "--max-parallel", "1").code == 0
    # It sank below three once, and stays there.
    told = wait_until(lambda: len(notices(hil)) >= 2 and notices(hil), 30)
    assert [(n["kind"], n["title"]) for n in told] == [
        ("pool-low", "table: rig: pool macs has 2 identities left; fill it with: hil pool import macs"),
        ("rig", "table: rig: 3 boards done")]  # fmt: skip
    hil.write("lab.yaml", notify + RIG + PATCH.replace("macs", "none"))
    assert usb("rig", "--once", "--again").code == 3
    told = wait_until(lambda: len(notices(hil)) >= 6 and notices(hil), 30)[2:]
    assert sorted(n["title"] for n in told[:3]) == [
        f"table: rig: slot {n} (1-1.{n}) {serial} failed: provisioning: there is no pool none; fill it with: hil pool import none"
        for n, serial in ((1, "AA1"), (2, "BB2"), (3, "CC3"))]  # fmt: skip
    assert {n["kind"] for n in told} == {"rig"} and told[3]["title"] == "table: rig: 0 boards done, 3 failed"
    assert "3 x " in told[3]["text"]


def test_boards_are_tested(hil):
    console = "  console: {unix: {path: 'uart-{port}'}}\n".replace("uart-", f"{hil.home}/uart-")
    yaml = RIG.replace("serial: '{serial}'", "serial: '{serial}', leave: false")
    yaml += "  reset: {dfu: {path: '{path}'}}\n  timeouts: {boot: 5s, idle: 1s}\n  test: {tests: 2}\n" + console
    usb = table(hil, yaml, *[bootloader(hil, n, serial, f"console={hil.home}/uart-{n}") for n, serial in ((1, "AA1"), (2, "BB2"))])
    done = usb("rig", "--once")
    assert done.code == 0 and done.out.count("testing") == 2, done.out
    assert (hil.home / "state/rig/table/AA1/uart.log").read_bytes() == UNITY
    (hil.home / "fw.bin").write_bytes(UNITY.replace(b"two:PASS", b"two:FAIL: no").replace(b"0 Failures", b"1 Failures").replace(b"OK\n", b"FAIL\n") + b"\0" * 400)
    done = usb("rig", "--once")
    assert done.code == 1 and "FAILED" in done.out and "2 failed, yield 0.0 %" in done.out, done.out


def test_power_is_cycled_and_stays_on(hil):
    """With its port's power off nobody would see the next board."""
    usb = table(hil, RIG + "  power: {cmd: {on: [sh, -c, 'echo on >> power'], off: [sh, -c, 'echo off >> power']}}\n"
                "  power-cycle: true\n", bootloader(hil, 1, "AA1"))
    done = usb("rig", "--once")
    assert done.code == 0, done.out
    assert (hil.home / "power").read_text().split() == ["on", "off", "on"]


# ---- a hand at the table ----------------------------------------------------------------------


def test_plugged_pulled_swapped(hil):
    usb = table(hil, RIG + PATCH)
    pool(hil, "import", "macs", MACS)
    with Table(hil, usb) as rig:
        rig.plug(3, "AA1")
        rig.wait_for("slot 1 1-1.3 AA1: done in")
        rig.plug(1, "BB2", AT_IT)
        rig.wait_for("slot 2 1-1.1 BB2: flashing")
        wait_until(lambda: rig.slots().get(2, {}).get("percent", 0) > 0, 30)
        rig.order("unplug 1-1.1")
        rig.wait_for("BB2: unplugged before it was done, while it was flashed, at ")
        rig.wait_for_state(2, "unplugged")
        rig.plug(2, "BB2")  # elsewhere
        rig.wait_for("slot 3 1-1.2 BB2: done in")
        rig.wait_for_state(2, "empty")
        rig.plug(3, "CC3", AT_IT)  # the first has left by itself
        wait_until(lambda: (rig.slots()[1]["serial"], rig.slots()[1]["percent"] > 0) == ("CC3", True), 30)
        rig.order("unplug 1-1.3")
        rig.plug(3, "DD4")
        rig.wait_for("CC3: unplugged before it was done")
        rig.wait_for("slot 1 1-1.3 DD4: done in")
        rig.plug(3, "AA1")
        rig.wait_for("slot 1 1-1.3 AA1: seen before, done")
        assert rig.stop() == 143 and rig.seconds < 3, "\n".join(rig.lines[-40:])
        assert not (hil.home / "run/service-rig.json").exists()
        assert "3 boards done, 1 unplugged before it was done, yield 100.0 %" in "\n".join(rig.lines)
    macs = given(hil)
    assert sorted(macs) == ["AA1", "BB2", "DD4"] and len(set(macs.values())) == 3
    assert all(len(tries(hil, serial=serial, outcome="done")) == 1 for serial in macs)


def test_killed_in_the_middle(hil):
    """After a SIGKILL of everything the board gets the same identity, and nobody else does."""
    usb = table(hil, RIG + PATCH, bootloader(hil, 1, "AA1", "write=200"))
    pool(hil, "import", "macs", MACS)
    with Table(hil, usb) as rig:
        wait_until(lambda: rig.slots().get(1, {}).get("identity"), 30)
        mac = rig.slots()[1]["identity"]
        os.kill(rig.rig_pid(), signal.SIGKILL)
        rig.process.wait(10)
    assert json.loads((hil.home / "run/service-rig.json").read_text())["slots"][0]["identity"] == mac
    (cut,) = tries(hil)
    assert cut["outcome"] != "done", cut
    usb = UsbLab(hil, bootloader(hil, 2, "BB2"), bootloader(hil, 1, "AA1"))
    done = usb("rig", "--once")
    assert done.code == 0, done.out
    assert given(hil)["AA1"] == mac != given(hil)["BB2"]


def test_reload_count_and_a_second_rig(hil):
    usb = table(hil, RIG.replace("hub: 1-1", "serial: 'A*'") + "  slots: [1-1.4, 1-1.2]\n")
    with Table(hil, usb, "--count", "2") as rig:
        wait_until(lambda: len(rig.slots()) == 2, 30)
        second = hil("rig", "--once")
        assert second.code == 3 and "another hil rig is at work in lab table" in second.err
        rig.plug(2, "AA1")
        rig.wait_for("slot 2 1-1.2 AA1: done in")
        rig.plug(1, "BB2")  # does not match
        only = (hil.home / "lab.yaml").read_text()
        hil.write("lab.yaml", only.replace("match", "mach"))
        os.kill(rig.rig_pid(), signal.SIGHUP)
        rig.wait_for("lab.yaml is wrong, so the old one stays", "unknown key 'mach'")
        hil.write("lab.yaml", only.replace("at: 0x08000000", "at: 0x08004000"))
        os.kill(rig.rig_pid(), signal.SIGHUP)
        rig.wait_for("was read again")
        rig.plug(3, "AA3")
        assert rig.process.wait(20) == 0, rig.lines
        rig.reader.join()
        assert "2 boards done" in "\n".join(rig.lines)
    firmware = (hil.home / "fw.bin").read_bytes()
    assert flash(hil.home / "AA3", 0x4000 + len(firmware))[0x4000:] == firmware


def test_a_table_on_a_terminal(hil):
    usb = table(hil, RIG, bootloader(hil, 1, "AA1", "write=30"))
    leader, follower = pty.openpty()
    process = usb.start("rig", "--once", stdout=follower, env={"TERM": "xterm"})
    os.close(follower)
    seen = b""
    try:
        while more := os.read(leader, 4096):
            seen += more
    except OSError:
        pass  # the other end is closed
    os.close(leader)
    assert process.wait(20) == 0, process.stderr.read()
    process.stderr.close()
    text = seen.decode()
    assert re.search(r"1 1-1\.1 +AA1 +\x1b\[36mflashing +\x1b\[0m +\d\.\d s +#+-+ +\d+%", text), text
    assert "\x1b[J" in text and "\a" in text
    last = text.rsplit("\x1b[J", 1)[1]
    assert "done" in last and "1 board done" in last and "at work" not in last, last


# ---- recipes ----------------------------------------------------------------------------------

MEMORY = """#!/bin/sh
# a board's memory that a program reads and writes: write SERIAL VALUE, read SERIAL
case $1 in
write) [ "$2" = BROKEN ] || printf '%s' "$3" > "$MEM/$2.mem"; echo "writes $2" >> "$MEM/log";;
read) cat "$MEM/$2.mem" 2>/dev/null || echo none; echo "reads $2" >> "$MEM/log";;
key) echo "key of $2"; echo "KEY$2";;
esac
"""


def test_a_command_writes_and_reads_back(hil):
    memory = hil.write("memory", MEMORY)
    memory.chmod(0o755)
    usb = table(hil, RIG + f"""  provision:
    - {{pool: keys, from: [{memory}, key, '{{serial}}'], command: {{write: [{memory}, write, '{{serial}}', '{{value}}'], read: [{memory}, read, '{{serial}}']}}}}
""", bootloader(hil, 1, "AA1"), bootloader(hil, 2, "BROKEN"))
    env = {"MEM": str(hil.home)}
    done = usb("rig", "--once", env=env)
    assert done.code == 3, done.out
    assert "slot 2 1-1.2 BROKEN: FAILED: provisioning: pool keys: the board was given sha256:" in done.out
    assert (hil.home / "AA1.mem").read_text() == "KEYAA1" and "KEYAA1" not in done.out + pool(hil, "show", "keys")
    assert given(hil, "keys").keys() == {"AA1"}
    assert (hil.home / "state/history.db").stat().st_mode & 0o777 == 0o600
    assert "KEYAA1" in pool(hil, "show", "keys", "--keys")
    assert usb("rig", "--once", "--again", env=env).code == 3
    log = (hil.home / "log").read_text()
    assert log.count("writes AA1") == 1, "what it has already is not written again"


OTP = """#!/usr/bin/env -S -u LD_PRELOAD python3
# STM32_Programmer_CLI on a chip whose OTP area is a file: bits only fall
import pathlib, sys
args = sys.argv[1:]
mem = pathlib.Path(sys.argv[0]).with_name("otp.mem")
cells = bytearray(mem.read_bytes()) if mem.exists() else bytearray(b"\\xff" * 64)
if "-w" in args:
    name, at = args[args.index("-w") + 1:][:2]
    for i, byte in enumerate(pathlib.Path(name).read_bytes()):
        cells[int(at, 0) - 0x1fff7800 + i] &= byte
    mem.write_bytes(cells)
    with open(str(mem) + ".log", "a") as log:
        log.write("write\\n")
    print("File download complete")
else:
    at, size, name = args[args.index("-r") + 1:][:3]
    start = int(at, 0) - 0x1fff7800
    pathlib.Path(name).write_bytes(cells[start:start + int(size)])
    print("Data read successfully")
"""


def test_one_time_programmable_memory(hil):
    tool = hil.write("STM32_Programmer_CLI", OTP)
    tool.chmod(0o755)
    usb = table(hil, RIG.replace("'}}", "', leave: false}}") + f"""  reset: {{dfu: {{path: '{{path}}'}}}}
  otp: {{cubeprogrammer: {{port: USB1, serial: '{{serial}}', program: {tool}}}}}
  provision: [{{pool: macs, otp: {{at: 0x1fff7800, size: 8}}}}]
""", bootloader(hil, 1, "AA1"))
    pool(hil, "import", "macs", "02-00-00-00-10-aa")
    done = usb("rig", "--once")
    assert done.code == 0, done.out
    assert (hil.home / "otp.mem").read_bytes()[:8] == bytes.fromhex("0200000010aaffff")
    assert usb("rig", "--once", "--again").code == 0
    assert (hil.home / "otp.mem.log").read_text() == "write\n", "bits are written once"
    usb = UsbLab(hil, bootloader(hil, 1, "BB2"))  # another board, whose chip has something already
    pool(hil, "import", "macs", "02-00-00-00-10-ab")
    done = usb("rig", "--once")
    assert done.code == 3 and "it has something else already" in done.out, done.out
    assert given(hil).keys() == {"AA1"}


LAYOUT = "#Opt\tId\tName\tType\tIP\tOffset\tBinary\n-\t0x01\tfsbl1-boot\tBinary\tnone\t0x0\ttf-a.stm32\n"
LAYOUT_TOOL = """#!/bin/sh
unset LD_PRELOAD
[ -f "$5" ] && echo "$2 $3 $4" >> $0.log
printf 'Memory Programming ...\\nDownload in Progress:\\n 0%%\\r 100%%\\n\\nFile download complete\\n'
printf 'Start operation done successfully at partition 0x01\\nFlashing service completed successfully\\n'
"""


def test_a_flash_layout_on_boards_without_a_uart(hil):
    """An STM32MP in DFU mode: its tool, its layout, and no console."""
    tool = hil.write("programmer", LAYOUT_TOOL)
    tool.chmod(0o755)
    usb = table(hil, RIG.replace("fw.bin", "layout.tsv").replace("  at: 0x08000000\n", "").replace(
        "dfu: {path: '{path}', serial: '{serial}'}", f"cubeprogrammer: {{port: USB1, serial: '{{serial}}', program: {tool}}}"),
        bootloader(hil, 1, "AA1"), bootloader(hil, 2, "BB2"))  # fmt: skip
    hil.write("layout.tsv", LAYOUT)
    hil.write("tf-a.stm32", "first stage")
    done = usb("rig", "--once", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["done"] == 2
    assert sorted((hil.home / "programmer.log").read_text().split()) == sorted("port=USB1 sn=AA1 -w port=USB1 sn=BB2 -w".split())
    assert usb("rig", "--once").out.count("seen before") == 2
    hil.write("tf-a.stm32", "another")
    assert usb("rig", "--once").code == 0 and len(tries(hil, outcome="done")) == 4, "what it names is part of it"


# ---- mistakes ---------------------------------------------------------------------------------


@pytest.mark.parametrize("yaml, words", [
    ("boards: {}\n", "a lab needs 'rig' for hil rig"),
    ("rig: {flash: {dfu: {path: '{path}'}}, firmware: fw.bin}\n", "'rig' needs 'match'"),
    (RIG.replace("0483:df11", "483:df11"), "lab.yaml:3:15: '483:df11' is not a USB id"),
    (RIG.replace("dfu", "dfuu"), "unknown flash driver 'dfuu' (did you mean 'dfu'?)"),
    (RIG.replace("{path}", "nowhere"), "'nowhere' is not a hub path"),
    (RIG + "  test: true\n", "'test' needs a 'console' to read"),
    (RIG + "  provision: [{pool: macs}]\n", "one of patch, command and otp"),
    (RIG + "  provision: [{pool: macs, patch: {size: 6}}]\n", "patch needs 'at'"),
    (RIG + "  on-fail: [sh, -c, 'echo {reason}']\n", "a shell would obey what stands in place of"),
    (RIG + "  frobnicate: 1\n", "unknown key 'frobnicate'"),
    (RIG + "  slots: [1-1.1, 1-1.1]\n", "'1-1.1' is two slots"),
    (RIG.replace("fw.bin", "gone.bin"), "gone.bin"),
])
def test_mistakes(hil, yaml, words):
    usb = table(hil, yaml)
    done = usb("rig", "--once")
    assert done.code in (2, 3) and words in done.err, done.err


def test_nothing_is_there(hil):
    usb = table(hil, RIG)
    done = usb("rig", "--once")
    assert done.code == 3 and "nothing that matches is plugged in" in done.out, done.out
    assert hil("boards").code == 0, "a lab may have a rig and no boards"
    assert hil("rig", "--once", "--summary", "x.txt").code == 2
    assert hil("rig", "--csv").code == 2 and hil("rig", "a.bin", "b.bin").code == 2


def test_pools_by_hand(hil):
    assert "no pools yet" in pool(hil)
    numbers = hil.write("numbers", "# of the second lot\nSN01\n\n SN02  # scratched\nSN03\n")
    assert pool(hil, "import", "--kind", "serial", "serials", "SN10-SN19", "--file", numbers) == "serials: 13 added\n"
    assert pool(hil, "import", "serials", "--file", numbers) == "serials: 0 added, 3 known already\n"
    pool(hil, "retire", "serials", "SN12", "--reason", "printed twice")
    (row,) = json.loads(pool(hil, "--json"))["pools"]
    assert (row["free"], row["retired"]) == (12, 1)
    for args, words in ((("import", "serials", "two words"), "no blanks"), (("import", "x y"), "name"), (("improt",), "did you mean 'import'?"),
                        (("retire", "serials", "SN99"), "has no SN99"), (("import", "macs", "01:00:5e:00:00:01"), "group's address")):
        failed = hil("pool", *args)
        assert failed.code in (2, 3) and words in failed.err, failed.err
    with sqlite3.connect(hil.home / "state/history.db") as db:
        assert db.execute("SELECT count(*) FROM pools").fetchone() == (1,)
