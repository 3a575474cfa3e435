# SPDX-License-Identifier: MIT
"""An STM32 in its UART bootloader (AN3155), played by this process on a pseudo-terminal.

Strict where hardware is: it takes its speed from the first byte, so anything but 0x7F makes it deaf;
a frame must be complete and its checksum right; flash takes no ones without an erase; a chip that is
read protected answers NACK to all that reads or writes. It counts what a host does. A reset (a byte
into the FIFO) starts the firmware, which prints the flash up to the first NUL.

The pty carries bytes at once; `wire` makes them take the time of so many baud with parity.
"""
import os
import select
import threading
import time
import tty

FLASH = 0x08000000
ACK, NACK, BUSY = 0x79, 0x1F, 0x76
KIB = 1024
PROTECTED = (0x11, 0x21, 0x31, 0x43, 0x44)

# PID: sectors, version, erase command (43: one byte a page, 44: two)
CHIPS = {
    0x410: ([KIB] * 128, 0x22, 0x43),
    0x413: ([16 * KIB] * 4 + [64 * KIB] + [128 * KIB] * 7, 0x31, 0x44),
    0x417: ([128] * 512, 0x31, 0x44),
    0x440: ([KIB] * 64, 0x31, 0x44),
    0x469: ([2 * KIB] * 256, 0x31, 0x44),
    0x999: ([4 * KIB] * 64, 0x31, 0x44),
}


class Reset(Exception):
    pass


class Gone(Exception):
    pass


