# SPDX-License-Identifier: MIT
"""hil watch: the newest firmware on every board, against a GitHub of our own (tests/github/server.py)."""
import contextlib
import hmac
import http.client
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import uuid

import pytest
from conftest import LAB, ROOT, Hil, firmware, processes_in, wait_until
from leap import DAY, Leap

sys.path.insert(0, str(ROOT / "tests" / "github"))
from server import REPO, GitHub, always, answer, corrupt, reset, zip_of  # noqa: E402

UNITY, TAP, ZTEST = (firmware(f"selftest-{name}.elf").read_bytes() for name in ("unity", "tap", "ztest"))
BAD = firmware("bad-fail.elf").read_bytes()
BOARDS = open(LAB).read()
TWINS = ["--repo", REPO, "--release", "latest", "-b", "stm32f405"]


@pytest.fixture
def github():
    with GitHub(token="ghs_0123456789abcdefTOKEN") as server:
        yield server


def once(hil, github, *args, lab=LAB, env=None, **more):
    """One round; its report is in .report."""
    run = hil("watch", "--once", "--json", "--lab", lab, *args, env={**github.env, **(env or {})}, **more)
    run.boards = {}
    if run.out:
        run.round = json.loads(run.out)
        run.boards = {b["board"]: b for w in run.round["watches"] for b in w["boards"]}
    return run


def attempts(hil, where="1"):
    with sqlite3.connect(hil.home / "state" / "history.db") as db:
        db.row_factory = sqlite3.Row
        return [dict(row) for row in db.execute(f"SELECT * FROM attempts WHERE {where} ORDER BY id")]


def wrote(hil):
    return [a for a in attempts(hil) if a["wrote"]]


def downloads(github):
    return [path for port, path, _ in github.seen if port == github.storage.server_port]


def watches(hil, text, boards=BOARDS):
    return hil.write("lab.yaml", boards + "\nwatch:\n" + text)


