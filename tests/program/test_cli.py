# SPDX-License-Identifier: MIT
"""The face of the program: help, man pages, completion, colours, mistakes."""
import json
import os
import pathlib
import pty
import re
import subprocess

import pytest
from conftest import HIL, LAB, ROOT, firmware, wait_until

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
        (["imaeg"], "did you mean 'image'"),  # one of the last of the table
        (["--versoin"], "did you mean '--version'"),
        (["help", "rnu"], "did you mean 'run'"),
        (["--man", "rnu"], "did you mean 'run'"),
        (["--man", "run", "x"], "'x'"),
        (["--completion", "zsh"], "there is none for 'zsh'"),
        (["drivers", "serail"], "did you mean 'serial'"),
        (["drivers", "--json", "zebra"], "no driver is called 'zebra'; hil drivers lists them"),
        (["run", "--annotations", "onn", "x.elf"], "'onn' is none of auto, on, off (did you mean 'on'?)"),
        (["run", "--flaky", "maybe", "x.elf"], "'maybe' is none of pass, fail"),
        (["run", "-t", "bot=3s", "x.elf"], "did you mean 'boot'"),
        (["rig", "--require", "luck"], "'luck' is none of digest, signature, attestation"),
        (["pool", "import", "-k", "macc", "x", "1"], "did you mean 'mac'"),
        (["hub", "pi1", "power_onn", "USB3"], "did you mean 'power_on'"),
        (["hub"], "no command: '' is none of power_on"),
        (["store", "statsu"], "did you mean 'status'"),
        (["boards"], "hil discover --write makes one"),
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


@pytest.mark.parametrize(
    "line",
    [
        "gate {nodir}", "gate {nodir/report.json}", "gate --baseline {nofile} report.json",
        "gate --policy {nofile} report.json", "store import --merge {nofile}", "store import --merge {.}",
        "history {999}", "history {w999}", "history --json {999}", "pool import macs --file {nofile}",
        "pool retire macs {02:00:00:00:10:07}", "replay {nofile}", "replay --image {nofile} log", "image {nofile}",
        "image {log/x}", "image {no*.elf}", "collect --lab lab.yaml {nodir}", "run --lab lab.yaml {nofile.elf}",
        "run --lab lab.yaml --plan {nofile}", "run --lab lab.yaml {log/x.elf}", "run --lab {nofile} x.elf",
        "flash --lab lab.yaml -b virtual-1 {nofile.elf}", "fetch --url http://127.0.0.1:9/x --minisign {nofile}",
        "fetch --url http://127.0.0.1:9/x --minisign {.}",
    ],
)  # fmt: skip
def test_an_input_that_is_not_there_is_the_users_mistake(hil, line):
    desk_lab(hil)
    assert hil("replay", "--json", "report.json", "log").code == 0
    culprit = re.search("{(.*)}", line)[1]
    result = hil(*re.sub("[{}]", "", line).split())
    assert result.code == 2 and result.err.startswith("hil ") and culprit in result.err, result.err


@pytest.mark.parametrize(
    "line",
    [
        "run --lab lab.yaml --out /proc/x {elf}", "run --lab lab.yaml --out file/x {elf}",
        "run --lab lab.yaml --out a --events /proc/x {elf}", "store export /proc/x", "store export file/x",
        "console --lab lab.yaml --log /proc/x virtual-1", "fetch --url file:///nothing --out file/x",
        "replay --junit /proc/x log",
    ],
)  # fmt: skip
def test_an_output_that_cannot_be_written_is_not(hil, line):
    desk_lab(hil)
    hil.write("file", "")
    result = hil(*line.format(elf=firmware("selftest-unity.elf")).split())
    assert result.code == 3, result.err


