# SPDX-License-Identifier: MIT
"""hil run --detach: a test on a server's board outlives the link and hil itself, and hil collect has its result."""
import json
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import subprocess
import sys

import pytest
from conftest import ROOT, firmware, wait_until
from sshlab import SSHD, pi1, servers  # noqa: F401, pi1 and servers are fixtures
from test_remote import HANG, events, held, in_state, run, script

pytestmark = pytest.mark.skipif(not SSHD, reason="no sshd: scripts/install-deps test")

SHORT = ("--timeout", "boot=3s,idle=3s,total=30s")


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


def leave_two(hil, pi1, lab, *words):
    """A run whose two tests are at work there, and go on."""
    running = hil.start("run", "--lab", lab, "--detach", *words)
    wait_until(lambda: len([e for e in events(hil) if e.get("state") == "test"]) == 2, what="two tests")
    interrupt(hil, pi1, running)


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


def told(hil):
    messages = [json.loads(path.read_text()) for path in hil.home.glob("told.*")]
    return [notice["title"] for message in messages for notice in message["notices"]]


def test_what_is_collected_is_told_to_whom_the_lab_names(hil, servers, pi1):
    """Once, and when nothing of the run is at work any more: two tests, of which one takes longer."""
    lab = servers.lab("from pi1")
    (hil.home / "tell.sh").write_text(f'#!/bin/sh\ncat >"{hil.home}/part.$$" && mv "{hil.home}/part.$$" "{hil.home}/told.$$"\n')
    (hil.home / "tell.sh").chmod(0o755)
    with open(lab, "a") as text:
        text.write("notify:\n  - command: {run: [./tell.sh]}\n    on: [pass, fail, infra]\n    every: 1s\n")
    words = ("--timeout", "boot=3s,idle=3s,total=15s", "-b", "pi1/board-a", "-b", "pi1/board-b")
    leave_two(hil, pi1, lab, *words, firmware("bad-hang.elf"), firmware("bad-babble.elf"))
    first = hil("collect", "--lab", lab, "--wait", "6s", hil.out)
    assert first.code == 3 and "still at work" in first.err, first.out + first.err
    assert len(rows(hil, "SELECT * FROM jobs")) == 1 and not told(hil), "one of them is home"
    assert hil("collect", "--lab", lab, "--wait", "40s", hil.out).code == 1
    (title,) = wait_until(lambda: told(hil), what="a notice")
    assert title.startswith("pc: fail") and "pi1/board-a" in title and "pi1/board-b" in title
    assert hil("collect", "--lab", lab, hil.out).code == 1
    assert len(told(hil)) == 1, "nothing was fetched, so there is no news"


def test_a_board_here_cannot_outlive_hil(hil, servers, pi1):
    lab = servers.lab("{a: {server: pi1, as: board-a}, near: {qemu: {machine: netduino2}}}")
    result = run(hil, lab, "--detach", "-b", "near", firmware("one.elf"))
    assert result.code == 2 and "--detach is for boards of servers" in result.err


def test_a_run_that_stays_leaves_nothing(hil, servers, pi1):
    lab = servers.lab("from pi1")
    assert run(hil, lab, "--detach", "-b", "pi1/board-a", firmware("one.elf")).code == 0
    assert not kept(pi1) and not list(hil.out.rglob("detached.json"))
    assert hil("collect", "--lab", lab, hil.out).code == 0


def rows(hil, sql):
    with sqlite3.connect(hil.home / "state" / "history.db") as db:
        return db.execute(sql).fetchall()


def without_times(value):
    if isinstance(value, dict):
        return {key: without_times(each) for key, each in value.items() if not re.search("time|started|took|_us$|_s$", key)}
    return [without_times(each) for each in value] if isinstance(value, list) else value


def repository(hil):
    """With the source that the firmware names."""
    git = lambda *words: subprocess.run(["git", "-C", hil.home, *words], check=True, stdout=subprocess.PIPE, text=True).stdout
    git("init", "-q")
    git("config", "user.email", "t@example.com")
    git("config", "user.name", "t")
    (hil.home / "bad").mkdir()
    (hil.home / "bad" / "fail.c").write_text("/* */\n")
    git("add", "bad")
    git("commit", "-q", "-m", "one")
    return git


def is_home(hil):
    return any(json.loads(path.read_text()).get("home") for path in hil.out.rglob("detached.json"))


