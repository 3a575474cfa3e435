# SPDX-License-Identifier: MIT
"""The benchmarks that need nothing but a moment still run, and what they check holds."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest
from conftest import HIL, ROOT


def test_a_small_fleet(tmp_path):
    if not list(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb")):
        pytest.skip("no PostgreSQL: scripts/install-deps test")
    build = pathlib.Path(HIL).parent
    if not shutil.which("cmake") or not (build / "CMakeCache.txt").exists():
        pytest.skip("no build directory beside hil")
    env = {name: value for name, value in os.environ.items() if not name.startswith("HIL_TEST_POSTGRES")}
    done = subprocess.run(
        [ROOT / "bench/fleet", "--smoke", "--build", build], env=env, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.split() for line in done.stdout.splitlines() if re.match(r" *[14] +200/200 ", line)]
    assert [row[0] for row in rows] == ["1", "4"], done.stdout
    assert all(row[-2:] == ["0", "0"] for row in rows), "none given twice, none left held"
    assert "a year" in done.stdout
