"""Trains the factory's scenes model: python -m core.factory.train_scenes --cache FOLDER.

Draws scenes of the five default labels, teaches backbone and expert to tell them apart, solves the head on others and
writes core/factory/scenes.{onnx,safetensors,json}. One thread; the measured features stay in the cache folder.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from core.demo.scenes import draw_scene
from core.factory.expert import Lessons, split, teach
from core.files import private_dir
from core.media.clip import Clip
from core.media.resample import steady
from core.tasks.base import Answer, Array
from core.tasks.learner import Item, Recipe, seed_everything
from core.tasks.scenes import audio
from core.tasks.scenes.learner import ScenesLearner
from core.tasks.scenes.task import LABELS, TASK
from core.training.export import save_version

HERE = Path(__file__).parent
CROP = 96  # pixels of 112
LOOKS = 3  # frames of eight that a training step sees
SILENT = 0.25  # share of examples whose sound is withheld while the expert learns
SHARES = {"expert": 0.70, "head": 0.15, "test": 0.15}


def main() -> None:
    """Draw, teach, solve, judge, write."""
    parser = argparse.ArgumentParser(description="Trains the factory's scenes model on drawn scenes.")
    parser.add_argument("--cache", type=Path, required=True, help="folder for measured features")
    parser.add_argument("--scenes", type=int, default=1200, help="scenes drawn, as many of each label")
    parser.add_argument("--minutes", type=float, default=5.0, help="time for the backbone")
    parser.add_argument("--out", type=Path, default=HERE, help="folder for the three files")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    seed_everything(3)
    lessons = drawn(chosen.cache, chosen.scenes)
    parts = split(len(lessons), SHARES, 1)
    learner = ScenesLearner(TASK.default_spec(), Recipe(weights="factory"))
    teach(learner.network, some_silent(lessons.part(parts["expert"])), wrong, thin, minutes=chosen.minutes)
    learner.prepare(items(lessons.part(parts["head"])))
    test = lessons.part(parts["test"])
    truths = [LABELS[int(v)] for v in test.truth]
    metrics = TASK.score(truths, judged(learner, test))
    majority = max(Counter(truths).values()) / len(truths)
    print(metrics, "majority", majority)
    spec = learner.final_spec().model_copy(update={"version": "factory"})
    facts = {
        "metrics": metrics,
        "held_out": {
            "n": len(truths),
            "metric": "accuracy",
            "value": round(metrics["accuracy"], 4),
            "baseline": "majority label",
            "baseline_value": round(majority, 4),
        },
        "data": f"{len(lessons)} drawn scenes of five labels; no filmed ones",
        "half": True,
    }
    save_version(learner, spec, chosen.out, "scenes", facts)


def drawn(cache: Path, scenes: int) -> Lessons:
    """Features of drawn scenes, measured once and kept."""
    path = private_dir(cache) / f"scenes-{TASK.features_version.replace('/', '-')}-{scenes}.npz"
    if not path.exists():
        rows, began = [], time.monotonic()
        for number in range(scenes):
            rows.append(TASK.extract(filmed(LABELS[number % len(LABELS)], number)))
            if number % 100 == 99:
                print(f"{number + 1} of {scenes} scenes, {time.monotonic() - began:.0f} s")
        truth = np.arange(scenes) % len(LABELS)
        np.savez(path, truth=truth, **TASK.inputs(rows))  # pyright: ignore[reportArgumentType]  # stub
    with np.load(path, allow_pickle=False) as kept:
        return Lessons((kept["frames"],), kept["measured"], kept["truth"])


def filmed(label: str, seed: int) -> Clip:
    """A drawn scene as it comes out of a compressed file, at the task's frame rate."""
    frames, fps, sound = draw_scene(label, seed)
    quality = int(np.random.default_rng((seed, 83)).integers(60, 98))
    times = np.arange(len(frames)) / fps
    rate = TASK.decode_spec.fps or fps
    picked = steady(times, rate)
    small = [_compressed(frames[index], quality) for index in picked]
    return Clip(np.stack(small), np.arange(len(small)) / rate, sound, (frames.shape[2], frames.shape[1]))


def _compressed(frame: Array, quality: int) -> Array:
    _, packed = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), dtype=np.uint8)


def some_silent(lessons: Lessons) -> Lessons:
    """Every example twice, sometimes without its sound: the expert must not lean on it."""
    rows = np.concatenate([np.arange(len(lessons))] * 2)
    measured = lessons.measured[rows].copy()
    without = np.random.default_rng(4).random(len(rows)) < SILENT
    measured[without, -len(audio.NAMES) :] = np.nan
    return Lessons(tuple(p[rows] for p in lessons.pictures), measured, lessons.truth[rows])


def thin(pictures: tuple[Tensor, ...], rng: np.random.Generator) -> tuple[Tensor, ...]:
    """Three of the eight frames, one crop, mirrored half of the time."""
    (frames,) = pictures
    chosen = np.sort(rng.choice(frames.shape[1], LOOKS, replace=False))
    top, left = (int(v) for v in rng.integers(0, frames.shape[-1] - CROP + 1, 2))
    cut = frames[:, chosen.tolist(), :, top : top + CROP, left : left + CROP]
    return (cut.flip(-1) if rng.random() < 0.5 else cut,)


def wrong(said: Tensor, truth: Tensor) -> Tensor:
    """Cross-entropy over the five labels."""
    return nn.functional.cross_entropy(said, truth, label_smoothing=0.05)


def items(lessons: Lessons) -> list[Item]:
    """Lessons as a user's corrections would come."""
    return [Item(features(lessons, row), LABELS[int(lessons.truth[row])], 1.0) for row in range(len(lessons))]


def features(lessons: Lessons, row: int) -> dict[str, Array]:
    """One lesson as `Scenes.extract` gives it."""
    return {"frames": lessons.pictures[0][row], "measured": lessons.measured[row]}


def judged(learner: ScenesLearner, lessons: Lessons) -> list[Answer]:
    """The finished network's answers."""
    learner.module.eval()
    rows = [learner.encode(features(lessons, row)) for row in range(len(lessons))]
    with torch.no_grad():
        outputs = learner.forward(learner.collate(rows, train=False, rng=np.random.default_rng(0)))
    return TASK.decode(learner.numpy_outputs(outputs), learner.final_spec())


if __name__ == "__main__":
    main()
