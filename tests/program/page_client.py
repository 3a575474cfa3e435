# SPDX-License-Identifier: MIT
"""A running `hil serve`, and what looks at it: requests, and a viewer of its server-sent events."""
import http.client
import json
import signal
import socket
import ssl
import threading

from conftest import wait_until


class Page:
    """hil serve on a free port until it is told to stop."""

    def __init__(self, hil, lab, *args, env=None, tls=None, port=0, start=None):
        self.tls = tls
        self.lines = []
        self.process = (start or hil.start)(
            "serve", "--lab", lab, "--listen", f"127.0.0.1:{port}", *args, env=env or {}
        )
        self.readers = [
            threading.Thread(target=self._read, args=(stream,))
            for stream in (self.process.stdout, self.process.stderr)
        ]
        for reader in self.readers:
            reader.start()
        self.url = self.wait_for(" is at ").split()[-1].rstrip("/")
        self.port = int(self.url.rsplit(":", 1)[1])

    def _read(self, stream):
        for line in stream:
            self.lines.append(line.decode().rstrip("\n"))

    def wait_for(self, *words):
        found = lambda: [line for line in self.lines if all(word in line for word in words)]
        try:
            wait_until(lambda: found() or self.process.poll() is not None, 30, f"{words}")
        finally:
            assert found(), self.lines
        return found()[-1]

    def connect(self, timeout=20):
        if self.tls:
            context = ssl.create_default_context(cafile=self.tls)
            return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout, context=context)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def ask(self, path, method="GET", body=None, **headers):
        """Status, headers, body."""
        connection = self.connect()
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body, fields)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def json(self, path, **headers):
        status, _, body = self.ask(path, **headers)
        assert status == 200, body
        return json.loads(body)

    def boards(self, **headers):
        return {board["name"]: board for board in self.json("/api/boards", **headers)["boards"]}

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            self.process.wait(10)
        finally:
            self.process.kill()
            for reader in self.readers:
                reader.join()
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def memory_kb(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


class Viewer:
    """Keeps what it is told: `state` by key, `text` of the board it looks at."""

    def __init__(self, page, board=None, last=None, **headers):
        self.events, self.state, self.text, self.id = [], {}, "", None
        self.connection = page.connect(timeout=None)
        if last:
            headers["Last-Event-ID"] = last
        self.connection.request("GET", "/events" + (f"?board={board}" if board else ""), headers=headers)
        self.sock = self.connection.sock  # which the answer takes over
        self.answer = self.connection.getresponse()
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        event, data, last = None, [], None
        try:
            for line in self.answer:
                line = line.decode().rstrip("\n")
                if line.startswith("event: "):
                    event = line[7:]
                elif line.startswith("data: "):
                    data.append(line[6:])
                elif line.startswith("id: "):
                    last = line[4:]
                elif not line and event:
                    self._take(event, json.loads("\n".join(data)))
                    self.id, event, data = last, None, []
        except (OSError, ValueError, http.client.HTTPException, AttributeError):
            pass  # closed

    def _take(self, event, data):
        if event == "board":
            self.state[data["name"]] = data
        elif event == "gone":
            self.state.pop(data.split("/", 1)[1], None)
        elif event == "uart":
            self.text += data["text"]
        elif event == "clear":
            self.text = ""
        else:
            self.state[event] = data
        self.events.append((event, data))

    def wait_for(self, condition, what="what the viewer waits for"):
        try:
            return wait_until(lambda: condition(self), 30, what)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.events[-5:]}") from None

    def close(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)  # the thread hears of it
        except OSError:
            pass
        self.connection.close()
        self.thread.join(5)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def token_file(hil, text="correct-horse-battery-staple"):
    return hil.write("page-token", text + "\n"), text
