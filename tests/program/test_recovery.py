# SPDX-License-Identifier: MIT
"""A board that cannot be flashed: what is tried, and what becomes of one that nothing helps."""
import json
import signal
import time

import pytest
from conftest import firmware, wait_until
from ptyboard import UNITY, PtyBoard

IMAGE = firmware("selftest-unity.elf")
RED = UNITY.replace("test_two:PASS", "test_two:FAIL: Expected 1 Was 2").replace("0 Failures", "1 Failures").replace("OK", "FAIL")


class Bench:
    """Boards whose drivers write into `steps` what is done to them. `works` is a shell's condition: whether
    flashing does."""

    def __init__(self, hil):
        self.hil, self.boards, self.yaml = hil, [], ""
        self.steps = hil.home / "steps"
        self.steps.touch()

    def board(self, name, works="true", says=UNITY, **extra):
        board = PtyBoard(self.hil.home, name, lambda board: board.say(says))
        self.boards.append(board)
        note = f"echo {name} flash >> {self.steps}; {works} || (echo no target; exit 1)"
        text = board.yaml(**extra).replace(f"[cp, '{{file}}', '{board.flash}']", json.dumps(["sh", "-c", note, "{file}"]))
        self.yaml += text
        return board

    def driver(self, name, step):
        return json.dumps(["sh", "-c", f"echo {name} {step} >> {self.steps}"])

    def switches(self, name):
        """Drivers for every step that a board can have."""
        power = f"{{cmd: {{on: {self.driver(name, 'on')}, off: {self.driver(name, 'off')}}}}}"
        probe = f"{{cmd: {{on: {self.driver(name, 'probe-on')}, off: {self.driver(name, 'probe-off')}}}}}"
        boot = f"{{cmd: {{run: {self.driver(name, 'boot')}}}}}"
        return {"power": power, "recovery": f"{{bootloader: {boot}, probe: {probe}}}"}

    def __call__(self, *args, **more):
        lab = self.hil.write("lab.yaml", f"lab: bench\nboards:\n{self.yaml}")
        return self.hil(args[0], "--lab", lab, *args[1:], **more)

    def run(self, *args, **more):
        return self("run", *args, IMAGE, **more)

    def done(self):
        return self.steps.read_text().split("\n")[:-1]

    def state(self, name):
        boards = json.loads(self("boards", "--json").out)["boards"]
        return next(board for board in boards if board["name"] == name)["quarantine"]


@pytest.fixture
def bench(hil):
    bench = Bench(hil)
    yield bench
    for board in bench.boards:
        board.close()


def after(steps, what):
    """A condition: `what` was done already."""
    return f"grep -q '{what}' {steps}"


def recovery(run):
    return [(step["step"], step["helped"]) for step in run.board().get("recovery", [])]


def test_the_same_again_may_do(hil, bench):
    bench.board("uno", works=f"test $(wc -l < {bench.steps}) -gt 1")
    run = bench.run()
    assert run.code == 0, run.out + run.err
    assert recovery(run) == [("again", True)]
    assert bench.done() == ["uno flash", "uno flash"]
    assert "uno: warning: recovery: again, because: flash cmd: sh: exit 1: no target" in run.out
    assert "it could be flashed only after again" in run.out
    assert "it could be flashed only after again" in (run.dir / "summary.md").read_text()
    assert bench.state("uno") is None
    before = run.report
    assert hil("replay", "--json", "again.json", run.dir).code == 0
    assert json.loads((hil.home / "again.json").read_text())["boards"][0]["recovery"] == before["boards"][0]["recovery"]


def test_one_step_after_the_other(hil, bench):
    bench.board("uno", works=after(bench.steps, "uno probe-on"), **bench.switches("uno"))
    run = bench.run()
    assert run.code == 0, run.out + run.err
    assert recovery(run) == [("again", False), ("bootloader", False), ("power-cycle", False), ("probe-cycle", True)]
    assert bench.done() == [
        "uno on", "uno flash", "uno flash", "uno boot", "uno flash", "uno off", "uno on", "uno flash",
        "uno probe-off", "uno probe-on", "uno flash", "uno off"]  # fmt: skip


def test_only_the_steps_that_are_wanted(hil, bench):
    switches = bench.switches("uno")
    switches["recovery"] = switches["recovery"].replace("{bootloader", "{steps: [power-cycle], bootloader", 1)
    bench.board("uno", works=after(bench.steps, "uno boot"), **switches)
    run = bench.run()
    assert run.code == 3
    assert recovery(run) == [("power-cycle", False)]
    assert "uno boot" not in bench.done()


