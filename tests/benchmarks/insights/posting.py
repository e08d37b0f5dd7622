"""python -m tests.benchmarks.insights.posting [--json] [--simulate N]: how long a virality prediction takes.

With --simulate, N drawn authors each: how often best times are claimed where nothing differs, with a look after every
10 posts, or interest comes and goes beside lasting habits; how often a planted hour is found; what the intervals of
hours hold and how sure the first hour is beside how often it is better; how often trees are chosen where nothing can
be learnt; coverage.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from core import loop
from core.insights.metrics.requests import WriteRequest
from core.insights.metrics.store import MetricsStore
from core.insights.posting import besttime
from core.insights.virality import fitting
from core.insights.virality.features import About
from core.insights.virality.fitting import Material
from core.insights.virality.predictor import ViralityPredictor
from core.insights.zones import zone
from tests.core.insights.drawn_posts import DAY, START, author, differing, posts, wandering

POSTS = 300
TIMES = 200
UTC_ZONE = zone("UTC")


def measure(times: int = TIMES) -> dict[str, float]:
    """Median milliseconds of a prediction once everything is loaded, with trees answering."""
    with tempfile.TemporaryDirectory() as folder:
        space = loop.open_workspace(Path(folder) / "workspace")
        requests: list[WriteRequest] = []
        for row in author(POSTS, quality_effect=2.0):
            about = {name: row[name] for name in ("account", "posted_at", "duration_s", "caption", "edit_metadata")}
            counts = {"views": int(row["views"]), "likes": int(row["views"] * row["engagement_rate"])}
            requests.append(WriteRequest(row["content_id"], "tiktok", "content", about))
            requests.append(WriteRequest(row["content_id"], "tiktok", "engagement", counts, row["measured_at"]))
        with MetricsStore(space) as store:
            store.write(*requests)
        with ViralityPredictor(space) as predictor:
            predictor.predict("warm", {"quality_score": 0.5})
            found: list[float] = []
            for number in range(times):
                about = {"quality_score": 0.8, "duration": 20, "sharpness": 0.7, "scene_objects": ["crowd"]}
                start = time.perf_counter()
                predictor.predict(f"new-{number}", about)
                found.append((time.perf_counter() - start) * 1000)
        space.close()
    return {"virality_ms": round(statistics.median(found), 2)}


def simulate(count: int) -> dict[str, Any]:
    """What the docs claim, counted."""
    looked = [_looked(seed) for seed in range(count)]
    planted = {effect: [_planted(seed, effect) for seed in range(count)] for effect in (0.2, 0.4)}
    times = {f"{n} posts, {sd}": _times(n, sd, count) for n in (30, 100, 247) for sd in (0.1, 0.2, 0.3)}
    null = [_chosen(seed, 0.0) for seed in range(count // 4)]
    real = [_chosen(seed, 2.0) for seed in range(count // 4)]
    return {
        "null_authors": count,
        "claimed_ever_in_30_looks": float(np.mean(looked)),
        "claimed_beside_habits": float(
            np.mean([besttime.differs(wandering(seed), "tiktok", UTC_ZONE) is True for seed in range(count)])
        ),
        "hours_held_said_true": times,
        "found_of_247_posts": {
            str(effect): float(np.mean([one[0] for one in rows])) for effect, rows in planted.items()
        },
        "top3_overlap": {str(effect): float(np.mean([one[1] for one in rows])) for effect, rows in planted.items()},
        "trees_chosen_on_noise": float(np.mean([name == "boosted" for name, _ in null])),
        "trees_chosen_on_signal": float(np.mean([name == "boosted" for name, _ in real])),
        "coverage": float(np.mean([held for _, held in null + real])),
    }


def _looked(seed: int) -> bool:
    """Whether a difference is claimed at any of 30 looks at an author of whom no hour is better."""
    drawn = posts(300, seed, heavy=seed % 3 == 0, drift=0.5 * (seed % 2))
    return any(besttime.differs(drawn.where(np.arange(n)), "tiktok", UTC_ZONE) is True for n in range(10, 310, 10))


def _planted(seed: int, effect: float) -> tuple[bool, float]:
    found = besttime.analyse(posts(247, seed, hour_effect=effect), "tiktok", where=UTC_ZONE, at=START)
    return found.hours_shown, len(set(found.best_hours) & {17, 18, 19}) / 3


def _times(n: int, spread: float, count: int) -> tuple[float, float, float]:
    """Share of hours in their 90 % interval; how sure the first hour is said to be; how often it is above average."""
    held, said, true = list[bool](), list[float](), list[bool]()
    for seed in range(count):
        drawn, effects = differing(n, seed, spread)
        found = besttime.analyse(drawn, "tiktok", where=UTC_ZONE, at=START)
        held += [np.log1p(one.change_low) <= effects[one.index] <= np.log1p(one.change_high) for one in found.hours]
        said.append(found.confidence or 0.5)
        true.append(bool(found.best_hours and effects[found.best_hours[0]] > 0))
    return float(np.mean(held)), float(np.mean(said)), float(np.mean(true))


def _chosen(seed: int, effect: float) -> tuple[str, float]:
    drawn = posts(250, seed, quality_effect=effect)
    fits = fitting.learn(
        Material.of(drawn, "tiktok", lambda mine: About.unknown(len(mine)), UTC_ZONE), START + 700 * DAY
    )
    choice = fits["views"].choice
    held = choice.score.coverage if choice.score else None
    return choice.name, float("nan") if held is None else held


def main() -> None:
    """Print the numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--simulate", type=int, default=0)
    wanted = parser.parse_args()
    found: dict[str, Any] = simulate(wanted.simulate) if wanted.simulate else measure()
    print(json.dumps(found) if wanted.json else json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
