# SPDX-License-Identifier: MIT
"""A production table for hil rig: eight ports of a guest kernel, a crate of boards, and a restless hand.

Boards are plugged, pulled early and swapped in seeded random order, and hil is killed with -9 in between.
Afterwards every board must be done exactly once, and have an identity that no other has: in the store, and in
the flash that its model booted.
"""
import json
import os
import random
import subprocess
import time

PORTS = 8
AT = 0x100  # of the identity in the firmware
MACS = "02:00:00:00:10:00-02:00:00:00:1f:ff"
YAML = """lab: table
rig:
  match: {id: ['0483:df11'], hub: 1-2}
  firmware: board.bin
  at: 0x08000000
  flash: {dfu: {path: '{path}', serial: '{serial}'}}
  max-parallel: 4
  provision: [{pool: macs, patch: {at: 0x08000100}}]
"""


def devices(work):
    """QEMU's words: a hub with a place for a bootloader on each port, 1-2.1 to 1-2.8."""
    words = ["-device", f"usb-hub,bus=xhci.0,port=2,ports={PORTS}"]
    for port in range(1, PORTS + 1):
        words += ["-chardev", f"socket,path={work / f'rig{port}'},server=on,wait=off,id=rig{port}",
                  "-device", f"usb-redir,chardev=rig{port},bus=xhci.0,port=2.{port}"]
    return words


class Port:
    """A place on the table. What is plugged in there is a board's model, in a process of its own."""

    def __init__(self, redir, work, number):
        self.path = f"1-2.{number}"
        self.model = subprocess.Popen([redir, work / f"rig{number}"], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True)
        self.board = None
        self.plugged_at = self.pull_at = 0.0
        self.begun = 0.0

    def order(self, line):
        self.model.stdin.write(line + "\n")
        self.model.stdin.flush()
        return self.model.stdout.readline().split()

    def plug(self, board, options):
        self.board, self.begun, self.plugged_at = board, 0.0, time.monotonic()
        assert self.order(f"plug serial={board} {options}") == ["ok"]

    def pull(self):
        assert self.order("unplug") == ["ok"]
        board, self.board = self.board, None
        return board

    def has_booted(self):
        """The identity in its flash, once it has left its bootloader."""
        plugged, booted, flash = self.order(f"peek {AT} 6")
        return ":".join(flash[i:i + 2] for i in range(0, 12, 2)) if booted == "1" and plugged == "0" else None


