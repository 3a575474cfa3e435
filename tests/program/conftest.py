# SPDX-License-Identifier: MIT
"""What whole-program tests share: hil as a user runs it, in a home of its own.

HIL names the program under test (build/test/hil under scripts/test). Every test has its own run,
state and working directories; nothing of the user's is read or written.
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import xml.etree.ElementTree as ET

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
HIL = os.environ.get("HIL", str(ROOT / "build" / "hil"))
FIRMWARE = ROOT / "build" / "firmware"
LAB = ROOT / "hil-tests" / "lab.yaml"


def pytest_configure(config):
    config.addinivalue_line("markers", "threads: exercises the threads of a run; also run under TSan")


class Result:
    """A finished hil: exit code, what it printed, and its run directory."""

    def __init__(self, process, out, err, seconds, directory):
        self.code = process.returncode
        self.out = out
        self.err = err
        self.seconds = seconds
        self.dir = directory

    @property
    def report(self):
        return json.loads((self.dir / "report.json").read_text())

    @property
    def junit(self):
        return ET.parse(self.dir / "junit.xml").getroot()

    def board(self, index=0):
        return self.report["boards"][index]

    def cases(self, index=0):
        return {
            case["name"]: case for suite in self.board(index)["suites"] for case in suite["cases"]
        }

    def log(self):
        (path,) = self.dir.rglob("uart.log")
        return path.read_bytes()


class Hil:
    """Runs hil in a directory of its own."""

    def __init__(self, home):
        self.home = home
        self.out = home / "hil-out"
        keep = ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LANG", "TMPDIR")
        self.env = {name: os.environ[name] for name in keep if name in os.environ}
        self.env.update(
            HOME=str(home), HIL_RUNTIME_DIR=str(home / "run"), HIL_STATE_DIR=str(home / "state")
        )

    def start(self, *args, **more):
        env = {**self.env, **more.pop("env", {})}
        argv = [HIL, *map(str, args)]
        more.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.Popen(
            argv, cwd=self.home, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more
        )

    def finish(self, process, timeout=60, directory=None):
        began = time.monotonic()
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(f"hil did not end within {timeout} s: {out!r} {err!r}")
        text = [stream.decode(errors="replace") for stream in (out, err)]
        return Result(process, *text, time.monotonic() - began, directory or self.out)

    def __call__(self, *args, timeout=60, directory=None, **more):
        return self.finish(self.start(*args, **more), timeout, directory)

    def run(self, *args, lab=LAB, **more):
        """hil run on the emulated boards of hil-tests/lab.yaml, or on `lab`."""
        return self("run", "--lab", lab, *args, **more)

    def write(self, name, text):
        path = self.home / name
        path.write_text(text)
        return path


@pytest.fixture
def hil():
    # Not pytest's tmp_path: socket paths must stay below 108 bytes.
    home = pathlib.Path(tempfile.mkdtemp(prefix="hil-"))
    (home / "run").mkdir()
    yield Hil(home)
    # A guardian has half a second of patience with those it ends.
    end = time.monotonic() + 3
    while (left := processes_in(home)) and time.monotonic() < end:
        time.sleep(0.01)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    shutil.rmtree(home)
    assert not left, f"left running: {left}"


def processes_in(home):
    """Processes whose environment says that they belong to this test."""
    mark = f"HIL_RUNTIME_DIR={home / 'run'}".encode()
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            environ = (entry / "environ").read_bytes()
            state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
        except (OSError, IndexError):
            continue
        if mark in environ.split(b"\0") and state != "Z":
            found.append(int(entry.name))
    return found


def wait_until(condition, seconds=30.0, what="the condition"):
    """Waits for something that another process brings about; never for a fixed time. To look costs a quarter of it at most."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.monotonic()
        value = condition()
        if value:
            return value
        time.sleep(max(0.005, 3 * (time.monotonic() - began)))
    raise AssertionError(f"{what} did not come true within {seconds} s")


def firmware(name, chip="stm32f405"):
    return FIRMWARE / chip / name


@pytest.fixture
def certificate(hil):
    """A key, and a certificate for 127.0.0.1 that is its own CA."""
    key, cert = hil.home / "key.pem", hil.home / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=lab CA", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    return key, cert


class Server:
    """A PostgreSQL of these tests alone, by tests/with-postgres."""

    def __init__(self):
        say = 'echo "$HIL_TEST_POSTGRES"; echo "$HIL_TEST_POSTGRES_DATA"; echo "$HIL_TEST_POSTGRES_BIN"; read -r _'
        self.process = subprocess.Popen(
            [ROOT / "tests" / "with-postgres", "sh", "-c", say], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.url, self.data, self.bin = [self.process.stdout.readline().strip() for _ in range(3)]
        if not self.url and self.process.wait() == 77:
            pytest.skip("PostgreSQL is not installed; try: apt install postgresql")

    def control(self, *args):
        user = ["setpriv", "--reuid=nobody", "--clear-groups", "--"] if os.geteuid() == 0 else []
        subprocess.run([*user, f"{self.bin}/pg_ctl", "-D", self.data, "-w", "-s", *args], check=True, cwd="/",
                       stdout=subprocess.DEVNULL)  # fmt: skip

    def ask(self, sql):
        argv = [f"{self.bin}/psql", self.url, "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql]
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()

    def close(self):
        self.process.communicate("\n")


@pytest.fixture(scope="session")
def server():
    server = Server()
    yield server
    server.close()
