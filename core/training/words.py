"""Which words are read wrongly: an alignment word by word, and counts over many sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from core.tasks.speech.text import words

LISTED = 15  # of each kind of mistake


def align(truth: Sequence[str], guess: Sequence[str]) -> list[tuple[str | None, str | None]]:
    """Pairs (said, read) of a cheapest alignment (Levenshtein); None stands for a missing or an extra word."""
    cost = [list(range(len(guess) + 1))]
    for i, said in enumerate(truth, 1):
        row = [i]
        for j, read in enumerate(guess, 1):
            row.append(min(cost[i - 1][j] + 1, row[j - 1] + 1, cost[i - 1][j - 1] + (said != read)))
        cost.append(row)
    i, j, pairs = len(truth), len(guess), list[tuple[str | None, str | None]]()
    while i or j:
        if i and j and cost[i][j] == cost[i - 1][j - 1] + (truth[i - 1] != guess[j - 1]):
            i, j = i - 1, j - 1
            pairs.append((truth[i], guess[j]))
        elif i and cost[i][j] == cost[i - 1][j] + 1:
            i -= 1
            pairs.append((truth[i], None))
        else:
            j -= 1
            pairs.append((None, guess[j]))
    return pairs[::-1]


@dataclass(slots=True)
class Slips:
    """Counted mistakes, and every said word as (case, word, 1 if it was not read right)."""

    swapped: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    missing: Counter[str] = field(default_factory=Counter[str])
    extra: Counter[str] = field(default_factory=Counter[str])
    said: list[tuple[int, str, float]] = field(default_factory=list[tuple[int, str, float]])

    def to_json(self) -> dict[str, Any]:
        """The most frequent of each kind; among equals in alphabetical order."""
        return {
            "substituted": [{"said": a, "read": b, "n": n} for (a, b), n in _most(self.swapped)],
            "deleted": [{"said": word, "n": n} for word, n in _most(self.missing)],
            "inserted": [{"read": word, "n": n} for word, n in _most(self.extra)],
        }


def _most(counts: Counter[Any]) -> list[tuple[Any, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:LISTED]


def slips(truths: Sequence[str], found: Sequence[str]) -> Slips:
    """The mistakes of all sentences."""
    result = Slips()
    for case, (truth, guess) in enumerate(zip(map(words, truths), map(words, found), strict=True)):
        for said, read in zip(truth, truth, strict=True) if truth == guess else align(truth, guess):
            if said is not None:
                result.said.append((case, said, float(said != read)))
            if said is None:
                result.extra[str(read)] += 1
            elif read is None:
                result.missing[said] += 1
            elif said != read:
                result.swapped[said, read] += 1
    return result
