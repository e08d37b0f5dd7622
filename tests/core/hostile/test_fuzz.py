"""A seeded sample of the fuzzing in `tests.benchmarks.safety.fuzz`, and what hypothesis makes of single readers."""

from __future__ import annotations

import json
import math
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import limits, loop, untrusted
from core.errors import RushesError
from core.store import wire
from core.visible import drawn, is_safe, json_safe, visible
from tests.benchmarks.safety import doors, fuzz
from tests.benchmarks.safety.bench import Bench
from tests.benchmarks.safety.doors import Door
from tests.benchmarks.safety.mutation import junk

ROUNDS: dict[Door, int] = {doors.metadata: 8, doors.backups: 12, doors.manifests: 5, doors.answers: 2,
                           doors.secrets: 20, doors.configuration: 40}  # fmt: skip

TREES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize("door", list(doors.DOORS), ids=lambda door: door.__name__)
def test_hostile_input_ends_in_an_answer_and_good_neighbours_are_read(door: Door, bench: Bench):
    found = [fuzz.one_round(door, 77_000 + number, bench)[1] for number in range(ROUNDS.get(door, 10))]
    assert [one for one in found if one] == []


@settings(deadline=None, max_examples=150)
@given(st.binary(max_size=200) | TREES.map(lambda tree: json.dumps(tree).encode()))
def test_whatever_a_line_holds_it_is_read_or_refused_and_can_be_written_again(raw: bytes):
    try:
        line = wire.decode(raw)
    except ValueError:
        return
    assert wire.decode(wire.encode(line)) == line


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 2**32))
def test_no_number_from_outside_is_more_than_a_float_can_hold(seed: int):
    raw = json.dumps({"a": junk(Random(seed), 1)})
    try:
        found = untrusted.loads(raw)
    except ValueError:
        return
    assert all(math.isfinite(one) for one in _numbers(found))


def _numbers(tree: Any) -> list[float]:
    if isinstance(tree, dict):
        return [number for one in tree.values() for number in _numbers(one)]
    if isinstance(tree, list):
        return [number for one in tree for number in _numbers(one)]
    return [float(tree)] if isinstance(tree, int | float) else []


@settings(deadline=None, max_examples=200)
@given(st.text(st.characters()))
def test_nothing_that_steers_a_terminal_is_left_of_any_text(text: str):
    assert is_safe(visible(text))
    assert is_safe(drawn(text))
    assert len(drawn(text)) == len(text)
    document = json.dumps([text], ensure_ascii=False)
    assert is_safe(json_safe(document))
    assert json.loads(json_safe(document)) == [text]


def test_brackets_inside_a_text_are_not_nesting():
    text = "[" * 5000 + '\\"' + "{" * 5000
    assert untrusted.loads(json.dumps({"a": text})) == {"a": text}
    with pytest.raises(ValueError, match="too deeply"):
        untrusted.loads("[" * 200 + "]" * 200)


@pytest.fixture
def short_lines():
    before = limits.now()
    yield
    limits.use(before)


@pytest.mark.usefixtures("short_lines")
def test_a_line_that_is_too_long_is_set_aside_and_its_neighbours_are_read(bench: Bench):
    with bench.copy() as root:
        (root / "rushes.toml").write_text("[limits]\nline_mb = 0.01\n")
        path = root / "training_data" / "annotations.jsonl"
        good = path.read_bytes().splitlines()
        path.write_bytes(b"\n".join([good[0], b'{"framePath": "' + b"x" * 3_000_000 + b'"}', *good[1:]]) + b"\n")
        space = loop.open_workspace(root)
        assert len(space.store.answered("ratings")) == 3
        assert [one for one in space.store.problems() if "line 2" in one and "longer than 0.01 MB" in one]
        # The file itself keeps the line, whatever else is rewritten in it.
        space.store.journals["annotations.jsonl"].rewrite(lambda line: line)
        assert path.stat().st_size > 3_000_000
        with pytest.raises(RushesError, match="line_mb"):
            space.store.note("drill", {"id": "x" * 20_000, "at": 1.0})
        space.close()


@pytest.mark.usefixtures("short_lines")
def test_an_end_without_a_newline_that_is_too_long_is_set_aside_whole(bench: Bench):
    with bench.copy() as root:
        (root / "rushes.toml").write_text("[limits]\nline_mb = 0.01\n")
        path = root / "training_data" / "events.jsonl"
        with path.open("ab") as file:
            file.write(b"y" * 2_000_000)
        space = loop.open_workspace(root)
        space.store.note("drill", {"id": "1", "at": 1.0, "ok": True})
        assert space.store.events("drill")[-1]["id"] == "1"
        assert (path.parent / "events.jsonl.torn").stat().st_size == 2_000_001
        space.close()


def test_a_damaged_list_of_what_was_offered_spoils_no_answer(bench: Bench):
    with bench.copy() as root:
        space = loop.open_workspace(root)
        sample = space.store.answered("ratings")[0].sample
        from core.review import queue

        queue.queue(space, "ratings", limit=5)
        for offers in Path(space.cache).rglob("*.json"):
            offers.write_text(json.dumps({sample.id: "\x1b[31m"}))
        loop.correct(space, [(sample, 0.9)], trigger=False)
        assert [item.correction.value for item in space.store.answered("ratings") if item.sample.id == sample.id] == [
            0.9
        ]
        space.close()


@pytest.mark.parametrize("half", [b'"\xed\xa0\x80"', b'"\\ud800"', b'"\\udfff\\ud800"', b"\xff\xfe\x00"])
def test_half_of_a_surrogate_pair_is_no_text_however_it_is_spelt(half: bytes):
    with pytest.raises(ValueError, match="is not JSON"):
        untrusted.loads(b'{"a": ' + half + b"}")


@pytest.mark.parametrize(
    ("door", "seed"),
    [(doors.journals, 7000079), (doors.journals, 7001133), (doors.files, 7001187), (doors.files, 42001232)],
)
def test_what_the_full_count_once_found_stays_mended(door: Door, seed: int, bench: Bench):
    assert fuzz.one_round(door, seed, bench)[1] is None
