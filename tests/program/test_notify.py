# SPDX-License-Identifier: MIT
"""notify: what sinks get, against a web server and a mail server of our own, and what is left when they fail."""
import base64
import email
import email.policy
import fcntl
import hashlib
import hmac
import http.server
import json
import os
import signal
import socketserver
import ssl
import sys
import threading

import pytest
from conftest import ROOT, firmware, processes_in, wait_until

sys.path.insert(0, str(ROOT / "tests" / "github"))
from server import REPO, GitHub  # noqa: E402

GOOD, BAD = firmware("selftest-tap.elf"), firmware("bad-fail.elf")
BOARDS = """lab: bench
boards:
  a: {labels: [stm32f405, twin], qemu: {machine: netduinoplus2}}
  b: {labels: [stm32f405, twin], qemu: {machine: netduinoplus2}}
"""


class Web:
    """Keeps what is posted; answers as it is told, one answer a request, then `status`."""

    def __init__(self):
        web = self
        self.got, self.answers, self.gate, self.asked, self.status = [], [], None, 0, 200

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                web.asked += 1
                if web.gate:
                    web.gate.wait(55)
                status, fields = web.answers.pop(0) if web.answers else (web.status, {})
                self.send_response(status)
                for name, value in fields.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(f"you asked for {self.path}".encode())
                web.got.append((self.path, self.headers, body, status))

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def bodies(self, path="/"):
        return [json.loads(body) for where, _, body, status in self.got if where.startswith(path) and status == 200]


@pytest.fixture
def web():
    it = Web()
    yield it
    it.server.shutdown()


class Mail:
    """SMTP as RFC 5321 has it, with STARTTLS and AUTH PLAIN: enough for one client."""

    def __init__(self, certificate, starttls=True):
        mail = self
        self.got, self.refuse = [], None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate[1], certificate[0])

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                self.sock, self.tls, self.user = self.request, False, None
                self.lines = self.sock.makefile("rb")
                self.say("220 mail ready")
                envelope = []
                while line := self.lines.readline():
                    word = line.decode().strip()
                    verb = word.upper().split(" ")[0]
                    if verb == "EHLO":
                        more = ["STARTTLS"] if starttls and not self.tls else []
                        more += ["AUTH PLAIN"] if self.tls or not starttls else []
                        self.say(*[f"250-{one}" for one in ["mail", *more]], "250 8BITMIME")
                    elif verb == "STARTTLS":
                        self.say("220 go ahead")
                        self.sock = context.wrap_socket(self.sock, server_side=True)
                        self.lines, self.tls = self.sock.makefile("rb"), True
                    elif verb == "AUTH":
                        secret = word.split(" ")[2] if word.count(" ") == 2 else self.ask()
                        self.user = base64.b64decode(secret).decode().split("\0")[1:]
                        self.say("535 no" if mail.refuse == "auth" else "235 welcome")
                    elif verb in ("MAIL", "RCPT"):
                        envelope.append(word)
                        self.say("450 later" if mail.refuse == verb.lower() else "250 ok")
                    elif verb == "DATA":
                        self.say("354 go")
                        data = b""
                        while not data.endswith(b"\r\n.\r\n"):
                            data += self.lines.readline()
                        mail.got.append((envelope, self.user, self.tls, data[:-5]))
                        self.say("250 queued")
                    elif verb == "QUIT":
                        self.say("221 bye")
                        return
                    else:
                        self.say("502 what?")

            def ask(self):
                self.say("334 ")
                return self.lines.readline().decode().strip()

            def say(self, *lines):
                self.sock.sendall("".join(f"{line}\r\n" for line in lines).encode())

        socketserver.ThreadingTCPServer.allow_reuse_address = True
        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()


def lab(hil, notify, boards=BOARDS):
    return hil.write("lab.yaml", boards + "notify:\n" + notify)


def run(hil, path, image=BAD, board="a", **more):
    return hil("run", "--lab", path, "-q", "-b", board, image, **more)


def sinks(hil, path):
    return {sink["name"]: sink for sink in json.loads(hil("notify", "--lab", path, "--json").out)["sinks"]}


def all_sent(hil):
    return wait_until(lambda: not list((hil.home / "state").rglob("notify/*/*/*.json")) and not processes_in(hil.home), 20)


