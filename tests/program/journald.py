# SPDX-License-Identifier: MIT
"""A real journald that nobody else's lines are in: in a mount namespace of its own.

    with Journald() as journal:
        process = journal.start(hil, "watch", ...)      its stdout and stderr are the journal's, as under systemd
        journal.entries("HIL_BOARD=uno")
"""
import json
import os
import shutil
import socket
import subprocess

import pytest
from conftest import wait_until

JOURNALD = "/lib/systemd/systemd-journald"
SCRIPT = "mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal /run/log/journal && exec " + JOURNALD
NEEDED = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("nsenter") or not os.path.exists(JOURNALD),
    reason="a journald of its own needs root and systemd")  # fmt: skip


class Journald:
    def __enter__(self):
        self.process = subprocess.Popen(["unshare", "--mount", "sh", "-c", SCRIPT], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        # What it sees of the file system is there for us, too.
        self.run = f"/proc/{self.process.pid}/root/run"
        wait_until(lambda: os.path.exists(f"{self.run}/systemd/journal/stdout"), 20, "journald")
        wait_until(self.listens, 20, "journald's ear")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(20)

    def listens(self):
        with socket.socket(socket.AF_UNIX) as ear:
            return ear.connect_ex(f"{self.run}/systemd/journal/stdout") == 0

    def stream(self):
        """What systemd makes a service's stdout and stderr: identifier, unit, priority, and four switches."""
        stream = socket.socket(socket.AF_UNIX)
        stream.connect(f"{self.run}/systemd/journal/stdout")
        stream.sendall(b"stream\n\n6\n1\n0\n0\n0\n")
        stat = os.fstat(stream.fileno())
        return stream, f"{stat.st_dev}:{stat.st_ino}"

    def inside(self, *argv):
        return ["nsenter", f"--target={self.process.pid}", "--mount", *map(str, argv)]

    def start(self, hil, *argv, env=None):
        stream, name = self.stream()
        with stream:
            return subprocess.Popen(self.inside(f"--wd={hil.home}", *argv), env={**hil.env, **(env or {}), "JOURNAL_STREAM": name},
                                    stdin=subprocess.DEVNULL, stdout=stream, stderr=stream)  # fmt: skip

    def entries(self, *matches):
        done = subprocess.run(self.inside("journalctl", "-o", "json", "--no-pager", *matches),
                              capture_output=True, text=True, check=False)  # fmt: skip
        assert done.returncode == 0 or "No entries" in done.stdout + done.stderr, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
