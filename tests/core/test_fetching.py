"""Images behind addresses, from a real server that behaves well and badly."""

from __future__ import annotations

import csv
import io
import json
import stat
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core import fetching, loop, tasks
from core.errors import MediaError
from core.training import dataset
from core.training.request import Request
from core.workspace import Workspace
from tests.conftest import Ran

Rushes = Callable[..., Ran]


def picture(seed: int, kind: str = "JPEG") -> bytes:
    buffer = io.BytesIO()
    noise = np.random.default_rng(seed).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(buffer, kind)
    return buffer.getvalue()


class Pages(BaseHTTPRequestHandler):
    """What is at which path; `asked` counts."""

    asked: list[str]
    closing: threading.Event

    def do_GET(self) -> None:
        type(self).asked.append(self.path)
        path = self.path.partition("?")[0]
        if path.startswith("/good"):
            self._send(picture(len(path), "PNG" if path.endswith("png") else "JPEG"))
        elif path == "/text.jpg":
            self._send(b"<html>not a picture</html>")
        elif path == "/half.jpg":
            self._send(picture(1)[:600])
        elif path == "/large.jpg":
            self._send(b"\xff\xd8\xff" + bytes(300_000))
        elif path == "/endless.jpg":
            self.send_response(200)
            self.end_headers()
            self._drip(b"\0" * 65536, pause=0)
        elif path == "/slow.jpg":
            self.send_response(200)
            self.end_headers()
            self._drip(b"\xff", pause=0.05)
        elif path == "/moved.jpg":
            self._redirect("/good3.jpg")
        elif path == "/away.jpg":
            self._redirect("file:///etc/passwd")
        elif path == "/round.jpg":
            self._redirect("/round.jpg")
        else:
            self.send_error(404)

    def _send(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _drip(self, block: bytes, pause: float) -> None:
        try:
            while not type(self).closing.wait(pause):
                self.wfile.write(block)
        except OSError:
            return

    def _redirect(self, to: str) -> None:
        self.send_response(302)
        self.send_header("Location", to)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as the base class calls it
        del format, args


class Site:
    """A running server."""

    def __init__(self) -> None:
        self.pages = type("Here", (Pages,), {"asked": [], "closing": threading.Event()})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self.pages)
        self.server.daemon_threads = True
        self.host = f"127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def url(self, path: str) -> str:
        return f"http://{self.host}{path}"

    def close(self) -> None:
        self.pages.closing.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def site() -> Iterator[Site]:
    found = Site()
    yield found
    found.close()


@pytest.fixture
def space(tmp_path: Path) -> Iterator[Workspace]:
    flags = {"dataset": {"max_image_mb": 0.1, "fetch_timeout_s": 5.0}}
    found = loop.open_workspace(tmp_path / "w", flags=flags)
    yield found
    found.close()


def kept(space: Workspace) -> list[Path]:
    return sorted((space.cache / "images").glob("*"))


def test_a_good_image_is_fetched_once_and_kept_privately(space: Workspace, site: Site):
    first = fetching.fetch(space, site.url("/good1.jpg?alt=media&token=secret"))
    assert first.read_bytes() == picture(len("/good1.jpg"))
    assert fetching.fetch(space, site.url("/good1.jpg?alt=media&token=secret")) == first
    assert len(site.pages.asked) == 1
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    assert fetching.fetch(space, site.url("/goodpng")).suffix == ".png"  # by content, whatever the address ends in
    assert fetching.fetch(space, site.url("/moved.jpg")).read_bytes() == picture(len("/good3.jpg"))


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/gone.jpg", r"cannot be fetched \(HTTP 404\)"),
        ("/text.jpg", "is not an image"),
        ("/half.jpg", "is cut short"),
        ("/large.jpg", "is larger than 0.1 MB"),
        ("/endless.jpg", "is larger than 0.1 MB"),
        ("/away.jpg", "redirects to something that is not http or https"),
        ("/round.jpg", "redirects too often"),
    ],
)
def test_what_is_no_good_image_is_refused_and_not_kept(path: str, reason: str, space: Workspace, site: Site):
    with pytest.raises(MediaError, match=reason):
        fetching.fetch(space, site.url(path))
    assert not kept(space)


def test_a_server_that_drips_is_left_after_the_timeout(site: Site, tmp_path: Path):
    space = loop.open_workspace(tmp_path / "w", flags={"dataset": {"fetch_timeout_s": 0.3}})
    start = time.monotonic()
    with pytest.raises(MediaError, match=r"took longer than 0\.3 s"):
        fetching.fetch(space, site.url("/slow.jpg"))
    assert time.monotonic() - start < 30  # it drips as long as it is let
    space.close()


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://host/a.jpg", "http:///a.jpg", "http://[::1/a.jpg", "http://127.0.0.1:1/a.jpg"]
)
def test_other_addresses_are_refused_with_a_sentence(url: str, space: Workspace):
    with pytest.raises(MediaError):
        fetching.fetch(space, url)
    assert not kept(space)


def test_passwords_and_tokens_stay_out_of_the_log_and_of_messages(space: Workspace, site: Site):
    with pytest.raises(MediaError) as caught:
        fetching.fetch(space, f"http://me:hush@{site.host}/gone.jpg?token=secret")
    log = "".join(path.read_text() for path in space.logs.iterdir())
    assert "/gone.jpg" in log
    for text in (log, caught.value.sentence()):
        assert "hush" not in text
        assert "secret" not in text


