"""Records for the store's tests, and a picture of the whole catalog to compare."""

from __future__ import annotations

from core.store.identity import new_id, sample_id
from core.store.records import Correction, Prediction, Sample, Value
from core.store.replay import DERIVED
from core.store.store import Store


def sample(number: int, task: str = "scenes") -> Sample:
    """The numbered clip of a task, waiting in pending/."""
    return Sample(
        id=sample_id(task, f"{number:064x}", "scene-1"),
        task=task,
        group=f"group-{number}",
        media=f"training_data/pending/{number}.avi",
        media_hash=f"{number:064x}",
        video_id=f"video-{number}",
        scene_id="scene-1",
        captured_at=float(number),
    )


def prediction(of: Sample, value: Value = "action") -> Prediction:
    """A model's answer."""
    return Prediction(
        id=new_id(), sample=of.id, task=of.task, version="v1", kind="model", value=value, confidence=0.7,
        calibrated=False, raw={"probabilities": {"action": 0.7}}, runner_ups=(("dialogue", 0.2),), latency_ms=3.0,
        at=1.0,
    )  # fmt: skip


def correction(of: Sample, value: Value, batch: str | None = None) -> Correction:
    """A user's answer."""
    return Correction(id=new_id(), sample=of.id, task=of.task, value=value, at=2.0, batch=batch or new_id())


def dump(store: Store) -> dict[str, list[str]]:
    """All rows that replaying makes."""
    with store.catalog.read() as db:
        return {table: sorted(str(row) for row in db.query(f"select * from {table}")) for table in DERIVED}


def values(store: Store, task: str = "scenes") -> list[Value]:
    """The valid answers, in journal order."""
    return [item.correction.value for item in store.answered(task)]
