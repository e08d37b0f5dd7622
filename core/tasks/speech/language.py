"""The words a version knows: a letter tree of its lexicon and a smoothed trigram model, as frozen into its spec.

Words outside the lexicon stay possible: they cost a fixed sum and a little per letter, known words cost what the
trigram says. With no lexicon at all no word costs anything.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.tasks.speech import text

START, END = "<s>", "</s>"
Counts = defaultdict[str, float]
MOST_WORDS, MOST_RUNS = 4000, 8000  # what a spec carries at most: about 200 KB of JSON
NOVELTY = 1.0  # weight of the shorter context per different word seen after the longer (Witten and Bell 1991, method C)
UNKNOWN = 2e-3  # probability of meeting a word nobody has said yet
LETTER_COST = 0.3  # log units per letter of an unknown word
STRENGTH = 0.4  # weight of the language model beside the lips; of 0.2 to 1.0 about the best on held-out sentences


@dataclass(slots=True)
class Node:
    """A place in the letter tree: the word that ends here, and the likeliest word still ahead (log probability)."""

    after: dict[str, Node] = field(default_factory=dict[str, "Node"])
    word: str | None = None
    best: float = -math.inf


class Language:
    """What decoding asks: where a word's letters lead, and what a word costs after the two before it.

    Args:
        counts: how often each run of one to three words was seen, keyed by the words with spaces between.
        strength: weight beside the network's log probability.
    """

    def __init__(self, counts: Mapping[str, float], strength: float = STRENGTH) -> None:
        self.strength = strength
        self._counts = dict(counts)
        self._total = sum(count for run, count in counts.items() if " " not in run and run != START)
        self._contexts: Counts = defaultdict(float)
        self._followers: defaultdict[str, int] = defaultdict(int)
        for run, count in counts.items():
            if " " in run:
                context = run.rpartition(" ")[0]
                self._contexts[context] += count
                self._followers[context] += 1
        self.root = Node()
        for run in counts:
            if " " not in run and run not in (START, END):
                self._plant(run)

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Language:
        """The language of a spec's `params["language"]`; absent = no lexicon."""
        kept: Mapping[str, Any] = params.get("language") or {}
        return cls({str(run): float(count) for run, count in kept.get("counts", [])}, kept.get("strength", STRENGTH))

    @property
    def empty(self) -> bool:
        """Whether there is no lexicon."""
        return not self.root.after

    def cost(self, before: tuple[str, str], word: str | None, letters: int = 0) -> float:
        """What to add to a text's log score for a word (None: an unknown one of so many letters) after two others."""
        if self.empty:
            return 0.0
        if word is None:
            return self.strength * math.log(UNKNOWN) - LETTER_COST * letters
        return self.strength * math.log((1.0 - UNKNOWN) * self._probability(before, word))

    def ahead(self, node: Node | None, letters: int) -> float:
        """The cost an unfinished word will have at best; None = its letters left the lexicon."""
        if self.empty:
            return 0.0
        if node is None:
            return self.strength * math.log(UNKNOWN) - LETTER_COST * letters
        return self.strength * node.best

    def _probability(self, before: tuple[str, str], word: str) -> float:
        chance = self._counts.get(word, 0.5) / (self._total + 1.0)
        for context in (before[1], " ".join(before)):
            seen, novelty = self._contexts.get(context, 0.0), NOVELTY * self._followers.get(context, 0)
            if seen:
                chance = (self._counts.get(f"{context} {word}", 0.0) + novelty * chance) / (seen + novelty)
        return chance

    def _plant(self, word: str) -> None:
        letters = text.spelled(word)
        chance = math.log(self._counts[word] / (self._total + 1.0))
        node = self.root
        for letter in letters:
            node = node.after.setdefault(letter, Node())
            node.best = max(node.best, chance)
        if letters and (node.word is None or self._counts[word] > self._counts[node.word]):
            node.word = word  # of two words with the same letters the commoner one is written


def counted(sentences: Iterable[str], weights: Iterable[float] | None = None) -> Counts:
    """Runs of one to three words (with the sentence's start and end) and how often each is in the sentences."""
    runs: Counts = defaultdict(float)
    listed = [text.words(sentence) for sentence in sentences]
    for said, weight in zip(listed, weights or [1.0] * len(listed), strict=True):
        row = [START, START, *said, END]
        for end in range(2, len(row)):
            for size in (1, 2, 3):
                runs[" ".join(row[end - size + 1 : end + 1])] += weight
    return runs


def frozen(counts: Mapping[str, float], strength: float = STRENGTH) -> dict[str, Any]:
    """The counts as a spec's `params["language"]`: the commonest words, and the commonest runs of those."""
    singles = [run for run in counts if " " not in run]
    known = set(_commonest(counts, singles, MOST_WORDS)) | {START, END}
    longer = [run for run in counts if " " in run and known.issuperset(run.split())]
    kept = [*sorted(known & set(singles)), *sorted(_commonest(counts, longer, MOST_RUNS))]
    return {"strength": strength, "counts": [[run, round(float(counts[run]), 4)] for run in kept]}


def merged(own: Mapping[str, float], base: Mapping[str, Any], share: float) -> Counts:
    """A user's counts with an older version's beside them, scaled so that those weigh `share` of the user's words."""
    runs: Counts = defaultdict(float, own)
    before: Sequence[tuple[str, float]] = (base.get("language") or {}).get("counts", [])
    mine = sum(count for run, count in own.items() if " " not in run)
    theirs = sum(count for run, count in before if " " not in run)
    scale = share * mine / theirs if mine > 0 and theirs > 0 else 1.0
    for run, count in before:
        runs[run] += count * scale
    return runs


def with_words(counts: Mapping[str, float], words: Iterable[str]) -> Counts:
    """The counts with these words in them, each as if said once where it was said less often."""
    runs: Counts = defaultdict(float, counts)
    for said in words:
        (word,) = text.words(said)
        runs[word] = max(runs[word], 1.0)
    return runs


def _commonest(counts: Mapping[str, float], runs: Sequence[str], most: int) -> list[str]:
    return sorted(runs, key=lambda run: (-counts[run], run))[:most]