class Service:
    """A hil watch that runs until it is told to stop; its lines as they come."""

    def __init__(self, hil, github, *args, lab=LAB):
        self.lines = []
        more = ["--interval", "40ms", *args] if args else []
        self.process = hil.start("watch", "--lab", lab, "--retry", "20ms", *more, env=github.env)
        streams = (self.process.stdout, self.process.stderr)
        self.readers = [threading.Thread(target=self.read, args=(stream,)) for stream in streams]
        for reader in self.readers:
            reader.start()

    def read(self, stream):
        for line in stream:
            self.lines.append(line.decode().rstrip("\n"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.stop()

    def wait_for(self, *words, count=1):
        found = lambda: [line for line in self.lines if all(word in line for word in words)]
        try:
            return wait_until(lambda: len(found()) >= count and found(), 30, f"{words}")[-1]
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.lines}") from None

    def stop(self, number=signal.SIGTERM):
        began = time.monotonic()
        self.process.send_signal(number)
        try:
            self.process.wait(10)
        finally:
            self.process.kill()
            for reader in self.readers:
                reader.join()
        self.seconds = time.monotonic() - began
        return self.process.returncode


def board(hil, lab, name):
    """What hil boards says of it."""
    listed = json.loads(hil("boards", "--lab", lab, "--json").out)["boards"]
    return next(board for board in listed if board["name"] == name)


@contextlib.contextmanager
def console(hil, name):
    """Somebody who has the board in hand."""
    process = hil.start("console", "--lab", LAB, name, stdin=subprocess.PIPE)
    try:
        wait_until(lambda: board(hil, LAB, name)["held"])
        yield process
    finally:
        process.terminate()
        process.communicate()


# ---- one round ---------------------------------------------------------------------------------------


def test_the_first_round_flashes_the_second_does_nothing_and_costs_nothing(hil, github):
    github.add_release("v1", {"fw.elf": UNITY, "fw.elf.sha256": b"0"})
    first = once(hil, github, *TWINS)
    assert first.code == 0, first.err
    assert {name: (b["action"], b["tried"], b["verdict"]) for name, b in first.boards.items()} == {
        "virtual-f405": ("flash", True, "pass"), "virtual-f405-b": ("flash", True, "pass")}  # fmt: skip
    assert len(downloads(github)) == 1, "once for both boards"
    assert len(wrote(hil)) == 2
    counted = github.counted
    second = once(hil, github, *TWINS)
    assert second.code == 0 and {b["action"] for b in second.boards.values()} == {"current"}
    assert (github.counted, github.unchanged > 0) == (counted, True)
    assert len(downloads(github)) == 1 and len(wrote(hil)) == 2
    (seen,) = attempts(hil, "board = 'virtual-f405'")
    assert (seen["tag"], seen["asset"], seen["verdict"], seen["exit_code"]) == ("v1", "fw.elf", "pass", 0)
    assert seen["image"].startswith("sha256:") and seen["took_us"] > 0 and seen["tool"]
    run = hil("flash", "--lab", LAB, "--if-changed", "--json", f"virtual-f405={firmware('selftest-unity.elf')}")
    assert json.loads(run.out)["boards"][0]["outcome"] == "unchanged", "it is really there"


def test_a_new_release_flashes_only_what_changed(hil, github):
    lab = watches(hil, f"- {{repo: {REPO}, release: latest, asset: 'fw-{{board}}.elf', boards: [stm32f405]}}\n")
    github.add_release("v1", {"fw-virtual-f405.elf": UNITY, "fw-virtual-f405-b.elf": TAP})
    assert once(hil, github, lab=lab).code == 0
    github.add_release("v2", {"fw-virtual-f405.elf": UNITY, "fw-virtual-f405-b.elf": ZTEST})
    run = once(hil, github, lab=lab)
    assert run.code == 0 and run.round["watches"][0]["tag"] == "v2"
    assert {name: b["action"] for name, b in run.boards.items()} == {"virtual-f405": "current", "virtual-f405-b": "flash"}
    assert [a["board"] for a in wrote(hil)].count("virtual-f405") == 1


def test_the_same_firmware_in_another_archive_is_not_flashed_again(hil, github):
    lab = watches(hil, f"- {{repo: {REPO}, artifact: fw, branch: main, member: '{{label}}.elf', boards: [virtual-f405]}}\n")
    for number, extra in ((1, {}), (2, {"notes.txt": b"rebuilt"})):
        github.add_run(number)
        github.add_artifact("fw", zip_of({"stm32f405.elf": UNITY, "stm32f205.elf": TAP, **extra}), run=number)
        run = once(hil, github, lab=lab)
        assert run.code == 0, run.err
    assert run.boards["virtual-f405"]["text"] == "it had the same firmware already"
    assert len(wrote(hil)) == 1
    assert run.round["watches"][0]["tag"] == "run 2"


def test_a_dry_run_says_what_it_would_do_and_does_nothing(hil, github):
    github.add_release("v1", {"fw.elf": UNITY})
    run = once(hil, github, *TWINS, "--dry-run")
    assert run.code == 0
    assert {b["text"] for b in run.boards.values()} == {"would get v1 (fw.elf)"}
    assert not (hil.home / "state" / "history.db").exists() and not downloads(github)


def test_what_others_put_onto_a_board_is_replaced(hil, github):
    github.add_release("v1", {"fw.elf": UNITY})
    assert once(hil, github, *TWINS).code == 0
    assert hil("flash", "--lab", LAB, f"virtual-f405={firmware('selftest-tap.elf')}").code == 0
    assert hil.run("-b", "virtual-f405-b", firmware("selftest-ztest.elf")).code == 0
    run = once(hil, github, *TWINS)
    assert run.code == 0 and {b["action"] for b in run.boards.values()} == {"flash"}
    assert hil.run("-b", "virtual-f405-b", firmware("selftest-unity.elf")).code == 0
    assert {b["action"] for b in once(hil, github, *TWINS).boards.values()} == {"current"}, "it is the same firmware"


@pytest.mark.parametrize(
    "asset, words",
    [
        ("nothing-*.elf", "v1: no asset fits 'nothing-*.elf'; there is fw-a.elf, fw-b.elf"),
        ("fw-*.elf", "v1: asset 'fw-*.elf' fits several: fw-a.elf, fw-b.elf; make it fit one"),
        (None, "fits several: fw-a.elf, fw-b.elf"),
    ],
)
def test_an_asset_that_fits_none_or_two_is_named(hil, github, asset, words):
    github.add_release("v1", {"fw-a.elf": UNITY, "fw-b.elf": TAP})
    run = once(hil, github, *TWINS, *(["--asset", asset] if asset else []))
    assert run.code == 3
    assert all(words in b["text"] for b in run.boards.values()), run.boards
    assert words in run.err and not downloads(github)


def test_a_pattern_of_tags_and_prereleases(hil, github):
    github.add_release("v1.0", {"fw.elf": UNITY})
    github.add_release("v2.0-rc1", {"fw.elf": TAP}, prerelease=True)
    tag = lambda release: once(hil, github, "--repo", REPO, "-b", "virtual-f405", "--release", release, "-n").round["watches"][0]["tag"]
    assert [tag(r) for r in ("latest", "pre", "v1*", "v2*", "v1.0")] == ["v1.0", "v2.0-rc1", "v1.0", "v2.0-rc1", "v1.0"]
    lost = once(hil, github, *TWINS[:3], "v3*", "-b", "stm32f405")
    assert lost.code == 3 and "none of the newest 30 releases has a tag like that" in lost.err


def test_a_board_that_is_held_is_skipped_and_the_holder_named(hil, github):
    github.add_release("v1", {"fw.elf": UNITY})
    with console(hil, "virtual-f405"):
        run = once(hil, github, *TWINS, "--wait", "0")
    assert run.code == 3
    assert run.boards["virtual-f405-b"]["verdict"] == "pass"
    assert "held by" in run.boards["virtual-f405"]["text"] and "hil console" in run.boards["virtual-f405"]["text"]
    assert not run.boards["virtual-f405"]["tried"] and len(wrote(hil)) == 1


def test_wrong_bytes_are_not_flashed(hil, github):
    github.add_release("v1", {"fw.elf": UNITY})
    github.faults["blob"] = [always(corrupt)]
    run = once(hil, github, *TWINS)
    assert run.code == 3 and "wrong digest" in run.err
    assert not attempts(hil)
    github.faults.clear()
    assert once(hil, github, *TWINS).code == 0


def test_what_cannot_be_proved_is_not_flashed(hil, github):
    github.add_release("v1", {"fw.elf": UNITY}, digest=False)
    run = once(hil, github, *TWINS, "--require", "digest")
    assert run.code == 3 and "--require digest: GitHub has no digest of it" in run.err
    assert once(hil, github, *TWINS).code == 0


def test_tests_are_run_and_their_verdict_is_ours(hil, github):
    github.add_release("v1", {"fw.elf": BAD})
    run = once(hil, github, *TWINS[:-1], "virtual-f405", "--test")
    assert run.code == 1 and run.boards["virtual-f405"]["verdict"] == "fail"
    assert "fail: 3 of 6 tests failed" in run.boards["virtual-f405"]["text"] or "fail: " in run.boards["virtual-f405"]["text"]
    again = once(hil, github, *TWINS[:-1], "virtual-f405", "--test")
    assert again.boards["virtual-f405"]["action"] == "pause" and again.code == 1, "not before its time"
    github.add_release("v2", {"fw.elf": UNITY})
    assert once(hil, github, *TWINS[:-1], "virtual-f405", "--test").code == 0
    assert [a["verdict"] for a in attempts(hil)] == ["fail", "pass"]


def test_it_keeps_to_its_hours(hil, github):
    github.add_release("v1", {"fw.elf": UNITY})
    hour = time.localtime().tm_hour
    closed = f"{(hour + 2) % 24:02}:00-{(hour + 3) % 24:02}:00"
    run = once(hil, github, *TWINS, "--window", closed)
    assert run.code == 0 and {b["action"] for b in run.boards.values()} == {"closed"} and not attempts(hil)
    opened = f"{(hour + 23) % 24:02}:00-{(hour + 2) % 24:02}:00"
    assert once(hil, github, *TWINS, "--window", opened).boards["virtual-f405"]["tried"]


# ---- the service -------------------------------------------------------------------------------------


def test_a_service_brings_what_is_new_and_a_restart_brings_nothing_twice(hil, github):
    github.add_release("v1", {"fw.elf": UNITY})
    with Service(hil, github, *TWINS) as service:
        service.wait_for("ok v1 (fw.elf), flashed in", count=2)
        github.add_release("v2", {"fw.elf": TAP})
        service.wait_for("newest is v2")
        service.wait_for("ok v2 (fw.elf), flashed in", count=2)
        assert service.stop() == 128 + signal.SIGTERM
    assert len(wrote(hil)) == 4
    with Service(hil, github, *TWINS) as service:
        service.wait_for("virtual-f405: has v2 (fw.elf)")
        service.wait_for("virtual-f405-b: has v2 (fw.elf)")
        seen = github.unchanged
        wait_until(lambda: github.unchanged > seen + 2)
    assert len(wrote(hil)) == 4
    assert len(list((hil.home / "state/watch/files/virtual").iterdir())) <= 1, "old files go"


def script_lab(hil, run, boards=("uno",), more=""):
    """Boards whose flashing program is a script; $1 is the file."""
    text = "lab: desk\nboards:\n"
    for name in boards:
        text += f"  {name}:\n    labels: [avr]\n    flash: {{cmd: {{run: {json.dumps(['sh', '-c', run, name, '{file}'])}}}}}\n"
        text += "    reset: {cmd: {run: ['true']}}\n    console: {tcp: {host: localhost, port: 1}}\n    recovery: {steps: []}\n"
    return hil.write("lab.yaml", text + more)


def good_only(hil):
    """A program that flashes golden images only, and counts what it does."""
    return f'cmp -s "$1" {hil.home}/golden.elf && w=golden || w=bad; echo $w >> {hil.home}/done; [ $w = golden ]'


ONE = ["--repo", REPO, "--release", "latest", "-b", "uno"]


def done(hil):
    path = hil.home / "done"
    return path.read_text().split() if path.exists() else []


def quarantine(hil, lab, name):
    return board(hil, lab, name)["quarantine"]


def test_a_bad_image_is_tried_three_times_then_golden_and_not_again(hil, github):
    (hil.home / "golden.elf").write_bytes(UNITY)
    lab = script_lab(hil, good_only(hil))
    github.add_release("v1", {"fw.elf": TAP})
    args = [*ONE, "--golden", hil.home / "golden.elf"]
    with Service(hil, github, *args, lab=lab) as service:
        service.wait_for("uno: is not given v1 again, until there is another image", "the golden image is on it")
        seen = github.unchanged
        wait_until(lambda: github.unchanged > seen + 2)
        assert done(hil) == ["bad"] * 3 + ["golden"]
        service.stop()
    aside = once(hil, github, *args, lab=lab)
    assert aside.code == 3 and aside.boards["uno"]["action"] == "aside"
    assert not quarantine(hil, lab, "uno"), "the golden image went onto it: the board is well"
    assert "golden" in board(hil, lab, "uno")["held_back"]
    assert hil("watch", "--lab", lab, "--forget", "uno").code == 0
    assert once(hil, github, *args, lab=lab).boards["uno"]["tried"], "it has another chance"
    assert done(hil) == ["bad"] * 3 + ["golden", "bad"]
    github.add_release("v2", {"fw.elf": UNITY})
    assert once(hil, github, *args, lab=lab).code == 0, "a new release is tried at once"
    assert [a["golden"] for a in attempts(hil)] == [0, 0, 0, 1, 0, 0]


def test_a_board_that_cannot_be_flashed_goes_into_quarantine(hil, github):
    lab = script_lab(hil, good_only(hil))
    (hil.home / "golden.elf").write_bytes(UNITY)
    github.add_release("v1", {"fw.elf": TAP})
    with Service(hil, github, *ONE, lab=lab) as service:
        service.wait_for("uno: is in quarantine until there is another image than v1", "exit 1")
    assert done(hil) == ["bad"] * 3
    assert "exit 1" in quarantine(hil, lab, "uno")["reason"]
    barred = hil("flash", "--lab", lab, f"uno={hil.home}/golden.elf")
    assert barred.code == 3 and "in quarantine since" in barred.out + barred.err
    for way in (["boards", "--release", "uno"], ["watch", "--forget", "uno"]):
        assert hil(way[0], "--lab", lab, *way[1:]).code == 0
        assert not quarantine(hil, lab, "uno") and not board(hil, lab, "uno")["held_back"]
        with Service(hil, github, *ONE, lab=lab) as service:
            service.wait_for("uno: is in quarantine", "v1")
    assert done(hil) == ["bad"] * 9
    github.add_release("v2", {"fw.elf": UNITY})
    assert once(hil, github, *ONE, lab=lab).code == 0, "another image has another chance"
    assert not quarantine(hil, lab, "uno")
    events = json.loads(hil("history", "--events", "--json").out)["events"]
    assert [event["kind"] for event in events if event["kind"] != "watch"] == ["release", "quarantine"] * 3


def test_a_board_that_others_put_into_quarantine_is_left_alone(hil, github):
    lab = script_lab(hil, good_only(hil))
    github.add_release("v1", {"fw.elf": UNITY})
    (hil.home / "golden.elf").write_bytes(UNITY)
    assert once(hil, github, *ONE, lab=lab).code == 0
    with sqlite3.connect(hil.home / "state" / "history.db") as db:
        db.execute("INSERT INTO quarantine VALUES ('desk', 'uno', 'no target', 0, NULL)")
    github.add_release("v2", {"fw.elf": UNITY + b"2"})
    with Service(hil, github, *ONE, lab=lab) as service:
        service.wait_for("uno: is in quarantine; once it is mended: hil boards --release uno: no target")
    assert done(hil) == ["golden"]


def test_forget_of_a_board_that_is_none(hil, github):
    lab = script_lab(hil, "true")
    unknown = hil("watch", "--lab", lab, "--forget", "due")
    assert unknown.code == 2 and "'due' is no board" in unknown.err


def test_what_is_no_firmware_wears_out_no_board(hil, github):
    lab = script_lab(hil, f"echo x >> {hil.home}/done")
    github.add_release("v1", {"fw.elf": b"not an ELF file at all"})
    with Service(hil, github, *ONE, lab=lab) as service:
        service.wait_for("uno: is not given v1 again")
    assert not done(hil) and not wrote(hil) and len(attempts(hil)) == 3
    assert not quarantine(hil, lab, "uno"), "nobody has touched it"


def test_the_daily_limit_holds(hil, github):
    lab = script_lab(hil, f"echo x >> {hil.home}/done")
    with Service(hil, github, *ONE, "--daily-limit", "3", lab=lab) as service:
        for number in range(1, 4):
            github.add_release(f"v{number}", {"fw.elf": UNITY + bytes([number])})
            service.wait_for(f"ok v{number} ")
        github.add_release("v4", {"fw.elf": UNITY + b"4"})
        service.wait_for("uno: was flashed 3 times in 24 hours, which is its daily-limit")
    assert len(done(hil)) == 3
    assert once(hil, github, *ONE, "--daily-limit", "3", lab=lab).code == 3
    with sqlite3.connect(hil.home / "state" / "history.db") as db:
        db.execute("UPDATE attempts SET started_us = started_us - 86400000000 WHERE id = 1")
    assert once(hil, github, *ONE, "--daily-limit", "3", lab=lab).code == 0, "a day later"
    assert len(done(hil)) == 4


def test_an_interrupted_flash_counts_and_is_done_again(hil, github):
    lab = script_lab(hil, f"echo x >> {hil.home}/done; [ -e {hil.home}/go ] || sleep 60")
    github.add_release("v1", {"fw.elf": UNITY})
    service = Service(hil, github, *ONE, lab=lab)
    wait_until(lambda: done(hil), 30)
    assert service.stop(signal.SIGKILL) == -signal.SIGKILL
    wait_until(lambda: not processes_in(hil.home), what="an end of what it left behind")
    assert len(wrote(hil)) == 1
    (hil.home / "go").touch()
    assert once(hil, github, *ONE, "--daily-limit", "1", lab=lab).code == 3
    assert once(hil, github, *ONE, lab=lab).code == 0 and len(done(hil)) == 2


def failures(hil):
    with sqlite3.connect(hil.home / "state" / "history.db") as db:
        return [number for (number,) in db.execute("SELECT failures FROM watched")]


def test_a_worker_that_dies_is_a_failed_try(hil, github):
    lab = script_lab(hil, f"echo x >> {hil.home}/done; [ -e {hil.home}/go ] || sleep 60")
    github.add_release("v1", {"fw.elf": UNITY})
    with Service(hil, github, *ONE, lab=lab) as service:
        for number in (1, 2):
            wait_until(lambda: len(done(hil)) == number, 30)
            (worker,) = subprocess.check_output(["pgrep", "-P", str(service.process.pid)]).split()
            os.kill(int(worker), signal.SIGKILL)
            service.wait_for("FAILED v1", "ended by signal 9", count=number)
            wait_until(lambda: failures(hil) == [number], what="a failure that is remembered")
            (hil.home / "go").touch() if number == 2 else None
        service.wait_for("uno: ok v1")
    assert [(a["verdict"], a["wrote"]) for a in attempts(hil)] == [("infra", 1), ("infra", 1), ("pass", 1)]


def test_only_what_the_right_key_has_signed_is_flashed(hil, github):
    lab = script_lab(hil, f"echo x >> {hil.home}/done")
    minisign = ROOT / "tests/golden/source/minisign"
    github.add_release("v1", {name: (minisign / name).read_bytes() for name in ("fw.hex", "fw.hex.minisig")})
    signed = lambda key: once(hil, github, *ONE, "--require", "signature", "--minisign", minisign / key, lab=lab)
    run = signed("other.pub")
    assert run.code == 3 and "signature" in run.boards["uno"]["text"]
    assert not done(hil) and not attempts(hil)
    run = signed("key.pub")
    assert run.boards["uno"]["tried"] and "signature" not in run.boards["uno"]["text"]
    assert [a["asset"] for a in attempts(hil)] == ["fw.hex"], run.boards


def test_only_what_a_workflow_is_attested_to_have_built_is_flashed(hil, github):
    lab = script_lab(hil, f"echo x >> {hil.home}/done")
    tools = hil.home / "tools"
    tools.mkdir()
    gh = tools / "gh"
    env = {"PATH": f"{tools}:{os.environ['PATH']}"}
    attested = lambda: once(hil, github, *ONE, "--require", "attestation", lab=lab, env=env)
    github.add_release("v1", {"fw.elf": UNITY})
    gh.write_text(f'#!/bin/sh\necho "$@" >> {hil.home}/asked\necho "Error: no attestations found" >&2\nexit 1\n')
    gh.chmod(0o755)
    run = attested()
    assert run.code == 3 and "no attestations found" in run.boards["uno"]["text"]
    assert not done(hil) and not attempts(hil)
    gh.write_text(f'#!/bin/sh\necho "$@" >> {hil.home}/asked\n')
    run = attested()
    assert run.code == 0, run.boards
    assert len(done(hil)) == 1 and [a["verdict"] for a in attempts(hil)] == ["pass"]
    first, second = (hil.home / "asked").read_text().splitlines()
    assert first.startswith("attestation verify ") and f"-R {REPO}" in first
    assert hil("history", "-b", "uno", "--json").code == 0


def test_a_raw_binary_belongs_somewhere(hil, github):
    github.add_release("v1", {"fw.bin": firmware("selftest-unity.bin").read_bytes()})
    args = [*TWINS[:-1], "virtual-f405", "--test"]
    lost = once(hil, github, *args)
    assert lost.code == 3 and "--at" in lost.boards["virtual-f405"]["text"] and not wrote(hil)
    hil("watch", "--forget", "virtual-f405", "--lab", LAB)
    assert once(hil, github, *args, "--at", "0x08000000").code == 0


def test_a_stop_in_the_middle_gives_the_board_back(hil, github):
    lab = script_lab(hil, f"echo x >> {hil.home}/done; sleep 60")
    github.add_release("v1", {"fw.elf": UNITY})
    with Service(hil, github, *ONE, lab=lab) as service:
        wait_until(lambda: done(hil), 30)
        assert service.stop() == 128 + signal.SIGTERM
    assert service.seconds < 3
    assert not board(hil, lab, "uno")["held"]
    assert attempts(hil)[0]["exit_code"] == 130
    with sqlite3.connect(hil.home / "state" / "history.db") as db:
        assert db.execute("SELECT failures FROM watched").fetchone() == (0,), "the image is not to blame"


def test_a_ci_run_goes_first(hil, github):
    github.add_release("v1", {"fw.elf": UNITY})
    with console(hil, "virtual-f405") as holder, Service(hil, github, *TWINS[:-1], "virtual-f405") as service:
        service.wait_for("virtual-f405: waits: held by", "hil console")
        later = hil.start("flash", "--lab", LAB, f"virtual-f405={firmware('selftest-ztest.elf')}")
        wait_until(lambda: board(hil, LAB, "virtual-f405")["waiting"] == 1, what="a place in the queue")
        holder.terminate()
        service.wait_for("virtual-f405: ok v1 (fw.elf), flashed")
        assert hil.finish(later).code == 0
    with sqlite3.connect(hil.home / "state" / "history.db") as db:
        assert db.execute("SELECT image_file FROM carried").fetchone() == ("fw.elf",), "the other one came first"


def test_who_waits_for_a_board_gets_what_is_newest_by_then(hil, github):
    github.add_release("v1", {"fw.elf": UNITY})
    with console(hil, "virtual-f405") as holder, Service(hil, github, *TWINS[:-1], "virtual-f405") as service:
        service.wait_for("virtual-f405: waits: held by")
        github.add_release("v2", {"fw.elf": TAP})
        service.wait_for("virtual-f405: no longer waits to get v1 (fw.elf)")
        service.wait_for("virtual-f405: waits: held by", count=2)
        holder.terminate()
        service.wait_for("virtual-f405: ok v2 (fw.elf), flashed")
    assert [a["tag"] for a in attempts(hil)] == ["v2"]


def test_a_week_in_which_nothing_is_released_costs_nothing(hil, github):
    """The clock leaps over what nobody waits for; GitHub's answers take their time."""
    clock = Leap(hil.home)
    lab = script_lab(hil, "true", more=f"watch:\n  - {{repo: {REPO}, release: latest, boards: [uno]}}\n")
    github.add_release("v1", {"fw.elf": UNITY})
    hil.env.update(clock.env)
    with Service(hil, github, lab=lab) as service:
        service.wait_for("uno: ok v1")
        wait_until(lambda: github.unchanged)
        first, counted, from_s = len(github.seen), github.counted, clock.seconds()
        clock.wait_for(from_s + 7 * DAY, service.process)
        looks, days = len(github.seen) - first, (clock.seconds() - from_s) / DAY
        assert 270 <= looks / days <= 306, f"a look each 5 minutes, a tenth more or less: {looks} in {days:.2f} days"
        assert github.counted == counted, "not one of them was counted by the rate limit"
        # A day without GitHub: each pause twice the last, up to an hour.
        first, from_s = len(github.seen), clock.seconds()
        github.faults["down"] = [always(answer(503, b"{}"))]
        clock.wait_for(from_s + DAY, service.process)
        assert 20 <= len(github.seen) - first <= 45, len(github.seen) - first
        github.faults["down"] = []
        service.wait_for("GitHub answers again")
        assert service.stop() == 143 and service.seconds < 3
    assert len(wrote(hil)) == 1


def test_systemd_hears_that_it_is_ready_alive_and_stopping(hil, github):
    github.add_release("v1", {"fw.elf": UNITY})
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(hil.home / "notify"))
        ear.settimeout(20)
        hil.env.update(NOTIFY_SOCKET=str(hil.home / "notify"), WATCHDOG_USEC="100000")
        heard = []
        with Service(hil, github, *ONE, lab=script_lab(hil, "true")) as service:
            while heard.count("WATCHDOG=1") < 3:
                heard.append(ear.recv(1024).decode())
            service.process.send_signal(signal.SIGHUP)
            while not heard[-1].startswith("RELOADING=1\nMONOTONIC_USEC="):
                heard.append(ear.recv(1024).decode())
            assert ear.recv(1024) == b"READY=1"
            (state,) = (hil.home / "run").glob("service-*.json")
            assert json.loads(state.read_text())["pid"] == service.process.pid
            service.stop()
            assert not state.exists(), "nobody is shown a service that is no more"
            while heard[-1] != "STOPPING=1":
                heard.append(ear.recv(1024).decode())
    assert heard[0] == "READY=1\nSTATUS=watching 1 boards"


