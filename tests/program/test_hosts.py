# SPDX-License-Identifier: MIT
"""Two hosts that share a board by a PostgreSQL: it is never both's, whoever dies, sleeps or is cut off."""
import json
import os
import random
import signal
import threading
import time

import pytest
from conftest import Hil, processes_in, wait_until
from page_client import Page
from ptyboard import UNITY, PtyBoard

pytestmark = pytest.mark.threads
TTL = "2s"


class Host:
    """A host's directories and lab.yaml. Its boards have a UART of their own, and flash and power switch in common with
    the other host's, as if both reached one probe and one power strip by the network."""

    def __init__(self, home, name, server, shared, boards, store):
        (home / name).mkdir()
        self.hil = Hil(home / name)
        (home / name / "run").mkdir()
        # all that the test has started is found by the first one's directory
        self.hil.env["HIL_TEST_HOME"] = str(home)
        self.name, self.shared = name, shared
        self.boards = [PtyBoard(home / name, board, self.speak) for board in boards]
        self.answers = threading.Event()
        self.answers.set()
        text = f"lab: bench\nstore: {store}\nboards:\n"
        for board in self.boards:
            driver = f"{shared / 'drive'}, {shared}, {board.name}, {name}"
            lines = board.yaml(power=f"{{cmd: {{on: [{driver}, on], off: [{driver}, off]}}}}").splitlines()
            lines = [f"    flash: {{cmd: {{run: [{driver}, flash, '{{file}}']}}}}" if "flash:" in line else line
                     for line in lines]  # fmt: skip
            text += "\n".join(lines) + "\n"
        self.lab = self.hil.write("lab.yaml", text)
        (home / name / "fw.bin").write_bytes(b"firmware")

    def speak(self, board):
        self.answers.wait(30)
        board.say(UNITY)

    def args(self, *more):
        return ("run", "--lab", self.lab, "--at", "0", "--format", "unity", "--timeout", "boot=30s", *more, "fw.bin")

    def start(self, *more, **env):
        return self.hil.start(*self.args(*more), env=env)

    def finish(self, process):
        return self.hil.finish(process)

    def run(self, *more, **env):
        return self.finish(self.start(*more, **env))

    def listed(self):
        result = self.hil("boards", "--lab", self.lab, "--json")
        assert result.code == 0, result.err
        return {board["name"]: board for board in json.loads(result.out)["boards"]}

    def close(self):
        self.answers.set()
        for board in self.boards:
            board.close()
        for pid in processes_in(self.hil.home):
            os.kill(pid, signal.SIGKILL)


# Touches a board: a line of the log.
DRIVE = """#!/bin/sh
echo "$2 $3 $4" >> "$1/log"
"""


def given_twice(log):
    """Where a host did something to a board that the other one had not brought to rest yet."""
    owner, twice = {}, []
    for line in log:
        board, host, what = line.split()
        if owner.get(board, host) != host:
            twice.append(line)
        owner[board] = host
        if what == "off":
            del owner[board]
    return twice


@pytest.fixture
def lab(hil, server):
    """lab(boards, away) gives two hosts; lab.log() what was done to the boards, in order."""
    server.ask("DROP SCHEMA IF EXISTS hosts CASCADE")
    server.ask("CREATE SCHEMA hosts")
    shared = hil.home / "shared"
    shared.mkdir()
    (shared / "drive").write_text(DRIVE)
    (shared / "drive").chmod(0o755)
    hosts = []

    def make(boards=("a",), away="refuse"):
        store = f'{{url: "{server.url}&options=-csearch_path%3Dhosts", lease: {TTL}, away: {away}}}'
        hosts.extend(Host(hil.home, name, server, shared, boards, store) for name in ("one", "two"))
        return hosts

    make.log = lambda: (shared / "log").read_text().splitlines() if (shared / "log").exists() else []
    make.held = lambda: server.ask("SELECT count(*) FROM hosts.leases WHERE expires > clock_timestamp()")
    yield make
    for host in hosts:
        host.close()


def at_work(lab, host, board="a"):
    wait_until(lambda: f"{board} {host.name} flash" in lab.log(), what="the flash")
    wait_until(lambda: host.boards[0].resets, what="the reset")


def test_each_sees_what_the_other_has_and_waits_for_it(lab):
    one, two = lab()
    one.answers.clear()
    first = one.start(USER="alice")
    at_work(lab, one)
    seen = two.listed()["a"]
    assert seen["held"] and seen["holder"]["pid"] == first.pid and seen["holder"]["host"]
    assert one.listed()["a"]["holder"]["host"] is None
    busy = two.run("--wait", "0")
    assert busy.code == 3 and "a is held by" in busy.board()["reason"] and f"pid {first.pid}" in busy.board()["reason"]
    second = two.start("--wait", "30s")
    wait_until(lambda: one.listed()["a"]["waiting"] == 1, what="the waiter")
    assert "two flash" not in " ".join(lab.log())
    one.answers.set()
    assert one.finish(first).code == 0
    assert two.finish(second).code == 0
    assert lab.held() == "0" and not given_twice(lab.log())
    assert not two.listed()["a"]["held"]


