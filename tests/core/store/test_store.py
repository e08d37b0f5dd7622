from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from core import tasks
from core.errors import StoreError
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


def test_one_lone_undo_makes_a_sample_wait_again_and_a_second_undo_is_refused(store: Store):
    clip, batch = sample(1), new_id()
    store.add_corrections([(clip, correction(clip, "dialogue", batch))])
    assert store.batches("scenes") == [batch]
    undo = store.undo("scenes", batch)
    assert [row.state for row in store.samples("scenes", state="pending")] == ["pending"]
    with pytest.raises(StoreError, match="undone already"):
        store.undo("scenes", batch)
    store.undo("scenes", undo)
    assert values(store) == ["dialogue"]


def test_deleting_hides_until_undone_or_answered_again(store: Store):
    clip = sample(1)
    store.add_samples([clip])
    batch = store.delete("scenes", [clip.id])
    assert store.samples("scenes") == []
    assert store.sample(clip.id) is None
    store.undo("scenes", batch)
    assert store.sample(clip.id) is not None
    store.delete("scenes", [clip.id])
    store.add_corrections([(clip, correction(clip, "action"))])
    assert values(store) == ["action"]


def test_a_skipped_sample_leaves_the_queue_until_put_back(store: Store):
    clip = sample(1)
    store.add_samples([clip])
    store.skip("scenes", [clip.id], "dark")
    assert store.samples("scenes", state="pending") == []
    assert [row.state for row in store.samples("scenes")] == ["skipped"]
    store.skip("scenes", [clip.id], skipped=False)
    assert store.count("scenes", "pending") == 1


def test_samples_are_listed_newest_first_in_blocks(store: Store):
    clips = [replace(sample(number), captured_at=float(number // 3)) for number in range(7)]
    store.add_samples(clips)  # those of one moment come in the journal's order
    first, rest = store.samples("scenes", limit=5), store.samples("scenes", limit=5, offset=5)
    assert [row.sample.id for row in [*first, *rest]] == [clip.id for clip in reversed(clips)]


def test_an_answer_comes_back_as_it_was_given(store: Store):
    clip = replace(sample(1), speaker="Zoë", extra={"file": "a\u2028b.avi", "audioFeatures": {"tempo": 1.5}}, end_s=2.0)
    truth = replace(correction(clip, "dialogue"), predicted="action", confidence=0.5, version="v3", was_correct=False,
                    raw_correct=False, picked_by="random", label_source="confirmed", llm="x")  # fmt: skip
    store.add_corrections([(clip, truth)])
    (found,) = store.answered("scenes")
    assert (found.sample, found.correction) == (clip, truth)


def test_answers_that_are_none_are_refused_whole(store: Store, tmp_path: Path):
    clips = [sample(number, "ratings") for number in range(2)]
    with pytest.raises(StoreError, match=r"Rating must be between 0.0 and 1.0, got 1.5"):
        store.add_corrections(
            [(clip, correction(clip, rating)) for clip, rating in zip(clips, (0.5, 1.5), strict=True)]
        )
    with pytest.raises(StoreError, match="Unicode"):
        store.add_samples([replace(sample(1), context="half \ud800")])
    assert not (tmp_path / "training_data" / "annotations.jsonl").exists()


def test_numbers_that_are_none_are_saved_as_null(store: Store, tmp_path: Path):
    clip = sample(1)
    store.add_predictions([replace(prediction(clip), raw={"p": [float("nan"), float("inf")]})])
    assert '"p": [null, null]' in (tmp_path / "training_data" / "events.jsonl").read_text()
    found = store.latest(clip.id)
    assert found is not None
    assert found.raw == {"p": [None, None]}


def test_predictions_are_never_overwritten(store: Store):
    clip = sample(1)
    made = [prediction(clip, label) for label in ("action", "dialogue")]
    store.add_predictions([*made, replace(made[0], kind="llm", value=None, error="failed")])
    assert [found.value for found in store.predictions(clip.id)] == ["action", "dialogue", None]
    assert store.latest(clip.id) == made[1]


def test_events_come_back_in_order(store: Store):
    store.note("consent", {"task": "speech", "at": 5.0})
    store.note("consent", {"task": "ratings"})
    assert [event["task"] for event in store.events("consent")] == ["speech", "ratings"]
    assert store.events("consent")[0]["at"] == 5.0


def test_media_that_leads_outside_through_a_link_is_none(store: Store, tmp_path: Path):
    (tmp_path / "training_data" / "frames").symlink_to("/etc")
    (tmp_path / "training_data" / "link.jpg").symlink_to("/etc/passwd")
    rows = [{"framePath": path, "rating": 0.5} for path in ("frames/passwd", "passwd", "link.jpg", "a\0b")]
    (tmp_path / "training_data" / "annotations.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    store.refresh()
    assert store.answered("ratings", with_media=True) == []
    assert store.statistics("ratings")["withoutMedia"] == 4


def test_the_seeds_tables_can_be_asked_in_their_words(store: Store):
    frame, talk = replace(sample(1, "ratings"), source="cam-1"), replace(sample(2, "speech"), speaker="ann")
    store.add_samples([frame, talk])
    store.add_predictions([prediction(frame, 0.5)])
    store.add_corrections([(frame, correction(frame, 0.9)), (talk, correction(talk, "good day"))])
    with store.catalog.read() as db:
        (shot,) = db.query("SELECT * FROM webcam_snapshots WHERE calculated_rating >= 4.0")
        (cam,) = db.query("SELECT * FROM webcams")
        (inference,) = db.query("SELECT * FROM snapshot_ai_inferences")
        (spoken,) = db.query("SELECT * FROM training_samples")
        assert len(list(db.query("SELECT * FROM webcam_snapshot_ratings"))) == 1
    assert (shot["webcam_id"], shot["calculated_rating"]) == ("cam-1", 4.5)
    assert (cam["id"], cam["ai_rating"], cam["ai_model_version"]) == ("cam-1", 2.5, "v1")
    assert (inference["raw_score"], inference["ai_rating"]) == (0.5, 2.5)  # a journal without the network's own
    assert (spoken["ground_truth"], spoken["speaker_id"]) == ("good day", "ann")


def test_seed_004s_raw_score_is_the_networks_own_and_the_rating_the_calibrated_one(store: Store):
    frame = sample(1, "ratings")
    store.add_samples([frame])
    store.add_predictions([replace(prediction(frame, 0.8), raw={"score": 1.25})])
    with store.catalog.read() as db:
        (inference,) = db.query("SELECT * FROM snapshot_ai_inferences")
    assert (inference["raw_score"], inference["ai_rating"]) == (1.25, 4.0)
