# SPDX-License-Identifier: MIT
"""hil serve: the lab on a page: what viewers are told while runs go on, and who is told nothing."""
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time

import pytest
from conftest import LAB, ROOT, firmware, processes_in, wait_until
from page_client import Page, Viewer, token_file
from ptyboard import UNITY, PtyBoard, lab_of
from usblab import UsbLab

sys.path.insert(0, str(ROOT / "tests" / "github"))
from server import GitHub  # noqa: E402

IMAGE = firmware("selftest-unity.elf")
RIG = """lab: bench
rig:
  match: {id: ['0483:df11'], hub: 1-1}
  firmware: fw.bin
  at: 0x08000000
  flash: {dfu: {path: '{path}', serial: '{serial}', leave: false}}
"""
HOSTILE = b'<img src=x onerror="alert(1)">\x1b[31m</div>\xff\x00 ok\r\n'


class Slow(PtyBoard):
    """Prints its first half, and the rest when it is let."""

    def __init__(self, home, name="uno", first="a.c:1:test_one:PASS\r\n"):
        self.go = threading.Event()
        self.first = first
        super().__init__(home, name, Slow.talk)

    def talk(self):
        self.say(self.first)
        self.go.wait(30)
        self.say(UNITY[UNITY.index("a.c:2") :])

    def close(self):
        self.go.set()
        super().close()


@pytest.fixture
def slow(hil):
    board = Slow(hil.home)
    yield board
    board.close()


# ---- what is seen ------------------------------------------------------------------------------------


