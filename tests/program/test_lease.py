# SPDX-License-Identifier: MIT
"""Several hil processes at once: boards are never shared, waiters come in order, holders are shown."""
import json
import os
import signal
import threading

import pytest
from conftest import LAB, firmware, processes_in, wait_until
from ptyboard import UNITY, PtyBoard, lab_of

pytestmark = pytest.mark.threads


def holding(hil, board="virtual-f405", lab=LAB):
    """A run that keeps its board until it is told to end."""
    process = hil.start(
        "run", "--lab", lab, "-b", board, "-o", "holder", "--timeout", "idle=60s",
        firmware("bad-hang.elf"),
    )
    wait_until(lambda: held(hil, board, lab), what="the lease")
    return process


def boards(hil, lab=LAB):
    return {b["name"]: b for b in json.loads(hil("boards", "--lab", lab, "--json").out)["boards"]}


def held(hil, board, lab=LAB):
    return boards(hil, lab)[board]["held"]


def test_busy_board_says_who_holds_it(hil):
    actions = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_SERVER_URL": "https://github.example",
        "GITHUB_REPOSITORY": "acme/motor",
        "GITHUB_RUN_ID": "4711",
        "GITHUB_RUN_ATTEMPT": "2",
        "GITHUB_JOB": "on-board",
    }
    hil.env.update(actions)
    holder = holding(hil)
    hil.env = {name: value for name, value in hil.env.items() if name not in actions}
    entry = boards(hil)["virtual-f405"]["holder"]
    assert entry["pid"] == holder.pid
    assert entry["repository"] == "acme/motor" and entry["attempt"] == "2"
    assert entry["run_url"] == "https://github.example/acme/motor/actions/runs/4711"
    assert f"pid {holder.pid}" in hil("boards", "--lab", LAB).out
    result = hil.run("-b", "virtual-f405", "--wait", "0", firmware("selftest-unity.elf"))
    assert result.code == 3
    assert f"pid {holder.pid}" in result.board()["reason"]
    assert result.board()["verdict"] == "infra"
    # A sibling that is free does the job instead.
    other = hil.run("-b", "stm32f405", "--wait", "0", "-o", "b", firmware("selftest-unity.elf"))
    assert other.code == 0
    holder.send_signal(signal.SIGTERM)
    assert hil.finish(holder).code == 143
    assert not held(hil, "virtual-f405")


def test_wait_ends_when_the_holder_does(hil):
    holder = holding(hil)
    waiter = hil.start(
        "run", "--lab", LAB, "-b", "virtual-f405", "--wait", "30s", "-o", "waiter",
        firmware("selftest-unity.elf"),
    )
    wait_until(lambda: boards(hil)["virtual-f405"]["waiting"] == 1, what="the waiter")
    holder.kill()  # not even a goodbye: the kernel drops the lease
    hil.finish(holder)
    result = hil.finish(waiter, directory=hil.home / "waiter")
    assert result.code == 0, result.out + result.err
    assert result.seconds < 10


def test_wait_is_bounded(hil):
    holder = holding(hil)
    result = hil.run("-b", "virtual-f405", "--wait", "300ms", firmware("selftest-unity.elf"))
    assert result.code == 3 and result.seconds < 5
    holder.kill()
    hil.finish(holder)


def test_waiters_come_in_order_of_arrival(hil):
    order, release = [], threading.Event()

    def script(board):
        if board.resets == 1:
            release.wait(20)
        board.say(UNITY)

    board = PtyBoard(hil.home, "uno", script)
    lab = lab_of(hil, board)
    image = firmware("selftest-unity.elf")
    runs = []
    for n in range(5):
        runs.append(hil.start("run", "--lab", lab, "-q", "-o", f"out-{n}", image))
        seen = lambda: boards(hil, lab)["uno"]["waiting"] == n if n else held(hil, "uno", lab)
        wait_until(seen, what=f"arrival {n}")
    release.set()
    for process in runs:
        assert hil.finish(process).code == 0
    begun = [json.loads((hil.home / f"out-{n}/uno/job.json").read_text()) for n in range(5)]
    order = [job["started_unix_us"] for job in begun]
    assert order == sorted(order)
    board.close()


def test_many_processes_never_share_a_board(hil):
    """Each life of a board is marked by its script; two at once would overlap."""
    overlaps, alive = [], set()

    def script(board):
        if board.name in alive:
            overlaps.append(board.name)
        alive.add(board.name)
        board.say(UNITY[: len(UNITY) // 2])
        board.say(UNITY[len(UNITY) // 2 :])
        alive.discard(board.name)

    players = [PtyBoard(hil.home, name, script) for name in ("uno", "due")]
    lab = lab_of(hil, *players)
    image = firmware("selftest-unity.elf")
    runs = [
        hil.start("run", "--lab", lab, "-q", "-b", "pty", "--repeat", "3", "-o", f"out-{n}", image)
        for n in range(8)
    ]
    ended = [
        hil.finish(process, timeout=120, directory=hil.home / f"out-{n}")
        for n, process in enumerate(runs)
    ]
    assert not [[board["reason"] for board in run.report["boards"]] for run in ended if run.code]
    assert not overlaps
    assert sum(player.resets for player in players) == 24
    for player in players:
        player.close()


def test_nobody_is_left_after_sigkill(hil):
    holder = holding(hil)
    assert len(processes_in(hil.home)) >= 3  # hil, its guardian, QEMU
    os.kill(holder.pid, signal.SIGKILL)
    hil.finish(holder)
    wait_until(lambda: not processes_in(hil.home), seconds=3, what="an empty house")
    result = hil.run("-b", "virtual-f405", "-o", "holder", firmware("selftest-unity.elf"))
    assert result.code == 0, result.out + result.err
