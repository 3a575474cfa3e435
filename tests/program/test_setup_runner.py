# SPDX-License-Identifier: MIT
"""scripts/setup-runner in a root of its own: what it would do, what it does, that it does it once, and its undoing."""
import hashlib
import http.server
import io
import os
import pathlib
import re
import shutil
import stat
import subprocess
import tarfile
import threading

import pytest
from conftest import ROOT

SCRIPT = ROOT / "scripts" / "setup-runner"
HOST = ROOT / "scripts" / "host"
GOLDEN = ROOT / "tests" / "golden" / "setup"
ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="makes users and changes owners, in a scratch root")
REPO = ["--repo", "octo/firmware", "--name", "bench-a"]
TOKEN = "github_pat_notARealToken"


@pytest.fixture
def system(hil):
    """A system with nothing but its users."""
    root = hil.home / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc/group").write_text("root:x:0:\ndialout:x:20:\n")
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/bash\n")
    for name in ("shadow", "gshadow"):
        (root / "etc" / name).write_text("")
    hil.write("token", TOKEN + "\n")
    return root


def prepare(hil, root, *args):
    done = subprocess.run(
        [SCRIPT, "--root", root, *map(str, args)], cwd=hil.home, env=hil.env, capture_output=True, text=True,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return done


def with_runner(root, registered=True):
    opt = root / "opt/actions-runner"
    opt.mkdir(parents=True, exist_ok=True)
    (opt / "run.sh").write_text("#!/bin/sh\n")
    (opt / "run.sh").chmod(0o755)
    if registered:
        (opt / ".runner").write_text("{}")
    hil = root / "usr/local/bin/hil"
    hil.parent.mkdir(parents=True, exist_ok=True)
    hil.write_text("#!/bin/sh\n")
    hil.chmod(0o755)
    lab = root / "etc/hil/lab.yaml"
    lab.parent.mkdir(exist_ok=True)
    lab.write_text("lab: x\n")


def tree(root):
    return sorted((str(p.relative_to(root)), p.lstat().st_mode, p.lstat().st_uid, p.lstat().st_mtime_ns)
                  for p in root.rglob("*"))  # fmt: skip


# ---- what it would do ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, args",
    [
        ("stays", ["--token-file", "token", "--download", "2.336.0", "--sha256", "0" * 64]),
        ("ephemeral", ["--ephemeral", "--token-file", "token", "--user", "ci", "--lab", "/srv/lab.yaml",
                       "--url", "https://github.example.com"]),
    ],
)  # fmt: skip
def test_a_dry_run_shows_it_all_and_touches_nothing(hil, system, name, args):
    before = tree(hil.home)
    done = prepare(hil, system, "--dry-run", *REPO, *args)
    assert done.returncode == 0 and not done.stderr
    assert tree(hil.home) == before and TOKEN not in done.stdout
    rules = "".join(f"    {line}".rstrip(" ") if line == "\n" else f"    {line}" for line in open(HOST / "70-hil.rules"))
    shown = re.sub(r"^    $", "", done.stdout, flags=re.M).replace(re.sub(r"^    $", "", rules, flags=re.M), "    RULES\n")
    shown = shown.replace(str(system), "ROOT").replace(os.uname().machine, "MACHINE")
    shown = re.sub(r"linux-(x64|arm64|arm)-", "linux-ARCH-", shown)
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(shown)
    assert shown == golden.read_text()


def test_a_dry_run_needs_no_root(hil, system):
    if os.geteuid() != 0:
        pytest.skip("is what every other test here does then")
    hil.home.chmod(0o755)
    done = subprocess.run(
        ["setpriv", "--reuid", "nobody", "--clear-groups", SCRIPT, "--root", system, *REPO], capture_output=True,
        text=True, env=hil.env,
    )  # fmt: skip
    assert done.returncode == 3 and "needs root (or --dry-run" in done.stderr
    done = subprocess.run(
        ["setpriv", "--reuid", "nobody", "--clear-groups", SCRIPT, "-n", "--root", system, *REPO], capture_output=True,
        text=True, env=hil.env,
    )  # fmt: skip
    assert done.returncode == 0 and "+ useradd" in done.stdout


