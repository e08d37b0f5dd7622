"""Words: every word of both vocabularies can be spoken, and the mouth follows it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.demo.words import GRID_GRAMMAR, USER_GRAMMAR, make_sentence, phonemes, speak, vocabulary
from core.errors import RushesError


def test_the_factory_speaks_grid_and_the_user_their_own_words() -> None:
    grid, own = set(vocabulary(GRID_GRAMMAR)), set(vocabulary(USER_GRAMMAR))
    assert len(grid) == 51
    assert 22 <= len(own) <= 30
    assert len(own & grid) <= 3


def test_a_sentence_takes_one_word_of_each_place() -> None:
    words = make_sentence(USER_GRAMMAR, np.random.default_rng(3)).split()
    assert all(word in place for word, place in zip(words, USER_GRAMMAR, strict=True))


def test_lips_close_for_p_and_open_for_ah() -> None:
    track = speak("open", np.random.default_rng(0))
    start, end, _ = track.words[0]
    opening = track.shapes[start:end, 0]
    assert opening.max() > 0.5
    assert opening.min() < 0.08
    assert int(opening.argmax()) < int(opening.argmin())  # "o" comes before "p"


def test_lips_round_for_two_and_spread_for_three() -> None:
    two, three = (speak(word, np.random.default_rng(1)) for word in ("two", "three"))
    assert two.shapes[:, 1].min() < -0.5
    assert three.shapes[:, 1].max() > 0.5


def test_the_mouth_rests_at_both_ends() -> None:
    track = speak("save the film now", np.random.default_rng(2))
    assert track.words[0][0] >= 4
    assert track.words[-1][1] <= len(track.shapes) - 4
    assert float(track.shapes[[0, -1], 0].max()) < 0.06


def test_a_word_outside_the_table_is_spoken_from_its_spelling() -> None:
    assert phonemes("shop") == ("SH", "AO", "P")
    assert len(speak("shop the window", np.random.default_rng(0)).words) == 3


@pytest.mark.parametrize("sentence", ["", "  ", "open 77"])
def test_what_has_no_letters_is_refused_in_a_sentence(sentence: str) -> None:
    with pytest.raises(RushesError):
        speak(sentence, np.random.default_rng(0))


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=9), min_size=1, max_size=6), st.integers(0, 99)
)
def test_timings_are_in_order_and_inside_the_clip(words: list[str], seed: int) -> None:
    track = speak(" ".join(words), np.random.default_rng(seed))
    assert [word for _, _, word in track.words] == words
    assert np.isfinite(track.shapes).all()
    last = 0
    for start, end, _ in track.words:
        assert last - 1 <= start < end <= len(track.shapes)
        last = end
