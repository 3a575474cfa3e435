# SPDX-License-Identifier: MIT
"""hil discover on trees that are not there: what is shown, and what --write makes of it."""
import json
import os
import pty
import re
import shutil
import subprocess

import pytest
from conftest import ROOT
from usblab import FTDI, NUCLEO, STLINK, UsbLab

LAB = """# the bench by the window
lab: bench-a
boards:
  nucleo-9:             # the old one
    labels: [nucleo-l476rg]
    flash: {cmd: {run: [flash, 0669FF00]}}
    reset: {cmd: {run: [reset]}}
    console: {serial: {usb-serial: 0669FF00, baud: 115200}}

# nothing runs longer than this
defaults:
  timeouts: {total: 5m}
"""


def test_the_tree_as_it_is_plugged(hil):
    result = UsbLab(hil, FTDI, STLINK, NUCLEO, 'device 2-1 id=046d:c52b name="USB Receiver"')("discover")
    assert result.code == 0, result.err
    rows = [re.split(r"\s{2,}", line.rstrip()) for line in result.out.splitlines()]
    assert ["", "1-1.4", "ST-LINK/V2-1", "0483:374b", "066DFF515754888367131638", "/dev/ttyACM0", "new"] in rows
    assert ["", "2-1", "USB Receiver", "046d:c52b", "-"] in rows
    order = [row[1] for row in rows if len(row) > 1 and re.match(r"^\d-[\d.]+$", row[1])]
    assert order == ["1-1", "1-1.1", "1-1.2", "1-1.4", "2-1"]
    assert "nucleo-f446re: ST-LINK/V2-1 at 1-1.4, console /dev/ttyACM0, its own" in result.out
    assert "st-link-v2: ST-LINK/V2 at 1-1.2, console /dev/ttyUSB0 of the FTDI FT232R beside it" in result.out


def test_nothing_plugged_in(hil):
    result = UsbLab(hil)("discover")
    assert result.code == 0 and "What makes a board" not in result.out


def test_nothing_to_write_is_no_file(hil):
    result = UsbLab(hil)("discover", "--write", "--yes", "-l", "new.yaml")
    assert result.code == 0 and not (hil.home / "new.yaml").exists()
    assert result.out.endswith("Nothing that is plugged in makes a board: new.yaml was not written.\n")


def test_ambiguities_are_named(hil):
    twin = STLINK.replace("1-1.2", "1-1.3")
    nameless = "device 1-1.5 id=0483:3748 if=ff/ff/ff"
    result = UsbLab(hil, FTDI, STLINK, twin, nameless, 'device 1-1.6 id=1a86:7523 unconfigured')("discover")
    for words in (
        "1-1.2, 1-1.3 share the serial number 35FF6B06: choose them by their hub paths",
        "1-1.5 (ST-LINK/V2) has no serial number",
        "/dev/ttyUSB0 (FTDI FT232R) could be the console of several boards on hub 1-1",
        "1-1.6 (1a86:7523) is not configured",
        "1-1.3, no console found",
    ):
        assert words in result.out


def test_json_for_programs(hil):
    hil.write("lab.yaml", LAB.replace("0669FF00", "066DFF515754888367131638"))
    result = UsbLab(hil, FTDI, NUCLEO)("discover", "--json")
    found = json.loads(result.out)
    assert found["schema"] == 1 and found["missing"] == [] and len(found["notes"]) == 1
    device = {device["path"]: device for device in found["devices"]}["1-1.4"]
    assert device["vendor"] == "0483" and device["kind"] == "probe" and device["parent"] == "1-1"
    assert device["ttys"][0]["by_path"].endswith("usb-0:1.4:1.2")
    (board,) = found["boards"]
    assert board == {
        "path": "1-1.4", "likely": "nucleo-f446re", "serial_unique": True, "console": "own",
        "console_path": "1-1.4", "tty": "/dev/ttyACM0", "board": "nucleo-9", "new": False,
    }


