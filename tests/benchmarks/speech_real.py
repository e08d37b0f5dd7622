"""Word error rate on real faces nobody trained on: random weights against a trained version, in one run.

    python -m tests.benchmarks.speech_real FOLDER/grid_lipreading [--model FILE.onnx] [--speaker s1] [--json]

The folder holds a manifest.csv with file, speaker, text. The factory model was trained on other clips of speaker s1;
the other speakers show how far it carries.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from core import features, inference, manifest, registry, tasks
from core.errors import MediaError
from core.manifest import BadRow
from core.tasks.base import Answer, Features, Task
from core.tasks.learner import Recipe, seed_everything
from core.training import trainer
from core.training.run import make_learner


def read(folder: Path, task: Task, speaker: str | None) -> tuple[list[str], list[Features], int]:
    """Truths, features and how many clips could not be read."""
    truths: list[str] = []
    found: list[Features] = []
    failed = 0
    for row in manifest.read_manifest(folder / "manifest.csv", task):
        if isinstance(row, BadRow) or (speaker and row.about.speaker != speaker):
            continue
        try:
            found.append(features.of_file(row.path, task))
            truths.append(row.value)
        except MediaError as error:
            print(error, file=sys.stderr)
            failed += 1
    return truths, found, failed


def random_answers(task: Task, found: list[Features]) -> list[Answer]:
    """What the same network says before it learnt anything."""
    seed_everything(7)
    learner = make_learner(task, task.default_spec(), Recipe(weights="random", freeze=False))
    return trainer.answers(learner, [learner.encode(one) for one in found], batch_size=8)


def main() -> None:
    """Print both word error rates and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", type=Path, default=registry.FACTORY_FOLDER / "speech.onnx")
    parser.add_argument("--speaker", default="s1", help="only this speaker; '' for all")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    task = tasks.get("speech")
    truths, found, failed = read(asked.folder, task, asked.speaker or None)
    predictor = inference.load(asked.model, task="speech")
    trained = task.score(truths, [predictor.answer([one])[0] for one in found])
    start = task.score(truths, random_answers(task, found))
    report = {"n": len(found), "failed": failed, "random": start, "trained": trained}
    if asked.json:
        print(json.dumps(report))
    else:
        print(f"n = {len(found)} clips, {failed} not readable")
        for name in ("wer", "cer", "exact"):
            print(f"{name:6} random {start[name]:.3f}  trained {trained[name]:.3f}")


if __name__ == "__main__":
    main()
