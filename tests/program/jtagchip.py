# SPDX-License-Identifier: MIT
"""A Cortex-M with SEGGER RTT in its RAM, played by this process behind OpenOCD's remote_bitbang.

OpenOCD wiggles TCK, TMS and TDI over a unix socket; this side is the TAP, the debug port (ADIv5), a memory
access port and what of a Cortex-M OpenOCD looks at: it halts, it is caught at its reset vector, it runs. Where
it runs there is firmware that sets up a control block as SEGGER_RTT.c does and prints through it, for
as long as there is room in the ring buffer, and answers to what the host writes.
"""
import os
import socket
import struct
import threading

RAM, RAM_SIZE = 0x20000000, 1024
IDCODE, AP_IDR = 0x4BA00477, 0x24770011
DPACC, APACC, IDCODE_IR = 0xA, 0xB, 0xE
CPUID, AIRCR, DHCSR, DCRSR, DCRDR, DEMCR, DFSR = (
    0xE000ED00, 0xE000ED0C, 0xE000EDF0, 0xE000EDF4, 0xE000EDF8, 0xE000EDFC, 0xE000ED30,
)  # fmt: skip
UP_SIZE, DOWN_SIZE = 64, 16


class Chip:
    """What is behind the access port: memory, and a core that runs or does not."""

    def __init__(self, script, at, answer):
        self.script, self.at, self.answer = script, at, answer
        self.ram = bytearray(os.urandom(RAM_SIZE))
        self.registers = {CPUID: 0x410FC241, DEMCR: 0, DFSR: 0}
        self.debug = self.halted = self.was_reset = False
        self.powered = True
        self.resets = 0
        self.pending = b""
        self.restart()

    def set_up(self, block):
        """What SEGGER_RTT_Init makes: a buffer up and one down behind the control block."""
        up, base = block + 0x48, block - RAM
        down = up + UP_SIZE
        struct.pack_into("<16sII", self.ram, base, b"", 1, 1)
        struct.pack_into("<6I", self.ram, base + 24, 0, up, UP_SIZE, 0, 0, 0)
        struct.pack_into("<6I", self.ram, base + 48, 0, down, DOWN_SIZE, 0, 0, 0)
        self.ram[base : base + 10] = b"SEGGER RTT"

    def word(self, address):
        return struct.unpack_from("<I", self.ram, address - RAM)[0]

    def set_word(self, address, value):
        struct.pack_into("<I", self.ram, address - RAM, value)

    def reset(self):
        self.resets += 1
        self.was_reset = True
        self.restart()

    def power_off(self):
        self.powered = False

    def power_on(self):
        """All is lost: RAM, and what a debugger has set."""
        self.ram[:] = os.urandom(RAM_SIZE)
        self.registers = {CPUID: 0x410FC241, DEMCR: 0, DFSR: 0}
        self.debug = self.halted = self.was_reset = False
        self.restart()
        self.powered = True

    def restart(self):
        self.started = False
        self.halted = self.debug and bool(self.registers[DEMCR] & 1)  # VC_CORERESET
        if not self.halted:
            self.boot()

    def boot(self):
        """main(): SEGGER_RTT_Init, then prints."""
        self.started = True
        self.set_up(self.at)
        self.pending = self.script(self)

    def run(self):
        """As much as the firmware can do now."""
        if self.halted or not self.started:
            return
        if self.ram[self.at - RAM : self.at - RAM + 10] != b"SEGGER RTT":
            return  # its memory was written over: it would not notice, nor print sensibly
        put, get = self.word(self.at + 24 + 12), self.word(self.at + 24 + 16)
        while self.pending and (put + 1) % UP_SIZE != get:
            self.ram[self.at + 0x48 - RAM + put] = self.pending[0]
            self.pending = self.pending[1:]
            put = (put + 1) % UP_SIZE
        self.set_word(self.at + 24 + 12, put)
        put, get = self.word(self.at + 48 + 12), self.word(self.at + 48 + 16)
        heard = b""
        while get != put:
            heard += self.ram[self.at + 0x48 + UP_SIZE - RAM + get :][:1]
            get = (get + 1) % DOWN_SIZE
        self.set_word(self.at + 48 + 16, get)
        if heard:
            self.pending += self.answer(heard)

    def read(self, address):
        self.run()
        if RAM <= address < RAM + RAM_SIZE:
            return self.word(address)
        if address == DHCSR:
            value = 0x00010000 | self.debug | self.halted << 1 | self.halted << 17 | self.was_reset << 25
            value |= 0 if self.halted else 1 << 24
            self.was_reset = False
            return value
        return self.registers.get(address, 0)

    def write(self, address, value, mask):
        if RAM <= address < RAM + RAM_SIZE:
            self.set_word(address, self.word(address) & ~mask | value & mask)
        elif address == DHCSR and value >> 16 == 0xA05F:
            self.debug = bool(value & 1)
            self.halted = self.debug and bool(value & 2)
            if not self.halted and not self.started:
                self.boot()
        elif address == AIRCR:
            if value >> 16 == 0x05FA and value & 5:  # SYSRESETREQ, VECTRESET
                self.reset()
        elif address == DFSR:
            pass
        else:
            self.registers[address] = self.registers.get(address, 0) & ~mask | value & mask
        self.run()


