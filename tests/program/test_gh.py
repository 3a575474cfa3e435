# SPDX-License-Identifier: MIT
"""GitHub's own client on the server that these tests play GitHub with: what hil sees there, gh sees, too."""
import pathlib
import subprocess
import sys

import pytest
from conftest import ROOT

sys.path.insert(0, str(ROOT / "tests" / "github"))
from server import REPO, RUN, GitHub, zip_of  # noqa: E402

TOKEN = "ghs_0123456789abcdefTOKEN"
FW = {"fw/app.elf": b"\x7fELF" + b"payload" * 200, "notes.txt": b"hello"}


@pytest.fixture
def ghes(certificate):
    """As GitHub Enterprise Server, because gh speaks to another host only in its way: TLS, and /api/v3."""
    with GitHub(token=TOKEN, prefix="/api/v3") as server:
        server.secure(*certificate)
        yield server


@pytest.fixture
def gh(hil, ghes, certificate):
    host = ghes.origin.removeprefix("https://")
    # Of this one host: a token in the environment goes to every host but github.com's.
    hil.write("hosts.yml", f"{host}: {{user: octo, oauth_token: {TOKEN}}}\n")
    env = {"PATH": "/usr/bin:/bin", "HOME": str(hil.home), "GH_HOST": host, "GH_REPO": f"{host}/{REPO}",
           "GH_CONFIG_DIR": str(hil.home), "SSL_CERT_FILE": str(certificate[1])}  # fmt: skip

    def run(*args):
        done = subprocess.run(["gh", *args], env=env, cwd=hil.home, capture_output=True, timeout=30)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    return run


@pytest.fixture
def hil_env(ghes, certificate):
    return {**ghes.env, "SSL_CERT_FILE": str(certificate[1])}


def files(root):
    return {str(path.relative_to(root)): path.read_bytes() for path in pathlib.Path(root).rglob("*") if path.is_file()}


def told_to_storage(ghes):
    return [fields for port, _, fields in ghes.seen if port == ghes.storage.server_port]


def test_an_artifact(hil, gh, ghes, hil_env):
    number = ghes.add_artifact("firmware", zip_of(FW))
    gh("run", "download", str(RUN), "-n", "firmware", "-D", "by-gh")
    assert told_to_storage(ghes) and not any("Authorization" in fields for fields in told_to_storage(ghes))
    ghes.direct.add(f"/artifact/{number}.zip")  # hil follows no redirect from https to http
    assert hil("fetch", "-o", "by-hil", "--artifact", "firmware", env=hil_env).code == 0
    assert files(hil.home / "by-hil") == files(hil.home / "by-gh") == FW


def test_an_asset_of_the_latest_release(hil, gh, ghes, hil_env):
    ghes.add_release("v1.0", {"fw.zip": zip_of({"old": b"old"})})
    ghes.add_release("v1.1", {"fw.zip": zip_of(FW), "fw.zip.minisig": b"signature"})
    ghes.add_release("v2.0-rc1", {"fw.zip": zip_of({"new": b"new"})}, prerelease=True)
    gh("release", "download", "--pattern", "fw.zip", "-D", "by-gh")
    ghes.direct.update(path for path in ghes.blobs)
    got = hil("fetch", "-o", "by-hil", "--release", "latest", "--asset", "fw.zip", env=hil_env)
    assert got.code == 0, got.err
    assert files(hil.home / "by-gh") == {"fw.zip": ghes.blobs["/asset/9001"][0]}
    assert files(hil.home / "by-hil") == FW


def test_all_pages_of_a_list(hil, gh, ghes, hil_env):
    for i in range(230):
        ghes.add_artifact(f"firmware-{i:03}", zip_of({f"{i}.bin": b"%d" % i}))
    names = gh("api", "--paginate", f"repos/{REPO}/actions/runs/{RUN}/artifacts?per_page=100",
               "--jq", ".artifacts[].name").decode().split()  # fmt: skip
    assert len(names) == 230 and len(set(names)) == 230
    ghes.direct.update(ghes.blobs)
    assert hil("fetch", "-o", "by-hil", "--artifact", "firmware-22*", env=hil_env).code == 0
    assert len(files(hil.home / "by-hil")) == len([name for name in names if name.startswith("firmware-22")]) == 10
