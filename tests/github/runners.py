# SPDX-License-Identifier: MIT
"""runners: the part of the API that administers self-hosted runners, for server.py.

    github.runners.add("bench-a", ["nucleo-f446re"])     # Linux, X64 and self-hosted come by themselves
    github.runners.changes                               # what was changed, in order: (verb, id, value)
    github.runners.forbidden = True                      # a token without the right: 403

As strict as the REST description: types, what is required, 100 labels at most, and no member that it
does not know. `place` is "repos/OWNER/NAME" or "orgs/ORG".
"""
import json
import re

OWN = ["self-hosted", "Linux", "X64"]  # what config.sh gives by itself: read-only
PATH = re.compile(r"/(?:repos/[^/]+/[^/]+|orgs/[^/]+)/actions/runners(?P<rest>/.*)?")


class Refused(Exception):
    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


def need(holds, message):
    if not holds:
        raise Refused(422, message)


def labels_of(body):
    labels = body.get("labels")
    need(isinstance(labels, list) and all(isinstance(label, str) and label for label in labels), "labels: strings")
    need(len(labels) <= 100, "labels: more than 100")
    need(len({label.lower() for label in labels}) == len(labels), "labels: twice the same")
    return labels


class Runners:
    def __init__(self):
        self.all, self.changes, self.forbidden, self.number = [], [], False, 0
        self.place = None  # any; else only there
        self.old = False  # a GitHub Enterprise that does not know ?name=

    def add(self, name, labels=(), busy=False, own=OWN, status="online"):
        self.number += 1
        custom = [label for label in labels if label not in own]
        self.all.append(
            {"id": self.number, "name": name, "os": "linux", "status": status, "busy": busy, "ephemeral": False,
             "labels": [{"id": i, "name": label, "type": "read-only" if label in own else "custom"}
                        for i, label in enumerate([*own, *custom], 1)]}
        )  # fmt: skip
        return self.all[-1]

    def custom(self, name):
        runner = next(r for r in self.all if r["name"] == name)
        return [label["name"] for label in runner["labels"] if label["type"] == "custom"]

    def find(self, number):
        found = next((r for r in self.all if r["id"] == int(number)), None)
        if not found:
            raise Refused(404, "Not Found")
        return found

    # ---- the verbs: each returns a status and a value for JSON, None for no content ----

    def get(self, path, query):
        match = self.match(path)
        if not match:
            return None
        if not match["rest"]:
            return {"runners": [r for r in self.all if self.old or query.get("name") in (None, r["name"])]}
        one = re.fullmatch(r"/(\d+)", match["rest"])
        return self.find(one[1]) if one else None

    def match(self, path):
        match = PATH.fullmatch(path)
        if match and self.place and not path.startswith(f"/{self.place}/"):
            return None
        if match and self.forbidden:
            raise Refused(403, "Resource not accessible by integration")
        return match

    def change(self, verb, path, headers, data):
        """(status, value), or None where the path is none of ours."""
        match = self.match(path)
        if not match:
            return None
        if verb == "DELETE":
            return self.delete(match["rest"] or "")
        assert headers.get("Content-Type") == "application/json", headers
        body = json.loads(data)
        need(isinstance(body, dict), "an object")
        if verb == "POST" and match["rest"] == "/generate-jitconfig":
            return self.jit(body)
        one = re.fullmatch(r"/(\d+)/labels", match["rest"] or "")
        return self.put(int(one[1]), body) if verb == "PUT" and one else None

    def put(self, number, body):
        need(set(body) == {"labels"}, f"unknown members: {sorted(body)}")
        runner, labels = self.find(number), labels_of(body)
        fixed = [label for label in runner["labels"] if label["type"] == "read-only"]
        need(not {label["name"] for label in fixed} & set(labels), "labels: a read-only one")
        runner["labels"] = fixed + [{"id": 100 + i, "name": name, "type": "custom"} for i, name in enumerate(labels)]
        self.changes.append(("PUT", number, labels))
        return 200, {"total_count": len(runner["labels"]), "labels": runner["labels"]}

    def jit(self, body):
        need(set(body) <= {"name", "runner_group_id", "labels", "work_folder"}, f"unknown members: {sorted(body)}")
        need(isinstance(body.get("name"), str) and 0 < len(body["name"]) <= 64, "name: 1 to 64 characters")
        need(type(body.get("runner_group_id")) is int, "runner_group_id: a number")
        need(isinstance(body.get("work_folder", "_work"), str), "work_folder: a string")
        labels = labels_of(body)
        need(labels, "labels: at least one")
        if any(r["name"] == body["name"] for r in self.all):
            raise Refused(409, "Already exists - A runner with this name exists")
        runner = self.add(body["name"], labels, own=[l for l in labels if l in OWN], status="offline")
        runner["ephemeral"] = True
        self.changes.append(("JIT", runner["id"], labels))
        return 201, {"runner": runner, "encoded_jit_config": f"secret-of-{runner['id']}"}

    def delete(self, rest):
        one = re.fullmatch(r"/(\d+)", rest)
        if not one:
            return None
        runner = self.find(one[1])
        if runner["busy"]:
            raise Refused(422, "Bad request - Runner is currently running a job and cannot be deleted")
        self.all.remove(runner)
        self.changes.append(("DELETE", runner["id"], None))
        return 204, None