def test_two_at_work_in_one_lab_are_refused(hil, github):
    github.add_release("v1", {"fw.elf": UNITY})
    lab = script_lab(hil, "true")
    with Service(hil, github, *ONE, lab=lab) as service:
        service.wait_for("ok v1")
        other = once(hil, github, *ONE, lab=lab)
        assert other.code == 3 and "another hil watch is at work in lab desk" in other.err
        assert once(hil, github, *ONE, "--dry-run", lab=lab).code == 0


def test_lab_yaml_is_read_again_and_a_wrong_one_is_refused(hil, github):
    github.add_release("v1", {"fw.elf": UNITY})
    entry = f"watch: [{{repo: {REPO}, release: latest, boards: [uno], interval: 40ms}}]\n"
    lab = script_lab(hil, f"echo $0 >> {hil.home}/done", ("uno", "due"), entry)
    good = lab.read_text()
    with Service(hil, github, lab=lab) as service:
        service.wait_for("uno: ok v1")
        lab.write_text(good.replace("release: latest", "relaese: latest"))
        service.process.send_signal(signal.SIGHUP)
        service.wait_for("lab.yaml is wrong, so the old one stays", "did you mean 'release'?")
        lab.write_text(good.replace("boards: [uno]", "boards: [uno, due]"))
        service.process.send_signal(signal.SIGHUP)
        service.wait_for("due: ok v1")
    assert done(hil) == ["uno", "due"]


