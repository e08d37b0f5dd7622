"""Taking back what was answered, one action after the other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core import loop
from core.errors import RushesError
from core.review import answers
from core.review.undo import undo
from tests.core.review.conftest import Made


def valid(made: Made) -> dict[str, Any]:
    return {item.sample.id: item.correction.value for item in made.space.store.answered("scenes")}


def test_actions_are_taken_back_newest_first_until_none_is_left(made: Made):
    rows = [made.sample(number) for number in range(4)]
    made.answer([(rows[0], "action")])
    made.answer([(one, "dialogue") for one in rows])
    made.space.store.delete("scenes", [rows[1].id])
    assert undo(made.space, "scenes").op == "delete"
    found = undo(made.space, "scenes")
    assert found.samples == tuple(one.id for one in rows)
    assert set(found.values) == {"dialogue"}
    assert valid(made) == {rows[0].id: "action"}
    again = loop.open_workspace(made.space.root)  # as after a restart
    assert undo(again, "scenes").samples == (rows[0].id,)
    with pytest.raises(RushesError, match="nothing to undo"):
        undo(again, "scenes")
    again.close()
    made.space.store.refresh()
    assert valid(made) == {}


def test_an_answered_clip_cannot_be_set_aside(made: Made):
    one = made.sample(1)
    made.answer([(one, "action")])
    with pytest.raises(RushesError, match="answered already"):
        answers.skip(made.space, one)


def test_the_command_takes_back_a_bulk_answer_whole(made: Made, rushes: Callable[..., Any], tmp_path: Path):
    made.answer([(made.sample(number), "action") for number in range(3)])
    ran = rushes("review", "undo", "--task", "scenes", "--json", "-w", made.space.root)
    assert ran.code == 0, ran.err
    assert len(ran.json["samples"]) == 3
    ended = rushes("review", "undo", "--task", "scenes", "-w", made.space.root)
    assert ended.code == 1
    assert "nothing to undo" in ended.err
    assert rushes("review", "undo", "--task", "scenes", "-w", tmp_path / "other").code == 1
