"""How often the verdict is wrong, and how soon it is right: `python -m tests.benchmarks.verdict [--runs N] [--json]`.

Simulated streams of paired losses, looked at after EVERY observation, 2,000 times. The comparator in the same run is
the paired t-test that people would use, looked at just as often.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core import evidence
from core.pairing import Pair, observations

Floats = NDArray[np.float64]
LENGTH = 2000
RUNS = 2000
CHUNK = 250  # streams at once: 4 MB an array
EQUAL, WORSE = 0.0, -0.02
FIRST_LOOK = 10  # of the t-test: earlier its variance is nonsense


def scenes(rng: np.random.Generator, runs: int, better_by: float) -> Floats:
    """Right or wrong on the same clips: mostly right and wrong together, they differ on a quarter."""
    drawn = rng.random((runs, LENGTH))
    return (drawn < (0.25 + better_by) / 2).astype(np.float64) - (drawn > 1 - (0.25 - better_by) / 2)


def speech(rng: np.random.Generator, runs: int, better_by: float) -> Floats:
    """Word errors of six-word sentences, hard ones hard for both, clipped at 1; the better one makes fewer of them."""
    hard = rng.beta(1.0, 2.0, (runs, LENGTH)) * (1 - abs(better_by))
    worst, best = hard + max(better_by, 0.0), hard + max(-better_by, 0.0)
    return (rng.binomial(6, np.minimum(worst, 1.0)) - rng.binomial(6, np.minimum(best, 1.0))) / 6.0


def ratings(rng: np.random.Generator, runs: int, better_by: float) -> Floats:
    """Absolute errors with a part both share; skewed, as errors are."""
    shared = rng.normal(0.0, 0.08, (runs, LENGTH))
    a = np.abs(shared + rng.normal(0.0, 0.1, (runs, LENGTH)))
    b = np.abs(shared + rng.normal(0.0, 0.1, (runs, LENGTH)))
    # Mixing towards a constant keeps the mean where it is wanted and every error inside 0..1.
    return np.clip(a, 0, 1) * 0.9 - np.clip(b, 0, 1) * 0.9 + better_by


def videos(rng: np.random.Generator, runs: int, better_by: float) -> list[list[Pair]]:
    """Right or wrong on clips of videos that suit one of the two versions; the user jumps between five open videos."""
    found: list[list[Pair]] = []
    for _ in range(runs):
        names, taste = np.arange(5), rng.choice([-0.4, 0.4], LENGTH + 5)
        stream: list[Pair] = []
        at, newest = 0, 5
        for order in range(LENGTH):
            if rng.random() < 0.4:
                at = int(rng.integers(5))
            elif rng.random() < 0.3:
                names[at], newest = newest, newest + 1
            lean = (0.5 + better_by + taste[names[at]]) / 2
            drawn = rng.random()
            a, b = float(drawn < lean), float(drawn > 0.5 + (better_by + taste[names[at]]) / 2 + 0.25)
            stream.append(Pair(str(order), str(names[at]), a, b, order))
        found.append(stream)
    return found


KINDS: dict[str, Callable[[np.random.Generator, int, float], Floats]] = {
    "scenes": scenes,
    "speech": speech,
    "ratings": ratings,
}


def first_accepted(differences: Floats) -> NDArray[np.int64]:
    """After how many observations each stream was accepted; LENGTH + 1 if never, or if it was reverted before."""
    better, worse = evidence.first_crossing(differences), evidence.first_crossing(-differences)
    return np.where(better < worse, better, differences.shape[-1] + 1)


def t_test_accepts(differences: Floats, *, once: bool = False) -> NDArray[np.bool_]:
    """Whether a one-sided 5 % paired t-test accepts at any look, or at the last one only. (runs, n) -> (runs,)."""
    n = np.arange(1, differences.shape[-1] + 1)
    mean = np.cumsum(differences, -1) / n
    variance = np.maximum(np.cumsum(differences**2, -1) / n - mean**2, 1e-12) * n / np.maximum(n - 1, 1)
    passed = mean * np.sqrt(n) > 1.645 * np.sqrt(variance)
    return passed[..., -1] if once else passed[..., FIRST_LOOK - 1 :].any(axis=-1)


def settled(kind: str, better_by: float, runs: int, seed: int = 1) -> NDArray[np.int64]:
    """`first_accepted` of so many streams of a kind."""
    rng = np.random.default_rng([seed, sorted(KINDS).index(kind)])
    parts = [first_accepted(KINDS[kind](rng, min(CHUNK, runs - at), better_by)) for at in range(0, runs, CHUNK)]
    return np.concatenate(parts)


def accepted_share(kind: str, better_by: float, runs: int, seed: int = 1) -> float:
    """Share of streams in which the candidate is ever accepted."""
    return float((settled(kind, better_by, runs, seed) <= LENGTH).mean())


def grouped_share(better_by: float, runs: int, seed: int = 1, *, by_group: bool = True) -> float:
    """The same for clips of videos; `by_group=False` shows what taking every clip for one observation would do."""
    accepted = 0
    for stream in videos(np.random.default_rng([seed, 9]), runs, better_by):
        if by_group:
            found = [one.difference for one in observations([], stream)]
        else:
            found = [pair.loss_a - pair.loss_b for pair in stream]
        accepted += evidence.decide(np.array(found)) == "accept"
    return accepted / runs


def t_test_share(kind: str, runs: int, *, once: bool = False, seed: int = 1) -> float:
    """Share of streams of equal versions that the t-test accepts."""
    rng = np.random.default_rng([seed, sorted(KINDS).index(kind)])
    return float(t_test_accepts(KINDS[kind](rng, runs, EQUAL), once=once).mean())


def report(runs: int = RUNS) -> dict[str, Any]:
    """All rates; the first ones are the worst of all kinds."""
    equal = {kind: accepted_share(kind, EQUAL, runs) for kind in KINDS}
    worse = {kind: accepted_share(kind, WORSE, runs) for kind in KINDS}
    equal["videos"], worse["videos"] = grouped_share(EQUAL, runs), grouped_share(WORSE, runs)
    # A better version's reversal is a worse one's acceptance with the two exchanged.
    reverted = {kind: _reverted(kind, -WORSE, runs) for kind in KINDS}
    plus = {points: settled("scenes", points / 100, runs) for points in (5, 10, 20)}
    return {
        "runs": runs,
        "looks": LENGTH,
        "worse_accepted_rate": max(*equal.values(), *worse.values()),
        "equal_accepted": equal,
        "worse_by_2_points_accepted": worse,
        "better_reverted_rate": max(reverted.values()),
        "power_at_plus_5": float((plus[5] <= LENGTH).mean()),
        "power_at_plus_10": float((plus[10] <= LENGTH).mean()),
        "power_at_plus_5_within_500": float((plus[5] <= 500).mean()),
        "power_at_plus_10_within_200": float((plus[10] <= 200).mean()),
        "median_n_to_settle": {f"+{points}": int(np.median(found)) for points, found in plus.items()},
        "t_test_at_every_look_accepts_equal": {kind: t_test_share(kind, runs) for kind in KINDS},
        "t_test_once_accepts_equal": {kind: t_test_share(kind, runs, once=True) for kind in KINDS},
        "every_clip_of_a_video_counted_accepts_equal": grouped_share(EQUAL, runs, by_group=False),
    }


def _reverted(kind: str, better_by: float, runs: int) -> float:
    rng = np.random.default_rng([2, sorted(KINDS).index(kind)])
    parts = [first_accepted(-KINDS[kind](rng, min(CHUNK, runs - at), better_by)) for at in range(0, runs, CHUNK)]
    return float((np.concatenate(parts) <= LENGTH).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    found = report(asked.runs)
    print(json.dumps(found, indent=None if asked.json else 1))


if __name__ == "__main__":
    main()
