"""Damaged journals: what can be read is read, what cannot is said, and the next line is appended after it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from core import tasks
from core.errors import StoreError
from core.store.store import Store
from tests.core.store.samples import correction, dump, sample, values

NAME = "training_data/corrections.jsonl"
Damage = Callable[[bytes], bytes]


def _line(number: int, change: Damage) -> Damage:
    def damage(content: bytes) -> bytes:
        lines = content.splitlines(keepends=True)
        return b"".join((*lines[:number], change(lines[number]), *lines[number + 1 :]))

    return damage


# What it does to five lines, how many of their answers stay, and what is said.
DAMAGES: dict[str, tuple[Damage, list[str], str]] = {
    "zeros at the end": (lambda content: content + bytes(4096), ["0", "1", "2", "3", "4"], ""),
    "zeros instead of the last line": (_line(4, lambda line: bytes(len(line))), ["0", "1", "2", "3"], ""),
    "zeros in the middle": (_line(2, lambda line: bytes(len(line) - 1) + b"\n"), ["0", "1", "3", "4"], ""),
    "zeros over a newline": (_line(2, lambda line: bytes(len(line))), ["0", "1", "4"], "line 3"),
    "garbage in the middle": (_line(2, lambda _: b"\xff\x80" * 30 + b"\n"), ["0", "1", "3", "4"], "line 3"),
    "half a line in the middle": (_line(2, lambda line: line[:20] + b"\n"), ["0", "1", "3", "4"], "line 3"),
    "a lost newline": (_line(2, lambda line: line.rstrip(b"\n")), ["0", "1", "4"], "line 3"),
    "a flipped bit in a key": (
        _line(2, lambda line: line.replace(b'"batch"', b'"badch"')), ["0", "1", "3", "4"], "line 3: batch is missing"
    ),
    "another program's text": (_line(2, lambda _: b"<html>not json</html>\n"), ["0", "1", "3", "4"], "line 3"),
}  # fmt: skip


@pytest.mark.parametrize(("damage", "stay", "said"), DAMAGES.values(), ids=DAMAGES)
def test_damage_costs_only_the_lines_it_hit_and_is_said(
    tmp_path: Path, damage: Damage, stay: list[str], said: str
) -> None:
    store = Store(tmp_path, tasks.codecs())
    for number in range(5):
        store.add_corrections([(sample(number), correction(sample(number), str(number)))])
    path = tmp_path / NAME
    path.write_bytes(damage(path.read_bytes()))
    store.refresh()
    assert values(store) == stay
    assert not said or any(said in problem for problem in store.problems())
    store.add_corrections([(sample(9), correction(sample(9), "after"))])
    assert values(store) == [*stay, "after"]
    rows = dump(store)
    store.rebuild()
    assert dump(store) == rows
    store.close()
    again = Store(tmp_path, tasks.codecs())
    assert values(again) == [*stay, "after"]
    again.close()


def test_a_journal_whose_place_a_folder_took_while_it_was_open_costs_no_other(tmp_path: Path) -> None:
    store = Store(tmp_path, tasks.codecs())
    store.add_corrections([(sample(1), correction(sample(1), "kept"))])
    path = tmp_path / NAME
    path.rename(path.with_suffix(".away"))
    path.mkdir()
    store.note("tick", {"number": 1})
    with pytest.raises(StoreError, match="is a folder"):
        store.add_corrections([(sample(2), correction(sample(2), "refused"))])
    assert any("corrections.jsonl" in problem for problem in store.problems())
    path.rmdir()
    path.with_suffix(".away").rename(path)
    store.add_corrections([(sample(2), correction(sample(2), "again"))])
    assert values(store) == ["kept", "again"]
    assert store.events("tick")
    store.close()