def test_a_run_is_seen_while_it_goes_on_and_its_report_afterwards(hil, slow):
    lab = lab_of(hil, slow)
    slow.first = HOSTILE + slow.first.encode()
    actions = {"GITHUB_ACTIONS": "true", "GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "o/r",
               "GITHUB_RUN_ID": "7"}  # fmt: skip
    with Page(hil, lab) as page, Viewer(page, "uno") as viewer:
        viewer.wait_for(lambda v: v.state.get("uno") and v.state["lab"]["lab"] == "bench")
        assert not viewer.state["uno"]["held"] and viewer.state["uno"]["run"] is None
        run = hil.start("run", "--lab", lab, IMAGE, env=actions)
        viewer.wait_for(lambda v: v.state["uno"]["held"] and v.state["uno"]["live"] and v.state["uno"]["live"]["pass"])
        board = viewer.state["uno"]
        assert board["holder"]["run_url"] == "https://github.com/o/r/actions/runs/7"
        assert board["holder"]["out"] == str(hil.out)
        assert board["live"]["running"] and board["live"]["state"] == "test" and board["dir"] == "uno"
        viewer.wait_for(lambda v: "test_one:PASS" in v.text)
        assert viewer.text.startswith('<img src=x onerror="alert(1)"></div>� ok\n')
        slow.go.set()
        assert hil.finish(run).code == 0
        viewer.wait_for(lambda v: not v.state["uno"]["held"] and v.state["uno"]["last"])
        board = viewer.state["uno"]
        assert board["last"]["verdict"] == "pass" and board["live"]["verdict"] == "pass"
        assert "2 Tests 0 Failures" in viewer.text

        files = page.json(f"/run/{board['run']}/")["files"]
        assert {"report.html", "junit.xml", "uno/uart.log"} <= set(files)
        status, headers, body = page.ask(f"/run/{board['run']}/report.html")
        assert status == 200 and body == (hil.out / "report.html").read_bytes()
        assert headers["Content-Security-Policy"].startswith("sandbox allow-scripts")
        status, headers, body = page.ask(f"/run/{board['run']}/uno/uart.log")
        assert (status, headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
        assert body == (hil.out / "uno/uart.log").read_bytes()
        # Nothing else, and nothing outside.
        (hil.out / "id_rsa").write_text("secret")
        (hil.out / "summary.md").unlink()
        (hil.out / "summary.md").symlink_to(hil.out / "id_rsa")
        for name in ("id_rsa", "summary.md", "../page-token", "%2e%2e/%2e%2e/etc/passwd", "/etc/passwd", "uno",
                     "uno/../id_rsa", "..%2fid_rsa", "uno/uart.log%00.html"):  # fmt: skip
            status, _, body = page.ask(f"/run/{board['run']}/{name}")
            assert status == 404 or name.endswith("%00.html") and body == (hil.out / "uno/uart.log").read_bytes(), name
        assert page.ask("/run/0000000000000000/report.html")[0] == 404
        history = page.json("/api/history?days=7")
        assert [(day["pass"], day["fail"]) for day in history["days"]] == [(1, 0)]
        assert history["jobs"][0]["board"] == "uno" and history["tests"][0]["name"] == "selftest-unity"
        assert history["boards"][0]["pass"] == 1 and history["boards"][0]["took_us"] > 0 and history["flaky"] == []
        assert page.json("/api/history?test=selftest-unity")["tests"] == history["tests"]
        assert page.json("/api/history?test=selftest")["jobs"] == []


def test_a_viewer_that_comes_back_gets_what_it_missed_and_nothing_twice(hil, slow):
    lab = lab_of(hil, slow)
    with Page(hil, lab) as page:
        with Viewer(page, "uno") as viewer:
            run = hil.start("run", "--lab", lab, IMAGE)
            viewer.wait_for(lambda v: "test_one" in v.text and v.state["uno"]["held"])
            viewer.wait_for(lambda v: v.id and int(v.id.split("-")[2], 16) > 0)
            text, last = viewer.text, viewer.id
        slow.go.set()
        assert hil.finish(run).code == 0
        with Viewer(page, "uno", last=last) as viewer:
            viewer.wait_for(lambda v: "OK" in v.text and v.state.get("uno") and not v.state["uno"]["held"])
            assert "reset" not in [event for event, _ in viewer.events]
            assert "clear" not in [event for event, _ in viewer.events]
            assert (text + viewer.text).count("test_one") == 1
        for strange in ("x", last[:-1] + "zz", "0" * 200, last.split("-")[0] + "-ffffffffffff-0"):
            with Viewer(page, "uno", last=strange) as viewer:
                viewer.wait_for(lambda v: "OK" in v.text)
                assert [event for event, _ in viewer.events][0] == "reset", "it begins anew"


def cut_after(page, board, last, size):
    """The whole events of the first `size` bytes of a stream, and the id that a browser comes back with."""
    connection = page.connect()
    connection.request("GET", f"/events?board={board}", headers={"Last-Event-ID": last} if last else {})
    blocks = connection.getresponse().read(size).decode(errors="replace").split("\n\n")[:-1]
    connection.close()
    events = []
    for block in blocks:
        fields = dict(line.partition(": ")[::2] for line in block.splitlines() if not line.startswith(":"))
        last = fields.get("id", last)
        if "event" in fields:
            events.append((fields["event"], json.loads(fields["data"])))
    return events, last


def test_a_connection_that_is_cut_anywhere_repeats_nothing_and_loses_nothing(hil, slow):
    lab = lab_of(hil, slow)
    slow.first = "".join(f"line {n:05}\r\n" for n in range(5000)) + slow.first
    slow.go.set()
    with Page(hil, lab) as page, Viewer(page, "uno") as whole:
        assert hil.run(IMAGE, lab=lab).code == 0
        whole.wait_for(lambda v: "2 Tests 0 Failures" in v.text and not v.state["uno"]["held"])
        text, last = "", None
        for size in (900, 6000, 9000, 1, 20000, 5000, 70):
            events, last = cut_after(page, "uno", last, size)
            for event, data in events:
                text = "" if event == "clear" else text + data["text"] if event == "uart" else text
        assert text and last
        with Viewer(page, "uno", last=last) as rest:
            rest.wait_for(lambda v: "2 Tests 0 Failures" in v.text)
            assert not {"clear", "reset", "missed"} & {event for event, _ in rest.events}
            assert text + rest.text == whole.text


def test_a_restart_still_knows_the_last_run(hil, slow):
    lab = lab_of(hil, slow)
    slow.go.set()
    with Page(hil, lab) as page:
        assert hil.run(IMAGE, lab=lab).code == 0  # nobody looks
        wait_until(lambda: page.boards()["uno"]["dir"] and page.boards()["uno"]["last"])
    with Page(hil, lab) as page, Viewer(page, "uno") as viewer:
        viewer.wait_for(lambda v: "2 Tests 0 Failures" in v.text)
        viewer.wait_for(lambda v: v.state["uno"]["live"]["verdict"] == "pass")
        assert page.ask(f"/run/{viewer.state['uno']['run']}/report.html")[0] == 200
    (hil.home / "state/serve/bench.json").write_text('{"runs": [{"board": "uno", "out": "relative", "dir": "../.."}, 7]')
    with Page(hil, lab) as page:
        assert page.boards()["uno"]["run"] is None, "what is broken is forgotten"


def test_who_waits_is_counted_and_quarantine_is_told(hil, slow):
    lab = lab_of(hil, slow)
    with Page(hil, lab) as page, Viewer(page) as viewer:
        first = hil.start("run", "--lab", lab, IMAGE)
        viewer.wait_for(lambda v: "uno" in v.state and v.state["uno"]["held"])
        second = hil.start("run", "--lab", lab, IMAGE, "--out", "second")
        viewer.wait_for(lambda v: v.state["uno"]["waiting"] == 1)
        metrics = page.ask("/metrics")[2].decode()
        assert 'hil_boards{state="held"} 1' in metrics and 'hil_board_waiting{board="uno"} 1' in metrics
        slow.go.set()
        assert [hil.finish(run).code for run in (first, second)] == [0, 0]
        with sqlite3.connect(hil.home / "state/history.db") as db:
            db.execute("INSERT INTO quarantine (lab, board, reason, since_us) VALUES ('bench', 'uno', 'it \"smokes\"', 1000000)")
        viewer.wait_for(lambda v: v.state["uno"]["quarantine"])
        assert viewer.state["uno"]["quarantine"]["reason"] == 'it "smokes"'
        metrics = page.ask("/metrics")[2].decode()
        assert 'hil_jobs_total{board="uno",verdict="pass"} 2' in metrics
        assert 'hil_boards{state="quarantine"} 1' in metrics
        with sqlite3.connect(hil.home / "state/history.db") as db:
            db.execute("DELETE FROM cases")
            db.execute("DELETE FROM jobs")
        assert 'hil_jobs_total{board="uno",verdict="pass"} 2' in page.ask("/metrics")[2].decode(), "a counter only grows"
        for line in metrics.splitlines():
            assert line.startswith("# ") or len(line.rsplit(" ", 1)) == 2 and float(line.rsplit(" ", 1)[1]) >= 0, line


def test_while_nobody_looks_nothing_is_read(hil, slow):
    lab = lab_of(hil, slow)
    with Page(hil, lab) as page:
        run = hil.start("run", "--lab", lab, IMAGE)
        wait_until(lambda: (hil.out / "uno/uart.log").exists())
        open_files = {os.readlink(f"/proc/{page.process.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{page.process.pid}/fd")}
        assert not [path for path in open_files if str(hil.out) in path]
        slow.go.set()
        assert hil.finish(run).code == 0
        assert page.boards()["uno"]["last"]["verdict"] == "pass", "but whoever asks is told"


def test_fifty_viewers_one_of_which_never_reads(hil, slow):
    """The one that does not read costs a socket's buffer; the others get all of it."""
    lab = lab_of(hil, slow)
    noise = "".join(f"line {n} {'x' * 80}\r\n" for n in range(20000))
    slow.first = noise + slow.first
    with Page(hil, lab) as page:
        deaf = socket.create_connection(("127.0.0.1", page.port))
        deaf.sendall(b"GET /events?board=uno HTTP/1.1\r\nHost: localhost\r\n\r\n")
        viewers = [Viewer(page, "uno") for _ in range(49)]
        try:
            run = hil.start("run", "--lab", lab, IMAGE)
            for viewer in viewers:
                viewer.wait_for(lambda v: "test_one:PASS" in v.text)
            before = page.memory_kb()
            slow.go.set()
            assert hil.finish(run).code == 0
            for viewer in viewers:
                viewer.wait_for(lambda v: "2 Tests 0 Failures" in v.text)
                lines = [line for line in viewer.text.splitlines() if line.startswith("line ")]
                assert lines == sorted(lines, key=lambda line: int(line.split()[1])), "in order, none twice"
                begin = next(data for event, data in viewer.events if event == "uart" and "begin" in data)
                assert len(lines) == 20000 or begin["skipped"] or "missed" in [event for event, _ in viewer.events]
            assert page.memory_kb() < before + 40000
        finally:
            deaf.close()
            for viewer in viewers:
                viewer.close()


def test_who_goes_makes_room(hil):
    """More pages than there may be at once, one after the other, as a reader who reloads has them."""
    with Page(hil, LAB) as page:
        for _ in range(3):
            viewers = [Viewer(page) for _ in range(60)]
            for viewer in viewers:
                viewer.wait_for(lambda v: "lab" in v.state)
                viewer.close()
            wait_until(lambda: b"hil_page_viewers 0\n" in page.ask("/metrics")[2])
        viewers = [Viewer(page) for _ in range(129)]
        assert [viewer.answer.status for viewer in viewers].count(503) == 1
        for viewer in viewers:
            viewer.close()


def test_five_hundred_boards(hil, slow):
    others = "".join(f"  b{n}:\n    qemu: {{machine: netduinoplus2}}\n" for n in range(499))
    lab = hil.write("lab.yaml", "lab: many\nboards:\n" + slow.yaml() + others)
    with Page(hil, lab) as page, Viewer(page) as viewer:
        viewer.wait_for(lambda v: "lab" in v.state and len([b for b in v.state.values() if "labels" in b]) == 500)
        viewer.wait_for(lambda v: v.state["b498"].get("present"))
        seen = len(viewer.events)
        run = hil.start("run", "--lab", lab, "-b", "uno", IMAGE)
        viewer.wait_for(lambda v: v.state["uno"]["held"])
        slow.go.set()
        assert hil.finish(run).code == 0
        viewer.wait_for(lambda v: not v.state["uno"]["held"])
        assert {data["name"] for event, data in viewer.events[seen:] if event == "board"} == {"uno"}


# ---- who is told nothing -----------------------------------------------------------------------------


def test_the_page_loads_nothing_from_elsewhere_and_is_cached(hil):
    with Page(hil, LAB) as page:
        status, headers, body = page.ask("/")
        assert status == 200 and headers["Content-Type"] == "text/html; charset=utf-8"
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "script-src 'self'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff" and headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Frame-Options"] == "DENY"
        text = body.decode()
        assert "http://" not in text.replace("http://www.w3.org/2000/svg", "") and "https://" not in text
        assert " style=" not in text and " onclick" not in text and "<style" not in text
        for name in ("page.css", "page.js"):
            status, headers, _ = page.ask(f"/{name}")
            assert status == 200
            assert page.ask(f"/{name}", If_None_Match=headers["ETag"])[0] == 304
        assert page.ask("/page.html")[0] == 404 and page.ask("/../etc/passwd")[0] == 404
        assert page.ask("/", method="DELETE")[0] == 405 and page.ask("/control")[0] == 405
        assert page.ask("/", method="HEAD")[2] == b""


def test_another_sites_name_is_not_answered(hil):
    with Page(hil, LAB, "--host", "lab.example.org") as page:
        for host, status in (("evil.example", 421), ("lab.example.org", 200), ("localhost", 200), ("[::1]:80", 200)):
            assert page.ask("/api/boards", Host=host)[0] == status, host


def test_a_token_is_asked_for_and_remembered(hil):
    file, token = token_file(hil)
    with Page(hil, LAB, "--token-file", file, "--allow-control") as page:
        for path in ("/api/boards", "/events", "/metrics", "/api/history", "/run/x/report.html"):
            status, headers, body = page.ask(path)
            assert status == 401 and b"virtual" not in body, path
        assert page.ask("/healthz")[0] == 200 and page.ask("/")[0] == 200
        assert page.ask("/api/boards", Authorization=f"Bearer {token}x")[0] == 401
        assert "virtual-f405" in page.boards(Authorization=f"Bearer {token}")

        form = {"Content-Type": "application/x-www-form-urlencoded"}
        status, headers, _ = page.ask("/login", "POST", f"token={token}x", **form)
        assert status == 303 and "Set-Cookie" not in headers and headers["Location"] == "/#wrong-token"
        assert page.ask("/login", "POST", f"token={token}", Origin="http://evil.example", **form)[0] == 403
        status, headers, _ = page.ask("/login", "POST", f"token={token}", **form)
        cookie = headers["Set-Cookie"]
        assert status == 303 and "HttpOnly" in cookie and "SameSite=Strict" in cookie and token not in cookie
        cookie = cookie.split(";")[0]
        assert "virtual-f405" in page.boards(Cookie=cookie)
        with Viewer(page, Cookie=cookie) as viewer:
            viewer.wait_for(lambda v: "lab" in v.state)
            assert viewer.state["lab"]["login"]
        assert page.ask("/api/boards", Cookie=cookie[:-1] + "0x")[0] == 401
        assert page.ask("/login", "POST", "token=" + "x" * 100000, **form)[0] == 413


def test_https(hil, certificate):
    key, cert = certificate
    file, token = token_file(hil)
    with Page(hil, LAB, "--tls-cert", cert, "--tls-key", key, "--token-file", file, tls=str(cert)) as page:
        assert page.url.startswith("https://")
        assert "virtual-f405" in page.boards(Authorization=f"Bearer {token}")
        with Viewer(page, Authorization=f"Bearer {token}") as viewer:
            viewer.wait_for(lambda v: "lab" in v.state)
        status, headers, _ = page.ask("/login", "POST", f"token={token}")
        assert status == 303 and "; Secure" in headers["Set-Cookie"]


@pytest.mark.parametrize(
    "args, code, words",
    [
        (["more"], 2, "takes no operands"),
        (["--listen", "somewhere"], 2, "no address and port"),
        (["--tls-cert", "x"], 2, "go together"),
        (["--tls-cert", "none", "--tls-key", "none"], 2, "--tls-cert"),
        (["--token-file", "none"], 2, "--token-file"),
        (["--token-file", "short"], 2, "16 characters"),
        (["--listen", "0.0.0.0:0", "--allow-control"], 2, "needs --token-file"),
        (["--github-token-file", "x"], 2, "is for --watch and --rig"),
        (["--lab", "none.yaml"], 2, "none.yaml"),
    ],
)
def test_options_that_do_not_do(hil, args, code, words):
    hil.write("short", "guess")
    result = hil("serve", "--lab", LAB, "--listen", "127.0.0.1:0", *args)
    assert result.code == code and words in result.err, result.err


def test_a_port_that_is_taken(hil):
    with Page(hil, LAB) as page:
        result = hil("serve", "--lab", LAB, "--listen", f"127.0.0.1:{page.port}")
        assert result.code == 3 and "Address already in use" in result.err


# ---- what may be done --------------------------------------------------------------------------------


def ask_for(page, board, what, key=None, **headers):
    if key:
        headers["X-Hil-Key"] = key
    return page.ask("/control", "POST", json.dumps({"board": board, "do": what}), **headers)


def test_without_leave_nothing_can_be_done(hil, slow):
    with Page(hil, lab_of(hil, slow)) as page, Viewer(page) as viewer:
        viewer.wait_for(lambda v: "lab" in v.state)
        assert viewer.state["lab"]["key"] is None
        assert ask_for(page, "uno", "reset", "0" * 64)[0] == 403 and slow.resets == 0


def test_a_board_is_reset_and_released_from_the_page_and_from_no_other(hil, slow):
    lab = lab_of(hil, slow, power="{cmd: {on: ['true'], off: ['false']}}")
    slow.go.set()
    assert hil.run(IMAGE, lab=lab).code == 0
    resets = slow.resets
    with sqlite3.connect(hil.home / "state/history.db") as db:
        db.execute("INSERT INTO quarantine (lab, board, reason, since_us) VALUES ('bench', 'uno', 'smoke', 1)")
    with Page(hil, lab, "--allow-control") as page, Viewer(page) as viewer:
        viewer.wait_for(lambda v: "lab" in v.state and "uno" in v.state)
        key, own = viewer.state["lab"]["key"], f"http://127.0.0.1:{page.port}"
        for refused in (ask_for(page, "uno", "reset"), ask_for(page, "uno", "reset", key[::-1]),
                        ask_for(page, "uno", "reset", key, Origin="http://evil.example")):  # fmt: skip
            assert refused[0] == 403
        assert page.ask("/control", "POST", b"\xff{", X_Hil_Key=key)[0] == 400
        assert ask_for(page, "uno", "explode", key)[0] == 400 and ask_for(page, "dos", "reset", key)[0] == 404
        assert slow.resets == resets
        assert ask_for(page, "uno", "reset", key, Origin=own)[0] == 202
        viewer.wait_for(lambda v: v.state.get("act", {}).get("state") == "done")
        wait_until(lambda: slow.resets == resets + 1)
        assert ask_for(page, "uno", "off", key)[0] == 202
        viewer.wait_for(lambda v: v.state["act"]["state"] == "failed" and v.state["act"]["do"] == "off")
        assert "exit 1" in viewer.state["act"]["text"]
        assert ask_for(page, "uno", "release", key)[0] == 202
        viewer.wait_for(lambda v: not v.state["uno"]["quarantine"])


# ---- as a service ------------------------------------------------------------------------------------


def test_systemd_hears_of_it_and_lab_yaml_is_read_again(hil):
    board = "  {}:\n    qemu: {{machine: netduinoplus2}}\n"
    lab = hil.write("lab.yaml", "lab: x\nboards:\n" + board.format("one"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(hil.home / "notify"))
        ear.settimeout(20)
        heard = []

        def hear(until):
            while not heard or not heard[-1].startswith(until):
                heard.append(ear.recv(1024).decode())

        hil.env.update(NOTIFY_SOCKET=str(hil.home / "notify"), WATCHDOG_USEC="100000")
        with Page(hil, lab) as page, Viewer(page) as viewer:
            hear("READY=1\nSTATUS=127.0.0.1:")
            hear("WATCHDOG=1")
            viewer.wait_for(lambda v: "one" in v.state)
            lab.write_text("lab: x\nboards:\n" + board.format("two") + "    colour: red\n")
            page.process.send_signal(signal.SIGHUP)
            hear("RELOADING=1")
            page.wait_for("the old one stays", "lab.yaml:5", "colour")
            assert set(page.boards()) == {"one"}
            lab.write_text("lab: x\nboards:\n" + board.format("two"))
            page.process.send_signal(signal.SIGHUP)
            viewer.wait_for(lambda v: "two" in v.state and "one" not in v.state)
            began = time.monotonic()
            assert page.stop() == 143
            assert time.monotonic() - began < 3
            hear("STOPPING=1")


def test_the_watch_runs_beside_it_is_started_again_and_ends_with_it(hil):
    lab = hil.write("lab.yaml", open(LAB).read() + "\nwatch:\n  - {repo: octo/firmware, release: latest, boards: [stm32f405]}\n")
    with GitHub(token="ghs_0123456789abcdefTOKEN") as github:
        with Page(hil, lab, "--watch", env=github.env) as page, Viewer(page) as viewer:
            viewer.wait_for(lambda v: v.state.get("service", {}).get("running") and v.state.get("watch"))
            watched = viewer.state["watch"]
            assert watched["watches"][0]["repo"] == "octo/firmware"
            page.process.send_signal(signal.SIGHUP)
            page.wait_for("hil watch: ", "was read again")
            os.kill(watched["pid"], signal.SIGKILL)
            viewer.wait_for(lambda v: not v.state["service"]["running"] and v.state["service"]["exit_code"] == -1)
            viewer.wait_for(lambda v: v.state["service"]["running"] and v.state.get("watch", watched)["pid"] != watched["pid"])
            page.stop(signal.SIGKILL)
            wait_until(lambda: not processes_in(hil.home), what="the end of what ran beside it")


def test_the_rig_runs_beside_it_and_its_slots_are_seen(hil):
    lab = hil.write("lab.yaml", RIG)
    (hil.home / "fw.bin").write_bytes(os.urandom(3000))
    usb = UsbLab(hil, *(f"bootloader 1-1.{n} serial=A{n} state={hil.home}/A{n}" for n in (1, 2)))
    with Page(hil, lab, "--rig", start=usb.start) as page, Viewer(page) as viewer:
        viewer.wait_for(lambda v: v.state.get("service", {}).get("running") and v.state["service"]["name"] == "rig")
        viewer.wait_for(lambda v: {s["state"] for s in (v.state.get("rig") or {}).get("slots", [])} == {"done"})
        rig = viewer.state["rig"]
        assert [(s["slot"], s["path"], s["serial"]) for s in rig["slots"]] == [(1, "1-1.1", "A1"), (2, "1-1.2", "A2")]
        assert rig["counts"]["done"] == 2
        assert 'hil_service_up{service="rig"} 1' in page.ask("/metrics")[2].decode()
        os.kill(rig["pid"], signal.SIGKILL)
        viewer.wait_for(lambda v: not v.state["service"]["running"])
        # Started again it leaves alone what is done.
        viewer.wait_for(lambda v: {s["state"] for s in (v.state.get("rig") or {}).get("slots", [])} == {"seen-before"})
        assert page.stop() == 143
    wait_until(lambda: not processes_in(hil.home), what="the end of what ran beside it")
