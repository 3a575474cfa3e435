# SPDX-License-Identifier: MIT
"""What a run leaves for its readers: summary.md, report.html, and annotations in GitHub Actions."""
import re
import shutil
import signal
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
from conftest import LAB, firmware, wait_until

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "parse"
QUICK = ("--timeout", "boot=1s,idle=1s,total=20s")
ACTIONS = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://example.org",
    "GITHUB_REPOSITORY": "acme/fw",
    "GITHUB_SHA": "0123456789abcdef0123456789abcdef01234567",
    "GITHUB_RUN_ID": "42",
}
IMAGES = ["selftest-unity", "bad-fail", "bad-fail-ztest", "bad-crash-ztest", "bad-hang", "bad-inject",
          "bad-noise", "bad-silent"]  # fmt: skip
HOSTILE = [
    b"<img src=x onerror=alert(1)>",
    b"![x](https://example.com/i.png)",
    b"[l](javascript:alert(1))",
    b"</script><script>alert(1)</script></style></pre></details>",
    b"```",
    b"`` ` ````` x",
    b"a@b.example www.example.com https://example.com",
    b"| a \\| b |",
    b"&lt;b&gt; &amp;",
    b"\x1b[31mred\x1b[0m \xff\xfe \xed\xa0\x80 \xe2\x80\xaeexe",
    b"::error::gotcha",
    b"##[add-matcher]x",
    b"<!-- ",
    b'x" onclick="alert(1)',
]


