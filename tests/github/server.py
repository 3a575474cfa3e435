#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""server: what GitHub does on the wire, for tests: an API and, on another port, the storage behind it.

    with GitHub() as github:
        github.add_artifact("firmware", zip_of({"fw.elf": b"..."}))
        github.faults["blob"] = [reset, truncate(100)]     # one a request, then all is well
        ... GITHUB_API_URL=github.api_url ...
        github.seen                                         # every request: port, path, headers

The API speaks as the REST description says: pages of at most 100 with Link, ETag and 304, rate-limit
fields, 302 with a link to the storage that works once. The storage answers 400 to whoever shows it a
token, as the real one does. By itself it serves files:

    tests/github/server.py NAME=FILE...     prints the environment that hil fetch needs
"""
import hashlib
import io
import json
import os
import pathlib
import re
import socket
import ssl
import struct
import sys
import threading
import time
import urllib.parse
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import checks
import runners

REPO = "octo/firmware"
RUN = 4711
BLOCK = 1 << 18


def zip_of(members, **more):
    """A zip as upload-artifact writes it: streamed, sizes behind the data."""
    pipe = io.BytesIO()

    class Unseekable(io.RawIOBase):
        def writable(self):
            return True

        def write(self, data):
            return pipe.write(data)

    with zipfile.ZipFile(Unseekable(), "w", zipfile.ZIP_DEFLATED, **more) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return pipe.getvalue()


def size_of(data):
    return data.stat().st_size if isinstance(data, pathlib.Path) else len(data)


def digest_of(data):
    if not isinstance(data, pathlib.Path):
        return "sha256:" + hashlib.sha256(data).hexdigest()
    with data.open("rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()


# ---- faults: each takes the handler of one request, and the bytes that would have been the answer ----


def reset(handler, *_):
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


def answer(status, body=b"", **fields):
    """answer(429, retry_after=5): any status, fields named with _ for -."""

    def fault(handler, *_):
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        handler.reply(status, data, {k.replace("_", "-"): str(v) for k, v in fields.items()})

    return fault


def truncate(count):
    def fault(handler, data, fields):
        handler.head(200, {**fields, "Content-Length": str(len(data))})
        handler.wfile.write(data[:count])
        handler.close_connection = True

    return fault


def truncate_quietly(count):
    """The end of the connection is the end of the body, so that nobody can tell."""

    def fault(handler, data, fields):
        handler.head(200, {**fields, "Connection": "close"})
        handler.wfile.write(data[:count])
        handler.close_connection = True

    return fault


def drip(handler, data, fields):
    handler.head(200, {**fields, "Content-Length": str(len(data))})
    for byte in data:
        handler.wfile.write(bytes([byte]))
        if handler.server.github.over.wait(0.05):
            return


def stall(handler, data, fields):
    handler.head(200, {**fields, "Content-Length": str(len(data))})
    handler.wfile.write(data[: len(data) // 2])
    handler.wfile.flush()
    handler.server.github.over.wait(30)


def silence(handler, *_):
    handler.server.github.over.wait(30)
    handler.close_connection = True


def corrupt(handler, data, fields):
    """All bytes there, the last but one changed: only a digest tells."""
    data = data[:-30] + bytes([data[-30] ^ 1]) + data[-29:]
    handler.reply(200, data, fields)


def web_page(handler, *_):
    page = b"<!DOCTYPE html><html><body>Please log in</body></html>"
    handler.reply(200, page, {"Content-Type": "text/html; charset=utf-8"})


def bloated_head(handler, *_):
    handler.reply(200, b"{}", {f"X-Filler-{i}": "x" * 1000 for i in range(90)})


def redirect(url):
    return answer(302, location=url)


def repeats_token(handler, *_):
    handler.reply(422, json.dumps({"message": "you sent " + handler.headers["Authorization"]}).encode(), {})


def always(fault):
    def again(*args):
        fault(*args)

    again.stays = True
    return again


# ---- the two servers ---------------------------------------------------------------------------------


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass  # a client that hangs up is what is being tested


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def head(self, status, fields):
        self.send_response(status)
        if self.server.github.scopes is not None:
            fields = {**fields, "X-OAuth-Scopes": self.server.github.scopes}
        for name, value in fields.items():
            self.send_header(name, value)
        self.end_headers()

    def reply(self, status, data, fields):
        self.head(status, {**fields, "Content-Length": str(size_of(data))})
        if isinstance(data, pathlib.Path):
            with data.open("rb") as file:
                self.connection.sendfile(file)
        elif status != 304:
            self.wfile.write(data)

    def serve(self, kind, data, fields):
        """The answer, or the next fault in its place."""
        faults = self.server.github.faults.get(kind, [])
        if not faults:
            self.reply(200, data, fields)
            return
        fault = faults[0] if getattr(faults[0], "stays", False) else faults.pop(0)
        if fault is None:
            self.reply(200, data, fields)
        else:
            fault(self, data, fields)

    def do_GET(self):
        github = self.server.github
        github.seen.append((self.server.server_port, self.path, dict(self.headers)))
        github.when.append(time.monotonic())
        url = urllib.parse.urlsplit(self.path)
        query = {k: v[0] for k, v in urllib.parse.parse_qs(url.query).items()}
        if self.server is github.api:
            self.get_api(github, urllib.parse.unquote(url.path), query)
        else:
            self.get_blob(github, url.path, query)

    # the storage
    def get_blob(self, github, path, query):
        if "Authorization" in self.headers:
            self.reply(400, b"<Error><Code>InvalidAuthenticationInfo</Code></Error>", {})
        elif query.get("sig") not in github.links:
            self.reply(403, b"<Error><Code>AuthenticationFailed</Code></Error>", {})
        else:
            github.links.discard(query["sig"])
            data, fields = github.blobs[path]
            self.serve("blob", data, fields)

    # the API
    def may(self):
        token = self.server.github.token
        return not token or self.headers.get("Authorization") in (f"Bearer {token}", f"token {token}")

    def get_api(self, github, path, query):
        if not self.may():
            status = 401 if "Authorization" in self.headers else 404
            self.reply(status, json.dumps({"message": "Bad credentials"}).encode(), {})
            return
        if runners.PATH.fullmatch(path.removeprefix(github.prefix)):
            self.get_runners(github, path, query)
            return
        for pattern, find in github.routes:
            match = re.fullmatch(pattern, path.removeprefix(github.prefix))
            if match and path.startswith(github.prefix):
                found = find(github, query, *match.groups())
                break
        else:
            found = None
        if found is None:
            self.reply(404, json.dumps({"message": "Not Found"}).encode(), {})
        elif isinstance(found, str):
            self.link_to(github, found)
        else:
            self.listed(found, path, query)

    def get_runners(self, github, path, query):
        try:
            found = github.runners.get(path.removeprefix(github.prefix), query)
        except runners.Refused as refusal:
            self.refuse(refusal.status, str(refusal))
            return
        if found is None:
            self.refuse(404, "Not Found")
        else:
            self.listed(found, path, query)

    def refuse(self, status, message):
        self.reply(status, json.dumps({"message": message}).encode(), {"Content-Type": "application/json"})

    def change(self):
        """POST, PUT, PATCH and DELETE: the part of the API that knows the path does it."""
        github = self.server.github
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        github.seen.append((self.server.server_port, f"{self.command} {self.path}", dict(self.headers)))
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path).removeprefix(github.prefix)
        if not self.may():
            self.refuse(401, "Bad credentials")
            return
        faults = github.faults.get("change")
        if faults:
            fault = faults[0] if getattr(faults[0], "stays", False) else faults.pop(0)
            fault(self, b"", {})
            return
        try:
            done = github.runners.change(self.command, path, self.headers, data) or github.checks.change(
                self.command, path, self.headers, data
            )
        except (runners.Refused, checks.Refused) as refusal:
            self.refuse(refusal.status, str(refusal))
            return
        if not done:
            self.refuse(404, "Not Found")
        elif done[1] is None:
            self.head(done[0], {})
        else:
            self.reply(done[0], *self.as_json(done[1]))

    do_POST = do_PUT = do_PATCH = do_DELETE = change

    def as_json(self, value, **fields):
        body = json.dumps(value).encode()
        etag = 'W/"' + hashlib.sha256(body).hexdigest()[:32] + '"'
        return body, {"Content-Type": "application/json; charset=utf-8", "ETag": etag, **fields}

    def listed(self, found, path, query):
        """A list under its name is cut into pages; anything else goes out as it is."""
        fields = {}
        key = next((k for k in ("artifacts", "workflow_runs", "runners") if isinstance(found, dict) and k in found), None)
        if key:
            size, page = min(int(query.get("per_page", 30)), 100), int(query.get("page", 1))
            everything = found[key]
            found = {"total_count": len(everything), key: everything[(page - 1) * size : page * size]}
            if page * size < len(everything):
                more = urllib.parse.urlencode({**query, "page": page + 1})
                fields["Link"] = f'<{self.server.github.origin}{path}?{more}>; rel="next", <x>; rel="last"'
        body, fields = self.as_json(found, **fields)
        down = self.server.github.faults.get("down")
        if self.headers.get("If-None-Match") == fields["ETag"] and not down:
            self.server.github.unchanged += 1
            self.reply(304, b"", fields)
            return
        self.server.github.counted += 1
        self.serve("down" if down else "api", body, fields)

    def link_to(self, github, blob):
        if blob in github.direct:
            self.serve("zip", *github.blobs[blob])
            return
        sig = str(len(github.seen)) + "-" + os.urandom(4).hex()
        github.links.add(sig)
        url = f"{github.storage_url}{blob}?sig={sig}"
        faults = github.faults.get("zip")
        if faults:
            self.serve("zip", b"", {})
        else:
            self.reply(302, b"", {"Location": url})


class GitHub:
    def __init__(self, token="", prefix=""):
        self.token, self.prefix = token, prefix
        self.faults, self.seen, self.links, self.blobs, self.direct = {}, [], set(), {}, set()
        self.artifacts, self.releases, self.runs, self.gone = [], [], [], {}
        self.when = []  # each GET, by the monotonic clock
        self.unchanged = self.counted = 0
        self.scopes = None  # of a classic token: "repo, gist"
        self.runners = runners.Runners()
        self.checks = checks.Checks(REPO)
        self.over = threading.Event()
        self.api, self.storage = (Server(("127.0.0.1", 0), Handler) for _ in range(2))
        for server in (self.api, self.storage):
            server.github = self
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        self.origin = f"http://127.0.0.1:{self.api.server_port}"
        self.api_url = self.origin + prefix
        self.storage_url = f"http://127.0.0.1:{self.storage.server_port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over.set()
        for server in (self.api, self.storage):
            server.shutdown()
            server.server_close()

    def secure(self, key, cert):
        """From here on the API speaks TLS; the storage does not, and has another name: gh looks at no port."""
        self.storage_url = self.storage_url.replace("127.0.0.1", "localhost")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        self.api.socket = context.wrap_socket(self.api.socket, server_side=True)
        self.origin = self.origin.replace("http:", "https:")
        self.api_url = self.origin + self.prefix

    @property
    def env(self):
        env = {"GITHUB_API_URL": self.api_url, "GITHUB_REPOSITORY": REPO, "GITHUB_RUN_ID": str(RUN)}
        return {**env, "GITHUB_TOKEN": self.token} if self.token else env

    def add_artifact(self, name, data, run=RUN, digest=True, expired=False, type="application/zip", **more):
        number = len(self.artifacts) + 100
        blob = f"/artifact/{number}.zip"
        fields = {"Content-Type": type}
        if type == "application/zip":
            fields["Content-Disposition"] = f'attachment; filename="{name}.zip"'
        self.blobs[blob] = (data, fields)
        self.artifacts.append(
            {"id": number, "name": name, "size_in_bytes": size_of(data), "expired": expired,
             "expires_at": "2026-02-03T04:05:06Z", "workflow_run": {"id": run},
             "archive_download_url": f"{self.api_url}/repos/{REPO}/actions/artifacts/{number}/zip",
             "digest": digest_of(data) if digest else None, **more}
        )  # fmt: skip
        return number

    def add_release(self, tag, assets, digest=True, **more):
        release = {"id": len(self.releases) + 1, "tag_name": tag, "draft": False, "prerelease": False, "assets": []}
        for name, data in assets.items():
            number = 9000 + sum(len(r["assets"]) for r in self.releases) + len(release["assets"])
            self.blobs[f"/asset/{number}"] = (data, {"Content-Type": "application/octet-stream"})
            release["assets"].append(
                {"id": number, "name": name, "size": size_of(data), "state": "uploaded",
                 "url": f"{self.api_url}/repos/{REPO}/releases/assets/{number}",
                 "digest": digest_of(data) if digest else None}
            )  # fmt: skip
        self.releases.insert(0, {**release, **more})

    def add_run(self, number, branch="main", sha="a" * 40, fork=False, conclusion="success"):
        self.runs.insert(
            0, {"id": number, "head_branch": branch, "head_sha": sha, "conclusion": conclusion,
                "repository": {"id": 1}, "head_repository": {"id": 2 if fork else 1}}
        )  # fmt: skip

    # routes: dict answers JSON, a string is a blob to be led to, None is not found
    def of_run(self, query, run):
        found = [a for a in self.artifacts if a["workflow_run"]["id"] == int(run)]
        return {"artifacts": [a for a in found if query.get("name") in (None, a["name"])]}

    def of_runs(self, query, workflow=None):
        keep = [
            run for run in self.runs
            if query.get("branch") in (None, run["head_branch"]) and query.get("head_sha") in (None, run["head_sha"])
            and query.get("status") in (None, run["conclusion"])
        ]  # fmt: skip
        return {"workflow_runs": keep}

    def release(self, query, tag=None):
        usable = [r for r in self.releases if not r["draft"]]
        if tag is None:
            usable = [r for r in usable if not r["prerelease"]]
        return next((r for r in usable if tag in (None, r["tag_name"])), None)

    left = 4999  # of the hour's requests

    def rate_limit(self, query):
        return {"resources": {"core": {"limit": 5000, "remaining": self.left, "reset": 0, "used": 1}}}

    routes = [
        ("/rate_limit", rate_limit),
        (rf"/repos/{REPO}/actions/runs/(\d+)/artifacts", of_run),
        (rf"/repos/{REPO}/actions/runs", of_runs),
        (rf"/repos/{REPO}/actions/workflows/([^/]+)/runs", of_runs),
        (rf"/repos/{REPO}/actions/artifacts/(\d+)/zip", lambda self, query, n: f"/artifact/{n}.zip"),
        (rf"/repos/{REPO}/releases/latest", release),
        (rf"/repos/{REPO}/releases/tags/(.+)", release),
        (rf"/repos/{REPO}/releases", lambda self, query: self.releases),
        (rf"/repos/{REPO}/releases/assets/(\d+)", lambda self, query, n: f"/asset/{n}"),
        (rf"/repos/{REPO}", lambda self, query: {"full_name": REPO, "private": True}),
        (rf"/repos/{REPO}/commits/(\w+)", lambda self, query, ref: {"sha": "a" * 40}),
    ]


def main():
    with GitHub() as github:
        for argument in sys.argv[1:]:
            name, path = argument.split("=", 1)
            github.add_artifact(name, pathlib.Path(path))
        for name, value in github.env.items():
            print(f"{name}={value}")
        sys.stdout.flush()
        while True:
            time.sleep(3600)


if __name__ == "__main__":
    main()
