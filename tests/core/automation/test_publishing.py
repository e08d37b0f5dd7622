"""What leaves the machine: only when the gate is unlocked or the user approved, once, and by the user's own hook."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from core import loop, registry
from core.store.records import Sample
from tests.conftest import Ran
from tests.core.automation.lines import drop_in

Rushes = Callable[..., Ran]

# Appends what it got to a file, then does what its second argument says.
HOOK = """
import json, os, sys, time
request = json.load(sys.stdin)
with open(sys.argv[1], "a") as file:
    file.write(json.dumps(request | {"seen": os.path.exists(request["media"])}) + "\\n")
print("https://example.org/post/1")
print("uploading", request["media"], file=sys.stderr)
match sys.argv[2]:
    case "fail": sys.exit("the platform said no")
    case "hang": time.sleep(600)
    case "kill": os.kill(os.getppid(), 9)
    case "wait":
        open(sys.argv[3], "w").close()  # a FIFO: blocks until the test looks
        open(sys.argv[3]).read()
"""


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory, drawn: Callable[[str, int, int], Path]) -> Path:
    """A workspace with one judged picture, its id in the file `sample`."""
    space = loop.open_workspace(tmp_path_factory.mktemp("judged") / "w")
    picture = sorted(drawn("ratings", 20, 2).glob("*.jpg"))[0]
    (sample,) = loop.capture(space, [picture], "ratings")
    assert isinstance(sample, Sample)
    loop.predict(space, registry.serving(space, "ratings").predictor, [sample])
    (space.root / "sample").write_text(sample.id)
    space.close()
    return space.root


@pytest.fixture
def root(judged: Path, tmp_path: Path) -> Path:
    """A copy of that workspace."""
    return Path(shutil.copytree(judged, tmp_path / "w"))


def sample_of(root: Path) -> str:
    return (root / "sample").read_text()


def set_hook(home: Path, script: Path, mode: str, *more: str, timeout: float = 60) -> Path:
    """Name the hook in the user's own settings; returns the file where it writes what it got."""
    script.write_text(HOOK)
    got = script.with_suffix(".got")
    command = json.dumps([sys.executable, str(script), str(got), mode, *more])
    user = home / "config" / "rushes" / "config.toml"
    user.parent.mkdir(parents=True, exist_ok=True)
    user.write_text(f"[automation]\ncommand = {command}\ntimeout_s = {timeout}\n")
    return got


def unlock(rushes: Rushes, root: Path) -> None:
    drop_in(root, 100, 3)
    assert rushes("automation", "rate", "9", "-w", root, "--json").json["unlocked"]


def published(got: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in got.read_text().splitlines()] if got.exists() else []


def test_locked_it_waits_and_goes_out_when_approved(rushes: Rushes, root: Path, own_home: Path, tmp_path: Path) -> None:
    got = set_hook(own_home, tmp_path / "hook.py", "ok")
    asked = rushes("automation", "publish", sample_of(root), "--platform", "youtube", "-w", root, "--json").json
    assert asked["state"] == "waiting"
    assert "the gate is locked" in asked["why"]
    assert published(got) == []
    queue = rushes("automation", "queue", "-w", root, "--json").json
    assert [one["id"] for one in queue] == [asked["id"]]
    ended = rushes("automation", "approve", asked["id"][:8], "-w", root, "--json").json
    assert (ended["state"], ended["detail"]) == ("published", "https://example.org/post/1")
    (request,) = published(got)
    assert request["seen"], "the media path is relative to the folder the hook runs in"
    assert (request["sample_id"], request["platform"], request["model_version"]) == (
        sample_of(root), "youtube", "factory")  # fmt: skip
    assert 0 <= request["value"] <= 1
    assert rushes("automation", "queue", "-w", root, "--json").json == []
    assert len(rushes("automation", "queue", "--all", "-w", root, "--json").json) == 1


def test_unlocked_it_goes_out_at_once(rushes: Rushes, root: Path, own_home: Path, tmp_path: Path) -> None:
    got = set_hook(own_home, tmp_path / "hook.py", "ok")
    unlock(rushes, root)
    ended = rushes("automation", "publish", sample_of(root), "--platform", "x", "-w", root, "--json").json
    assert (ended["state"], ended["why"]) == ("published", "the gate is unlocked")
    assert len(published(got)) == 1


