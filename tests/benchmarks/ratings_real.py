"""Ratings on degraded photographs: python -m tests.benchmarks.ratings_real PHOTOS --cache FOLDER [--per-image N].

PHOTOS has images/ and perhaps a manifest.csv with file and theme. Copies are spoilt by known amounts, folds are by
theme; printed beside the mean predictor and a forest on the measured features alone.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestRegressor

from core.demo.photos import degrade_folder
from core.tasks.ratings import metrics
from core.tasks.ratings.task import TASK
from tests.benchmarks import grouped

Numbers = NDArray[np.float64]


def main() -> None:
    """Degrade, measure, fold, print."""
    parser = argparse.ArgumentParser(description="Ratings on degraded photographs.")
    parser.add_argument("photos", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--per-image", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=3, help="times the photographs are degraded anew")
    chosen = parser.parse_args()
    lines: list[tuple[str, dict[str, float]]] = []
    for seed in range(chosen.seeds):
        folder = chosen.cache / f"degraded-{chosen.per_image}-{seed}"
        if not (folder / "manifest.csv").exists():
            degrade_folder(chosen.photos, folder, chosen.per_image, seed)
        lines += one_round(folder)
    print(f"{chosen.seeds} rounds of 5 folds by theme")
    for name in dict(lines):
        rounds = [found for other, found in lines if other == name]
        print(f"{name:28}", "  ".join(f"{key} {np.mean([r[key] for r in rounds]):.3f}" for key in rounds[0]))


def one_round(folder: Path) -> list[tuple[str, dict[str, float]]]:
    """Metrics of every contestant on one set of degraded photographs."""
    rows = grouped.rows_of(folder / "manifest.csv")
    truths, groups = [float(row["score"]) for row in rows], [row["group"] for row in rows]
    features = grouped.measured(TASK, [folder / row["file"] for row in rows], folder / "features")
    truth = np.array(truths)
    table = np.array([one["measured"] for one in features])
    mean, forest = np.zeros(len(rows)), np.zeros(len(rows))
    for inside, outside in grouped.folds(groups, 5, 0):
        mean[outside] = truth[inside].mean()
        model = RandomForestRegressor(300, min_samples_leaf=2, random_state=0).fit(table[inside], truth[inside])
        forest[outside] = model.predict(table[outside])
    found = [(f"mean predictor (n={len(rows)})", mean), ("forest on measures", forest)]
    untouched = grouped.answers(grouped.fresh(TASK, TASK.default_spec(), "factory"), TASK, features)
    found.append(("factory, nothing learnt", scores(untouched)))
    for weights in ("random", "factory"):
        given = grouped.across(TASK, TASK.default_spec(), features, list(truths), groups, weights=weights)
        found.append((f"ours, {weights} weights", scores(given)))
    return [(name, metrics.all_metrics(truth, values)) for name, values in found]


def scores(answers: list[grouped.Answer]) -> Numbers:
    """The values as numbers."""
    return np.array([float(answer.value or 0.0) for answer in answers])


if __name__ == "__main__":
    main()
