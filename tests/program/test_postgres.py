# SPDX-License-Identifier: MIT
"""Several hosts with one history in PostgreSQL; and what becomes of a run when it is away."""
import json
import os
import pathlib
import signal
import socket
import threading
import time
from contextlib import contextmanager, suppress

import pytest
from conftest import wait_until
from page_client import Page, Viewer
from ptyboard import PtyBoard

GOOD = "t.c:1:boots:PASS\r\n\r\n-----------------------\r\n1 Tests 0 Failures 0 Ignored\r\nOK\r\n"


@pytest.fixture
def bench(hil, server):
    """A board, whose `before` is called before it says that all is well; a database of its own."""
    board = PtyBoard(hil.home, "a", lambda board: (bench.before(), board.say(GOOD)))
    server.ask("DROP SCHEMA IF EXISTS bench CASCADE")
    server.ask("CREATE SCHEMA bench")
    (hil.home / "fw.bin").write_bytes(b"firmware")
    bench = type("Bench", (), {})()
    bench.before = lambda: None
    url = f"{server.url}&options=-csearch_path%3Dbench"
    bench.lab = hil.write("lab.yaml", f'lab: bench\nstore: "{url}"\nboards:\n{board.yaml()}')
    bench.run = lambda **more: hil(
        "run", "--lab", bench.lab, "-b", "a", "--at", "0", "--format", "unity", "fw.bin", **more
    )
    yield bench
    board.close()


def tries(hil, bench, **env):
    result = hil("history", "--lab", bench.lab, "--json", env=env)
    assert result.code == 0, result.err
    return json.loads(result.out)["tries"]


def found(hil, bench):
    findings = json.loads(hil("doctor", "--lab", bench.lab, "--json").out)["findings"]
    return [finding for finding in findings if finding["check"] == "store"]


def test_what_one_host_did_another_one_knows(hil, bench):
    assert bench.run().code == 0
    (seen,) = tries(hil, bench, HIL_STATE_DIR=str(hil.home / "elsewhere"))
    assert seen["board"] == "a" and seen["verdict"] == "pass"
    assert not list(hil.home.rglob("history.db"))
    env = {"HIL_LAB": str(bench.lab)}
    assert hil("pool", "import", "macs", "02:00:00:00:10:00-02:00:00:00:10:0f", "--kind", "mac", env=env).code == 0
    assert "macs" in hil("pool", env={**env, "HIL_STATE_DIR": str(hil.home / "elsewhere")}).out


def test_a_server_that_starts_again_during_a_run_costs_nothing(hil, bench, server):
    bench.before = lambda: server.control("-m", "immediate", "restart")
    result = bench.run()
    assert result.code == 0, result.err
    assert [t["verdict"] for t in tries(hil, bench)] == ["pass"]


def go_on_without_it(bench):
    url = bench.lab.read_text().split('"')[1]
    bench.lab.write_text(bench.lab.read_text().replace(f'"{url}"', f'{{url: "{url}", away: local}}'))


def test_a_server_that_is_away_does_not_change_the_verdict(hil, bench, server):
    go_on_without_it(bench)
    assert bench.run().code == 0
    bench.before = lambda: server.control("-m", "immediate", "stop")
    result = bench.run()
    assert result.code == 0 and "PostgreSQL" in result.out + result.err
    bench.before = lambda: None
    result = bench.run()
    said = result.out + result.err
    assert result.code == 0 and "waits on this host" in said and "this host's locks alone" in said
    assert hil("boards", "--lab", bench.lab).code == 0
    assert hil("history", "--lab", bench.lab).code == 3
    away = found(hil, bench)
    assert len(away) == 2 and away[0]["level"] == away[1]["level"] == "warn" and "2 runs" in away[1]["what"]
    server.control("restart")
    assert found(hil, bench)[0]["level"] == "ok" and found(hil, bench)[1]["mend"] == "hil store send"
    assert len(tries(hil, bench)) == 1
    assert "2 runs of this host" in hil("history", "--lab", bench.lab).err
    assert json.loads(hil("store", "--lab", bench.lab, "--json").out)["waiting"] == 2
    assert bench.run().code == 0
    runs = [t["run"] for t in tries(hil, bench)]
    assert len(runs) == 4, "those that waited, and this one"
    assert runs == sorted(runs, reverse=True), "the newest first, and numbered in their order"
    assert "of this host" not in hil("history", "--lab", bench.lab).err
    assert hil("store", "send", "--lab", bench.lab).out == "0 sent\n"


