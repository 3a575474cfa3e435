# SPDX-License-Identifier: MIT
"""A UF2 bootloader on a USB port of QEMU: a memory stick with a FAT that it makes up, as they all do.

What the guest writes arrives as sectors. A sector that is a UF2 block of the right family goes into
the chip's memory, whatever file it belongs to; with the last one the stick is gone.
"""
import json
import socket
import struct
import threading
import time

SECTOR, SECTORS, CLUSTERS_FROM = 512, 16384, 1 + 64 + 4  # boot sector, one FAT, 64 directory entries
INFO = b"UF2 Bootloader v3.0\r\nModel: Raspberry Pi RP2\r\nBoard-ID: RPI-RP2\r\n"


def fat16(info):
    """Microsoft's "FAT: General Overview of On-Disk Format", a file in cluster 2."""
    image = bytearray(SECTOR * SECTORS)
    image[:62] = struct.pack(
        "<3s8sHBHBHHBHHHIIBBBI11s8s", b"\xeb\x3c\x90", b"UF2 UF2 ", SECTOR, 1, 1, 1, 64, SECTORS, 0xF8, 64, 1, 1, 0, 0,
        0, 0, 0x29, 0x00420042, b"RPI-RP2    ", b"FAT16   ",
    )  # fmt: skip
    image[510:512] = b"\x55\xaa"
    struct.pack_into("<3H", image, SECTOR, 0xFFF8, 0xFFFF, 0xFFFF)
    root = SECTOR * 65
    image[root : root + 12] = b"RPI-RP2    \x08"
    struct.pack_into("<11sB14xHI", image, root + 32, b"INFO_UF2TXT", 0x01, 2, len(info))
    at = SECTOR * CLUSTERS_FROM
    image[at : at + len(info)] = info
    return image


class Uf2Stick:
    def __init__(self, work, qmp, port, family):
        self.file = work / "stick.img"
        self.port, self.family = port, family
        self.qmp = socket.socket(socket.AF_UNIX)
        self.qmp.connect(str(qmp))
        self.lines = self.qmp.makefile("r")
        self.lines.readline()
        self.order("qmp_capabilities")
        self.memory, self.restarts, self.plugged = {}, 0, False

    def order(self, command, **arguments):
        self.qmp.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        while True:
            answer = json.loads(self.lines.readline())
            if "error" in answer:
                raise OSError(f"{command}: {answer['error']['desc']}")
            if "return" in answer:
                return
            if answer.get("event") == "DEVICE_DELETED":
                self.deleted = True

    def plug(self, unplug_after=None):
        """Shows itself; with `unplug_after` it is pulled once that many blocks are there."""
        self.file.write_bytes(fat16(INFO))
        self.memory, self.unplug_after = {}, unplug_after
        self.order("blockdev-add", driver="raw", **{"node-name": "stick", "file": {"driver": "file", "filename": str(self.file)}})
        self.order("device_add", driver="usb-storage", id="stick-device", drive="stick", bus="xhci.0", port=self.port, serial="E0C9125B0D9B")
        self.plugged = True
        threading.Thread(target=self._live, daemon=True).start()

    def _blocks(self):
        data = self.file.read_bytes()
        for at in range(SECTOR * CLUSTERS_FROM, len(data), SECTOR):
            if data[at : at + 4] == b"UF2\n":
                head = struct.unpack_from("<8I", data, at)
                if head[1] == 0x9E5D5157 and head[7] == self.family:
                    yield head[5], head[6], head[3], data[at + 32 : at + 32 + head[4]]

    def _live(self):
        while True:
            blocks = {number: block for number, *block in self._blocks()}
            if self.unplug_after and len(blocks) >= self.unplug_after:
                return self.unplug()
            if blocks and len(blocks) == next(iter(blocks.values()))[0]:
                for _, address, data in blocks.values():
                    self.memory.update(enumerate(data, address))
                self.restarts += 1
                return self.unplug()
            time.sleep(0.01)

    def unplug(self):
        self.deleted = False
        self.order("device_del", id="stick-device")
        while not self.deleted:
            self.deleted = json.loads(self.lines.readline()).get("event") == "DEVICE_DELETED"
        self.order("blockdev-del", **{"node-name": "stick"})
        self.plugged = False
