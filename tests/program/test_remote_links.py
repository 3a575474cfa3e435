# SPDX-License-Identifier: MIT
"""Links that fail: each lab host in a network namespace of its own, on the other end of a cable that is pulled."""
import os
import shutil
import subprocess

import pytest
from conftest import firmware, wait_until
from sshlab import SSHD, Servers
from test_remote import HANG, held, in_state, run

IP = shutil.which("ip", path="/usr/sbin:/sbin:" + os.environ["PATH"])


def ip(*words, check=True):
    return subprocess.run([IP, *words], check=check, capture_output=True, text=True)


def why_not():
    if not SSHD or not IP:
        return "no sshd or no ip: scripts/install-deps test"
    name = f"hilp{os.getpid()}"
    made = ip("netns", "add", name, check=False)
    if made.returncode:
        return f"no network namespaces here: {made.stderr.strip()}"
    ip("netns", "del", name)
    return None


class Cable:
    """A namespace, and a veth pair of which this end stays here. 198.18.0.0/15 is for tests (RFC 2544)."""

    def __init__(self, index):
        pid = os.getpid()
        self.name = f"hil{pid}-{index}"
        self.net = f"198.18.{pid % 256}.{index * 4}"
        self.here, self.there = f"hl{pid}-{index}", f"hr{pid}-{index}"
        base, last = self.net.rsplit(".", 1)
        self.address = f"{base}.{int(last) + 2}"
        ip("netns", "add", self.name)
        try:
            ip("link", "add", self.here, "type", "veth", "peer", "name", self.there, "netns", self.name)
            ip("addr", "add", f"{base}.{int(last) + 1}/30", "dev", self.here)
            ip("link", "set", self.here, "up")
            ip("-n", self.name, "addr", "add", f"{self.address}/30", "dev", self.there)
            ip("-n", self.name, "link", "set", "lo", "up")
            ip("-n", self.name, "link", "set", self.there, "up")
        except subprocess.CalledProcessError:
            self.remove()
            raise

    def cut(self):
        ip("-n", self.name, "link", "set", self.there, "down")

    def remove(self):
        ip("link", "del", self.here, check=False)
        ip("netns", "del", self.name, check=False)


@pytest.fixture
def hosts(hil):
    reason = why_not()
    if reason:
        pytest.skip(reason)
    servers, cables = Servers(hil), {}

    def start(name, **more):
        cables[name] = Cable(len(cables))
        within = (IP, "netns", "exec", cables[name].name)
        return servers.start(name, address=cables[name].address, within=within, **more)

    servers.cables, servers.host = cables, start
    yield servers
    servers.stop()
    for cable in cables.values():
        cable.remove()


@pytest.mark.parametrize("phase", ["flash", "test"])
def test_a_cable_that_is_pulled_in_the_middle_of_a_run(hil, hosts, phase):
    """Neither end hears of it; both give up by themselves."""
    pi1 = hosts.host("pi1")
    running = hil.start("run", "--lab", hosts.lab("from pi1"), "-b", "board-a", *HANG, firmware("bad-hang.elf"))
    wait_until(lambda: in_state(hil, phase), what=phase)
    hosts.cables["pi1"].cut()
    result = hil.finish(running)
    assert result.code == 3, result.out + result.err
    assert "server pi1: " in result.board()["reason"], result.board()["reason"]
    wait_until(lambda: not held(hil, pi1), what="a board that is free")
    wait_until(lambda: not pi1.agents(), what="no agent that stays")


def test_a_server_that_is_away_leaves_the_test_to_the_others(hil, hosts):
    """No test began there, so none is tried again: this needs no --retries."""
    pi1, _, _ = hosts.host("pi1"), hosts.host("pi2"), hosts.host("pi3")
    lab = hosts.lab("{a: {server: pi1, as: board-a}, b: {server: pi2, as: board-a}, c: {server: pi3, as: board-a}}")
    hosts.cables["pi1"].cut()
    result = run(hil, lab, "-b", "stm32f405", firmware("one.elf"))
    assert result.code == 0, result.out + result.err
    names = {board["name"] for board in result.report["boards"]}
    assert names <= {"pi2/b", "pi3/c"}, names
    assert 'name="server" value="pi' in (hil.out / "junit.xml").read_text()


def test_a_full_disk_on_the_server(hil, hosts):
    pi1 = hosts.host("pi1")
    state = pi1.home / "state"
    pi1.stop()  # what ip netns exec starts sees only the mounts that were there
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", state], check=True)
    try:
        pi1.start()
        with open(state / "filler", "wb", buffering=0) as filler, pytest.raises(OSError):
            while filler.write(bytes(4096)):
                pass
        result = run(hil, hosts.lab("from pi1"), "-b", "board-a", firmware("one.elf"))
        assert result.code == 3, result.out + result.err
        reason = result.board()["reason"]
        assert "server pi1: " in reason and "No space left" in reason, reason
        assert not held(hil, pi1)
        wait_until(lambda: not pi1.agents(), what="no agent that stays")
    finally:
        subprocess.run(["umount", "-l", state], check=True)
