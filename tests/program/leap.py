# SPDX-License-Identifier: MIT
"""Days of a service in a minute: tests/clock/leap.c before its C library."""
import pathlib
import re
import subprocess

from conftest import HIL, ROOT, wait_until

DAY = 86400


class Leap:
    def __init__(self, home):
        self.library, self.file = home / "leap.so", home / "leap"
        subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", self.library, ROOT / "tests/clock/leap.c"], check=True)

    @property
    def env(self):
        # A sanitizer wants to be the first.
        linked = subprocess.run(["ldd", HIL], capture_output=True, text=True).stdout
        first = re.findall(r"=> (\S*/lib[at]san\S*)", linked)
        return {"LD_PRELOAD": ":".join([*first, str(self.library)]), "LEAP_FILE": str(self.file)}

    def seconds(self):
        try:
            return int(self.file.read_text())
        except (OSError, ValueError):
            return 0

    def wait_for(self, seconds, process, at_most=120):
        wait_until(lambda: self.seconds() >= seconds or process.poll() is not None, at_most, f"{seconds} s to go by")
        assert process.poll() is None, "it ended"


def memory_kb(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])
