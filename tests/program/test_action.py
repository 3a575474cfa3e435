# SPDX-License-Identifier: MIT
"""action/flash-and-test, run as GitHub's runner runs it (actions_runner.py), on emulated boards."""
import json
import random
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
from actions_runner import TOKEN, Runner, cancel, read_commands, tool
from conftest import HIL, LAB, ROOT, firmware, processes_in, wait_until

sys.path.insert(0, str(ROOT / "tests" / "github"))
from server import GitHub, stall, zip_of  # noqa: E402

ACTION = ROOT / "action" / "flash-and-test"
QUICK = "--timeout=boot=2s,idle=60s"


@pytest.fixture
def runner(hil):
    """A lab host with hil on its PATH."""
    (hil.home / "bin").mkdir()
    (hil.home / "bin" / "hil").symlink_to(HIL)
    found = Runner(hil.home, hil.env)
    found.path.insert(0, str(hil.home / "bin"))
    return found


# ---- what it says ------------------------------------------------------------------------------


def test_green(runner):
    # Paths are the workspace's; several images, one a line, as an editor on Windows leaves them.
    for name in ("a b.elf", "-v"):
        shutil.copy(firmware("selftest-unity.elf"), runner.workspace / name)
    job = runner.action(ACTION, {
        "lab": str(LAB), "board": "virtual-f405\nvirtual-f405-b", "format": "unity",
        "firmware": "a b.elf\r\n\r\n-v\r\n", "expect-tests": "34", "junit": "copy.xml",
        "timeout": "boot=5s,idle=30s",
    })  # fmt: skip
    assert job.code == 0, job.log
    assert job.outputs == {
        "verdict": "pass", "tests": "68", "failures": "0", "errors": "0", "flaky": "0",
        "junit": "hil-out/junit.xml", "report": "hil-out/report.json",
    }  # fmt: skip
    report = json.loads((runner.workspace / job.outputs["report"]).read_text())
    assert sorted(board["image"]["file"] for board in report["boards"]) == ["-v", "a b.elf"]
    junit = (runner.workspace / job.outputs["junit"]).read_bytes()
    assert (runner.workspace / "copy.xml").read_bytes() == junit
    assert job.summary.startswith("## ✅ PASS")
    # The log folds up to the verdict.
    assert job.log.index("::group::") < job.log.index("::endgroup::") < job.log.rindex("PASS")


def test_red(runner):
    job = runner.action(ACTION, {
        "lab": str(LAB), "board": "stm32f405", "firmware": str(firmware("bad-fail.elf")),
    })  # fmt: skip
    assert job.code == 1
    assert (job.outputs["verdict"], job.outputs["tests"], job.outputs["failures"]) == ("fail", "6", "3")
    assert "::error file=hil-tests/firmware/bad/fail.c,line=16," in job.log
    assert job.summary.startswith("## ❌ FAIL")


def test_the_lab_is_to_blame(runner, hil):
    lab = hil.write("lab.yaml", """lab: bench
boards:
  one:
    flash: {cmd: {run: ["false"]}}
    reset: {cmd: {run: ["true"]}}
    console: {pty: {path: console}}
""")  # fmt: skip
    job = runner.action(ACTION, {"lab": str(lab), "firmware": str(firmware("selftest-unity.elf"))})
    assert (job.code, job.outputs["verdict"]) == (3, "infra")


def test_nothing_was_run(runner):
    """A mistake in the workflow leaves the verdict empty, even where an earlier run was green."""
    inputs = {"lab": str(LAB), "firmware": str(firmware("selftest-unity.elf"))}
    assert runner.action(ACTION, {**inputs, "board": "stm32f405"}).outputs["verdict"] == "pass"
    job = runner.action(ACTION, {**inputs, "board": "no-such"})
    assert job.code == 2
    assert set(job.outputs.values()) == {""}


