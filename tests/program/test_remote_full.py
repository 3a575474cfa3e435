# SPDX-License-Identifier: MIT
"""A server's disk that fills up while a test runs there: said, nothing held, and kept as far as it was written."""
import os
import re
import subprocess

import pytest
from conftest import firmware, wait_until
from sshlab import SSHD, servers  # noqa: F401, a fixture
from test_detach import agents, kept
from test_remote import HANG, events, held, in_state, run

pytestmark = [
    pytest.mark.skipif(not SSHD, reason="no sshd: scripts/install-deps test"),
    pytest.mark.skipif(
        os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"]).returncode != 0,
        reason="mounting a small disk needs root and a mount namespace",
    ),
]

SHORT = ("--timeout", "boot=3s,idle=3s,total=30s")
NO_ROOM = re.compile(r"/board-a/uart\.(log|timing): No space left on device$")  # whichever comes first


@pytest.fixture
def new_server(hil, servers):
    def make(size):
        """Its state lies on a disk of so many bytes that only it sees."""
        mount = f"mount -t tmpfs -o size={size} tmpfs {hil.home}/servers/pi1/state"
        return servers.start("pi1", within=("unshare", "-m", "sh", "-c", f'{mount} && exec "$0" "$@"'))

    return make


def fill(server):
    inside = ("nsenter", "-t", str(server.process.pid), "-m")
    done = subprocess.run([*inside, "sh", "-c", f"cat /dev/zero >{server.home}/state/filler"], capture_output=True)
    assert b"No space left" in done.stderr


def check_free(hil, server):
    assert not held(hil, server)
    wait_until(lambda: not agents(server), what="no agent that stays")


def test_a_log_that_finds_no_room(hil, servers, new_server):
    pi1 = new_server("400k")
    lab = servers.lab("{board-a: {server: pi1, labels: [x]}}")
    result = run(hil, lab, *HANG, firmware("bad-babble.elf"))
    board = result.board()
    assert result.code == 3 and board["verdict"] == "infra", result.out + result.err
    assert board["reason"].startswith("server pi1: /") and NO_ROOM.search(board["reason"])
    assert len(result.log()) > 100_000
    check_free(hil, pi1)
    assert hil("replay", "--json", "again.json", hil.out).code == 3
    assert (hil.home / "again.json").read_bytes() == (hil.out / "report.json").read_bytes()


def test_the_same_without_a_link(hil, servers, new_server):
    pi1 = new_server("1m")
    lab = servers.lab("{board-a: {server: pi1, labels: [x]}}")
    running = hil.start("run", "--lab", lab, "--detach", *HANG, firmware("bad-babble.elf"))
    wait_until(lambda: in_state(hil, "test"), what="test")
    running.kill()
    running.wait()
    result = hil("collect", "--lab", lab, "--wait", "40s")
    assert result.code == 3 and "server pi1: /" in result.board()["reason"], result.out + result.err
    assert NO_ROOM.search(result.board()["reason"])
    assert len(result.log()) > 300_000
    check_free(hil, pi1)
    assert not kept(pi1)


def test_cases_that_were_told_before_the_disk_was_full_are_kept(hil, servers, new_server):
    pi1 = new_server("4m")
    lab = servers.lab("{board-a: {server: pi1, labels: [x]}}")
    running = hil.start("run", "--lab", lab, *SHORT, firmware("bad-hang.elf"))
    wait_until(lambda: any(event["kind"] == "case-end" for event in events(hil)), what="a case")
    fill(pi1)
    result = hil.finish(running)
    assert result.code == 3 and result.board()["verdict"] == "infra", result.out + result.err
    assert result.board()["reason"].endswith("/board-a/uart.timing: No space left on device")
    assert len(result.cases()) == 3 and result.log()
    check_free(hil, pi1)


def test_a_disk_that_is_full_before_the_test(hil, servers, new_server):
    """The agent finds room, and the run that it starts does not."""
    pi1 = new_server("96k")
    result = run(hil, servers.lab("{board-a: {server: pi1, labels: [x]}}"), firmware("bad-babble.elf"))
    assert result.code == 3, result.out + result.err
    assert result.board()["reason"].startswith("server pi1: ") and "No space left" in result.board()["reason"]
    check_free(hil, pi1)
