# SPDX-License-Identifier: MIT
"""hil fetch, and hil run with the same options, against a GitHub of our own (tests/github/server.py)."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import pytest
from conftest import ROOT, firmware, wait_until

sys.path.insert(0, str(ROOT / "tests" / "github"))
import server as wire  # noqa: E402
from server import GitHub, always, answer, zip_of  # noqa: E402

TOKEN = "ghs_0123456789abcdefTOKEN"
MINISIGN = ROOT / "tests" / "golden" / "source" / "minisign"
FW = {"fw/app.elf": b"\x7fELF" + b"payload" * 200, "notes.txt": b"hello"}


@pytest.fixture
def github():
    with GitHub(token=TOKEN) as server:
        yield server


def fetch(hil, github, *args, env=None, **more):
    result = hil("fetch", "-o", "got", *args, env={**github.env, **(env or {})}, **more)
    left = list(hil.home.glob("got/.hil-fetch-*"))
    assert not left, "what was not committed is gone"
    return result


def got(hil):
    root = hil.home / "got"
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


# ---- what goes well ----------------------------------------------------------------------------------


def test_an_artifact_is_unpacked_and_checked(hil, github):
    github.add_artifact("firmware", zip_of(FW))
    result = fetch(hil, github, "--artifact", "firmware")
    assert result.code == 0, result.err
    assert got(hil) == FW
    assert "as GitHub says" in result.err


def test_json_tells_what_was_proved(hil, github):
    data = zip_of(FW)
    github.add_artifact("firmware", data)
    report = json.loads(fetch(hil, github, "--artifact", "firmware", "--json").out)
    (item,) = report["downloads"]
    assert report["schema"] == 1
    assert item["digest_checked"] and not item["signature_checked"]
    assert item["size"] == len(data) and len(item["sha256"]) == 64
    assert {f["path"] for f in report["files"]} == {"got/fw/app.elf", "got/notes.txt"}


def test_the_token_stays_with_the_api(hil, github):
    github.add_artifact("firmware", zip_of(FW))
    assert fetch(hil, github, "--artifact", "firmware").code == 0
    hosts = {port: "Authorization" in fields for port, _, fields in github.seen}
    assert hosts == {github.api.server_port: True, github.storage.server_port: False}


def test_an_unchanged_answer_costs_nothing(hil, github):
    github.add_artifact("firmware", zip_of(FW))
    for _ in range(3):
        assert fetch(hil, github, "--artifact", "firmware").code == 0
    assert (github.counted, github.unchanged) == (1, 2)
    github.add_artifact("firmware", zip_of({"new.elf": b"new"}))
    assert fetch(hil, github, "--artifact", "firmware").code == 0
    assert "new.elf" in got(hil) and github.counted == 2
    cache = hil.home / "state" / "http-cache"
    assert cache.stat().st_mode & 0o777 == 0o700
    for path in cache.iterdir():  # a cache that was damaged is as none
        path.write_bytes(path.read_bytes()[:-5])
    assert fetch(hil, github, "--artifact", "firmware").code == 0 and github.counted == 3


def test_the_highest_id_wins_over_three_pages(hil, github):
    for i in range(230):
        github.add_artifact(f"other-{i}", b"")
    github.add_artifact("firmware", zip_of({"old.elf": b"old"}))
    github.add_artifact("firmware", zip_of({"new.elf": b"new"}))
    github.artifacts.reverse()
    assert fetch(hil, github, "--artifact", "firmw*").code == 0
    assert list(got(hil)) == ["new.elf"]
    assert sum("/artifacts?" in path for _, path, _ in github.seen) == 3


def test_a_pattern_takes_each_name_into_its_own_folder(hil, github):
    github.add_artifact("fw-f405", zip_of({"a.elf": b"1"}))
    github.add_artifact("fw-f205", zip_of({"a.elf": b"2"}))
    github.add_artifact("docs", zip_of({"a.pdf": b"3"}))
    assert fetch(hil, github, "--artifact", "fw-*").code == 0
    assert got(hil) == {"fw-f405/a.elf": b"1", "fw-f205/a.elf": b"2"}


def test_branch_means_its_own_newest_success(hil, github):
    for number, more in [(1, {}), (2, {}), (3, {"conclusion": "failure"}), (4, {"fork": True})]:
        github.add_run(number, **more)
        github.add_artifact("firmware", zip_of({f"{number}.elf": b"x"}), run=number)
    assert fetch(hil, github, "--artifact", "firmware", "--branch", "main", "--workflow", "b.yml").code == 0
    assert list(got(hil)) == ["2.elf"]


def test_only_a_forks_runs_are_none(hil, github):
    github.add_run(4, fork=True)
    result = fetch(hil, github, "--artifact", "firmware", "--branch", "main")
    assert result.code == 3 and "forks' code" in result.err


@pytest.mark.parametrize("sha", ["a" * 40, "main"])
def test_commit_means_any_of_its_runs(hil, github, sha):
    github.add_run(1), github.add_run(2), github.add_run(3, sha="b" * 40)
    for number in (1, 3):
        github.add_artifact("firmware", zip_of({f"{number}.elf": b"x"}), run=number)
    assert fetch(hil, github, "--artifact", "firmware", "--commit", sha).code == 0
    assert list(got(hil)) == ["1.elf"]


def test_releases(hil, github):
    github.add_release("v1.0", {"fw.hex": b":00000001FF\n", "fw.hex.sha256": b"x"})
    github.add_release("v2.0/rc", {"rc.hex": b":00000001FF\n"}, prerelease=True)
    github.add_release("v3.0", {"no.hex": b""}, draft=True)
    for args, names in [
        (["latest"], {"fw.hex", "fw.hex.sha256"}),
        (["latest", "--pre"], {"rc.hex"}),
        (["v2.0/rc"], {"rc.hex"}),
        (["v1.0", "--asset", "*.hex"], {"fw.hex"}),
    ]:
        subprocess.run(["rm", "-rf", hil.home / "got"], check=True)
        result = fetch(hil, github, "--release", *args)
        assert result.code == 0 and set(got(hil)) == names, (args, result.err)


def test_a_ghes_base_with_a_path(hil):
    with GitHub(token=TOKEN, prefix="/api/v3") as ghes:
        ghes.add_artifact("firmware", zip_of(FW))
        env = {"GITHUB_API_URL": ghes.api_url + "/"}
        assert fetch(hil, ghes, "--artifact", "firmware", env=env).code == 0
        assert all(path.startswith(("/api/v3/repos/", "/artifact/")) for _, path, _ in ghes.seen)


def test_an_artifact_that_is_no_zip(hil, github):
    """upload-artifact with archive: false."""
    number = github.add_artifact("plain", b":00000001FF\n", type="text/plain")
    data, fields = github.blobs[f"/artifact/{number}.zip"]
    fields["Content-Disposition"] = "attachment; filename=\"../../x/pl ain.hex\""
    assert fetch(hil, github, "--artifact", "plain").code == 0
    assert got(hil) == {"pl_ain.hex": data}


def test_bytes_may_come_from_the_api_itself(hil, github):
    """A GHES without storage answers 200."""
    number = github.add_artifact("firmware", zip_of(FW))
    github.direct.add(f"/artifact/{number}.zip")
    assert fetch(hil, github, "--artifact", "firmware").code == 0


def test_members_and_no_unpack(hil, github):
    data = zip_of(FW)
    github.add_artifact("firmware", data)
    assert fetch(hil, github, "--artifact", "firmware", "--member", "**/*.elf").code == 0
    assert list(got(hil)) == ["fw/app.elf"]
    assert fetch(hil, github, "--artifact", "firmware", "--no-unpack").code == 0
    assert got(hil)["firmware.zip"] == data


def test_a_url_with_its_digest_gets_no_token(hil, github):
    github.blobs["/fw.hex"] = (b":00000001FF\n", {})
    github.links |= {"a", "b", "c"}
    url = f"{github.storage_url}/fw.hex?sig="
    good = "6a1a1d2b6e6d0f3b6c2a5d"  # not 64 digits
    assert fetch(hil, github, "--url", url + "a", "--sha256", good).code == 2
    import hashlib

    good = hashlib.sha256(b":00000001FF\n").hexdigest()
    result = fetch(hil, github, "--url", url + "a", "--sha256", good.upper())
    assert result.code == 0 and got(hil) == {"fw.hex": b":00000001FF\n"}
    result = fetch(hil, github, "--url", url + "b", "--sha256", "0" * 64)
    assert result.code == 3 and "wrong digest" in result.err and "?sig" not in result.err
    result = fetch(hil, github, "--url", url + "c")
    assert result.code == 0 and "compared with nothing" in result.err
    assert not any("Authorization" in fields for _, _, fields in github.seen)


# ---- what goes wrong ---------------------------------------------------------------------------------

LIMITED = {"message": "You have exceeded a secondary rate limit."}
FAULTS = [
    # where, faults, options, words, exit code, seconds
    ("blob", [wire.reset], [], ["as GitHub says", "asking again in 500 ms"], 0, 4),
    ("blob", [wire.truncate(90)], [], ["only 90 of", "asking again"], 0, 4),
    ("blob", [answer(503), answer(500)], [], ["in trouble", "asking again in 1.0 s"], 0, 5),
    ("blob", [answer(403)], [], ["a fresh one is asked for"], 0, 4),
    ("blob", [answer(404)], [], ["a fresh one is asked for"], 0, 4),
    ("blob", [always(wire.reset)], ["--fetch-retries", "1"], ["connection broke", "(tried 2 times)"], 3, 4),
    ("blob", [always(answer(502))], ["--fetch-retries", "1"], ["storage behind GitHub", "HTTP 502"], 3, 4),
    ("blob", [wire.corrupt], [], ["wrong digest", "none of them was used"], 3, 3),
    ("blob", [wire.truncate_quietly(90)], [], ["wrong digest: the 90 bytes"], 3, 3),
    ("blob", [wire.web_page], [], ["HTML", "where a zip was due"], 3, 3),
    ("blob", [wire.stall], ["--fetch-timeout", "stall=300ms", "--fetch-retries", "0"], ["stalled"], 3, 3),
    ("blob", [wire.drip], ["--fetch-timeout", "stall=500ms", "--fetch-retries", "0"], ["stalled"], 3, 3),
    ("blob", [wire.drip], ["--fetch-timeout", "700ms"], ["timed out", "--fetch-timeout"], 3, 3),
    ("blob", [answer(200, b"", content_type="application/zip")], [], ["wrong digest: the 0 bytes"], 3, 3),
    ("zip", [answer(410, {"message": "Artifact has expired"})], [], ["expired on 2026-02-03", "410"], 3, 3),
    ("zip", [answer(403, {"message": "Resource not accessible by integration"})], [],
     ["403", "Resource not accessible", "`actions: read`"], 3, 3),
    ("zip", [answer(404, {"message": "Not Found"})], [], ["404", "`actions: read`"], 3, 3),
    ("zip", [always(wire.redirect("/again"))], [], ["404"], 3, 3),
    ("zip", [wire.redirect("file:///etc/passwd")], [], ["no http or https URL"], 3, 3),
    ("zip", [wire.redirect("http://user:pw@127.0.0.1/x")], [], ["no http or https URL"], 3, 3),
    ("api", [wire.reset, answer(500)], [], ["asking again", "as GitHub says"], 0, 5),
    ("api", [answer(429, retry_after=1)], [], ["rate limit", "asking again in 1.0 s"], 0, 5),
    ("api", [answer(403, LIMITED, retry_after=1)], [], ["rate limit", "asking again in 1.0 s"], 0, 5),
    ("api", [answer(403, x_ratelimit_remaining=0, x_ratelimit_reset=1)], [], ["used up", "asking again"], 0, 5),
    ("api", [answer(429, retry_after=3000)], [], ["50 min", "allow more with --fetch-timeout"], 3, 3),
    ("api", [answer(403, x_ratelimit_remaining=0, x_ratelimit_reset=9999999999)], [], ["used up", "allow more"], 3, 3),
    ("api", [answer(403, LIMITED)], ["--fetch-timeout", "30s"], ["secondary rate limit", "1 min"], 3, 3),
    ("api", [answer(401, {"message": "Bad credentials"})], [], ["401", "token is not accepted"], 3, 3),
    ("api", [answer(404, {"message": "Not Found"})], [], ["404", "`actions: read`"], 3, 3),
    ("api", [answer(200, b'{"artifacts": [', content_type="application/json")], [], ["ends too early"], 3, 3),
    ("api", [answer(200, b'{"artifacts": [{"id": "x"}]}')], [], ["'id' is missing"], 3, 3),
    ("api", [wire.web_page], [], ["web page", "GITHUB_API_URL"], 3, 3),
    ("api", [wire.bloated_head], [], ["64 KiB of header"], 3, 3),
    ("api", [answer(200, b'{"artifacts":[]}', link='<http://evil.example/x>; rel="next"')], [],
     ["next page is on another host"], 3, 3),
    ("api", [wire.silence], ["--fetch-timeout", "500ms"], ["timed out", "--fetch-timeout"], 3, 3),
    ("api", [wire.repeats_token], [], ["HTTP 422", "you sent Bearer ***"], 3, 3),
]  # fmt: skip


@pytest.mark.parametrize("where,faults,options,words,code,seconds", FAULTS)
def test_faults(hil, github, where, faults, options, words, code, seconds):
    github.add_artifact("firmware", zip_of(FW))
    github.faults[where] = list(faults)
    result = fetch(hil, github, "--artifact", "firmware", *options)
    assert result.code == code, result.err
    for word in words:
        assert word in result.err, (word, result.err)
    assert result.seconds < seconds
    assert bool(got(hil)) == (code == 0), "nothing appears unless all is well"
    assert TOKEN not in result.out + result.err
    assert not any("Authorization" in h for port, _, h in github.seen if port != github.api.server_port)


def test_a_retry_asks_for_a_fresh_link(hil, github):
    """The storage lets each link be used once."""
    github.add_artifact("firmware", zip_of(FW))
    github.faults["blob"] = [wire.reset, wire.truncate(10)]
    assert fetch(hil, github, "--artifact", "firmware").code == 0
    assert sum(path.endswith("/zip") for _, path, _ in github.seen) == 3


def test_what_is_not_there_is_told_with_what_is(hil, github):
    github.add_artifact("firmware", zip_of(FW))
    result = fetch(hil, github, "--artifact", "firmwear")
    assert result.code == 3 and "did you mean 'firmware'" in result.err
    result = fetch(hil, github, "--artifact", "firmware", "--run-id", "99")
    assert result.code == 3 and "there is none at all" in result.err
    github.add_artifact("old", b"", expired=True)
    result = fetch(hil, github, "--artifact", "old")
    assert result.code == 3 and "expired on 2026-02-03" in result.err


def test_a_missing_token_is_told(hil):
    with GitHub() as anonymous:
        anonymous.add_artifact("firmware", zip_of(FW))
        anonymous.faults["zip"] = [answer(401, {"message": "Requires authentication"})]
        result = fetch(hil, anonymous, "--artifact", "firmware")
        assert result.code == 3 and "set GITHUB_TOKEN" in result.err


@pytest.mark.parametrize(
    "argv,words",
    [
        ([], "nothing to fetch"),
        (["--artifact", "a", "--release", "latest"], "choose one"),
        (["--artifact", "a", "--run-id", "1", "--branch", "b"], "choose one"),
        (["--release", "v1", "--run-id", "1"], "--run-id goes with --artifact"),
        (["--artifact", "a", "--sha256", "00"], "--sha256 goes with --url"),
        (["--artifact", "a", "--minisign", "k"], "--minisign goes with"),
        (["--release", "v1", "--pre"], "--pre goes with"),
        (["--artifact", "a", "--repo", "../x"], "OWNER/NAME"),
        (["--artifact", "a", "--require", "luck"], "'luck' is none of"),
        (["--release", "v1", "--require", "signature"], "needs the key"),
        (["--url", "ftp://x/y"], "http:// or https://"),
        (["--url", "http://user:pw@x/y"], "http:// or https://"),
        (["--artifact", "a", "--token", "x"], "--token"),
        (["--artifact", "a", "--token-file", "none"], "no such file"),
        (["--artifact", "a", "--fetch-timeout", "0"], "no time at all"),
        (["stray"], "stray"),
    ],
)
def test_mistakes(hil, github, argv, words):
    result = fetch(hil, github, *argv)
    assert result.code == 2 and words in result.err, result.err


def test_the_token_never_goes_over_plain_http_to_another_host(hil, github):
    result = fetch(hil, github, "--artifact", "a", env={"GITHUB_API_URL": "http://ghes.example/api/v3"})
    assert result.code == 2 and "plain http" in result.err


# ---- hostile archives --------------------------------------------------------------------------------


def test_hostile_names_never_leave_the_directory(hil, github):
    for name, words in [("../evil", "'..'"), ("/etc/evil", "absolute"), ("a\x1b[2Jb", "control")]:
        github.add_artifact("firmware", zip_of({name: b"x", "ok.elf": b"y"}))
        result = fetch(hil, github, "--artifact", "firmware")
        assert result.code == 3 and words in result.err and not got(hil)
        assert "\x1b" not in result.err
    assert not (hil.home / "evil").exists()


def test_a_link_in_the_directory_is_not_followed(hil, github):
    github.add_artifact("firmware", zip_of(FW))
    (hil.home / "got").mkdir()
    (hil.home / "elsewhere").mkdir()
    (hil.home / "got" / "fw").symlink_to(hil.home / "elsewhere")
    result = fetch(hil, github, "--artifact", "firmware")
    assert result.code == 3 and not list((hil.home / "elsewhere").iterdir())


def test_a_bomb_is_refused_without_filling_the_disk(hil, github):
    github.add_artifact("bomb", zip_of({"zeros.bin": bytes(300 << 20)}, compresslevel=9))
    result = fetch(hil, github, "--artifact", "bomb")
    assert result.code == 3 and "trap" in result.err and not got(hil)


# ---- proofs ------------------------------------------------------------------------------------------


def test_no_digest_is_told_and_may_be_required(hil, github):
    github.add_artifact("firmware", zip_of(FW), digest=False)
    result = fetch(hil, github, "--artifact", "firmware")
    assert result.code == 0 and "GitHub has no digest of it" in result.err
    result = fetch(hil, github, "--artifact", "firmware", "--require", "digest")
    assert result.code == 3 and "--require digest" in result.err


def signed(github, signature="fw.hex.minisig", data=None):
    fw = (MINISIGN / "fw.hex").read_bytes()
    github.add_release("v1", {"fw.hex": data or fw, "fw.hex.minisig": (MINISIGN / signature).read_bytes()})


@pytest.mark.parametrize("signature", ["fw.hex.minisig", "old.minisig"])
def test_signatures_of_both_kinds(hil, github, signature):
    signed(github, signature)
    args = ["--release", "v1", "--minisign", MINISIGN / "key.pub", "--require", "signature"]
    result = fetch(hil, github, *args)
    assert result.code == 0 and "signature is good" in result.err
    assert list(got(hil)) == ["fw.hex"]


def test_bad_signatures(hil, github):
    args = ["--release", "v1", "--asset", "fw.hex", "--minisign"]
    signed(github)
    result = fetch(hil, github, *args, MINISIGN / "other.pub")
    assert result.code == 3 and "another key" in result.err
    github.releases.clear()
    signed(github, data=b":00000001ff\n")
    result = fetch(hil, github, *args, MINISIGN / "key.pub")
    assert result.code == 3 and "wrong signature" in result.err
    github.releases.clear()
    github.add_release("v1", {"fw.hex": b":00000001FF\n"})
    result = fetch(hil, github, *args, MINISIGN / "key.pub")
    assert result.code == 3 and "no 'fw.hex.minisig' beside it" in result.err
    assert not got(hil)
    result = fetch(hil, github, *args, MINISIGN / "fw.hex")
    assert result.code == 2 or "no minisign public key" in result.err


def fake_gh(hil, body):
    path = hil.home / "bin" / "gh"
    path.parent.mkdir(exist_ok=True)
    path.write_text("#!/bin/sh\n" + body)
    path.chmod(0o755)
    return {"PATH": f"{path.parent}:{os.environ['PATH']}"}


def test_attestations_are_ghs_word(hil, github):
    github.add_artifact("firmware", zip_of(FW))
    seen = hil.home / "seen"
    env = fake_gh(hil, f'echo "$@" >>{seen}; sha256sum "$3" >>{seen}; test -n "$GH_TOKEN"')
    result = fetch(hil, github, "--artifact", "firmware", "--attest", "--require", "attestation", env=env)
    assert result.code == 0 and "gh vouches" in result.err, result.err
    text = seen.read_text()
    assert text.count("attestation verify") == 2 and "-R octo/firmware" in text and TOKEN not in text
    env = fake_gh(hil, 'echo "Error: no attestations found" >&2; exit 1')
    result = fetch(hil, github, "--artifact", "firmware", "--attest", env=env)
    assert result.code == 3 and "no attestations found" in result.err
    env = fake_gh(hil, "echo 'unknown command \"attestation\" for \"gh\"'; exit 1")
    result = fetch(hil, github, "--artifact", "firmware", "--attest", env=env)
    assert result.code == 3 and "2.49 or newer" in result.err
    result = fetch(hil, github, "--artifact", "firmware", "--attest", env={"PATH": str(hil.home)})
    assert result.code == 3 and "install GitHub's CLI" in result.err


# ---- proxies, certificates ---------------------------------------------------------------------------


def test_a_ca_file_of_ones_own(hil, certificate):
    key, cert = certificate
    with GitHub(token=TOKEN) as ghes:
        ghes.secure(key, cert)
        number = ghes.add_artifact("firmware", zip_of(FW))
        result = fetch(hil, ghes, "--artifact", "firmware")
        assert result.code == 3 and "certificate" in result.err and "SSL_CERT_FILE" in result.err
        assert "tried" not in result.err
        result = fetch(hil, ghes, "--artifact", "firmware", env={"SSL_CERT_FILE": str(cert)})
        assert result.code == 3 and "from https to plain http" in result.err
        ghes.direct.add(f"/artifact/{number}.zip")
        result = fetch(hil, ghes, "--artifact", "firmware", env={"SSL_CERT_FILE": str(cert)})
        assert result.code == 0, result.err


def test_a_proxy_from_the_environment(hil, github):
    github.add_artifact("firmware", zip_of(FW))
    env = {"http_proxy": "http://127.0.0.1:1"}
    result = fetch(hil, github, "--artifact", "firmware", "--fetch-retries", "0", env=env)
    assert result.code == 3 and "no connection" in result.err
    assert fetch(hil, github, "--artifact", "firmware", env={**env, "no_proxy": "127.0.0.1"}).code == 0


def test_nobody_listens(hil, github):
    env = {"GITHUB_API_URL": "http://127.0.0.1:1"}
    result = fetch(hil, github, "--artifact", "a", "--fetch-retries", "0", env=env)
    assert result.code == 3 and "no connection" in result.err


# ---- cancel, secrets ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "where,fault", [("blob", wire.stall), ("api", wire.silence), ("api", answer(429, retry_after=300))]
)
def test_cancel_is_quick_and_leaves_nothing(hil, github, where, fault):
    github.add_artifact("firmware", zip_of({"a.elf": os.urandom(200000)}))
    github.faults[where] = [fault]
    process = hil.start("fetch", "-o", "got", "--artifact", "firmware", env=github.env)
    wait_until(lambda: not github.faults[where] or process.poll() is not None)
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    result = hil.finish(process)
    assert time.monotonic() - began < 1
    assert result.code == 143 and "cancelled" in result.err
    assert not list(hil.home.glob("got/*")) and not list(hil.home.glob("got/.hil*"))


def test_the_token_is_nowhere(hil, github):
    """Not in a file, not in what is printed, not in any process's command line."""
    github.add_artifact("firmware", zip_of({"app.elf": firmware("selftest-unity.elf").read_bytes()}))
    github.faults["api"] = [wire.reset, answer(429, retry_after=1)]
    github.faults["blob"] = [wire.reset]
    secret = hil.write("token", TOKEN + "\n")
    lines, over = set(), threading.Event()

    def watch():
        while not over.wait(0.005):
            for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    lines.add(path.read_bytes())
                except OSError:
                    pass

    watcher = threading.Thread(target=watch)
    watcher.start()
    env = {k: v for k, v in github.env.items() if k != "GITHUB_TOKEN"}
    result = hil.run("-vvv", "-b", "virtual-f405", "--artifact", "firmware", "--token-file", secret, env=env)
    over.set()
    watcher.join()
    assert result.code == 0, result.err
    secret.unlink()
    assert TOKEN not in result.out + result.err
    assert any(b"--artifact" in line for line in lines) and not any(TOKEN.encode() in line for line in lines)
    for path in hil.home.rglob("*"):
        if path.is_file():
            assert TOKEN.encode() not in path.read_bytes(), path


