# SPDX-License-Identifier: MIT
"""The page as a person sees it: what changes, what comes back, what a board may not do to it."""
import contextlib
import json
import os
import pathlib
import signal
import socket
import sqlite3
import threading
import time

import pytest
from conftest import PLACE, wait_until

from page_client import Page, Viewer, token_file
from ptyboard import UNITY, PtyBoard, lab_of

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
IMAGE = ROOT / "build/firmware/stm32f405/selftest-unity.elf"
HOSTILE = (b'<img src=x onerror="alert(1)"><script>alert(2)</script>\r\n</div></pre><h1>mine</h1>\x1b[2J\x1b]0;title\x07\r\n'
           b'\xff\xfe\x00\x08&lt;javascript:alert(3)\r\n\xe2\x80\xaegnp.exe\r\ndata: x\r\nevent: reset\r\n')  # fmt: skip


class Board(PtyBoard):
    """Prints `first`, and the rest of its test once it is let."""

    def __init__(self, home, name="uno"):
        self.go, self.first = threading.Event(), "a.c:1:test_one:PASS\r\n"
        super().__init__(home, name, Board.talk)

    def talk(self):
        self.say(self.first)
        self.go.wait(60)
        self.say(UNITY[UNITY.index("a.c:2") :])

    def close(self):
        self.go.set()
        super().close()


@pytest.fixture
def board(hil):
    player = Board(hil.home)
    yield player
    player.close()


CARD = "#cards li:not([hidden])"
ACTIONS = {"GITHUB_ACTIONS": "true", "GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "acme/motor",
           "GITHUB_RUN_ID": "4711", "GITHUB_JOB": "hardware"}  # fmt: skip


def test_a_run_is_seen_as_it_goes_on(hil, board, browser):
    lab = lab_of(hil, board)
    with Page(hil, lab) as page:
        browser.open(page.url)
        browser.wait_text("#link", "live")
        browser.wait_text(f"{CARD} .v", "free")
        run = hil.start("run", "--lab", lab, IMAGE, env=ACTIONS)
        browser.wait_text(CARD, "1 passed")
        browser.wait_text(f"{CARD} .v", "test")  # a board may speak before its reset command has returned
        browser.wait_text("#tally", "1 in use")
        assert browser.eval(f"document.querySelector('{CARD} p a').href") == "https://github.com/acme/motor/actions/runs/4711"
        browser("click", selector=f"{CARD} h2 a")
        browser.wait_text("#u-log", "test_one:PASS")
        browser.wait_text("#b-facts", "acme/motor · hardware")
        board.go.set()
        assert hil.finish(run).code == 0
        browser.wait_text("#b-state", "free")
        browser.wait_text("#u-log", "2 Tests 0 Failures")
        browser.wait_text("#b-facts", "selftest-unity")
        browser.wait_text("#b-jobs", "pass")
        browser.wait_text("#b-files", "report.html")
        browser.wait_text("#said", "uno: pass")  # a screen reader hears of the verdict
        report = browser.eval("document.querySelector('#b-files a').href")
        browser.open(report)
        browser.wait("document.querySelector('h1')")
        assert "PASS" in browser.text("h1").upper()
        assert browser.eval("self.origin") == "null", "a report is no page of ours"


def test_what_a_board_prints_is_text(hil, board, browser):
    board.first = HOSTILE + board.first.encode()
    board.go.set()
    lab = lab_of(hil, board)
    evil = {**ACTIONS, "GITHUB_SERVER_URL": "javascript:alert(4)//", "GITHUB_REPOSITORY": "<b>o</b>/r"}
    with Page(hil, lab) as page:
        browser.open(page.url + "/#board/uno")
        browser.wait_text("#link", "live")
        board.go.clear()
        run = hil.start("run", "--lab", lab, IMAGE, env=evil)
        browser.wait_text("#u-log", "test_one:PASS")
        text = browser.text("#u-log")
        assert '<img src=x onerror="alert(1)"><script>alert(2)</script>' in text and "</div></pre><h1>mine</h1>" in text
        assert "event: reset" in text and "&lt;javascript:alert(3)" in text
        assert browser.eval("[...document.querySelectorAll('#u-log *')].every((node) => node.tagName === 'DIV')")
        assert browser.eval("document.querySelectorAll('img, #v-board script').length") == 0
        browser.wait_text("#b-facts", "<b>o</b>/r")
        assert browser.eval("document.querySelectorAll('#b-facts b, #b-facts a').length") == 0
        board.go.set()
        assert hil.finish(run).code == 0
        browser.wait_text("#u-log", "2 Tests")