# ---- GitHub's moods ----------------------------------------------------------------------------------


def test_a_rate_limit_is_kept_to(hil, github):
    github.add_release("v1", {"fw.elf": UNITY})
    lab, at = script_lab(hil, "true"), []

    def limited(handler, *rest):
        at.append(time.monotonic())
        answer(429, {"message": "rate limit"}, retry_after=1)(handler, *rest)

    github.faults["api"] = [limited]
    with Service(hil, github, *ONE, lab=lab) as service:
        service.wait_for("GitHub's rate limit: asked again in")
        service.wait_for("ok v1")
    assert github.when[1] - at[0] >= 1.0, "not asked before its time"


def test_the_last_request_of_a_limit_is_known_for_one(hil, github):
    """x-ratelimit-remaining: 0 beside a good answer: neither a look nor a download before its reset."""
    github.add_release("v1", {"fw.elf": UNITY})

    def last_one(handler, data, fields):
        reset_at = int(time.time()) + 1
        handler.reply(200, data, {**fields, "x-ratelimit-remaining": "0", "x-ratelimit-reset": str(reset_at)})

    github.faults["api"] = [last_one]
    with Service(hil, github, *ONE, lab=script_lab(hil, "true")) as service:
        service.wait_for("GitHub's rate limit: asked again in")
        service.wait_for("ok v1")
    assert github.when[1] - github.when[0] >= 1.0