@pytest.mark.parametrize(
    "line, words",
    [
        ("pool show mascs", "there is no pool 'mascs' (did you mean 'macs'?)"),
        ("pool export --json nope", "there is no pool 'nope'; hil pool lists them"),
        ("pool labels macs", "labels takes no pool"),
        ("pool show macs 02:00:00:00:00:01", "show takes one POOL"),
        ("history -b virtual-2", "no board of lab.yaml, nor is it in the history (did you mean 'virtual-1'?)"),
        ("history --events --json -b nope", "'nope' is no board of lab.yaml"),
        ("flaky -b nope", "'nope' is no board of lab.yaml"),
        ("power virtual-2 on", "did you mean 'virtual-1'"),
        ("reset zebra", "there are: virtual-1, v"),
        ("rest zebra", "there are: virtual-1, v"),
        ("boards --release virtual-2", "did you mean 'virtual-1'"),
        ("doctor --server pi2", "no server 'pi2' is in 'servers' (did you mean 'pi1'?)"),
        ("agent --install pi2", "no server 'pi2' is in 'servers' (did you mean 'pi1'?)"),
        ("agent --install pi1 --program nofile", "--program: nofile: No such file"),
        ("hub pi2 get_power_state", "no server 'pi2' is in 'servers' (did you mean 'pi1'?)"),
        ("run -b virtual-1,other {elf}", "try: -b virtual-1 -b other"),
        ("run -b v,virtual-1,w {elf}", "all of the labels 'v,virtual-1,w'\n"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(hil, line, words):
    lab = desk_lab(hil)
    if "-b v" in line and "run" in line:
        lab.write_text(lab.read_text().replace("}}}", "}}, other: {labels: [w], qemu: {machine: netduino2}}}"))
    if "server" in words or "nofile" in words:
        lab.write_text(lab.read_text() + "servers: {pi1: {hosts: [127.0.0.1], ssh: ['false']}}\n")
    result = hil(*line.format(elf=firmware("selftest-unity.elf")).split())
    assert result.code == 2 and words in result.err and not result.out, (result.out, result.err)


def test_a_board_of_the_lab_or_of_the_history_is_known(hil):
    desk_lab(hil)
    assert "nothing of that kind" in hil("history", "-b", "virtual-1").out
    assert hil.run("-b", "virtual-f205", firmware("selftest-unity.elf", "stm32f205")).code == 0
    for argv in (["history"], ["flaky"], ["history", "--events"]):
        assert hil(*argv, "-b", "virtual-f205").code == 0
    assert hil("history", "-b", "virtual-f206").err.endswith("(did you mean 'virtual-f205'?)\n")


def test_pools_where_there_is_no_store(hil):
    assert json.loads(hil("pool", "--json").out)["pools"] == []
    assert hil("pool", "show").code == 0
    assert hil("pool", "show", "macs").code == 2


def test_names_for_completion(hil):
    names = hil("formats", "--names").out.split()
    assert names[0] == "auto" and names[1:] == [row["name"] for row in json.loads(hil("formats", "--json").out)["formats"]]
    drivers = json.loads(hil("drivers", "--json").out)["drivers"]
    names = hil("drivers", "--names").out.split()
    assert len(names) == len(set(names)) and set(names) == {row["name"] for row in drivers} | {row["kind"] for row in drivers}
    for name in names:
        assert hil("drivers", name).code == 0


def test_drivers_say_what_a_choice_is_of(hil):
    (driver,) = [row for row in json.loads(hil("drivers", "--json", "jlink").out)["drivers"]]
    (option,) = [row for row in driver["options"] if row["name"] == "interface"]
    assert option["type"] == "choice" and option["choices"] == ["SWD", "JTAG"]
    assert re.search(r"^  interface +SWD\|JTAG  ", hil("drivers", "jlink").out, re.M)
    assert not re.search(r"^  [a-z0-9*-]+ +choice  ", hil("drivers").out, re.M)


def test_an_only_jobs_reason_is_told_once(hil):
    lab = hil.write("infra.yaml", "lab: l\nboards: {a: {reset: {cmd: {run: ['true']}}, "
                    "flash: {cmd: {run: ['false']}}, console: {pty: {path: tty}}}}\n")  # fmt: skip
    elf = firmware("selftest-unity.elf")
    first = hil.run("-b", "a", elf, lab=lab)
    assert first.code == 3 and first.out.count("exit 1; tried: again") == 1, first.out
    again = hil.run("-b", "a", elf, lab=lab)
    assert again.code == 3 and again.out.count("in quarantine since") == 1, again.out
    folded = hil.run("-b", "a", elf, lab=lab, env={"GITHUB_ACTIONS": "true"})
    assert folded.out.split("::endgroup::")[1].count("| a is in quarantine since") == 1
    unwritten = hil.run("-b", "stm32f205", "--junit", "/proc/x", firmware("selftest-unity.elf", "stm32f205"))
    assert unwritten.code == 3 and "a report cannot be written, so this is no pass: /proc/x" in unwritten.out


def piped(hil, data, *argv):
    done = subprocess.run([HIL, *map(str, argv)], input=data, cwd=hil.home, env=hil.env, capture_output=True, timeout=60)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_firmware_through_a_pipe(hil):
    for name in ("selftest-unity.elf", "selftest-unity.hex"):
        code, out, err = piped(hil, firmware(name).read_bytes(), "image", "--json", "-")
        assert code == 0, err
        assert json.loads(out)["segments"] == json.loads(hil("image", "--json", firmware(name)).out)["segments"]
    code, out, err = piped(hil, firmware("selftest-unity.elf").read_bytes(), "run", "-l", LAB, "-b", "stm32f405", "-")
    assert code == 0 and "PASS stdin, " in out, out + err
    assert hil("replay", "-q", hil.out).out == "pass\n"
    with open(firmware("selftest-unity.elf")) as stdin:
        assert hil("image", "-", stdin=stdin).code == 0
    done = subprocess.run(["bash", "-c", f"'{HIL}' image <(cat '{firmware('selftest-unity.elf')}')"], env=hil.env)
    assert done.returncode == 0


def test_a_pipe_without_firmware(hil):
    code, out, err = piped(hil, b"", "image", "-")
    assert code == 2 and "/dev/stdin: is empty" in err
    code, out, err = piped(hil, b"hello", "image", "-")
    assert code == 2 and err.startswith("hil image: /dev/stdin: ")
    assert "nor a pipe" in hil("image", "-").err  # of /dev/null
    code, out, err = piped(hil, b"x", "run", "-l", LAB, "-b", "stm32f405", "--confirm", "-")
    assert code == 2 and "--confirm reads standard input" in err
    endless = ["bash", "-c", f"head -c 300M /dev/zero | '{HIL}' image -"]
    done = subprocess.run(endless, env=hil.env, capture_output=True, text=True)
    assert done.returncode == 3 and "larger than 256 MiB" in done.stderr


def test_a_pipe_that_says_nothing_can_be_cancelled(hil):
    process = hil.start("image", "-", stdin=subprocess.PIPE)
    reads = pathlib.Path(f"/proc/{process.pid}/fd/0")
    wait_until(lambda: len(list(reads.parent.iterdir())) > 4 and "hil" in os.readlink(reads.parent.parent / "exe"))
    process.terminate()
    assert process.wait(10) == 128 + 15
    process.communicate()


def test_exit_status_says_what_1_is_of_each_verb(hil):
    for verb, zero, words in (("run", "pass", "firmware is to blame"), ("gate", "pass", "policy"),
                              ("console", "done", "--until"), ("discover", "done", "--write")):  # fmt: skip
        shown = hil(verb, "--help").out.split("Exit status:")[1]
        assert words in re.search(r"^  1 .*", shown, re.M)[0] and f"  0    {zero}" in shown
    for verb in ("image", "formats", "doctor", "boards", "power"):
        shown = hil(verb, "--help").out.split("Exit status:")[1]
        assert not re.search(r"^  1 ", shown, re.M) and "  0    done" in shown


def desk_lab(hil):
    """A lab with an emulated board, a log that passes, and a store."""
    hil.write("lab.yaml", "lab: l\nboards: {virtual-1: {labels: [v], qemu: {machine: netduinoplus2}}}\n")
    hil.write("log", "test.c:1:test_a:PASS\n1 Tests 0 Failures 0 Ignored\nOK\n")
    assert hil("pool", "import", "macs", "02:00:00:00:00:01").code == 0
    return hil.home / "lab.yaml"


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
    for argv in (["formats"], ["drivers"], ["image", firmware("selftest-unity.hex")]):
        assert json.loads(hil(*argv, "--json").out)["schema"] == 1
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
