# SPDX-License-Identifier: MIT
"""hil run --detach: a test on a server's board outlives the link and hil itself, and hil collect has its result."""
import json
import os
import pathlib
import re
import shutil
import signal

import pytest
from conftest import firmware, wait_until
from sshlab import SSHD, Servers
from test_remote import HANG, held, in_state, run

pytestmark = pytest.mark.skipif(not SSHD, reason="no sshd: scripts/install-deps test")

SHORT = ("--timeout", "boot=3s,idle=3s,total=30s")


@pytest.fixture
def servers(hil):
    servers = Servers(hil)
    yield servers
    servers.stop()


@pytest.fixture
def pi1(servers):
    return servers.start("pi1")


def kept(server):
    base = server.home / "state" / "agent" / "kept"
    return [entry.name for entry in base.iterdir()] if base.exists() else []


def agents(server):
    """They outlive the sshd that began them, so that its children are not all. Without those that have ended."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdigit() else []
            if words[1:2] == [b"agent"] and f"HOME={server.home}\0".encode() in (entry / "environ").read_bytes():
                found.append(int(entry.name))
        except OSError:
            pass
    return found


def timeless(path):
    return re.sub(r' (time|timestamp)="[^"]*"', "", path.read_text())


def kill_link(hil, pi1, running):
    for pid in pi1.sessions():
        os.kill(pid, signal.SIGKILL)
    return hil.finish(running)


def interrupt(hil, pi1, running):
    running.send_signal(signal.SIGINT)
    return hil.finish(running)


def kill_hil(hil, pi1, running):
    running.kill()
    running.wait()


def history(hil, lab):
    return json.loads(hil("history", "--lab", lab, "--json").out)["tries"]


@pytest.mark.parametrize("leave", [kill_link, interrupt, kill_hil])
def test_a_test_that_is_left_has_the_result_of_one_that_is_not(hil, servers, pi1, leave):
    lab = servers.lab("from pi1")
    words = ("-b", "pi1/board-a", *SHORT, firmware("bad-hang.elf"))
    assert run(hil, lab, *words).code == 1
    tries = lambda: [(each["verdict"], each["tests"], each["board"]) for each in history(hil, lab)]
    known = tries()
    attached = timeless(hil.out / "junit.xml")
    assert not kept(pi1)
    shutil.rmtree(hil.out)
    running = hil.start("run", "--lab", lab, "--detach", *words)
    wait_until(lambda: in_state(hil, "test"), what="test")
    result = leave(hil, pi1, running)
    if result and leave is kill_link:
        assert result.code == 3 and "hil collect" in result.board()["reason"], result.out + result.err
    assert tries() == known, "what nobody knows yet is not in the history"
    collected = hil("collect", "--lab", lab, "--wait", "40s", hil.out)
    assert collected.code == 1, collected.out + collected.err
    assert timeless(hil.out / "junit.xml") == attached
    assert tries() == 2 * known, "it is there once, as the first is"
    assert not kept(pi1) and not held(hil, pi1)
    wait_until(lambda: not agents(pi1), what="no agent that stays")
    again = hil("collect", "--lab", lab, hil.out)
    assert again.code == 1 and timeless(hil.out / "junit.xml") == attached
    assert len(tries()) == 2


def test_what_is_still_at_work_is_said(hil, servers, pi1):
    lab = servers.lab("from pi1")
    running = hil.start("run", "--lab", lab, "--detach", "-b", "pi1/board-a", *HANG, firmware("bad-hang.elf"))
    wait_until(lambda: in_state(hil, "test"), what="test")
    early = hil("collect", "--lab", lab, hil.out)
    assert early.code == 3 and "still here" in early.err, early.err
    interrupt(hil, pi1, running)
    soon = hil("collect", "--lab", lab, hil.out)
    assert soon.code == 3 and "still at work" in soon.err, soon.err
    assert held(hil, pi1) == ["board-a"]
    for pid in agents(pi1):  # its guardian takes no notice
        os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not held(hil, pi1), what="a board that is free")


def test_what_a_server_no_longer_keeps_is_infra_once(hil, servers, pi1):
    lab = servers.lab("from pi1")
    running = hil.start("run", "--lab", lab, "--detach", "-b", "pi1/board-a", *SHORT, firmware("bad-hang.elf"))
    wait_until(lambda: in_state(hil, "test"), what="test")
    interrupt(hil, pi1, running)
    wait_until(lambda: not agents(pi1), what="its end there")
    shutil.rmtree(pi1.home / "state" / "agent" / "kept")
    collected = hil("collect", "--lab", lab, hil.out)
    assert collected.code == 3 and "keeps nothing of this test" in collected.out + collected.err
    assert not list(hil.out.rglob("detached.json"))
    assert hil("collect", "--lab", lab, hil.out).code == 3
    assert "keeps nothing of this test" in (hil.out / "junit.xml").read_text()


def test_a_board_here_cannot_outlive_hil(hil, servers, pi1):
    lab = servers.lab("{a: {server: pi1, as: board-a}, near: {qemu: {machine: netduino2}}}")
    result = run(hil, lab, "--detach", "-b", "near", firmware("one.elf"))
    assert result.code == 2 and "--detach is for boards of servers" in result.err


def test_a_run_that_stays_leaves_nothing(hil, servers, pi1):
    lab = servers.lab("from pi1")
    assert run(hil, lab, "--detach", "-b", "pi1/board-a", firmware("one.elf")).code == 0
    assert not kept(pi1) and not list(hil.out.rglob("detached.json"))
    assert hil("collect", "--lab", lab, hil.out).code == 0
