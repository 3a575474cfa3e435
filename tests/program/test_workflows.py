# SPDX-License-Identifier: MIT
"""The example workflows: one played through around emulated boards, and what must hold for all."""
import fnmatch
import io
import json
import re
import sys
import zipfile

import pytest
import yaml
from actions_runner import SHA, TOKEN, Job, Runner, Workflow, tool
from conftest import HIL, ROOT, firmware

sys.path.insert(0, str(ROOT / "tests" / "github"))
from server import REPO, RUN, GitHub, zip_of  # noqa: E402

ACTION = ROOT / "action" / "flash-and-test"
SETUP = ROOT / "action" / "setup"
GATE = ROOT / "action" / "gate"
EXAMPLES = sorted((ROOT / "workflows-examples").glob("*.yml"))
ACTIONS = [folder / "action.yml" for folder in (ACTION, SETUP, GATE)]
POLICY = "labels: [nucleo-f446re]\nbaseline: {release: latest, missing: allow}\n"


# ---- build, test, release ----------------------------------------------------------------------


class Forge:
    """GitHub around the workflow: a repository, its artifacts, gh, and two kinds of machine."""

    def __init__(self, hil, image, lab, ref, last=None):
        self.hil, self.lab, self.uploads, self.names, self.last = hil, lab, {}, {}, last
        self.firmware = firmware(image)
        self.gh = hil.home / "gh"
        tool(hil.home / "machine", "sudo", "#!/bin/sh\n")
        tool(hil.home / "machine", "gh", f"""#!/bin/bash
printf '%s\\n' "$@" >>{self.gh}
cat "${{@: -1}}" >{hil.home}/released
""")  # fmt: skip
        (hil.home / "machine" / "hil").symlink_to(HIL)
        with GitHub(token=TOKEN) as self.github:
            if last:
                self.github.add_release("v1.2.2", {"report.json": last})
            self.workflow = Workflow(
                ROOT / "workflows-examples" / "build-test-release.yml",
                {"ref": f"refs/{ref}", "ref_name": ref.split("/", 1)[1], "token": TOKEN, "repository": REPO},
                {
                    "actions/checkout": self.checkout,
                    "actions/upload-artifact": self.upload,
                    "actions/download-artifact": self.download,
                    "OWNER/hil/action/flash-and-test": lambda runner, inputs: runner.action(ACTION, inputs),
                    "OWNER/hil/action/gate": lambda runner, inputs: runner.action(GATE, inputs),
                },
                self.machine,
            )
        self.results = self.workflow.results

    def machine(self, job, labels):
        runner = Runner(self.hil.home / job, self.hil.env)
        runner.path.insert(0, str(self.hil.home / "machine"))
        runner.env.update(
            GITHUB_API_URL=self.github.api_url, GITHUB_REPOSITORY=REPO, GITHUB_RUN_ID=str(RUN)
        )
        if "hil" in labels:
            runner.env["HIL_LAB"] = str(self.lab)
        return runner

    def checkout(self, runner, _inputs):
        (runner.workspace / "gate.yaml").write_text(POLICY)
        (runner.workspace / "firmware").mkdir()
        (runner.workspace / "firmware" / "Makefile").write_text(
            f"all:\n\tmkdir -p $(BUILD)\n\tcp {self.firmware} $(BUILD)/app.elf\n"
        )
        return Job()

    def upload(self, runner, inputs):
        found = {}
        for path in runner.workspace.glob(inputs["path"]):
            for file in [path] if path.is_file() else path.rglob("*"):
                if file.is_file():
                    found[str(file.relative_to(path.parent if path.is_file() else path))] = file.read_bytes()
        data = zip_of(found)
        job, number = Job(), str(self.github.add_artifact(inputs["name"], data))
        self.uploads[number], self.names[inputs["name"]] = data, number
        job.outputs["artifact-id"] = number
        return job

    def download(self, runner, inputs):
        """By number or name into the path itself; by pattern into a folder each."""
        pattern = inputs.get("pattern")
        chosen = {name: number for name, number in self.names.items()
                  if name == inputs.get("name") or number == inputs.get("artifact-ids")
                  or (pattern and fnmatch.fnmatch(name, pattern))}  # fmt: skip
        for name, number in chosen.items():
            with zipfile.ZipFile(io.BytesIO(self.uploads[number])) as archive:
                archive.extractall(runner.workspace / inputs["path"] / (name if pattern else "."))
        job = Job()
        job.code = 0 if chosen else 1
        return job


@pytest.fixture
def bench(hil):
    """Two labs with a board of the example's type: a good one, and one that cannot be flashed."""
    head = "lab: bench\nboards:\n  nucleo-1:\n    labels: [nucleo-f446re]\n"
    good = "    qemu: {machine: netduinoplus2}\n"
    broken = """    flash: {cmd: {run: ["false"]}}
    reset: {cmd: {run: ["true"]}}
    console: {pty: {path: console}}
"""
    return {"good": hil.write("good.yaml", head + good), "broken": hil.write("broken.yaml", head + broken)}


def test_release_when_green(hil, bench):
    forge = Forge(hil, "selftest-unity.elf", bench["good"], "tags/v1.2.3")
    assert set(forge.results.values()) == {"success"}, forge.workflow.log
    assert list(forge.results) == ["build", "test", "gate", "release"]
    assert forge.gh.read_text().split("\n")[:-1] == [
        "release", "create", "v1.2.3", "--verify-tag", "--generate-notes", "reports/report.json", "release/app.elf"
    ]  # fmt: skip
    # What was tested is what was released.
    assert (hil.home / "released").read_bytes() == forge.firmware.read_bytes()
    (check,) = forge.github.checks.runs
    assert (check["conclusion"], check["head_sha"]) == ("success", SHA)