def test_the_page_shows_who_has_a_board_on_another_host(lab):
    one, two = lab()
    one.answers.clear()
    first = one.start(USER="alice")
    at_work(lab, one)
    with Page(two.hil, two.lab) as page:
        shown = page.boards()["a"]
        assert shown["held"] and shown["holder"]["pid"] == first.pid and shown["holder"]["host"], shown
        metrics = page.ask("/metrics")[2].decode()
        assert 'hil_boards{state="held"} 1' in metrics and 'hil_board_held{board="a"} 1' in metrics
        assert f'hil_board_holder{{board="a",host="{shown["holder"]["host"]}",' in metrics
        one.answers.set()
        assert one.finish(first).code == 0
        wait_until(lambda: not page.boards()["a"]["held"], seconds=30, what="a board that is free")


def test_a_host_that_slept_leaves_a_board_alone_that_was_given_away(lab):
    one, two = lab()
    one.answers.clear()
    sleeper = one.start()
    at_work(lab, one)
    sleeper.send_signal(signal.SIGSTOP)
    assert two.run("--wait", "30s").code == 0
    before = lab.log()
    sleeper.send_signal(signal.SIGCONT)
    result = one.finish(sleeper)
    assert result.code == 3 and result.board()["verdict"] == "infra"
    assert "this host did not renew its lease in time" in result.board()["reason"]
    assert lab.log() == before, "it is not even brought to rest: the other one's power would go"
    assert lab.held() == "0"


def test_a_host_that_dies_loses_its_boards_and_leaves_them_at_rest(lab):
    one, two = lab()
    one.answers.clear()
    victim = one.start()
    at_work(lab, one)
    victim.kill()
    one.finish(victim)
    assert two.run("--wait", "30s").code == 0
    assert "a one off" in lab.log() and not given_twice(lab.log())
    assert lab.held() == "0"


def test_the_same_host_need_not_wait_for_what_its_kernel_knows(lab):
    one, _ = lab()
    one.lab.write_text(one.lab.read_text().replace(f"lease: {TTL}", "lease: 1h"))
    one.answers.clear()
    victim = one.start()
    at_work(lab, one)
    victim.kill()
    one.finish(victim)
    one.answers.set()
    assert one.run("--wait", "30s").code == 0


def test_a_run_that_only_listens_goes_on_without_the_database_and_a_flash_does_not_begin(lab, server):
    one, two = lab()
    one.answers.clear()
    first = one.start("--repeat", "2", "--wait", "1s")
    at_work(lab, one)
    server.control("-m", "immediate", "stop")
    refused = two.run("--wait", "0")
    assert refused.code == 3 and "no board without the lab's database" in refused.board()["reason"]
    time.sleep(2.5)  # for as long as the lease lasts, which is what this is about
    one.answers.set()
    result = one.finish(first)
    server.control("restart")
    said = result.out + result.err
    assert result.code == 3 and result.board(0)["verdict"] == "pass", said
    assert "no board without the lab's database" in result.board(1)["reason"]
    assert "may be another host's by now, so it is not touched" in said, "nor brought to rest"
    assert lab.log().count("a one flash") == 1
    assert two.run("--wait", "30s").code == 0


@pytest.mark.parametrize("away", ["refuse", "local"])
def test_a_server_that_starts_again_under_load_costs_no_board(lab, server, away):
    one, two = lab(("a", "b"), away)
    rounds = int(os.environ.get("HIL_TEST_SOAK", "2"))
    seed = int(os.environ.get("HIL_TEST_SEED", "7"))
    dice = random.Random(seed)
    print(f"HIL_TEST_SEED={seed}")
    results, tested = [], []

    def work(host, number):
        for turn in range(rounds):
            out = host.hil.home / f"out-{number}-{turn}"
            process = host.start("--all", "--repeat", "1", "-o", out, "--wait", "60s")
            if dice.random() < 0.2 and turn:
                wait_until(lambda: out.exists(), what="the run")
                process.kill()
            result = host.hil.finish(process, timeout=90)
            results.append((host.name, result.code, result.out + result.err))
            if result.code == 0:
                tested.append(len(json.loads((out / "report.json").read_text())["boards"]))

    threads = [threading.Thread(target=work, args=(host, n)) for host in (one, two) for n in range(2)]
    for thread in threads:
        thread.start()
    if away == "refuse":  # where each host trusts its own locks, a board would be both's for a while
        for _ in range(max(1, rounds // 2)):
            wait_until(lambda: len(lab.log()) > 6 or not any(t.is_alive() for t in threads), what="work")
            server.control("-m", dice.choice(["fast", "immediate"]), "restart")
    for thread in threads:
        thread.join()
    assert not [entry for entry in results if entry[1] not in (0, -9)], results
    assert not given_twice(lab.log())
    for host in (one, two):  # what was remembered here while the server started
        assert host.hil("store", "send", "--lab", host.lab).code == 0
    known = json.loads(one.hil("history", "--lab", one.lab, "--json").out)["tries"]
    assert sum(tested) <= len(known) <= 2 * len(results), "no result is lost, and none is there twice"
    wait_until(lambda: lab.held() == "0", what="every board")
