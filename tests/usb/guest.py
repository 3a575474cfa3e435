# SPDX-License-Identifier: MIT
"""A Debian kernel in QEMU (no KVM is needed) with this host's files under it, read-only, and USB ports.

On an xHCI controller hangs, at 1-1, a hub that switches power, and on its ports: 1 a UF2 bootloader's
drive, where it is plugged in; 2 an FTDI adapter; 3 a model of a bootloader, whose firmware prints to that
adapter's wires, and 4 one of a CP2104, both through usbredir.
"""
import lzma
import pathlib
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

from cp2104 import Cp2104
from uf2_stick import Uf2Stick

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / "build" / "usb-lab"
MODULES = ("virtio_pci", "virtio_console", "9pnet_virtio", "9p")
RP2040 = 0xE48BFF56  # its UF2 family

INIT = """#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /root
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs dev /dev
for module in $(/bin/busybox cat /modules); do /bin/busybox insmod /lib/$module || exec /bin/busybox poweroff -f; done
/bin/busybox mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose hostroot /root
for dir in run tmp; do /bin/busybox mount -t tmpfs tmpfs /root/$dir; done
/bin/busybox mkdir /root/run/work
/bin/busybox mount -t 9p -o trans=virtio,version=9p2000.L,cache=none work /root/run/work
for dir in proc sys dev; do /bin/busybox mount -o move /$dir /root/$dir; done
exec /bin/busybox switch_root /root /bin/sh /run/work/guest
"""

GUEST = """export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/run HIL_RUNTIME_DIR=/run/hil HIL_STATE_DIR=/run/state
mkdir -p /run/udev /run/hil
/lib/systemd/systemd-udevd --daemon
for module in xhci_pci ftdi_sio cp210x usb_storage sd_mod vfat nls_cp437 nls_ascii; do modprobe -d {modules} $module; done
udevadm trigger; udevadm settle
ip link set lo up 2>/dev/null
exec 3<>/dev/virtio-ports/lab
cd /run/work
while IFS= read -r line <&3; do
  sh -c "$line" >/run/work/out 2>&1 </dev/null
  echo "done $?" >&3
done
"""


def quit_quietly(why):
    print(f"usb-lab: skipped: {why}")
    sys.exit(0)


def run(*argv, **more):
    done = subprocess.run(list(map(str, argv)), capture_output=True, text=True, **more)
    if done.returncode:
        sys.exit(f"usb-lab: {argv[0]}: {done.stdout}{done.stderr}")
    return done.stdout


# ---- what is booted --------------------------------------------------------------------------


def unpack_kernel():
    """Debian's kernel package, unpacked and not installed: the newest of the release."""
    depends = run("apt-cache", "depends", "linux-image-amd64")
    match = re.search(r"Depends: (linux-image-\S+)", depends)
    if not match:
        quit_quietly("apt knows no linux-image-amd64")
    package = match.group(1)
    at = BUILD / package
    if not (at / "vmlinux").exists():
        shutil.rmtree(at, ignore_errors=True)
        at.mkdir(parents=True)
        if subprocess.run(["apt-get", "-q", "download", package], cwd=at, capture_output=True).returncode:
            shutil.rmtree(at)
            quit_quietly(f"{package} cannot be downloaded")
        (deb,) = at.glob("*.deb")
        run("dpkg", "-x", deb, at)
        deb.unlink()
        (image,) = at.glob("boot/vmlinuz-*")
        (tree,) = (at / "lib/modules").iterdir()
        run("depmod", "-b", at, tree.name)
        (at / "vmlinux").write_bytes(extract(image.read_bytes()))
    return at


def extract(image):
    """The ELF file within a bzImage (Linux' Documentation/x86/boot.rst); PVH boots that twice as fast."""
    setup = (image[0x1F1] or 4) + 1
    offset, length = struct.unpack_from("<II", image, 0x248)
    payload = image[setup * 512 + offset :][:length]
    return lzma.LZMADecompressor().decompress(payload)


def make_initrd(kernel, to):
    (tree,) = (kernel / "lib/modules").iterdir()
    wanted = []
    for module in MODULES:
        for line in run("modprobe", "-d", kernel, "-S", tree.name, "--show-depends", module).splitlines():
            path = pathlib.Path(line.split()[1]) if line.startswith("insmod") else None
            if path and path not in wanted:
                wanted.append(path)
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        for name in ("bin", "lib"):
            (scratch / name).mkdir()
        shutil.copy("/bin/busybox", scratch / "bin/busybox")
        for path in wanted:
            shutil.copy(path, scratch / "lib")
        (scratch / "modules").write_text("\n".join(path.name for path in wanted))
        (scratch / "init").write_text(INIT)
        (scratch / "init").chmod(0o755)
        names = "\n".join(str(p.relative_to(scratch)) for p in [scratch, *sorted(scratch.rglob("*"))])
        packed = subprocess.run(
            ["cpio", "-o", "-H", "newc", "--quiet"], cwd=scratch, input=names.encode(), capture_output=True
        )
        to.write_bytes(packed.stdout)


