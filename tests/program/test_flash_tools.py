# SPDX-License-Identifier: MIT
"""hil run with the flashing tools that hil knows: stand-ins that behave as the real ones do, for
better and worse, and the real ones of Debian, with no probe to be found."""
import json
import os
import resource
import shutil
import stat
import subprocess
import threading

import pytest
from conftest import firmware, wait_until
from ptyboard import UNITY, PtyBoard, lab_of

IMAGE = firmware("selftest-unity.elf")

OPENOCD = "openocd: {interface: stlink, target: stm32f4x, serial: 066D}"
OPENOCD_GOOD = r"""
echo '** Programming Started **' >&2
echo '** Programming Finished **' >&2
echo '** Verify Started **' >&2
echo '** Verified OK **' >&2
"""


@pytest.fixture
def board(hil):
    player = PtyBoard(hil.home, "uno", lambda board: board.say(UNITY))
    yield player
    player.close()


class Bench:
    """A lab whose one board is flashed by `driver`, and stand-ins on the PATH before all else."""

    def __init__(self, hil, board, driver):
        self.hil = hil
        self.calls = hil.home / "calls"
        self.kept = hil.home / "kept"
        self.kept.mkdir(exist_ok=True)
        self.bin = hil.home / "bin"
        self.bin.mkdir(exist_ok=True)
        self.lab = lab_of(hil, board, recovery="{steps: []}")
        text = self.lab.read_text()
        self.lab.write_text(text.replace(f"cmd: {{run: [cp, '{{file}}', '{board.flash}']}}", driver))
        assert driver in self.lab.read_text()

    def stand_in(self, name, script):
        """A program that writes down its words, keeps the files it finds, and does as `script`."""
        path = self.bin / name
        path.write_text(
            "#!/usr/bin/env bash\n"
            f"printf '%s\\0' \"$@\" >> '{self.calls}'; printf '\\n' >> '{self.calls}'\n"
            f"cp firmware* '{self.kept}'\n" + script
        )
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def run(self, *args, image=IMAGE, **more):
        env = {"PATH": f"{self.bin}:{self.hil.env['PATH']}"}
        return self.hil("run", "--lab", self.lab, *args, "--", image, env=env, **more)

    def flash(self, *args, image=IMAGE):
        env = {"PATH": f"{self.bin}:{self.hil.env['PATH']}"}
        ended = self.hil("flash", "--json", "--lab", self.lab, *args, image, env=env)
        return json.loads(ended.out)["boards"][0]

    def argvs(self):
        lines = self.calls.read_bytes().decode().splitlines()
        return [line.split("\0")[:-1] for line in lines]


def events(result, kind):
    lines = (result.dir / "events.jsonl").read_text().splitlines()
    return [event for event in map(json.loads, lines) if event["kind"] == kind]


def reason(result):
    assert result.code == 3, result.out + result.err
    return result.board()["reason"]


def binary_of(image, home):
    path = home / "expected.bin"
    subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", image, path], check=True)
    return path.read_bytes()


# ---- what works ----------------------------------------------------------------------------------


