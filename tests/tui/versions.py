"""A workspace with several versions of ratings and answers that tested them; fixed times and ids."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from core import foreign, loop, registry
from core.files import write_atomic
from core.foreign import Agreement
from core.store.records import Correction, Prediction, Sample
from core.workspace import Workspace
from tests.core.onnx_files import brightness

TASK = "ratings"
MADE = 1767323040.0  # 2026-01-02 03:04 UTC
DAY = 86_400.0
# What is known of v1 to v3: base, verdict, score, its champion's and its own error, how many answers it was judged on.
KNOWN = (
    ("factory", "accept", 0.871, (0.21, 0.12), 60),
    ("v1", "caution", 0.884, (0.12, 0.11), 110),
    ("v2", "revert", 0.702, (0.11, 0.19), 160),
)


def made(root: Path) -> Workspace:
    """v1 was champion, v2 is, v3 answers in shadow; each is a real ONNX file with a card as a training writes it."""
    space = loop.open_workspace(root)
    file = brightness(root / "cache" / "brightness.onnx")
    for number, facts in enumerate(KNOWN, start=1):
        foreign.import_model(space, file, TASK, Agreement())
        rewrite(space, f"v{number}", **_facts(number, *facts))
        report = space.jobs / f"job-{number}" / "report.json"
        write_atomic(report, json.dumps({"intervals": {"spearman": [facts[2] - 0.06, facts[2] + 0.05]}}))
    registry.deploy(space, TASK, "v1", reason="test")
    registry.deploy(space, TASK, "v2", reason="test")
    registry.challenge(space, TASK, "v3", reason="test")
    return space


def rewrite(space: Workspace, version: str, **facts: Any) -> None:
    """Change what a version's card says."""
    path = registry.model_path(space, TASK, version, ".json")
    path.write_text(registry.to_json(registry.card(space, TASK, version).model_copy(update=facts)))


def _facts(number: int, base: str, verdict: str, score: float, losses: tuple[float, float], n: int) -> dict[str, Any]:
    difference = losses[0] - losses[1]
    half = {"accept": 0.06, "caution": 0.05, "revert": 0.04}[verdict]
    return {
        "created_at": MADE + DAY * number,
        "base": base,
        "name": None,
        "job_id": f"job-{number}",
        "verdict": verdict,
        "metrics": {"spearman": score, "mae": losses[1]},
        "held_out": {"n": n, "metric": "spearman", "value": score},
        "data": f"{n} corrections, manifest 15aa39362eeb",
        "notes": ("cross-validated in 4 grouped folds",),
        "evidence": {
            "champion": base,
            "metric": "mae",
            "a": losses[0],
            "b": losses[1],
            "difference": difference,
            "interval": [difference - half, difference + half],
            "verdict": verdict,
            "more_corrections": 42 if verdict == "caution" else None,
            "n": n,
            "groups": n,
        },
    }


def answer(space: Workspace, count: int) -> None:
    """So many pictures, each judged by the version of its time (factory, v1, v2; v3 in shadow) and then answered."""
    rng = np.random.default_rng(5)
    samples, said, answers = list[Sample](), list[Prediction](), list[Correction]()
    for number in range(count):
        sample = Sample(f"s{number:04}", TASK, f"g{number:04}", captured_at=MADE + number)
        version = ("factory", "v1", "v2")[min(2, number * 3 // count)]
        truth, off = float(rng.uniform(0.2, 0.8)), float(rng.normal(0, 0.24 - 0.18 * number / count))
        guess = round(min(1.0, max(0.0, truth + off)), 4)
        at = MADE + 10 * DAY + number
        samples.append(sample)
        said.append(_said(sample, version, "model", guess, at))
        said.append(_said(sample, "v3", "shadow", min(1.0, guess + 0.02), at))
        picked = "random" if number % 4 == 0 else "queue"
        answers.append(
            Correction(
                f"c{number:04}",
                sample.id,
                TASK,
                round(truth, 4),
                at + 1,
                f"b{number:04}",
                guess,
                version=version,
                was_correct=False,
                raw_correct=False,
                picked_by=picked,
            )
        )
    space.store.add_samples(samples)
    space.store.add_predictions(said)
    space.store.add_corrections(list(zip(samples, answers, strict=True)))


def _said(sample: Sample, version: str, kind: Any, value: float, at: float) -> Prediction:
    name = f"p{sample.id}{version}"
    return Prediction(name, sample.id, TASK, version, kind, value, 0.6, False, {}, (), 9.0, at)
