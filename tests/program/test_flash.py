# SPDX-License-Identifier: MIT
"""hil flash: firmware onto several boards at once, and nothing else."""
import json
import signal
import time

import pytest
from conftest import LAB, firmware, processes_in, wait_until
from usblab import UsbLab

UNITY, TAP = firmware("selftest-unity.elf"), firmware("selftest-tap.elf")


def lab(hil, boards, head=""):
    """Boards whose flashing program is a shell script: `flash`, and where it is given `verify`."""
    text = f"lab: desk\n{head}boards:\n"
    for name, scripts in boards.items():
        steps = {key: ["sh", "-c", script, "{file}"] for key, script in scripts.items() if key in ("run", "verify")}
        text += f"  {name}:\n    labels: [uno]\n    flash: {{cmd: {json.dumps(steps)}}}\n"
        text += f"    reset: {{cmd: {{run: [sh, -c, 'echo {name} >> {hil.home}/resets']}}}}\n"
        if "power" in scripts:
            text += f"    power: {{cmd: {json.dumps(scripts['power'])}}}\n"
        text += "    console: {tcp: {host: localhost, port: 1}}\n    recovery: {steps: []}\n"
    return hil.write("lab.yaml", text)


def boards(run):
    return {board["board"]: board for board in json.loads(run.out)["boards"]}


def test_each_board_its_image_and_each_image_stays(hil):
    flash = lambda *more: hil(
        "flash", "--lab", LAB, "--json", *more, f"virtual-f405={UNITY}", f"virtual-f405-b={TAP}"
    )
    first = flash()
    assert first.code == 0 and json.loads(first.out)["schema"] == 1, first.err
    assert {name: board["outcome"] for name, board in boards(first).items()} == {
        "virtual-f405": "flashed", "virtual-f405-b": "flashed"}  # fmt: skip
    assert boards(first)["virtual-f405"]["firmware"] == str(UNITY)
    again = flash("--if-changed")
    assert {board["outcome"] for board in boards(again).values()} == {"unchanged"}, again.err
    swapped = hil("flash", "--lab", LAB, "--if-changed", "--json", f"stm32f405={UNITY}")
    assert {name: board["outcome"] for name, board in boards(swapped).items()} == {
        "virtual-f405": "unchanged", "virtual-f405-b": "flashed"}  # fmt: skip
    assert not list(hil.home.glob("hil-out*")), "nothing is written where nothing was asked for"


def test_what_a_person_reads(hil):
    run = hil("flash", "--lab", LAB, f"virtual-f405={UNITY}", f"virtual-f205={firmware('selftest-tap.elf', 'stm32f205')}")
    assert run.code == 0 and not run.err
    assert "virtual-f405: ok selftest-unity.elf, " in run.out and " KiB in " in run.out
    assert run.out.endswith("2 boards flashed\n")
    quiet = hil("flash", "-q", "--lab", LAB, f"virtual-f405={UNITY}")
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")


GUARDED = """    memory:
      - {at: 0x08000000, size: 512K}
      - {name: option-bytes, at: 0x1FFFC000, size: 16}
      - {name: otp, at: 0x1FFF7800, size: 528, write: never}
"""


@pytest.mark.parametrize("verb", ["flash", "run"])
def test_guarded_memory_is_written_where_it_is_named(hil, verb):
    file = lab(hil, {"uno-1": {"run": f"cp $0 {hil.home}/written"}})
    file.write_text(file.read_text() + GUARDED)
    image = hil.write("options.hex", ":020000041FFFDC\n:04C00000EFAAFFF0B4\n:00000001FF\n")
    refused = hil(verb, image)
    assert refused.code == 2
    assert "segment at 0x1fffc000 lies in the option-bytes of uno-1; if it is to be written, say so with --write option-bytes" in refused.err
    assert not (hil.home / "written").exists()
    hil(verb, "--write", "option-bytes", image, "-t", "boot=1ms,total=1s")
    assert (hil.home / "written").exists() == (verb == "flash")  # hil run wants a console first
    nobody = hil(verb, "--write", "option-byte", image)
    assert nobody.code == 2 and "--write: no board of " in nobody.err and "has memory named 'option-byte'" in nobody.err


def test_a_plan_names_the_guarded_memory_of_one_test_only(hil):
    file = lab(hil, {"uno-1": {"run": f"cp $0 {hil.home}/written"}})
    file.write_text(file.read_text() + GUARDED)
    hil.write("options.hex", ":020000041FFFDC\n:04C00000EFAAFFF0B4\n:00000001FF\n")

    def run(*writes):
        tests = "".join(f"  - {{name: t{i}, firmware: options.hex, boards: uno-1{more}}}\n" for i, more in enumerate(writes))
        return hil("run", "--plan", hil.write("hil.yaml", "tests:\n" + tests), "-t", "boot=1ms,total=1s")

    assert run(", write: option-bytes").code == 3  # it has no console
    refused = run(", write: option-bytes", "")
    assert refused.code == 2 and "lies in the option-bytes of uno-1" in refused.err
    nobody = run("", ", write: option-byte")
    assert nobody.code == 2, nobody.err
    assert "hil.yaml:3: test 't1': write: no board of " in nobody.err and "has memory named 'option-byte'" in nobody.err


