"""Trains the factory's ratings model: python -m core.factory.train_ratings --cache FOLDER.

Draws pictures, spoils them by known amounts, teaches backbone and expert to tell how much, solves the head on others
and writes core/factory/ratings.{onnx,safetensors,json}. One thread; the measured features stay in the cache folder.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from core.demo import degrade, paint
from core.demo.frames import draw_picture
from core.factory.expert import Lessons, split, teach
from core.factory.leaves import draw_leaves
from core.files import private_dir
from core.media.clip import Clip, Image
from core.tasks.base import Answer, Array
from core.tasks.learner import Item, Recipe, seed_everything
from core.tasks.ratings.learner import RatingsLearner
from core.tasks.ratings.network import EXPERT
from core.tasks.ratings.task import TASK
from core.training.export import save_version

HERE = Path(__file__).parent
PER_PICTURE = 4  # damaged copies of each picture
CROP = 96  # pixels of 128: cheaper, and no two epochs see the same
SHARES = {"expert": 0.78, "head": 0.12, "test": 0.10}


def main() -> None:
    """Draw, teach, solve, judge, write."""
    parser = argparse.ArgumentParser(description="Trains the factory's ratings model on drawn pictures.")
    parser.add_argument("--cache", type=Path, required=True, help="folder for measured features")
    parser.add_argument("--pictures", type=int, default=1500, help="pictures drawn, half of them leaves")
    parser.add_argument("--minutes", type=float, default=7.0, help="time for the backbone")
    parser.add_argument("--out", type=Path, default=HERE, help="folder for the three files")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    seed_everything(3)
    lessons = drawn(chosen.cache, chosen.pictures)
    parts = split(len(lessons), SHARES, PER_PICTURE)
    learner = RatingsLearner(TASK.default_spec(), Recipe(weights="factory"))
    teach(learner.network, lessons.part(parts["expert"]), wrong, thin, minutes=chosen.minutes)
    learner.prepare(items(lessons.part(parts["head"])))
    found = judged(learner, lessons.part(parts["test"]))
    truths = [float(v) for v in lessons.truth[parts["test"], 0]]
    metrics = TASK.score(truths, found)
    mean = float(lessons.truth[parts["head"], 0].mean())
    naive = float(np.abs(np.array(truths) - mean).mean())
    print(metrics, "mean predictor", naive)
    spec = learner.final_spec().model_copy(update={"version": "factory"})
    facts = {
        "metrics": metrics,
        "held_out": {
            "n": len(truths),
            "metric": "mae",
            "value": round(metrics["mae"], 4),
            "baseline": "mean predictor",
            "baseline_value": round(naive, 4),
        },
        "data": f"{len(lessons)} drawn pictures spoilt by known amounts; no photographs",
        "half": True,
    }
    save_version(learner, spec, chosen.out, "ratings", facts)


def drawn(cache: Path, pictures: int) -> Lessons:
    """Features of `pictures` * 4 damaged pictures, measured once and kept."""
    path = private_dir(cache) / f"ratings-{TASK.features_version.replace('/', '-')}-{pictures}.npz"
    if not path.exists():
        rows, truths, began = [], [], time.monotonic()
        for number in range(pictures):
            picture = draw_picture(number) if number % 2 else draw_leaves(number)
            for copy in range(PER_PICTURE):
                image, truth = spoilt(picture, number, copy)
                times = np.zeros(1)
                rows.append(TASK.extract(Clip(image[None], times, None, (image.shape[1], image.shape[0]))))
                truths.append(truth)
            if number % 100 == 99:
                print(f"{number + 1} of {pictures} pictures, {time.monotonic() - began:.0f} s")
        batch = TASK.inputs(rows)
        np.savez(path, truth=np.array(truths, dtype=np.float32), **batch)  # pyright: ignore[reportArgumentType]  # stub
    with np.load(path, allow_pickle=False) as kept:
        return Lessons((kept["image"], kept["pieces"]), kept["measured"], kept["truth"])


def compressed(picture: Image, quality: int) -> Image:
    """The picture after JPEG."""
    _, packed = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.ascontiguousarray(np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), dtype=np.uint8)[..., ::-1])


def spoilt(picture: Image, number: int, copy: int) -> tuple[Image, list[float]]:
    """A damaged copy as a file would hold it, and what the expert should say of it."""
    rng = paint.rng_of(number, copy, 89)
    kind, amounts = degrade.draw_damage(rng)
    image = degrade.degrade(picture, kind, amounts, int(rng.integers(1 << 31)))
    if rng.random() < 0.8:  # some programs keep pictures without loss
        image = compressed(image, int(rng.integers(90, 98)))
    done = dict(degrade.parts(kind, amounts))
    return image, [degrade.quality(kind, amounts), *(done.get(name, 0.0) for name in EXPERT[1:])]


def thin(pictures: tuple[Tensor, ...], rng: np.random.Generator) -> tuple[Tensor, ...]:
    """One crop of the frame and of one of its pieces, mirrored half of the time."""
    image, pieces = pictures
    piece = pieces[:, int(rng.integers(pieces.shape[1]))]
    top, left = (int(v) for v in rng.integers(0, image.shape[-1] - CROP + 1, 2))
    mirrored = bool(rng.random() < 0.5)
    cut = [p[..., top : top + CROP, left : left + CROP] for p in (image, piece)]
    first, second = (p.flip(-1) if mirrored else p for p in cut)
    return first, second[:, None]


def wrong(said: Tensor, truth: Tensor) -> Tensor:
    """Squared error; quality counts as much as all kinds of damage together."""
    error = (said - truth).square().mean(dim=0)
    return error[0] + error[1:].sum()


def items(lessons: Lessons) -> list[Item]:
    """Lessons as a user's corrections would come."""
    return [Item(features(lessons, row), float(lessons.truth[row, 0]), 1.0) for row in range(len(lessons))]


def features(lessons: Lessons, row: int) -> dict[str, Array]:
    """One lesson as `Ratings.extract` gives it."""
    image, pieces = (p[row] for p in lessons.pictures)
    return {"image": image, "pieces": pieces, "measured": lessons.measured[row]}


def judged(learner: RatingsLearner, lessons: Lessons) -> list[Answer]:
    """The finished network's answers."""
    learner.module.eval()
    rows = [learner.encode(features(lessons, row)) for row in range(len(lessons))]
    with torch.no_grad():
        outputs = learner.forward(learner.collate(rows, train=False, rng=np.random.default_rng(0)))
    return TASK.decode(learner.numpy_outputs(outputs), learner.final_spec())


if __name__ == "__main__":
    main()
