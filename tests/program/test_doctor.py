# SPDX-License-Identifier: MIT
"""hil doctor: what it finds on this host, made wrong on purpose."""
import json
import pathlib
import sys

import pytest
from conftest import LAB, ROOT
from usblab import NUCLEO, STLINK, UsbLab

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
        ok, seen = of(look(), "token", "ok")
        assert "accepted; 4999 of 5000" in ok["what"] and seen["what"] == "octo/firmware can be seen"
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


def test_what_the_token_may_do(hil):
    lab = hil.write(
        "lab.yaml",
        "boards:\n  uno: &b\n    flash: {cmd: {run: ['true', '{file}']}}\n    reset: {cmd: {run: ['true']}}\n"
        "    console: {tcp: {host: localhost, port: 1}}\n  due: *b\n"
        "watch:\n  - {repo: octo/firmware, release: latest, boards: [uno]}\n"
        "  - {repo: octo/other, release: latest, boards: [due]}\n",
    )
    with GitHub(token="ghs_notARealToken") as github:
        look = lambda: hil("doctor", "--json", "--lab", lab, env=github.env)
        run = look()
        assert "octo/firmware can be seen" in [f["what"] for f in of(run, "token", "ok")]
        (bad,) = of(run, "token", "bad")
        assert bad["what"].startswith("octo/other: not found (HTTP 404)") and "metadata: read" in bad["what"]
        assert [f["what"] for f in of(run, "watch", "ok")] == [
            "octo/firmware release latest onto uno", "octo/other release latest onto due",
        ]
        assert not of(run, "token", "warn")
        github.scopes = "gist, admin:org"
        few, many = of(look(), "token", "warn")
        assert "its scopes (gist, admin:org) do not have `repo`" in few["what"] and "fine-grained" in few["mend"]
        assert many["what"].endswith(": admin:org")
        github.scopes = "repo, workflow"
        assert not of(look(), "token", "warn")
        github.scopes = ""
        assert "its scopes (none)" in of(look(), "token", "warn")[0]["what"]
    (note,) = of(hil("doctor", "--json", "--lab", lab), "token", "note")
    assert "octo/firmware" in note["mend"]


def test_what_watch_would_do(hil):
    board = "    flash: {cmd: {run: ['true', '{file}']}}\n    reset: {cmd: {run: ['true']}}\n    console: {tcp: {host: localhost, port: 1}}\n"
    lab = hil.write(
        "lab.yaml",
        f"boards:\n  uno:\n{board}    health: {{firmware: golden/uno.elf}}\n"
        "watch:\n  - {repo: octo/firmware, release: latest, boards: [nobody], golden: none.elf}\n",
    )
    run = hil("doctor", "--json", "--lab", lab)
    assert run.code == 3
    (bad,) = of(run, "watch", "bad")
    assert "'nobody' is no board's name" in bad["what"] and "none.elf is not there" in bad["what"]
    (health,) = of(run, "lab", "bad")
    assert "golden/uno.elf" in health["what"]
    secret = hil.write("secret", "not a real one\n")
    secret.chmod(0o644)
    (hil.home / "golden").mkdir()
    (hil.home / "golden/uno.elf").write_text("")
    lab.write_text(lab.read_text().replace("nobody", "uno").replace("none.elf", "golden/uno.elf")
                   + "webhook: {listen: '127.0.0.1:0', secret-file: secret}\n")
    run = hil("doctor", "--json", "--lab", lab)
    (warn,) = of(run, "watch", "warn")
    assert "read by others" in warn["what"] and warn["mend"].startswith("chmod 600")
    assert not of(run, "watch", "bad") and not of(run, "lab", "bad")


def test_who_would_be_told(hil):
    boards = "boards:\n  uno:\n    qemu: {machine: netduinoplus2}\nnotify:\n"
    secret = hil.write("slack.url", "https://hooks.example.org/T0/B0/xyzzy\n")
    hil.write("bell.py", "#!/usr/bin/python3\n").chmod(0o755)
    hil.env.pop("NO_SUCH_SECRET", None)
    lab = hil.write("lab.yaml", boards + "  - slack: {url-file: slack.url}\n  - command: {run: [./bell.py]}\n"
                    "  - {name: path, command: {run: [cat]}}\n  - {name: horn, command: {run: [./horn.py]}}\n"
                    "  - {name: gone, slack: {url-file: gone.url}}\n"
                    "  - {name: hook, webhook: {url: 'https://ops.example.org', secret-env: NO_SUCH_SECRET}}\n")  # fmt: skip
    secret.chmod(0o600)
    run = hil("doctor", "--json", "--lab", lab)
    assert [f["what"] for f in of(run, "notify", "ok")] == ["slack", "command", "path"]
    horn, gone, hook = of(run, "notify", "warn")
    assert horn["what"].endswith("/horn.py can be run") and "hil notify --test horn" in horn["mend"]
    assert "gone.url" in gone["what"] and "$NO_SUCH_SECRET is not set" in hook["what"]
    secret.chmod(0o644)
    run = hil("doctor", "--json", "--lab", lab)
    assert [f["mend"] for f in of(run, "notify", "warn")][0] == f"chmod o= '{secret}'"
    assert "xyzzy" not in run.out
    lab.write_text(boards + "  - slack: {url-file: slack.url}\n    on: [pass, faill]\n")
    (bad,) = of(hil("doctor", "--json", "--lab", lab), "notify", "bad")
    assert "did you mean 'fail'?" in bad["what"]