def test_memory_that_nobody_writes(hil):
    file = lab(hil, {"uno-1": {"run": "true"}})
    file.write_text(file.read_text() + GUARDED)
    image = hil.write("otp.hex", ":020000041FFFDC\n:04780000EFAAFFF0FC\n:00000001FF\n")
    refused = hil("flash", "--write", "otp", image)
    assert refused.code == 2 and "lies in the otp of uno-1, which lab.yaml lets nobody write" in refused.err


def test_one_that_fails_keeps_no_other_from_its_firmware(hil):
    file = lab(hil, {"good": {"run": "true"}, "bad": {"run": "echo target not found; exit 3"}})
    run = hil("flash", "--lab", file, f"uno={UNITY}", env={"TMPDIR": str(hil.home)})
    assert run.code == 3
    assert "good: ok selftest-unity.elf" in run.out and "bad: FAILED selftest-unity.elf: flash cmd: sh: exit 3" in run.out
    assert run.out.endswith("1 board flashed, 1 failed\n")
    (kept,) = hil.home.glob("hil-*/*/flash.log")
    assert str(kept) in run.out and "target not found" in kept.read_text()
    assert kept.parent.name == "bad" and not (kept.parent.parent / "good").exists()
    assert (hil.home / "resets").read_text() == "good\n"
    quiet = hil("flash", "-q", "--lab", file, f"bad={UNITY}", env={"TMPDIR": str(hil.home)})
    assert quiet.code == 3 and not quiet.out and "hil flash: bad: flash cmd: sh: exit 3" in quiet.err


def test_logs_are_kept_where_asked_for_and_otherwise_nothing_is(hil):
    file = lab(hil, {"uno": {"run": "echo written"}})
    assert hil("flash", "--lab", file, "-o", "logs", UNITY).code == 0
    assert "written" in (hil.home / "logs/uno/flash.log").read_text()
    (hil.home / "tmp").mkdir()
    assert hil("flash", "--lab", file, UNITY, env={"TMPDIR": str(hil.home / "tmp")}).code == 0
    assert not list((hil.home / "tmp").iterdir())


def test_if_changed_where_it_cannot_be_told_flashes_and_says_so(hil):
    file = lab(hil, {"uno": {"run": f"echo x >> {hil.home}/count"}})
    run = hil("flash", "--lab", file, "-v", "--if-changed", "-o", "logs", UNITY)
    assert run.code == 0 and "needs `verify` to tell what the board has" in run.out
    assert "ok selftest-unity.elf," in run.out


@pytest.mark.parametrize("state, outcome", [("same", "unchanged"), ("other", "flashed")])
def test_if_changed_by_a_program_of_ones_own(hil, state, outcome):
    (hil.home / "state").write_text(state)
    file = lab(hil, {"uno": {"run": f"echo same > {hil.home}/state", "verify": f"grep -q same {hil.home}/state"}})
    run = hil("flash", "--lab", file, "--json", "--if-changed", UNITY)
    assert boards(run)["uno"]["outcome"] == outcome
    assert (hil.home / "resets").exists(), "comparing may have stopped the firmware"
    (hil.home / "resets").unlink()
    hil("flash", "--lab", file, "--no-reset", UNITY)
    assert not (hil.home / "resets").exists()


def company(hil):
    """A flashing program that waits for two others, as long as it takes to be sure that none comes."""
    return (
        f"cd {hil.home}; mkdir -p now; touch now/$$; ls now | wc -l >> most; "
        "i=0; while [ $(ls now | wc -l) -lt 3 ] && [ $i -lt 30 ]; do sleep 0.01; i=$((i+1)); done; "
        "ls now | wc -l >> most; rm now/$$"
    )


def at_once(hil, count, head="", *options, processes=1):
    """How many flashing programs ran at the same time at most."""
    names = [f"uno-{i}" for i in range(count)]
    file = lab(hil, {name: {"run": company(hil)} for name in names}, head)
    groups = [names[i::processes] for i in range(processes)]
    started = [hil.start("flash", "--lab", file, *options, *(f"{n}={UNITY}" for n in group)) for group in groups]
    assert [hil.finish(process).code for process in started] == [0] * processes
    return max(int(n) for n in (hil.home / "most").read_text().split())


def test_all_at_once_where_nothing_limits_it(hil):
    assert at_once(hil, 3) == 3


def test_max_parallel_of_the_lab_counts_for_all_processes(hil):
    assert at_once(hil, 4, "max-parallel: {lab: 2}\n", processes=2) == 2


def test_max_parallel_of_the_command_line(hil):
    assert at_once(hil, 3, "", "--max-parallel", "1") == 1