# ---- what it does --------------------------------------------------------------------------------------


def verify(root, *units):
    """systemd's own opinion of the units, with the host's targets around them."""
    shutil.copytree("/usr/lib/systemd/system", root / "usr/lib/systemd/system", symlinks=True, dirs_exist_ok=True)
    done = subprocess.run(
        ["systemd-analyze", "verify", f"--root={root}", "--man=no", *units], capture_output=True, text=True
    )
    assert done.returncode == 0 and "hil-" not in done.stderr, done.stderr


@ROOT_ONLY
def test_a_runner_that_stays(hil, system):
    with_runner(system)
    done = prepare(hil, system, *REPO, "--token-file", "token")
    assert done.returncode == 0 and not done.stderr, done.stderr
    name, _, uid, gid, _, home, shell = (system / "etc/passwd").read_text().splitlines()[1].split(":")
    assert (name, home, shell) == ("hil-runner", "/var/lib/hil-runner", "/bin/bash")
    groups = dict((line.split(":")[0], line.split(":")[3]) for line in (system / "etc/group").read_text().split())
    assert groups["dialout"] == groups["plugdev"] == "hil-runner"
    for directory in ("var/lib/hil-runner", "var/lib/hil", "opt/actions-runner"):
        assert (system / directory).stat().st_uid == int(uid)
    token = system / "etc/hil/token"
    assert token.read_text() == TOKEN + "\n" and stat.S_IMODE(token.stat().st_mode) == 0o600 and token.stat().st_uid == 0
    assert (system / "etc/udev/rules.d/70-hil.rules").read_text() == (HOST / "70-hil.rules").read_text()
    assert os.access(system / "usr/local/lib/hil/job-completed.sh", os.X_OK)
    wants = system / "etc/systemd/system/multi-user.target.wants"
    assert sorted(p.name for p in wants.iterdir()) == ["hil-labels.service", "hil-runner.service"]
    units = [(system / "etc/systemd/system" / name).read_text() for name in ("hil-runner.service", "hil-labels.service")]
    assert "User=hil-runner\n" in units[0] and "ExecStart=/opt/actions-runner/run.sh\n" in units[0]
    assert "ACTIONS_RUNNER_HOOK_JOB_COMPLETED=/usr/local/lib/hil/job-completed.sh\n" in units[0]
    assert "hil labels --watch --runner bench-a --repo octo/firmware --token-file /etc/hil/token\n" in units[1]
    assert not any("@" in unit or TOKEN in unit for unit in units)
    verify(system, "hil-runner.service", "hil-labels.service")


@ROOT_ONLY
def test_twice_is_as_once(hil, system):
    with_runner(system)
    args = [*REPO, "--token-file", "token"]
    prepare(hil, system, *args)
    before = tree(system)
    done = prepare(hil, system, *args)
    assert done.returncode == 0
    assert {line[0] for line in done.stdout.splitlines() if "systemctl" not in line} == {"="}
    assert tree(system) == before


@ROOT_ONLY
def test_ephemeral_and_back(hil, system):
    with_runner(system, registered=False)
    assert prepare(hil, system, *REPO, "--token-file", "token", "--ephemeral").returncode == 0
    unit = system / "etc/systemd/system/hil-runner.service"
    text = unit.read_text()
    assert "ExecStart=/usr/local/bin/hil runner --dir /opt/actions-runner --user hil-runner --name bench-a" in text
    assert "\nUser=" not in text and "CapabilityBoundingSet=CAP_SETUID CAP_SETGID CAP_KILL CAP_DAC_READ_SEARCH\n" in text
    verify(system, "hil-runner.service")
    with_runner(system)
    assert prepare(hil, system, *REPO).returncode == 0  # the token is there from before
    labels = system / "etc/systemd/system/hil-labels.service"
    assert "User=hil-runner" in unit.read_text() and labels.exists()
    assert prepare(hil, system, *REPO, "--ephemeral").returncode == 0
    assert not labels.exists() and not (system / "etc/systemd/system/multi-user.target.wants/hil-labels.service").is_symlink()


