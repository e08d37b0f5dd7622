"""How good labels are: accuracy, macro F1, Brier score. NumPy alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def accuracy(truths: Sequence[str], found: Sequence[str]) -> float:
    """Share of equal labels."""
    return sum(t == f for t, f in zip(truths, found, strict=True)) / len(truths)


def macro_f1(truths: Sequence[str], found: Sequence[str]) -> float:
    """Mean F1 over the labels that occur among truths or answers; a label never found counts 0."""
    scores: list[float] = []
    for label in sorted({*truths, *found}):
        hits = sum(t == label == f for t, f in zip(truths, found, strict=True))
        scores.append(2 * hits / (truths.count(label) + found.count(label)))
    return sum(scores) / len(scores)


def brier(truths: Sequence[str], chances: Sequence[Mapping[str, float]]) -> float:
    """Mean squared distance between the probabilities of all labels and the truth, 0..2 (Brier 1950)."""
    total = 0.0
    for truth, chance in zip(truths, chances, strict=True):
        total += sum((share - (label == truth)) ** 2 for label, share in chance.items())
        total += 0.0 if truth in chance else 1.0
    return total / len(truths)
