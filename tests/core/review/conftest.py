"""Workspaces with many answered and unanswered samples, made through the store."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from core import loop
from core.store.identity import new_id, sample_id
from core.store.records import PickedBy, Prediction, PredictionKind, Sample, Value
from core.workspace import Workspace

MEDIA = "training_data/videos/shared.avi"


@dataclass(frozen=True)
class Made:
    """Adds what a test needs to a workspace; every sample shares one media file."""

    space: Workspace

    def sample(self, number: int, task: str = "scenes", **facts: Any) -> Sample:
        blank = Sample(
            id=sample_id(task, f"{number:064x}"),
            task=task,
            group=f"group-{number}",
            media=MEDIA,
            captured_at=1000.0 * number,
        )
        return replace(blank, **facts)

    def said(
        self,
        sample: Sample,
        value: Value | None,
        confidence: float | None = None,
        others: Sequence[tuple[Value, float]] = (),
        *,
        version: str = "factory",
        kind: PredictionKind = "model",
        error: str | None = None,
    ) -> Prediction:
        chances = {str(label): chance for label, chance in ((value, confidence), *others) if chance is not None}
        return Prediction(
            id=new_id(), sample=sample.id, task=sample.task, version=version, kind=kind, value=value,
            confidence=confidence, calibrated=True, runner_ups=tuple(others), latency_ms=1.0, at=1.0, error=error,
            raw={"probabilities": chances} if sample.task == "scenes" else {},
        )  # fmt: skip

    def pending(self, rows: Sequence[tuple[Sample, Prediction | None]]) -> None:
        self.space.store.add_samples([sample for sample, _ in rows])
        self.space.store.add_predictions([said for _, said in rows if said])

    def answer(self, rows: Sequence[tuple[Sample, Value]], picked_by: PickedBy = "own") -> None:
        loop.correct(self.space, rows, picked_by=picked_by, trigger=False)

    def unsure(self, count: int, confidence: Callable[[int], float], *, first: int = 0) -> list[Sample]:
        """Pending scenes: action with this confidence, the rest is dialogue's."""
        samples = [self.sample(number) for number in range(first, first + count)]
        self.pending(
            [
                (one, self.said(one, "action", sure, [("dialogue", 1.0 - sure)]))
                for number, one in enumerate(samples)
                for sure in [confidence(number)]
            ]
        )
        return samples

    def run(
        self, task: str, version: str, labels: Sequence[tuple[Sample, Value, str]], at: float, base: str = "factory"
    ) -> None:
        """A training that learnt from these (sample, answer, side)."""
        params = json.dumps({"base": base})
        about: dict[str, Any] = {"model_version": f"{task}/{version}", "trained_at": at, "params_json": params}
        with self.space.store.catalog.write() as db:
            run = db.table("model_training_runs").insert(about | {"notes": "", "task": task}).last_pk
            fixed: dict[str, Any] = {"training_run_id": run, "label_source": "manual_seed", "included_at": at}
            db.table("model_training_snapshot_labels").insert_all(
                fixed | {"snapshot_id": one.id, "label_value": str(value), "split": side} for one, value, side in labels
            )


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Made]:
    """An empty workspace."""
    space = loop.open_workspace(tmp_path / "workspace")
    (space.root / MEDIA).write_bytes(b"RIFF")
    yield Made(space)
    space.close()
