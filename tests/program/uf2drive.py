# SPDX-License-Identifier: MIT
"""A UF2 bootloader played by this process, with a drive that hil writes to.

Where this process may, the drive is a loop device with a file system, and the bootloader does what a
real one does: it looks at the sectors as they are written, whatever file they belong to, takes the
blocks of its family, and is gone as soon as it has all of them. Where it may not, the drive is a
directory, and the bootloader reads the file. FAT where the kernel has it, else ext2: what matters is
that a device with blocks vanishes under a mount.
"""
import os
import pathlib
import shutil
import struct
import subprocess
import threading
import time

SECTOR = 512
MAGIC = (0x0A324655, 0x9E5D5157, 0x0AB16F30)
RP2040 = 0xE48BFF56
INFO = "UF2 Bootloader v3.0\r\nModel: Raspberry Pi RP2\r\nBoard-ID: RPI-RP2\r\n"


def blocks(data):
    """{number: (address, bytes, total, family)} of the UF2 blocks among these sectors."""
    found = {}
    for at in range(0, len(data) - SECTOR + 1, SECTOR):
        head = struct.unpack_from("<8I", data, at)
        (last,) = struct.unpack_from("<I", data, at + SECTOR - 4)
        if (head[0], head[1], last) == MAGIC:
            found[head[5]] = (head[3], data[at + 32 : at + 32 + head[4]], head[6], head[7])
    return found


def uf2(data, address, family=RP2040):
    """A UF2 file of these bytes."""
    pages = [data[i : i + 256] for i in range(0, len(data), 256)]
    head = lambda n: struct.pack("<8I", *MAGIC[:2], 0x2000, address + 256 * n, 256, n, len(pages), family)
    tail = struct.pack("<I", MAGIC[2])
    return b"".join((head(n) + page).ljust(SECTOR - 4, b"\0") + tail for n, page in enumerate(pages))


def can_loop():
    return os.geteuid() == 0 and os.access("/dev/loop-control", os.W_OK) and shutil.which("mkfs.ext2")


class Uf2Drive:
    def __init__(self, home, name="b", block_device=False, **options):
        self.name = name
        self.dir = home / f"drive-{name}"
        self.dir.mkdir()
        self.family = options.pop("family", RP2040)
        self.info = options.pop("info", INFO)
        self.current = options.pop("current", None)
        self.started = options.pop("started", lambda drive: None)
        present = options.pop("present", True)
        assert not options, options
        self.image = home / f"{name}.img" if block_device else None
        self.loop = None
        self.memory = {}
        self.restarts = 0
        self.closing = False
        if present:
            self.plug()

    def plug(self):
        if self.image:
            self.image.write_bytes(bytes(8 << 20))
            fat = b"\tvfat\n" in pathlib.Path("/proc/filesystems").read_bytes() and shutil.which("mkfs.vfat")
            self._run("mkfs.vfat" if fat else "mkfs.ext2", *([] if fat else ["-q", "-b", "1024"]), self.image)
            self.loop = self._run("losetup", "--show", "-f", self.image).strip()
            self._run("mount", self.loop, self.dir)
        (self.dir / "INFO_UF2.TXT").write_text(self.info)
        if self.current is not None:
            (self.dir / "CURRENT.UF2").write_bytes(self.current)
        if self.image:
            self._run("sync", "-f", self.dir)
        self.thread = threading.Thread(target=self._live, daemon=True)
        self.thread.start()

    @staticmethod
    def _run(*argv):
        return subprocess.run(list(map(str, argv)), check=True, capture_output=True, text=True).stdout

    def _seen(self):
        if self.image:
            data = self.image.read_bytes()
        else:
            # A directory has no sectors: each file but CURRENT.UF2 as far as it is written.
            files = [f for f in self.dir.iterdir() if f.name != "CURRENT.UF2"]
            data = b"".join(f.read_bytes() for f in files if f.stat().st_size % SECTOR == 0)
        return {n: b for n, b in blocks(data).items() if b[3] == self.family}

    def _live(self):
        while not self.closing:
            try:
                seen = self._seen()
            except OSError:
                seen = {}
            if seen and len(seen) == next(iter(seen.values()))[2]:
                for address, data, _, _ in seen.values():
                    self.memory.update(enumerate(data, address))
                self.restarts += 1
                self.started(self)
                return self.unplug()
            time.sleep(0.002)

    def unplug(self):
        if self.loop:
            # The device is torn out while it is mounted: what is under way fails.
            self._run("umount", "-l", self.dir)
            subprocess.run(["losetup", "-d", self.loop], capture_output=True)
            self.loop = None
        else:
            shutil.rmtree(self.dir)
            self.dir.mkdir()

    def holds(self, address, data):
        return all(self.memory.get(address + i) == byte for i, byte in enumerate(data))

    def close(self):
        self.closing = True
        if hasattr(self, "thread"):
            self.thread.join(5)
        if self.loop:
            self.unplug()
