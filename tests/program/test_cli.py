# SPDX-License-Identifier: MIT
"""The face of the program: help, man pages, completion, colours, mistakes."""
import json
import os
import pty
import re
import subprocess

import pytest
from conftest import HIL, LAB, ROOT, firmware

VERBS = ["run", "replay", "boards", "discover", "rest", "labels", "runner", "image", "formats", "drivers"]


def test_usage_lists_every_verb(hil):
    result = hil("--help")
    assert result.code == 0
    for verb in VERBS:
        assert f"  {verb}" in result.out
    assert hil().code == 2
    assert hil("--version").out.startswith("hil ")


@pytest.mark.parametrize("verb", VERBS)
def test_help_teaches(hil, verb):
    result = hil(verb, "--help")
    assert result.code == 0 and not result.err
    for words in (f"Usage: hil {verb}", "--help", "Examples", "Exit"):
        assert words.lower() in result.out.lower(), words
    assert max(map(len, result.out.splitlines())) <= 100
    assert hil("help", verb).out == result.out


@pytest.mark.parametrize("verb", VERBS)
def test_man_pages_are_clean(hil, verb):
    page = hil.write("page.1", hil("--man", verb).out)
    lint = subprocess.run(["mandoc", "-T", "lint", "-W", "error", page], capture_output=True, text=True)
    assert lint.returncode == 0, lint.stdout
    shown = subprocess.run(["mandoc", "-T", "utf8", page], capture_output=True, text=True).stdout
    shown = re.sub(".\b", "", shown)  # bold is typed twice
    assert f"hil {verb}" in shown and "EXAMPLES" in shown


def test_every_verb_is_documented_by_the_build(hil):
    cmake = (ROOT / "CMakeLists.txt").read_text()
    listed = re.search(r"set\(HIL_VERBS ([^)]*)\)", cmake).group(1).split()
    shown = re.findall(r"^  ([a-z]+)  ", hil("--help").out, re.M)
    assert sorted(listed) == sorted(shown)


def test_completion_completes(hil):
    script = hil.write("hil.bash", hil("--completion").out)
    bash = f"""source /usr/share/bash-completion/bash_completion; source {script}
COMP_WORDS=(hil run --b); COMP_CWORD=2; COMP_LINE='hil run --b'; COMP_POINT=11
$(complete -p hil | sed -E 's/.*-F ([^ ]+).*/\\1/') hil --b run; echo "${{COMPREPLY[@]}}" """
    done = subprocess.run(["bash", "-c", bash], env=hil.env, capture_output=True, text=True)
    assert "--board" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize(
    "argv,words",
    [
        (["rnu"], "did you mean 'run'"),
        (["run", "--bord", "x"], "did you mean"),
        (["run", "--timeout", "soon", "x.elf"], "soon"),
        (["run", "--at", "here", "x.elf"], "here"),
        (["run"], "no firmware"),
        (["run", "--repeat", "0", "x.elf"], "0 times"),
        (["boards", "extra"], "extra"),
        (["image"], "image"),
        (["image", "/no/such.elf"], "/no/such.elf"),
    ],
)
def test_mistakes_are_told_and_exit_2(hil, argv, words):
    result = hil(*argv)
    assert result.code == 2 and words in result.err and not result.out
    assert result.err.startswith("hil")


def on_a_terminal(hil, *argv, **env):
    """What hil prints when its standard output is a terminal."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [HIL, *argv], cwd=hil.home, env={**hil.env, "TERM": "xterm-256color", **env},
        stdin=subprocess.DEVNULL, stdout=slave, stderr=slave,
    )  # fmt: skip
    os.close(slave)
    text = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:
            break
        if not piece:
            break
        text += piece
    os.close(master)
    return process.wait(), text


def test_colours_only_where_they_are_wanted(hil):
    argv = ["run", "--lab", str(LAB), "-b", "virtual-f405", str(firmware("selftest-unity.elf"))]
    code, shown = on_a_terminal(hil, *argv)
    assert code == 0 and b"\x1b[3" in shown
    code, plain = on_a_terminal(hil, *argv, NO_COLOR="1")
    assert code == 0 and b"\x1b[3" not in plain
    assert "\x1b" not in hil(*argv).out


def test_formats_and_image_as_json(hil):
    names = [row["name"] for row in json.loads(hil("formats", "--json").out)["formats"]]
    assert {"unity", "ztest", "tap", "regex"} <= set(names)
    elf = json.loads(hil("image", "--json", firmware("selftest-unity.elf")).out)
    assert elf["format"] == "elf" and elf["segments"][0]["address"] == 0x08000000
    # HEX and S-record hold what the linker put in, without the padding between sections.
    shown = [
        json.loads(hil("image", "--json", firmware(f"selftest-unity.{suffix}")).out)
        for suffix in ("hex", "srec")
    ]
    assert shown[0]["segments"] == shown[1]["segments"]
    last = shown[0]["segments"][-1]
    assert last["address"] + last["size"] == 0x08000000 + elf["segments"][0]["size"]


def test_a_reader_that_goes_away_is_no_crash(hil):
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; '{HIL}' formats --json | true; echo ${{PIPESTATUS[0]}}"],
        env=hil.env, capture_output=True, text=True,
    )  # fmt: skip
    assert int(done.stdout) in (0, 3)
