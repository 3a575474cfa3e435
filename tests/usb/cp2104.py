# SPDX-License-Identifier: MIT
"""A CP2104 on a guest kernel's USB port: a serial adapter with modem lines and four GPIO pins.

Speaks the host's side of the usbredir protocol (version 0.7), without its capabilities, to QEMU's
usb-redir device. The chip is as Silicon Labs' AN571 and Linux' driver describe it: pins 0 and 1
push-pull and low at its start, 2 and 3 open-drain and released; lines and pins stay as they were
written last. What hangs on its wires (Wiring) prints by its UART.
"""
import dataclasses
import socket
import struct
import threading
import time

HELLO, CONNECT, DISCONNECT, RESET, INTERFACES, ENDPOINTS, SET_CONFIGURATION = 0, 1, 2, 3, 4, 5, 6
GET_CONFIGURATION, CONFIGURATION_STATUS, SET_ALT, ALT_STATUS, CANCEL, CONTROL, BULK = 7, 8, 9, 11, 21, 100, 101
SUCCESS, CANCELLED, STALL = 0, 1, 4
BULK_OUT, BULK_IN = 0x01, 0x82

DEVICE = struct.pack("<BBHBBBBHHHBBBB", 18, 1, 0x200, 0, 0, 0, 64, 0x10C4, 0xEA60, 0x100, 1, 2, 3, 1)
CONFIGURATION = (
    struct.pack("<BBHBBBBB", 9, 2, 32, 1, 1, 0, 0x80, 50)
    + struct.pack("<BBBBBBBBB", 9, 4, 0, 0, 2, 0xFF, 0, 0, 0)
    + struct.pack("<BBBBHB", 7, 5, BULK_IN, 2, 64, 0)
    + struct.pack("<BBBBHB", 7, 5, BULK_OUT, 2, 64, 0)
)
PUSH_PULL, AT_START = 0b0011, 0b1100

# AN571: requests to the interface, and vendor requests by wValue
IFC_ENABLE, SET_LINE_CTL, GET_LINE_CTL, SET_MHS, GET_MDMSTS, SET_FLOW, GET_FLOW = 0x00, 0x03, 0x04, 0x07, 0x08, 0x13, 0x14
GET_COMM_STATUS, GET_BAUDRATE, SET_BAUDRATE, VENDOR = 0x10, 0x1D, 0x1E, 0xFF
READ_LATCH, WRITE_LATCH, GET_PARTNUM, GET_PORTCONFIG = 0x00C2, 0x37E1, 0x370B, 0x370C


@dataclasses.dataclass
class Wires:
    dtr: bool = False
    rts: bool = False
    pins: int = AT_START

    def __str__(self):
        return f"dtr={self.dtr:d} rts={self.rts:d} pins={self.pins:04b}"


class Wiring:
    """A board whose reset, supply and boot pin hang on the wires; it says `text` when it starts."""

    def __init__(self, text, reset, powered=lambda wires: True, bootloader=lambda wires: False):
        self.text = text
        self.reset = reset
        self.powered = powered
        self.bootloader = bootloader
        self.runs = True

    def follow(self, wires):
        """What it prints now."""
        ran, self.runs = self.runs, self.powered(wires) and not self.reset(wires)
        if ran or not self.runs:
            return b""
        return b"waiting for download\n" if self.bootloader(wires) else self.text


