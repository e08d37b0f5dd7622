from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import tasks
from core.store.identity import new_id
from core.store.store import Store
from tests.core.store.samples import correction, dump, prediction, sample, values


def test_an_answer_survives_reopening(tmp_path: Path):
    store = Store(tmp_path, tasks.codecs())
    clip = sample(1)
    store.add_samples([clip])
    store.add_predictions([prediction(clip)])
    store.add_corrections([(replace(clip, media="training_data/videos/training_1.avi"), correction(clip, "dialogue"))])
    store.close()
    again = Store(tmp_path, tasks.codecs())
    row = again.samples("scenes")[0]
    assert row.state == "answered"
    assert row.correction is not None
    assert row.correction.value == "dialogue"
    assert row.prediction is not None
    assert (row.prediction.value, row.prediction.runner_ups) == ("action", (("dialogue", 0.2),))
    assert row.sample.media == "training_data/videos/training_1.avi"


def test_the_journal_line_has_seed_000s_fields_first(store: Store, tmp_path: Path):
    heard = {"audioEnergy": 0.42, "spectralFlux": 0.31, "zeroCrossingRate": 0.18, "tempo": 128}
    clip = replace(sample(1), start_s=83.4, extra={"audioFeatures": heard})
    truth = replace(correction(clip, "dialogue"), predicted="action", confidence=0.65, at=1764419696.0)
    store.add_corrections([(clip, truth)])
    line = json.loads((tmp_path / "training_data" / "corrections.jsonl").read_text())
    seed = {name: line[name] for name in list(line)[:8]}
    assert seed == {
        "videoId": "video-1",
        "sceneId": "scene-1",
        "timestamp": "1:23",
        "originalLabel": "action",
        "correctedLabel": "dialogue",
        "confidence": 0.65,
        "audioFeatures": heard,
        "correctedAt": "2025-11-29T12:34:56Z",
    }


SEED_FILES = {
    "corrections.jsonl": (
        {"videoId": "abc123", "sceneId": "scene-42", "timestamp": "1:23", "originalLabel": "action",
         "correctedLabel": "dialogue", "confidence": 0.65, "correctedAt": "2025-11-29T12:34:56Z"},
        "scenes", "dialogue"),
    "samples.jsonl": (
        {"id": "uuid-here", "video_path": "training_data/videos/sample_001.avi", "raw_output": "I HAVE READ MANY BOOKS",
         "llm_correction": "I have read many books.", "ground_truth": "I have read many books about this subject.",
         "timestamp": 1765076400.0, "was_correct": False, "metadata": {"speaker": "user_1", "context": "reading"}},
        "speech", "I have read many books about this subject."),
    "annotations.jsonl": ({"framePath": "frame001.jpg", "rating": 0.9}, "ratings", 0.9),
}  # fmt: skip


@pytest.mark.parametrize("name", SEED_FILES)
def test_a_seeds_own_file_dropped_in_counts_but_is_not_trained_on_without_media(
    store: Store, tmp_path: Path, name: str
):
    line, task, value = SEED_FILES[name]
    (tmp_path / "training_data" / name).write_text(json.dumps(line) + "\n" + json.dumps(line) + "\n")
    store.refresh()
    assert values(store, task) == [value]  # twice the same sample is one
    assert store.answered(task, with_media=True) == []
    assert store.statistics(task)["withoutMedia"] == 1


def test_media_of_a_dropped_in_file_is_found_inside_and_never_outside(store: Store, tmp_path: Path):
    (tmp_path / "training_data" / "frames").mkdir()
    (tmp_path / "training_data" / "frames" / "frame001.jpg").write_bytes(b"x")
    rows = [{"framePath": path, "rating": 0.5} for path in ("frame001.jpg", "/etc/passwd", "../../etc/passwd")]
    (tmp_path / "training_data" / "annotations.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    store.refresh()
    found = store.answered("ratings", with_media=True)
    assert [item.sample.media for item in found] == ["training_data/frames/frame001.jpg"]
    assert store.count_answered("ratings") == 3


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ({"framePath": "", "rating": 0.5}, "Frame path must not be empty"),
        ({"framePath": "a.jpg", "rating": 1.5}, "Rating must be between 0.0 and 1.0, got 1.5"),
        ({"framePath": "a.jpg"}, "rating is missing"),
    ],
)
def test_seed_002s_validation_sets_wrong_lines_aside_and_says_so(
    store: Store, tmp_path: Path, line: dict[str, object], reason: str
):
    good = {"framePath": "good.jpg", "rating": 0.7}
    (tmp_path / "training_data" / "annotations.jsonl").write_text(json.dumps(line) + "\n" + json.dumps(good) + "\n")
    store.refresh()
    assert values(store, "ratings") == [0.7]
    assert reason in store.problems()[0]


def test_statistics_are_seed_002s(store: Store):
    for number, rating in enumerate((0.9, 0.7, 0.5)):
        clip = sample(number, "ratings")
        store.add_corrections([(clip, correction(clip, rating))])
    found = store.statistics("ratings")
    assert found["totalAnnotations"] == 3
    assert found["averageRating"] == pytest.approx(0.7)
    assert found["oldestAnnotation"] == found["newestAnnotation"] == "1970-01-01T00:00:02Z"


