# SPDX-License-Identifier: MIT
"""checks: the part of the API that takes check runs and commit statuses, for server.py.

    github.checks.runs            # each with its name, conclusion, output and all annotations so far
    github.checks.statuses        # in the order they came
    github.checks.forbidden = {"checks"}   # a token without checks: write; or "statuses"

As strict as the REST description: types, what is required, lengths, and no member that it does not know.
"""
import json
import re

from runners import Refused, need

RUN_MEMBERS = {"name", "head_sha", "details_url", "external_id", "status", "started_at", "conclusion", "completed_at",
               "output", "actions"}  # fmt: skip
CONCLUSIONS = {"action_required", "cancelled", "failure", "neutral", "success", "skipped", "timed_out"}
ANNOTATION = {"path": str, "start_line": int, "end_line": int, "start_column": int, "end_column": int,
              "annotation_level": str, "message": str, "title": str, "raw_details": str}  # fmt: skip


def check_text(value, name, limit):
    need(isinstance(value, str), f"{name}: a string")
    need(len(value) <= limit, f"{name}: more than {limit} characters")


def check_annotation(one):
    need(isinstance(one, dict) and set(one) <= set(ANNOTATION), f"annotation: unknown members in {one}")
    for name in ("path", "start_line", "end_line", "annotation_level", "message"):
        need(name in one, f"annotation: {name} is missing")
    for name, value in one.items():
        need(type(value) is ANNOTATION[name], f"annotation: {name} is of another type")
    need(one["annotation_level"] in ("notice", "warning", "failure"), "annotation_level")
    need(one["path"] and not one["path"].startswith("/"), "path: relative to the repository")
    need(1 <= one["start_line"] <= one["end_line"], "lines")
    for name, limit in (("message", 65536), ("raw_details", 65536), ("title", 255)):
        need(len(one.get(name, "").encode()) <= limit, f"{name}: too long")


def check_output(output, creating):
    need(isinstance(output, dict), "output: an object")
    need(set(output) <= {"title", "summary", "text", "annotations", "images"}, "output: unknown members")
    need("summary" in output and (not creating or "title" in output), "output: title and summary")
    check_text(output.get("title", ""), "title", 255)
    check_text(output["summary"], "summary", 65535)
    annotations = output.get("annotations", [])
    need(isinstance(annotations, list) and len(annotations) <= 50, "annotations: no more than 50 in a request")
    for one in annotations:
        check_annotation(one)


class Checks:
    def __init__(self, repo):
        self.repo, self.runs, self.statuses, self.forbidden, self.batches = repo, [], [], set(), []
        self.commits = None  # any; else only these

    def change(self, verb, path, headers, data):
        """(status, value), or None where the path is none of ours."""
        match = re.fullmatch(rf"/repos/{self.repo}/(check-runs|statuses)(?:/([^/]+))?", path)
        if not match:
            return None
        kind, tail = match.groups()
        if kind.removesuffix("-runs") + "s" * (kind == "check-runs") in self.forbidden:
            raise Refused(403, "Resource not accessible by integration")
        assert headers.get("Content-Type") == "application/json", headers
        body = json.loads(data)
        need(isinstance(body, dict), "an object")
        if kind == "statuses":
            return self.status(tail, body) if verb == "POST" and tail else None
        if verb == "POST" and not tail:
            return self.create(body)
        return self.update(int(tail), body) if verb == "PATCH" and tail else None

    def check_commit(self, sha):
        need(isinstance(sha, str) and re.fullmatch(r"[0-9a-f]{40}", sha), "head_sha: 40 digits")
        need(self.commits is None or sha in self.commits, f"No commit found for SHA: {sha}")

    def check_run(self, body, creating):
        need(set(body) <= RUN_MEMBERS, f"unknown members: {sorted(set(body) - RUN_MEMBERS)}")
        need(body.get("status", "queued") in ("queued", "in_progress", "completed"), "status")
        if "conclusion" in body or body.get("status") == "completed":
            need(body.get("conclusion") in CONCLUSIONS, "conclusion")
        if "output" in body:
            check_output(body["output"], creating)

    def create(self, body):
        need(isinstance(body.get("name"), str) and body["name"], "name: a string")
        self.check_commit(body.get("head_sha"))
        self.check_run(body, True)
        run = {**body, "id": len(self.runs) + 1, "annotations": list(body.get("output", {}).get("annotations", []))}
        self.runs.append(run)
        self.batches.append(len(run["annotations"]))
        return 201, {"id": run["id"], "head_sha": run["head_sha"], "name": run["name"], "status": "completed",
                     "output": {**body.get("output", {}), "annotations": None}}  # fmt: skip

    def update(self, number, body):
        need(0 < number <= len(self.runs), "no such check run")
        self.check_run(body, False)
        run = self.runs[number - 1]
        run["annotations"] += body.get("output", {}).get("annotations", [])
        self.batches.append(len(body.get("output", {}).get("annotations", [])))
        run.update({name: value for name, value in body.items() if name != "output"})
        return 200, {"id": number}

    def status(self, sha, body):
        self.check_commit(sha)
        need(set(body) <= {"state", "target_url", "description", "context"}, "unknown members")
        need(body.get("state") in ("error", "failure", "pending", "success"), "state")
        check_text(body.get("description", ""), "description", 140)
        self.statuses.append({**body, "sha": sha})
        return 201, {"id": len(self.statuses), "state": body["state"]}