class Hand:
    def __init__(self, guest, work, hil, redir, boards, seed):
        self.guest, self.work, self.hil = guest, work, hil
        self.random = random.Random(seed)
        self.crate = [f"B{seed:x}{n:04d}" for n in range(boards)]
        self.total = boards
        self.ports = [Port(redir, work, n) for n in range(1, PORTS + 1)]
        self.log = work / "rig.log"
        self.read = 0
        self.done, self.booted, self.latencies = {}, {}, []
        self.red, self.reasons = set(), []
        self.pulls = self.swaps = self.kills = 0
        self.kills_at = sorted(self.random.sample(range(1, boards), max(1, boards // 10)))

    # ---- hil rig ---------------------------------------------------------------------------

    def start(self):
        code, out = self.guest(f"{self.hil} rig --lab rig.yaml >> rig.log 2>&1 & echo $! > rig.pid")
        assert code == 0, out

    def kill(self):
        """All of it or the one that decides; whoever is left must cope."""
        self.kills += 1
        whom = self.random.choice(["$(pidof hil)", "$(cat rig.pid)"])
        self.guest(f"kill -9 {whom}; true")
        for port in self.ports:
            port.begun = 0.0
        self.start()

    def lines(self):
        text = self.log.read_bytes()[self.read:] if self.log.exists() else b""
        text = text[: text.rfind(b"\n") + 1]
        self.read += len(text)
        return text.decode(errors="replace").splitlines()

    def take(self, line):
        """slot 3 1-2.3 B70001: done in 1.2 s, 02:00:..."""
        if line.startswith("hil rig: another hil rig is at work"):
            self.start()  # workers of the one that was killed are still ending: a service manager tries again
            return
        head, _, what = line.partition(": ")
        board = head.rpartition(" ")[2]
        for port in self.ports:
            if port.board == board and what == "flashing" and not port.begun:
                port.begun = time.monotonic()
        if what.startswith("done in") or what.startswith("seen before"):
            self.done.setdefault(board, what)
        elif what.startswith("FAILED"):
            self.red.add(board)
            self.reasons.append(what)

    # ---- the table -------------------------------------------------------------------------

    def next_board(self):
        return self.crate.pop(self.random.randrange(len(self.crate))) if self.crate else None

    def plug_next(self, port):
        board = self.next_board()
        if board:
            port.plug(board, f"write={self.random.choice([0, 2, 10])}")
            port.pull_at = time.monotonic() + self.random.uniform(0.1, 1.5) if self.random.random() < 0.25 else 0.0

    def tend(self, port):
        now = time.monotonic()
        if port.board is None:
            if self.random.random() < 0.4:
                self.plug_next(port)
            return
        identity = port.has_booted()
        if identity:
            self.booted[port.board] = identity
        if port.board in self.done:
            port.pull()  # green: out with it
        elif port.board in self.red:
            self.red.discard(port.board)
            self.crate.append(port.pull())
        elif identity and now - port.plugged_at > 15:
            self.crate.append(port.pull())  # it runs, and nobody says that it is done: back to the crate
        elif port.pull_at and now > port.pull_at:
            self.crate.append(port.pull())
            self.pulls += 1
            if self.random.random() < 0.5:  # another one at once
                self.swaps += 1
                self.plug_next(port)

    def alone(self):
        """One board after the other on an idle table: how soon is each noticed?"""
        for port in self.ports[:3]:
            board = self.next_board()
            port.plug(board, "")
            while board not in self.done:
                assert time.monotonic() < port.plugged_at + 60, self.log.read_text()[-1500:]
                for line in self.lines():
                    self.take(line)
                time.sleep(0.005)
            self.latencies.append(port.begun - port.plugged_at)
            self.booted[board] = port.has_booted()
            port.pull()

    def run(self, seconds):
        end = time.monotonic() + seconds
        self.start()
        self.alone()
        while len(self.done) < self.total:
            assert time.monotonic() < end, (f"{len(self.done)} of {self.total} done",
                                            [(port.path, port.board) for port in self.ports],
                                            self.log.read_text()[-1500:])
            for line in self.lines():
                self.take(line)
            for port in self.ports:
                self.tend(port)
            if self.kills_at and len(self.done) >= self.kills_at[0]:
                self.kills_at.pop(0)
                self.kill()
            time.sleep(0.03)  # hands are no faster
        self.guest("kill $(cat rig.pid); n=0; while pidof hil >/dev/null && [ $n != 50 ]; do sleep 0.1; n=$((n+1)); done")

    def close(self):
        for port in self.ports:
            port.model.kill()
            port.model.wait()


def check(guest, work, hil, redir):
    """As many boards as fit in a minute, or $RIG_BOARDS; $RIG_SEED tells how it went once before."""
    boards = int(os.environ.get("RIG_BOARDS", 24))
    seed = int(os.environ.get("RIG_SEED", 7))
    (work / "rig.yaml").write_text(YAML)
    (work / "board.bin").write_bytes(random.Random(seed).randbytes(24 * 1024))
    code, out = guest(f"{hil} pool import macs {MACS}")
    assert code == 0, out
    hand = Hand(guest, work, hil, redir, boards, seed)
    try:
        began = time.monotonic()
        hand.run(60 + 8 * boards)
        took = time.monotonic() - began
        code, out = guest(f"{hil} rig --lab rig.yaml --report --json --since 24h")
        assert code == 0, out
        tries = json.loads(out)["tries"]
        code, out = guest(f"{hil} pool show macs --json")
        assert code == 0, out
        identities = json.loads(out)["identities"]
    finally:
        hand.close()
    done = [t["serial"] for t in tries if t["outcome"] == "done"]
    given = {i["board"]: i["value"] for i in identities if i["state"] == "given"}
    assert sorted(done) == sorted(hand.done) and len(set(done)) == len(done) == boards, sorted(done)
    assert sorted(given) == sorted(done), "each has one, and nobody else"
    assert len(set(given.values())) == boards and len({i["value"] for i in identities}) == len(identities)
    assert len(identities) == boards, "none was lost"
    wrong = {board: (identity, given[board]) for board, identity in hand.booted.items() if given[board] != identity}
    assert not wrong and len(hand.booted) == boards, (wrong, len(hand.booted))
    late = sorted(hand.latencies)
    return (f"{boards} boards in {took:.0f} s, {len(tries)} tries, {hand.pulls} pulled early, {hand.swaps} swapped, "
            f"{hand.kills} kills, {len(hand.reasons)} failed and tried again {sorted(set(hand.reasons))}, 0 duplicates; plug to flashing {late[0] * 1000:.0f} to {late[-1] * 1000:.0f} ms")