BOARD = "boards: {a: {flash: {cmd: {run: ['true']}}, reset: {cmd: {run: ['true']}}, console: {tcp: {host: 127.0.0.1, port: 9}}}}\n"


@pytest.fixture
def silent():
    """A server to which one can connect, and that says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)
        url = f"postgresql://hil@127.0.0.1:{listener.getsockname()[1]}/lab?sslmode=disable&connect_timeout=1"
        yield type("Silent", (), {"url": url, "accept": listener.accept})


def test_a_silent_server_is_waited_for_once_and_told_once(hil, silent):
    lab = hil.write("lab.yaml", f'lab: bench\nstore: "{silent.url}"\n{BOARD}')
    began = time.monotonic()
    result = hil("boards", "--lab", lab)
    assert time.monotonic() - began < 2, "one connection, one deadline"
    assert result.code == 0 and "free" in result.out, result.err
    assert result.err.count("does not answer") == 1 and "quarantine and what other hosts hold" in result.err, result.err


@contextmanager
def stopped(server):
    """Whoever is connected, or connects, which the kernel does, hears nothing."""
    postmaster = int((pathlib.Path(server.data) / "postmaster.pid").read_text().split()[0])
    os.kill(postmaster, signal.SIGSTOP)
    children = pathlib.Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    everybody = [postmaster, *map(int, children)]
    for pid in everybody:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in everybody:
            with suppress(ProcessLookupError):  # it was at its end
                os.kill(pid, signal.SIGCONT)


@pytest.mark.threads
def test_a_run_has_one_connection_while_its_board_works(hil, bench, server):
    count = lambda: server.ask("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'hil'")
    counts = []
    bench.before = lambda: counts.append(count())
    assert bench.run().code == 0 and counts == ["1"], counts
    assert len(tries(hil, bench)) == 1, "the other one comes when it is needed"


@pytest.mark.threads
def test_a_cancel_waits_for_no_silent_server(hil, bench, server):
    assert bench.run().code == 0
    begun, go = threading.Event(), threading.Event()
    bench.before = lambda: (begun.set(), go.wait(30))
    run = hil.start("run", "--lab", bench.lab, "-b", "a", "--at", "0", "--format", "unity", "fw.bin")
    assert begun.wait(20)
    with stopped(server):
        run.send_signal(signal.SIGINT)
        result, took = timed(lambda: hil.finish(run))
    go.set()
    assert result.code == 130 and took < 3, took
    assert "waits on this host" in result.out + result.err
    assert hil("store", "send", "--lab", bench.lab).out == "1 sent\n" and len(tries(hil, bench)) == 2


def timed(ask):
    began = time.monotonic()
    return ask(), time.monotonic() - began


@pytest.mark.threads
def test_a_page_goes_on_while_its_store_is_silent(hil, bench, server):
    bench.lab.write_text(bench.lab.read_text().replace("%3Dbench", "%3Dbench&connect_timeout=3"))
    near = hil.write("near.yaml", "\n".join(line for line in bench.lab.read_text().split("\n") if not line.startswith("store:")))
    assert bench.run().code == 0
    go = threading.Event()
    with Page(hil, bench.lab, "--allow-control") as page, Viewer(page) as viewer:
        viewer.wait_for(lambda v: v.state.get("a") and v.state["a"]["last"] and v.state["lab"]["store"] is None)
        with stopped(server):
            ask = {"board": "a", "do": "release"}  # after which it is asked again
            assert page.ask("/control", "POST", json.dumps(ask), X_Hil_Key=viewer.state["lab"]["key"])[0] == 202
            health = []
            while not viewer.state["lab"]["store"]:
                health.append(timed(lambda: page.ask("/healthz")[0]))
                assert len(health) < 20000
            assert {status for status, _ in health} == {200} and max(took for _, took in health) < 1.5, max(health)
            assert sorted(took for _, took in health)[len(health) // 2] < 0.1
            assert "does not answer" in viewer.state["lab"]["store"] and viewer.state["act"]["state"] == "failed"
            (status, _, body), took = timed(lambda: page.ask("/api/history"))
            assert status == 503 and b"does not answer" in body and took < 5, (status, body, took)
            metrics, took = timed(lambda: page.ask("/metrics")[2].decode())
            assert "hil_store_up 0" in metrics and 'hil_jobs_total{board="a",verdict="pass"} 1' in metrics and took < 2.5, took
            bench.before = lambda: go.wait(20)
            run = hil.start("run", "--lab", near, "-b", "a", "--at", "0", "--format", "unity", "fw.bin")
            viewer.wait_for(lambda v: v.state["a"]["held"] and v.state["a"]["live"])
            assert page.boards()["a"]["last"]["verdict"] == "pass", "as it was"
            go.set()
            assert hil.finish(run).code == 0
            viewer.wait_for(lambda v: not v.state["a"]["held"])
        viewer.wait_for(lambda v: v.state["lab"]["store"] is None)
        assert page.ask("/api/history")[0] == 200 and "hil_store_up 1" in page.ask("/metrics")[2].decode()
        assert [line for line in page.lines if "does not answer" in line] and "answers again" in page.lines[-1]


@pytest.mark.threads
def test_a_page_ends_while_its_store_is_silent(hil, silent):
    lab = hil.write("lab.yaml", f'lab: bench\nstore: "{silent.url.replace("connect_timeout=1", "connect_timeout=20")}"\n{BOARD}')
    with Page(hil, lab) as page:
        viewer = page.connect()
        viewer.request("GET", "/events")
        asked, _ = silent.accept()
        with asked:
            code, took = timed(page.stop)
        viewer.close()
    assert code == 143 and took < 3, (code, took)


SERVICES = {
    "serve": ("serve", "--listen", "127.0.0.1:0"),
    "watch": ("watch", "--repo", "octo/fw", "--release", "stable", "--asset", "*.bin", "--retry", "20ms"),
    "rig": ("rig",),
}


RIG = "rig: {match: {id: ['0483:df11'], hub: 1-1}, firmware: fw.bin, at: 0x08000000, flash: {dfu: {path: '{path}', serial: '{serial}'}}}\n"


def test_a_rig_ends_while_its_store_is_silent(hil, silent):
    (hil.home / "fw.bin").write_bytes(b"firmware")
    url = silent.url.replace("connect_timeout=1", "connect_timeout=20")
    running = hil.start("rig", "--lab", hil.write("lab.yaml", f'lab: bench\nstore: "{url}"\n{BOARD}{RIG}'))
    wait_until(lambda: list(hil.home.rglob("service-rig.json")), 20, what="a rig that is at work")
    running.terminate()
    _, took = timed(lambda: hil.finish(running))
    assert took < 3


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_sends_what_waits_and_goes_on_while_it_cannot(hil, bench, server, service):
    bench.lab.write_text(bench.lab.read_text() + RIG)
    go_on_without_it(bench)
    assert bench.run().code == 0
    server.control("-m", "immediate", "stop")
    assert bench.run().code == 0
    waiting = lambda: json.loads(hil("store", "--lab", bench.lab, "--json").out)["waiting"]
    spool = lambda: len(list((hil.home / "state" / "spool").rglob("*.jsonl")))
    assert spool() == 1
    server.control("restart")
    verb, *more = SERVICES[service]
    running = hil.start(verb, "--lab", bench.lab, *more, env={"GITHUB_API_URL": "http://127.0.0.1:9", "GITHUB_TOKEN": "t"})
    try:
        wait_until(lambda: not spool() or running.poll() is not None, 20, what="an empty spool")
        stays = running.poll() is None
    finally:
        running.terminate()
        result = hil.finish(running)
    assert stays and result.code in (3, 130, 143), result.out + result.err
    assert waiting() == 0 and len(tries(hil, bench)) == 2


def test_what_hil_flash_did_while_the_server_was_away_is_known_later(hil, bench, server):
    go_on_without_it(bench)
    assert hil("flash", "--lab", bench.lab, "--at", "0", "a=fw.bin").code == 0
    (hil.home / "fw.bin").write_bytes(b"other firmware")
    server.control("-m", "immediate", "stop")
    result = hil("flash", "--lab", bench.lab, "--at", "0", "a=fw.bin")
    server.control("restart")
    assert result.code == 0 and "waits on this host" in result.out + result.err
    assert server.ask("SELECT count(*) FROM bench.events WHERE kind = 'flash'") == "1"
    assert hil("store", "send", "--lab", bench.lab).out == "1 sent\n"
    assert server.ask("SELECT count(*) FROM bench.events WHERE kind = 'flash'") == "2"


def test_a_history_goes_from_a_file_to_a_server_and_back(hil, bench):
    near = bench.lab.read_text().split("\n")
    near = hil.write("near.yaml", "\n".join(line for line in near if not line.startswith("store:")))
    assert hil("run", "--lab", near, "-b", "a", "--at", "0", "--format", "unity", "fw.bin").code == 0
    assert hil("store", "export", "all.jsonl", "--lab", near).code == 0
    assert (hil.home / "all.jsonl").stat().st_mode & 0o777 == 0o600, "there may be keys in it"
    assert hil("store", "import", "all.jsonl", "--lab", bench.lab).code == 0
    result = hil("store", "import", "all.jsonl", "--lab", bench.lab)
    assert result.code == 2 and "--merge" in result.err
    result = hil("store", "import", "--merge", "all.jsonl", "--lab", bench.lab)
    assert result.code == 0 and result.out == "0 rows are new\n"
    assert hil("store", "export", "-", "--lab", bench.lab).out == (hil.home / "all.jsonl").read_text()
    assert hil("store", "import", "nothing.jsonl", "--lab", bench.lab).code == 2


def test_roles_need_no_more_than_the_manual_says(hil, bench, server):
    server.ask("""CREATE ROLE plain LOGIN; CREATE ROLE reader LOGIN; GRANT USAGE ON SCHEMA bench TO plain, reader;
        ALTER DEFAULT PRIVILEGES IN SCHEMA bench GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO plain;
        ALTER DEFAULT PRIVILEGES IN SCHEMA bench GRANT USAGE ON SEQUENCES TO plain;
        ALTER DEFAULT PRIVILEGES IN SCHEMA bench GRANT SELECT ON TABLES TO reader""")  # fmt: skip
    owner = bench.lab.read_text()
    bench.lab.write_text(owner.replace("user=hil", "user=plain"))
    result = bench.run()
    assert result.code == 3 and "docs/postgresql.md" in result.out + result.err, "it may not make the tables"
    bench.lab.write_text(owner)
    assert bench.run().code == 0
    bench.lab.write_text(owner.replace("user=hil", "user=plain"))
    assert bench.run().code == 0 and len(tries(hil, bench)) == 3, "what it might not do is caught up with"
    bench.lab.write_text(owner.replace("user=hil", "user=reader"))
    assert len(tries(hil, bench)) == 3 and found(hil, bench)[0]["level"] == "warn" and hil("flaky", "--lab", bench.lab).code == 0
    result = hil("boards", "--lab", bench.lab, "--release", "a")
    assert result.code == 3 and "docs/postgresql.md" in result.err, result.err