def test_a_red_run_is_told_to_everybody_who_wants_to_know(hil, web, certificate):
    mail = Mail(certificate)
    (hil.home / "slack.url").write_text(f"{web.url}/services/T000/SECRETPART\n")
    (hil.home / "hmac.key").write_text("hunter2\n")
    credentials = hil.home / "credentials"
    credentials.mkdir()
    (credentials / "mail.password").write_text("s3cret\n")
    bell = hil.write("bell.sh", f"#!/bin/sh\ncat > {hil.home}/rung\n")
    bell.chmod(0o755)
    path = lab(
        hil,
        f"""
  - slack: {{url-file: slack.url}}
  - webhook: {{url-env: OPS_URL, secret-file: hmac.key}}
  - email: {{server: 'smtp://127.0.0.1:{mail.port}', from: lab@example.org, to: [one@example.org, two@example.org],
            user: lab, password-file: mail.password}}
  - command: {{run: [./bell.sh]}}
  - webhook: {{url: '{web.url}/green'}}
    name: green
    on: [pass]
""",
    )
    env = {"OPS_URL": f"{web.url}/ops", "CREDENTIALS_DIRECTORY": str(credentials), "SSL_CERT_FILE": str(certificate[1])}
    env |= {"GITHUB_ACTIONS": "true", "GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "octo/fw"}
    env |= {"GITHUB_RUN_ID": "7", "GITHUB_SHA": "0123456789abcdef", "GITHUB_REF_NAME": "main", "RUNNER_TRACKING_ID": "x"}
    assert run(hil, path, env=env).code == 1
    wait_until(lambda: len(web.got) == 2 and mail.got and (hil.home / "rung").exists(), 20)
    all_sent(hil)
    (slack,), (ops,) = web.bodies("/services"), web.bodies("/ops")
    assert slack["text"].startswith(":x: *bench: fail, 3 of 6 tests failed on a*\n")
    assert "<https://github.com/octo/fw/actions/runs/7/attempts/1>" in slack["text"]
    assert "reading &lt; 1000 is false" in slack["text"]
    (notice,) = ops["notices"]
    assert (notice["kind"], notice["lab"], notice["boards"]) == ("fail", "bench", ["a"])
    assert "octo/fw 0123456789ab on main" in notice["text"]
    _, fields, body, _ = next(one for one in web.got if one[0] == "/ops")
    assert fields["X-Hil-Signature-256"] == "sha256=" + hmac.new(b"hunter2", body, hashlib.sha256).hexdigest()
    assert fields["X-Hil-Delivery"] == ops["id"] and fields["Content-Type"] == "application/json"
    envelope, user, tls, data = mail.got[0]
    assert tls and user == ["lab", "s3cret"]
    assert [line.split("<")[1].split(">")[0] for line in envelope] == ["lab@example.org", "one@example.org", "two@example.org"]
    letter = email.message_from_bytes(data, policy=email.policy.default)
    assert letter["Subject"] == notice["title"] and letter["To"].addresses[1].addr_spec == "two@example.org"
    assert letter["Date"].datetime and letter["Message-ID"] and "test_reference_is_exact" in letter.get_content()
    assert json.loads((hil.home / "rung").read_text())["notices"][0]["title"] == notice["title"]
    assert run(hil, path, GOOD, env=env).code == 0
    wait_until(lambda: web.bodies("/green"))
    all_sent(hil)
    assert web.bodies("/green")[0]["notices"][0]["title"].startswith("bench: pass, ") and len(mail.got) == 1


def test_a_run_does_not_wait_for_a_server_that_hangs(hil, web):
    web.gate = threading.Event()
    path = lab(hil, f"  - webhook: {{url: '{web.url}'}}\n")
    result = run(hil, path, env={"RUNNER_TRACKING_ID": "github_1"})
    assert result.code == 1 and not web.got, "hil is gone, and the server has not answered yet"
    (sender,) = wait_until(lambda: processes_in(hil.home), what="the sender")
    wait_until(lambda: b"--flush" in open(f"/proc/{sender}/cmdline", "rb").read())
    assert b"RUNNER_TRACKING_ID" not in open(f"/proc/{sender}/environ", "rb").read(), "a runner would end it with the job"
    assert {os.readlink(f"/proc/{sender}/fd/{fd}") for fd in range(3)} == {"/dev/null"}, "who waits for the end of our output"
    assert os.getsid(sender) != os.getsid(0)
    web.gate.set()
    all_sent(hil)
    assert len(web.bodies()) == 1


DEAD = """lab: bench
boards:
"""
for _name in "abcd":  # each run of one is over at once: the lab's fault
    DEAD += f"  {_name}: {{flash: {{cmd: {{run: ['false']}}}}, reset: {{cmd: {{run: ['true']}}}}, console: {{tcp: {{host: localhost, port: 1}}}}, recovery: {{steps: []}}}}\n"


def told(web):
    return [[notice["boards"] for notice in body["notices"]] for body in web.bodies()]


def test_a_burst_is_one_message(hil, web):
    """Nobody can send while three runs end; whoever sends then has one message."""
    path = lab(hil, f"  - webhook: {{url: '{web.url}'}}\n    on: [all]\n    every: 0\n", DEAD)
    assert run(hil, path, board="a").code == 3
    all_sent(hil)
    (lock,) = (hil.home / "state").rglob("notify/**/lock")
    with open(lock) as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        for board in "bcd":
            assert run(hil, path, board=board).code == 3
        wait_until(lambda: not processes_in(hil.home), 30, "an end of the senders, who found somebody else sending")
    assert told(web) == [[["a"]]]
    assert hil("notify", "--lab", path, "--flush").code == 0
    assert told(web) == [[["a"]], [["b"], ["c"], ["d"]]]
    assert web.bodies()[-1]["subject"] == "bench: 3 infra"


def test_who_sends_takes_what_came_meanwhile(hil, web):
    """The sender of a later run may go: the one that sends looks again."""
    web.gate = threading.Event()
    path = lab(hil, f"  - webhook: {{url: '{web.url}'}}\n    on: [all]\n    every: 0\n", DEAD)
    run(hil, path, board="a")
    wait_until(lambda: web.asked)
    (first,) = processes_in(hil.home)
    for board in "bc":
        run(hil, path, board=board)
    wait_until(lambda: processes_in(hil.home) == [first], what="an end of the later senders")
    web.gate.set()
    all_sent(hil)
    assert told(web) == [[["a"]], [["b"], ["c"]]]


def test_between_two_messages_there_is_a_pause(hil, web):
    path = lab(hil, f"  - webhook: {{url: '{web.url}'}}\n    every: 1h\n")
    run(hil, path)
    all_sent(hil)
    run(hil, path)
    wait_until(lambda: not processes_in(hil.home), 20, "an end of the sender, which has nothing to do for an hour")
    one = sinks(hil, path)["webhook"]
    assert one["waiting"] == 1 and len(web.got) == 1 and one["not_before"] > one["last_sent"]


def test_what_fails_is_tried_again_and_names_no_secret(hil, web):
    web.status = 500
    path = lab(hil, f"  - slack: {{url: '{web.url}/services/SECRETPART?token=SECRETQUERY'}}\n    retry: 300ms\n")
    run(hil, path)
    state = lambda: sinks(hil, path)["slack"]
    seen = wait_until(lambda: (now := state())["failures"] and now)
    assert "HTTP" in seen["error"] and "SECRET" not in json.dumps(seen), seen
    assert "SECRET" not in hil("notify", "--lab", path).out
    web.answers, web.status = [(429, {"Retry-After": "0"}), (404, {})], 200
    all_sent(hil)
    statuses = [status for *_, status in web.got]
    assert statuses[0] == 500 and statuses[-3:] == [429, 404, 200]
    done = state()
    assert (done["failures"], done["error"], done["waiting"]) == (0, None, 0) and done["last_sent"]


def test_what_a_dead_sender_leaves_is_sent_by_the_next(hil, web):
    web.gate = threading.Event()
    path = lab(hil, f"  - webhook: {{url: '{web.url}'}}\n    every: 0\n")
    run(hil, path)
    (sender,) = wait_until(lambda: processes_in(hil.home))
    wait_until(lambda: b"--flush" in open(f"/proc/{sender}/cmdline", "rb").read())
    os.kill(sender, signal.SIGKILL)
    wait_until(lambda: not processes_in(hil.home))
    web.gate.set()
    assert sinks(hil, path)["webhook"]["waiting"] == 1
    assert hil("notify", "--lab", path, "--flush").code == 0
    ids = [body["id"] for body in web.bodies()]
    assert len(ids) in (1, 2) and len(set(ids)) == 1, "perhaps twice, and then with the same id"
    assert sinks(hil, path)["webhook"]["waiting"] == 0


def test_nobody_there_is_no_verdict(hil, web):
    path = lab(hil, "  - slack: {url: 'http://127.0.0.1:9/x'}\n    retry: 1h\n")
    assert run(hil, path, GOOD).code == 0
    assert run(hil, path).code == 1
    all_gone = lambda: not processes_in(hil.home)
    wait_until(all_gone)
    one = sinks(hil, path)["slack"]
    assert one["waiting"] == 1 and one["failures"] == 1 and "127.0.0.1:9" in one["error"]
    left = hil("notify", "--lab", path, "--flush", "--for", "10ms")
    assert left.code == 3 and "1 notice still waits" in left.err


def test_who_cancels_a_run_is_not_told_of_it(hil, web):
    path = lab(hil, f"  - webhook: {{url: '{web.url}'}}\n    on: [all]\n")
    process = hil.start("run", "--lab", path, "-v", "-b", "a", firmware("bad-hang.elf"))
    wait_until(lambda: (hil.out / "a").exists() and b"test" in b"".join(f.read_bytes() for f in hil.out.rglob("uart.log")), 20)
    process.send_signal(signal.SIGTERM)
    assert hil.finish(process).code == 128 + signal.SIGTERM
    assert not web.got and sinks(hil, path)["webhook"]["waiting"] == 0
    assert [t["verdict"] for t in json.loads(hil("history", "--json").out)["tries"]] == ["infra"]


def test_mistakes_in_notify_stop_no_run(hil):
    path = lab(hil, "  - slak: {url: x}\n")
    result = hil("run", "--lab", path, "-b", "a", GOOD)
    assert result.code == 0 and "lab.yaml:6:5: unknown key 'slak'" in result.out + result.err
    told = hil("notify", "--lab", path)
    assert told.code == 2 and "did you mean 'slack'?" in told.err


def test_boards_choose_what_is_heard(hil, web):
    path = lab(hil, f"  - webhook: {{url: '{web.url}/a'}}\n    name: a\n    boards: [a]\n    on: [all]\n"
                    f"  - webhook: {{url: '{web.url}/b'}}\n    name: b\n    boards: [b]\n    on: [fail]\n")  # fmt: skip
    plan = hil.write("hil.yaml", f"tests:\n  - {{name: good, firmware: '{GOOD}', boards: [a]}}\n  - {{name: bad, firmware: '{BAD}', boards: [b]}}\n")
    assert hil("run", "--lab", path, "-q", "--plan", plan).code == 1
    all_sent(hil)
    (a,), (b,) = web.bodies("/a"), web.bodies("/b")
    assert a["notices"][0]["kind"] == "pass" and a["notices"][0]["boards"] == ["a"]
    assert b["notices"][0]["kind"] == "fail" and "bad: fail" in b["notices"][0]["text"]


def test_a_board_that_goes_into_quarantine_and_comes_out_is_told(hil, web):
    boards = BOARDS.replace("a: {", "a: {health: {firmware: golden.elf}, ")
    path = lab(hil, f"  - webhook: {{url: '{web.url}'}}\n    on: [quarantine, release]\n    every: 0\n", boards)
    golden = hil.home / "golden.elf"
    for image in (BAD, BAD, GOOD):
        golden.write_bytes(image.read_bytes())
        hil("health", "--lab", path, "-q", "-b", "a")
    all_sent(hil)
    notices = sum((body["notices"] for body in web.bodies()), [])
    assert [notice["kind"] for notice in notices] == ["quarantine", "release"]
    assert notices[0]["title"].startswith("bench: a: goes into quarantine: health check: 3 of 6 tests failed")
    kinds = [event["kind"] for event in json.loads(hil("history", "--events", "--json").out)["events"]]
    assert kinds == ["release", "quarantine"]


def test_a_sink_is_tried_by_hand(hil, web, certificate):
    mail = Mail(certificate)
    server = f"{{server: 'smtp://127.0.0.1:{mail.port}', from: l@x, to: a@x}}"
    path = lab(hil, f"  - slack: {{url: '{web.url}/s'}}\n    on: [pass]\n  - command: {{run: ['false']}}\n  - email: {server}\n")
    good = hil("notify", "--lab", path, "--test", "slack")
    assert good.code == 0 and good.out == "slack: it was taken\n"
    assert "Nothing has happened" in web.bodies()[0]["text"]
    bad = hil("notify", "--lab", path, "--test", "command")
    assert bad.code == 3 and "command: false: exit 1" in bad.err
    untrusted = hil("notify", "--lab", path, "--test", "email")
    assert untrusted.code == 3 and "certificate" in untrusted.err and not mail.got
    env = {"SSL_CERT_FILE": str(certificate[1])}
    mail.refuse = "rcpt"
    refused = hil("notify", "--lab", path, "--test", "email", env=env)
    assert refused.code == 3 and "450" in refused.err, refused.err
    mail.refuse = None
    assert hil("notify", "--lab", path, "--test", "email", env=env).code == 0 and len(mail.got) == 1
    unknown = hil("notify", "--lab", path, "--test", "slakc")
    assert unknown.code == 2 and "no sink 'slakc'" in unknown.err


def test_mail_does_not_go_in_the_clear_unless_it_may(hil, certificate):
    mail = Mail(certificate, starttls=False)
    sink = f"  - email: {{server: 'smtp://127.0.0.1:{mail.port}', from: l@x, to: a@x, user: u, password: p"
    path = lab(hil, sink + "}\n")
    refused = hil("notify", "--lab", path, "--test", "email")
    assert refused.code == 3 and "it offers no TLS" in refused.err and not mail.got
    path = lab(hil, sink + ", tls: off}\n")
    assert hil("notify", "--lab", path, "--test", "email").code == 0
    assert mail.got[0][1] == ["u", "p"]


def test_watch_tells_what_it_did(hil, web):
    boards = "lab: desk\nboards:\n  uno:\n    flash: {cmd: {run: ['sh', '-c', 'cmp -s \"$1\" good', uno, '{file}']}}\n"
    boards += "    reset: {cmd: {run: ['true']}}\n    console: {tcp: {host: localhost, port: 1}}\n    recovery: {steps: []}\n"
    path = lab(hil, f"  - webhook: {{url: '{web.url}'}}\n    on: [watch, quarantine]\n    every: 0\n", boards)
    with GitHub(token="t") as github:
        github.add_release("v1", {"fw.elf": BAD.read_bytes()})
        args = ["watch", "--repo", REPO, "--release", "latest", "--lab", path, "--retry", "10ms", "--interval", "30ms"]
        process = hil.start(*args, env=github.env)
        told = lambda: [notice["title"] for body in web.bodies() for notice in body["notices"]]
        wait_until(lambda: any("quarantine" in title for title in told()), 30)
        process.send_signal(signal.SIGTERM)
        hil.finish(process)
    all_sent(hil)
    titles = told()
    assert [title.split(":")[2].strip()[:24] for title in titles] == [
        "v1 failed 1 of 3 times", "v1 failed 2 of 3 times", "v1 is not tried again", "goes into quarantine"]  # fmt: skip


def test_watch_tells_that_it_hears_nothing(hil, web):
    boards = "lab: desk\nboards:\n  uno: {flash: {cmd: {run: ['true']}}, reset: {cmd: {run: ['true']}}, console: {tcp: {host: localhost, port: 1}}}\n"
    path = lab(hil, f"  - webhook: {{url: '{web.url}'}}\n    on: [watch]\n    every: 0\n", boards)
    with GitHub(token="t") as github:
        env = {**github.env, "GITHUB_TOKEN": "expired"}
        args = ["watch", "--repo", REPO, "--release", "latest", "--lab", path, "--retry", "10ms", "--interval", "30ms"]
        process = hil.start(*args, env=env)
        wait_until(web.bodies, 30)
        process.send_signal(signal.SIGTERM)
        hil.finish(process)
    all_sent(hil)
    (notice,) = [notice for body in web.bodies() for notice in body["notices"]]
    assert notice["title"].startswith(f"desk: hil watch does not learn what is new of {REPO} release latest: "), notice
