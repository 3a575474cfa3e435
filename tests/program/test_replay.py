# SPDX-License-Identifier: MIT
"""hil replay: the same bytes give the same results, from a run directory byte for byte."""
import subprocess

import pytest
from conftest import HIL, LAB, firmware, wait_until

SOME = ["selftest-unity", "selftest-ztest", "selftest-tap", "bad-fail", "bad-crash", "bad-hang",
        "bad-noise", "bad-reset-loop", "bad-silent", "bad-totals"]  # fmt: skip


@pytest.mark.parametrize("image", SOME)
def test_run_directory_replays_byte_for_byte(hil, image):
    run = hil.run(
        "-b", "stm32f405", "--timeout", "boot=500ms,idle=500ms,total=10s", firmware(f"{image}.elf")
    )
    again = hil("replay", "--junit", "again.xml", "--json", "again.json", hil.out)
    assert again.code == run.code, again.out + again.err
    assert (hil.home / "again.xml").read_bytes() == (hil.out / "junit.xml").read_bytes()
    assert (hil.home / "again.json").read_bytes() == (hil.out / "report.json").read_bytes()


def test_several_jobs_replay_in_order(hil):
    run = hil.run(
        "-b", "stm32f405", "--all", firmware("selftest-unity.elf"), firmware("bad-fail.elf")
    )
    assert run.code == 1
    again = hil("replay", "--json", "again.json", hil.out)
    assert again.code == 1
    assert (hil.home / "again.json").read_bytes() == (hil.out / "report.json").read_bytes()


def test_infra_stays_infra(hil):
    lab = hil.write(
        "lab.yaml",
        "boards:\n  uno:\n    flash: {cmd: {run: ['false']}}\n    reset: {cmd: {run: ['true']}}\n"
        "    console: {pty: {path: console}}\n",
    )
    run = hil.run(firmware("selftest-unity.elf"), lab=lab)
    assert run.code == 3
    assert hil("replay", hil.out).code == 3


def test_bare_log_and_standard_input(hil):
    hil.run("-b", "stm32f405", firmware("selftest-ztest.elf"))
    log = hil.out / "virtual-f405" / "uart.log"
    if not log.exists():
        log = next(hil.out.rglob("uart.log"))
    assert hil("replay", log).code == 0
    assert hil("replay", "--format", "ztest", log).code == 0
    assert hil("replay", "--format", "tap", log).code == 1
    piped = subprocess.run([HIL, "replay", "-"], stdin=log.open("rb"), env=hil.env, capture_output=True)
    assert piped.returncode == 0, piped.stdout + piped.stderr
    # Cut anywhere before its end marker, it is never a pass.
    data = log.read_bytes()
    end = data.rindex(b"PROJECT EXECUTION")
    for cut in range(0, end, max(1, end // 40)):
        (hil.home / "cut.log").write_bytes(data[:cut])
        assert hil("replay", "cut.log").code == 1, cut


def test_nothing_to_replay(hil):
    assert hil("replay").code == 2
    assert hil("replay", "no-such.log").code in (2, 3)
    (hil.home / "empty").mkdir()
    assert hil("replay", "empty").code == 2
    hil.write("empty.log", "")
    assert hil("replay", "empty.log").code == 1


def test_a_run_that_is_still_at_work_is_no_infra(hil):
    process = hil.start("run", "--lab", LAB, "-b", "stm32f405", "-t", "idle=20s", firmware("bad-hang.elf"))
    wait_until(lambda: list(hil.out.rglob("uart.log")), what="the run directory")
    for verb in ("replay", "gate"):
        result = hil(verb, hil.out)
        assert result.code == 3 and result.err.endswith("its hil run is still at work\n") and not result.out
    process.terminate()
    process.wait(20)
    assert hil("replay", hil.out).code in (1, 3) and "at work" not in hil("replay", hil.out).err


def test_torn_run_directories_are_told(hil):
    hil.run("-b", "stm32f405", firmware("selftest-unity.elf"))
    job = next(hil.out.rglob("job.json"))
    job.write_text(job.read_text()[:100])
    result = hil("replay", hil.out)
    assert result.code in (2, 3) and "job.json" in result.err


def test_crash_in_a_bare_log_is_decoded_with_the_image(hil):
    run = hil.run("-b", "stm32f405", "--timeout", "idle=500ms", firmware("bad-crash.elf"))
    assert run.code == 1
    log = next(hil.out.glob("*/uart.log"))
    blind = hil("replay", "--json", "blind.json", log)
    assert blind.code == 1 and "; in average at" not in (hil.home / "blind.json").read_text()
    decoded = hil("replay", "--image", firmware("bad-crash.elf"), "--json", "decoded.json", log)
    assert decoded.code == 1
    assert "; in average at" in (hil.home / "decoded.json").read_text()
    again = hil("replay", "--image", firmware("bad-crash.elf"), "--json", "again.json", hil.out)
    assert again.code == 1 and "; in average at" in (hil.home / "again.json").read_text()
    assert hil("replay", "--image", "no-such.elf", log).code == 2
    assert hil("replay", "--image", log, log).code == 2


def test_a_bare_log_says_nothing_of_times(hil):
    log = hil.write("bare.log", "t.c:1:one:PASS\n1 Tests 0 Failures 0 Ignored \nOK\n")
    result = hil("replay", "--summary", "bare.md", "--html", "bare.html", log)
    assert result.code == 0 and "0 us" not in result.out
    assert "0 us" not in (hil.home / "bare.md").read_text() + (hil.home / "bare.html").read_text()