class Page(HTMLParser):
    """report.html: its ids, links, elements and attributes."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.tags, self.attributes = [], [], set(), set()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        for name, value in attrs:
            self.attributes.add(name)
            if name == "id":
                self.ids.append(value)
            if name == "href":
                self.links.append(value)


def hostile_log(hil):
    log = b"boot\n"
    for number, text in enumerate(HOSTILE):
        name = text.replace(b":", b"")
        log += b"%s\ntests/h.c:%d:%s:FAIL: %s\n" % (text, number + 1, name, text)
    log += b"%d Tests %d Failures 0 Ignored\nFAIL\n" % (len(HOSTILE), len(HOSTILE))
    path = hil.home / "hostile.log"
    path.write_bytes(log)
    return path


@pytest.mark.parametrize("image", IMAGES)
def test_reports_replay_byte_for_byte(hil, image):
    run = hil.run("-b", "stm32f405", *QUICK, firmware(f"{image}.elf"))
    again = hil("replay", "--summary", "again.md", "--html", "again.html", hil.out)
    assert again.code == run.code, again.out + again.err
    assert (hil.home / "again.md").read_bytes() == (hil.out / "summary.md").read_bytes()
    assert (hil.home / "again.html").read_bytes() == (hil.out / "report.html").read_bytes()


def test_summary_says_what_broke_where_and_on_which_board(hil):
    step = hil.write("step.md", "said before\n")
    result = hil.run(
        "-b", "stm32f405", "--all", firmware("bad-fail.elf"),
        env={**ACTIONS, "GITHUB_STEP_SUMMARY": str(step)},
    )  # fmt: skip
    summary = (hil.out / "summary.md").read_text()
    assert result.code == 1
    assert re.match(r"## ❌ FAIL: 2 boards, 12 tests, 6 failed", summary)
    # One failure of two boards stands there once.
    assert summary.count("#### fail: `test_reference_is_exact`") == 1
    assert re.search(r"On `virtual-f405`, `virtual-f405-b` at \[`hil-tests/firmware/bad/fail.c:16`\]", summary)
    assert f"/acme/fw/blob/{ACTIONS['GITHUB_SHA']}/hil-tests/firmware/bad/fail.c#L16)" in summary
    assert "\nhil-tests/firmware/bad/fail.c:9:test_reference_is_present:PASS\n" in summary
    assert step.read_text() == "said before\n\n" + summary


def test_annotations_only_in_actions_and_as_asked(hil):
    run = ("-b", "stm32f405", firmware("bad-fail.elf"))
    expected = (
        "::error file=hil-tests/firmware/bad/fail.c,line=16,"
        "title=fail%3A test_reference_is_exact::Expected 1210 Was 1187"
    )
    assert "::error" not in hil.run(*run).out
    assert "::error" not in hil.run(*run, "--annotations", "off", env=ACTIONS).out
    assert expected in hil.run(*run, "--annotations", "on").out
    out = hil.run(*run, env=ACTIONS).out
    assert expected in out
    # The runner obeys nothing before the fence is lifted.
    token = re.search(r"^::stop-commands::(\w+)$", out, re.M)[1]
    assert out.index(f"\n::{token}::\n") < out.index("::error")
    assert hil.run(*run, "--annotations", "maybe").code == 2


def test_only_one_report_has_standard_output(hil):
    log = hostile_log(hil)
    assert hil("replay", "--html", "-", "--summary", "-", log).code == 2
    result = hil("replay", "--summary", "-", "--annotations", "on", log)
    assert result.out.startswith("## ❌ FAIL")
    assert "::error file=" not in result.out and "::error file=" in result.err


def test_what_a_board_prints_is_text_on_every_page(hil):
    log = hostile_log(hil)
    result = hil("replay", "-f", "unity", "--html", "h.html", "--summary", "h.md", log, env=ACTIONS)
    assert result.code == 1
    page = Page((hil.home / "h.html").read_text())
    assert not page.tags & {"img", "iframe", "object", "link", "base", "code"}
    assert not [name for name in page.attributes if name.startswith("on") or name in ("src", "style")]
    assert len(page.ids) == len(set(page.ids))
    for link in page.links:
        assert link[1:] in page.ids if link[0] == "#" else link.startswith("https://example.org/acme/")
    summary = (hil.home / "h.md").read_text()
    for text in (result.out, summary, (hil.home / "h.html").read_text()):
        assert not re.search(r"^\s*::error::|##\[|\x1b|\u202e", text, re.M)
    commands = [line for line in result.out.splitlines() if line.lstrip().startswith("::")]
    assert len(commands) == 11 and all(line.startswith(("::error file=tests/h.c,", "::notice title=hil::"))
                                       for line in commands)  # fmt: skip


@pytest.mark.skipif(not shutil.which("cmark-gfm"), reason="cmark-gfm is not installed")
def test_markdown_as_github_reads_it(hil):
    hil("replay", "-f", "unity", "--summary", "h.md", hostile_log(hil), env=ACTIONS)
    html = subprocess.run(
        ["cmark-gfm", "--unsafe", "-e", "table", "-e", "autolink", "-e", "strikethrough", "h.md"],
        cwd=hil.home, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    page = Page(html)
    assert page.tags <= {"h2", "h3", "h4", "table", "tr", "th", "td", "code", "pre", "p", "a",
                         "details", "summary", "ul", "li"}  # fmt: skip
    assert page.attributes <= {"href", "align", "class"}
    assert all(link.startswith("https://example.org/acme/fw/") for link in page.links)


def test_a_run_without_a_report_is_not_green(hil):
    run = ("-b", "stm32f405", firmware("selftest-unity.elf"))
    assert hil.run(*run, "--html", "no/such/dir/report.html").code == 3
    assert hil.run(*run, env={**ACTIONS, "GITHUB_STEP_SUMMARY": "/no/such/file"}).code == 3


def test_an_earlier_report_goes_when_a_run_begins_and_not_before(hil):
    hil.run("-b", "stm32f405", firmware("selftest-unity.elf"))
    summary = hil.out / "summary.md"
    assert hil.run("-b", "stm32f405", "no-such.elf").code == 2
    assert summary.exists() and (hil.out / "report.html").exists()
    process = hil.start("run", "--lab", LAB, "-b", "stm32f405", firmware("bad-hang.elf"))
    wait_until(lambda: not summary.exists(), what="the old summary's end")
    process.send_signal(signal.SIGINT)
    assert hil.finish(process).code == 130
    assert "INFRA" in summary.read_text() or "FAIL" in summary.read_text()


@pytest.mark.parametrize(
    "name",
    ["ztest/fail", "ztest/crash", "unity/plain", "unity/too_few", "tap/directives", "none/noise"],
)
def test_junit_counts_as_other_readers_count(hil, name):
    junitparser = pytest.importorskip("junitparser")
    log = GOLDEN / f"{name}.log"
    hil("replay", "--junit", "junit.xml", log)
    printed = junitparser.JUnitXml.fromfile(str(hil.home / "junit.xml"))
    suites = list(printed)
    cases = [case for suite in suites for case in suite]
    assert printed.tests == len(cases) == sum(suite.tests for suite in suites)
    for attribute, kind in (("failures", junitparser.Failure), ("errors", junitparser.Error),
                            ("skipped", junitparser.Skipped)):  # fmt: skip
        found = [case for case in cases if any(isinstance(result, kind) for result in case.result)]
        assert getattr(printed, attribute) == len(found) == sum(getattr(s, attribute) for s in suites)
    assert all(len(case.result) <= 1 for case in cases)
    assert len({(case.classname, case.name) for case in cases}) == len(cases)
    assert not any(list(suite.testsuites()) for suite in suites)
