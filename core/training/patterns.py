"""Where a model is worse than elsewhere: words, labels and conditions, tested and said in a sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.training.scoring import Floats, Indices

FEWEST = 5  # cases of a part, and of the rest
RATE = 0.05  # expected share of false alarms among what is said
UNITS = {"label": ("of answers wrong", 100.0, " %"), "text": ("word errors per 100 words", 100.0, ""),
         "score": ("mean error", 1.0, "")}  # fmt: skip


class Everything:
    """All cases: how wrong each is (n,), of which group (n,), and the sums that every test of a part needs."""

    def __init__(self, losses: Floats, groups: Indices) -> None:
        self.losses, self.groups = losses, groups
        self.centred = losses - losses.mean()
        self.by_group = np.bincount(groups, weights=self.centred)
        self.square = float(self.by_group @ self.by_group)


@dataclass(frozen=True, slots=True)
class Suspect:
    """A part that may be worse: which of all cases are in it; `kind` is "word", "label" or a slice's dimension."""

    kind: str
    name: str
    rows: Indices
    among: Everything


@dataclass(frozen=True, slots=True)
class Pattern:
    """A part that is worse than the rest: mean losses, cases, one-sided p, and a sentence that says it."""

    kind: str
    name: str
    n: int
    loss: float
    rest: float
    p: float
    sentence: str


def chance_of(suspect: Suspect) -> tuple[float, float, float] | None:
    """(mean loss of the part, of the rest, p that the part is no worse), None where either is too small.

    A score test of two means with the variance summed by group (Liang and Zeger 1986), under the pooled mean.
    Costs the size of the part, not of the whole: a vocabulary has thousands of parts.
    """
    every, rows = suspect.among, suspect.rows
    n, others = len(rows), len(every.losses) - len(rows)
    if n < FEWEST or others < FEWEST:
        return None
    part = float(every.losses[rows].mean())
    rest = float((every.losses.sum() - every.losses[rows].sum()) / others)
    touched, place = np.unique(every.groups[rows], return_inverse=True)
    inside, both = np.bincount(place, weights=every.centred[rows]), every.by_group[touched]
    # Of a group the part pulls the difference of means by inside / n, the rest by -(both - inside) / others.
    pull = inside / n - (both - inside) / others
    variance = float(pull @ pull) + max(0.0, every.square - float(both @ both)) / others**2
    if part <= rest or variance <= 0:
        return part, rest, 1.0
    return part, rest, math.erfc((part - rest) / math.sqrt(2 * variance)) / 2


def patterns(suspects: Sequence[Suspect], unit: str) -> list[Pattern]:
    """The parts that are significantly worse, most certain first (Benjamini and Hochberg 1995, at 5 %).

    Args:
        unit: the kind of task, which says what its losses are called.
    """
    tested = [(suspect, found) for suspect in suspects if (found := chance_of(suspect))]
    tested.sort(key=lambda one: (one[1][2], one[0].kind, one[0].name))
    passing = [rank for rank, (_, found) in enumerate(tested, 1) if found[2] <= RATE * rank / len(tested)]
    return [
        Pattern(one.kind, one.name, len(one.rows), part, rest, p, _sentence(one, unit, part, rest))
        for one, (part, rest, p) in tested[: max(passing, default=0)]
    ]


def _sentence(suspect: Suspect, unit: str, part: float, rest: float) -> str:
    n = len(suspect.rows)
    if suspect.kind == "word":
        shares = f"misread {part * 100:.0f} % of the time (n = {n}), other words {rest * 100:.0f} %"
        return f"the word “{suspect.name}” is {shares}"
    words, factor, sign = UNITS[unit]
    digits = 0 if factor > 1 else 3
    return (
        f"{suspect.kind} “{suspect.name}”: {part * factor:.{digits}f}{sign} {words} (n = {n}), "
        f"elsewhere {rest * factor:.{digits}f}{sign}"
    )