def test_summary_and_annotations_can_be_off(runner):
    inputs = {"lab": str(LAB), "board": "stm32f405", "firmware": str(firmware("bad-fail.elf"))}
    job = runner.action(ACTION, {**inputs, "summary": "false", "annotations": "off"})
    assert job.code == 1 and job.summary == "" and "::error" not in job.log
    job = runner.action(ACTION, {**inputs, "summary": "$(id)"})
    assert job.code == 2 and job.outputs["verdict"] == ""


def test_outputs_that_cannot_be_written_are_not_green(hil):
    output = hil.home / "output"
    run = lambda **env: hil.run("-b", "stm32f405", firmware("selftest-unity.elf"), env=env)
    result = run(GITHUB_ACTIONS="true", GITHUB_OUTPUT="/no/such/dir/output")
    assert result.code == 3 and "/no/such/dir/output" in result.out
    assert run(GITHUB_OUTPUT=str(output)).code == 0
    assert not output.exists(), "outside of Actions the variable means nothing"
    assert run(GITHUB_ACTIONS="true", GITHUB_OUTPUT=str(output)).code == 0
    assert read_commands(output)["verdict"] == "pass"


# ---- inputs are data ---------------------------------------------------------------------------

HOSTILE = [
    "$(touch pwned)",
    "`touch pwned`",
    "'; touch pwned; '",
    '"; touch pwned; "',
    "${HIL} && touch pwned",
    "x; touch pwned #",
    "-v",
    "--help",
    "*",
    "~root",
    "a  b\tc",
    "${{ github.token }}",
    "\\",
    "::error::x",
    "é\u202e\x1b[31m",
]


@pytest.fixture
def told(runner, hil):
    """Runs the action with a hil that writes down what it is told; returns its arguments."""
    (hil.home / "bin" / "hil").unlink()
    tool(hil.home / "bin", "hil", f"""#!/bin/bash
[[ $1 != --version ]] || {{ echo "hil 9.9"; exit; }}
printf '%s\\0' "$@" >{hil.home}/told
env -0 >{hil.home}/env
""")  # fmt: skip

    def run(inputs):
        job = runner.action(ACTION, inputs)
        assert job.code == 0, job.log
        assert not list(runner.workspace.iterdir())
        return (hil.home / "told").read_text().split("\0")[:-1]

    return run


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_inputs_are_one_argument_each(told, text):
    names = ("lab", "board", "artifact", "release", "asset", "member", "format", "timeout",
             "expect-tests", "require", "junit", "annotations")  # fmt: skip
    arguments = told({**dict.fromkeys(names, text), "args": text, "firmware": f"{text}\nb"})
    assert arguments == ["run", *(f"--{name}={text}" for name in names), text, "--", text, "b"]


def test_lines(told):
    assert told({}) == ["run", "--annotations=on", "--"]
    arguments = told({
        "require": "test_a_*\ndigest\n", "board": "\na,b\r\n\r\nc\n", "format": "one\ntwo",
        "args": "--timeout\nboot=1s\n  \n--all", "firmware": "one two\n\tthree\n",
    })  # fmt: skip
    assert arguments == [
        "run", "--board=a,b", "--board=c", "--format=one\ntwo", "--require=test_a_*",
        "--require=digest", "--annotations=on", "--timeout", "boot=1s",
        "--all", "--", "one two", "\tthree",
    ]  # fmt: skip


def test_the_token_goes_only_where_it_is_needed(told, hil):
    environment = lambda: dict(row.split("=", 1) for row in (hil.home / "env").read_text().split("\0")[:-1])
    told({"firmware": "a.elf"})
    assert TOKEN not in environment().values()
    told({"artifact": "firmware"})
    assert [name for name, value in environment().items() if value == TOKEN] == ["GITHUB_TOKEN"]
    told({"release": "latest", "token": "ghp_mine"})
    assert environment()["GITHUB_TOKEN"] == "ghp_mine"