# ---- the guest -------------------------------------------------------------------------------


class Guest:
    def __init__(self, kernel, work, devices=()):
        """`devices`: QEMU's words for what else hangs on xhci.0, on its ports from 2 on."""
        self.work = work
        self.began = time.monotonic()
        make_initrd(kernel, work / "initrd")
        (work / "guest").write_text(GUEST.format(modules=kernel))
        at = lambda name: work / name
        hub = "bus=xhci.0,port=1"
        self.qemu = subprocess.Popen(
            ["qemu-system-x86_64", "-M", "q35", "-accel", "tcg,thread=multi", "-cpu", "qemu64", "-m", "512",
             "-nodefaults", "-display", "none", "-no-reboot", "-kernel", kernel / "vmlinux",
             "-initrd", at("initrd"), "-append", "console=ttyS0 panic=-1 quiet mitigations=off tsc=reliable",
             "-serial", f"file:{at('kernel.log')}",
             "-virtfs", "local,path=/,mount_tag=hostroot,security_model=none,readonly=on,multidevs=remap",
             "-virtfs", f"local,path={work},mount_tag=work,security_model=none,multidevs=remap",
             "-device", "virtio-serial-pci", "-chardev", f"socket,path={at('shell')},server=on,wait=off,id=c",
             "-device", "virtserialport,chardev=c,name=lab",
             "-device", "qemu-xhci,id=xhci", "-device", f"usb-hub,{hub},ports=4,port-power=on",
             "-chardev", f"socket,path={at('redir')},server=on,wait=off,id=r",
             "-device", "usb-redir,chardev=r,bus=xhci.0,port=1.3",
             "-chardev", f"socket,path={at('redir2')},server=on,wait=off,id=r2",
             "-device", "usb-redir,chardev=r2,bus=xhci.0,port=1.4",
             "-qmp", f"unix:{at('qmp')},server=on,wait=off",
             "-chardev", f"socket,path={at('uart')},server=on,wait=off,id=u",
             "-device", "usb-serial,chardev=u,serial=HIL0001,always-plugged=on,bus=xhci.0,port=1.2", *devices],
            stdin=subprocess.DEVNULL, stderr=open(at("qemu.log"), "wb"))
        self.shell = self.connect(at("shell"))
        end = time.monotonic() + 20
        while not all(at(name).exists() for name in ("redir", "redir2", "qmp", "uart")):
            assert time.monotonic() < end, "QEMU has not made its sockets"
            time.sleep(0.02)
        self.board = subprocess.Popen(
            [BUILD / "hil/tests/dfu-redir", at("redir"), "serial=357B31563235",
             f"state={at('state.json')}", f"console={at('uart')}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.cp2104 = Cp2104(at("redir2"), "CP0001")
        self.stick = Uf2Stick(work, at("qmp"), "1.1", RP2040)
        self.order("plug")
        self("true", timeout=120)  # the loop reads only once all is up
        self.booted = time.monotonic() - self.began

    def connect(self, path):
        end = time.monotonic() + 20
        while True:
            try:
                sock = socket.socket(socket.AF_UNIX)
                sock.connect(str(path))
                return sock
            except OSError:
                if time.monotonic() > end:
                    sys.exit(f"usb-lab: QEMU did not start: {(self.work / 'qemu.log').read_text()}")
                time.sleep(0.05)

    def order(self, line):
        self.board.stdin.write(line + "\n")
        self.board.stdin.flush()
        assert self.board.stdout.readline() == "ok\n"

    def send(self, command):
        self.shell.sendall(command.encode() + b"\n")

    def result(self, timeout=60):
        """Exit code and output of what was sent."""
        self.shell.settimeout(timeout)
        line = b""
        while not line.endswith(b"\n"):
            more = self.shell.recv(64)
            if not more:
                raise AssertionError(f"the guest ended: {(self.work / 'kernel.log').read_text()[-2000:]}")
            line += more
        return int(line.split()[1]), (self.work / "out").read_text(errors="replace")

    def __call__(self, command, timeout=60):
        self.send(command)
        return self.result(timeout)

    def close(self):
        self.board.kill()
        self.qemu.kill()  # SIGTERM is not obeyed while a chardev's peer does not read
        self.qemu.wait()