def test_openocd_gets_the_file_as_it_came(hil, board):
    bench = Bench(hil, board, OPENOCD)
    bench.stand_in("openocd", OPENOCD_GOOD)
    result = bench.run()
    assert result.code == 0, result.out + result.err
    (argv,) = bench.argvs()
    assert "program firmware.elf verify reset" in argv and "adapter serial 066D" in argv
    assert (bench.kept / "firmware.elf").read_bytes() == IMAGE.read_bytes()
    steps = [(event["what"], event["bytes"] * 100 // event["total"]) for event in events(result, "progress")]
    assert steps == [("flash", 0), ("flash", 100), ("verify", 0), ("verify", 100)]
    (log,) = result.dir.rglob("flash.log")
    assert "** Verified OK **" in log.read_text()


AVRDUDE = "avrdude: {part: m328p, programmer: usbasp}"
AVRDUDE_GOOD = "echo 'avrdude: 12432 bytes of flash verified' >&2"


@pytest.mark.parametrize(
    "driver, program, word, says, code, outcome",
    [
        (OPENOCD, "openocd", "verify_image firmware.elf", "verified 12432 bytes in 0.2s (60 KiB/s)", 0, "unchanged"),
        (OPENOCD, "openocd", "verify_image firmware.elf",
         "diff 0 address 0x08000000. Was 0xff instead of 0x20", 1, "flashed"),
        (OPENOCD, "openocd", "verify_image firmware.elf", "Error: open failed", 1, "failed"),
        (AVRDUDE, "avrdude", "flash:v:firmware.hex:a", "avrdude: 12432 bytes of flash verified", 0, "unchanged"),
        (AVRDUDE, "avrdude", "flash:v:firmware.hex:a",
         "avrdude: verification error, first mismatch at byte 0x0010", 1, "flashed"),
    ],
)  # fmt: skip
def test_if_changed_lets_the_tool_compare(hil, board, driver, program, word, says, code, outcome):
    bench = Bench(hil, board, driver)
    good = OPENOCD_GOOD if program == "openocd" else AVRDUDE_GOOD
    bench.stand_in(program, f"case \"$*\" in *'{word}'*) echo '{says}' >&2; exit {code};; esac\n{good}")
    small = hil.write("small.hex", ":0400000001020304F2\n:00000001FF\n")
    image = small if program == "avrdude" else IMAGE
    assert bench.flash("--if-changed", image=image)["outcome"] == outcome
    argvs = bench.argvs()
    assert word in argvs[0] and len(argvs) == (2 if outcome == "flashed" else 1)
    if outcome == "flashed":
        assert word not in argvs[1]


def test_st_flash_gets_a_binary_and_its_address(hil, board):
    bench = Bench(hil, board, "st-flash: {serial: '066D'}")
    bench.stand_in("st-flash", "echo 'INFO common.c: Flash written and verified! jolly good!'")
    assert bench.run().code == 0
    assert bench.argvs() == [["--serial", "066D", "--reset", "write", "firmware.bin", "0x08000000"]]
    assert (bench.kept / "firmware.bin").read_bytes() == binary_of(IMAGE, hil.home)


def test_a_raw_binary_becomes_hex_that_says_its_address(hil, board):
    bench = Bench(hil, board, OPENOCD)
    bench.stand_in("openocd", OPENOCD_GOOD)
    raw = hil.home / "fw.bin"
    raw.write_bytes(bytes(range(256)) * 5)
    result = bench.run("--at", "0x08004000", image=raw)
    assert result.code == 0, result.out + result.err
    shown = hil("image", "--json", bench.kept / "firmware.hex")
    (segment,) = json.loads(shown.out)["segments"]
    assert (segment["address"], segment["size"]) == (0x08004000, 1280)


def test_hostile_names_reach_no_tool(hil, board):
    bench = Bench(hil, board, OPENOCD.replace("066D", "\"} ; exec touch owned [exec touch owned2]\""))
    bench.stand_in("openocd", OPENOCD_GOOD)
    hostile = hil.home / "--help;} [exec touch owned] $(touch owned).elf"
    shutil.copy(IMAGE, hostile)
    result = bench.run(image=hostile.name)
    assert result.code == 0, result.out + result.err
    (argv,) = bench.argvs()
    assert "program firmware.elf verify reset" in argv
    assert "adapter serial \\175\\040\\073\\040exec\\040touch\\040owned\\040\\133exec\\040touch\\040owned2\\135" in argv


def test_progress_is_told_while_the_tool_works(hil, board):
    bench = Bench(hil, board, "esptool: {port: /dev/null}")
    go = hil.home / "go"
    os.mkfifo(go)
    bench.stand_in(
        "esptool.py",
        f"printf '\\rWriting at 0x00001000... (25 %%)'; cat '{go}'\n"
        "printf '\\rWriting at 0x00003000... (100 %%)\\nHash of data verified.\\n'\n",
    )
    raw = hil.home / "fw.bin"
    raw.write_bytes(b"x" * 4000)
    env = {"PATH": f"{bench.bin}:{hil.env['PATH']}"}
    process = hil.start("run", "--lab", bench.lab, "--at", "0x1000", raw, env=env)
    log = hil.out / "events.jsonl"
    wait_until(lambda: log.exists() and '"bytes":1000,' in log.read_text().replace(" ", ""), what="25 %")
    go.write_text("")
    result = hil.finish(process)
    assert result.code == 0, result.out + result.err
    assert [event["bytes"] for event in events(result, "progress")] == [1000, 4000, 4000]


def hex_record(address, data):
    record = bytes([len(data)]) + address.to_bytes(2, "big") + b"\0" + data
    return f":{record.hex().upper()}{-sum(record) & 0xFF:02X}\n"


TWO_PARTS = hex_record(0x1000, b"a" * 100) + hex_record(0x8000, b"b" * 200) + hex_record(0x80C8, b"c" * 100)


@pytest.mark.parametrize(
    "driver,name,script,argvs",
    [
        (
            "esptool: {port: /dev/null}",
            "esptool.py",
            "for i in 1 2; do printf 'Writing at 0x00001000... (50 %%)\rWriting at 0x00001000... (100 %%)\n'\n"
            "echo 'Hash of data verified.'; done",
            [["--port=/dev/null", "write_flash", "0x00001000", "firmware-1.bin", "0x00008000", "firmware-2.bin"]],
        ),
        (
            "picotool: {}",
            "picotool",
            "printf 'Loading into Flash: [=]  50%%\rLoading into Flash: [==]  100%%\n'",
            [["load", "-v", f"firmware-{n}.bin", "-t", "bin", "-o", at] for n, at in ((1, "0x00001000"), (2, "0x00008000"))],
        ),
    ],
)
def test_parts_of_an_image_become_files_of_one_progress(hil, board, driver, name, script, argvs):
    bench = Bench(hil, board, driver)
    bench.stand_in(name, script)
    image = hil.home / "parts.hex"
    image.write_text(TWO_PARTS + ":00000001FF\n")
    result = bench.run(image=image)
    assert result.code == 0, result.out + result.err
    assert bench.argvs() == argvs
    assert (bench.kept / "firmware-1.bin").read_bytes() == b"a" * 100
    assert (bench.kept / "firmware-2.bin").read_bytes() == b"b" * 200 + b"c" * 100
    done = [event["bytes"] for event in events(result, "progress") if event["what"] == "flash"]
    assert done == [50, 100, 250, 400]


def test_padding_stays_within_the_memory(hil, board):
    bench = Bench(hil, board, "bossac: {port: /dev/null}")
    bench.stand_in("bossac", "echo 'Verify successful'")
    image = hil.home / "parts.hex"
    image.write_text(TWO_PARTS + ":00000001FF\n")
    assert bench.run(image=image).code == 0
    kept = (bench.kept / "firmware.bin").read_bytes()
    assert kept == b"a" * 100 + b"\xff" * 0x6F9C + b"b" * 200 + b"c" * 100
    bench.lab.write_text(
        bench.lab.read_text() + "    memory: [{at: 0x1000, size: 0x1000}, {at: 0x8000, size: 0x1000}]\n"
    )
    text = reason(bench.run(image=image))
    assert "with its padding 0x00001000-0x0000812b lies outside the memory of uno (0x00001000-0x00001fff" in text
    assert len(bench.argvs()) == 1


def test_the_console_is_closed_while_the_tool_has_its_port(hil, board):
    bench = Bench(hil, board, f"esptool: {{port: {board.tty}}}")
    bench.stand_in(
        "esptool.py",
        f"ls -l /proc/$PPID/fd | grep -q '{board.tty}$' && {{ echo 'port is open'; exit 1; }}\n"
        "echo 'Hash of data verified.'\n",
    )
    raw = hil.home / "fw.bin"
    raw.write_bytes(b"x" * 100)
    result = bench.run("--at", "0x1000", image=raw)
    assert result.code == 0, result.out + result.err


def test_what_was_written_is_read_back_and_compared(hil, board):
    bench = Bench(hil, board, "dfu-util: {device: '0483:df11'}")
    script = (
        'while (($#)); do case $1 in -D) touch readback.bin; echo "File downloaded successfully"; exit 74 ;;\n'
        '-U) [[ ! -e $2 ]] || exit 73; cp firmware.bin "$2"; %s exit 0 ;; esac; shift; done\n'
    )
    bench.stand_in("dfu-util", script % "")
    result = bench.run()
    assert result.code == 0, result.out + result.err
    assert [("-D" in argv, "-U" in argv) for argv in bench.argvs()] == [(True, False), (False, True)]
    bench.stand_in("dfu-util", script % "printf X | dd of=$2 bs=1 seek=16 conv=notrunc status=none;")
    assert "verify: verify failed at 0x08000010" in reason(bench.run())
    bench.stand_in("dfu-util", script % "truncate -s 100 $2;")
    assert "verify: verify failed at 0x08000064: no more was read" in reason(bench.run())


@pytest.mark.parametrize(
    "driver,name,output,wrong,call",
    [
        ("cubeprogrammer: {chip: 0x413}", "STM32_Programmer_CLI", "Device ID   : 0x421", "0x421", ["-c", "port=SWD"]),
        ("st-flash: {chip: F405}", "st-flash", "INFO common.c: F446: 128 KiB SRAM", "F446: 128 KiB SRAM", ["reset"]),
        ("stm32flash: {port: /dev/null, chip: 0x413}", "stm32flash", "Device ID    : 0x0410 (F1)", "0x0410", ["/dev/null"]),
    ],
)
def test_another_chip_is_never_erased(hil, board, driver, name, output, wrong, call):
    bench = Bench(hil, board, driver)
    bench.stand_in(name, f"echo '{output}'")
    text = reason(bench.run())
    assert f"identify: this chip is '{wrong}', not the '" in text and "nothing was erased" in text
    assert bench.argvs() == [call]


# ---- what fails ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "driver,name,script,words",
    [
        (
            "cubeprogrammer: {}",
            "STM32_Programmer_CLI",
            "printf '\\nError: No debug probe detected.\\n'; exit 0",
            'no probe found: "Error: No debug probe detected."; is it plugged in',
        ),
        (
            "cubeprogrammer: {}",
            "STM32_Programmer_CLI",
            "echo 'File download complete'; exit 0",
            'never said "Download verified successfully"',
        ),
        (
            OPENOCD,
            "openocd",
            "echo 'Warn : no flash bank found for address 0x10000000' >&2" + OPENOCD_GOOD,
            "the firmware lies outside the chip's flash",
        ),
        (OPENOCD, "openocd", OPENOCD_GOOD + "exit 3", "exit 3: ** Verified OK **"),
        (OPENOCD, "openocd", OPENOCD_GOOD + "kill -SEGV $$", "killed by SIGSEGV"),
        (
            "jlink: {device: STM32F405RG}",
            "JLinkExe",
            "grep -qx 'loadfile firmware.elf' flash.script || exit 9\n"
            "echo '****** Error: Writing target memory failed.'",
            "writing failed",
        ),
        ("esptool: {port: /dev/ttyNOWHERE}", "esptool.py", "", 'the port is not there: "/dev/ttyNOWHERE"'),
        ("avrdude: {part: m328p, programmer: usbasp}", "avrdude", "", "would not write as flash"),
        ("bossac: {port: /dev/null, base: 0x09000000}", "bossac", "", "before the `base` of the flash"),
    ],
)
def test_failures_say_what_to_do(hil, board, driver, name, script, words):
    bench = Bench(hil, board, driver)
    bench.stand_in(name, script)
    assert words in reason(bench.run())
    assert board.resets == 0


def test_a_hung_tool_is_ended_with_its_group(hil, board):
    bench = Bench(hil, board, OPENOCD)
    bench.stand_in(
        "openocd",
        "trap '' TERM; echo 'Error: timed out while waiting for target halted'\n(trap '' TERM; sleep 600) &\nsleep 600; sleep 600\n",
    )
    result = bench.run("--timeout", "flash=500ms")
    text = reason(result)
    assert "timed out" in text and "the chip is not halted" in text
    assert result.seconds < 10
    (log,) = result.dir.rglob("flash.log")
    assert "target halted" in log.read_text()
    # The fixture fails the test where anything of it still runs.


def test_a_tool_that_floods_costs_no_memory(hil, board):
    bench = Bench(hil, board, OPENOCD)
    bench.stand_in("openocd", "head -c 60000000 /dev/zero | tr '\\0' x; echo" + OPENOCD_GOOD)
    result = bench.run()
    assert result.code == 0, result.out + result.err
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 1_000_000
    (log,) = result.dir.rglob("flash.log")
    assert log.stat().st_size > 60_000_000


def test_a_missing_tool_says_where_it_comes_from(hil, board):
    bench = Bench(hil, board, "probe-rs: {chip: STM32F405RGTx}")
    assert "probe-rs: program not found in PATH; install probe-rs" in reason(bench.run())


# ---- a tool that resets --------------------------------------------------------------------------


def resets_by(hil, board, driver):
    lab = lab_of(hil, board, reset=driver)
    lines = [line for line in lab.read_text().splitlines(True) if "reset: {cmd" not in line]
    lab.write_text("".join(lines))
    return lab


def test_openocd_resets(hil, board):
    bench = Bench(hil, board, OPENOCD)
    bench.lab = resets_by(hil, board, "{" + OPENOCD + "}")
    bench.stand_in("openocd", f"cat '{board.dir}/r' > '{board.fifo}'; echo 'shutdown command invoked' >&2")
    result = bench.run()
    assert result.code == 0, result.out + result.err
    (argv,) = bench.argvs()
    assert argv[-6:] == ["-c", "init", "-c", "reset run", "-c", "shutdown"] and "adapter serial 066D" in argv
    (log,) = result.dir.rglob("reset.log")
    assert log.read_text() == "shutdown command invoked\n"
    env = {"PATH": f"{bench.bin}:{hil.env['PATH']}"}
    assert hil("reset", "--lab", bench.lab, "uno", env=env).code == 0
    bench.stand_in("openocd", "echo 'Error: open failed' >&2; exit 1")
    ended = hil("reset", "--lab", bench.lab, "uno", env=env)
    assert ended.code == 3 and 'reset openocd: no probe found: "Error: open failed"' in ended.err, ended.err


# ---- the real ones -------------------------------------------------------------------------------

DUMMY = """
adapter driver dummy
transport select jtag
adapter speed 100
jtag newtap t cpu -irlen 4
target create t.cpu testee -chain-position t.cpu
flash bank b0 faux 0x08000000 0x100000 0 0 t.cpu
"""


@pytest.mark.parametrize(
    "driver,words",
    [
        (OPENOCD, 'no probe found: "Error: open failed"'),
        ("openocd: {interface: cmsis-dap, target: stm32f4x}", "no probe found"),
        ("openocd: {interface: jlink, target: stm32f4x, transport: swd}", "no probe found"),
        ("openocd: {interface: stlnk, target: stm32f4x}", "Can't find interface/stlnk.cfg"),
        ("st-flash: {serial: 066D}", "no probe found"),
        ("dfu-util: {device: '0483:df11', serial: 'a,b'}", "No DFU capable USB device available"),
        ("stm32flash: {port: /dev/null}", "the port is not there"),
    ],
)
def test_real_tools_without_a_probe(hil, board, driver, words):
    assert words in reason(Bench(hil, board, driver).run())


@pytest.mark.parametrize(
    "driver,words",
    [
        ("avrdude: {part: m328p, programmer: usbasp}", "no probe found"),
        ("avrdude: {part: m328p, programmer: nonesuch}", "refuses its options"),
        ("avrdude: {part: m328p, programmer: arduino, port: /dev/null}", "the port is not there"),
    ],
)
def test_real_avrdude_without_a_programmer(hil, board, driver, words):
    image = hil.home / "blink.hex"
    image.write_text(":0400000001020304F2\n:00000001FF\n")
    assert words in reason(Bench(hil, board, driver).run(image=image))


def test_real_openocd_programs_its_make_believe_flash(hil, board):
    """OpenOCD's own test hardware: an adapter, a target and a flash that are not there. What it
    cannot do is read back, so it finds that nothing was written; told to trust, it is content."""
    dummy = hil.write("dum my}.cfg", DUMMY)
    target = hil.write("target.cfg", "")
    driver = f"openocd: {{interface: '{dummy}', target: {target}}}"
    assert 'verify failed: "' in reason(Bench(hil, board, driver).run())
    # `init` makes OpenOCD's own verify_image, which ours then replaces.
    target.write_text("init\nproc verify_image {args} {}\n")
    result = Bench(hil, board, driver).run()
    assert result.code == 0, result.out + result.err
    assert [event["what"] for event in events(result, "progress")] == ["flash", "flash", "verify", "verify"]


def test_real_openocd_resets_nothing_and_ends_with_0(hil, board):
    dummy = hil.write("dummy.cfg", DUMMY)
    target = hil.write("target.cfg", "")
    lab = resets_by(hil, board, f"{{openocd: {{interface: '{dummy}', target: {target}}}}}")
    ended = hil("reset", "--lab", lab, "uno")
    assert ended.code == 3 and "the probe finds no chip" in ended.err, ended.err


# ---- flash layouts -------------------------------------------------------------------------------

LAYOUT = (
    "#Opt\tId\tName\tType\tIP\tOffset\tBinary\n"
    "-\t0x01\tfsbl1-boot\tBinary\tnone\t0x0\tboot/tf-a.stm32\n"
    "P\t0x11\trootfs\tFileSystem\tmmc0\t0x1000\trootfs.ext4\n"
    "PE\t0x12\tuserfs\tFileSystem\tmmc0\t0x2000\tnone\n"
)
LAYOUT_GOOD = r"""
printf 'Start Embedded Flashing service\n\nMemory Programming ...\nDownload in Progress:\n 0%%\r 50%%\r 100%%\n\n'
printf 'File download complete\nStart operation done successfully at partition 0x01\n'
printf 'Flashing service completed successfully\n'
"""


@pytest.fixture
def layout(hil, board):
    bench = Bench(hil, board, "cubeprogrammer: {port: USB1}")
    bench.layout = hil.home / "layout.tsv"
    bench.layout.write_text(LAYOUT)
    (hil.home / "boot").mkdir()
    (hil.home / "boot/tf-a.stm32").write_bytes(b"first stage")
    (hil.home / "rootfs.ext4").write_bytes(b"root" * 1000)
    return bench


def test_a_flash_layout_and_what_it_names(layout):
    layout.stand_in("STM32_Programmer_CLI", LAYOUT_GOOD)
    result = layout.run(image=layout.layout)
    assert result.code == 0, result.out + result.err
    assert layout.argvs() == [["-c", "port=USB1", "-w", "firmware.tsv"]]
    rows = [line.split("\t") for line in (layout.kept / "firmware.tsv").read_text().splitlines()]
    assert [row[6] for row in rows] == [f"{layout.hil.home}/boot/tf-a.stm32", f"{layout.hil.home}/rootfs.ext4", "none"]
    image = result.board()["image"]
    assert image["format"] == "tsv" and image["size_bytes"] == 11 + 4000
    (layout.hil.home / "rootfs.ext4").write_bytes(b"root" * 999 + b"ROOT")
    assert layout.run(image=layout.layout).board()["image"]["sha256"] != image["sha256"]


def test_a_layout_that_ends_without_its_last_words_has_failed(layout):
    layout.stand_in("STM32_Programmer_CLI", "echo 'File download complete'\n")
    assert layout.run(image=layout.layout).code == 3


def test_what_a_layout_names_is_there_before_anything_starts(layout):
    layout.stand_in("STM32_Programmer_CLI", LAYOUT_GOOD)
    (layout.hil.home / "rootfs.ext4").unlink()
    result = layout.run(image=layout.layout)
    assert result.code == 2 and "layout.tsv:3: 'rootfs.ext4' is no file" in result.err
    assert not layout.calls.exists()


def test_other_ways_of_flashing_take_no_layout(hil, board, layout):
    text = layout.lab.read_text()
    layout.lab.write_text(text.replace("cubeprogrammer: {port: USB1}", "cmd: {run: ['true', '{file}']}"))
    result = layout.run(image=layout.layout)
    assert result.code == 2 and "is a flash layout, which flash cmd of uno cannot take; cubeprogrammer can" in result.err


def test_what_a_layout_holds(layout):
    result = layout.hil("image", layout.layout)
    assert result.code == 0 and "format    tsv" in result.out and "boot/tf-a.stm32  11" in result.out, result.out
    shown = json.loads(layout.hil("image", "--json", layout.layout).out)
    assert [file["size"] for file in shown["files"]] == [11, 4000]
