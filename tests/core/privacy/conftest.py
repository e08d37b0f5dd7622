"""A small workspace: pictures answered, bulk-answered, pending and deleted; no version was ever trained on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from core import loop
from core.media.encode import write_image
from core.store.records import Sample
from core.workspace import Workspace


@pytest.fixture
def pictures(tmp_path: Path) -> Callable[[int], list[Path]]:
    def draw(count: int) -> list[Path]:
        rng = np.random.default_rng(count)
        paths = [tmp_path / "brought" / f"brought_{number:02d}.png" for number in range(count)]
        for path in paths:
            path.parent.mkdir(exist_ok=True)
            write_image(path, rng.integers(0, 255, (48, 64, 3), dtype=np.uint8))
        return paths

    return draw


@pytest.fixture
def small(tmp_path: Path, pictures: Callable[[int], list[Path]]) -> Iterator[Workspace]:
    space = loop.open_workspace(tmp_path / "small")
    samples = [one for one in loop.capture(space, pictures(6), "ratings") if isinstance(one, Sample)]
    assert len(samples) == 6
    loop.correct(space, [(samples[0], 0.25)], trigger=False)
    loop.correct(space, [(one, 0.5) for one in samples[1:4]], trigger=False)
    space.store.delete("ratings", [samples[3].id])
    yield space
    space.close()