def test_a_batch_that_a_crash_cut_does_not_count(store: Store, tmp_path: Path):
    clips = [sample(number) for number in range(3)]
    batch = new_id()
    store.add_corrections([(clip, correction(clip, "action", batch)) for clip in clips])
    path = tmp_path / "training_data" / "corrections.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.rstrip(b"\n").rfind(b"\n") + 1])
    store.rebuild()
    assert values(store) == []
    assert "2 of its 3 lines" in store.problems()[0]


def test_undo_brings_the_earlier_answer_back_and_clearing_hides_all(store: Store):
    clip, second = sample(1), new_id()
    store.add_samples([clip])
    store.add_corrections([(clip, correction(clip, "dialogue"))])
    store.add_corrections([(clip, correction(clip, "suspense", second))])
    assert values(store) == ["suspense"]
    store.undo("scenes", second)
    assert values(store) == ["dialogue"]
    cleared = store.clear("scenes")
    assert values(store) == []
    assert store.samples("scenes") == []
    store.undo("scenes", cleared)
    assert values(store) == ["dialogue"]


def test_what_another_process_wrote_arrives(tmp_path: Path):
    one, two = Store(tmp_path, tasks.codecs()), Store(tmp_path, tasks.codecs())
    clip = sample(1)
    one.add_samples([clip])
    one.add_corrections([(clip, correction(clip, "action"))])
    two.refresh()
    assert values(two) == ["action"]
    two.add_corrections([(clip, correction(clip, "dialogue"))])
    one.refresh()
    assert values(one) == ["dialogue"]
    assert dump(one) == dump(two)


@pytest.mark.parametrize("damage", ["garbage", "truncated", "empty", "missing"])
def test_a_damaged_catalog_is_set_aside_and_made_again(tmp_path: Path, damage: str):
    store = Store(tmp_path, tasks.codecs())
    clips = [sample(number) for number in range(50)]
    store.add_corrections([(clip, correction(clip, "action")) for clip in clips])
    before = dump(store)
    store.close()
    path = tmp_path / "rushes.db"
    if damage == "missing":
        path.unlink()
    else:
        whole = path.read_bytes()
        path.write_bytes({"garbage": os.urandom(9000), "truncated": whole[: len(whole) // 2], "empty": b""}[damage])
    again = Store(tmp_path, tasks.codecs())
    assert dump(again) == before
    if damage in ("garbage", "truncated"):
        assert "was damaged" in again.problems()[0]
        assert (tmp_path / "rushes.db.damaged-1").exists()


steps = st.lists(
    st.tuples(
        st.sampled_from(["sample", "predict", "correct", "bulk", "undo", "delete", "clear", "reopen"]),
        st.integers(0, 5),
        st.sampled_from(["action", "dialogue", "suspense"]),
    ),
    max_size=14,
)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_rebuilding_gives_the_same_rows_whatever_happened(
    tmp_path_factory: pytest.TempPathFactory, history: list[tuple[str, int, str]]
):
    root = tmp_path_factory.mktemp("history")
    store = Store(root, tasks.codecs())
    batches: list[str] = []
    for step, number, label in history:
        clip = sample(number)
        if step == "sample":
            store.add_samples([clip])
        elif step == "predict":
            store.add_predictions([prediction(clip, label)])
        elif step in ("correct", "bulk"):
            batches.append(new_id())
            clips = [clip] if step == "correct" else [clip, sample(number + 1)]
            moved = [replace(one, media=f"training_data/videos/{label}.avi") for one in clips]
            store.add_corrections([(one, correction(one, label, batches[-1])) for one in moved])
        elif step == "undo" and batches:
            store.undo("scenes", batches[number % len(batches)])
        elif step == "delete":
            store.delete("scenes", [clip.id])
        elif step == "clear":
            batches.append(store.clear("scenes"))
        elif step == "reopen":
            store.close()
            store = Store(root, tasks.codecs())
    before = dump(store)
    store.rebuild()
    assert dump(store) == before
    store.close()


PREDICTED = {"kind": "prediction", "id": "p", "sample": "s", "task": "scenes", "version": "v1", "by": "model"}


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("events.jsonl", {"kind": "sample", "id": "s", "task": "scenes", "group": "g", "rating_count": 10**30}),
        ("events.jsonl", PREDICTED | {"confidence": [1, 2]}),
        ("events.jsonl", PREDICTED | {"latency_ms": 10**400}),
        ("annotations.jsonl", {"framePath": "x.jpg", "rating": 0.5, "sample": "x", "at": 10**400}),
        ("annotations.jsonl", {"framePath": "x.jpg", "rating": 0.5, "batch_n": 10**30}),
    ],
)
def test_a_line_no_table_takes_costs_only_itself(store: Store, tmp_path: Path, name: str, line: dict[str, object]):
    good = json.dumps({"framePath": "good.jpg", "rating": 0.7}) + "\n"
    folder = tmp_path / "training_data"
    (folder / name).write_text(json.dumps(line) + "\n")
    with (folder / "annotations.jsonl").open("a") as file:
        file.write(good)
    store.refresh()
    assert values(store, "ratings") == [0.7]
    assert len(store.problems()) == 1
    store.rebuild()
    assert values(store, "ratings") == [0.7]