# ---- hil run -----------------------------------------------------------------------------------------


def test_run_flashes_what_it_fetched(hil, github):
    github.add_artifact("firmware", zip_of({"fw/app.elf": firmware("selftest-unity.elf").read_bytes()}))
    result = hil.run("-b", "virtual-f405", "--artifact", "firmware", "--require", "digest", env=github.env)
    assert result.code == 0, result.err
    assert result.board()["image"]["file"] == "firmware:fw/app.elf"
    events = (hil.out / "events.jsonl").read_text()
    assert "as GitHub says" in events


def test_run_touches_no_board_with_wrong_bytes(hil, github):
    github.add_artifact("firmware", zip_of({"app.elf": firmware("selftest-unity.elf").read_bytes()}))
    github.faults["blob"] = [wire.corrupt]
    result = hil.run("-b", "virtual-f405", "--artifact", "firmware", env=github.env)
    assert result.code == 3 and "wrong digest" in result.err
    assert not list(hil.out.rglob("flash.log"))


def test_run_asks_which_of_several(hil, github):
    elf = firmware("selftest-unity.elf").read_bytes()
    github.add_artifact("firmware", zip_of({"a.elf": elf, "b.elf": elf}))
    result = hil.run("-b", "virtual-f405", "--artifact", "firmware", env=github.env)
    assert result.code == 2 and "--member a.elf" in result.err
    result = hil.run("-b", "virtual-f405", "--artifact", "firmware", "--member", "a.elf", env=github.env)
    assert result.code == 0
    github.add_release("v1", {"a.elf": elf, "b.elf": elf, "a.elf.minisig": b"x"})
    result = hil.run("-b", "virtual-f405", "--release", "v1", env=github.env)
    assert result.code == 2 and "choose with --asset" in result.err


@pytest.mark.parametrize(
    "argv,words",
    [
        (["--require", "digest", "x.elf"], "goes with --artifact"),
        (["--plan", "hil.yaml", "--artifact", "x"], "fetch it first"),
        (["--run-id", "5", "x.elf"], "--run-id goes with"),
    ],
)
def test_run_mistakes(hil, argv, words):
    result = hil.run(*argv)
    assert result.code == 2 and words in result.err