def test_it_comes_back_when_the_server_does(hil, board, browser):
    lab = lab_of(hil, board)
    page = Page(hil, lab)
    try:
        browser.open(page.url + "/#board/uno")
        browser.wait_text("#link", "live")
        run = hil.start("run", "--lab", lab, IMAGE)
        browser.wait_text("#u-log", "test_one:PASS")
        page.stop(signal.SIGKILL)
        browser.wait_text("#link", "no connection")
        page = Page(hil, lab, port=page.port)
        browser.wait_text("#link", "live")
        browser.wait_text("#u-log", "test_one:PASS")
        board.go.set()
        assert hil.finish(run).code == 0
        browser.wait_text("#u-log", "2 Tests 0 Failures")
        browser.wait_text("#b-state", "free")
        assert browser.text("#u-log").count("test_one:PASS") == 1, "nothing twice"
    finally:
        page.stop()


class Network:
    """What is between the browser and the server, and can fail."""

    def __init__(self, port):
        self.to, self.ends = port, []
        self.ear = socket.create_server(("127.0.0.1", 0))
        self.port = self.ear.getsockname()[1]
        self.thread = threading.Thread(target=self._accept)
        self.thread.start()

    def _accept(self):
        while True:
            try:
                near, _ = self.ear.accept()
                far = socket.create_connection(("127.0.0.1", self.to))
            except OSError:
                return
            self.ends += [near, far]
            for pair in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=pair, daemon=True).start()

    @staticmethod
    def _carry(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def cut(self):
        for end in self.ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self.ends.clear()

    def close(self):
        self.ear.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.cut()


def test_a_lost_connection_loses_nothing(hil, board, browser):
    """The same server, another connection: the text goes on where it was."""
    lab = lab_of(hil, board)
    board.first = "".join(f"line {n}\r\n" for n in range(300)) + board.first
    with Page(hil, lab) as page, contextlib.closing(Network(page.port)) as network:
        browser.open(f"http://127.0.0.1:{network.port}/#board/uno")
        browser.wait_text("#link", "live")
        run = hil.start("run", "--lab", lab, IMAGE)
        browser.wait_text("#u-log", "test_one:PASS")
        browser.eval("document.querySelector('#u-log div').id = 'first'")
        network.cut()
        browser.wait_text("#link", "no connection")
        board.go.set()
        assert hil.finish(run).code == 0
        browser.wait_text("#link", "live")
        browser.wait_text("#u-log", "2 Tests 0 Failures")
        assert browser.eval("document.querySelector('#first') !== null"), "it went on, and did not begin anew"
        lines = [line for line in browser.eval("[...document.querySelectorAll('#u-log div')].map((n) => n.textContent)")
                 if line.startswith("line ")]  # fmt: skip
        assert lines == [f"line {n}" for n in range(300)]


def test_pause_search_and_a_flood(hil, board, browser):
    lab = lab_of(hil, board)
    board.first = "".join(f"needle {n}\r\n" if n % 1000 == 0 else f"line {n}\r\n" for n in range(12001)) + board.first
    with Page(hil, lab) as page:
        browser.open(page.url + "/#board/uno")
        browser.wait_text("#link", "live")
        run = hil.start("run", "--lab", lab, IMAGE)
        browser.wait_text("#u-log", "test_one:PASS")
        assert browser.eval("document.querySelectorAll('#u-log div').length") <= 5600, "the scrollback is bounded"
        assert browser.eval("(() => { const l = document.querySelector('#u-log'); return l.scrollHeight - l.scrollTop - l.clientHeight; })()") < 60
        browser.eval("document.activeElement.blur()")
        browser("press", key="p")
        browser.wait("document.querySelector('#u-pause').getAttribute('aria-pressed') === 'true'")
        board.go.set()
        assert hil.finish(run).code == 0
        browser.wait_text("#u-note", "there is more")
        assert "2 Tests" not in browser.text("#u-log")
        browser("click", selector="#u-end")
        browser.wait_text("#u-log", "2 Tests 0 Failures")
        browser.eval("document.activeElement.blur()")
        browser("press", key="/")
        assert browser.eval("document.activeElement.id") == "u-find"
        browser("fill", selector="#u-find", text="NEEDLE")
        hits = int(browser.text("#u-hits"))
        assert 1 <= hits <= 5
        browser("press", key="Enter")
        assert browser.text("#u-hits") == f"1 of {hits}" and browser.text("#u-log .at").startswith("needle")
        browser("press", key="Shift+Enter")
        assert browser.text("#u-hits") == f"{hits} of {hits}" and browser.text("#u-log .at") == "needle 12000"


def test_the_token_is_asked_for(hil, board, browser):
    file, token = token_file(hil)
    with Page(hil, lab_of(hil, board), "--token-file", file) as page:
        browser.open(page.url)
        browser.wait("document.querySelector('#v-login').offsetParent")
        for text, words in (("not-the-token-at-all", "That was not it"), (token, "")):
            browser("fill", selector="#token", text=text)
            browser("press", key="Enter")
            if words:
                browser.wait("document.querySelector('#wrong').offsetParent")
        browser.wait_text(CARD, "uno")
        assert token not in browser.eval("document.cookie + location.href + document.body.innerHTML")
        browser("click", selector="nav form button")
        browser.wait("document.querySelector('#v-login').offsetParent")


def test_a_board_is_reset_by_hand(hil, board, browser):
    board.go.set()
    lab = lab_of(hil, board)
    with Page(hil, lab, "--allow-control") as page:
        browser.open(page.url + "/#board/uno")
        browser("click", selector="#b-do button")
        browser.wait_text("#b-did", "reset: done")
        assert board.resets == 1
    with Page(hil, lab) as page:
        browser.open(page.url + "/#board/uno")
        browser.wait_text("#b-facts", "serial")
        assert browser.eval("document.querySelector('#b-do').offsetParent") is None


def test_the_history_follows(hil, board, browser):
    board.go.set()
    lab = lab_of(hil, board)
    with Page(hil, lab) as page:
        browser.open(page.url + "/#history")
        browser.wait_text("#h-sum", "0 jobs")
        browser.wait_text("#link", "live")
        assert hil.run(IMAGE, lab=lab).code == 0
        browser.wait_text("#h-sum", "1 job, 100.0 % passed")
        browser.wait_text("#t-tests", "selftest-unity")
        assert browser.eval("document.querySelectorAll('#c-jobs rect.p').length") == 1
        browser.eval("(() => { const b = document.querySelector('#h-board'); b.value = 'uno'; b.dispatchEvent(new Event('change')); })()")
        browser.wait_text("#h-sum", "1 job,")


def test_a_store_that_does_not_answer_is_told_above_the_boards(hil, board, browser):
    lab = lab_of(hil, board)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://hil@127.0.0.1:{silent.getsockname()[1]}/lab?sslmode=disable&connect_timeout=1"
        lab.write_text(f'store: "{url}"\n' + lab.read_text())
        with Page(hil, lab) as page:
            browser.open(page.url + "/#boards")
            browser.wait_text("#store", "does not answer")
            browser.wait_text(CARD, "uno")
            browser.open(page.url + "/#history")
            browser.wait_text("#h-sum", "does not answer")


def many_boards(hil, board, count=499):
    kinds = ("nucleo-f446re", "esp32-devkit", "pico", "bluepill", "nrf52840-dk")
    others = "".join(
        f"  {kinds[n % 5]}-{n}:\n    labels: [{kinds[n % 5]}, has-can]\n    qemu: {{machine: netduinoplus2}}\n"
        for n in range(count)
    )
    return hil.write("lab.yaml", "lab: bench-a\nboards:\n" + board.yaml() + others)


def test_five_hundred_boards(hil, board, browser):
    lab = many_boards(hil, board)
    with Page(hil, lab) as page:
        browser.open(page.url)
        browser.wait("document.querySelectorAll('#cards li').length === 500")
        browser.wait_text("#tally", "500 boards")
        browser.eval("window.moved = 0; new MutationObserver((m) => moved += m.length).observe("
                     "document.querySelector('#cards'), {subtree: true, childList: true, characterData: true})")  # fmt: skip
        browser("fill", selector="#find", text="pico-78")
        browser.wait(f"document.querySelectorAll('{CARD}').length === 0")
        browser("fill", selector="#find", text="pico 42")
        browser.wait(f"document.querySelectorAll('{CARD}').length > 0")
        assert "pico-42" in browser.text("#cards") and browser.eval(f"document.querySelectorAll('{CARD}').length") < 10
        browser("fill", selector="#find", text="")
        # Who is there is found out apart, and tells of all of them once.
        wait_until(lambda: all("present" in b for b in page.boards().values()), 60)
        browser.eval("new Promise((done) => setTimeout(done, 200))")
        browser.eval("window.moved = 0")
        run = hil.start("run", "--lab", lab, "-b", "uno", IMAGE)
        browser.wait_text("#tally", "1 in use")
        browser.wait_text("#cards", "1 passed")
        assert browser.eval("moved") < 100, "one board's card is drawn anew, not 500"
        board.go.set()
        assert hil.finish(run).code == 0
        browser.wait_text("#tally", "0 in use")
        # One drawing of all of it, as a keystroke in the search field causes.
        took = browser.eval(
            "new Promise((done) => { const t = performance.now(), f = document.querySelector('#find'); f.value = 'n';"
            " f.dispatchEvent(new Event('input')); requestAnimationFrame(() => setTimeout(() => done(performance.now() - t))); })"
        )
        print(f"a keystroke over 500 boards: {took:.0f} ms")


# ---- how it looks ------------------------------------------------------------------------------------

VIEWS = ("boards", "board/uno", "history", "releases", "rig")


def live_lab(hil, board):
    """A lab with something in every view."""
    lab = many_boards(hil, board, 23)
    board.go.set()
    with Page(hil, lab) as page, Viewer(page) as viewer:
        assert hil.run(IMAGE, "-b", "uno", lab=lab).code == 0
        viewer.wait_for(lambda v: v.state.get("uno", {}).get("dir") and v.state["uno"]["last"])
    with sqlite3.connect(hil.home / "state/history.db") as db:
        db.execute("INSERT INTO quarantine (lab, board, reason, since_us) VALUES"
                   " ('bench-a', 'pico-2', 'flash: no device found; power cycle did not help', 1)")  # fmt: skip
        for n in range(200):
            verdict = "infra" if n % 29 == 0 else "fail" if n % 9 == 0 else "pass"
            at = int((time.time() - n * 12000) * 1e6)
            db.execute(
                "INSERT INTO jobs (run_id, lab, board, test, image_sha256, verdict, reason, started_us, at_us, took_us,"
                " flash_us, test_us) VALUES (1, 'bench-a', ?, ?, ?, ?, ?, ?, ?, ?, 0, 0)",
                (f"pico-{n % 4 * 5 + 2}", ("smoke", "can-loopback", "bootloader")[n % 3], str(n // 60), verdict,
                 "2 of 34 tests failed" if verdict == "fail" else None, at, at, (8 + n % 7) * 10**6))  # fmt: skip
    states = ("waiting", "flashing", "verifying", "done", "failed", "unplugged")
    rig = {"service": "rig", "pid": os.getpid(), "lab": "bench-a", "counts": {"done": 118, "failed": 3}, "slots": [
        {"slot": n + 1, "path": f"1-1.{n + 1}", "serial": f"00{n}", "state": state, "percent": 42 if n < 3 else -1,
         "identity": "02:00:00:00:00:01", "reason": "verify: 0x08004000 differs" if state == "failed" else None}
        for n, state in enumerate(states)]}  # fmt: skip
    watch = {"service": "watch", "pid": os.getpid(), "lab": "bench-a", "watches": [
        {"watch": "school/robot release latest", "tag": "v1.4", "error": None,
         "boards": [{"board": "pico-2", "asset": "robot-pico.uf2", "action": "current", "text": "has v1.4 (robot-pico.uf2)"}]},
        {"watch": "acme/gw artifact fw of main", "tag": None, "error": "GitHub: 404: no such repository", "boards": []}]}  # fmt: skip
    for state in (rig, watch):
        (hil.home / "run" / f"service-{state['service']}.json").write_text(json.dumps(state))
    return lab


def unnamed(node):
    wants = node["role"] in ("link", "button", "textbox", "searchbox", "combobox", "img", "progressbar", "log")
    found = [node] if wants and not node.get("name") else []
    for child in node.get("children", []):
        found += unnamed(child)
    return found


CONTRAST = """(() => {
  const luminance = (rgb) => { const [r, g, b] = rgb.match(/[\\d.]+/g).map((v) => { v /= 255;
    return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; }); return .2126 * r + .7152 * g + .0722 * b; };
  const behind = (node) => { for (; node; node = node.parentElement) { const c = getComputedStyle(node).backgroundColor;
    if (!/, 0\\)$/.test(c)) return c; } return 'rgb(255, 255, 255)'; };
  const bad = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !node.checkVisibility() || node.closest('svg, .unseen, option, .skip')) continue;
    const [a, b] = [luminance(getComputedStyle(node).color), luminance(behind(node))].sort((x, y) => y - x);
    if ((a + .05) / (b + .05) < 4.5) bad.push(`${((a + .05) / (b + .05)).toFixed(2)} ${walk.currentNode.data.trim()}`);
  }
  return bad;
})()"""


@pytest.mark.parametrize("scheme, width, height", [("light", 1280, 900), ("dark", 1280, 900), ("light", 390, 844), ("dark", 390, 844)])
def test_every_view_is_legible_named_and_fits(hil, board, browser, scheme, width, height):
    lab = live_lab(hil, board)
    phone = width < 500
    with Page(hil, lab, "--allow-control") as page:
        for view in VIEWS:
            browser.open(f"{page.url}/#{view}", width, height, scheme, phone)
            browser.wait_text("#link", "live")
            browser.wait_text("#tally", "in trouble")
            browser.wait("!document.querySelector('nav a[href=\"#rig\"]').hidden")
            if view == "board/uno":
                browser.wait_text("#u-log", "2 Tests 0 Failures")
            if view == "history":
                browser.wait_text("#h-sum", "passed")
                browser.wait_text("#t-flaky", "smoke")
            browser("shot", path=str(PLACE / f"{view.split('/')[0]}-{scheme}{'-phone' if phone else ''}.png"))
            assert browser.eval("document.documentElement.scrollWidth <= innerWidth"), f"{view} is too wide"
            assert browser.eval(CONTRAST) == [], view
            assert unnamed(browser("names")) == [], view
            assert browser.eval("scrollY") == 0, view


def test_the_keyboard_reaches_everything(hil, board, browser):
    with Page(hil, lab_of(hil, board)) as page:
        browser.open(page.url)
        browser.wait_text(CARD, "uno")
        reached = []
        for _ in range(12):
            browser("press", key="Tab")
            reached.append(browser.eval("document.activeElement.textContent || document.activeElement.id"))
        order = [reached.index(word) for word in ("Skip to the boards", "Boards", "History", "find", "All 1", "uno")]
        assert order == sorted(order), reached
