"""Videos as the seed's own system writes them, and as ours are predicted and answered."""

from __future__ import annotations

import json
from pathlib import Path

from core import loop
from core.store.records import PickedBy, Prediction, Sample
from core.workspace import Workspace


def drop_in(root: Path, videos: int, overridden: int, *, confidence: float | None = 0.8, first: int = 0) -> None:
    """Append one scene per video to corrections.jsonl in seed 000's fields; the first ones are overridden."""
    path = root / "training_data" / "corrections.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        for number in range(videos):
            line = {
                "videoId": f"video{first + number}",
                "sceneId": "scene-1",
                "timestamp": "0:00",
                "originalLabel": "action" if number < overridden else "dialogue",
                "correctedLabel": "dialogue",
                "confidence": confidence,
                "audioFeatures": None,
                "correctedAt": "2025-11-29T12:34:56Z",
            }
            file.write(json.dumps(line) + "\n")


def predicted(space: Workspace, video: str, starts: list[tuple[float, float | None]], *, calibrated: bool) -> None:
    """A captured video whose scenes (start in seconds, confidence) a version has answered."""
    scenes = [
        Sample(f"{video}-{start}", "scenes", video, video_id=video, scene_id=f"scene-{start}", start_s=start,
               captured_at=1e9)
        for start, _ in starts
    ]  # fmt: skip
    space.store.add_samples(scenes)
    space.store.add_predictions([
        Prediction(f"p-{scene.id}", scene.id, "scenes", "v1", "model", None if sure is None else "action", sure,
                   calibrated, {}, (), 1.0, 1e9)
        for scene, (_, sure) in zip(scenes, starts, strict=True)
    ])  # fmt: skip


def answered(space: Workspace, video: str, value: str, picked_by: PickedBy) -> None:
    """The user's answer to the first scene of a predicted video."""
    sample = space.store.sample(f"{video}-0.0")
    assert sample is not None
    loop.correct(space, [(sample, value)], picked_by=picked_by, trigger=False)