def manifest(path: Path, rows: list[dict[str, object]]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def seed_004_rows(site: Site) -> list[dict[str, object]]:
    """A manifest as seed 004 writes it; the last two addresses fail."""
    known: dict[str, object] = {"split": "train", "phase": "sunset", "captured_at": "2026-02-12T17:00:00Z"}
    places = [("/good1.jpg?token=x", "calculated_rating", 4.5), ("/good22.jpg", "manual_seed", 1.0),
              ("/good333.jpg", "somebody", 4.0), ("/gone.jpg", "manual_seed", 2.0),
              ("/text.jpg", "manual_seed", 2.0)]  # fmt: skip
    return [
        {"snapshot_id": number, "firebase_url": site.url(path), "label_source": source, "label_value": value, **known,
         "rating_count": "2.0"}
        for number, (path, source, value) in enumerate(places)
    ]  # fmt: skip


def test_a_seed_004_manifest_is_imported_and_exported_with_its_addresses(rushes: Rushes, site: Site, tmp_path: Path):
    source = manifest(tmp_path / "m.csv", seed_004_rows(site))
    rushes("config", "ratings.scale", "[0, 5]", "-w", tmp_path / "w")
    found = rushes("import", source, "-t", "ratings", "--json", "-w", tmp_path / "w")
    assert found.code == 1
    assert (found.json["imported"], found.json["skipped"]) == (3, 0)
    assert {error["row"]: error["reason"] for error in found.json["errors"]} == {
        4: "gone.jpg: cannot be fetched (HTTP 404)", 5: "text.jpg: is not an image"}  # fmt: skip
    space = loop.open_workspace(tmp_path / "w")
    rows = dataset.gather(space, tasks.get("ratings"), Request()).rows
    assert [row.firebase_url for row in rows] == [site.url(path) for path in
                                                  ("/good1.jpg?token=x", "/good22.jpg", "/good333.jpg")]  # fmt: skip
    assert [row.label_source for row in rows] == ["calculated_rating", "manual_seed", "imported"]
    assert [(row.label_value, row.value, row.is_good, row.rating_count) for row in rows] == [
        (4.5, 0.9, True, 2), (1.0, 0.2, False, 2), (4.0, 0.8, True, 2)]  # fmt: skip
    assert {row.phase for row in rows} == {"sunset"}
    assert all(row.file and row.file.startswith("training_data/frames/training_") for row in rows)
    space.close()

    # What was exported can be imported: here without the network, elsewhere from the addresses.
    site_asked = len(site.pages.asked)
    rushes("dataset", "export", "-t", "ratings", "--out", tmp_path / "out", "-w", tmp_path / "w")
    full = tmp_path / "out" / "manifest_full.csv"
    found = rushes("import", full, "-t", "ratings", "--json", "-w", tmp_path / "w")
    assert found.json == {"imported": 0, "skipped": 3, "errors": []}
    assert len(site.pages.asked) == site_asked
    rushes("config", "ratings.scale", "[0, 5]", "-w", tmp_path / "other")
    found = rushes("import", full, "-t", "ratings", "--json", "-w", tmp_path / "other")
    assert found.json == {"imported": 3, "skipped": 0, "errors": []}
    line = json.loads((tmp_path / "other" / "training_data" / "annotations.jsonl").read_text().splitlines()[0])
    assert (line["label_source"], line["rating"]) == ("calculated_rating", 0.9)


def test_scores_up_to_five_say_what_to_set_and_none_is_taken_for_something_else(
    rushes: Rushes, site: Site, tmp_path: Path
):
    source = manifest(tmp_path / "m.csv", seed_004_rows(site)[:3])
    found = rushes("import", source, "-t", "ratings", "--json", "-w", tmp_path / "w")
    assert found.code == 1
    assert found.json["imported"] == 0
    reasons = [error["reason"] for error in found.json["errors"]]
    assert len(reasons) == 3
    assert all("rushes config ratings.scale '[0, 5]'" in reason for reason in reasons)
    assert not site.pages.asked


def test_a_single_wrong_score_says_what_to_set_too(rushes: Rushes, site: Site, tmp_path: Path):
    source = manifest(tmp_path / "m.csv", [{"file": site.url("/good1.jpg"), "score": 0.5},
                                           {"file": site.url("/good22.jpg"), "score": 4}])  # fmt: skip
    found = rushes("import", source, "-t", "ratings", "--json", "-w", tmp_path / "w")
    assert found.json["imported"] == 1
    assert "ratings.scale" in found.json["errors"][0]["reason"]


def test_evaluate_reads_addresses_too(rushes: Rushes, site: Site, tmp_path: Path):
    source = manifest(tmp_path / "m.csv", [row | {"label_value": 0.5} for row in seed_004_rows(site)])
    found = rushes("evaluate", "--manifest", source, "-t", "ratings", "--json", "-w", tmp_path / "w")
    assert found.code == 1
    assert (found.json["n"], found.json["failed"]) == (3, 2)
    assert "HTTP 404" in found.err