def test_one_approval_publishes_once(rushes: Rushes, root: Path, own_home: Path, tmp_path: Path) -> None:
    got = set_hook(own_home, tmp_path / "hook.py", "ok")
    asked = rushes("automation", "publish", sample_of(root), "--platform", "x", "-w", root, "--json").json
    assert rushes("automation", "approve", asked["id"], "-w", root).code == 0
    assert rushes("automation", "approve", asked["id"], "-w", root).code == 2
    assert rushes("automation", "publish", sample_of(root), "--platform", "x", "-w", root).code == 2
    assert rushes("automation", "publish", sample_of(root), "--platform", " X", "-w", root).code == 2
    assert len(published(got)) == 1


def test_asking_twice_waits_once(rushes: Rushes, root: Path) -> None:
    for _ in range(2):
        assert rushes("automation", "publish", sample_of(root), "--platform", "x", "-w", root).code == 0
    assert len(rushes("automation", "queue", "-w", root, "--json").json) == 1


def test_a_failed_hook_stays_in_the_queue_and_can_be_approved_again(
    rushes: Rushes, root: Path, own_home: Path, tmp_path: Path
) -> None:
    set_hook(own_home, tmp_path / "hook.py", "fail")
    unlock(rushes, root)
    ran = rushes("automation", "publish", sample_of(root), "--platform", "x", "-w", root, "--json")
    assert ran.code == 1
    assert ran.json["state"] == "failed"
    assert "the platform said no" in ran.json["detail"]
    (waiting,) = rushes("automation", "queue", "-w", root, "--json").json
    got = set_hook(own_home, tmp_path / "hook.py", "ok")
    assert rushes("automation", "approve", waiting["id"], "-w", root, "--json").json["state"] == "published"
    assert len(published(got)) == 2
    log = "".join(path.read_text() for path in (root / "logs").glob("rushes-*.log"))
    assert "the platform said no" in log


def test_a_hook_that_hangs_is_stopped_and_nobody_claims_to_know(
    rushes: Rushes, root: Path, own_home: Path, tmp_path: Path
) -> None:
    set_hook(own_home, tmp_path / "hook.py", "hang", timeout=1.0)
    unlock(rushes, root)
    ran = rushes("automation", "publish", sample_of(root), "--platform", "x", "-w", root, "--json")
    assert (ran.code, ran.json["state"]) == (1, "unknown")
    assert "did not end within 1 s" in ran.json["detail"]


def test_rejected_is_never_published(rushes: Rushes, root: Path, own_home: Path, tmp_path: Path) -> None:
    got = set_hook(own_home, tmp_path / "hook.py", "ok")
    asked = rushes("automation", "publish", sample_of(root), "--platform", "x", "-w", root, "--json").json
    assert rushes("automation", "reject", asked["id"], "-w", root, "--json").json["state"] == "rejected"
    assert rushes("automation", "approve", asked["id"], "-w", root).code == 2
    assert published(got) == []


def test_killed_while_publishing_is_never_run_again_by_itself(
    rushes: Rushes, root: Path, own_home: Path, tmp_path: Path
) -> None:
    got = set_hook(own_home, tmp_path / "hook.py", "kill")
    asked = rushes("automation", "publish", sample_of(root), "--platform", "x", "-w", root, "--json").json
    command = [sys.executable, "-P", "-m", "tui.cli", "automation", "approve", asked["id"], "-w", str(root)]
    assert subprocess.run(command, capture_output=True, check=False).returncode == -9
    (entry,) = rushes("automation", "queue", "-w", root, "--json").json
    assert entry["state"] == "unknown"
    assert "check the platform" in entry["detail"]
    refused = rushes("automation", "approve", asked["id"], "-w", root)
    assert refused.code == 2
    assert "--again" in refused.err
    assert len(published(got)) == 1
    set_hook(own_home, tmp_path / "hook.py", "ok")
    ended = rushes("automation", "approve", asked["id"], "--again", "-w", root, "--json").json
    assert ended["state"] == "published"


def test_while_one_process_publishes_another_may_not(
    rushes: Rushes, root: Path, own_home: Path, tmp_path: Path
) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    got = set_hook(own_home, tmp_path / "hook.py", "wait", str(fifo))
    asked = rushes("automation", "publish", sample_of(root), "--platform", "x", "-w", root, "--json").json
    command = [sys.executable, "-P", "-m", "tui.cli", "automation", "approve", asked["id"], "-w", str(root)]
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    fifo.read_bytes()  # the hook of the first one runs
    second = rushes("automation", "approve", asked["id"], "-w", root)
    assert (second.code, "is publishing already" in second.err) == (2, True)
    assert rushes("automation", "queue", "-w", root, "--json").json[0]["state"] == "publishing"
    fifo.write_bytes(b"")
    assert first.wait(30) == 0
    assert rushes("automation", "queue", "--all", "-w", root, "--json").json[0]["state"] == "published"
    assert len(published(got)) == 1


