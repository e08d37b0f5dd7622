"""From frame scores to texts."""

from __future__ import annotations

import time
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from core.tasks.speech import decode, language, text
from core.tasks.speech.language import Language

OPEN = Language({})


def logits_of(said: str, *, sure: float = 6.0, seed: int = 0) -> NDArray[np.float32]:
    """Scores as a network would give them for a text: each character one frame, blanks between."""
    path = [index for char in said for index in (0, text.ALPHABET.index(char) + 1)] + [0]
    scores = np.random.default_rng(seed).normal(0, 0.3, (len(path), len(text.ALPHABET) + 1)).astype(np.float32)
    scores[np.arange(len(path)), path] += sure
    return scores


def blur(scores: NDArray[np.float32], frame: int, chars: dict[str, float]) -> None:
    scores[frame, 1:] = -8.0
    scores[frame, 0] = -8.0
    for char, score in chars.items():
        scores[frame, text.ALPHABET.index(char) + 1] = score


def test_clear_scores_are_read_as_they_are() -> None:
    scores = logits_of("bin blue at f two now")
    assert decode.greedy(scores) == "bin blue at f two now"
    assert decode.beam_search(scores, OPEN)[0].text == "bin blue at f two now"


def test_the_open_search_finds_the_most_probable_text_of_all() -> None:
    rng = np.random.default_rng(5)
    scores = np.full((4, len(text.ALPHABET) + 1), -20.0, np.float32)
    symbols = [0, text.ALPHABET.index("a") + 1, text.ALPHABET.index("b") + 1]
    scores[:, symbols] = rng.normal(0, 1, (4, 3))
    chances = np.exp(scores[:, symbols])
    chances /= chances.sum(axis=1, keepdims=True)
    sums: dict[str, float] = {}
    for path in product(range(3), repeat=4):  # every way to every text, summed by hand
        chance = float(np.prod([chances[frame, symbol] for frame, symbol in enumerate(path)]))
        said = "".join("ab"[s - 1] for i, s in enumerate(path) if s and (i == 0 or path[i - 1] != s))
        sums[said] = sums.get(said, 0.0) + chance
    found = decode.beam_search(scores, OPEN)
    best = max(sums, key=lambda said: sums[said])
    assert found[0].text == best
    assert np.exp(found[0].score) == pytest.approx(sums[best], rel=1e-3)


def test_a_word_of_the_lexicon_wins_where_the_lips_leave_it_open() -> None:
    scores = logits_of("bin blue")
    blur(scores, 1, {"p": 1.2, "b": 1.0})  # p and b look the same
    assert decode.greedy(scores) == "pin blue"
    known = Language.of({"language": language.frozen(language.counted(["bin blue", "bin green"]))})
    assert decode.beam_search(scores, known)[0].text == "bin blue"


def test_a_clearly_seen_word_outside_the_lexicon_is_still_read() -> None:
    known = Language.of({"language": language.frozen(language.counted(["bin blue", "bin green"] * 20))})
    assert decode.beam_search(logits_of("zebra blue", sure=9.0), known)[0].text == "zebra blue"


def test_the_words_before_decide_between_words_that_look_alike() -> None:
    said = ["save my photo", "mail the photo", "save my film", "mail the film"]
    known = Language.of({"language": language.frozen(language.counted(said))})
    scores = logits_of("save the photo")
    for frame, chars in ((11, "tm"), (13, "hy")):
        blur(scores, frame, dict.fromkeys(chars, 1.0))
    blur(scores, 15, {"e": 1.0})
    scores[15, 0] = 1.0
    assert decode.beam_search(scores, known)[0].text == "save my photo"


def test_words_are_written_as_the_user_writes_them() -> None:
    known = Language.of({"language": language.frozen(language.counted(["don't go", "\u00fcber well-known"]))})
    assert decode.beam_search(logits_of("don't go"), known)[0].text == "don't go"
    assert decode.beam_search(logits_of("uber wellknown"), known)[0].text == "\u00fcber well-known"


def test_silence_is_read_as_nothing() -> None:
    scores = np.zeros((30, len(text.ALPHABET) + 1), np.float32)
    scores[:, 0] = 12.0
    found = decode.beam_search(scores, OPEN)
    assert found[0].text == ""
    assert decode.confidences(found)[0] > 0.9


def test_confidences_are_probabilities_and_temperature_flattens_them() -> None:
    scores = logits_of("two")
    blur(scores, 1, {"t": 1.0, "d": 0.6})
    found = decode.beam_search(scores, OPEN)
    sharp, flat = decode.confidences(found), decode.confidences(found, 4.0)
    assert sum(sharp) == pytest.approx(1.0)
    assert sharp[0] > flat[0] > 1 / len(found)


def test_the_lexicon_survives_being_frozen_and_an_older_one_fades() -> None:
    own = language.counted(["open the film"] * 10)
    first = {"language": language.frozen(own)}
    assert Language.of(first).cost(("<s>", "<s>"), "open") == Language(own).cost(("<s>", "<s>"), "open")
    later = language.merged(language.counted(["close my scene"] * 10), first, 0.1)
    assert later["film"] == pytest.approx(0.1 * later["scene"])


def test_a_three_second_clip_is_decoded_in_a_moment() -> None:
    rng = np.random.default_rng(1)
    scores = logits_of("place green with z seven please", sure=3.0)
    scores = np.concatenate([scores, rng.normal(0, 0.3, (75 - len(scores), scores.shape[1])).astype(np.float32)])
    known = Language.of({"language": language.frozen(language.counted(["place green with z seven please"]))})
    spent: list[float] = []
    for _ in range(3):
        start = time.thread_time()  # what it works, not what it waits for a core
        decode.beam_search(scores, known)
        spent.append(time.thread_time() - start)
    assert min(spent) < 0.5  # about 0.02 s on real scores; these noisy ones are the worst case