@pytest.mark.parametrize("verb", ["run", "flash"])
def test_what_nothing_helps_is_left_alone_until_it_is_released(hil, bench, verb):
    bench.board("uno", works=f"test -e {hil.home}/mended")
    do = lambda: bench.run() if verb == "run" else bench("flash", f"uno={IMAGE}")
    first = do()
    assert first.code == 3
    assert "flash cmd: sh: exit 1: no target; tried: again" in first.out
    assert "uno: warning: goes into quarantine" in first.out
    assert "flash cmd: sh: exit 1: no target" in bench.state("uno")["reason"]
    steps = bench.done()
    second = do()
    assert second.code == 3
    assert "in quarantine since 20" in second.out and "hil boards --release uno" in second.out
    assert bench.done() == steps, "the board was not touched"
    assert "quarantine: flash cmd" in bench("boards").out
    released = bench("boards", "--release", "uno")
    assert (released.code, released.out) == (0, "uno: released\n")
    assert bench("boards", "--release", "uno").out == "uno: was in no quarantine\n"
    (hil.home / "mended").touch()
    assert do().code == 0


def test_its_sibling_takes_over(hil, bench):
    bench.board("bad", works="false")
    bench.board("good")
    first = bench.run("-b", "pty", "--repeat", "3")
    assert first.code == 3, "one of the three may have met the bad board only"
    verdicts = [(board["name"], board["verdict"]) for board in first.report["boards"]]
    assert verdicts.count(("good", "pass")) == 2
    assert bench.run("-b", "pty", "--repeat", "3").code == 0
    assert "bad: warning: in quarantine since" in bench.run("-b", "pty").out
    only = bench.run("-b", "bad")
    assert only.code == 3 and "bad is in quarantine" in only.board()["reason"]


def test_a_retry_goes_to_the_sibling_and_the_run_is_green(hil, bench):
    bench.board("bad", works="false")
    bench.board("good")
    run = bench.run("-b", "pty", "--retries", "1", "--repeat", "2")
    assert run.code == 0, run.out
    assert bench.state("bad") and not bench.state("good")


def test_a_board_that_gives_its_label_up(hil, bench):
    bench.board("uno", works="false")
    labels = lambda: bench("labels").out
    assert "uno-type" in labels()
    bench.run()
    assert "uno-type" not in labels()


def test_a_board_that_is_not_there_is_not_blamed(hil, bench):
    board = bench.board("uno", works="false")
    bench.yaml = bench.yaml.replace(board.tty, "/dev/hil-unplugged")
    run = bench("flash", f"uno={IMAGE}")
    assert run.code == 3 and "tried: again" in run.out
    assert bench.state("uno") is None


def test_what_cannot_help_is_not_tried(hil, bench):
    bench.board("uno")
    bench.yaml = bench.yaml.replace('["sh", ', '["no-such-flasher", ')
    run = bench.run()
    assert run.code == 3 and "no-such-flasher" in run.board()["reason"]
    assert recovery(run) == [] and bench.state("uno") is None


def test_a_cancel_ends_it(hil, bench):
    bench.board("uno", works="false", **bench.switches("uno"))
    lab = hil.write("lab.yaml", f"lab: bench\nboards:\n{bench.yaml}")
    process = hil.start("run", "--lab", lab, IMAGE)
    wait_until(lambda: "uno boot" in bench.done(), what="the second step")
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert hil.finish(process).code == 143
    assert time.monotonic() - began < 3
    assert bench.state("uno") is None
    assert bench.done()[-1] == "uno off"


def test_a_cancel_leaves_no_probe_without_power(hil, bench):
    bench.board("uno", works="false", **bench.switches("uno"))
    lab = hil.write("lab.yaml", f"lab: bench\nboards:\n{bench.yaml}")
    process = hil.start("run", "--lab", lab, IMAGE)
    wait_until(lambda: "uno probe-off" in bench.done(), what="the last step")
    process.send_signal(signal.SIGTERM)
    assert hil.finish(process).code == 143
    assert bench.done().count("uno probe-off") == bench.done().count("uno probe-on") == 1


# ---- health ------------------------------------------------------------------------------------------


def health(hil, **more):
    golden = hil.home / "golden.elf"
    golden.write_bytes(IMAGE.read_bytes())
    return "{firmware: golden.elf" + "".join(f", {key}: {value}" for key, value in more.items()) + "}"


def test_a_check_that_passes_releases(hil, bench):
    bench.board("uno", works=f"test -e {hil.home}/mended", health=health(hil))
    assert bench.run().code == 3 and bench.state("uno")
    (hil.home / "mended").touch()
    run = bench("health", "-b", "uno")
    assert run.code == 0, run.out + run.err
    assert "uno: is well again: out of quarantine" in run.out
    assert bench.state("uno") is None
    assert (hil.home / "hil-health/junit.xml").exists() and bench.run().code == 0


def test_a_check_that_fails_quarantines(hil, bench):
    bench.board("uno", says=RED, health=health(hil))
    bench.board("dos", health=health(hil))
    bench.board("tres")
    run = bench("health")
    assert run.code == 1
    assert "health check: " in bench.state("uno")["reason"] and not bench.state("dos")
    assert bench.done() == ["uno flash", "dos flash"] or bench.done() == ["dos flash", "uno flash"]