class Cp2104:
    def __init__(self, path, serial):
        self.serial = serial
        self.lock = threading.Lock()
        self.wires = Wires()
        self.log = []  # (seconds, what the wires became)
        self.wiring = None
        self.line_ctl, self.baud, self.flow = 0x0800, struct.pack("<I", 9600), bytes(16)
        self.enabled = False  # its UART: what comes while it is not is lost
        self.unsaid = b""
        self.waiting = []  # ids of bulk IN transfers
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(path))
        self.file = self.sock.makefile("rb")
        self.send(HELLO, 0, b"hil's CP2104".ljust(64, b"\0") + bytes(4))
        self.plugged = self.pulled = False
        threading.Thread(target=self.live, daemon=True).start()

    def wire(self, wiring):
        with self.lock:
            self.wiring = wiring
            self.unsaid = b""
            self.log = [(time.monotonic(), str(self.wires))]
            if wiring:
                wiring.runs = not wiring.reset(self.wires) and wiring.powered(self.wires)

    def course(self):
        """What the wires became, one after the other, since wire()."""
        with self.lock:
            return [text for _, text in self.log]

    # ---- usbredir

    def send(self, kind, ident, data):
        self.sock.sendall(struct.pack("<III", kind, len(data), ident) + data)

    def unplug(self):
        with self.lock:
            self.let_go()

    def let_go(self):
        if self.plugged:
            self.send(DISCONNECT, 0, b"")
        self.plugged, self.pulled, self.waiting = False, False, []

    def pull(self):
        """By what hangs on its wires: unplugged once the request that moved them is answered."""
        self.pulled = True

    def plug(self):
        interfaces = bytearray(4 + 4 * 32)
        interfaces[0], interfaces[4 + 32] = 1, 0xFF  # one, its class
        kinds = bytearray(b"\xff" * 32)
        kinds[0] = kinds[16] = 0
        kinds[BULK_OUT] = kinds[16 + (BULK_IN & 15)] = 2
        self.send(INTERFACES, 0, bytes(interfaces))
        self.send(ENDPOINTS, 0, bytes(kinds) + bytes(64))
        with self.lock:
            self.send(CONNECT, 0, struct.pack("<BBBBHH", 1, 0, 0, 0, 0x10C4, 0xEA60))
            self.plugged = True

    def live(self):
        while True:
            header = self.file.read(12)
            if len(header) < 12:
                return
            kind, length, ident = struct.unpack("<III", header)
            data = self.file.read(length)
            with self.lock:
                self.take(kind, ident, data)

    def take(self, kind, ident, data):
        if kind == CONTROL:
            self.take_control(ident, data)
        elif kind == BULK:
            self.take_bulk(ident, data)
        elif kind == CANCEL and ident in self.waiting:
            self.waiting.remove(ident)
            self.send(BULK, ident, struct.pack("<BBHI", BULK_IN, CANCELLED, 0, 0))
        elif kind in (SET_CONFIGURATION, GET_CONFIGURATION):
            self.send(CONFIGURATION_STATUS, ident, bytes([SUCCESS, 1]))
        elif kind == SET_ALT:
            self.send(ALT_STATUS, ident, bytes([SUCCESS, *data[:2]]))

    def take_bulk(self, ident, data):
        endpoint, _, length, _ = struct.unpack("<BBHI", data[:8])
        if endpoint == BULK_OUT:
            self.send(BULK, ident, struct.pack("<BBHI", endpoint, SUCCESS, length, 0))
        else:
            self.waiting.append(ident)
            self.say(b"")

    def say(self, text):
        self.unsaid += text if self.enabled else b""
        while self.unsaid and self.waiting:
            piece, self.unsaid = self.unsaid[:64], self.unsaid[64:]
            head = struct.pack("<BBHI", BULK_IN, SUCCESS, len(piece), 0)
            self.send(BULK, self.waiting.pop(0), head + piece)

    def take_control(self, ident, data):
        _, request, kind, _, value, index, length = struct.unpack("<BBBBHHH", data[:10])
        answer = self.answer(kind, request, value, index, data[10:])
        status = STALL if answer is None else SUCCESS
        answer = (answer or b"")[:length]
        moved = len(answer) if kind & 0x80 else 0 if status else length
        head = struct.pack("<BBBBHHH", kind & 0x80, request, kind, status, value, index, moved)
        self.send(CONTROL, ident, head + answer)
        if self.pulled:
            self.let_go()

    # ---- the chip

    def answer(self, kind, request, value, index, data):
        """What is read, b"" where something was written, None for a stall."""
        if kind == 0x80 and request == 6:
            return self.descriptor(value >> 8, value & 255)
        if request == VENDOR and kind == 0xC0:
            return {GET_PARTNUM: b"\x04", READ_LATCH: bytes([self.wires.pins]),
                    GET_PORTCONFIG: struct.pack("<HHHIHB", PUSH_PULL << 8, 0, AT_START << 8, 0, 0, 0)}.get(value)
        if request == VENDOR and kind == 0x40 and value == WRITE_LATCH:
            mask, state = index & 255, index >> 8
            self.move(pins=(self.wires.pins & ~mask) | (state & mask))
            return b""
        if kind == 0xC1:
            return {GET_LINE_CTL: struct.pack("<H", self.line_ctl), GET_BAUDRATE: self.baud,
                    GET_FLOW: self.flow, GET_COMM_STATUS: bytes(19),
                    GET_MDMSTS: bytes([self.wires.dtr | self.wires.rts << 1 | 0x30])}.get(request)
        return self.write(request, value, data) if kind == 0x41 else None

    def descriptor(self, kind, number):
        if kind == 3:
            text = ["", "Silicon Labs", "CP2104 USB to UART", self.serial][number].encode("utf-16-le")
            text = text or struct.pack("<H", 0x409)
            return bytes([2 + len(text), 3]) + text
        return {1: DEVICE, 2: CONFIGURATION}.get(kind)

    def write(self, request, value, data):
        if request == IFC_ENABLE:
            self.enabled = value == 1
            self.unsaid = b""
        elif request == SET_LINE_CTL:
            self.line_ctl = value
        elif request == SET_BAUDRATE:
            self.baud = data
        elif request == SET_MHS:
            dtr = bool(value & 1) if value & 0x100 else self.wires.dtr
            rts = bool(value & 2) if value & 0x200 else self.wires.rts
            self.move(dtr=dtr, rts=rts)
        elif request == SET_FLOW:
            self.flow = data
            handshake, replace = struct.unpack("<II", data[:8])
            self.move(dtr=handshake & 3 == 1, rts=replace >> 6 & 3 == 1)
        return b""

    def move(self, **changes):
        wires = dataclasses.replace(self.wires, **changes)
        if wires == self.wires:
            return
        self.wires = wires
        self.log.append((time.monotonic(), str(wires)))
        if self.wiring:
            self.say(self.wiring.follow(wires))
