# SPDX-License-Identifier: MIT
"""hil doctor: what it finds on this host, made wrong on purpose."""
import json
import pathlib
import sys

import pytest
from conftest import LAB, ROOT

sys.path.insert(0, str(ROOT / "tests" / "github"))
from server import GitHub  # noqa: E402


def findings(run):
    found = json.loads(run.out)
    assert found["schema"] == 1
    return found["findings"]


def of(run, check, level):
    return [f for f in findings(run) if (f["check"], f["level"]) == (check, level)]


def test_a_good_lab(hil):
    run = hil("doctor", "--lab", LAB, "--json")
    texts = [f["what"] for f in of(run, "lab", "ok")]
    assert "virtual: 4 boards" in texts[0] and "qemu-system-arm" in texts[1]
    assert not [f for f in findings(run) if f["level"] == "bad"] and run.code == 0


def test_text_puts_the_remedy_below_and_quiet_leaves_out_what_is_well(hil):
    lab = hil.write("lab.yaml", "boards:\n  a:\n    bauds: 1\n    flsh: 2\n")
    run = hil("doctor")
    assert run.code == 3
    lines = run.out.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("bad   lab"))
    told = lines[at : next(i for i, line in enumerate(lines) if line.strip().startswith("-> correct it"))]
    assert any(":3:5: unknown key 'bauds'" in line for line in told)
    assert any(":4:5: unknown key 'flsh' (did you mean 'flash'?)" in line for line in told)
    assert any(line.startswith("ok    storage") for line in lines)
    quiet = hil("doctor", "-q", "--lab", lab).out
    assert "bad   lab" in quiet and "ok    " not in quiet


@pytest.mark.parametrize(
    "run, mend",
    [
        ("no-such-flasher", "put it on the PATH"),
        ("/opt/none/flash", "install it there"),
        ("st-flash", "sudo apt install stlink-tools"),
    ],
)
def test_a_program_that_is_missing(hil, run, mend):
    lab = hil.write(
        "lab.yaml",
        f"boards:\n  uno:\n    flash: {{cmd: {{run: [{run}, '{{file}}']}}}}\n"
        f"    reset: {{cmd: {{run: [/bin/true]}}}}\n    console: {{tcp: {{host: localhost, port: 1}}}}\n",
    )
    ended = hil("doctor", "--json", "--lab", lab, env={"PATH": str(hil.home)})
    assert ended.code == 3
    (bad,) = of(ended, "lab", "bad")
    assert f"'{run}', which board uno needs" in bad["what"] and mend in bad["mend"]


@pytest.mark.parametrize(
    "flash, program, mend",
    [
        ("cubeprogrammer: {}", "STM32_Programmer_CLI", "from st.com"),
        ("esptool: {port: /dev/null}", "esptool.py", "pipx install esptool"),
        ("bossac: {port: ttyACM0}", "bossac", "sudo apt install bossa-cli"),
        ("bossac: {port: ttyACM0, program: /opt/none/bossac}", "/opt/none/bossac", "install it there"),
    ],
)
def test_a_known_tool_that_is_missing(hil, flash, program, mend):
    lab = hil.write(
        "lab.yaml",
        f"boards:\n  uno:\n    flash: {{{flash}}}\n    reset: {{cmd: {{run: [/bin/true]}}}}\n"
        f"    console: {{tcp: {{host: localhost, port: 1}}}}\n",
    )
    ended = hil("doctor", "--json", "--lab", lab, env={"PATH": str(hil.home)})
    (bad,) = of(ended, "lab", "bad")
    assert f"'{program}', which board uno needs" in bad["what"] and mend in bad["mend"]


def test_a_full_history_directory(hil):
    (hil.home / "file").write_text("")
    run = hil("doctor", "--json", "--lab", LAB, env={"HIL_STATE_DIR": str(hil.home / "file/state")})
    assert run.code == 3 and of(run, "storage", "bad")


def test_the_token(hil):
    with GitHub(token="ghs_notARealToken") as github:
        look = lambda **env: hil("doctor", "--json", "--lab", LAB, env={**github.env, **env})
        (ok,) = of(look(), "token", "ok")
        assert "accepted; 4999 of 5000" in ok["what"]
        github.left = 7
        (warn,) = of(look(), "token", "warn")
        assert "only 7 of 5000" in warn["what"]
        run = look(GITHUB_TOKEN="ghs_revoked")
        (bad,) = of(run, "token", "bad")
        assert "not accepted" in bad["what"] and bad["mend"] and run.code == 3
        assert "ghs_revoked" not in run.out + run.err
        secret = hil.write("token", "ghs_notARealToken\n")
        run = hil("doctor", "--json", "--lab", LAB, "--token-file", secret, env={"GITHUB_API_URL": github.api_url})
        assert of(run, "token", "warn")
    assert of(hil("doctor", "--json", "--lab", LAB), "token", "note")


def test_operands_are_refused(hil):
    run = hil("doctor", "now")
    assert run.code == 2 and "takes no operands" in run.err


def test_changes_nothing(hil):
    before = sorted(path for path in hil.home.rglob("*"))
    hil("doctor", "--lab", LAB)
    assert sorted(path for path in hil.home.rglob("*")) == before
    assert pathlib.Path(LAB).exists()
