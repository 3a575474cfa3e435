#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A link that does what it is told: ssh's ProxyCommand, `linkproxy.py HOST PORT DIRECTORY`.

Bytes go through until a line comes on the socket DIRECTORY/PID: "reset" breaks the connection, "stall" lets
nothing through any more though all stays open, "close" ends it towards the server alone, "delay MS" and
"throttle BYTES-A-SECOND" hold up each direction from then on. The file DIRECTORY/first, if there is one, is such
a line, and taken before the first byte; "after BYTES COMMAND" there waits until as many went to the server.
DIRECTORY/next is the same for one connection alone, which takes it away.
"""
import os
import pathlib
import select
import signal
import socket
import struct
import sys
import time

PIECE = 16384


class Way:
    """One direction: bytes that wait, and when they may go."""

    def __init__(self, source, put):
        self.source, self.put = source, put
        self.waiting, self.open, self.count = [], True, 0
        self.free_at = 0.0

    def take(self, delay, rate):
        try:
            piece = os.read(self.source, PIECE)
        except ConnectionResetError:
            piece = b""
        now = time.monotonic()
        if not piece:
            self.open = False
        self.count += len(piece)
        self.free_at = max(self.free_at, now) + (len(piece) / rate if rate else 0)
        self.waiting.append((max(self.free_at, now + delay), piece))

    def give(self):
        while self.waiting and self.waiting[0][0] <= time.monotonic():
            self.put(self.waiting.pop(0)[1])


def main(host, port, directory):
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    directory = pathlib.Path(directory)
    orders = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    orders.bind(str(directory / str(os.getpid())))
    far = socket.create_connection((host, int(port)))
    far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def to_server(piece):
        far.sendall(piece) if piece else far.shutdown(socket.SHUT_WR)

    def to_ssh(piece):
        while piece:
            piece = piece[os.write(1, piece) :]

    up, down = Way(0, to_server), Way(far.fileno(), to_ssh)
    state = {"delay": 0.0, "rate": 0, "stalled": False, "after": None}

    def obey(line):
        word, *rest = line.split()
        if word == "reset":
            far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            far.close()
            os._exit(1)
        elif word == "stall":
            state["stalled"] = True
        elif word == "close":
            far.shutdown(socket.SHUT_WR)
            up.open = False
        elif word == "delay":
            state["delay"] = int(rest[0]) / 1000
        elif word == "throttle":
            state["rate"] = int(rest[0])
        elif word == "after":
            state["after"] = (int(rest[0]), " ".join(rest[1:]))

    first, ours = directory / "first", directory / f"{os.getpid()}.next"
    try:
        (directory / "next").rename(ours)
        first = ours
    except FileNotFoundError:
        pass
    if first.exists():
        for line in first.read_text().splitlines():
            obey(line)
    while up.open or down.open:
        if state["after"] and up.count >= state["after"][0]:
            line, state["after"] = state["after"][1], None
            obey(line)
        # What waits for long holds up what would come after it, as a full buffer on the way does.
        sources = [orders] + [way.source for way in (up, down) if way.open and not state["stalled"] and len(way.waiting) < 64]
        due = [way.waiting[0][0] for way in (up, down) if way.waiting and not state["stalled"]]
        ready = select.select(sources, [], [], max(0, min(due) - time.monotonic()) if due else None)[0]
        if orders in ready:
            obey(orders.recv(200).decode())
            continue
        for way in (up, down):
            if way.source in ready:
                way.take(state["delay"], state["rate"])
        if not state["stalled"]:
            up.give()
            down.give()
        if not down.open and not down.waiting:
            break


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (BrokenPipeError, ConnectionError):
        sys.exit(1)