@pytest.mark.parametrize("reached", [lambda hil: in_state(hil, "test"), is_home], ids=["test", "home"])
def test_commit_files_events_and_reports_after_a_kill(hil, servers, pi1, reached):
    git = repository(hil)
    commit = git("rev-parse", "HEAD").strip()
    lab = servers.lab("from pi1")
    words = ("--expect-tests", "9", "-b", "pi1/board-a", "--timeout", "boot=5s,idle=5s,total=30s", firmware("bad-fail.elf"))
    assert run(hil, lab, *words).code == 1
    attached = [timeless(hil.out / "junit.xml"), without_times(json.loads((hil.out / "report.json").read_text()))]
    shutil.rmtree(hil.out)
    with sqlite3.connect(hil.home / "state" / "history.db") as db:
        db.execute("BEGIN IMMEDIATE")  # so that it cannot be in the history by then
        running = hil.start("run", "--lab", lab, "--detach", *words)
        wait_until(lambda: reached(hil), what="a moment in it")
        kill_hil(hil, pi1, running)
    git("mv", "bad/fail.c", "bad/moved.c")  # what is there now is not what was tested
    git("commit", "-q", "-m", "two")
    told = len(events(hil))
    with open(hil.out / "events.jsonl", "a") as log:
        log.write('{"time_us":')
    collected = hil("collect", "--lab", lab, "--wait", "40s", hil.out)
    assert collected.code == 1, collected.out + collected.err
    report = json.loads((hil.out / "report.json").read_text())
    assert timeless(hil.out / "junit.xml") == attached[0]
    assert without_times(report) == attached[1]
    assert commit in (hil.out / "report.json").read_text() and "bad/fail.c" in (hil.out / "junit.xml").read_text()
    assert "moved.c" not in (hil.out / "junit.xml").read_text()
    assert str(hil.home) not in (hil.out / "run.json").read_text(), "where it was is nobody's business any more"
    lines = (hil.out / "events.jsonl").read_text().splitlines()
    assert lines[told] == '{"time_us":', "what was cut is left as it is"
    more = [json.loads(line) for line in lines[told + 1 :]]
    assert [event["kind"] for event in more] == ["note", "job-end", "run-end"] and "cut here" in more[0]["text"], more
    assert more[1]["verdict"] == "fail" and more[2]["fail"] == report["counts"]["fail"] == 3
    assert more[0]["time_us"] > json.loads(lines[told - 1])["time_us"]
    assert rows(hil, "SELECT verdict, sha, count(*) FROM runs GROUP BY 1, 2") == [("fail", commit, 2)]
    assert (hil.out / "summary.md").read_text() and "pi1/board-a" in (hil.out / "report.html").read_text()


def test_a_kill_hides_no_test_that_had_not_begun(hil, servers, pi1):
    lab = servers.lab("{a: {server: pi1, as: board-a}}")
    words = ("--timeout", "boot=9s,idle=9s,total=30s", firmware("selftest-unity.elf"), firmware("one.elf"), firmware("bad-fail.elf"))
    running = hil.start("run", "--lab", lab, "--detach", "-b", "pi1/a", *words)
    wait_until(lambda: in_state(hil, "test"), what="test")
    kill_hil(hil, pi1, running)
    collected = hil("collect", "--lab", lab, "--wait", "40s", hil.out, directory=hil.out)
    assert collected.code == 3, collected.out + collected.err
    boards = {board["test"] if "test" in board else board["job"]: board for board in collected.report["boards"]}
    assert len(boards) == 3, boards
    never = [board for board in boards.values() if board["reason"] == "hil run has ended before it began"]
    assert len(never) == 2 and all(board["verdict"] == "infra" for board in never)
    again = hil("collect", "--lab", lab, hil.out, directory=hil.out)
    assert again.code == 3 and len(again.report["boards"]) == 3
    assert rows(hil, "SELECT (SELECT count(*) FROM runs), (SELECT count(*) FROM jobs)") == [(1, 3)]