def test_errors_are_told_once_and_passed_over(hil, github):
    github.add_release("v1", {"fw.elf": UNITY})
    github.faults["api"] = [reset] * 4
    lab = script_lab(hil, "true")
    with Service(hil, github, *ONE, lab=lab) as service:
        service.wait_for("ok v1")
    told = [line for line in service.lines if "octo/firmware release latest: " in line]
    assert len([line for line in told if "/releases/latest" in line]) == 1, told


def test_a_release_that_vanishes_and_one_whose_asset_changes(hil, github):
    lab = script_lab(hil, f"echo x >> {hil.home}/done")
    github.add_release("v1", {"fw.elf": UNITY})
    with Service(hil, github, *ONE, lab=lab) as service:
        service.wait_for("ok v1")
        gone = github.releases.pop()
        service.wait_for("not found (HTTP 404)")
        github.releases.append(gone)
        service.wait_for("GitHub answers again")
        assert len(done(hil)) == 1, "it was on the board all the time"
        github.releases.clear()
        github.add_release("v1", {"fw.elf": TAP})
        service.wait_for("ok v1", count=2)
    assert len(done(hil)) == 2


# ---- webhooks ----------------------------------------------------------------------------------------

SECRET = "It's a Secret to Everybody"


def deliver_at(port, event, body, secret=SECRET, id=None, **fields):
    """As GitHub would; the answer's status."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    mac = hmac.new(secret.encode(), data, "sha256").hexdigest()
    head = {"X-GitHub-Event": event, "X-GitHub-Delivery": id or str(uuid.uuid4()),
            "X-Hub-Signature-256": f"sha256={mac}", **fields}  # fmt: skip
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", "/", data, {k: v for k, v in head.items() if v is not None})
    return connection.getresponse().status


@pytest.fixture
def hook(hil, github):
    """A service that looks once an hour, and whoever delivers to it."""
    (hil.home / "secret").write_text(SECRET + "\n")
    github.add_release("v1", {"fw.elf": UNITY})
    entry = f"webhook: {{listen: '127.0.0.1:0', secret-file: secret}}\nwatch:\n"
    entry += f"  - {{repo: {REPO}, release: latest, boards: [uno], interval: 1h}}\n"
    entry += f"  - {{repo: {REPO}, artifact: fw, branch: main, boards: [due], interval: 1h}}\n"
    lab = script_lab(hil, f"echo $0 >> {hil.home}/done", ("uno", "due"), entry)
    with Service(hil, github, lab=lab) as service:
        port = int(service.wait_for("webhook: listens at 127.0.0.1:").rsplit(":", 1)[1])
        service.wait_for("uno: ok v1")
        service.wait_for("there is no run that succeeded")

        def deliver(*args, **more):
            return deliver_at(port, *args, **more)

        deliver.service, deliver.port = service, port
        yield deliver
        service.stop()
        assert service.seconds < 3


RELEASED = {"action": "published", "repository": {"full_name": REPO}, "release": {"tag_name": "v2"}}
RAN = {"action": "completed", "repository": {"full_name": REPO},
       "workflow_run": {"id": 7, "conclusion": "success", "head_branch": "main"}}  # fmt: skip


def test_a_delivery_wakes_the_watch_that_it_is_for(hil, github, hook):
    github.add_release("v2", {"fw.elf": TAP})
    assert hook("release", RELEASED) == 202
    hook.service.wait_for("uno: ok v2")
    github.add_run(7)
    github.add_artifact("fw", zip_of({"fw.elf": ZTEST}), run=7)
    assert hook("workflow_run", {**RAN, "workflow_run": {**RAN["workflow_run"], "head_branch": "dev"}}) == 202
    assert hook("workflow_run", {**RAN, "workflow_run": {**RAN["workflow_run"], "conclusion": "failure"}}) == 202
    assert hook("workflow_run", RAN) == 202
    hook.service.wait_for("due: ok run 7")
    github.add_release("v3", {"fw.elf": ZTEST})
    assert hook("repository_dispatch", {"action": "flash", "repository": {"full_name": REPO.upper()}}) == 202
    hook.service.wait_for("uno: ok v3")
    assert done(hil) == ["uno", "uno", "due", "uno"]


def test_a_delivery_to_one_host_wakes_all_of_the_lab(hil, github, server):
    server.ask("DROP SCHEMA IF EXISTS watches CASCADE; CREATE SCHEMA watches")
    store = f'store: "{server.url}&options=-csearch_path%3Dwatches"\nwatch:\n'
    entry = f"  - {{repo: {REPO}, release: latest, boards: [BOARD], interval: 1h}}\n"
    hook = "webhook: {listen: '127.0.0.1:0', secret-file: secret}\n"
    (hil.home / "secret").write_text(SECRET)
    (hil.home / "two" / "run").mkdir(parents=True)
    other = Hil(hil.home / "two")
    github.add_release("v1", {"fw.elf": UNITY})
    one = script_lab(hil, "true", ("uno",), hook + store + entry.replace("BOARD", "uno"))
    two = script_lab(other, "true", ("due",), store + entry.replace("BOARD", "due"))
    for lab in (one, two):
        lab.write_text(re.sub("^lab: .*$", "lab: shared", lab.read_text(), flags=re.M))
    listening = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN hil_news%'"
    with Service(hil, github, lab=one) as first, Service(other, github, lab=two) as second:
        first.wait_for("uno: ok v1")
        second.wait_for("due: ok v1")
        wait_until(lambda: server.ask(listening) == "2", what="both ears")
        port = int(first.wait_for("webhook: listens at 127.0.0.1:").rsplit(":", 1)[1])
        github.add_release("v2", {"fw.elf": TAP})
        assert deliver_at(port, "release", RELEASED) == 202
        first.wait_for("uno: ok v2")
        second.wait_for("due: ok v2")
        for service in (first, second):
            service.stop()
            assert service.seconds < 3


def test_what_is_not_githubs_wakes_nobody(hil, github, hook):
    asked = len(github.seen)
    assert hook("release", RELEASED, secret="guessed") == 401
    assert hook("release", RELEASED, **{"X-Hub-Signature-256": None}) == 401
    assert hook("release", RELEASED, **{"X-Hub-Signature-256": "sha256="}) == 401
    assert hook("release", RELEASED, **{"X-GitHub-Delivery": None}) == 400
    assert hook("release", RELEASED, id="../etc/passwd") == 400
    assert hook("release", b"{]") == 400
    assert hook("release", {"repository": {"full_name": "../x"}}) == 400
    assert hook("ping", {"zen": "Keep it logically awesome."}) == 202
    assert hook("release", {**RELEASED, "repository": {"full_name": "o/other"}}) == 202
    connection = http.client.HTTPConnection("127.0.0.1", hook.port, timeout=10)
    connection.request("GET", "/")
    assert connection.getresponse().status == 405
    github.add_release("v2", {"fw.elf": TAP})
    assert hook("release", RELEASED, id="once") == 202
    hook.service.wait_for("uno: ok v2")
    assert hook("release", RELEASED, id="once") == 409, "a replay"
    assert hook("release", RELEASED, id="ONCE") == 409
    looks = [path for _, path, _ in github.seen[asked:] if path.endswith("/latest")]
    assert len(looks) <= 2, "one, and one for the download"


def test_a_body_that_never_ends_is_let_go(hil, github, hook):
    with socket.create_connection(("127.0.0.1", hook.port), timeout=20) as large:
        large.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\n")
        assert b" 413 " in large.recv(100), "it says so itself"
    with socket.create_connection(("127.0.0.1", hook.port), timeout=20) as slow:
        head = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        slow.sendall(head.encode())
        chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        with contextlib.suppress(OSError):
            for _ in range(80):
                slow.sendall(chunk)
            slow.sendall(b"0\r\n\r\n")
        assert b" 413 " in slow.recv(100)
    assert hook("ping", {}) == 202, "others are heard meanwhile"


@pytest.mark.parametrize(
    "entry, words",
    [
        ("{listen: 127.0.0.1:0}", "'webhook' needs 'secret-file'"),
        ("{listen: nowhere, secret-file: secret}", "listen: an address and a port are needed"),
        ("{listen: '127.0.0.1:0', secret-file: none}", "secret-file: "),
        ("{listen: '127.0.0.1:99999', secret-file: secret}", "listen: an address and a port are needed"),
        ("{listen: 'here:80', secret-file: secret}", "is no address and port"),
        ("{listen: '127.0.0.1:0', secret-file: empty}", "empty is empty"),
    ],
)
def test_a_webhook_that_cannot_be(hil, github, entry, words):
    (hil.home / "secret").write_text("x")
    (hil.home / "empty").write_text("\n")
    lab = script_lab(hil, "true", more=f"webhook: {entry}\nwatch: [{{repo: o/r, release: latest}}]\n")
    run = hil("watch", "--lab", lab, env=github.env)
    assert run.code == 2 and words in run.err


# ---- what is wrong with lab.yaml ---------------------------------------------------------------------

WRONG = """\
- {repo: octo, release: latest, boards: [stm32f405]}
- {repo: o/r, boards: [stm32f405]}
- {repo: o/r, release: latest, asset: 'fw-{chip}.elf', boards: [stm32f405]}
- {repo: o/r, release: latest, boards: [stm32f999], window: 22-6, require: proof}
- {repo: o/r, artifact: a, boards: [virtual-f205], golden: none.elf, daily-limit: 0}
- {repo: o/r, release: latest, require: signature}
- {repo: o/r, release: latest, boards: [virtual-f100], relaese: x}
- {repo: o/r, release: latest, boards: [virtual-f100]}
- {repo: o/x, release: latest, boards: [stm32, virtual-f100]}
"""


def test_every_mistake_is_told_with_its_place(hil, github):
    lab = watches(hil, WRONG)
    run = hil("watch", "--once", "--lab", lab, env=github.env)
    first = BOARDS.count("\n") + 3
    assert run.code == 2
    for line, column, words in (
        (0, 10, "repo: 'octo' is not OWNER/NAME"),
        (1, 10, "one of release and artifact says what to watch"),
        (2, 39, "asset: '{chip}' is neither {board} nor {label}"),
        (3, 40, "boards: 'stm32f999' is no board's name, and no board has such labels"),
        (3, 61, "window: '22-6' are no hours such as 22:00-06:00"),
        (3, 76, "require: 'proof' is none of digest, signature, attestation"),
    ):
        assert f"lab.yaml:{first + line}:{column}: {words}" in run.err, run.err
    rest = watches(hil, "".join(WRONG.splitlines(True)[4:]))
    run = hil("watch", "--once", "--lab", rest, env=github.env)
    for words in (
        "artifact needs a branch",
        "golden: ",
        "'daily-limit' must be a number from 1 to 1000",
        "require: signature needs the key: minisign: KEYFILE",
        "boards: which? names, or labels parted by commas",
        "unknown key 'relaese' (did you mean 'release'?)",
    ):
        assert words in run.err, run.err
    shared = watches(hil, "".join(WRONG.splitlines(True)[7:]))
    run = hil("watch", "--once", "--lab", shared, env=github.env)
    assert "board 'virtual-f100' is watched for o/r release latest already" in run.err


@pytest.mark.parametrize(
    "args, words",
    [
        ([], "nothing to watch"),
        (["--release", "latest"], "needs --repo"),
        (["--repo", "o/r"], "one of release and artifact"),
        (["--repo", "o/r", "--release", "latest"], "boards: which?"),
        (["--repo", "o/r", "--release", "latest", "-b", "stm32", "extra"], "watch takes no operands"),
        (["--repo", "o/r", "--release", "latest", "-b", "stm32", "--window", "9"], "window: '9' are no hours"),
    ],
)
def test_options_that_do_not_do(hil, github, args, words):
    run = hil("watch", "--once", "--lab", LAB, *args, env=github.env)
    assert run.code == 2 and words in run.err
