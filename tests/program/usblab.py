# SPDX-License-Identifier: MIT
"""USB trees that are not there, for hil and for other programs: see tests/usb/with_usb.c."""
import json
import pathlib
import subprocess

import conftest

LAB = pathlib.Path(conftest.HIL).parent / "tests" / "with-usb"

NUCLEO = (
    'device 1-1.4 id=0483:374b serial=066DFF515754888367131638 maker=STMicroelectronics name="STM32 STLink"'
    " drive=NODE_F446RE if=ff/ff/ff if=08/06/50 if=02/02/01,ttyACM0 if=0a/00/00"
)
FTDI = 'device 1-1.1 id=0403:6001 serial=A50285BI name="FT232R USB UART" if=ff/ff/ff,ttyUSB0'
STLINK = "device 1-1.2 id=0483:3748 serial=35FF6B06 if=ff/ff/ff"


class UsbLab:
    def __init__(self, hil, *lines):
        self.hil = hil
        self.path = hil.write("usb.lab", "hub 1-1 id=2109:2813\n" + "\n".join(lines) + "\n")

    def start(self, *args, **more):
        env = {**self.hil.env, **more.pop("env", {})}
        more.setdefault("stdin", subprocess.DEVNULL)
        more.setdefault("stdout", subprocess.PIPE)
        more.setdefault("stderr", subprocess.PIPE)
        return subprocess.Popen(
            [LAB, self.path, conftest.HIL, *map(str, args)], cwd=self.hil.home, env=env, **more
        )

    def __call__(self, *args, timeout=60, **more):
        return self.hil.finish(self.start(*args, **more), timeout)

    def other(self, *argv):
        """Another program, which no sanitizer was built into."""
        return subprocess.run(
            [LAB, "--plain", self.path, *map(str, argv)],
            cwd=self.hil.home, env=self.hil.env, capture_output=True, text=True, timeout=60,
        )


def state(path):
    return json.loads(path.read_text())


def flash(path, size):
    return path.with_name(path.name + ".flash").read_bytes()[:size]
