# SPDX-License-Identifier: MIT
"""action/provide-hil: which hil a lab host gets, and how one is built into the runner's tool cache."""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import threading

import pytest
from actions_runner import Runner, cancel, tool
from conftest import HIL, LAB, ROOT, processes_in, wait_until


@pytest.fixture
def bare(hil):
    """A host without hil. Its cmake takes the program under test for what it has built, waits while
    a file `hold` is there, and counts; the action lies in a small checkout of its own."""
    host = Runner(hil.home, hil.env)
    host.home = hil.home
    host.builds = hil.home / "builds"
    host.hold = hil.home / "hold"
    tool(hil.home / "tools", "cmake", f"""#!/bin/bash
if [[ $1 == --build ]]; then
  echo $$ >>{host.builds}
  [[ ! -e {hil.home}/broken ]] || {{ echo "no compiler"; exit 1; }}
  while [[ -e {host.hold} ]]; do sleep 0.02; done
  cp {HIL} "$2/hil"
else
  mkdir -p "$4"
fi
""")  # fmt: skip
    host.path.insert(0, str(hil.home / "tools"))
    if shutil.which("hil", path=":".join(host.path)):
        pytest.skip("this machine has hil installed")
    host.checkout = hil.home / "checkout"
    shutil.copytree(ROOT / "action", host.checkout / "action")
    shutil.copy(ROOT / "CMakeLists.txt", host.checkout)
    (host.checkout / "src").mkdir()
    (host.checkout / "src" / "main.c").write_text("int main(void) { return 0; }\n")
    host.setup = lambda **more: host.action(host.checkout / "action" / "setup", {"lab": str(LAB)}, **more)
    host.built = lambda: sorted(host.tool_cache.glob("hil/*/*/bin/hil"))
    return host


def test_builds_once_and_again_when_sources_change(bare):
    for _ in range(2):
        job = bare.setup()
        assert job.code == 0, job.log
    (path,) = bare.built()
    assert re.fullmatch(r"\d+\.\d+\.\d+-[0-9a-f]{12}", path.parts[-4]) and path.parts[-3] == "x64"
    assert job.outputs["path"] == str(path) and "virtual-f405" in job.log
    # What the step after it finds under the name of hil.
    assert str(path.parent) in bare.path
    (bare.checkout / "src" / "main.c").write_text("int main(void) { return 1; }\n")
    bare.path = [folder for folder in bare.path if folder != str(path.parent)]
    assert bare.setup().code == 0
    assert len(bare.built()) == 2 and len(bare.builds.read_text().split()) == 2


def test_hosts_hil_comes_first_and_another_hil_does_not(bare):
    other = tool(bare.home / "other", "hil", "#!/bin/bash\necho 'Hydrology in Lapland 3.1'\n")
    bare.path.insert(0, str(other.parent))
    assert bare.setup().code == 0 and len(bare.built()) == 1
    other.unlink()
    other.symlink_to(HIL)
    bare.path.insert(0, str(other.parent))
    assert bare.setup().outputs["path"] == str(other)


def test_two_at_once_build_once(bare):
    bare.hold.touch()
    jobs = []
    threads = [threading.Thread(target=lambda: jobs.append(provide(bare))) for _ in range(3)]
    for thread in threads:
        thread.start()
    building = lambda: len(bare.builds.read_text().split()) if bare.builds.exists() else 0
    wait_until(lambda: building() + len(waiters(bare)) == 3, what="one that builds and two that wait")
    bare.hold.unlink()
    for thread in threads:
        thread.join()
    assert [job.returncode for job in jobs] == [0, 0, 0], [job.stdout for job in jobs]
    assert len(bare.built()) == 1 and len(bare.builds.read_text().split()) == 1


def waiters(bare):
    """Processes of this test that wait for the lock."""
    found = []
    for pid in processes_in(bare.home):
        try:
            found += pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"flock\0") * [pid]
        except OSError:
            pass
    return found


def provide(bare):
    """provide-hil alone, which may run several times at once."""
    env = {**bare.env, "PATH": ":".join(bare.path), "GITHUB_OUTPUT": os.devnull}
    return subprocess.run([bare.checkout / "action" / "provide-hil"], env=env, capture_output=True, text=True)


@pytest.mark.parametrize("number,code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_cancel_while_building(bare, number, code):
    bare.hold.touch()

    def during(_step, process):
        wait_until(bare.builds.exists, what="a build")
        cancel(process, number)

    job = bare.setup(during=during)
    assert job.code == code and job.outputs["path"] == ""
    assert not processes_in(bare.home), "the compiler lives on"
    assert not bare.built() and [path.name for path in (bare.tool_cache / "hil").iterdir()] == [".lock"]
    bare.hold.unlink()
    assert bare.setup().code == 0


def test_cancel_while_another_builds(bare):
    bare.hold.touch()
    first = threading.Thread(target=provide, args=(bare,))
    first.start()
    wait_until(bare.builds.exists, what="a build")

    def during(step, process):
        if step == "hil":
            wait_until(lambda: waiters(bare), what="a waiter")
            cancel(process)

    assert bare.setup(during=during).code == 130
    bare.hold.unlink()
    first.join()
    # The other's build is none of its business.
    assert len(bare.built()) == 1 and len(bare.builds.read_text().split()) == 1


def test_what_a_killed_build_leaves_is_swept(bare):
    left = bare.tool_cache / "hil" / ".building" / "tree" / "bin"
    left.mkdir(parents=True)
    (left / "hil").write_text("half of it")
    (left / "other").touch()
    assert bare.setup().code == 0
    assert [path.name for path in bare.built()[0].parent.iterdir()] == ["hil"]
    assert bare.built()[0].read_bytes() == pathlib.Path(HIL).read_bytes()
    assert not (bare.tool_cache / "hil" / ".building").exists()


def test_a_failed_build_says_what_would_mend_it(bare):
    (bare.home / "broken").touch()
    job = bare.setup()
    assert job.code == 3 and "no compiler" in job.log
    assert re.search(r"^::error title=hil::.*on lab-1.*sudo .*/scripts/install-deps build$", job.log, re.M)
    assert job.log.index("::endgroup::") < job.log.index("::error") and not bare.built()
