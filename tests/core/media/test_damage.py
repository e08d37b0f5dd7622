from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import MediaError
from core.media.clip import DecodeSpec
from core.media.cuts import find_cuts
from core.media.decode import probe, read_clip
from core.media.encode import write_image, write_video
from tests.core.media.drawn import moving, tone

SUFFIXES = [".avi", ".mp4", ".mkv", ".mpg", ".webm", ".jpg", ".png"]


@pytest.fixture(scope="module")
def wholes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wholes")
    for suffix in SUFFIXES[:5]:
        write_video(folder / f"a{suffix}", moving(12), 25, tone(0.5))
    for suffix in SUFFIXES[5:]:
        write_image(folder / f"a{suffix}", moving(1)[0])
    return folder


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    suffix=st.sampled_from(SUFFIXES),
    share=st.floats(0.01, 1.0),
    hits=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), max_size=30),
)
def test_any_damage_is_a_reason_or_a_clip(
    wholes: Path, tmp_path: Path, suffix: str, share: float, hits: list[tuple[float, int]]
) -> None:
    data = bytearray((wholes / f"a{suffix}").read_bytes())
    data = data[: max(1, int(len(data) * share))]
    for where, value in hits:
        data[int(where * len(data))] = value
    path = tmp_path / f"b{suffix}"
    path.write_bytes(data)
    with suppress(MediaError):
        probe(path)
    with suppress(MediaError):
        find_cuts(path)
    with suppress(MediaError):
        read_clip(path, DecodeSpec(max_side=32, fps=10, sound=True))
