"""The drawn user: other face, words, labels and scale than the factory's, by rules that hold for every seed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from core.demo import paint
from core.demo.degrade import KINDS, draw_damage, quality
from core.demo.scenes import LABELS, scene_parameters
from core.demo.user import factory_clips, user_clips, user_label, user_score
from core.demo.words import USER_GRAMMAR
from core.errors import RushesError
from core.media.clip import DecodeSpec
from core.media.decode import read_clip


def _spearman(left: list[float], right: list[float]) -> float:
    ranks = [np.argsort(np.argsort(values)) for values in (left, right)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def test_the_user_disagrees_with_the_factory_on_about_two_scenes_of_five() -> None:
    scenes = [scene_parameters(label, seed) for seed in range(300) for label in LABELS]
    differs = np.mean([user_label(scene) != scene.label for scene in scenes])
    assert 0.35 <= differs <= 0.45
    assert set(Counter(user_label(scene) for scene in scenes)) == set(LABELS)


def test_the_user_ranks_pictures_differently() -> None:
    rng = paint.rng_of(11)
    damages = [draw_damage(rng) for _ in range(600)]
    plain, own = [quality(*damage) for damage in damages], [user_score(*damage) for damage in damages]
    assert 0.5 <= _spearman(plain, own) <= 0.65


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "bright"])
def test_the_users_score_falls_with_damage(kind: str) -> None:
    scores = [user_score(kind, amount) for amount in (0.0, 0.3, 0.6, 1.0)]
    assert scores == sorted(scores, reverse=True)


def test_the_user_forgives_noise_hates_blur_and_likes_it_bright() -> None:
    assert user_score("noise", 0.8) > user_score("blur", 0.3)
    assert user_score("bright", 0.5) > user_score("blur", 0.0)


@pytest.mark.parametrize("task", ["speech", "scenes", "ratings"])
def test_clips_are_real_files_with_truths_and_groups(task: str, tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    clips = user_clips(task, 4, 7, tmp_path / "own", lambda done, total: steps.append((done, total)))
    assert steps[-1] == (4, 4)
    assert 1 < len({clip.group for clip in clips}) < 4
    for clip in clips:
        assert read_clip(clip.path, DecodeSpec(still=task == "ratings")).frames.size > 0
    others = factory_clips(task, 4, 7, tmp_path / "factory")
    assert {clip.group for clip in clips}.isdisjoint(clip.group for clip in others)
    assert all(clip.truth == clip.factory_truth for clip in others)
    if task == "speech":
        words = {word for place in USER_GRAMMAR for word in place}
        assert all(set(str(clip.truth).split()) <= words and clip.speaker == "user" for clip in clips)


def test_another_seed_draws_other_clips_and_the_same_seed_the_same(tmp_path: Path) -> None:
    first, again, other = (
        user_clips("ratings", 3, seed, tmp_path / str(number)) for number, seed in enumerate((1, 1, 2))
    )
    data = [[clip.path.read_bytes() for clip in clips] for clips in (first, again, other)]
    assert data[0] == data[1]
    assert not set(data[0]) & set(data[2])
    assert {clip.group for clip in first}.isdisjoint(clip.group for clip in other)


def test_an_unknown_task_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RushesError, match="dancing"):
        user_clips("dancing", 1, 0, tmp_path)
