# SPDX-License-Identifier: MIT
"""hil watch over boards of servers: a real sshd, hil agent there, and a GitHub of our own."""
import json

import pytest
from conftest import firmware, wait_until
from sshlab import SSHD, pi1, servers  # noqa: F401, pi1 and servers are fixtures
from test_remote import HANG, held
from test_watch import REPO, TAP, UNITY, GitHub, Service, once, wrote

pytestmark = pytest.mark.skipif(not SSHD, reason="no sshd: scripts/install-deps test")


@pytest.fixture
def github():
    with GitHub(token="ghs_0123456789abcdefTOKEN") as server:
        yield server


def lab(servers, boards, watch):
    path = servers.lab(boards)
    path.write_text(path.read_text() + f"watch:\n- {{repo: {REPO}, release: latest, {watch}}}\n")
    return path


def has(hil, server, board, name):
    """What the server's own hil has noted of it."""
    shown = hil("flash", "--lab", server.home / "lab.yaml", "--if-changed", "--json", f"{board}={firmware(name)}",
                env={"HIL_STATE_DIR": f"{server.home}/state"})  # fmt: skip
    return [each["outcome"] for each in json.loads(shown.out)["boards"]] == ["unchanged"]


@pytest.mark.parametrize("test", ["false", "true"])
def test_boards_of_a_server_are_watched_as_those_here(hil, github, servers, pi1, test):
    path = lab(servers, "from pi1", f"asset: 'fw-{{board}}.elf', boards: [stm32f405], test: {test}")
    github.add_release("v1", {"fw-board-a.elf": UNITY, "fw-board-b.elf": TAP})
    first = once(hil, github, lab=path)
    assert first.code == 0, first.out + first.err
    assert {name: (b["action"], b["verdict"]) for name, b in first.boards.items()} == {
        "pi1/board-a": ("flash", "pass"), "pi1/board-b": ("flash", "pass")}  # fmt: skip
    assert len(wrote(hil)) == 2 and not held(hil, pi1)
    again = once(hil, github, lab=path)
    assert again.code == 0 and {b["action"] for b in again.boards.values()} == {"current"}
    github.add_release("v2", {"fw-board-a.elf": UNITY, "fw-board-b.elf": UNITY})
    third = once(hil, github, lab=path)
    assert third.code == 0 and {n: b["action"] for n, b in third.boards.items()} == {"pi1/board-a": "current", "pi1/board-b": "flash"}
    assert has(hil, pi1, "board-b", "selftest-unity.elf"), "it is there, not only noted here"
    assert hil("watch", "--lab", path, "--forget", "pi1/board-b").code == 0
    assert len(wrote(hil)) == 3


def test_whoever_has_a_board_there_goes_first(hil, github, servers, pi1):
    path = lab(servers, "{a: {server: pi1, as: board-a}}", "asset: fw.elf, boards: [pi1/a], interval: 40ms")
    github.add_release("v1", {"fw.elf": UNITY})
    there = hil.start("run", "--lab", pi1.home / "lab.yaml", "-b", "board-a", *HANG, firmware("bad-hang.elf"),
                      env={"HIL_STATE_DIR": f"{pi1.home}/state"})  # fmt: skip
    wait_until(lambda: held(hil, pi1) == ["board-a"], what="a board that is held")
    with Service(hil, github, lab=path) as watch:
        line = watch.wait_for("pi1/a", "waits: held on its server by")
        assert "hil run" in line
        there.terminate()
        hil.finish(there)
        watch.wait_for("pi1/a", "v1", "fw.elf")
        wait_until(lambda: wrote(hil), 30, "the flash")


def test_a_server_that_is_away_holds_up_its_boards_alone(hil, github, servers, pi1):
    path = lab(servers, "{far: {server: pi1, as: board-a, labels: [x]}, near: {labels: [x], qemu: {machine: netduinoplus2}}}",
               "asset: fw.elf, boards: [x]")  # fmt: skip
    github.add_release("v1", {"fw.elf": UNITY})
    pi1.stop()
    away = once(hil, github, "--wait", "1s", lab=path)
    assert away.code == 3, away.out + away.err
    assert away.boards["near"]["verdict"] == "pass" and "server pi1: " in away.boards["pi1/far"]["text"], away.boards
    pi1.start()
    assert once(hil, github, lab=path).code == 0 and len(wrote(hil)) == 2