def test_a_collect_that_was_broken_off_is_done_again(hil, servers, pi1):
    lab = servers.lab("from pi1")
    words = ("-b", "pi1/board-a", "-b", "pi1/board-b", "--all", *SHORT, firmware("bad-hang.elf"))
    leave_two(hil, pi1, lab, *words)
    base = pi1.home / "state" / "agent" / "kept"
    wait_until(lambda: not agents(pi1), what="their end there")
    shutil.copytree(base, hil.home / "kept-before", symlinks=True)
    shutil.copytree(hil.out, hil.home / "out-before", symlinks=True)
    assert hil("collect", "--lab", lab, hil.out).code == 1
    known = rows(hil, "SELECT board, verdict, started_us, took_us FROM jobs ORDER BY board")
    assert len(known) == 2 and not kept(pi1)
    cases = rows(hil, "SELECT count(*) FROM cases")
    first = timeless(hil.out / "junit.xml")
    for entry in (hil.home / "kept-before").iterdir():
        shutil.copytree(entry, base / entry.name)
    shutil.rmtree(hil.out)
    (hil.home / "out-before").rename(hil.out)
    assert hil("collect", "--lab", lab, hil.out).code == 1
    assert timeless(hil.out / "junit.xml") == first and not kept(pi1)
    assert rows(hil, "SELECT board, verdict, started_us, took_us FROM jobs ORDER BY board") == known
    assert rows(hil, "SELECT count(*) FROM cases") == cases and rows(hil, "SELECT count(*) FROM runs") == [(1,)]
    assert rows(hil, "SELECT sum(jobs) FROM totals") == [(2,)]


AGENT = """\
#!{python}
import json, struct, sys
out, inp = sys.stdout.buffer, sys.stdin.buffer
def say(head, body=b""):
    head = json.dumps(head).encode()
    out.write(struct.pack(">II", len(head), len(body)) + head + body)
    out.flush()
out.write(b"\\0hil agent\\n")
say({{"t": "hello", "protocol": {protocol}, "version": "1"}})
while True:
    sizes = inp.read(8)
    if len(sizes) < 8:
        break
    head, body = struct.unpack(">II", sizes)
    head = json.loads(inp.read(head))
    inp.read(body)
    if head["t"] == "kept":
        open({log!r}, "a").write(json.dumps(head) + "\\n")
        for frame, bytes in {frames!r}:
            say(frame, bytes)
        say({{"t": "end", "code": 0}})
"""


def piece(name, at=0, body=b"x", last=True):
    return {"t": "file", "name": name, "at": at, "last": last}, body


@pytest.mark.parametrize(
    "frames, words",
    [
        ([piece(name) for name in ("../out", "/tmp/out", "a/../../out", "..", ".", "", "x" * 4000, "run.json")], "job.json"),
        ([piece("uart.log", at=at) for at in (-1,)], "more than"),
        ([piece("uart.log", at=16 << 30, body=b"xx")], "more than"),
        ([piece(name, at=9 << 30) for name in ("uart.log", "flash.log")], "more than"),
        ([piece("job.json", body=b'{"schema": 1')], "job.json"),
        ([piece("job.json", body=b"[" * 60000)], "job.json"),
    ],
)
def test_what_a_server_sends_stays_in_its_bounds(hil, servers, pi1, frames, words):
    lab = servers.lab("from pi1")
    running = hil.start("run", "--lab", lab, "--detach", "-b", "pi1/board-a", *SHORT, firmware("bad-hang.elf"))
    wait_until(lambda: in_state(hil, "test"), what="test")
    interrupt(hil, pi1, running)
    wait_until(lambda: not agents(pi1), what="its end there")
    protocol = int(re.search(r"FRAME_PROTOCOL (\d+)", (ROOT / "src/remote/frame.h").read_text())[1])
    log = hil.home / "asked"
    script(pi1, AGENT.format(python=sys.executable, protocol=protocol, frames=frames, log=str(log)))
    before = sorted(str(path) for path in hil.home.rglob("*") if "servers" not in path.parts)
    collected = hil("collect", "--lab", lab, hil.out)
    aside = hil.out / "pi1" / "board-a" / "detached.json.broken"
    assert collected.code == 3 and words in collected.out and str(aside) in collected.out, collected.out + collected.err
    assert collected.report["boards"][0]["verdict"] == "infra" and words in (hil.out / "junit.xml").read_text()
    after = sorted(str(path) for path in hil.home.rglob("*") if "servers" not in path.parts)
    assert [path for path in after if path not in before] == sorted([str(log), str(aside)]), "nothing of it is here"
    assert [(board["board"], board["verdict"]) for board in history(hil, lab)] == [("pi1/board-a", "infra")]
    again = hil("collect", "--lab", lab, hil.out)
    assert again.code == 3 and not again.err, "the verdict, and no error any more"
    assert log.read_text().count("\n") == 1 and "forget\": true" not in log.read_text(), "it is there yet, and nobody asks"


