# SPDX-License-Identifier: MIT
"""What a service tells the journal: each line once, with fields to ask by. By a real journald."""
import contextlib
import json
import signal
import sys

from conftest import HIL, ROOT, wait_until
from journald import NEEDED, Journald
from page_client import Page, Viewer
from ptyboard import PtyBoard, lab_of
from test_rig import RIG, bootloader, table
from test_watch import ONE, UNITY, script_lab
from usblab import LAB as WITH_USB

sys.path.insert(0, str(ROOT / "tests" / "github"))
from server import REPO, GitHub  # noqa: E402

pytestmark = NEEDED
IDS = dict(line.split()[1:3] for line in (ROOT / "src/serve/message_id.h").read_text().splitlines()
           if line.startswith("#define MESSAGE_ID_"))  # fmt: skip
IDS = {name.removeprefix("MESSAGE_ID_"): value.strip('"') for name, value in IDS.items()}


def test_the_ids_are_listed():
    listed = (ROOT / "docs/watch.md").read_text()
    assert len(IDS) == 7 and all(f"| `{value}` |" in listed for value in IDS.values())


def of(entry, *names):
    return tuple(entry.get(name) for name in names)


def test_a_watch_tells_of_boards_and_verdicts(hil):
    lab = script_lab(hil, 'case $0 in dos) echo nobody is there; exit 1;; esac', ("uno", "dos"))
    with Journald() as journal, GitHub(token="ghs_0123456789abcdefTOKEN") as github:
        github.add_release("v1", {"fw.elf": UNITY})
        argv = [HIL, "watch", "--once", "--lab", lab, *ONE, "-b", "dos"]
        assert journal.start(hil, *argv, env=github.env).wait(60) == 3
        (good,) = wait_until(lambda: journal.entries(f"MESSAGE_ID={IDS['FLASHED']}"), 20)
        (bad,) = journal.entries(f"MESSAGE_ID={IDS['NOT_FLASHED']}")
        names = ("HIL_LAB", "HIL_BOARD", "HIL_REPOSITORY", "HIL_TAG", "HIL_ASSET", "HIL_VERDICT", "PRIORITY", "SYSLOG_IDENTIFIER")
        assert of(good, *names) == ("desk", "uno", REPO, "v1", "fw.elf", "pass", "5", "hil")
        assert of(bad, *names) == ("desk", "dos", REPO, "v1", "fw.elf", "infra", "3", "hil")
        assert good["MESSAGE"].startswith("uno: ok v1 (fw.elf), ") and bad["MESSAGE"].startswith("dos: FAILED v1 (fw.elf): ")
        (newest,) = [e for e in journal.entries(f"HIL_REPOSITORY={REPO}") if e["MESSAGE"].endswith(": newest is v1")]
        assert of(newest, "PRIORITY", "HIL_TAG", "HIL_BOARD") == ("5", "v1", None)
        # Each line once: none also by the stream, where it would have no fields.
        lines = [e["MESSAGE"] for e in journal.entries("_COMM=hil")]
        assert len(set(lines)) == len(lines) and {e["_TRANSPORT"] for e in journal.entries("_COMM=hil")} == {"journal"}, lines

        # The last words of a service that cannot begin are an error, too.
        assert journal.start(hil, HIL, "watch", "--once", "--lab", hil.home / "none.yaml", env=github.env).wait(60) == 2
        (error,) = wait_until(lambda: [e for e in journal.entries("PRIORITY=3") if "none.yaml" in e["MESSAGE"]], 20)
        assert error["MESSAGE"].startswith("hil watch: ")


def test_a_rig_tells_of_slots(hil):
    usb = table(hil, RIG, bootloader(hil, 1, "AA1"), bootloader(hil, 2, "BB2", "bad=64"))
    with Journald() as journal:
        assert journal.start(hil, WITH_USB, usb.path, HIL, "rig", "--once").wait(60) == 3
        (done,) = wait_until(lambda: journal.entries(f"MESSAGE_ID={IDS['SLOT_DONE']}"), 20)
        (failed,) = journal.entries(f"MESSAGE_ID={IDS['SLOT_FAILED']}")
    names = ("HIL_LAB", "HIL_SLOT", "HIL_PATH", "HIL_SERIAL", "HIL_STATE", "PRIORITY")
    assert of(done, *names) == ("table", "1", "1-1.1", "AA1", "done", "5")
    assert of(failed, *names) == ("table", "2", "1-1.2", "BB2", "failed", "3")
    assert "verify: 0x08000040 holds" in failed["MESSAGE"]


class Address(Page):
    """A page that somebody else has started."""

    def __init__(self, port):
        self.tls, self.port = None, port


def test_a_page_tells_who_did_what_and_what_was_refused(hil):
    board = PtyBoard(hil.home, "uno", lambda _: None)
    lab = lab_of(hil, board)
    with Journald() as journal:
        process = journal.start(hil, HIL, "serve", "--lab", lab, "--listen", "127.0.0.1:0", "--allow-control", "--watch")
        try:
            (ready,) = wait_until(lambda: [e for e in journal.entries("_COMM=hil") if " is at " in e["MESSAGE"]], 20)
            page = Address(int(ready["MESSAGE"].rstrip("/").rsplit(":", 1)[1]))
            # This lab watches nothing: that service ends at once, says why itself, and is told of.
            wait_until(lambda: journal.entries("PRIORITY=3", "MESSAGE=hil serve: hil watch has ended with exit code 2, and is started again"), 20)
            assert any(e["MESSAGE"].startswith("hil watch: ") for e in journal.entries("PRIORITY=3"))
            with contextlib.closing(Viewer(page)) as viewer:
                key = viewer.wait_for(lambda v: v.state.get("lab"))["key"]
                ask = json.dumps({"board": "uno", "do": "reset"})
                assert page.ask("/control", "POST", ask, X_Hil_Key=key)[0] == 202
            wait_until(lambda: journal.entries("HIL_BOARD=uno", "PRIORITY=5"), 20)
            lab.write_text("boards: [\n")
            process.send_signal(signal.SIGHUP)
            (refused,) = wait_until(lambda: journal.entries(f"MESSAGE_ID={IDS['CONF_REFUSED']}", f"_PID={process.pid}"), 20)
            assert "the old one stays" in refused["MESSAGE"] and refused["PRIORITY"] == "3"
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 143
            board.close()
