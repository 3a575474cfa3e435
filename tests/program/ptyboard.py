# SPDX-License-Identifier: MIT
"""A board played by this process: a pseudo-terminal for its UART, files for its flash and reset.

hil opens the terminal as any serial port. Flashing copies the firmware into a file; the reset command
writes a line into a FIFO; at each reset the board calls `script(board)`, which prints what firmware
would print.
"""
import os
import select
import threading
import tty


class PtyBoard:
    def __init__(self, home, name, script):
        self.name = name
        self.dir = home / name
        self.dir.mkdir()
        self.script = script
        self.flash = self.dir / "flash"
        self.resets = 0
        self.closing = False
        self.plug()
        self.fifo = self.dir / "reset"
        os.mkfifo(self.fifo)
        # Both ends: no end of file between two resets.
        self.reset_fd = os.open(self.fifo, os.O_RDWR)
        self.thread = threading.Thread(target=self._live, daemon=True)
        self.thread.start()

    def _live(self):
        while os.read(self.reset_fd, 1) == b"r":
            self.resets += 1
            try:
                self.script(self)
            except OSError:
                pass  # hil closed the terminal in the middle

    def say(self, data):
        data = data.encode() if isinstance(data, str) else data
        while data and not self.closing:
            if select.select([], [self.master], [], 0.1)[1]:
                data = data[os.write(self.master, data) :]

    def yaml(self, **extra):
        lines = [
            f"  {self.name}:",
            f"    labels: [pty, {self.name}-type]",
            f"    flash: {{cmd: {{run: [cp, '{{file}}', '{self.flash}']}}}}",
            f"    reset: {{cmd: {{run: [dd, 'if={self.dir}/r', 'of={self.fifo}', status=none]}}}}",
            f"    console: {{serial: {{path: {self.tty}, baud: 115200}}}}",
        ]
        (self.dir / "r").write_text("r")
        lines += [f"    {key}: {value}" for key, value in extra.items()]
        return "\n".join(lines) + "\n"

    def plug(self):
        self.master, self.slave = os.openpty()
        os.set_blocking(self.master, False)
        tty.setraw(self.slave)
        self.tty = os.ttyname(self.slave)

    def unplug(self):
        """The other end hears that the terminal is gone."""
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


def lab_of(hil, *boards, name="bench", **extra):
    text = f"lab: {name}\nboards:\n" + "".join(board.yaml(**extra) for board in boards)
    return hil.write("lab.yaml", text)


UNITY = "a.c:1:test_one:PASS\r\na.c:2:test_two:PASS\r\n\r\n-----------------------\r\n2 Tests 0 Failures 0 Ignored \r\nOK\r\n"
