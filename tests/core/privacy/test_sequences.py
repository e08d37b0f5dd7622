from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from core import loop, privacy
from core.errors import RushesError
from core.store.records import Correction, Sample, Value
from core.workspace import Workspace
from tests.core.privacy import used

IDS = [f"0000000{number}-0000-4000-8000-00000000000{number}" for number in range(5)]
# 0 and 1 are scenes of one file.
SAMPLES = [
    Sample(one, "ratings", f"g{number}", media=None, media_hash=f"{max(number, 1):064x}")
    for number, one in enumerate(IDS)
]
picks = st.lists(st.sampled_from(range(len(IDS))), min_size=1, max_size=3, unique=True)
steps = st.one_of(
    st.tuples(st.just("answer"), picks),
    st.tuples(st.just("delete"), picks),
    st.tuples(st.just("undo"), st.integers(0, 3)),
    st.tuples(st.just("skip"), picks),
    st.tuples(st.just("forget"), picks),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(steps, min_size=1, max_size=10))
def test_the_catalog_is_what_the_journals_say_after_every_forgetting(done: list[tuple[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        space = loop.open_workspace(Path(folder) / "space")
        space.store.add_samples(SAMPLES)
        gone: set[str] = set()
        batches: list[str] = []
        valid: dict[str, Value] = {}
        for number, (what, which) in enumerate(done):
            before = {item.sample.id: item.correction.value for item in space.store.answered("ratings")}
            gone |= _do(space, what, which, number, gone, batches)
            valid = {item.sample.id: item.correction.value for item in space.store.answered("ratings")}
            if what == "forget":
                assert valid == {one: value for one, value in before.items() if one not in gone}
        now = used.state(space)
        space.store.rebuild()
        assert used.state(space) == now
        assert space.store.problems() == []
        assert not gone & {str(row[1]) for row in now}
        text = "".join(path.read_text() for path in space.data.glob("*.jsonl"))
        assert not [one for one in gone if one in text]
        space.close()


def _do(space: Workspace, what: str, which: Any, number: int, gone: set[str], batches: list[str]) -> set[str]:
    if what == "undo":
        if batches:
            batch = batches[which % len(batches)]
            try:
                batches.append(space.store.undo("ratings", batch))
            except RushesError:  # taken back already, or gone
                batches.remove(batch)
        return set()
    alive = [SAMPLES[one] for one in which if IDS[one] not in gone]
    if not alive:
        return set()
    if what == "answer":
        batch = f"batch-{number}"
        rows = [
            (one, Correction(f"{batch}{one.id}", one.id, "ratings", (number + 1) / 16, float(number + 1), batch))
            for one in alive
        ]
        space.store.add_corrections(rows)
        batches.append(batch)
    elif what == "delete":
        batches.append(space.store.delete("ratings", [one.id for one in alive]))
    elif what == "skip":
        space.store.skip("ratings", [one.id for one in alive])
    else:
        privacy.forget(space, [one.id for one in alive])
        return {one.id for one in alive}
    return set()