def test_hubs_and_whether_they_switch(hil):
    hubs = ("hub 2-1 speed=5000 switching=ports twin=1-3", "hub 1-1.2 switching=ganged ports=7",
            "hub 1-4 silent", "device 1-1.2.6 id=1209:0001 serial=77 drive=FEATHERBOOT if=08/06/50")
    usb = UsbLab(hil, "hub 1-3 switching=ports", *hubs)
    result = usb("discover")
    for words in (
        "1-3 and 2-1, one box: claims to switch each port by itself",
        "  1-1.2: claims to switch its ports, all together",
        "  1-1: cannot switch its ports",
        "  1-4: could not be asked (the device does not answer)",
        "power: {usb-hub: {location: 1-3, port: N}}",
        "UF2 bootloader, drive FEATHERBOOT",
    ):
        assert words in result.out
    devices = {device["path"]: device for device in json.loads(usb("discover", "--json").out)["devices"]}
    assert devices["1-3"]["hub"] == {"ports": 4, "claims": "per-port", "why_not": None, "twin": "2-1"}
    assert devices["1-1.2"]["hub"] == {"ports": 7, "claims": "ganged", "why_not": None, "twin": None}
    assert devices["1-4"]["hub"]["claims"] is None and "does not answer" in devices["1-4"]["hub"]["why_not"]
    assert devices["1-1.2.6"]["hub"] is None and devices["1-1.2.6"]["drive_node"].startswith("/dev/sd")


def test_looking_opens_no_device(hil):
    """A bootloader counts each request, open() and its own questions included."""
    log = hil.home / "usb.state"
    usb = UsbLab(hil, NUCLEO, FTDI, f"bootloader 1-1.3 serial=S state={log}")
    assert usb("discover").code == 0
    assert json.loads(log.read_text())["requests"] == 0


# ---- --write ---------------------------------------------------------------------------------


