"""Do look-alikes look alike? python -m tests.benchmarks.alike_real CSV --task TASK --column NAME [--cache DIR].

Of how many clips the nearest neighbour by vectors says the same in that column, beside the chance of it for two clips
drawn at random.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from core import tasks
from core.embeddings import encoders
from tests.benchmarks import grouped


def main() -> None:
    """Measure, encode, compare, print."""
    parser = argparse.ArgumentParser(description="Do look-alikes look alike?")
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--task", required=True)
    parser.add_argument("--column", required=True)
    parser.add_argument("--cache", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        same, by_chance, count = agreement(chosen.manifest, chosen.task, chosen.column, chosen.cache or Path(folder))
    print(f"{chosen.task}: same {chosen.column} {same:.0%} of {count}, by chance {by_chance:.0%}")


def agreement(manifest: Path, task: str, column: str, cache: Path) -> tuple[float, float, int]:
    """The share of nearest neighbours that agree, the share of all pairs that do, and how many clips."""
    owner = tasks.get(task)
    rows = grouped.rows_of(manifest)
    features = grouped.measured(owner, [manifest.parent / row["file"] for row in rows], cache)
    vectors = encoders.visual(task, features).astype(np.float64)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -np.inf)
    said = np.array([row[column] for row in rows])
    pairs = sum(n * (n - 1) for n in Counter(said.tolist()).values())
    return float((said[cosines.argmax(axis=1)] == said).mean()), pairs / (len(said) * (len(said) - 1)), len(said)


if __name__ == "__main__":
    main()