class DebugPort:
    """JTAG bit by bit, ADIv5 register by register."""

    # state: where TMS 0 and 1 lead (IEEE 1149.1, figure 6-1)
    TAP = {
        "reset": ("idle", "reset"), "idle": ("idle", "select-dr"),
        "select-dr": ("capture-dr", "select-ir"), "capture-dr": ("shift-dr", "exit1-dr"),
        "shift-dr": ("shift-dr", "exit1-dr"), "exit1-dr": ("pause-dr", "update-dr"),
        "pause-dr": ("pause-dr", "exit2-dr"), "exit2-dr": ("shift-dr", "update-dr"),
        "update-dr": ("idle", "select-dr"),
        "select-ir": ("capture-ir", "reset"), "capture-ir": ("shift-ir", "exit1-ir"),
        "shift-ir": ("shift-ir", "exit1-ir"), "exit1-ir": ("pause-ir", "update-ir"),
        "pause-ir": ("pause-ir", "exit2-ir"), "exit2-ir": ("shift-ir", "update-ir"),
        "update-ir": ("idle", "select-dr"),
    }  # fmt: skip

    def __init__(self, chip):
        self.chip = chip
        self.select = self.ctrl = self.csw = self.tar = self.result = 0
        self.state, self.ir, self.shift, self.length = "reset", IDCODE_IR, 0, 1

    # ---- access port ----

    def _lanes(self):
        size = (1, 2, 4)[min(self.csw & 7, 2)]
        mask = ((1 << 8 * size) - 1) << 8 * (self.tar & 3)
        return size, mask & 0xFFFFFFFF

    def _next(self, size):
        if self.csw & 0x30:
            self.tar = self.tar & ~0x3FF | (self.tar + size) & 0x3FF

    def _ap(self, address, value=None):
        bank = self.select & 0xF0
        register = bank | address
        if register == 0x00:
            if value is None:
                return self.csw | 0x40
            self.csw = value & ~0x30 | (0x10 if value & 0x30 else 0)  # no packed transfers
        elif register == 0x04:
            if value is None:
                return self.tar
            self.tar = value
        elif register == 0x0C:
            size, mask = self._lanes()
            at = self.tar
            self._next(size)
            if value is None:
                return self.chip.read(at & ~3)
            self.chip.write(at & ~3, value, mask)
        elif bank == 0x10:
            at = self.tar & ~0xF | address
            if value is None:
                return self.chip.read(at)
            self.chip.write(at, value, 0xFFFFFFFF)
        elif register == 0xFC:
            return AP_IDR
        elif register == 0xF8:
            return 0xFFFFFFFF  # no ROM table
        return 0

    def _access(self, ap, read, address, value):
        if ap and self.select >> 24:
            self.result = 0
        elif ap and read:
            self.result = self._ap(address)
        elif ap:
            self._ap(address, value)
        elif read and address != 0xC:  # RDBUFF: what the last access gave
            self.result = {0x4: self.ctrl | (self.ctrl & 0x50000000) << 1, 0x8: self.select}.get(address, 0)
        elif address == 0x4 and not read:
            self.ctrl = value & 0x50000F1F
        elif address == 0x8:
            self.select = value

    # ---- the wires ----

    def tdo(self):
        return self.shift & 1 if self.chip.powered else 1

    def rise(self, tms, tdi):
        if not self.chip.powered:
            self.state, self.ctrl = "reset", 0
            return
        if self.state in ("shift-dr", "shift-ir"):
            self.shift = (self.shift | tdi << self.length) >> 1
        self.state = self.TAP[self.state][tms]
        if self.state == "reset":
            self.ir = IDCODE_IR
        elif self.state == "capture-ir":
            self.shift, self.length = 1, 4
        elif self.state == "update-ir":
            self.ir = self.shift & 0xF
        elif self.state == "capture-dr":
            registers = {IDCODE_IR: (IDCODE, 32), DPACC: (self.result << 3 | 2, 35), APACC: (self.result << 3 | 2, 35)}
            self.shift, self.length = registers.get(self.ir, (0, 1))  # BYPASS
        elif self.state == "update-dr" and self.ir in (DPACC, APACC):
            self._access(self.ir == APACC, self.shift & 1, (self.shift & 6) << 1, self.shift >> 3)