@pytest.mark.parametrize("limit, most", [("hub: 1", 2), ("controller: 1", 1), ("hub: 2", 3)])
def test_max_parallel_of_a_hub_and_of_a_controller(hil, limit, most):
    """Two boards on one hub, a third one straight on the same controller."""
    usb = UsbLab(hil, *(f"device {path} id=0403:6001 serial=A{path[-1]}B if=ff/ff/ff,ttyUSB{path[-1]}"
                        for path in ("1-1.2", "1-1.4", "1-3")))  # fmt: skip
    text = lab(hil, {f"uno-{i}": {"run": company(hil)} for i in (2, 4, 3)}, f"max-parallel: {{{limit}}}\n").read_text()
    for i in (2, 4, 3):
        text = text.replace("{tcp: {host: localhost, port: 1}}", f"{{serial: {{usb-serial: A{i}B}}}}", 1)
    run = usb("flash", "--lab", hil.write("lab.yaml", text), f"uno={UNITY}")
    assert run.code == 0, run.out + run.err
    assert max(int(n) for n in (hil.home / "most").read_text().split()) == most


@pytest.mark.parametrize(
    "args, words",
    [
        ([f"virtual-f405={UNITY}", f"stm32f405={TAP}"], "board virtual-f405 cannot have both"),
        ([f"virtual-f405={UNITY.parent}/selftest-*.elf"], "these are 3 images, and a board takes one"),
        ([f"virtual-f406={UNITY}"], "did you mean 'virtual-f405'?"),
        ([UNITY], "which board? name it as BOARD=FIRMWARE or with --board; there are: virtual-f405,"),
        (["virtual-f405="], "virtual-f405=: which firmware?"),
        ([], "no firmware: name BOARD=FIRMWARE"),
        (["virtual-f100=/no/such.elf"], "/no/such.elf"),
        (["--require", "blessing", f"virtual-f405={UNITY}"], "'blessing' is none of digest"),
        (["--max-parallel", "lots", f"virtual-f405={UNITY}"], "--max-parallel"),
    ],
)
def test_what_is_wrong_is_told_before_a_board_is_touched(hil, args, words):
    run = hil("flash", "--lab", LAB, *args)
    assert run.code == 2 and words in run.err and not run.out, run.err


def test_an_image_beyond_the_board_is_refused_for_all(hil):
    big = hil.write("big.hex", ":020000040803EF\n:0100000055AA\n:00000001FF\n")
    run = hil("flash", "--lab", LAB, f"virtual-f405={UNITY}", f"virtual-f100={big}")
    assert run.code == 2 and "0x08030000" in run.err and "started" not in run.out


def test_a_held_board(hil):
    file = lab(hil, {"uno": {"run": f"touch {hil.home}/begun; exec sleep 60"}})
    holder = hil.start("flash", "--lab", file, UNITY)
    wait_until(lambda: (hil.home / "begun").exists(), what="the first flashing")
    run = hil("flash", "--lab", file, "--wait", "0", UNITY)
    assert run.code == 3 and "hil flash --lab" in run.out and "FAILED" in run.out
    holder.send_signal(signal.SIGTERM)
    assert hil.finish(holder).code == 128 + signal.SIGTERM


def test_a_cancel_ends_the_program_and_puts_the_board_back(hil):
    switch = hil.home / "switch"
    switch.write_text("off\n")
    power = {state: ["sh", "-c", f"echo {state} >> {switch}"] for state in ("on", "off")}
    power["status"] = ["sh", "-c", f"test $(tail -n 1 {switch}) = on"]
    file = lab(hil, {"uno": {"run": f"touch {hil.home}/begun; exec sleep 60", "power": power}})
    process = hil.start("flash", "--lab", file, UNITY)
    wait_until(lambda: (hil.home / "begun").exists(), what="the flashing")
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    run = hil.finish(process)
    assert run.code == 128 + signal.SIGINT and time.monotonic() - began < 3
    assert "FAILED selftest-unity.elf: cancelled" in run.out
    assert switch.read_text().split() == ["off", "on", "off"], "it was off before"
    assert not processes_in(hil.home)


def test_a_board_that_was_on_stays_on(hil):
    switch = hil.home / "switch"
    switch.write_text("on\n")
    power = {state: ["sh", "-c", f"echo {state} >> {switch}"] for state in ("on", "off")}
    power["status"] = ["sh", "-c", f"test $(tail -n 1 {switch}) = on"]
    file = lab(hil, {"uno": {"run": "true", "power": power}})
    assert hil("flash", "--lab", file, UNITY).code == 0
    assert "off" not in switch.read_text()


def test_a_tool_that_hangs_is_ended_at_its_deadline(hil):
    file = lab(hil, {"uno": {"run": "sleep 60"}})
    run = hil("flash", "--lab", file, "--timeout", "flash=300ms", UNITY)
    assert run.code == 3 and run.seconds < 5 and not processes_in(hil.home)