def test_a_hook_of_a_workspace_nobody_trusts_is_ignored(rushes: Rushes, root: Path, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    (root / "rushes.toml").write_text(f'[automation]\ncommand = ["touch", "{mark}"]\nmax_override_rate = 1.0\n')
    asked = rushes("automation", "publish", sample_of(root), "--platform", "x", "-w", root, "--json")
    assert "is ignored until you run" in asked.err
    refused = rushes("automation", "approve", asked.json["id"], "-w", root)
    assert refused.code == 1
    assert "no way to publish is set" in refused.err
    assert not mark.exists()


def test_a_clip_without_its_file_cannot_be_published(rushes: Rushes, root: Path) -> None:
    for path in (root / "training_data" / "pending").iterdir():
        path.unlink()
    refused = rushes("automation", "publish", sample_of(root), "--platform", "x", "-w", root)
    assert (refused.code, "file is gone" in refused.err) == (1, True)
    assert rushes("automation", "queue", "--all", "-w", root, "--json").json == []


@contextmanager
def platform(status: int, *, endless: bool = False) -> Generator[tuple[str, list[tuple[str, Any]]]]:
    """A web service that answers every POST with `status`; its address, and what it got (path, JSON).

    Args:
        endless: it goes on saying so, a sign every 50 ms, for 100 s.
    """
    closing = Event()
    got: list[tuple[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b"thanks")
            for _ in range(2000 if endless else 0):
                if closing.wait(0.05):
                    break
                self.wfile.write(b".")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's own name
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/post?token=geheim", got
    finally:
        closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


def set_webhook(home: Path, address: str, *, timeout: float = 60) -> None:
    user = home / "config" / "rushes" / "config.toml"
    user.parent.mkdir(parents=True, exist_ok=True)
    user.write_text(f'[automation]\nwebhook = "{address}"\ntimeout_s = {timeout}\n')


@pytest.mark.parametrize(("status", "state", "code"), [(200, "published", 0), (503, "failed", 1), (302, "failed", 1)])
def test_a_webhook_gets_the_json_and_its_secret_is_never_written(
    rushes: Rushes, root: Path, own_home: Path, status: int, state: str, code: int
) -> None:
    with platform(status) as (address, got):
        set_webhook(own_home, address)
        asked = rushes("automation", "publish", sample_of(root), "--platform", "tiktok", "-w", root, "--json").json
        ran = rushes("automation", "approve", asked["id"], "-w", root, "--json")
    assert (ran.code, ran.json["state"]) == (code, state)
    ((path, request),) = got
    assert (path, request["platform"], request["id"]) == ("/post?token=geheim", "tiktok", asked["id"])
    assert not Path(request["media"]).is_absolute()
    written = [path.read_bytes() for path in root.rglob("*") if path.is_file()]
    assert not any(b"geheim" in content for content in written)
    assert "geheim" not in ran.out + ran.err


def test_a_webhook_nobody_listens_at_fails_and_says_so(rushes: Rushes, root: Path, own_home: Path) -> None:
    with platform(200) as (address, _):
        set_webhook(own_home, address)
    asked = rushes("automation", "publish", sample_of(root), "--platform", "x", "-w", root, "--json").json
    ran = rushes("automation", "approve", asked["id"], "-w", root, "--json")
    assert (ran.code, ran.json["state"]) == (1, "failed")
    assert "cannot be reached (ConnectError)" in ran.json["detail"]


def test_a_webhook_that_never_stops_talking_is_left_after_the_timeout(
    rushes: Rushes, root: Path, own_home: Path
) -> None:
    with platform(200, endless=True) as (address, _):
        set_webhook(own_home, address, timeout=3)
        asked = rushes("automation", "publish", sample_of(root), "--platform", "x", "-w", root, "--json").json
        began = time.monotonic()
        ran = rushes("automation", "approve", asked["id"], "-w", root, "--json")
        took = time.monotonic() - began
    assert (ran.code, ran.json["state"]) == (0, "published")  # it said 200 before
    assert ran.json["detail"].startswith("thanks")
    assert took < 60


def test_a_command_no_system_can_run_fails_and_says_so(rushes: Rushes, root: Path, own_home: Path) -> None:
    user = own_home / "config" / "rushes" / "config.toml"
    user.parent.mkdir(parents=True, exist_ok=True)
    user.write_text('[automation]\ncommand = ["publish\\u0000it"]\n')
    asked = rushes("automation", "publish", sample_of(root), "--platform", "x", "-w", root, "--json").json
    ran = rushes("automation", "approve", asked["id"], "-w", root, "--json")
    assert (ran.code, ran.json["state"]) == (1, "failed")
    assert "cannot be started" in ran.json["detail"]
