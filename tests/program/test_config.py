# SPDX-License-Identifier: MIT
"""lab.yaml and hil.yaml: every mistake in one go, with its place; plans that build and fan out."""
from conftest import LAB, firmware


def test_every_mistake_in_one_go(hil):
    lab = hil.write(
        "lab.yaml",
        """lab: bench
boards:
  one:
    label: [a]
    flash: {opneocd: {}}
    console: {serial: {path: /dev/x, bauds: 9600}}
    reset: {cmd: {run: ["true"]}}
  two:
    labels: [b]
    memory: [{at: zero, size: 1K}]
    qemu: {machine: netduinoplus2, machines: 1}
""",
    )
    result = hil("boards", "--lab", lab)
    assert result.code == 2
    for words in [
        "lab.yaml:4:5: unknown key 'label' (did you mean 'labels'?)",
        "lab.yaml:5:13: unknown flash driver 'opneocd'",
        "lab.yaml:6:38: unknown key 'bauds' (did you mean 'baud'?)",
        "lab.yaml:10:",
        "lab.yaml:11:",
    ]:
        assert words in result.err, result.err


def test_lines_that_reset_and_switch(hil):
    """Where a mistake is within a pattern; and whose tty it is that none is named."""
    board = """    labels: [x]
    flash: {{cmd: {{run: ["true"]}}}}
    reset: {{serial: {{pattern: {}}}}}
    console: {}
"""
    serial, tcp = "{serial: {path: /dev/x}}", "{tcp: {host: localhost, port: 1}}"
    boards = [board.format("esptol", serial), board.format("[dtr=1, 100ms, rst=0]", serial), board.format("arduino", tcp),
              board.format("[dtr=1, 5ms, dtr=0]", serial)]
    lab = hil.write("lab.yaml", "boards:\n" + "".join(f"  b{n}:\n{text}" for n, text in enumerate(boards)))
    result = hil("boards", "--lab", lab)
    assert result.code == 2
    places = [line.split("lab.yaml:")[1] for line in result.err.splitlines()]
    assert places == [
        "5:31: reset serial: pattern: unknown pattern 'esptol' (did you mean 'esptool'?)",
        "10:46: reset serial: pattern: unknown line 'rst' (did you mean 'rts'?)",
        "15:13: 'serial' needs either 'path' or 'usb-serial': the board has no serial console whose tty it could take",
    ], result.err


def test_where_the_lab_is_looked_for(hil):
    result = hil("boards")
    assert result.code == 2
    for place in ("--lab", "HIL_LAB", "lab.yaml", "/etc/hil/lab.yaml"):
        assert place in result.err
    (hil.home / "lab.yaml").symlink_to(LAB)
    assert hil("boards").code == 0
    assert hil("boards", env={"HIL_LAB": "/no/such"}).code == 2


PLAN = """tests:
  - name: smoke
    build: {build}
    firmware: {firmware}
    boards: [stm32f405, stm32f205]
    format: unity
    expect: {{tests: 5}}
"""


def plan(hil, build="['true']", path=None):
    path = path or firmware("selftest-unity.elf").parent.parent / "{label}/selftest-unity.elf"
    return hil.write("hil.yaml", PLAN.format(build=build, firmware=f"'{path}'"))


def test_plan_runs_once_an_entry(hil):
    result = hil.run("--plan", plan(hil))
    assert result.code == 0, result.out + result.err
    boards = result.report["boards"]
    assert [board["test"] for board in boards] == ["smoke [stm32f405]", "smoke [stm32f205]"]
    # --board narrows a plan.
    only = hil.run("--plan", plan(hil), "-b", "virtual-f205")
    assert [board["name"] for board in only.report["boards"]] == ["virtual-f205"]


def test_failed_build_is_a_fail_with_its_log(hil):
    result = hil.run("--plan", plan(hil, build="[sh, -c, 'echo main.c:3: no such thing; exit 2']"))
    assert result.code == 1
    assert "main.c:3: no such thing" in result.board()["reason"]
    assert "main.c:3: no such thing" in (hil.out / "build.log").read_text()
    assert int(result.junit.get("failures")) > 0


def test_plan_mistakes(hil):
    path = hil.write("hil.yaml", "tests:\n  - name: a\n    frimware: x\n    boards: []\n")
    result = hil.run("--plan", path)
    assert result.code == 2
    assert "hil.yaml:3:5: unknown key 'frimware' (did you mean 'firmware'?)" in result.err
    missing = hil.run("--plan", plan(hil, path="/no/such.elf"))
    assert missing.code == 2 and "/no/such.elf" in missing.err
    assert hil.run("--plan", "nowhere.yaml").code == 2


def test_board_is_filled_in(hil):
    for name in ("virtual-f405", "virtual-f405-b"):
        (hil.home / name).symlink_to(firmware("selftest-tap.elf"))
    text = "tests:\n  - {name: t, firmware: '{board}', boards: [stm32f405]}\n"
    result = hil.run("--plan", hil.write("hil.yaml", text))
    assert result.code == 0, result.out + result.err
    assert sorted(b["name"] for b in result.report["boards"]) == ["virtual-f405", "virtual-f405-b"]