class Stm32Boot:
    def __init__(self, home, name="b", chip=0x413, **options):
        self.name = name
        self.dir = home / name
        self.dir.mkdir()
        self.chip = chip
        self.sectors, self.version, self.erase_command = CHIPS[chip]
        self.blank = 0 if chip == 0x417 else 0xFF
        self.flash = bytearray(b"\x5a" * sum(self.sectors))
        self.protected = options.pop("protected", ())  # commands that are refused for it
        self.busy = options.pop("busy", 0)  # BUSY bytes before an erase or a write is acknowledged
        self.erase_s = options.pop("erase_s", 0)
        self.wire = options.pop("wire", 0)  # baud
        self.bad_cell = options.pop("bad_cell", None)  # an offset that takes no zeroes
        self.unplug_after = options.pop("unplug_after", None)  # bytes written
        self.silent_after = options.pop("silent_after", None)
        self.answers = dict(options.pop("answers", {}))  # n-th status byte: what comes instead; None: nothing
        self.lose = set(options.pop("lose", ()))  # received bytes that are lost, by number
        self.garble_reads = set(options.pop("garble_reads", ()))  # READ commands whose first byte is wrong
        self.hung_in = options.pop("hung_in", None)  # bytes of a frame that another host has left
        self.pending = []
        self.in_bootloader = options.pop("in_bootloader", True)
        self.chatter = options.pop("chatter", b"")  # what the firmware says to each byte
        assert not options, options
        self.received = self.said = self.written = self.reads = self.bad_writes = self.resets = 0
        self.commands, self.erased, self.went = [], [], None
        self.clock = 0.0
        self.closing = False
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        self.tty = os.ttyname(self.slave)
        self.fifo = self.dir / "reset"
        os.mkfifo(self.fifo)
        (self.dir / "r").write_text("r")
        self.reset_fd = os.open(self.fifo, os.O_RDWR)
        self.thread = threading.Thread(target=self._live, daemon=True)
        self.thread.start()

    # ---- the wire ----------------------------------------------------------------------------

    def _take_time(self, count):
        if self.wire:
            self.clock = max(self.clock, time.monotonic()) + count * 11 / self.wire

    def _catch_up(self):
        time.sleep(max(0.0, self.clock - time.monotonic()))

    def _byte(self):
        if self.pending:
            return self.pending.pop(0)
        while True:
            ready = select.select([self.master, self.reset_fd], [], [])[0]
            if self.reset_fd in ready:
                if os.read(self.reset_fd, 1) == b"q":
                    raise Gone
                raise Reset
            byte = os.read(self.master, 1)
            self._take_time(1)
            self.received += 1
            if self.received - 1 not in self.lose:
                return byte[0]

    def _bytes(self, count):
        return bytes(self._byte() for _ in range(count))

    def _put(self, data):
        self._take_time(len(data))
        self._catch_up()
        while data and not self.closing:
            if select.select([], [self.master], [], 0.1)[1]:
                data = data[os.write(self.master, data) :]

    def _say(self, status):
        number, self.said = self.said, self.said + 1
        status = self.answers.get(number, status)
        if status is not None:
            self._put(bytes([status]))

    # ---- the protocol ------------------------------------------------------------------------

    def _live(self):
        while True:
            try:
                if self.in_bootloader:
                    self._bootloader()
                else:
                    self._firmware()
            except Reset:
                self.resets += 1
                self.in_bootloader = False
            except (Gone, OSError):
                return

    def _firmware(self):
        text = bytes(self.flash).split(b"\0")[0]
        if self.resets or self.went is not None:
            self._put(text)
        while True:
            self._byte()
            self._put(self.chatter)

    def _bootloader(self):
        if self.hung_in is None:
            if self._byte() != 0x7F:
                while True:
                    self._byte()
            self._say(ACK)
        else:
            self.pending, self.hung_in = list(self.hung_in), None
        while self.in_bootloader:
            self._command()

    def _command(self):
        command = self._byte()
        if command ^ 0xFF != self._byte():
            return self._say(NACK)
        self.commands.append(command)
        known = {
            0x00: self._get, 0x01: self._get_version, 0x02: self._get_id, 0x11: self._read,
            0x21: self._go, 0x31: self._write, self.erase_command: self._erase, 0x92: self._unprotect,
        }  # fmt: skip
        if command not in known:
            return self._say(NACK)
        if command in self.protected:
            return self._say(NACK)
        self._say(ACK)
        return known[command]()

    def _get(self):
        commands = bytes([0, 1, 2, 0x11, 0x21, 0x31, self.erase_command, 0x63, 0x73, 0x82, 0x92])
        self._put(bytes([len(commands), self.version]) + commands)
        self._say(ACK)

    def _get_version(self):
        self._put(bytes([self.version, 0, 0]))
        self._say(ACK)

    def _get_id(self):
        self._put(bytes([1, self.chip >> 8, self.chip & 0xFF]))
        self._say(ACK)

    @staticmethod
    def _sum(data):
        total = 0
        for byte in data:
            total ^= byte
        return total

    def _address(self):
        """None, and NACK, where it is wrong."""
        frame = self._bytes(5)
        at = int.from_bytes(frame[:4], "big")
        if self._sum(frame) or not FLASH <= at < FLASH + len(self.flash):
            return self._say(NACK)
        self._say(ACK)
        return at - FLASH

    def _read(self):
        at = self._address()
        if at is None:
            return
        count = self._byte()
        if count ^ 0xFF != self._byte() or at + count + 1 > len(self.flash):
            return self._say(NACK)
        self._say(ACK)
        data = bytearray(self.flash[at : at + count + 1])
        if self.reads in self.garble_reads:
            data[0] ^= 0x40
        self.reads += 1
        self._put(bytes(data))

    def _write(self):
        at = self._address()
        if at is None:
            return
        count = self._byte()
        data = self._bytes(count + 1)
        if self._byte() != self._sum(data) ^ count or at % 4 or len(data) % 4 or at + len(data) > len(self.flash):
            return self._say(NACK)
        good = self._program(at, data)
        self.written += len(data)
        if self.unplug_after is not None and self.written >= self.unplug_after:
            self.unplug()
            raise Gone
        if self.silent_after is not None and self.written >= self.silent_after:
            while True:
                self._byte()
        for _ in range(self.busy):
            self._say(BUSY)
        self._say(ACK if good else NACK)

    def _program(self, at, data):
        """Only an erase sets what is blank; each byte may be written once after it."""
        good = True
        for i, byte in enumerate(data):
            if i + at == self.bad_cell:
                continue
            if self.flash[at + i] != self.blank and self.flash[at + i] != byte:
                good = False
                self.bad_writes += 1
                byte &= self.flash[at + i]
            self.flash[at + i] = byte
        return good

    def _erase(self):
        wide = 2 if self.erase_command == 0x44 else 1
        frame = self._bytes(wide)
        count = int.from_bytes(frame, "big")
        if count >= (0xFFF0 if wide == 2 else 0xFF):
            if self._byte() != self._sum(frame):
                return self._say(NACK)
            numbers = range(len(self.sectors))
        else:
            data = self._bytes((count + 1) * wide)
            if self._byte() != self._sum(frame + data):
                return self._say(NACK)
            numbers = [int.from_bytes(data[i : i + wide], "big") for i in range(0, len(data), wide)]
            if max(numbers) >= len(self.sectors):
                return self._say(NACK)
        for number in numbers:
            at = sum(self.sectors[:number])
            self.flash[at : at + self.sectors[number]] = bytes([self.blank]) * self.sectors[number]
            self.erased.append(number)
            time.sleep(self.erase_s)
        for _ in range(self.busy):
            self._say(BUSY)
        self._say(ACK)

    def _unprotect(self):
        self.flash[:] = bytes([self.blank]) * len(self.flash)
        self.protected = ()
        self._say(ACK)

    def _go(self):
        at = self._address()
        if at is not None:
            self.went = FLASH + at
            self.in_bootloader = False

    # ---- the test's side ---------------------------------------------------------------------

    def yaml(self, flash="", **extra):
        lines = [
            f"  {self.name}:",
            f"    labels: [pty, {self.name}-type]",
            f"    flash: {{stm32-uart: {{port: {self.tty}{flash}}}}}",
            f"    reset: {{cmd: {{run: [dd, 'if={self.dir}/r', 'of={self.fifo}', status=none]}}}}",
            f"    console: {{serial: {{path: {self.tty}, baud: 115200}}}}",
        ]
        lines += [f"    {key}: {value}" for key, value in extra.items()]
        return "\n".join(lines) + "\n"

    def holds(self, at, data):
        return bytes(self.flash[at : at + len(data)]) == data

    def unplug(self):
        for fd in (self.slave, self.master):
            os.close(fd)
        self.master = self.slave = -1

    def close(self):
        self.closing = True
        os.write(self.reset_fd, b"q")
        self.thread.join(5)
        os.close(self.reset_fd)
        if self.master >= 0:
            self.unplug()