def test_what_was_set_aside_is_taken_up_again_under_its_old_name(hil, servers, pi1):
    """And what else had come home is told, whatever is broken beside it."""
    lab = servers.lab("from pi1")
    words = ("-b", "pi1/board-a", "-b", "pi1/board-b", "--all", *SHORT, firmware("bad-hang.elf"))
    leave_two(hil, pi1, lab, *words)
    wait_until(lambda: not agents(pi1), what="their end there")
    key = json.loads((hil.out / "pi1" / "board-a" / "detached.json").read_text())["key"]
    (marker,) = (pi1.home / "state" / "agent" / "kept" / key).rglob("job.json")
    good = marker.read_bytes()
    marker.write_bytes(good[:40])
    collected = hil("collect", "--lab", lab, hil.out)
    verdicts = lambda: {board["name"]: board["verdict"] for board in json.loads((hil.out / "report.json").read_text())["boards"]}
    assert collected.code == 1 and verdicts() == {"pi1/board-a": "infra", "pi1/board-b": "fail"}, collected.out + collected.err
    assert "server pi1: what it has kept is broken" in collected.out and kept(pi1) == [key]
    marker.write_bytes(good)
    aside = hil.out / "pi1" / "board-a" / "detached.json.broken"
    aside.rename(aside.with_suffix(""))
    assert hil("collect", "--lab", lab, hil.out).code == 1
    assert set(verdicts().values()) == {"fail"} and not kept(pi1) and not aside.exists()


BROKEN = ["", "{", "x" * 5000, '{"schema": 1, "server": "pi1", "key": "../../../../etc"}']


@pytest.mark.parametrize("text", BROKEN, ids=["empty", "cut", "large", "foreign"])
def test_a_detached_json_that_is_none_is_said_once(hil, servers, pi1, text):
    """Of a test that had come home."""
    lab = servers.lab("from pi1")
    assert run(hil, lab, "-b", "pi1/board-a", firmware("one.elf")).code == 0
    file = hil.out / "pi1" / "board-a" / "detached.json"
    file.write_text(text)
    collected = hil("collect", "--lab", lab, hil.out)
    assert collected.code in (2, 3) and f"set aside as {file}.broken" in collected.err, collected.err
    assert (hil.out / "junit.xml").exists() and (file.parent / "detached.json.broken").read_text() == text
    again = hil("collect", "--lab", lab, hil.out)
    assert again.code == 0 and not again.err, again.out + again.err
    assert run(hil, lab, "-b", "pi1/board-a", firmware("one.elf")).code == 0
    assert not list(hil.out.rglob("*.broken")), "the next run makes room"


@pytest.mark.parametrize("name", ["detached.json", "job.json"])
def test_a_file_that_is_broken_before_its_test_came_home_is_said_once(hil, servers, pi1, name):
    lab = servers.lab("from pi1")
    running = hil.start("run", "--lab", lab, "--detach", "-b", "pi1/board-a", *SHORT, firmware("bad-hang.elf"))
    wait_until(lambda: in_state(hil, "test"), what="test")
    interrupt(hil, pi1, running)
    wait_until(lambda: not agents(pi1), what="its end there")
    (hil.out / "pi1" / "board-a" / name).write_text("{")
    collected = hil("collect", "--lab", lab, hil.out)
    assert collected.code == 3 and not collected.err and f"{name}: " in collected.out, collected.out + collected.err
    assert (hil.out / "pi1" / "board-a" / f"{name}.broken").read_text() == "{"
    assert collected.report["boards"][0]["verdict"] == "infra"
    again = hil("collect", "--lab", lab, hil.out)
    assert again.code == 3 and not again.err, "the verdict, and no error any more"


def test_a_server_that_the_lab_does_not_know_may_come_yet(hil, servers, pi1):
    lab = servers.lab("from pi1")
    assert run(hil, lab, "-b", "pi1/board-a", firmware("one.elf")).code == 0
    file = hil.out / "pi1" / "board-a" / "detached.json"
    file.write_text('{"schema": 1, "server": "pi9", "key": "0123456789abcdef0123456789abcdef"}')
    for _ in range(2):
        collected = hil("collect", "--lab", lab, hil.out)
        assert collected.code == 2 and "pi9" in collected.err and file.exists(), collected.err
