"""How much an unanswered sample is worth asking about, and why, in one clause with its number."""

from __future__ import annotations

from dataclasses import dataclass

from core.review.pool import Waiting
from core.store.records import Value
from core.tasks.base import ModelSpec, Task

FAILED, UNJUDGED = 3.0, 2.0  # above everything that was measured
UNSURE = 0.5  # from this worth on a clause says "unsure"
LONG = 60  # characters of a text shown in a clause
RANDOM = "drawn at random"


@dataclass(frozen=True, slots=True)
class Judge:
    """Weighs the samples of one task.

    Attributes:
        spec: what answers are checked against: its scale is the one scores are shown on.
        boundary: scores (0..1) called borderline.
    """

    task: Task
    spec: ModelSpec
    boundary: tuple[float, float]

    def worth(self, one: Waiting) -> float:
        """0 (nothing to learn) to 1 for what was judged; more where no version had an answer."""
        if one.line is None:
            return UNJUDGED
        if one.value is None:
            return FAILED
        unsure = self._unsure(one)
        if one.other is None and one.mended is None and self.task.kind != "score":
            return unsure  # most of them
        return max(unsure, self._border(one), self._versions(one), self._texts(one))

    def reason(self, one: Waiting) -> str:
        """The clause for the largest part of the worth."""
        if one.line is None:
            return "not judged by any version yet"
        if one.value is None:
            return f"the model had no answer: {one.error}" if one.error else "the model had no answer"
        parts = [
            (self._versions(one), self._versions_clause),
            (self._texts(one), self._texts_clause),
            (self._border(one), self._border_clause),
            (self._unsure(one), self._unsure_clause),
        ]
        return max(parts, key=lambda part: part[0])[1](one)

    def _unsure(self, one: Waiting) -> float:
        """Labels: 1 - (best - second best), 1 at a tie. Texts: 1 - confidence. Scores: half of that, since the
        confidence of a score is the chance of being within 0.1, which is low for most."""
        sure = one.confidence or 0.0
        if self.task.kind == "label":
            return min(1.0 - sure + (one.second or 0.0), 1.0)
        return (1.0 - sure) * (0.5 if self.task.kind == "score" else 1.0)

    def _unsure_clause(self, one: Waiting) -> str:
        how = "unsure" if self._unsure(one) >= UNSURE else "less sure than the rest"
        if one.confidence is None:
            return f"no confidence is known for {self._shown(one.value)}"
        first = f"{self._shown(one.value)} {one.confidence:.2f}"
        if self.task.kind == "label" and one.runner_up is not None and one.second is not None:
            return f"{how}: {first} or {self._shown(one.runner_up)} {one.second:.2f}"
        return f"{how}: {first}"

    def _border(self, one: Waiting) -> float:
        """1 in the middle of the borderline scores, 0.5 at their edge, 0 outside."""
        if self.task.kind != "score" or one.value is None:
            return 0.0
        low, high = self.boundary
        middle, half = (low + high) / 2, max((high - low) / 2, 1e-9)
        away = abs(float(one.value) - middle) / half
        return 1.0 - away / 2 if away <= 1.0 + 1e-9 else 0.0

    def _border_clause(self, one: Waiting) -> str:
        return f"near the threshold: {self._shown(one.value)}"

    def _versions(self, one: Waiting) -> float:
        """0.5 where two versions disagree, up to 1 where both are sure (scores: where they are 0.5 apart)."""
        if one.value is None or one.other is None or self.task.equal(one.value, one.other):
            return 0.0
        if self.task.kind == "score":
            return 0.5 + min(1.0, abs(float(one.value) - float(one.other)) / 0.5) / 2
        return 0.5 + min(one.confidence or 0.0, one.other_sure or 0.0) / 2

    def _versions_clause(self, one: Waiting) -> str:
        both = f"{self._shown(one.value)} and {self._shown(one.other)}"
        return f"versions {one.version} and {one.other_version} disagree: {both}"

    def _texts(self, one: Waiting) -> float:
        """0.5 where the language model changed the text, up to 1 where it changed every word."""
        return 0.5 + self._changed(one) / 2 if self._changed(one) else 0.0

    def _changed(self, one: Waiting) -> float:
        if one.value is None or one.mended is None or self.task.equal(one.value, one.mended):
            return 0.0
        left, right = str(one.value).casefold().split(), one.mended.casefold().split()
        # Positions are compared, not alignments: a queue of 100,000 needs no Levenshtein distance.
        same = sum(a == b for a, b in zip(left, right, strict=False))
        return 1.0 - same / max(len(left), len(right), 1)

    def _texts_clause(self, one: Waiting) -> str:
        share = round(100 * self._changed(one))
        return f"the language model changed {share} % of the words: {self._shown(one.mended)}"

    def _shown(self, value: Value | None) -> str:
        if self.task.kind == "score" and value is not None:
            low, high = self.spec.scale
            number = low + float(value) * (high - low)
            return f"{number:.1f}" if high - low > 2 else f"{number:.2f}"
        return str(value) if len(str(value)) <= LONG else f"{str(value)[: LONG - 1]}…"
