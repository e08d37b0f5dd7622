"""A workspace with answers of all three tasks, a version and a speaker, made once; and empty ones beside it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core import importing, loop, registry
from core.capture.consent import give_consent
from core.capture.intake import About
from core.media.clip import DecodeSpec
from core.media.decode import read_clip
from core.media.encode import write_video
from core.store.records import Sample
from core.workspace import Workspace

Drawn = Callable[[str, int, int], Path]
NO_TRAINING = "[train]\nevery = 100000\n"
SECRETS = ("Petra Muster", "harbour camera", "at the doctor's", "pier seven", "user-speech")


@pytest.fixture(scope="session")
def taught_once(trained_once: Path, drawn: Drawn, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = Path(shutil.copytree(trained_once, tmp_path_factory.mktemp("taught") / "ws"))
    (root / "rushes.toml").write_text(NO_TRAINING)
    space = loop.open_workspace(root)
    importing.run(space, drawn("scenes", 2, 5) / "manifest.csv", "scenes")
    give_consent(space, "speech", by="a test")
    about = About(
        source="harbour camera", speaker="Petra Muster", context="at the doctor's", region="pier seven",
        group="user-speech",
    )  # fmt: skip
    files = [_short(path, root.parent) for path in sorted(drawn("speech", 2, 5).glob("*.avi"))]
    clips = [part for part in loop.capture(space, files, "speech", about) if isinstance(part, Sample)]
    loop.predict(space, registry.serving(space, "speech").predictor, clips)
    loop.correct(space, [(clip, f"a quiet sentence {number}") for number, clip in enumerate(clips)])
    space.close()
    return root


def _short(path: Path, folder: Path) -> Path:
    """The first 16 frames of a clip, smaller: looking for faces takes its time."""
    clip = read_clip(path, DecodeSpec(max_side=240))
    write_video(folder / path.name, clip.frames[:16], clip.fps)
    return folder / path.name


@pytest.fixture
def taught(taught_once: Path, tmp_path: Path) -> Iterator[Workspace]:
    """54 ratings with a version, 2 scenes, 2 sentences of one speaker."""
    space = loop.open_workspace(Path(shutil.copytree(taught_once, tmp_path / "taught")))
    yield space
    space.close()


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Workspace]:
    """A fresh workspace that does not train by itself."""
    root = tmp_path / "empty"
    root.mkdir()
    (root / "rushes.toml").write_text(NO_TRAINING)
    space = loop.open_workspace(root)
    yield space
    space.close()


def answers(space: Workspace, task: str) -> dict[str, object]:
    """Sample id -> answer."""
    return {item.sample.id: item.correction.value for item in space.store.answered(task)}


def values(space: Workspace, task: str) -> list[object]:
    """The answers in journal order."""
    return [item.correction.value for item in space.store.answered(task)]