def test_a_check_may_want_more_tests(hil, bench):
    bench.board("uno", health=health(hil, tests=3))
    assert bench("health").code == 1
    assert bench.state("uno")["reason"] == "health check: 3 tests were expected, 2 were seen"


def test_only_what_is_due(hil, bench):
    bench.board("often", health=health(hil, every="1ms"))
    bench.board("rarely", health=health(hil, every="1h"))
    bench.board("never", health=health(hil))
    assert bench("health", "--due").code == 0
    assert sorted(bench.done()) == ["often flash", "rarely flash"]
    bench("health", "--due")
    assert sorted(bench.done()) == ["often flash", "often flash", "rarely flash"]
    none = bench("health", "--due", "-b", "never")
    assert none.code == 0 and not none.err
    assert "nothing is due" in none.out


def test_a_check_needs_a_golden_image(hil, bench):
    bench.board("uno")
    run = bench("health")
    assert run.code == 2 and "no golden image: give uno health: {firmware: golden.elf}" in run.err
    bench.yaml += "    health: {firmware: nowhere.elf}\n"
    run = bench("health")
    assert run.code == 2 and "health of uno" in run.err and "nowhere.elf" in run.err
    assert bench.done() == [] and not (hil.home / "hil-health").exists()


# ---- blame -------------------------------------------------------------------------------------------


def golden(hil, bench, name, says=UNITY, **more):
    """A board that says `says` for every image but the golden one, for which it says what a good board does."""
    golden = hil.home / "golden.elf"
    golden.write_bytes(IMAGE.read_bytes() + b"golden")  # bytes behind an ELF's end are nobody's
    says = [says] if isinstance(says, str) else list(says)
    board = bench.board(name, health="{firmware: golden.elf}", **more)
    flashed = hil.home / f"{name}-has"
    bench.yaml = bench.yaml.replace(f"echo {name} flash >>", f"cp $0 {flashed}; echo {name} flash >>")

    def script(board):
        good = flashed.read_bytes().endswith(b"golden")
        board.say(more.get("golden", UNITY) if good else says.pop(0) if len(says) > 1 else says[0])

    board.script = script
    return board


def blamed(run):
    return {board["name"]: (board["blame"]["who"], board["blame"]["why"]) for board in run.report["boards"] if "blame" in board}


def test_blame_on_the_board(hil, bench):
    golden(hil, bench, "uno", says=RED)
    bench.boards[0].script = lambda board: board.say(RED)  # whatever it runs
    run = bench.run("--blame")
    assert run.code == 1
    who, why = blamed(run)["uno"]
    assert who == "board" and "does not pass its golden image either" in why
    assert "note: uno: to blame is board: uno does not pass" in run.out
    assert "### To blame" in (run.dir / "summary.md").read_text()
    assert (run.dir / "blame/others/uno/uart.log").exists() or list((run.dir / "blame/others").rglob("uart.log"))
    before = (run.dir / "report.json").read_text()
    assert hil("replay", "--json", "again.json", run.dir).code == 1
    assert (hil.home / "again.json").read_text() == before


def test_blame_on_the_firmware_by_a_sibling(hil, bench):
    golden(hil, bench, "uno", says=RED)
    golden(hil, bench, "dos", says=RED)
    run = bench.run("--blame", "-b", "pty")
    assert [who for who, _ in blamed(run).values()] == ["firmware"]
    assert "too" in str(blamed(run)) and "passes its golden image" in str(blamed(run))
    every = bench.run("--blame", "--all")
    assert {who for who, _ in blamed(every).values()} == {"firmware"}
    assert len(blamed(every)) == 2


def test_blame_on_the_firmware_without_a_sibling(hil, bench):
    golden(hil, bench, "uno", says=RED)
    assert blamed(bench.run("--blame"))["uno"] == (
        "firmware", "it fails each time, and uno passes its golden image; no sibling was asked")  # fmt: skip
    assert bench.done() == ["uno flash"] * 3


def test_blame_on_nobody(hil, bench):
    golden(hil, bench, "uno", says=[RED, UNITY])
    run = bench.run("--blame")
    assert run.code == 1, "a failure that passed later stays one"
    assert blamed(run)["uno"] == ("flaky", "it passes on uno when run again")


def test_blame_on_a_board_that_differs_from_its_sibling(hil, bench):
    golden(hil, bench, "uno", says=RED)
    golden(hil, bench, "dos")
    run = bench.run("--blame", "--all")
    assert blamed(run) == {"uno": (
        "board", "it passes on dos and fails on uno each time, in what the golden image does not test")}  # fmt: skip


def test_blame_that_cannot_be_told(hil, bench):
    bench.board("uno", says=RED)
    run = bench.run("--blame")
    assert blamed(run)["uno"][0] == "unknown" and "no golden image" in blamed(run)["uno"][1]


def test_no_blame_where_all_is_well(hil, bench):
    golden(hil, bench, "uno")
    run = bench.run("--blame")
    assert run.code == 0 and not blamed(run) and not (run.dir / "blame").exists()
