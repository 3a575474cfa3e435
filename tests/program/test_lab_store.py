# SPDX-License-Identifier: MIT
"""Which store verbs ask that need no lab.yaml: never another one than the lab's, were its file to be read."""
import pytest

MACS = "02:00:00:00:10:00-02:00:00:00:10:0f"
VERBS = {
    "history": ("history",),
    "flaky": ("flaky",),
    "pool": ("pool",),
    "pool export": ("pool", "export", "macs"),
    "pool import": ("pool", "import", "macs", MACS, "--kind", "mac"),
    "store": ("store",),
    "store export": ("store", "export", "-"),
    "store import": ("store", "import", "all.jsonl"),
    "store send": ("store", "send"),
}


def no_yaml(hil):
    hil.write("lab.yaml", "lab: bench\nstore: [\n")
    return {}, "lab.yaml:"


def bad_store(hil):
    hil.write("lab.yaml", "lab: bench\nstore: {url: 7, ttl: x}\n")
    return {}, "lab.yaml:2"


def bad_board(hil):
    hil.write("lab.yaml", "lab: bench\nboards: {a: {flash: {nothing: {}}}}\n")
    return {}, "lab.yaml:2"


def gone(hil):
    return {"HIL_LAB": "gone.yaml"}, "$HIL_LAB names gone.yaml, which is not there"


def elsewhere(hil):
    hil.write("other.yaml", "lab: [\n")
    return {"HIL_LAB": "other.yaml"}, "other.yaml:"


def state(hil):
    return {path: path.read_bytes() for path in (hil.home / "state").rglob("*") if path.is_file() and not path.name.endswith("-shm")}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("broken", [no_yaml, bad_store, bad_board, gone, elsewhere])
def test_a_lab_that_cannot_be_read_is_an_error_for_all_alike(hil, verb, broken):
    assert hil("pool", "import", "others", "02:00:00:00:20:00-02:00:00:00:20:0f", "--kind", "mac").code == 0
    assert hil("store", "export", "all.jsonl").code == 0
    before = state(hil)
    env, words = broken(hil)
    result = hil(*VERBS[verb], env=env)
    assert result.code == 2 and words in result.err and not result.out, result.out + result.err
    assert state(hil) == before


@pytest.mark.parametrize("verb", VERBS)
def test_without_any_lab_it_is_the_file_of_this_host(hil, verb):
    assert hil("pool", "import", "macs", "02:00:00:00:20:00-02:00:00:00:20:0f", "--kind", "mac").code == 0
    assert hil("store", "export", "all.jsonl").code == 0
    more = ("--merge",) if verb == "store import" else ()
    result = hil(*VERBS[verb], *more)
    assert result.code == 0, result.out + result.err