@ROOT_ONLY
def test_removal(hil, system):
    with_runner(system)
    prepare(hil, system, *REPO, "--token-file", "token")
    before = tree(system)
    done = prepare(hil, system, "--remove", "--dry-run")
    assert done.returncode == 0 and "+ rm -f" in done.stdout and tree(system) == before
    done = prepare(hil, system, "--remove")
    assert done.returncode == 0 and not done.stderr, done.stderr
    left = [str(p.relative_to(system)) for p in system.rglob("*") if not p.is_dir() and "hil" in p.name]
    assert left == ["usr/local/bin/hil"] and not (system / "etc/hil/token").exists()
    assert (system / "etc/hil/lab.yaml").exists() and (system / "opt/actions-runner/.runner").exists()
    assert "GitHub still lists the runner" in done.stdout and "hil-runner" in (system / "etc/passwd").read_text()
    assert not prepare(hil, system, "--remove").stdout.startswith("+")


# ---- the runner's archive ------------------------------------------------------------------------------


@pytest.fixture
def mirror():
    """The release's download page."""
    pipe = io.BytesIO()
    with tarfile.open(fileobj=pipe, mode="w:gz") as archive:
        for name in ("run.sh", "bin/Runner.Listener"):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.uid = 10, 0o755, 4711
            archive.addfile(entry, io.BytesIO(b"#!/bin/sh\n"))
    data, asked = pipe.getvalue(), []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", hashlib.sha256(data).hexdigest(), asked
    server.shutdown()
    server.server_close()


@ROOT_ONLY
def test_download(hil, system, mirror):
    url, digest, asked = mirror
    args = [*REPO, "--mirror", url, "--download", "v2.336.0", "--sha256"]
    done = prepare(hil, system, *args, "f" * 64)
    assert done.returncode == 3 and f"it is {digest}" in done.stderr
    assert not list((system / "opt/actions-runner").iterdir())
    done = prepare(hil, system, *args, digest.upper())
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"/v2\.336\.0/actions-runner-linux-(x64|arm64|arm)-2\.336\.0\.tar\.gz", asked[-1])
    run = system / "opt/actions-runner/run.sh"
    uid = int((system / "etc/passwd").read_text().splitlines()[1].split(":")[2])
    assert os.access(run, os.X_OK) and run.stat().st_uid == uid != 4711
    assert f"not registered yet; as hil-runner in {system}/opt/actions-runner: ./config.sh --unattended" in done.stdout
    prepare(hil, system, *args, digest)
    assert len(asked) == 2  # it is there


@ROOT_ONLY
@pytest.mark.parametrize("code", [0, 1])
def test_registration(hil, system, code):
    """config.sh runs as the user, and gets the token by the environment."""
    with_runner(system, registered=False)
    config = system / "opt/actions-runner/config.sh"
    config.write_text(
        '#!/bin/sh\n{ id -u; id -G; echo "$ACTIONS_RUNNER_INPUT_TOKEN"; echo "$HOME"; tr "\\0" " " </proc/$$/cmdline; } >.runner\n'
        f"exit {code}\n"
    )
    config.chmod(0o755)
    for directory in (hil.home, system, system / "opt"):
        directory.chmod(0o755)
    done = prepare(hil, system, *REPO, "--registration-token-file", "token")
    assert done.returncode == code and TOKEN not in done.stdout + done.stderr
    uid, groups, token, home, argv = (system / "opt/actions-runner/.runner").read_text().splitlines()
    assert [uid, groups] == (system / "etc/passwd").read_text().splitlines()[1].split(":")[2:4]
    assert token == TOKEN and home == f"{system}/var/lib/hil-runner"
    assert "--url https://github.com/octo/firmware --name bench-a --labels hil" in argv and TOKEN not in argv
    assert ("systemctl" in done.stdout) == (code == 0)


