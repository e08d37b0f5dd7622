"""How texts are compared."""

from __future__ import annotations

import jiwer
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.tasks.speech import text

SENTENCES = st.lists(st.sampled_from(["bin", "blue", "at", "f", "two", "now", "don't"]), min_size=1, max_size=7)


@pytest.mark.parametrize(
    ("typed", "normal"),
    [
        ("I have read many books.", "i have read many books"),
        ("  Don\u2019t  STOP!  ", "don't stop"),
        ("a well-known 'word' -- yes", "a well-known word yes"),
        ("\u00dcber \uff21", "\u00fcber a"),
        ("...", ""),
    ],
)
def test_capitals_and_punctuation_do_not_count(typed: str, normal: str) -> None:
    assert text.normal(typed) == normal


def test_the_network_spells_accents_as_plain_letters_and_drops_what_it_has_no_sign_for() -> None:
    assert text.spelled("Gar\u00e7on, d\u00e9j\u00e0-vu \u4f60\u597d 42") == "garcon dejavu 42"


@given(SENTENCES, SENTENCES)
@settings(max_examples=60, deadline=None)
def test_wer_and_cer_agree_with_jiwer(truth: list[str], guess: list[str]) -> None:
    left, right = " ".join(truth), " ".join(guess)
    assert text.word_error_rate([left], [right]) == pytest.approx(jiwer.wer(left, right))
    assert text.character_error_rate([left], [right]) == pytest.approx(jiwer.cer(left, right))


def test_nothing_read_counts_as_all_words_missing() -> None:
    assert text.word_error_rate(["bin blue"], [""]) == 1.0
    assert text.exact_rate(["bin blue", "now"], ["", "Now!"]) == 0.5


@given(SENTENCES, SENTENCES)
@settings(max_examples=60, deadline=None)
def test_a_comparison_keeps_every_word_of_both_sides_and_counts_the_errors(truth: list[str], guess: list[str]) -> None:
    pieces = text.compare(" ".join(truth), " ".join(guess))
    assert [word for piece in pieces for word in piece.truth] == truth
    assert [word for piece in pieces for word in piece.guess] == guess
    wrong = sum(max(len(piece.truth), len(piece.guess)) for piece in pieces if piece.kind != "same")
    assert wrong == text.word_errors(" ".join(truth), " ".join(guess))


def test_a_comparison_marks_the_changed_word_only() -> None:
    pieces = text.compare("I have read many books.", "i have fed many books today")
    assert [(piece.kind, piece.guess) for piece in pieces] == [
        ("same", ("i", "have")),
        ("changed", ("fed",)),
        ("same", ("many", "books")),
        ("extra", ("today",)),
    ]