# ---- USB -------------------------------------------------------------------------------------

HUBS = "hub 1-2 switching=ganged", "hub 1-3 switching=ports", "hub 1-4 silent"
ALIKE = [STLINK.replace("1-1.2", f"1-1.{port}") for port in (2, 3)]


def with_hub(hil, flash, location, more=""):
    return hil.write(
        "lab.yaml",
        f"boards:\n  uno:\n    flash: {{{flash}}}\n    console: {{tcp: {{host: localhost, port: 1}}}}\n"
        f"    power: {{usb-hub: {{location: {location}, port: 1{more}}}}}\n",
    )


@pytest.mark.parametrize(
    "location, more, level, what, mend",
    [
        ("1-1", "", "bad", "uno: hub 1-1 cannot switch its ports, as it says itself", "take a hub that can"),
        ("1-2", "", "bad", "uno: hub 1-2 switches all of its ports at once only", "ganged: true"),
        ("1-2", ", ganged: true", "ok", "hub 1-2 claims to switch its ports together", None),
        ("1-3", "", "ok", "hub 1-3 claims to switch its ports, as uno needs it", None),
        ("1-4", "", "warn", "uno: hub 1-4: the device does not answer", "plug it in again"),
        ("1-9", "", "bad", "uno: no hub is plugged in at 1-9", "plug it in there"),
        ("1-1.4", "", "bad", "uno: no hub is plugged in at 1-1.4", "plug it in there"),
    ],
)
def test_a_hub_and_what_lab_yaml_wants_of_it(hil, location, more, level, what, mend):
    lab = with_hub(hil, "dfu-util: {path: 1-1.4}", location, more)
    run = UsbLab(hil, NUCLEO, *HUBS)("doctor", "--json", "--lab", lab)
    (found,) = [f for f in of(run, "usb", level) if "hub" in f["what"]]
    assert what in found["what"] and (mend in found["mend"] if mend else found["mend"] is None)


def test_probes_alike(hil):
    usb = UsbLab(hil, *ALIKE)
    lab = with_hub(hil, "st-flash: {serial: 35FF6B06}", "1-3")
    (bad, *_) = of(usb("doctor", "--json", "--lab", lab), "usb", "bad")
    assert bad["what"] == "1-1.2, 1-1.3 have one serial number, 35FF6B06, by which lab.yaml chooses for uno"
    assert "location (openocd), such as 1-1.2" in bad["mend"]
    lab = with_hub(hil, "openocd: {interface: stlink, target: stm32f4x, location: 1-1.3}", "1-3")
    (warn,) = of(usb("doctor", "--json", "--lab", lab), "usb", "warn")
    assert warn["what"] == "1-1.2, 1-1.3 have one serial number, 35FF6B06"
    lab = with_hub(hil, "openocd: {interface: cmsis-dap, target: stm32f4x, location: 1-1.3}", "1-3")
    assert any("OpenOCD does not look at the location of such a probe" in f["what"] for f in findings(usb("doctor", "--json", "--lab", lab)))


def test_what_sleeps_and_what_has_no_power(hil):
    lab = hil.write("lab.yaml", "boards:\n  uno:\n    flash: {st-flash: {serial: GONE}}\n"
                    "    reset: {cmd: {run: ['true']}}\n    console: {tcp: {host: localhost, port: 1}}\n")
    run = UsbLab(hil, STLINK + " sleeps", NUCLEO, "device 1-1.6 id=1a86:7523 unconfigured")("doctor", "--json", "--lab", lab)
    told = {f["what"]: f["mend"] for f in of(run, "usb", "warn")}
    assert "sys/bus/usb/devices/1-1.2/power/control" in told["ST-LINK/V2 at 1-1.2: the kernel puts it to sleep when it is idle"]
    assert "dmesg" in told["1a86:7523 at 1-1.6 is not configured: too little power, or a bad cable"]
    assert "hil discover --write" in told["uno: nothing of it is plugged in"]
    assert len(told) == 3
    well = UsbLab(hil, NUCLEO)("doctor", "--json", "--lab", LAB)
    assert [f["what"] for f in of(well, "usb", "ok")] == ["1 probe, bootloader or adapter, all well"]


# ---- tools -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "says, level, what",
    [
        ("Open On-Chip Debugger 0.12.0+dev-1\\nLicensed under GNU GPL v2", "ok", "openocd 0.12.0"),
        ("Open On-Chip Debugger 0.11.0-rc2", "warn", "openocd 0.11.0 is older than 0.12"),
        ("I will not tell", "note", "openocd does not tell its version"),
    ],
)
def test_the_versions_of_tools(hil, says, level, what):
    tool = hil.write("openocd", f"#!/bin/sh\n[ \"$*\" = --version ] && printf '{says}\\n' >&2\n")
    tool.chmod(0o755)
    lab = with_hub(hil, "openocd: {interface: stlink, target: stm32f4x}", "1-3")
    run = hil("doctor", "--json", "--lab", lab, env={"PATH": f"{hil.home}:/usr/bin:/bin"})
    (found,) = of(run, "tools", level)
    assert what in found["what"]


def test_operands_are_refused(hil):
    run = hil("doctor", "now")
    assert run.code == 2 and "takes no operands" in run.err


def test_changes_nothing(hil):
    before = sorted(path for path in hil.home.rglob("*"))
    hil("doctor", "--lab", LAB)
    assert sorted(path for path in hil.home.rglob("*")) == before
    assert pathlib.Path(LAB).exists()
