# SPDX-License-Identifier: MIT
"""hil history and hil flaky: what a user sees of real runs."""
import csv
import io
import json
import sqlite3

import pytest
from ptyboard import PtyBoard

ACTIONS = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "octo/fw",
    "GITHUB_RUN_ID": "7",
    "GITHUB_RUN_ATTEMPT": "2",
    "GITHUB_SHA": "0123456789abcdef0123456789abcdef01234567",
    "GITHUB_REF_NAME": "main",
}


class Bench:
    """Two boards whose tests come out as `results` says: a letter a run, p(ass) or f(ail)."""

    def __init__(self, hil, **results):
        self.hil = hil
        self.results = {name: iter(letters) for name, letters in results.items()}
        self.boards = [PtyBoard(hil.home, name, self.say) for name in results]
        (hil.home / "fw.bin").write_bytes(b"firmware")
        self.path = hil.write("lab.yaml", "lab: bench\nboards:\n" + "".join(board.yaml() for board in self.boards))

    def say(self, board):
        good = next(self.results[board.name]) == "p"
        echo = "PASS" if good else "FAIL: Expected 1 Was 2"
        board.say(f"t.c:1:boots:PASS\r\nt.c:2:echo:{echo}\r\n\r\n-----------------------\r\n"
                  f"2 Tests {0 if good else 1} Failures 0 Ignored\r\n{'OK' if good else 'FAIL'}\r\n")  # fmt: skip

    def run(self, board, *args, **more):
        return self.hil("run", "--lab", self.path, "-q", "-b", board, "--at", "0", "--format", "unity", *args, "fw.bin", **more)


@pytest.fixture
def make(hil):
    made = []
    yield lambda **results: made.append(Bench(hil, **results)) or made[-1]
    for board in (board for bench in made for board in bench.boards):
        board.close()


def history(hil, *args, code=0):
    result = hil("history", *args)
    assert result.code == code, result.out + result.err
    return result.out


def tries(hil, *args):
    return json.loads(history(hil, "--json", *args))["tries"]


def test_an_empty_history(hil):
    assert "nothing" in history(hil) and tries(hil) == []
    assert history(hil, "--csv").startswith("id,run,source,time,lab,board,")
    assert "run 1 is not in the history" in hil("history", "1").err
    assert hil("flaky").code == 0 and json.loads(hil("flaky", "--json").out)["tests"] == []


def test_runs_are_listed_and_one_is_shown(hil, make):
    bench = make(a="pfp", b="p")
    assert bench.run("a", env=ACTIONS).code == 0
    assert bench.run("a", "--retries", "1", env=ACTIONS).code == 0
    assert bench.run("b").code == 0
    lines = history(hil).splitlines()
    assert lines[0].split() == ["RUN", "WHEN", "BOARD", "TEST", "VERDICT", "TESTS", "TOOK", "IMAGE", "FROM", "REASON"]
    assert [line.split()[0] for line in lines[1:]] == ["3", "2", "2", "1"]
    assert "fail (try 1)" in lines[3] and "1/2" in lines[3] and "01234567" in lines[3]
    assert [(t["run"], t["board"], t["verdict"], t["attempt"], t["last"]) for t in tries(hil)] == [
        ("3", "b", "pass", 1, True), ("2", "a", "pass", 2, True), ("2", "a", "fail", 1, False), ("1", "a", "pass", 1, True)]  # fmt: skip
    first = tries(hil, "-n", "1", "-b", "a", "-V", "fail")[0]
    assert first["url"] == "https://github.com/octo/fw/actions/runs/7/attempts/2" and first["ref"] == "main"
    assert first["commit"] == ACTIONS["GITHUB_SHA"] and first["reason"] == "1 of 2 tests failed: echo"
    assert (first["tests"], first["failed"], first["exit_code"]) == (2, 1, 1) and first["took_s"] > 0
    shown = history(hil, "2")
    assert "run 2: pass" in shown and "actions/runs/7" in shown and "commit 0123456789abcdef" in shown
    assert [line.split()[-1] for line in shown.split("CASE\n")[1].splitlines()] == ["echo"]
    assert len(history(hil, "2", "--all").split("CASE\n")[1].splitlines()) == 4
    whole = json.loads(history(hil, "2", "--json"))
    assert [len(whole[name]) for name in ("runs", "tries", "cases")] == [1, 2, 4]
    rows = list(csv.DictReader(io.StringIO(history(hil, "2", "--csv"))))
    assert [(row["attempt"], row["case"], row["result"]) for row in rows] == [
        ("1", "boots", "pass"), ("1", "echo", "fail"), ("2", "boots", "pass"), ("2", "echo", "pass")]  # fmt: skip


