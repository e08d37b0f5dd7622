"""From character scores to texts ("beam/1"): CTC prefix beam search with the version's lexicon and trigram model.

Prefix beam search after Hannun et al. 2014 (First-Pass Large Vocabulary Continuous Speech Recognition using
Bi-Directional Recurrent DNNs). Words outside the lexicon are never impossible: they pay for being
unknown (see `language`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from core.tasks.speech.language import END, START, Language, Node
from core.tasks.speech.text import ALPHABET

BEAM = 24  # unfinished texts kept from frame to frame
N_BEST = 8  # texts handed on
UNLIKELY = math.log(1e-4)  # characters less probable than this in a frame are not followed
NEVER = -math.inf
SPACE = ALPHABET.index(" ") + 1  # 0 is the blank


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A text and its log score (network and language together, not normalised)."""

    text: str
    score: float


class _Prefix:
    """A beginning of the text: its words, the letters of its last word, and how probable it is at this frame."""

    __slots__ = (
        "before", "blank", "children", "done", "frame", "language", "last", "letters", "new_blank", "new_other", "node",
        "other", "words",
    )  # fmt: skip

    def __init__(self, words: tuple[str, ...], letters: str, last: int, node: Node | None, done: float) -> None:
        self.words, self.letters, self.last, self.node, self.done = words, letters, last, node, done
        self.before = _last_two(words)
        self.language = done  # cost of the words so far and, at best, of the unfinished one
        self.children: dict[int, _Prefix] = {}
        self.frame = -1
        self.blank = self.other = self.new_blank = self.new_other = NEVER

    @property
    def total(self) -> float:
        return _add(self.new_blank, self.new_other) + self.language


def beam_search(logits: NDArray[np.float32], language: Language, beam: int = BEAM) -> list[Hypothesis]:
    """The most probable texts of one clip, best first, at least one.

    Args:
        logits: (T, V) float32, blank first, then `text.ALPHABET`.
        language: lexicon and word probabilities; an empty one leaves an open character search.
        beam: how many beginnings are kept from frame to frame.
    """
    chances = _log_softmax(logits)
    root = _Prefix((), "", 0, language.root, 0.0)
    root.blank = 0.0
    kept = [root]
    for frame, row in enumerate(chances):
        likely = [int(index) for index in np.flatnonzero(row[1:] > UNLIKELY) + 1]
        values = row.tolist()
        kept = _step(kept, frame, values, likely, language, beam)
    return _finished(kept, language)


def greedy(logits: NDArray[np.float32]) -> str:
    """The best character of each frame, repeats and blanks dropped: what the lips alone said."""
    chars = "".join(ALPHABET[index - 1] for index, _ in groupby(logits.argmax(1).tolist()) if index)
    return " ".join(chars.split())


def confidences(hypotheses: Sequence[Hypothesis], temperature: float = 1.0) -> list[float]:
    """Probability of each hypothesis among them all: a softmax over score / temperature."""
    scores = np.array([hypothesis.score for hypothesis in hypotheses]) / temperature
    weights = np.exp(scores - scores.max())
    return [float(value) for value in weights / weights.sum()]


def _step(
    kept: list[_Prefix], frame: int, chances: list[float], likely: list[int], language: Language, beam: int
) -> list[_Prefix]:
    touched: list[_Prefix] = []
    for prefix in kept:
        total = _add(prefix.blank, prefix.other)
        _touch(prefix, frame, touched)
        prefix.new_blank = _add(prefix.new_blank, total + chances[0])
        if prefix.last:
            prefix.new_other = _add(prefix.new_other, prefix.other + chances[prefix.last])
        for index in likely:
            if index == SPACE and not prefix.letters:  # no text begins with a space or has two: silence goes on
                prefix.new_blank = _add(prefix.new_blank, total + chances[index])
                continue
            grown = _grown(prefix, index, language)
            _touch(grown, frame, touched)
            came = prefix.blank if index == prefix.last else total
            grown.new_other = _add(grown.new_other, came + chances[index])
    touched.sort(key=lambda prefix: -prefix.total)
    best = touched[:beam]
    for prefix in best:
        prefix.blank, prefix.other = prefix.new_blank, prefix.new_other
    return best


def _touch(prefix: _Prefix, frame: int, touched: list[_Prefix]) -> None:
    if prefix.frame != frame:
        prefix.frame = frame
        prefix.new_blank = prefix.new_other = NEVER
        touched.append(prefix)


def _grown(prefix: _Prefix, index: int, language: Language) -> _Prefix:
    """The prefix with one more character; the same object each time, so that ways to one text meet in it."""
    child = prefix.children.get(index)
    if child is None:
        child = _closed(prefix, language) if index == SPACE else _lettered(prefix, index, language)
        prefix.children[index] = child
    return child


def _lettered(prefix: _Prefix, index: int, language: Language) -> _Prefix:
    letter = ALPHABET[index - 1]
    node = None if prefix.node is None else prefix.node.after.get(letter)
    child = _Prefix(prefix.words, prefix.letters + letter, index, node, prefix.done)
    child.language = prefix.done + language.ahead(node, len(child.letters))
    return child


def _closed(prefix: _Prefix, language: Language) -> _Prefix:
    """The prefix with its last word ended by a space."""
    word = None if prefix.node is None else prefix.node.word
    done = prefix.done + language.cost(prefix.before, word, len(prefix.letters))
    return _Prefix((*prefix.words, word or prefix.letters), "", SPACE, language.root, done)


def _finished(kept: Sequence[_Prefix], language: Language) -> list[Hypothesis]:
    """The kept beginnings as whole texts; ways that end in one text are added up."""
    scores: dict[str, float] = {}
    for prefix in kept:
        heard = _add(prefix.blank, prefix.other)
        whole = _closed(prefix, language) if prefix.letters else prefix
        score = heard + whole.done + language.cost(whole.before, END)
        said = " ".join(whole.words)
        scores[said] = _add(scores.get(said, NEVER), score)
    ranked = sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:N_BEST]
    return [Hypothesis(said, score) for said, score in ranked]


def _last_two(words: tuple[str, ...]) -> tuple[str, str]:
    """The context a word is judged in."""
    if len(words) >= 2:
        return words[-2], words[-1]
    return START, words[-1] if words else START


def _add(left: float, right: float) -> float:
    """log(exp(left) + exp(right))"""
    if left < right:
        left, right = right, left
    return left if right == NEVER else left + math.log1p(math.exp(right - left))


def _log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    values = logits.astype(np.float64)
    values -= values.max(axis=1, keepdims=True)
    return values - np.log(np.exp(values).sum(axis=1, keepdims=True))
