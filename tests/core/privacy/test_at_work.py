"""Forgetting beside trainings, undo, publishing and what others keep of a sample; twice, half, and by wrong names."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core import loop, privacy
from core.embeddings.local import Local
from core.embeddings.rows import Rows
from core.embeddings.types import EmbeddingType
from core.errors import RushesError
from core.insights.metrics.requests import ReadRequest, WriteRequest
from core.insights.metrics.store import MetricsStore
from core.store.records import Sample
from core.training import jobs
from core.workspace import Workspace
from tests.conftest import Ran
from tests.core.privacy import used
from tests.core.privacy.test_coming_back import FORGETTING

Rushes = Callable[..., Ran]
HOOK = """
import json, sys
request = json.load(sys.stdin)
open(sys.argv[1], "w").close()  # a FIFO: blocks until the test looks
open(sys.argv[1]).read()
print(json.dumps({"post_id": "post-9"}))
"""


def marks(sample: Sample) -> dict[str, str]:
    return {"id": sample.id, "content": sample.media_hash or "", "file": Path(sample.media or "").name}


def test_a_job_that_waited_learns_without_what_was_forgotten_and_names_it_nowhere(
    trained: Path, rushes: Rushes
) -> None:
    space = loop.open_workspace(trained)
    one = space.store.answered("ratings")[3].sample
    job = jobs.submit(space, "ratings").job_id
    said = rushes("forget", one.id, "--yes", "--json", "-w", trained)
    assert said.code == 0, said.err
    *_, ended = jobs.follow(space, job)
    assert (ended.state, ended.model_version) == ("Completed", "v2")
    assert len((jobs.folder(space, job) / "manifest_full.csv").read_text().splitlines()) == 1 + 53
    assert used.found(trained, marks(one)) == []
    again = rushes("forget", space.store.answered("ratings")[4].sample.id, "--dry-run", "--json", "-w", trained).json
    assert again["models_trained_on_it"] == ["ratings/v1", "ratings/v2"]
    space.close()


def test_while_a_training_runs_a_forgetting_says_what_to_do_and_changes_nothing(trained: Path, rushes: Rushes) -> None:
    space = loop.open_workspace(trained)
    one = space.store.answered("ratings")[3].sample
    job = jobs.submit(space, "ratings").job_id
    running = (now for now in jobs.follow(space, job) if now.state == "Running")
    assert next(running).state == "Running"
    before = used.state(space)
    refused = rushes("forget", one.id, "--yes", "-w", trained)
    assert (refused.code, "rushes jobs cancel ID" in refused.err) == (1, True)
    assert used.state(space) == before
    assert rushes("jobs", "cancel", job, "-w", trained).code == 0
    *_, ended = jobs.follow(space, job)
    assert ended.state == "Cancelled"
    if jobs.every(space)[0].state == "Cancelled":
        with jobs.locked(space.jobs / jobs.WORKER_LOCK):  # until its process is gone
            pass
    assert rushes("forget", one.id, "--yes", "--json", "-w", trained).json["left"] == []
    assert used.found(trained, marks(one)) == []
    space.close()


def test_undo_takes_back_the_rest_of_an_action_whose_sample_was_forgotten(small: Workspace, rushes: Rushes) -> None:
    bulk = [item.sample for item in small.store.answered("ratings") if item.correction.value == 0.5]
    hidden = next(
        str(line["sample"]) for line in used.lines(small.root, "annotations.jsonl") if line.get("op") == "delete"
    )
    one, other = bulk
    privacy.forget(small, [one.id])
    small.close()
    undone: list[list[str]] = []
    while (ran := rushes("review", "undo", "-t", "ratings", "--json", "-w", small.root)).code == 0:
        undone.append(ran.json["samples"])
    assert "nothing to undo" in ran.err
    assert [set(samples) for samples in undone[:2]] == [{hidden}, {other.id, hidden}]
    assert len(undone) == 3
    again = loop.open_workspace(small.root)
    states = {row.sample.id: row.state for row in again.store.samples("ratings", limit=50)}
    assert states[other.id] == states[hidden] == "pending"
    assert one.id not in states
    assert again.store.problems() == []
    assert used.found(small.root, {"id": one.id}) == []
    again.close()


@pytest.mark.parametrize("which", ["one of three", "all"])
def test_undo_of_an_action_whose_samples_are_hidden_but_not_erased_yet(small: Workspace, which: str) -> None:
    from core.review.undo import undo
    from core.store import forgotten

    small.store.undo("ratings", small.store.batches("ratings")[0])  # the deletion of the third
    bulk = [item.sample.id for item in small.store.answered("ratings") if item.correction.value == 0.5]
    assert len(bulk) == 3
    listed = bulk if which == "all" else bulk[:1]
    forgotten.add(small.root, listed, [], [])
    small.store.rebuild()
    if which == "all":
        assert len(undo(small, "ratings").samples) == 1
        with pytest.raises(RushesError, match="nothing to undo"):
            undo(small, "ratings")
    else:
        found = undo(small, "ratings")
        assert (found.op, set(found.samples), found.values) == ("set", set(bulk[1:]), (0.5, 0.5))
    assert not set(listed) & {row.sample.id for row in small.store.samples("ratings", limit=50)}


def brought_vectors(folder: Path, *samples: str, more: int = 0) -> Path:
    rng = np.random.default_rng(1)
    samples = (*samples, *(f"other-{number}" for number in range(more)))
    np.savez(folder / "vectors.npz", ids=np.array(samples), vectors=rng.normal(size=(len(samples), 8)))
    return folder / "vectors.npz"


def test_what_every_room_keeps_of_an_unanswered_sample_goes(small: Workspace, rushes: Rushes, tmp_path: Path) -> None:
    one, other = (row.sample for row in small.store.samples("ratings", state="pending"))
    one = replace(one, context="quagga meerschaum")
    small.store.add_samples([one])
    recorded = small.incoming / "webcam7.avi"
    recorded.write_bytes((small.root / (one.media or "")).read_bytes())
    vectors = brought_vectors(tmp_path, one.id, other.id, more=3000)
    (tmp_path / "posts.csv").write_text(
        "content_id,platform,posted_at,measured_at,views,likes,sample_id\n"
        f"post-1,tiktok,2026-11-01T10:00:00Z,2026-11-02T10:00:00Z,100,10,{one.id}\n"
    )
    text = ("embeddings", "store", "--key", one.id, "--text", "quagga meerschaum")
    for command in (
        ("embeddings", "import", vectors, "--type", "text_trend"),
        text,
        ("embeddings", "store", "-t", "ratings", "--all"),
        ("embeddings", "search", "--type", "text_trend", "--like", one.id),
        ("embeddings", "rebuild"),
        ("metrics", "import", tmp_path / "posts.csv"),
        ("metrics", "link", "post-1", one.id),
        ("automation", "publish", one.id, "--platform", "tiktok"),
        ("review", "skip", one.id, "--reason", "quagga meerschaum"),
    ):
        ran = rushes(*command, "-w", small.root)
        assert ran.code == 0, (command, ran.err, ran.out)
    held = marks(one) | {"words": "quagga meerschaum"}
    assert len({line.split(" in ")[0].split(" names ")[0] for line in used.found(small.root, held)}) == len(held)
    assert list((small.cache / "vectors").rglob("*.vectors"))  # what FAISS searches
    asked = rushes("automation", "queue", "--json", "-w", small.root).json[0]
    said = rushes("forget", one.id, "--yes", "--json", "-w", small.root)
    assert said.code == 0, said.err
    assert said.json["left"] == []
    assert used.found(small.root, held) == []
    assert not recorded.exists()
    assert not list((small.cache / "vectors").rglob("*.vectors"))
    assert rushes("automation", "queue", "--json", "-w", small.root).json == []
    approved = rushes("automation", "approve", asked["id"], "-w", small.root)
    assert approved.code in (1, 2)
    assert used.found(small.root, held) == []


def test_vectors_of_a_forgotten_sample_do_not_come_back(small: Workspace, rushes: Rushes, tmp_path: Path) -> None:
    one, other = (row.sample.id for row in small.store.samples("ratings", state="pending"))
    vectors = brought_vectors(tmp_path, one, other)
    privacy.forget(small, [one])
    said = rushes("embeddings", "import", vectors, "--type", "text_trend", "--json", "-w", small.root)
    assert (said.code, said.json["rows"]) == (1, 2)
    assert "forgotten" in json.dumps(said.json["errors"])
    refused = rushes("embeddings", "store", "--key", one, "--text", "blue", "-w", small.root)
    assert (refused.code, "forgotten" in refused.err) == (1, True)
    assert rushes("metrics", "link", "post-1", one, "-w", small.root).code == 2
    assert used.found(small.root, {"id": one}) == []


@pytest.mark.parametrize("count", [1, 2, 100])
def test_vectors_that_were_looked_at_before_their_sample_was_forgotten_are_not_kept(
    small: Workspace, count: int
) -> None:
    one, other = (row.sample.id for row in small.store.samples("ratings", state="pending"))
    backend = Local(small)
    keys = [other, *(f"post-{number}" for number in range(count - 2)), one][-count:]
    found = Rows(EmbeddingType.TEXT_TREND, "a test's", keys, np.eye(count, 4, dtype=np.float32) + 1)
    privacy.forget(small, [one])
    with pytest.raises(RushesError, match="was forgotten meanwhile"):
        backend.put_one(found) if count == 1 else backend.put(found)
    assert backend.keys(EmbeddingType.TEXT_TREND, "a test's") == set()
    assert not list((small.data / "imports").glob("*"))
    assert used.found(small.root, {"id": one}) == []


def test_a_post_is_not_linked_to_a_sample_that_was_forgotten_meanwhile(small: Workspace) -> None:
    one, other = (row.sample.id for row in small.store.samples("ratings", state="pending"))
    with MetricsStore(small) as metrics:
        metrics.write(WriteRequest("post-1", "tiktok", "content", {"sample_id": other}))
        privacy.forget(small, [one])
        with pytest.raises(RushesError, match="was forgotten meanwhile"):
            metrics.link("post-1", "tiktok", one)
        with pytest.raises(RushesError, match="was forgotten meanwhile"):
            metrics.write(WriteRequest("post-2", "tiktok", "content", {"sample_id": one}))
        assert [row["content_id"] for row in metrics.read(ReadRequest("content"))] == ["post-1"]
    assert used.found(small.root, {"id": one}) == []


def test_what_is_forgotten_while_it_is_published_is_not_linked_to_its_post(
    small: Workspace, rushes: Rushes, tmp_path: Path, own_home: Path
) -> None:
    one = small.store.samples("ratings", state="pending")[0].sample
    fifo, hook, user = tmp_path / "fifo", tmp_path / "hook.py", own_home / "config" / "rushes"
    os.mkfifo(fifo)
    hook.write_text(HOOK)
    user.mkdir(parents=True)
    (user / "config.toml").write_text(f'[automation]\ncommand = ["{sys.executable}", "{hook}", "{fifo}"]\n')
    asked = rushes("automation", "publish", one.id, "--platform", "tiktok", "--json", "-w", small.root).json
    command = [sys.executable, "-P", "-m", "tui.cli", "automation", "approve", asked["id"], "-w", str(small.root)]
    publishing = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    fifo.read_bytes()  # the hook runs
    assert rushes("forget", one.id, "--yes", "--json", "-w", small.root).json["left"] == []
    fifo.write_bytes(b"")
    out, err = publishing.communicate(timeout=60)
    assert "Traceback" not in out + err
    assert publishing.returncode == 1
    assert "forgotten" in err
    assert used.found(small.root, marks(one)) == []


def test_forgotten_twice_by_a_wrong_name_or_with_one_nobody_knows(small: Workspace, rushes: Rushes) -> None:
    one, other = (row.sample.id for row in small.store.samples("ratings", state="pending"))
    before = used.state(small)
    for wrong in ((one, "nobody"), ("nobody", one), (other, one, "f" * 36), ("",), ("%",)):
        refused = rushes("forget", *wrong, "--yes", "-w", small.root)
        assert (refused.code, "begins with" in refused.err) == (2, True), wrong
        assert used.state(small) == before
    assert rushes("forget", one[:20], one, "--yes", "--json", "-w", small.root).json["samples"] == [one]
    again = rushes("forget", one, "--yes", "-w", small.root)
    assert (again.code, "was forgotten here already" in again.err) == (2, True)
    both = rushes("forget", one, other, "--yes", "-w", small.root)
    assert (both.code, "was forgotten here already" in both.err) == (2, True)
    assert other in {row.sample.id for row in small.store.samples("ratings", limit=50)}
    assert used.found(small.root, {"id": one}) == []


@pytest.mark.parametrize("stop", [0, 3, 6, 8])
async def test_the_screens_open_on_a_forgetting_that_was_killed_and_finish_it(small: Workspace, stop: int) -> None:
    from tests.tui.conftest import ready, until
    from tui.app import RushesApp
    from tui.screens.review import ReviewScreen

    one = small.store.samples("ratings", state="pending")[0].sample
    small.close()
    ended = subprocess.run([sys.executable, "-c", FORGETTING, str(small.root), one.id, str(stop)], check=False)
    assert ended.returncode == -9
    app = RushesApp(small.root, None, "ratings")
    async with app.run_test(size=(120, 40)) as pilot:
        await ready(pilot)
        await pilot.press("2")
        await until(pilot, lambda: isinstance(app.screen, ReviewScreen), "Review")
        screen = app.screen
        assert isinstance(screen, ReviewScreen)
        await until(pilot, lambda: screen.table.ids and screen.table.item, "the list")
        assert one.id not in screen.table.ids
        await pilot.press("f", "s")
        await until(pilot, lambda: not screen.table.saving, "the skip")
    assert not (small.root / "cache" / "forgetting.json").exists()
    assert used.found(small.root, marks(one)) == []


def test_a_pair_of_texts_that_was_forgotten_is_not_taken_in_again(
    small: Workspace, rushes: Rushes, tmp_path: Path
) -> None:
    pairs = [{"input": "quagga to", "output": "quagga two"}, {"input": "blue to", "output": "blue two"}]
    (tmp_path / "llm.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    arguments = ("import", tmp_path / "llm.jsonl", "-t", "speech", "--consent", "--json", "-w", small.root)
    assert rushes(*arguments).json["imported"] == 2
    one = next(item.sample for item in small.store.answered("speech") if item.correction.value == "quagga two")
    small.store.refresh()
    assert rushes("forget", one.id, "--yes", "--json", "-w", small.root).json["left"] == []
    again = rushes(*arguments).json
    assert (again["imported"], again["errors"]) == (0, [{"row": 1, "reason": "was forgotten here"}])
    line = {
        "id": one.id,
        "raw_output": "a",
        "llm_correction": "",
        "ground_truth": "b",
        "timestamp": 0.0,
        "metadata": {},
    }
    with pytest.raises(RushesError, match="forgotten"):
        small.store.append_lines("speech", [line])
    assert used.found(small.root, {"id": one.id, "words": "quagga"}) == []
