# SPDX-License-Identifier: MIT
"""scripts/install-service in a root of its own: what it would do, what it does, once, and its undoing."""
import os
import shutil
import stat
import subprocess

import pytest
from conftest import ROOT

SCRIPT = ROOT / "scripts" / "install-service"
TOKEN = "github_pat_notARealToken"
UNIT = "etc/systemd/system/hil-watch.service"
SERVE = "etc/systemd/system/hil-serve.service"
ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="makes users and changes owners, in a scratch root")


@pytest.fixture
def system(hil):
    """A system with its users, a hil and a lab."""
    root = hil.home / "root"
    for directory in ("etc/hil", "usr/local/bin", "bin"):
        (root / directory).mkdir(parents=True)
    (root / "etc/group").write_text("root:x:0:\ndialout:x:20:\n")
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/bash\n")
    for name in ("shadow", "gshadow"):
        (root / "etc" / name).write_text("")
    for program in ("usr/local/bin/hil", "bin/kill"):
        (root / program).write_text("#!/bin/sh\n")
        (root / program).chmod(0o755)
    (root / "etc/hil/lab.yaml").write_text("lab: x\n")
    hil.write("token", TOKEN + "\n")
    return root


def install(hil, root, *args, service="watch"):
    return subprocess.run([SCRIPT, service, "--root", root, *args], cwd=hil.home, env=hil.env, capture_output=True,
                          text=True, stdin=subprocess.DEVNULL)  # fmt: skip


def tree(root):
    return sorted((str(p.relative_to(root)), p.lstat().st_mode, p.lstat().st_mtime_ns) for p in root.rglob("*"))


def test_a_dry_run_shows_it_all_and_touches_nothing(hil, system):
    before = tree(hil.home)
    done = install(hil, system, "--dry-run", "--token-file", "token", "--url", "https://github.example.com")
    assert done.returncode == 0 and not done.stderr
    assert tree(hil.home) == before and TOKEN not in done.stdout
    for line in (
        "    ExecStart=/usr/local/bin/hil watch --lab /etc/hil/lab.yaml --token-file %d/token",
        "    LoadCredential=token:/etc/hil/watch-token",
        "    Environment=GITHUB_API_URL=https://github.example.com/api/v3",
        "    Type=notify",
    ):
        assert line in done.stdout.splitlines()
    assert "@" not in done.stdout.replace("@reboot", "")


@ROOT_ONLY
def test_it_is_installed_once_and_taken_away(hil, system):
    done = install(hil, system, "--token-file", "token")
    assert done.returncode == 0 and not done.stderr, done.stderr
    unit = (system / UNIT).read_text()
    assert TOKEN not in unit and "GITHUB_API_URL" not in unit
    token = system / "etc/hil/watch-token"
    assert token.read_text() == TOKEN + "\n" and stat.S_IMODE(token.stat().st_mode) == 0o600
    assert (system / "etc/systemd/system/multi-user.target.wants/hil-watch.service").is_symlink()
    (uid,) = [line.split(":")[2] for line in (system / "etc/passwd").read_text().split() if line.startswith("hil-runner:")]
    assert (system / "var/lib/hil").stat().st_uid == int(uid)
    verify(system, "hil-watch.service")
    before = tree(system)
    again = install(hil, system)
    assert again.returncode == 0 and "+" not in again.stdout, again.stdout + again.stderr
    assert tree(system) == before
    assert install(hil, system, "--remove").returncode == 0
    assert not (system / UNIT).exists() and not token.exists() and (system / "var/lib/hil").exists()
    assert install(hil, system, "--remove").returncode == 0, "there is nothing left to take away"


def verify(system, unit):
    shutil.copytree("/usr/lib/systemd/system", system / "usr/lib/systemd/system", symlinks=True)
    judged = subprocess.run(
        ["systemd-analyze", "verify", f"--root={system}", "--man=no", unit], capture_output=True, text=True
    )
    assert judged.returncode == 0 and "hil-" not in judged.stderr, judged.stderr
    # systemd's own mark of what is left to a service that somebody has taken over: 0 to 10.
    path = system / "etc/systemd/system" / unit
    open_to = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--threshold=45", path], capture_output=True, text=True)
    assert open_to.returncode == 0, open_to.stdout[-1500:]


@ROOT_ONLY
def test_the_page_is_installed_with_its_secrets_and_taken_away(hil, system):
    hil.write("github", TOKEN + "\n")
    args = ("--listen", "[::]:8320", "--host", "lab.example.org", "--token-file", "token", "--tls-cert", "/etc/lab.crt",
            "--tls-key", "/etc/lab.key", "--allow-control", "--watch", "--rig", "--github-token-file", "github")  # fmt: skip
    done = install(hil, system, *args, service="serve")
    assert done.returncode == 0 and not done.stderr, done.stderr
    unit = (system / SERVE).read_text()
    assert TOKEN not in unit and "@" not in unit
    for line in (
        "ExecStart=/usr/local/bin/hil serve --lab /etc/hil/lab.yaml --token-file %d/token --github-token-file "
        "%d/github-token --tls-cert %d/tls-cert --tls-key %d/tls-key --listen [::]:8320 --host lab.example.org "
        "--allow-control --watch --rig",
        "LoadCredential=token:/etc/hil/page-token",
        "LoadCredential=github-token:/etc/hil/watch-token",
        "LoadCredential=tls-key:/etc/lab.key",
        "SupplementaryGroups=dialout plugdev",
    ):
        assert line in unit.splitlines(), line
    assert stat.S_IMODE((system / "etc/hil/page-token").stat().st_mode) == 0o600
    verify(system, "hil-serve.service")
    before = tree(system)
    assert install(hil, system, *args, service="serve").returncode == 0 and tree(system) == before
    assert install(hil, system, "--remove", service="serve").returncode == 0
    assert not (system / SERVE).exists() and not (system / "etc/hil/page-token").exists()


def test_a_page_that_only_shows_gets_no_devices(hil, system):
    done = install(hil, system, "-n", service="serve")
    assert done.returncode == 0 and "SupplementaryGroups" not in done.stdout and "LoadCredential" not in done.stdout


def test_one_lab_is_watched_once(hil, system):
    (system / UNIT).parent.mkdir(parents=True)
    (system / UNIT).write_text("")
    done = install(hil, system, "-n", "--watch", service="serve")
    assert done.returncode == 2 and "install-service watch --remove" in done.stderr


@pytest.mark.parametrize(
    "args, words",
    [
        (["--tls-cert", "/etc/lab.crt"], "go together"),
        (["--tls-cert", "lab.crt", "--tls-key", "/x"], "not an absolute path"),
        (["--listen", "a b"], "a unit file would misread"),
        (["--host", "%h"], "a unit file would misread"),
        (["--github-token-file", "token"], "is for --watch"),
    ],
)
def test_mistakes_with_the_page(hil, system, args, words):
    done = install(hil, system, "-n", *args, service="serve")
    assert done.returncode == 2 and words in done.stderr


@pytest.mark.parametrize(
    "args, words",
    [
        (["--lab", "lab.yaml"], "not an absolute path"),
        (["--user", "a b"], "a unit file would misread"),
        (["--token-file", "none"], "none cannot be read"),
        (["--frobnicate"], "no such option"),
        (["--listen", ":1"], "no such option"),
    ],
)
def test_mistakes(hil, system, args, words):
    done = install(hil, system, "-n", *args)
    assert done.returncode == 2 and words in done.stderr