def test_hostile_firmware_names_are_files(runner):
    for name in ("$(id)", "'\"; exit 1", "--help"):
        shutil.copy(firmware("selftest-unity.elf"), runner.workspace / name)
        job = runner.action(ACTION, {"lab": str(LAB), "board": "stm32f405", "firmware": name})
        assert job.outputs["verdict"] == "pass", job.log


# ---- cancelled ---------------------------------------------------------------------------------


@pytest.mark.parametrize("number,code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_cancel_while_testing(runner, hil, number, code):
    log = runner.workspace / "hil-out/virtual-f405/uart.log"

    def during(step, process):
        if step == "run":
            wait_until(lambda: log.exists() and b"PASS" in log.read_bytes(), what="output from the board")
            cancel(process, number)

    job = runner.action(ACTION, {
        "lab": str(LAB), "board": "virtual-f405", "firmware": str(firmware("bad-hang.elf")), "args": QUICK,
    }, during=during)  # fmt: skip
    assert job.code == code
    assert not processes_in(hil.home)
    assert job.outputs["verdict"] == "infra" and "cancelled" in job.summary
    assert (runner.workspace / job.outputs["junit"]).exists()
    # The board is free and well.
    assert hil.run("-b", "virtual-f405", "--wait", "0", firmware("selftest-unity.elf")).code == 0


def test_cancel_while_waiting_for_a_board(runner, hil):
    holder = hil.start("run", "--lab", LAB, "-b", "virtual-f405", QUICK, firmware("bad-hang.elf"))
    log = hil.out / "virtual-f405/uart.log"
    wait_until(lambda: log.exists() and log.stat().st_size, what="the holder's output")
    boards = lambda: json.loads(hil("boards", "--lab", LAB, "--json").out)["boards"]

    def during(step, process):
        if step == "run":
            wait_until(lambda: any(board["waiting"] for board in boards()), what="the ticket")
            cancel(process)

    job = runner.action(ACTION, {
        "lab": str(LAB), "board": "virtual-f405", "firmware": str(firmware("selftest-unity.elf")),
    }, during=during)  # fmt: skip
    assert job.code == 130
    holder.send_signal(signal.SIGINT)
    hil.finish(holder)


def test_cancel_while_downloading(runner, hil):
    with GitHub(token=TOKEN) as github:
        github.add_artifact("firmware", zip_of({"app.elf": firmware("selftest-unity.elf").read_bytes()}))
        github.faults["blob"] = [stall]
        runner.env.update({**github.env, "GITHUB_TOKEN": ""})

        def during(step, process):
            if step == "run":
                wait_until(lambda: not github.faults["blob"], what="the download")
                cancel(process)

        inputs = {"lab": str(LAB), "board": "virtual-f405", "artifact": "firmware"}
        job = runner.action(ACTION, inputs, during=during)
        assert job.code == 130 and job.outputs["verdict"] in ("", "infra"), job.log
        # The job's token is what reads it, and nobody sees it.
        job = runner.action(ACTION, inputs)
        assert job.outputs["verdict"] == "pass", job.log
        assert TOKEN not in job.log + job.summary


def test_cancel_at_random_moments(runner, hil):
    """Between the shell's first line and the verdict; in the end nothing runs and the board is free."""
    moments = random.Random(20240607)
    inputs = {"lab": str(LAB), "board": "virtual-f405", "firmware": str(firmware("selftest-unity.elf"))}
    began = time.monotonic()
    assert runner.action(ACTION, inputs).code == 0
    whole = time.monotonic() - began

    def during(_step, process):
        try:
            process.wait(moments.uniform(0, whole))  # the moment itself, not a wait for anything
        except subprocess.TimeoutExpired:
            cancel(process)

    for _ in range(8):
        job = runner.action(ACTION, inputs, during=during)
        assert job.code in (0, 130), job.log
        assert job.code or job.outputs["verdict"] == "pass"
        wait_until(lambda: not processes_in(hil.home), seconds=3, what="an empty house")
    assert runner.action(ACTION, inputs).code == 0
