"""Which predictor answers: each predicts posts later than those it saw, block by block, and the errors are compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.insights.posts import Numbers
from core.insights.virality import conformal
from core.insights.virality.conformal import Interval

FIRST = 0.4  # of the posts come before the first block
BLOCKS = 10
FEWEST_LATER = 15  # later posts below which nothing is compared
FEWEST_CLUSTERS = 5
SIMPLE = ("last_k", "overall", "formula")
NAMES = {
    "boosted": "boosted trees on your posts",
    "last_k": "median of the account's last 10 posts",
    "overall": "median of all posts",
    "formula": "the formula",
}
Gain = tuple[float, float, float]  # mean and the ends of its 95 % interval


@dataclass(frozen=True, slots=True)
class Score:
    """How a predictor did on later posts.

    Attributes:
        n: later posts. mae: mean absolute error, log units (0.69 = a factor of two).
        spearman: rank correlation with what came; None where it says the same of all.
        coverage: share of later posts inside the 90 % interval, of `covered_n`; None without enough.
        pinball: mean pinball loss of the interval's ends (0.05 and 0.95), log units: smaller is better.
        width: median factor from the lower to the upper end.
    """

    n: int
    mae: float
    spearman: float | None
    coverage: float | None
    covered_n: int
    pinball: float | None
    width: float | None


@dataclass(frozen=True, slots=True)
class Choice:
    """Which predictor answers, and why.

    Attributes:
        name: boosted, last_k, overall or formula.
        scores: of all that were tried. rivals: boosted against each of the others: mean difference of the absolute
            errors (positive = boosted is better) and its 95 % interval.
        reason: the choice in words.
        history: "as measured then", or "as read later" where numbers were taken only after the later posts were out.
        interval: of the chosen one, for the next post; None with too few errors.
    """

    name: str
    scores: dict[str, Score]
    rivals: dict[str, Gain]
    reason: str
    history: str
    interval: Interval | None

    @property
    def score(self) -> Score | None:
        return self.scores.get(self.name)

    @property
    def coverage_note(self) -> str | None:
        """A warning where the interval did not hold what it says."""
        score = self.score
        if score is None or score.coverage is None:
            return "how often the 90 % interval holds is not known yet: too few later posts"
        if conformal.LOW_GOOD <= score.coverage <= conformal.HIGH_GOOD:
            return None
        often = "too narrow" if score.coverage < conformal.LOW_GOOD else "too wide"
        spread = 2 * (conformal.LEVEL * (1 - conformal.LEVEL) / score.covered_n) ** 0.5
        chance = ", though so few posts may do that by chance" if abs(score.coverage - 0.9) <= spread else ""
        return (
            f"the 90 % interval held {score.coverage:.0%} of {score.covered_n} later posts, outside 87-93 %: "
            f"it is {often}{chance}"
        )

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(found: dict[str, Any]) -> Choice:
        return Choice(
            found["name"],
            {name: Score(**score) for name, score in found["scores"].items()},
            {name: (one[0], one[1], one[2]) for name, one in found["rivals"].items()},
            found["reason"],
            found["history"],
            None if found["interval"] is None else Interval.from_json(found["interval"]),
        )


@dataclass(frozen=True, slots=True)
class Later:
    """Predictions of one predictor for posts that came later, oldest first, and the block of each."""

    said: Numbers
    earlier: Numbers
    truth: Numbers
    block: NDArray[np.int64]


def blocks(posted: Numbers) -> list[NDArray[np.int64]]:
    """Rows of each block of later posts, oldest first; posts of one moment stay together.

    Args:
        posted: (n,) in ascending order.
    """
    n = len(posted)
    first = int(n * FIRST)
    if n - first < FEWEST_LATER:
        return []
    edges = np.linspace(first, n, min(BLOCKS, (n - first) // 3) + 1).astype(np.int64)
    edges = np.unique(np.searchsorted(posted, posted[np.minimum(edges[:-1], n - 1)]))
    ends = [*edges[1:].tolist(), n]
    return [np.arange(start, end) for start, end in zip(edges.tolist(), ends, strict=True) if start and end > start]


def measure(later: Later) -> tuple[Score, Interval | None]:
    """The score, with intervals that only errors of earlier blocks made, and the interval for the next post."""
    errors = later.truth - later.said
    low, high = np.full(len(errors), np.nan), np.full(len(errors), np.nan)
    miss = 1 - conformal.LEVEL
    for block in np.unique(later.block):
        now, before = later.block == block, later.block < block
        found = conformal.interval(errors[before], later.earlier[before], miss)
        if found:
            low[now], high[now] = found.ends(later.said[now], later.earlier[now])
            outside = int(((later.truth[now] < low[now]) | (later.truth[now] > high[now])).sum())
            miss = conformal.corrected(miss, outside, int(now.sum()))
    known = np.isfinite(low)
    enough = int(known.sum()) >= FEWEST_LATER
    truth, low, high = later.truth[known], low[known], high[known]
    score = Score(
        len(errors),
        float(np.abs(errors).mean()),
        spearman(later.said, later.truth),
        float(((truth >= low) & (truth <= high)).mean()) if enough else None,
        int(known.sum()),
        float((_pinball(truth, low, 0.05) + _pinball(truth, high, 0.95)).mean() / 2) if enough else None,
        float(np.exp(np.median(high - low))) if enough else None,
    )
    return score, conformal.interval(errors, later.earlier, miss)


def _pinball(truth: Numbers, said: Numbers, share: float) -> Numbers:
    return np.maximum(share * (truth - said), (share - 1) * (truth - said))


def spearman(a: Numbers, b: Numbers) -> float | None:
    """Rank correlation, ties at their mean rank; None where one side is constant."""
    if len(a) < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    return float(np.corrcoef(_ranks(a), _ranks(b))[0, 1])


def _ranks(values: Numbers) -> Numbers:
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[which.reshape(-1)]


def paired(a: Later, b: Later, cluster: NDArray[np.int64]) -> Gain:
    """How much smaller b's absolute errors are than a's: mean and 95 % interval, log units.

    Posts of one cluster (an account, or a week of one account) resemble each other: the standard error is that of
    cluster sums, with G / (G - 1), and the t distribution has G - 1 degrees of freedom for G clusters (Liang and Zeger,
    Biometrika 73, 1986). Fewer than `FEWEST_CLUSTERS` prove nothing.
    """
    from scipy.special import stdtrit

    gain = np.abs(a.truth - a.said) - np.abs(b.truth - b.said)
    which = np.unique(cluster, return_inverse=True)[1].reshape(-1)
    mean, groups = float(gain.mean()), int(which.max()) + 1
    if groups < FEWEST_CLUSTERS:
        return mean, -float("inf"), float("inf")
    sums = np.bincount(which, gain - mean)
    half = float(stdtrit(groups - 1, 0.975)) * float(np.sqrt(groups / (groups - 1) * (sums @ sums))) / len(gain)
    return mean, mean - half, mean + half


def choose(found: Mapping[str, Later], cluster: NDArray[np.int64], history: str) -> Choice:
    """Boosted trees where they beat each of the others beyond doubt, else the best of the others."""
    measured = {name: measure(later) for name, later in found.items()}
    scores = {name: score for name, (score, _) in measured.items()}
    simple = min((name for name in SIMPLE if name in scores), key=lambda name: scores[name].mae)
    rivals: dict[str, Gain] = {}
    if "boosted" in found:
        rivals = {name: paired(found[name], found["boosted"], cluster) for name in SIMPLE if name in found}
    won = bool(rivals) and all(low > 0 for _, low, _ in rivals.values())
    name = "boosted" if won else simple
    return Choice(name, scores, rivals, _reason(name, simple, scores, rivals), history, measured[name][1])


def _reason(name: str, simple: str, scores: Mapping[str, Score], rivals: Mapping[str, Gain]) -> str:
    best = scores[simple]
    head = f"{NAMES[simple]} was off by a factor of {np.exp(best.mae):.2f} on {best.n} later posts"
    if not rivals:
        return f"{head}; too few posts for trees"
    gain, low, high = rivals[simple]
    numbers = f"boosted trees by {np.exp(scores['boosted'].mae):.2f} (gain {gain:+.3f}, 95 % {low:+.3f}..{high:+.3f})"
    return f"{head}, {numbers}: {'the trees answer' if name == 'boosted' else 'not shown to be better'}"
