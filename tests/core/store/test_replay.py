from __future__ import annotations

import json
import os
import tempfile
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from core import tasks
from core.store.identity import new_id
from core.store.store import Store
from tests.core.store.samples import correction, dump, prediction, sample, values


def journal(root: Path, name: str = "corrections.jsonl") -> Path:
    return root / "training_data" / name


def foreign(scene: str, label: str) -> str:
    line = {"videoId": "abc", "sceneId": scene, "timestamp": "0:01", "originalLabel": "action",
            "correctedLabel": label, "confidence": 0.5, "correctedAt": "2025-11-29T12:34:56Z"}  # fmt: skip
    return json.dumps(line) + "\n"


Step = tuple[str, int, str]
labels = st.sampled_from(["action", "dialogue", "suspense"])
kinds = ["sample", "predict", "correct", "bulk", "undo", "redo", "delete", "clear", "skip", "drop_in", "torn",
         "cut_batch", "bad", "reopen"]  # fmt: skip


class History:
    """Plays steps against one workspace that two stores look at in turn."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.stores = [Store(root, tasks.codecs()), Store(root, tasks.codecs())]
        self.batches: list[str] = []
        self.undos: list[str] = []

    def play(self, turn: int, step: Step) -> None:
        store = self.stores[turn % 2]
        store.refresh()
        kind, number, label = step
        clip = sample(number)
        if kind in ("correct", "bulk"):
            # Two numbers share their content, so moving one clip moves the other.
            clips = [
                replace(sample(n), media_hash=f"{n // 2:064x}") for n in range(number, number + 1 + (kind == "bulk"))
            ]
            self.batches.append(new_id())
            moved = [replace(one, media=f"training_data/videos/{label}-{turn}.avi") for one in clips]
            store.add_corrections([(one, correction(one, label, self.batches[-1])) for one in moved])
        elif kind == "sample":
            store.add_samples([replace(clip, media_hash=f"{number // 2:064x}", context=label)])
        elif kind == "predict":
            store.add_predictions([prediction(clip, label)])
        elif kind in ("undo", "redo"):
            self._undo(store, self.batches if kind == "undo" else self.undos, number)
        elif kind == "delete":
            self.batches.append(store.delete("scenes", [clip.id]))
        elif kind == "clear":
            self.batches.append(store.clear("scenes"))
        elif kind == "skip":
            store.skip("scenes", [clip.id], skipped=label != "action")
        else:
            self._disturb(turn, step)

    def _undo(self, store: Store, batches: list[str], number: int) -> None:
        valid = {batch for batch in batches if self._counts(store, batch)}
        if valid:
            batch = sorted(valid)[number % len(valid)]
            self.undos.append(store.undo("scenes", batch))

    def _counts(self, store: Store, batch: str) -> bool:
        with store.catalog.read() as db:
            query = "SELECT 1 FROM batches WHERE task = 'scenes' AND batch = ? AND complete AND undone_at IS NULL"
            return db.execute(query, [batch]).fetchone() is not None

    def _disturb(self, turn: int, step: Step) -> None:
        kind, number, label = step
        path = journal(self.root)
        if kind == "reopen":
            self.stores[turn % 2].close()
            self.stores[turn % 2] = Store(self.root, tasks.codecs())
            return
        content = {
            "drop_in": foreign(f"scene-{number}", label)
            + foreign(f"scene-{number}", label).rstrip("\n") * (number % 2),
            "torn": '{"videoId": "abc", "sce',
            "cut_batch": json.dumps({"op": "delete", "sample": sample(number).id, "batch": new_id(), "batch_n": 2})
            + "\n",
            "bad": "\u2028 not JSON\n[]\n\n",
        }[kind]
        with path.open("a") as file:
            file.write(content)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.sampled_from(kinds), st.integers(0, 5), labels), max_size=16))
def test_rebuilding_gives_the_same_rows_whatever_happened_and_whoever_looked(steps: list[Step]):
    with tempfile.TemporaryDirectory() as folder:
        history = History(Path(folder))
        for turn, step in enumerate(steps):
            history.play(turn, step)
        for store in history.stores:
            store.refresh()
        before = dump(history.stores[0])
        assert dump(history.stores[1]) == before
        history.stores[0].rebuild()
        assert dump(history.stores[0]) == before
        (Path(folder) / "rushes.db").unlink()
        assert dump(Store(Path(folder), tasks.codecs())) == before


def test_the_order_of_looking_at_the_journals_does_not_matter(tmp_path: Path):
    """The clip was moved by its answer; the older event with the old path arrives in the catalog only afterwards."""
    clip = sample(1)
    store = Store(tmp_path / "one", tasks.codecs())
    store.add_samples([clip])
    store.add_corrections([(replace(clip, media="training_data/videos/a.avi"), correction(clip, "action"))])
    late = tmp_path / "two"
    other = Store(late, tasks.codecs())
    for name in ("corrections.jsonl", "events.jsonl"):
        journal(late, name).write_bytes(journal(tmp_path / "one", name).read_bytes())
        other.refresh()
    for either in (store, other):
        (row,) = either.samples("scenes")
        assert row.sample.media == "training_data/videos/a.avi"
        assert row.state == "answered"


def test_capturing_a_clip_again_does_not_move_its_answered_media_back(tmp_path: Path):
    store, clip = Store(tmp_path, tasks.codecs()), sample(1)
    store.add_corrections([(replace(clip, media="training_data/videos/a.avi"), correction(clip, "action"))])
    store.add_samples([clip])
    assert store.samples("scenes")[0].sample.media == "training_data/videos/a.avi"


def test_scenes_of_one_file_move_along_with_the_first_answer(tmp_path: Path):
    store = Store(tmp_path, tasks.codecs())
    scenes = [replace(sample(number), media_hash="f" * 64, media="training_data/pending/a.avi") for number in range(3)]
    store.add_samples(scenes)
    store.add_corrections([(replace(scenes[1], media="training_data/videos/a.avi"), correction(scenes[1], "action"))])
    assert {row.sample.media for row in store.samples("scenes")} == {"training_data/videos/a.avi"}


def test_a_rewritten_journal_is_read_again(tmp_path: Path):
    store, clips = Store(tmp_path, tasks.codecs()), [sample(number) for number in range(4)]
    for clip in clips:
        store.add_corrections([(clip, correction(clip, "action"))])
    store.journals["corrections.jsonl"].rewrite(lambda line: None if line["sample"] == clips[2].id else line)
    store.refresh()
    assert [item.sample.id for item in store.answered("scenes")] == [clips[0].id, clips[1].id, clips[3].id]


def test_a_label_mended_by_hand_without_changing_the_length_is_noticed(tmp_path: Path):
    store = Store(tmp_path, tasks.codecs())
    path = journal(tmp_path)
    path.write_text(foreign("scene-1", "actiom") + foreign("scene-2", "action"))
    store.refresh()
    when = path.stat().st_mtime_ns + 1_000_000_000
    with path.open("r+") as file:
        file.write(foreign("scene-1", "suspen"))
    os.utime(path, ns=(when, when))
    store.refresh()
    assert values(store) == ["suspen", "action"]


def test_a_removed_journal_takes_its_answers_along(tmp_path: Path):
    store, clip = Store(tmp_path, tasks.codecs()), sample(1)
    store.add_samples([clip])
    store.add_corrections([(clip, correction(clip, "action"))])
    journal(tmp_path).unlink()
    store.refresh()
    assert [row.state for row in store.samples("scenes")] == ["pending"]


def test_a_last_line_without_newline_counts_and_may_still_be_spoilt(tmp_path: Path):
    store = Store(tmp_path, tasks.codecs())
    journal(tmp_path).write_text(foreign("scene-1", "action").rstrip("\n"))
    store.refresh()
    assert values(store) == ["action"]
    with journal(tmp_path).open("a") as file:
        file.write(foreign("scene-2", "dialogue"))  # a program that forgets the newline spoils both
    store.refresh()
    assert values(store) == []
    assert "corrections.jsonl line 1: is not JSON" in store.problems()[0]


def test_lines_of_the_wrong_type_cost_only_themselves(tmp_path: Path):
    store, clip = Store(tmp_path, tasks.codecs()), sample(1)
    store.add_corrections([(clip, correction(clip, "action"))])
    good = json.loads(journal(tmp_path).read_text())
    wrong = [{"start_s": "x"}, {"rating_count": 2**80}, {"at": "now"}, {"extra": []}, {"batch": 7}, {"batch_n": 0},
             {"op": {}}, {"predicted": []}, {"sample": 5}, {"picked_by": "dice"}, {"videoId": "\ud800"}]  # fmt: skip
    with journal(tmp_path).open("a") as file:
        file.writelines(json.dumps(good | {"sample": "b", "batch": "b"} | change) + "\n" for change in wrong)
    store.refresh()
    assert values(store) == ["action"]
    assert len(store.problems()) == len(wrong)
