# SPDX-License-Identifier: MIT
"""hil run on emulated boards: every format, every way of going wrong, every file format."""
import json
import re
import subprocess
import tarfile
import zipfile

import pytest
from conftest import FIRMWARE, LAB, firmware

pytestmark = pytest.mark.threads
QUICK = ("--timeout", "boot=1s,idle=1s,total=20s")


@pytest.mark.parametrize("form", ["unity", "ztest", "tap"])
@pytest.mark.parametrize("chip", ["stm32f405", "stm32f205", "stm32f100"])
def test_selftest_passes(hil, chip, form):
    result = hil.run("-b", chip, firmware(f"selftest-{form}.elf", chip))
    assert result.code == 0, result.out + result.err
    board = result.board()
    assert (board["verdict"], board["format"]) == ("pass", form)
    assert len(result.cases()) >= 15
    assert {case["result"] for case in result.cases().values()} <= {"pass", "skip"}
    assert board["image"]["build_id"] and len(board["image"]["sha256"]) == 64


# image, exit code, words of the reason, (results by count)
BAD = [
    ("bad-fail", 1, "3 of 6 tests failed", {"fail": 3}),
    ("bad-fail-ztest", 1, "3 of 6 tests failed", {"fail": 3}),
    ("bad-fail-tap", 1, "3 of 6 tests failed", {"fail": 3}),
    # Unity says nothing when a test begins: the crash stands beside the cases.
    ("bad-crash", 1, "crashed after test_average_of_readings.*HardFault", {"pass": 2, "error": 0}),
    ("bad-crash-ztest", 1, "crash|HardFault", {"pass": 2, "error": 1}),
    # A lockup ends the emulator: the console is gone, and yet the lab is not to blame.
    ("bad-lockup", 1, "locked up", {"pass": 1}),
    ("bad-hang", 1, "no output for", {"pass": 3, "error": 0}),
    ("bad-hang-ztest", 1, "no output for", {"pass": 3, "error": 1}),
    ("bad-silent", 1, "no output within", {}),
    ("bad-babble", 1, "deadline|no tests", {}),
    ("bad-reset-loop", 1, "over and over|reset", None),
    ("bad-no-end", 1, "end", {"pass": None}),
    ("bad-totals", 1, "", {"pass": None}),
    ("bad-noise", 0, "", {"pass": None}),
    ("bad-early", 0, "", {"pass": None}),
]


@pytest.mark.parametrize("image,code,reason,results", BAD, ids=[row[0] for row in BAD])
def test_misbehaving_firmware(hil, image, code, reason, results):
    timeout = "boot=1s,idle=1s,total=3s" if image == "bad-babble" else QUICK[1]
    result = hil.run("-b", "stm32f405", firmware(f"{image}.elf"), "--timeout", timeout)
    assert result.code == code, result.out + result.err
    board = result.board()
    assert board["verdict"] == ("pass" if code == 0 else "fail")
    assert re.search(reason, board["reason"], re.I)
    for word, count in (results or {}).items():
        found = sum(case["result"] == word for case in result.cases().values())
        assert found == count or (count is None and found > 0), result.cases()
    # Red in the report as well: no reader of JUnit may show green.
    red = int(result.junit.get("failures")) + int(result.junit.get("errors"))
    assert (red > 0) == (code != 0)


def test_noise_is_counted_and_kept(hil):
    result = hil.run("-b", "stm32f405", firmware("bad-noise.elf"))
    assert result.board()["capture"]["replaced_bytes"] > 0
    assert b"\x00" in result.log() and b"\xff" in result.log()


def test_what_a_board_prints_never_reaches_the_runner(hil):
    result = hil.run(
        "-vvv", "-b", "stm32f405", firmware("bad-inject.elf"), *QUICK, env={"GITHUB_ACTIONS": "true"}
    )
    lines = re.split(r"[\r\n]", result.out + result.err)
    fences = [line for line in lines if line.startswith("::")]
    token = fences[1].removeprefix("::stop-commands::")
    assert fences == ["::group::Boards at work", f"::stop-commands::{token}", f"::{token}::", "::endgroup::"]
    assert len(token) >= 32
    assert not any("##[" in line for line in lines)
    assert b"::error" in result.log()


FORMS = [("elf", []), ("hex", []), ("srec", []), ("bin", ["--at", "0x08000000"])]


@pytest.mark.parametrize("suffix,options", FORMS, ids=[row[0] for row in FORMS])
def test_every_file_format_runs(hil, suffix, options):
    result = hil.run("-b", "stm32f405", firmware(f"selftest-unity.{suffix}"), *options)
    assert result.code == 0, result.out + result.err