def apply_diff(hil, text, out):
    """The diff that was shown, applied with patch(1)."""
    start = out.index("--- ")
    end = out.index("\nWritten to")
    hil.write("before.yaml", text)
    hil.write("shown.diff", out[start:end] + "\n")
    done = subprocess.run(
        ["patch", "-s", "before.yaml", "shown.diff"], cwd=hil.home, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return (hil.home / "before.yaml").read_text()


def test_write_keeps_every_byte_and_shows_the_change(hil):
    path = hil.write("lab.yaml", LAB)
    usb = UsbLab(hil, NUCLEO, "bootloader 1-2 serial=357B31563235", 'device 1-3 id=0403:6001 serial=A5 if=ff/ff/ff,ttyUSB3')
    result = usb("discover", "--write", "--yes")
    assert result.code == 0, result.err
    after = path.read_text()
    added = [line for line in after.splitlines() if line not in LAB.splitlines()]
    assert [line for line in after.splitlines() if line not in added] == LAB.splitlines()
    assert after.index("nucleo-f446re-1:") < after.index("# nothing runs longer")
    assert "nucleo-9: serial 0669FF00" not in result.out  # cmd's arguments are anybody's
    assert "nucleo-9: usb-serial 0669FF00" in result.out
    shown = hil("boards", "--json")
    assert shown.code == 0, shown.err
    boards = {board["name"]: board for board in json.loads(shown.out)["boards"]}
    assert list(boards) == ["nucleo-9", "nucleo-f446re-1", "stm32-1"]
    assert "memory: [{at: 0x08000000, size: 1024K}]" in after
    assert boards["stm32-1"]["drivers"] == {"power": None, "reset": "dfu", "flash": "dfu", "console": "serial"}
    assert after.count('{openocd: {interface: stlink, target: stm32f4x, serial: "066DFF515754888367131638"}}') == 2
    assert apply_diff(hil, LAB, result.out) == after
    # once more: all is known
    again = usb("discover", "--write", "--yes")
    assert "lab.yaml has all that is plugged in" in again.out
    assert path.read_text() == after


def test_a_first_lab_is_made(hil):
    result = UsbLab(hil, NUCLEO)("discover", "--write", "--yes")
    assert result.code == 0, result.err
    assert hil("boards", "--names").out.split() == ["nucleo-f446re-1", "nucleo-f446re"]


def test_what_cannot_be_known_is_a_comment(hil):
    path = hil.write("lab.yaml", LAB)
    usb = UsbLab(hil, "device 1-1.2 id=1366:0105 serial=000123 name=J-Link if=ff/ff/ff")
    result = usb("discover", "--write", "--yes")
    assert result.code == 0
    assert "1 board is still a comment" in result.out
    assert "# still needs the chip's OpenOCD target for TARGET; a console:" in path.read_text()
    assert hil("boards").code == 0
    assert "has all that is plugged in" in usb("discover", "--write", "--yes").out


def test_by_hub_path_where_the_serial_number_says_nothing(hil):
    usb = UsbLab(hil, *(f"bootloader 1-1.{port} serial=SAME" for port in (2, 3)),
                 "device 2-1 id=0483:3748 serial=[exec{ls}] if=ff/ff/ff")
    result = usb("discover", "--write", "--yes")
    text = (hil.home / "lab.yaml").read_text()
    assert "{dfu: {path: 1-1.2, leave: false}}" in text and "{dfu: {path: 1-1.3}}" in text
    assert text.count('{openocd: {interface: stlink, target: TARGET, location: "2-1"}}') == 2
    assert "odd characters in its serial number" in result.out


def test_what_a_device_says_cannot_write_the_lab(hil):
    """U+0085 ends a line for YAML; quotes, braces and blanks would end what they stand in."""
    evil = '\u0085  evil: {flash: {cmd: {run: [x]}}}'
    usb = UsbLab(
        hil,
        f'device 1-1.2 id=0483:374b "serial=S{evil}" "name=N{evil}" "drive=NODE_x: {{[y" if=02/02/01,ttyACM0',
    )
    assert usb("discover", "--write", "--yes").code == 0
    text = (hil.home / "lab.yaml").read_text()
    assert "evil" not in text and "\u0085" not in text
    assert "nucleo-x-y-1: # ST-LINK/V2-1 at 1-1.2\n" in text


def on_a_terminal(usb, answers, *args):
    """hil on a terminal of its own: the answers go in one by one, as each question is seen."""
    master, slave = pty.openpty()
    process = usb.start("discover", "--write", *args, stdin=slave)
    for answer in answers:
        os.write(master, answer.encode() + b"\n")
    result = usb.hil.finish(process)
    os.close(master)
    os.close(slave)
    return result


def test_asked_on_a_terminal(hil):
    path = hil.write("lab.yaml", LAB)
    result = on_a_terminal(UsbLab(hil, NUCLEO), ["-bad name", "window", "nucleo-f446re", "", "y"])
    assert result.code == 0, result.out + result.err
    assert "Name [nucleo-f446re-1]: It must be made of letters" in result.out
    assert "  window: # ST-LINK/V2-1 at 1-1.4" in path.read_text()


def test_no_is_an_answer(hil):
    path = hil.write("lab.yaml", LAB)
    result = on_a_terminal(UsbLab(hil, NUCLEO), ["", "", "n", "n"])
    assert result.code == 1
    assert "nothing was written" in result.err
    assert "+  nucleo-f446re-1:" in result.out
    assert path.read_text() == LAB


def test_without_a_terminal_nobody_is_asked(hil):
    path = hil.write("lab.yaml", LAB)
    result = UsbLab(hil, NUCLEO)("discover", "--write")
    assert result.code == 2 and "--yes" in result.err
    assert path.read_text() == LAB


@pytest.mark.parametrize("args", [("--yes",), ("--remove-missing",), ("--write", "--json"), ("operand",),
                                  ("--write", "--yes", "--remove-missing", "--import", "x")])
def test_mistakes_on_the_command_line(hil, args):
    assert UsbLab(hil)("discover", *args).code == 2


def test_a_broken_lab_is_not_touched(hil):
    path = hil.write("lab.yaml", "boards:\n  a: [\n")
    result = UsbLab(hil, NUCLEO)("discover", "--write", "--yes")
    assert result.code == 2 and "lab.yaml:" in result.err
    assert path.read_text() == "boards:\n  a: [\n"


# ---- what is gone ----------------------------------------------------------------------------

GONE = """lab: bench-a
boards:
  # bought in spring
  old:                  # the one that broke
    labels: [nucleo-l476rg]
    flash: {cmd: {run: [flash, 0669FF00]}}
    reset: {cmd: {run: [reset]}}
    console: {serial: {usb-serial: 0669FF00}}

  # the one that stays
  here:
    labels: [nucleo-f446re]
    flash: {openocd: {interface: stlink, target: stm32f4x, serial: 066DFF515754888367131638}}
    console: {serial: {path: /dev/serial/by-id/usb-0483_374b_066DFF515754888367131638-if02}}
  switched:             # off, as it seems
    flash: {dfu: {path: 1-1.7}}
    console: {tcp: {host: localhost, port: 1}}
    power: {usb-hub: {location: 1-1, port: 7}}
  lost:
    flash: {dfu: {path: 1-9.7}}
    console: {tcp: {host: localhost, port: 1}}
    power: {usb-hub: {location: 1-9, port: 7}}
watch:
  - {repository: a/b, boards: [here, lost]}
"""
KEPT = GONE.replace(GONE[GONE.index("  # bought") : GONE.index("  # the one that stays")], "")
KEPT = KEPT.replace(KEPT[KEPT.index("  lost:") : KEPT.index("watch:")], "")


def test_what_is_gone_is_removed_when_asked_for(hil):
    path = hil.write("lab.yaml", GONE)
    usb = UsbLab(hil, NUCLEO)
    assert json.loads(usb("discover", "--json").out)["gone"] == ["old", "lost"]
    kept = usb("discover", "--write", "--yes")
    assert kept.code == 0 and "2 boards are kept of which nothing is plugged in" in kept.out
    assert path.read_text() == GONE
    result = usb("discover", "--write", "--yes", "--remove-missing")
    assert result.code == 0, result.err
    assert path.read_text() == KEPT
    assert result.out.count("@@ -") == 2  # a hunk for each: what stays between is not in it
    assert apply_diff(hil, GONE, result.out.replace("lab.yaml:13 still names lost.\n", "")) == KEPT
    assert "lab.yaml:13 still names lost." in result.out


def test_what_is_gone_is_asked_for_on_a_terminal(hil):
    path = hil.write("lab.yaml", GONE)
    result = on_a_terminal(UsbLab(hil, NUCLEO), ["y", "n", "y"])
    assert result.code == 0, result.out + result.err
    assert "Nothing of old is plugged in. Remove it from the lab's file? [y/N]" in result.out
    after = path.read_text()
    assert "old:" not in after and "bought" not in after and "lost:" in after


def test_a_rebuilt_bench_in_one_go(hil):
    path = hil.write("lab.yaml", LAB)
    result = UsbLab(hil, NUCLEO)("discover", "--write", "--yes", "--remove-missing")
    assert result.code == 0, result.err
    assert "nucleo-9" not in path.read_text() and hil("boards", "--names").out.split()[0] == "nucleo-f446re-1"


def test_the_last_board_is_not_removed(hil):
    path = hil.write("lab.yaml", LAB)
    result = UsbLab(hil)("discover", "--write", "--yes", "--remove-missing")
    assert result.code == 2 and "to start anew, remove the file" in result.err
    assert path.read_text() == LAB


# ---- probes alike ----------------------------------------------------------------------------


def test_boards_with_one_serial_number_are_each_flashed_by_their_path(hil):
    """What was written, less its comment signs and with a console, flashes the one that it means."""
    states = [hil.home / f"usb{port}.state" for port in (2, 3)]
    usb = UsbLab(hil, *(f"bootloader 1-1.{port} serial=SAME state={state}" for port, state in zip((2, 3), states)))
    assert usb("discover", "--write", "--yes").code == 0
    path = hil.home / "lab.yaml"
    text = re.sub(r"^  # still .*\n", "", path.read_text(), flags=re.M)
    text = re.sub(r"^  # ", "  ", text, flags=re.M)
    path.write_text(re.sub(r"(    reset: .*\n)", r"\1    console: {tcp: {host: localhost, port: 1}}\n", text))
    (hil.home / "fw.bin").write_bytes(os.urandom(3000))
    result = usb("flash", "--at", "0x08000000", "stm32-2=fw.bin")
    assert result.code == 0, result.out + result.err
    first, second = (state.with_name(state.name + ".flash").read_bytes()[:3000] for state in states)
    assert second == (hil.home / "fw.bin").read_bytes() and first != second


@pytest.mark.skipif(not shutil.which("openocd"), reason="openocd is not installed (scripts/install-deps tools)")
def test_openocd_opens_the_probe_that_was_meant(hil):
    """The real one, which cannot go on as nobody answers; what was written leads it to one probe alone."""
    counts = [hil.home / f"usb{port}.count" for port in (2, 3)]
    probes = (NUCLEO.replace("1-1.4", f"1-1.{port}").replace("ttyACM0", f"ttyACM{port}") + f" requests={count}"
              for port, count in zip((2, 3), counts))
    # OpenOCD has hil's sanitizer in it, too, which writes about what OpenOCD does with stacks: not into the log
    # that is looked through. What it says of hil is in hil's exit code.
    hil.env["ASAN_OPTIONS"] = "detect_leaks=0"
    usb = UsbLab(hil, *probes)
    assert usb("discover", "--write", "--yes").code == 0
    assert [int(count.read_text()) for count in counts] == [0, 0]
    assert (hil.home / "lab.yaml").read_text().count("/dev/serial/by-path/") == 2  # their ttys are alike, too
    (hil.home / "fw.bin").write_bytes(bytes(64))
    path = hil.home / "lab.yaml"
    path.write_text(re.sub("(    labels: .*\n)", r"\1    recovery: {steps: []}\n", path.read_text()))
    result = usb("flash", "--at", "0x08000000", "--timeout", "flash=3s", "nucleo-f446re-2=fw.bin")
    assert result.code == 3, result.out + result.err
    first, second = (int(count.read_text()) for count in counts)
    assert first == 0 and second > 0


def test_a_tty_whose_serial_number_is_no_ones_own_goes_by_its_port(hil):
    alike = 'if=02/02/01,ttyACM{0} if=02/02/01,ttyACM{1}'
    usb = UsbLab(
        hil,
        "device 1-1.2 id=1d50:6018 serial=SAME " + alike.format(0, 1),
        "device 1-1.3 id=1d50:6018 serial=SAME " + alike.format(2, 3),
        "hub 1-2", STLINK.replace("1-1.2", "1-2.1"), "device 1-2.2 id=1a86:7523 if=ff/ff/ff,ttyUSB7",
    )
    assert usb("discover", "--write", "--yes").code == 0
    text = (hil.home / "lab.yaml").read_text()
    assert "by-id" not in text
    for port in ("usb-0:1.2:1.0", "usb-0:1.2:1.1", "usb-0:1.3:1.0", "usb-0:1.3:1.1", "usb-0:2.2:1.0"):
        assert text.count(port + '"') == 1, port


def test_probes_that_no_tool_can_tell_apart(hil):
    daps = (f"device 1-1.{port} id=0d28:0204 serial=SAME name=CMSIS-DAP if=ff/00/00" for port in (2, 3))
    result = UsbLab(hil, *daps)("discover", "--write", "--yes")
    assert "1-1.2, 1-1.3 share the serial number SAME: no tool tells them apart" in result.out
    text = (hil.home / "lab.yaml").read_text()
    assert text.count("# still needs a serial number of its own for SERIAL") == 2
    assert text.count('interface: cmsis-dap, target: TARGET, serial: "SERIAL"') == 4 and "location" not in text


def test_a_board_that_is_its_bootloaders_drive(hil):
    """Complete where a hub can switch it off and on; its tty comes with its firmware, at the same port."""
    pico = "id=2e8a:0003 serial=E0C9125B0D9B drive=RPI-RP2 if=08/06/50"
    usb = UsbLab(hil, "hub 1-3 switching=ports", "device 1-3.2 " + pico, "device 1-4 " + pico)
    result = usb("discover", "--write", "--yes")
    assert result.code == 0 and " 1 board is still a comment" in result.out, result.out + result.err
    text = (hil.home / "lab.yaml").read_text()
    assert "    flash: {uf2: {path: 1-3.2}}\n    power: {usb-hub: {location: 1-3, port: 2}}\n" in text, text
    assert "    console: {serial: {usb-path: 1-3.2, baud: 115200}}" in text
    assert "# still needs a reset or power driver:\n" in text and "#   flash: {uf2: {path: 1-4}}" in text
    boards = json.loads(usb("boards", "--json").out)["boards"]
    assert [board["name"] for board in boards] == ["rp2040-1"], boards


def test_an_esp_by_its_own_usb_port(hil):
    usb = UsbLab(hil, "device 1-1.5 id=303a:1001 serial=34:85:18:AA:BB:CC if=02/02/01,ttyACM3 if=ff/ff/01")
    result = usb("discover", "--write", "--yes")
    text = (hil.home / "lab.yaml").read_text()
    assert result.code == 0 and "comment" not in result.out, text
    assert re.search(r'flash: {esptool: {port: "/dev/serial/by-[^"]+"}}', text), text
    assert "    reset: {serial: {pattern: esptool}}\n" in text and "    console: {serial: {usb-serial: " in text, text
    assert usb("boards").code == 0


@pytest.mark.skipif(not shutil.which("openocd"), reason="needs openocd")
def test_openocd_has_every_interface_that_is_proposed(hil):
    ids = ("0483:3748", "0483:374b", "0483:374f", "1366:0105", "0d28:0204 name=CMSIS-DAP", "2e8a:0004", "2e8a:000c", "303a:1002")
    usb = UsbLab(hil, *(f"device 1-1.{i} id={each} serial=S{i} if=ff/ff/00" for i, each in enumerate(ids, 1)))
    assert usb("discover", "--write", "--yes").code == 0
    names = set(re.findall(r"interface: ([\w-]+)", (hil.home / "lab.yaml").read_text()))
    assert {"stlink", "jlink", "cmsis-dap"} <= names
    for name in names:
        run = subprocess.run(["openocd", "-c", f"script interface/{name}.cfg", "-c", "shutdown"], capture_output=True, text=True)
        assert run.returncode == 0, run.stderr


# ---- --import --------------------------------------------------------------------------------

GOLDEN = ROOT / "tests" / "golden" / "import"


@pytest.mark.parametrize("name, boards", [("config.json", 2), ("hardware-map.yaml", 2), ("boards.yml", 5)])
def test_another_programs_inventory(hil, name, boards):
    """golden: the lab.yaml that it becomes; a board of it is plugged in, so its tty is known."""
    plugged = NUCLEO, "device 1-1.5 id=0483:5740 serial=208230913036 if=02/02/01,ttyACM5"
    result = UsbLab(hil, *plugged)("discover", "--write", "--yes", "--import", GOLDEN / name)
    assert result.code == 0, result.err
    text = (hil.home / "lab.yaml").read_text()
    assert text == (GOLDEN / f"{name}.lab.yaml").read_text()
    shown = hil("boards", "--json")
    assert shown.code == 0, shown.err
    assert len(json.loads(shown.out)["boards"]) == boards
    again = UsbLab(hil, *plugged)("discover", "--write", "--yes", "--import", GOLDEN / name)
    assert again.code == 0 and "left out: " in again.out
    assert (hil.home / "lab.yaml").read_text() == text


def test_the_limit_of_a_remote_flasher_becomes_the_labs(hil):
    file = json.loads((GOLDEN / "config.json").read_text())
    del file["servers"]["pi1"]["hostnames"]  # it is this host
    usb = UsbLab(hil, NUCLEO)
    both = usb("discover", "--write", "--yes", "--import", hil.write("both.json", json.dumps(file)))
    assert "mind: pi1 flashes at most 4 boards at once: on that host, lab.yaml is to have max-parallel: {lab: 4}" in both.out
    (hil.home / "lab.yaml").unlink()
    del file["servers"]["pi2"]
    alone = hil.write("alone.json", json.dumps(file))
    assert usb("discover", "--write", "--yes", "--import", alone).code == 0
    assert "\nmax-parallel: {lab: 4}\nboards:\n" in "\n" + (hil.home / "lab.yaml").read_text()
    assert hil("boards").code == 0


def test_no_inventory_at_all(hil):
    usb = UsbLab(hil)
    hil.write("x.yaml", "boards: {}\n")
    result = usb("discover", "--write", "--yes", "--import", "x.yaml")
    assert result.code == 2 and "neither a config.json" in result.err
    hil.write("x.yaml", "boards:\n  a: {flash: {cmd: {run: [x]}}}\n")
    assert "nor a list of boards with 'port'" in usb("discover", "--write", "--yes", "--import", "x.yaml").err
    hil.write("x.yaml", "a: [\n")
    assert "x.yaml:" in usb("discover", "--write", "--yes", "--import", "x.yaml").err
    assert usb("discover", "--write", "--yes", "--import", "none.yaml").code != 0
    assert usb("discover", "--import", "x.yaml").code == 2
    assert not (hil.home / "lab.yaml").exists()
