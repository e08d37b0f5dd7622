"""The order in which clips are asked about: useful, explained, and unbiased where it says so."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import ks_2samp

from core import features, loop, registry, tasks
from core.errors import WrongUseError
from core.review import answers
from core.review.queue import Queued, picked_by, queue
from core.review.undo import undo
from core.store.records import Prediction, Sample
from core.workspace import Workspace
from tests.core.review.conftest import Made


def confidences(rows: list[Queued], pick: str) -> list[float]:
    return [row.confidence for row in rows if row.picked_by == pick and row.confidence is not None]


def likely_of(drawn: list[float], pool: list[float]) -> float:
    """How likely two such different samples come from one distribution (Kolmogorov and Smirnov)."""
    found: Any = ks_2samp(drawn, pool)
    return found.pvalue


def even(seed: int) -> Callable[[int], float]:
    rng = random.Random(seed)
    return lambda _: rng.uniform(0.5, 1.0)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_at_least_a_fifth_is_random_and_as_sure_as_all_that_waits(made: Made, seed: int):
    sure = even(seed)
    pool = [sure(0) for _ in range(2000)]
    made.unsure(2000, pool.__getitem__)
    rows = queue(made.space, "scenes", 500, seed=seed)
    drawn = confidences(rows, "random")
    assert len(drawn) >= 100
    assert likely_of(drawn, pool) > 0.01
    assert max(confidences(rows, "queue")) < 0.7, "the others are the least sure"


def test_answering_the_doubtful_ones_first_leaves_the_random_ones_unbiased(made: Made):
    sure = even(4)
    pool = [sure(0) for _ in range(300)]
    known = {one.id: one for one in made.unsure(300, pool.__getitem__)}
    picks: list[tuple[str, float]] = []
    for _ in range(8):
        rows = queue(made.space, "scenes", 20)
        picks += [(row.picked_by, row.confidence or 0.0) for row in rows]
        for pick in ("random", "queue"):
            made.answer([(known[row.sample_id], "action") for row in rows if row.picked_by == pick], pick)
    drawn = [confidence for pick, confidence in picks if pick == "random"]
    assert len(drawn) >= 32
    assert likely_of(drawn, pool) > 0.01
    assert likely_of([confidence for pick, confidence in picks if pick == "queue"], pool) < 0.001


def test_one_answer_at_a_time_asks_one_random_in_five(made: Made):
    known = {one.id: one for one in made.unsure(60, even(5))}
    picks: list[str] = []
    for _ in range(15):
        row = queue(made.space, "scenes", 1)[0]
        picks.append(row.picked_by)
        made.answer([(known[row.sample_id], "action")], picked_by(made.space, known[row.sample_id]))
    assert picks == ["random", "queue", "queue", "queue", "queue"] * 3


def test_the_list_stays_until_something_is_answered(made: Made):
    known = {one.id: one for one in made.unsure(60, even(6))}
    first = queue(made.space, "scenes", 10)
    assert queue(made.space, "scenes", 10) == first
    made.answer([(known[first[0].sample_id], "action")], first[0].picked_by)
    after = {row.sample_id: row for row in queue(made.space, "scenes", 10)}
    assert [after.get(row.sample_id) for row in first[1:]] == first[1:]
    assert len(after) == 10
    assert first[0].sample_id not in after


def test_a_list_of_everything_holds_everything_once(made: Made):
    every = made.unsure(23, even(7))
    rows = queue(made.space, "scenes", 100)
    assert sorted(row.sample_id for row in rows) == sorted(one.id for one in every)
    assert sum(row.picked_by == "random" for row in rows) >= 5


def reasons(made: Made, task: str = "scenes") -> list[str]:
    return [row.reason for row in queue(made.space, task, 50) if row.picked_by == "queue"]


def test_labels_say_between_which_two_the_model_wavers(made: Made):
    rows = [made.sample(number) for number in range(12)]
    made.pending([(one, made.said(one, "action", 0.41, [("dialogue", 0.39)])) for one in rows])
    assert set(reasons(made)) == {"unsure: action 0.41 or dialogue 0.39"}


def test_scores_near_the_threshold_come_first_and_say_so(tmp_path: Path):
    space = loop.open_workspace(tmp_path / "w", flags={"ratings": {"scale": [0.0, 5.0]}})
    made = Made(space)
    (space.data / "videos/shared.avi").write_bytes(b"RIFF")
    rows = [made.sample(number, "ratings") for number in range(20)]
    made.pending([(one, made.said(one, 0.78 if n % 2 else 0.3, 0.6)) for n, one in enumerate(rows)])
    found = reasons(made, "ratings")
    space.close()
    near = [index for index, reason in enumerate(found) if reason == "near the threshold: 3.9"]
    far = [index for index, reason in enumerate(found) if reason == "less sure than the rest: 1.5 0.60"]
    assert near
    assert far
    assert max(near) < min(far)


def test_versions_that_disagree_are_named_with_what_they_say(made: Made):
    rows = [made.sample(number) for number in range(12)]
    made.pending([(one, made.said(one, "action", 0.9, version="v3")) for one in rows])
    shadows = [made.said(one, "dialogue", 0.8, version="v2", kind="shadow") for one in rows]
    made.space.store.add_predictions(shadows)
    assert set(reasons(made)) == {"versions v3 and v2 disagree: action and dialogue"}


def test_a_text_the_language_model_changed_is_asked_about(made: Made):
    rows = [made.sample(number, "speech") for number in range(12)]
    made.pending([(one, made.said(one, "bin blue at f", 0.9)) for one in rows])
    mended = [made.said(one, "bin blue at five", version="llm/x", kind="llm") for one in rows]
    made.space.store.add_predictions(mended)
    assert set(reasons(made, "speech")) == {"the language model changed 25 % of the words: bin blue at five"}


def test_a_clip_without_an_answer_is_asked_about_before_all_others(made: Made):
    made.unsure(40, lambda _: 0.5)
    failed = [made.sample(number) for number in (100, 101)]
    made.pending([(one, made.said(one, None, error="no face was found")) for one in failed])
    rows = queue(made.space, "scenes", 10)
    found = {row.sample_id: row for row in rows}
    assert {one.id for one in failed} <= found.keys()
    asked = [found[one.id] for one in failed if found[one.id].picked_by == "queue"]
    assert all(row.reason == "the model had no answer: no face was found" for row in asked)
    assert all(row.value is None for row in asked)
    assert [row for row in rows if row.picked_by == "queue"][: len(asked)] == asked


def striped(shift: int) -> dict[str, Any]:
    """Features of a picture: a pattern of its own for every shift."""
    rng = np.random.default_rng(shift)
    blocks = rng.integers(0, 256, (3, 16, 16), dtype=np.uint8)
    return {"image": blocks.repeat(8, axis=1).repeat(8, axis=2)}


def test_near_identical_pictures_are_no_neighbours(made: Made):
    owner = tasks.get("ratings")
    kinds: dict[str, int] = {}
    rows: list[tuple[Sample, Prediction | None]] = []
    for number in range(40):
        one = made.sample(number, "ratings")
        kind = number % 4
        kinds[one.id] = kind
        picture = striped(kind)
        picture["image"] = np.clip(picture["image"].astype(int) + number // 4, 0, 255).astype(np.uint8)  # a bit lighter
        features.keep(made.space, owner, one.id, picture)
        # The pictures of one kind are equally doubtful, so that doubt alone would put them side by side.
        rows.append((one, made.said(one, 0.5, 0.2 + 0.1 * kind)))
    made.pending(rows)
    for _ in range(2):  # measured, then from the cache
        found = [kinds[row.sample_id] for row in queue(made.space, "ratings", 24)]
        assert sum(left == right for left, right in pairwise(found)) == 0


def test_clips_of_one_recording_are_no_neighbours(made: Made):
    rows = [made.sample(number, group=f"video-{number // 10}") for number in range(60)]
    made.pending([(one, made.said(one, "action", 0.5 + n / 200)) for n, one in enumerate(rows)])
    found = [row.group for row in queue(made.space, "scenes", 20)]
    assert sum(left == right for left, right in pairwise(found)) == 0


def test_clips_that_were_swept_away_are_not_asked_about(made: Made):
    rows = [made.sample(number, media=f"training_data/pending/training_{number}.avi") for number in range(6)]
    made.pending([(one, made.said(one, "action", 0.5)) for one in rows])
    for one in rows[:2]:
        (made.space.root / str(one.media)).write_bytes(b"RIFF")
    assert {row.sample_id for row in queue(made.space, "scenes")} == {one.id for one in rows[:2]}


def test_a_skipped_clip_leaves_the_list_and_can_come_back(made: Made):
    rows = made.unsure(3, even(8))
    answers.skip(made.space, rows[0], "too dark")
    assert rows[0].id not in {row.sample_id for row in queue(made.space, "scenes")}
    answers.skip(made.space, rows[0], skipped=False)
    assert rows[0].id in {row.sample_id for row in queue(made.space, "scenes")}


def test_how_a_clip_was_picked_is_known_after_a_restart_and_own_is_the_default(made: Made):
    known = {one.id: one for one in made.unsure(40, even(9))}
    rows = queue(made.space, "scenes", 10)
    root = made.space.root
    again = loop.open_workspace(root)
    found = {row.sample_id: picked_by(again, known[row.sample_id]) for row in rows}
    assert found == {row.sample_id: row.picked_by for row in rows}
    others = [one for identity, one in known.items() if identity not in found]
    assert {picked_by(again, one) for one in others} == {"own"}
    again.close()


def test_a_clip_answered_again_keeps_its_pick_and_one_taken_back_is_drawn_anew(made: Made):
    known = {one.id: one for one in made.unsure(20, even(11))}
    row = queue(made.space, "scenes", 5)[0]
    one = known[row.sample_id]
    loop.correct(made.space, [(one, "dialogue")], trigger=False)
    (made.space.cache / "queue" / "scenes.json").unlink()  # a cache may go at any time
    loop.correct(made.space, [(one, "action")], trigger=False)
    assert {item.correction.picked_by for item in made.space.store.answered("scenes")} == {"random"}
    undo(made.space, "scenes")
    undo(made.space, "scenes")
    assert picked_by(made.space, one) == "own"


def test_a_look_at_the_queue_that_is_not_shown_is_not_remembered(made: Made):
    known = {one.id: one for one in made.unsure(10, even(10))}
    rows = queue(made.space, "scenes", 5, remember=False)
    assert {picked_by(made.space, known[row.sample_id]) for row in rows} == {"own"}


def test_a_list_of_nothing_is_refused(made: Made):
    with pytest.raises(WrongUseError):
        queue(made.space, "scenes", 0)
    assert queue(made.space, "scenes", 5) == []


def test_the_command_lists_real_clips_with_their_reasons(
    trained: Path, drawn: Callable[[str, int, int], Path], rushes: Callable[..., Any]
):
    space = loop.open_workspace(trained)
    clips = _captured(space, drawn("ratings", 20, 2), 12)
    loop.predict(space, registry.serving(space, "ratings").predictor, clips)
    space.close()
    ran = rushes("review", "list", "--task", "ratings", "--limit", 10, "--json", "-w", trained)
    assert ran.code == 0, ran.err
    assert len(ran.json) == 10
    assert list(ran.json[0])[:6] == ["sample_id", "reason", "picked_by", "confidence", "value", "media"]
    assert {row["sample_id"] for row in ran.json} <= {clip.id for clip in clips}
    assert sum(row["picked_by"] == "random" for row in ran.json) >= 2
    assert all(row["reason"] and (trained / row["media"]).is_file() for row in ran.json)
    assert rushes("review", "list", "--task", "ratings", "--limit", 10, "--json", "-w", trained).json == ran.json
    shown = rushes("review", "list", "--task", "ratings", "--limit", 2, "-w", trained)
    assert "drawn at random" in shown.out
    assert rushes("review", "skip", ran.json[0]["sample_id"], "-w", trained).code == 0
    after = rushes("review", "list", "--task", "ratings", "--json", "-w", trained).json
    assert ran.json[0]["sample_id"] not in {row["sample_id"] for row in after}
    assert rushes("review", "list", "--task", "nothing", "-w", trained).code == 2


def _captured(space: Workspace, folder: Path, count: int) -> list[Sample]:
    files = sorted(folder.glob("*.jpg"))[:count]
    return [part for part in loop.capture(space, files, "ratings") if isinstance(part, Sample)]
