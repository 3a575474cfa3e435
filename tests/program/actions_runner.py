# SPDX-License-Identifier: MIT
"""As much of GitHub's runner as composite actions and our example workflows need to be run for real.

Steps run as the runner runs them: the script in a file, `bash --noprofile --norc -e -o pipefail`, stdin
closed, the files behind GITHUB_OUTPUT, GITHUB_PATH and GITHUB_STEP_SUMMARY new for each step and read
back when it has ended, and a cancel that signals the step's first process and nothing else.
"""
import os
import pathlib
import re
import signal
import subprocess
import time

import yaml

REPOSITORY = "acme/firmware"
SHA = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "ghs_notARealToken"


def read_commands(path):
    """A file of NAME=VALUE and NAME<<END entries, read by the runner's rules."""
    found, lines = {}, iter(path.read_text().split("\n"))
    for line in lines:
        if not line:
            continue
        equals, here = line.find("="), line.find("<<")
        if here >= 0 and (equals < 0 or here < equals):
            name, end = line.split("<<", 1)
            value = []
            while (part := next(lines)) != end:
                value.append(part)
            found[name] = "\n".join(value)
        else:
            name, found[name] = line.split("=", 1)
    return found


class Outputs(dict):
    """What nobody has set is empty."""

    def __missing__(self, name):
        return ""


WORDS = re.compile(r"\s*('(?:[^']|'')*'|&&|\|\||==|!=|!|[(),]|[\w.-]+)")
OPERATORS = {"&&": " and ", "||": " or ", "!": " not "}


def evaluate(text, contexts, functions=None):
    """An expression of GitHub's, as far as our files use them; a name that cannot be is a mistake."""
    python, at = "", 0
    while at < len(text.rstrip()):
        match = WORDS.match(text, at)
        assert match, f"not understood: {text}"
        word, at = match[1], match.end()
        if word[0] == "'":
            python += repr(word[1:-1].replace("''", "'"))
        elif re.match(r"[\w-]", word) and not text[at:].lstrip().startswith("("):
            python += f"look({word!r})"
        else:
            python += OPERATORS.get(word, word)

    def look(name):
        node = contexts
        for part in name.split("."):
            node = node[part]
        return node

    known = {"startsWith": str.startswith, **(functions or {})}
    return eval(python, {"__builtins__": {}, "look": look, **known})  # our own files only


def expand(text, contexts):
    """Replaces each ${{ ... }}. What YAML takes for true and false, GitHub hands on as such words."""
    text = str(text).lower() if isinstance(text, bool) else text
    return re.sub(r"\$\{\{(.*?)\}\}", lambda match: str(evaluate(match[1], contexts)), str(text))


class Job:
    """What an action did: exit code of the step that failed or 0, outputs, log, summary."""

    def __init__(self):
        self.code = 0
        self.outputs = Outputs()
        self.log = ""
        self.summary = ""