def test_a_test_is_followed_through_the_runs(hil, make):
    bench = make(a="pf")
    bench.run("a")
    bench.run("a")
    rows = list(csv.DictReader(io.StringIO(history(hil, "--test", "ech?", "--csv"))))
    assert [(row["run"], row["case"], row["result"]) for row in rows] == [("2", "echo", "fail"), ("1", "echo", "pass")]
    assert [line.split()[4:6] for line in history(hil, "-t", "echo").splitlines()[1:]] == [["echo", "fail"], ["echo", "pass"]]
    assert len(tries(hil, "--test", "fw")) == 2, "the job's name"
    other = hil.write("other.yaml", "lab: other\nboards:\n  a: {qemu: {machine: netduino2}}\n")
    assert len(tries(hil, "--lab", bench.path)) == 2 and not tries(hil, "--lab", other)
    assert tries(hil, "--since", "2020-01-01") and not tries(hil, "--since", "2099-01-01") and tries(hil, "--since", "1h")


def test_old_runs_are_forgotten(hil, make):
    bench = make(a="ppp")
    bench.run("a")
    bench.run("a")
    with sqlite3.connect(hil.home / "state" / "history.db") as db:
        db.execute("UPDATE runs SET started_us = started_us - 40 * 86400000000 WHERE id = 1")
    bench.path.write_text(bench.path.read_text() + "store: {keep: 30d, max-size: 1M}\n")
    bench.run("a")
    assert [t["run"] for t in tries(hil)] == ["3", "2"]
    with sqlite3.connect(hil.home / "state" / "history.db") as db:
        db.execute("UPDATE runs SET started_us = started_us - 40 * 86400000000 WHERE id = 2")
    assert history(hil, "--prune", "--lab", bench.path) == "1 run forgotten\n"
    assert [t["run"] for t in tries(hil)] == ["3"]
    bench.path.write_text(bench.path.read_text().replace("30d", "1h"))
    assert "keep: less than 1d" in hil("boards", "--lab", bench.path).err


def test_a_board_is_told_from_a_test(hil):
    letters = "pfppfpfppf"
    bench = Bench(hil, a=letters, b="p" * 30)
    bench.run("a", "--repeat", "5")
    bench.run("a", "--repeat", "5")
    bench.run("b", "--repeat", "20")
    report = json.loads(hil("flaky", "--json").out)
    rows = {row["board"]: row for row in report["tests"]}
    assert {row["test"] for row in report["tests"]} == {"echo"}
    assert (rows["a"]["runs"], rows["a"]["failed"], rows["a"]["flips"], rows["a"]["pairs"]) == (10, 4, 7, 9)
    assert (rows["b"]["flips"], rows["b"]["pairs"]) == (0, 19)
    assert rows["a"]["stands_out"] and rows[None]["blame"] == "board" and rows["a"]["low"] > rows["b"]["high"]
    assert "the board: a" in hil("flaky").out
    assert hil("flaky", "-b", "b").out == "no test passed and failed on the same image and board\n"
    assert list(csv.DictReader(io.StringIO(hil("flaky", "--csv").out)))[1]["board"] == "a"


def test_who_flashed_what(hil, make):
    bench = make(a="p")
    flash = lambda: hil("flash", "--lab", bench.path, "--at", "0", "a=fw.bin")
    assert flash().code == 0
    bench.path.write_text(bench.path.read_text().replace("[cp,", "['false',"))
    assert flash().code == 3
    failed, quarantine, flashed = json.loads(history(hil, "--events", "--json"))["events"]
    assert quarantine["kind"] == "quarantine", "nothing helped"
    assert (flashed["kind"], flashed["board"]) == ("flash", "a") and flashed["text"].startswith("fw.bin (c3bf47ea) by ")
    assert failed["kind"] == "flash" and failed["text"].startswith("fw.bin failed: flash cmd: false: exit 1")


@pytest.mark.parametrize(
    "args, words",
    [
        (["history", "-V", "green"], "'green' is none of pass, fail, infra"),
        (["history", "-s", "yesterday"], "neither a time ago (7d, 12h) nor a date"),
        (["history", "x1"], "'x1' is no run: 184, or w12"),
        (["history", "1", "2"], "one RUN at a time"),
        (["history", "--all"], "--all goes with a RUN"),
        (["flaky", "a"], "flaky takes no operands"),
    ],
)
def test_mistakes(hil, args, words):
    result = hil(*args)
    assert result.code == 2 and words in result.err
