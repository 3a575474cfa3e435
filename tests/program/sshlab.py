# SPDX-License-Identifier: MIT
"""Servers for whole-program tests: real sshds on loopback or in a network of their own, each with a lab of emulated boards of its own.

Nothing of the user's is read or written: host keys, authorized_keys, known_hosts and ssh_config are in
the test's directory, and hil there is the program under test, found by the PATH that sshd sets.
"""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

import pytest
from conftest import HIL

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:" + os.environ["PATH"])

BOARDS = """\
lab: {name}
defaults:
  timeouts: {{lease: 20s, flash: 20s, boot: 10s, idle: 10s, total: 1m}}
boards:
  board-a:
    labels: [stm32f405, virtual]
    qemu: {{machine: netduinoplus2}}
    memory: [{{at: 0x08000000, size: 1M}}]
  board-b:
    labels: [stm32f405, virtual, {name}-only]
    qemu: {{machine: netduinoplus2}}
    memory: [{{at: 0x08000000, size: 1M}}]
"""


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def keygen(path):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)


class Server:
    """An sshd with a home of its own, and hil in its PATH."""

    def __init__(self, hil, name, program=HIL, address="127.0.0.1", within=()):
        self.address, self.within = address, within
        self.home = hil.home / "servers" / name
        self.name = name
        self.pc = hil
        self.port = free_port()
        for directory in ("bin", "run", "state"):
            (self.home / directory).mkdir(parents=True)
        self.install(program)
        (self.home / "lab.yaml").write_text(BOARDS.format(name=name))
        keygen(self.home / "host_key")
        self.write_config()
        self.process = None
        self.start()

    def install(self, program):
        target = self.home / "bin" / "hil"
        target.unlink(missing_ok=True)
        if program:
            target.symlink_to(program)

    def write_config(self):
        keep = ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS")
        env = {name: os.environ[name] for name in keep if name in os.environ}
        env.update(
            PATH=f"{self.home}/bin:{os.environ['PATH']}",
            HOME=str(self.home),
            HIL_STATE_DIR=f"{self.home}/state",
            # The same for all, so that the fixture finds what is left running.
            HIL_RUNTIME_DIR=f"{self.pc.home}/run",
            HIL_LAB=f"{self.home}/lab.yaml",
        )
        words = " ".join(f'"{name}={value}"' for name, value in env.items())
        (self.home / "sshd_config").write_text(
            f"ListenAddress {self.address}:{self.port}\n"
            f"HostKey {self.home}/host_key\nPidFile {self.home}/sshd.pid\n"
            f"AuthorizedKeysFile {self.pc.home}/client_key.pub\n"
            "StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
            f"PermitRootLogin yes\nLogLevel ERROR\nSetEnv {words}\n"
        )

    def start(self):
        if os.getuid() == 0:  # where it would separate its privileges; made by its service otherwise
            pathlib.Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        self.process = subprocess.Popen(
            [*self.within, SSHD, "-D", "-e", "-f", self.home / "sshd_config"], stderr=open(self.home / "sshd.log", "wb")
        )
        end = time.monotonic() + 10
        while time.monotonic() < end:
            try:
                socket.create_connection((self.address, self.port), 1).close()
                return
            except ConnectionRefusedError:
                time.sleep(0.01)
        raise AssertionError((self.home / "sshd.log").read_text())

    def stop(self):
        """The listener, and every connection through it."""
        for pid in [self.process.pid, *self.sessions()]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()

    def sessions(self):
        """The processes of sshd that serve a connection."""
        return descendants(self.process.pid, "sshd")

    def agents(self):
        """Without their guardians, which look like them."""
        all = [pid for pid in descendants(self.process.pid) if cmdline(pid)[1:2] == ["agent"]]
        below = {pid for other in all for pid in descendants(other)} if len(all) > 1 else ()
        return [pid for pid in all if pid not in below]

    def trust(self, key=None):
        text = (key or self.home / "host_key.pub").read_text().split()[:2]
        with open(self.pc.home / "known_hosts", "a") as known:
            known.write(f"[{self.address}]:{self.port} {' '.join(text)}\n")

    def conf(self, **more):
        parts = {"hosts": f"[{self.address}]", "port": self.port, "ssh": f"[ssh, -F, {self.pc.home}/ssh_config]", **more}
        return "{" + ", ".join(f"{key}: {value}" for key, value in parts.items()) + "}"


def cmdline(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []


def descendants(pid, name=None):
    """All below, of that name; by one look at all processes."""
    children = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            parent = int(stat.rsplit(")", 1)[1].split()[1])
            children.setdefault(parent, []).append((int(entry.name), stat[stat.index("(") + 1 : stat.rindex(")")]))
    found, below = [], [pid]
    while below:
        for child, comm in children.get(below.pop(), ()):
            below.append(child)
            if name in (None, comm):
                found.append(child)
    return found


class Servers:
    def __init__(self, hil):
        self.pc = hil
        self.all = []
        keygen(hil.home / "client_key")
        # ssh reads the home from the password file, whatever HOME says.
        hil.write(
            "ssh_config",
            f"UserKnownHostsFile {hil.home}/known_hosts\nGlobalKnownHostsFile /dev/null\n"
            f"IdentityFile {hil.home}/client_key\nIdentitiesOnly yes\nIdentityAgent none\n"
            "StrictHostKeyChecking yes\n",
        )

    def start(self, name, trust=True, **more):
        server = Server(self.pc, name, **more)
        self.all.append(server)
        if trust:
            server.trust()
        return server

    def lab(self, boards, *servers, **more):
        lines = [f"  {server.name}: {server.conf(**more)}\n" for server in servers or self.all]
        return self.pc.write("pc.yaml", f"lab: pc\nservers:\n{''.join(lines)}boards: {boards}\n")

    def stop(self):
        for server in self.all:
            server.stop()


@pytest.fixture
def servers(hil):
    servers = Servers(hil)
    yield servers
    servers.stop()


@pytest.fixture
def pi1(servers):
    return servers.start("pi1")