class JtagChip:
    """The socket that OpenOCD's remote_bitbang connects to."""

    def __init__(self, home, name, script, at=RAM + 0x100, answer=lambda heard: b""):
        self.dir = home / name
        self.dir.mkdir()
        self.chip = Chip(script, at, answer)
        self.path = self.dir / "jtag"
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(str(self.path))
        self.server.listen(4)
        self.connections = 0
        threading.Thread(target=self._serve, daemon=True).start()
        # OpenOCD's scripts, as an interface and a target of its own would be.
        (self.dir / "probe.cfg").write_text(
            f"adapter driver remote_bitbang\nremote_bitbang host {self.path}\n"
        )
        (self.dir / "chip.cfg").write_text(
            "jtag newtap chip cpu -irlen 4 -expected-id 0x4ba00477\ndap create chip.dap -chain-position chip.cpu\n"
            "target create chip.cpu cortex_m -dap chip.dap -ap-num 0\ncortex_m reset_config sysresetreq\n"
        )

    def yaml(self):
        return f"{{interface: {self.dir}/probe.cfg, target: {self.dir}/chip.cfg}}"

    def _serve(self):
        while True:
            try:
                wire, _ = self.server.accept()
            except OSError:
                return
            self.connections += 1
            try:
                self._talk(wire)
            except OSError:
                pass  # OpenOCD was killed
            wire.close()

    def _talk(self, wire):
        port = DebugPort(self.chip)
        clock = 0
        while True:
            data = wire.recv(65536)
            if not data:
                return
            answer = bytearray()
            for byte in data:
                if 0x30 <= byte <= 0x37:  # TCK, TMS, TDI
                    tck, tms, tdi = byte >> 2 & 1, byte >> 1 & 1, byte & 1
                    if tck and not clock:
                        port.rise(tms, tdi)
                    clock = tck
                elif byte == 0x52:  # R
                    answer.append(0x30 + port.tdo())
                elif byte == 0x51:  # Q
                    return
                elif byte in (0x73, 0x75):  # s u: SRST
                    self.chip.reset()
            if answer:
                wire.sendall(answer)

    def close(self):
        self.server.close()