@pytest.mark.parametrize("image,lab,verdict", [
    ("bad-fail.elf", "good", "FAIL"),
    ("bad-crash.elf", "good", "FAIL"),
    ("selftest-unity.elf", "broken", "INFRA"),
])  # fmt: skip
def test_no_release_when_red(hil, bench, image, lab, verdict):
    forge = Forge(hil, image, bench[lab], "tags/v1.2.3")
    assert forge.results == {"build": "success", "test": "failure", "gate": "failure", "release": "skipped"}
    assert not forge.gh.exists()
    assert len(re.findall(rf"^{verdict} ", forge.workflow.log, re.M)) >= 2, "said by the board and by the gate"
    (check,) = forge.github.checks.runs
    assert check["conclusion"] == "failure"
    assert ("the lab, not the firmware" in check["output"]["title"]) == (verdict == "INFRA")
    with zipfile.ZipFile(io.BytesIO(forge.uploads[forge.names["hil-nucleo-f446re"]])) as logs:
        assert {"junit.xml", "report.json"} <= set(logs.namelist())


def test_no_release_where_a_test_is_gone(hil, bench):
    """The board says yes, and the gate does not: the last release had a test more."""
    last = {"schema": 1, "boards": [{"name": "x", "test": "app", "verdict": "pass", "suites": [
        {"name": "", "cases": [{"name": "test_that_somebody_deleted", "result": "pass"}]}]}]}  # fmt: skip
    forge = Forge(hil, "selftest-unity.elf", bench["good"], "tags/v1.2.3", json.dumps(last).encode())
    assert forge.results == {"build": "success", "test": "success", "gate": "failure", "release": "skipped"}
    assert "did not run: test_that_somebody_deleted" in forge.workflow.log and not forge.gh.exists()


def test_no_release_without_a_tag(hil, bench):
    forge = Forge(hil, "selftest-unity.elf", bench["good"], "heads/main")
    assert forge.results == {"build": "success", "test": "success", "gate": "success", "release": "skipped"}


def test_the_policy_to_copy_is_one(hil):
    hil.write("r.json", '{"schema": 1, "boards": []}')
    run = hil("gate", "--policy", ROOT / "workflows-examples" / "gate.yaml", "r.json",
              env={"GITHUB_REPOSITORY": "o/r", "GITHUB_API_URL": "http://127.0.0.1:9"})  # fmt: skip
    assert run.code == 3 and "baseline" in run.err, "read to its end; its release cannot be asked for here"


# ---- what the files promise --------------------------------------------------------------------


def scripts(node):
    """Every `run:` in a workflow or action."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name == "run" and isinstance(value, str):
                yield value
            else:
                yield from scripts(value)
    elif isinstance(node, list):
        for value in node:
            yield from scripts(value)


@pytest.mark.parametrize("path", ACTIONS + EXAMPLES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_expression_stands_in_a_script(path):
    found = list(scripts(yaml.safe_load(path.read_text())))
    assert not [script for script in found if "${{" in script]


@pytest.mark.parametrize("folder,verb", [(ACTION, "run"), (GATE, "gate")], ids=["flash-and-test", "gate"])
def test_every_input_reaches_an_option_that_exists(hil, folder, verb):
    action = yaml.safe_load((folder / "action.yml").read_text())
    script = (folder / folder.name).read_text()
    env = action["runs"]["steps"][-1]["env"]
    expressions = " ".join(env.values())
    for name in action["inputs"]:
        assert f"${{{{ inputs.{name} }}}}" in expressions, f"input {name} is dead"
    for variable in env:
        assert re.search(rf"\b{variable}\b", script), f"{variable} is not read"
    assert set(re.findall(r"\bIN_\w+", script)) == {name for name in env if name.startswith("IN_")}
    usage = hil(verb, "--help").out
    for name in re.findall(r"(?:option|flag) ([a-z-]+)", script):
        assert f"--{name}" in usage, f"hil {verb} has no --{name}"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples_are_careful(path):
    text = path.read_text()
    workflow = yaml.safe_load(text)
    inputs = {folder.name: set(yaml.safe_load((folder / "action.yml").read_text())["inputs"])
              for folder in (ACTION, SETUP, GATE)}  # fmt: skip
    assert workflow["permissions"] == {}, "permissions are each job's own"
    assert "pull_request_target" not in workflow[True], "untrusted code would run with a token that writes"
    for name, job in workflow["jobs"].items():
        assert "permissions" in job, f"{name}: no permissions"
        assert "uses" in job or "timeout-minutes" in job, f"{name}: no timeout"
        if "self-hosted" in str(job.get("runs-on")):
            assert job["permissions"].get("contents") != "write", f"{name}: the lab needs no such right"
        for step in job.get("steps", []):
            uses = step.get("uses", "")
            if uses.startswith("actions/"):
                assert re.search(rf"{re.escape(uses.split('@')[0])}@[0-9a-f]{{40}} # v\d", text), uses
            if uses.startswith("actions/checkout"):
                assert step["with"]["persist-credentials"] is False
            if "/hil/action/" in uses:
                assert set(step.get("with", {})) <= inputs[uses.split("@")[0].rsplit("/", 1)[1]], "no such input"