# ---- mistakes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "args, words",
    [
        ([], "whose runner?"),
        (["--repo", "octo"], "is not OWNER/NAME"),
        (["--repo", "a/b", "--org", "c"], "not to both"),
        ([*REPO, "--user", "root"], "jobs do not run as root"),
        ([*REPO, "--user", "a b"], "would misread"),
        ([*REPO, "--runner-dir", "/opt/%h"], "would misread"),
        ([*REPO, "--lab", "lab.yaml"], "is not an absolute path"),
        ([*REPO, "--name", "x;y"], "would misread"),
        ([*REPO, "--ephemeral"], "--ephemeral needs --token-file"),
        ([*REPO, "--download", "2.336.0"], "needs --sha256"),
        ([*REPO, "--download", "latest", "--sha256", "0" * 64], "is no version"),
        ([*REPO, "--token-file", "/no/such/token"], "cannot be read"),
        ([*REPO, "--ephemeral", "--token-file", "token", "--registration-token-file", "token"], "not for --ephemeral"),
        ([*REPO, "--dry"], "no such option: --dry"),
        (["--repo"], "--repo needs a value"),
    ],
)
def test_mistakes(hil, system, args, words):
    before = tree(hil.home)
    done = prepare(hil, system, *args)
    assert done.returncode == 2 and words in done.stderr and not done.stdout
    assert tree(hil.home) == before


def test_help(hil):
    done = subprocess.run([SCRIPT, "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    options = set(re.findall(r"^    (--[a-z0-9-]+|-n \| --dry-run)[ |)]", SCRIPT.read_text(), re.M))
    for option in options | {"--dry-run", "--repo"}:
        assert option.split()[-1] in done.stdout, option


# ---- the files -----------------------------------------------------------------------------------------


def test_rules_are_well_formed():
    """What udevadm verify (systemd 254) asks for, in short."""
    keys = {"ACTION", "SUBSYSTEM", "SUBSYSTEMS", "GOTO", "LABEL", "MODE", "GROUP", "TAG"}
    labels, jumps = [], []
    for line in (HOST / "70-hil.rules").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        for token in re.split(r", ", line):
            match = re.fullmatch(r'([A-Z]+)(?:\{([A-Za-z_/]+)\})?(==|!=|=|\+=)"([^"]*)"', token)
            assert match, line
            key, attribute, operator, value = match.groups()
            assert key in keys or (key in ("ATTR", "ATTRS", "ENV") and attribute) or key == "TEST", line
            if key == "ATTRS" and attribute in ("idVendor", "idProduct"):
                assert operator == "==" and re.fullmatch(r"[0-9a-f]{4}(\|[0-9a-f]{4})*", value), line
            {"LABEL": labels, "GOTO": jumps}.get(key, []).append(value)
    assert set(jumps) == set(labels) and len(labels) == len(set(labels))


@pytest.mark.parametrize("code", [0, 3])
def test_the_hook_never_makes_a_job_red(hil, code):
    (hil.home / "bin").mkdir()
    fake = hil.home / "bin/hil"
    fake.write_text(f'#!/bin/sh\necho "called with $*"\nexit {code}\n')
    fake.chmod(0o755)
    env = {**hil.env, "PATH": f"{hil.home}/bin:{hil.env['PATH']}"}
    # As the runner does: bash -e
    done = subprocess.run(["bash", "-e", HOST / "job-completed.sh"], env=env, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("called with rest --job\n")
    assert ("::warning" in done.stdout) == (code != 0)
    assert code == 0 or f"exit code {code}" in done.stdout