class Runner:
    def __init__(self, home, env):
        self.workspace = home / "w"
        self.temp = home / "t"
        self.tool_cache = home / "c"
        for folder in (self.workspace, self.temp, self.tool_cache):
            folder.mkdir(parents=True)
        self.path = [env.get("PATH", os.defpath)]
        self.env = {
            **env,
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": "https://api.github.invalid",
            "GITHUB_REF": "refs/heads/main",
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_RUN_ID": "42",
            "GITHUB_SERVER_URL": "https://github.invalid",
            "GITHUB_SHA": SHA,
            "GITHUB_WORKSPACE": str(self.workspace),
            "RUNNER_ARCH": "X64",
            "RUNNER_ENVIRONMENT": "self-hosted",
            "RUNNER_NAME": "lab-1",
            "RUNNER_OS": "Linux",
            "RUNNER_TEMP": str(self.temp),
            "RUNNER_TOOL_CACHE": str(self.tool_cache),
        }
        self.count = 0

    def step(self, script, env, job, during=None):
        """Runs one script; returns its exit code and outputs. `during` gets the running process."""
        self.count += 1
        name = lambda what: self.temp / f"{self.count}-{what}"
        files = {"GITHUB_OUTPUT": name("output"), "GITHUB_PATH": name("path"),
                 "GITHUB_STEP_SUMMARY": name("summary")}  # fmt: skip
        for path in files.values():
            path.touch()
        name("script.sh").write_text(script)
        env = {**self.env, "PATH": ":".join(self.path), **env, **{k: str(v) for k, v in files.items()}}
        with open(name("log"), "w+b") as log:
            process = subprocess.Popen(
                ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", name("script.sh")],
                cwd=self.workspace, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # "ignored" is inherited
            )  # fmt: skip
            try:
                if during:
                    during(process)
                code = process.wait(timeout=120)
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()
            log.seek(0)
            job.log += log.read().decode(errors="replace")
        job.summary += files["GITHUB_STEP_SUMMARY"].read_text()
        self.path[:0] = reversed(files["GITHUB_PATH"].read_text().split())
        return 128 - code if code < 0 else code, Outputs(read_commands(files["GITHUB_OUTPUT"]))

    def action(self, folder, inputs=None, during=None):
        """Runs a composite action. `during(step_id, process)` is called while each step runs."""
        folder = pathlib.Path(folder)
        action = yaml.safe_load((folder / "action.yml").read_text())
        assert action["runs"]["using"] == "composite"
        known = action.get("inputs", {})
        assert set(inputs or {}) <= set(known), "unknown inputs"
        values = {name: row.get("default", "") for name, row in known.items()} | (inputs or {})
        contexts = {"inputs": values, "steps": {}, "github": {"token": TOKEN}}
        contexts["inputs"] = {name: expand(value, contexts) if name not in (inputs or {}) else value
                              for name, value in values.items()}  # fmt: skip
        job = Job()
        for step in action["runs"]["steps"]:
            identity = step.get("id", "")
            if job.code:
                contexts["steps"][identity] = {"outputs": Outputs()}
                continue
            env = {name: expand(value, contexts) for name, value in step.get("env", {}).items()}
            env["GITHUB_ACTION_PATH"] = str(folder)
            assert step["shell"] == "bash" and "${{" not in step["run"]
            job.code, outputs = self.step(
                step["run"], env, job, during and (lambda process, at=identity: during(at, process))
            )
            contexts["steps"][identity] = {"outputs": outputs}
        for name, row in action.get("outputs", {}).items():
            job.outputs[name] = expand(row["value"], contexts)
        return job


class Workflow:
    """Plays a workflow file: jobs in order of the file, each in a workspace of its own.

    `uses` maps the name of an action to a function of (runner, with) that returns a Job; it must have
    every action that the file names. Results: `results[job]` is success, failure or skipped.
    """

    def __init__(self, path, github, uses, runner_for):
        self.jobs = yaml.safe_load(path.read_text())["jobs"]
        self.contexts = {"github": github, "needs": {}}
        self.uses, self.runner_for = uses, runner_for
        self.results, self.log = {}, ""
        for name, job in self.jobs.items():
            self.results[name] = self.job(name, job)

    def job(self, name, job):
        needs = job.get("needs", [])
        needs = [needs] if isinstance(needs, str) else needs
        contexts = {**self.contexts, "steps": {}}
        succeeded = all(self.results[need] == "success" for need in needs)
        outputs = self.contexts["needs"][name] = {"outputs": Outputs()}
        if not self.wanted(job, contexts, succeeded):
            return "skipped"
        runner, code = self.runner_for(name, job["runs-on"]), 0
        for step in job["steps"]:
            if self.wanted(step, contexts, code == 0):
                done = self.step(runner, step, contexts)
                contexts["steps"][step.get("id", "")] = {"outputs": done.outputs}
                code = code or done.code
        for output, value in job.get("outputs", {}).items():
            outputs["outputs"][output] = expand(value, contexts)
        return "failure" if code else "success"

    @staticmethod
    def wanted(node, contexts, succeeded):
        """Without a word about the state of things `if` means: and if all went well."""
        text = str(node.get("if", "success()")).strip().removeprefix("${{").removesuffix("}}")
        states = {"success": lambda: succeeded, "failure": lambda: not succeeded,
                  "always": lambda: True, "cancelled": lambda: False}  # fmt: skip
        if not re.search(rf"\b({'|'.join(states)})\(", text) and not succeeded:
            return False
        return bool(evaluate(text, contexts, states))

    def step(self, runner, step, contexts):
        values = lambda key: {name: expand(value, contexts) for name, value in step.get(key, {}).items()}
        if "uses" in step:
            done = self.uses[step["uses"].split("@")[0]](runner, values("with"))
        else:
            done = Job()
            done.code, done.outputs = runner.step(step["run"], values("env"), done)
        self.log += done.log
        return done


def tool(folder, name, text):
    """A program of a test's own."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(text)
    path.chmod(0o755)
    return path


def cancel(process, number=signal.SIGINT, seconds=3):
    """As the runner cancels: the entry process only, and then patience."""
    began = time.monotonic()
    os.kill(process.pid, number)
    process.wait(timeout=10)
    assert time.monotonic() - began < seconds
