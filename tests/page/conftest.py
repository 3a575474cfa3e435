# SPDX-License-Identifier: MIT
"""The page of hil serve in a real browser; ci/check-page runs this with what it has installed."""
import json
import os
import pathlib
import runpy
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
PLACE = pathlib.Path(os.environ.get("HIL_PAGE_PLACE", HERE.parent.parent / "build" / "check-page"))
PROGRAM = HERE.parent / "program"
sys.path.insert(0, str(PROGRAM))
# What whole-program tests share is shared here, too; of two files of one name only one can be imported.
shared = runpy.run_path(str(PROGRAM / "conftest.py"))
hil, wait_until = shared["hil"], shared["wait_until"]


class Browser:
    def __init__(self):
        self.process = subprocess.Popen(
            ["node", HERE / "browser.mjs", PLACE, "/usr/bin/chromium"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # fmt: skip

    def __call__(self, what, **more):
        self.process.stdin.write(json.dumps({"do": what, **more}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert "error" not in answer, f"{what} {more}: {answer}"
        return answer["ok"]

    def open(self, url, width=1280, height=900, scheme="light", touch=False):
        self("open", url=url, width=width, height=height, scheme=scheme, touch=touch)

    def wait(self, js):
        self("wait", js=js)

    def eval(self, js):
        return self("eval", js=js)

    def text(self, selector):
        return self.eval(f"document.querySelector({json.dumps(selector)}).textContent")

    def wait_text(self, selector, words):
        self.wait(f"(document.querySelector({json.dumps(selector)})?.textContent || '').includes({json.dumps(words)})")

    def close(self):
        self.process.stdin.close()
        self.process.wait(20)


@pytest.fixture(scope="session")
def chromium():
    browser = Browser()
    yield browser
    browser.close()


@pytest.fixture
def browser(chromium):
    """A browser that must not have complained of anything, opened a dialog, or gone elsewhere."""
    chromium("complaints")
    yield chromium
    assert chromium("complaints") == []
