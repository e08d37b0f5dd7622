"""Scenes on real clips: python -m tests.benchmarks.scenes_real CLIPS --cache FOLDER [--group source_group].

CLIPS has a manifest.csv with file, label and a group column. Folds are by group; printed beside the majority label and
a forest on the measured motion.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from core.tasks.scenes import motion
from core.tasks.scenes.task import TASK
from tests.benchmarks import grouped


def main() -> None:
    """Measure, fold, print."""
    parser = argparse.ArgumentParser(description="Scenes on real clips.")
    parser.add_argument("clips", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--group", default="source_group", help="the column clips are kept together by")
    parser.add_argument("--rounds", type=int, default=4, help="times the groups are dealt anew")
    chosen = parser.parse_args()
    rows = grouped.rows_of(chosen.clips / "manifest.csv")
    truths, groups = [row["label"] for row in rows], [row[chosen.group] for row in rows]
    features = grouped.measured(TASK, [chosen.clips / row["file"] for row in rows], chosen.cache)
    spec = TASK.default_spec().model_copy(update={"labels": tuple(sorted(set(truths)))})
    table = np.array([one["measured"][: len(motion.NAMES)] for one in features])
    results: dict[str, list[dict[str, float]]] = {}
    for seed in range(chosen.rounds):
        right = dict.fromkeys(("majority label", "forest on motion"), 0)
        for inside, outside in grouped.folds(groups, 5, seed):
            common = Counter(truths[row] for row in inside).most_common(1)[0][0]
            right["majority label"] += sum(truths[row] == common for row in outside)
            forest = RandomForestClassifier(300, min_samples_leaf=2, random_state=0)
            forest.fit(table[inside], [truths[row] for row in inside])
            given = forest.predict(table[outside])
            right["forest on motion"] += sum(truths[row] == g for row, g in zip(outside, given, strict=True))
        for name, hits in right.items():
            results.setdefault(name, []).append({"accuracy": hits / len(rows)})
        for weights in ("random", "factory"):
            answers = grouped.across(TASK, spec, features, list(truths), groups, weights=weights, seed=seed)
            results.setdefault(f"ours, {weights} weights", []).append(TASK.score(list(truths), answers))
    print(f"{len(rows)} clips, {len(set(groups))} groups, {chosen.rounds} rounds of 5 folds by {chosen.group}")
    for name, rounds in results.items():
        print(f"{name:28}", "  ".join(f"{key} {np.mean([r[key] for r in rounds]):.3f}" for key in rounds[0]))


if __name__ == "__main__":
    main()