def test_member_of_an_archive(hil):
    with zipfile.ZipFile(hil.home / "out.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(firmware("selftest-unity.elf"), "fw/a.elf")
        archive.write(firmware("selftest-tap.elf"), "fw/deep/b.elf")
        archive.writestr("README", "no firmware")
    result = hil.run("-b", "stm32f405", "out.zip:**/*.elf")
    assert result.code == 0, result.out + result.err
    assert [board["image"]["file"] for board in result.report["boards"]] == [
        "out.zip:fw/a.elf",
        "out.zip:fw/deep/b.elf",
    ]
    with tarfile.open(hil.home / "out.tar.gz", "w:gz") as archive:
        archive.add(firmware("selftest-unity.elf"), "a.elf")
    assert hil.run("-b", "stm32f405", "out.tar.gz").code == 0


def broken_hex(hil):
    lines = firmware("selftest-unity.hex").read_text().splitlines()
    lines[4] = lines[4][:-2] + ("00" if lines[4][-2:] != "00" else "01")
    return hil.write("broken.hex", "\n".join(lines)), [r"broken\.hex:5", "checksum"]


def truncated_elf(hil):
    path = hil.home / "short.elf"
    path.write_bytes(firmware("selftest-unity.elf").read_bytes()[:2000])
    return path, ["short.elf"]


def outside_memory(hil):
    path = hil.home / "big.bin"
    path.write_bytes(bytes(1024))
    return path, ["big.bin", "0x08100000", "outside the memory"], "--at", "0x08100000"


def no_address(hil):
    path = hil.home / "raw.bin"
    path.write_bytes(bytes(1024))
    return path, ["--at"]


def missing(hil):
    return hil.home / "nowhere.elf", ["nowhere.elf", "No such file"]


@pytest.mark.parametrize("make", [broken_hex, truncated_elf, outside_memory, no_address, missing])
def test_bad_images_touch_no_board(hil, make):
    path, words, *options = make(hil)
    result = hil.run("-b", "virtual-f405", path, *options)
    assert result.code == 2, result.out + result.err
    for word in words:
        assert re.search(word, result.err), result.err
    assert not hil.out.exists()
    assert not list((hil.home / "run").rglob("*.sock*"))


def test_boards_are_chosen_by_name_and_labels(hil):
    image = firmware("selftest-unity.elf")
    assert hil.run("-b", "virtual-f405", image).board()["name"] == "virtual-f405"
    assert hil.run("-b", "stm32f405,virtual", image).code == 0
    for selector, words in [
        ("stm32f405,has-can", "has-can"),
        ("stm32f406", "did you mean 'stm32f405'"),
        ("virtual-f40", "did you mean 'virtual-f405'"),
    ]:
        result = hil.run("-b", selector, image)
        assert result.code == 2 and words in result.err, result.err
    result = hil.run(image)
    assert result.code == 2 and "--board" in result.err


def test_all_runs_on_every_match(hil):
    result = hil.run("-b", "stm32f405", "--all", firmware("selftest-unity.elf"))
    assert result.code == 0
    assert sorted(b["name"] for b in result.report["boards"]) == ["virtual-f405", "virtual-f405-b"]


def test_queue_keeps_both_boards_busy(hil):
    images = [firmware(f"selftest-{form}.elf") for form in ("unity", "ztest", "tap")]
    result = hil.run("-b", "stm32f405", "--repeat", "4", *images)
    assert result.code == 0, result.out + result.err
    boards = [board["name"] for board in result.report["boards"]]
    assert len(boards) == 12 and len(set(boards)) == 2
    assert len({(board["name"], board["test"]) for board in result.report["boards"]}) == 12


def test_expectations(hil):
    image = firmware("selftest-unity.elf")
    assert hil.run("-b", "virtual-f405", "--expect-tests", "10", image).code == 0
    few = hil.run("-b", "virtual-f405", "--expect-tests", "1000", image)
    assert few.code == 1 and "1000 tests were expected" in few.board()["reason"]
    absent = hil.run("-b", "virtual-f405", "--require", "test_teleport*", image)
    assert absent.code == 1 and "test_teleport*" in absent.board()["reason"]


def test_forced_format_that_finds_nothing_is_a_fail(hil):
    result = hil.run("-b", "virtual-f405", "-f", "ztest", firmware("selftest-unity.elf"), *QUICK)
    assert result.code == 1
    assert result.board()["verdict"] == "fail"


def test_more_reports_and_standard_output(hil):
    result = hil.run(
        "-b", "virtual-f405", "--junit", "more.xml", "--json", "-", firmware("selftest-unity.elf")
    )
    assert json.loads(result.out) == result.report
    assert (hil.home / "more.xml").read_bytes() == (hil.out / "junit.xml").read_bytes()
    subprocess.run(["xmllint", "--noout", hil.out / "junit.xml"], check=True)


def test_a_report_that_cannot_be_written_is_never_green(hil):
    result = hil.run("-b", "virtual-f405", "--junit", "no/such/dir/j.xml", firmware("selftest-unity.elf"))
    assert result.code == 3
    assert "no/such/dir/j.xml" in result.out + result.err


def test_quiet_prints_the_verdict_only(hil):
    result = hil.run("-q", "-b", "virtual-f405", firmware("selftest-unity.elf"))
    assert result.code == 0 and len(result.out.splitlines()) <= 1 and "pass" in result.out.lower()


def test_out_directory_of_others_is_left_alone(hil):
    (hil.home / "mine").mkdir()
    (hil.home / "mine" / "thesis.txt").write_text("precious")
    result = hil.run("-b", "virtual-f405", "-o", "mine", firmware("selftest-unity.elf"))
    assert result.code == 2 and "mine" in result.err
    assert (hil.home / "mine" / "thesis.txt").read_text() == "precious"
    # One of ours makes room for the next run, and what others put there stays.
    assert hil.run("-b", "stm32f405", "--all", firmware("selftest-unity.elf")).code == 0
    (hil.out / "notes.txt").write_text("kept")
    assert hil.run("-b", "virtual-f405", firmware("selftest-unity.elf")).code == 0
    assert not (hil.out / "virtual-f405-b").exists()
    assert (hil.out / "notes.txt").read_text() == "kept"


def test_hil_run_is_hil_run(hil):
    program = hil.home / "hil-run"
    program.symlink_to(__import__("conftest").HIL)
    result = subprocess.run(
        [program, "--lab", LAB, "-b", "virtual-f405", firmware("selftest-unity.elf")],
        cwd=hil.home,
        env=hil.env,
        capture_output=True,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_living_example(hil):
    plan = FIRMWARE.parent.parent / "hil-tests" / "hil.yaml"
    result = hil.run("--plan", plan)
    assert result.code == 0, result.out + result.err
    assert len(result.report["boards"]) >= 3
