"""Which pictures look alike."""

from __future__ import annotations

import stat

import numpy as np
import pytest

from core import features, tasks
from core.review import looks
from tests.core.review.conftest import Made


def picture(seed: int, height: int = 120, width: int = 160) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    rng = np.random.default_rng(seed)
    return rng.uniform(0, 255, (12, 12)).repeat(height // 12, axis=0).repeat(width // 12 + 1, axis=1)[:, :width]


def test_light_noise_and_size_change_no_look():
    base = looks.difference_hash(picture(1))
    noisy = picture(1) * 0.8 + 10 + np.random.default_rng(5).normal(0, 3, (120, 160))
    assert looks.alike(base, looks.difference_hash(noisy))
    assert looks.alike(base, looks.difference_hash(picture(1)[::2, ::2]))


def test_different_pictures_look_different():
    found = [looks.difference_hash(picture(seed)) for seed in range(20)]
    assert sum(looks.alike(a, b) for i, a in enumerate(found) for b in found[:i]) == 0


@pytest.mark.parametrize(("task", "name", "shape"), [
    ("ratings", "image", (3, 128, 128)), ("scenes", "frames", (8, 3, 112, 112)), ("speech", "crops", (20, 32, 64)),
])  # fmt: skip
def test_every_task_has_looks_and_a_torn_one_is_made_again(made: Made, task: str, name: str, shape: tuple[int, ...]):
    owner = tasks.get(task)
    pixels = np.random.default_rng(2).integers(0, 256, shape, dtype=np.uint8)
    features.keep(made.space, owner, "one", {"measured": np.zeros(40, np.float32), name: pixels})
    found = looks.look(made.space, owner, "one")
    assert found is not None
    (kept,) = (made.space.cache / "looks").glob("*/one")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    kept.write_text(kept.read_text()[:9])
    assert looks.look(made.space, owner, "one") == found


def test_what_was_never_measured_looks_like_nothing(made: Made):
    assert looks.look(made.space, tasks.get("ratings"), "nobody") is None
    assert not looks.alike(None, None)
