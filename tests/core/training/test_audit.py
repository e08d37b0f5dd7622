"""The audit log: every ended training is a line, a torn one costs only itself, and the sums are right."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core import loop
from core.training import audit
from core.training.jobs import Job
from core.workspace import Workspace


@pytest.fixture
def space(tmp_path: Path) -> Iterator[Workspace]:
    found = loop.open_workspace(tmp_path / "w")
    yield found
    found.close()


def job(number: int, **more: object) -> Job:
    known: dict[str, object] = {"state": "Completed", "created_at": 90.0, "started_at": 100.0 + number} | more
    return Job(job_id=f"job-{number}", task="ratings", **known)  # pyright: ignore[reportArgumentType]  # plain fields


def test_a_line_has_what_seed_002_asks_for(space: Workspace) -> None:
    facts = {"n": 54, "seconds": 12.5, "losses": [0.5, 0.1], "metrics": {"mae": 0.1}, "verdict": "accept",
             "notes": ["from factory"]}  # fmt: skip
    done = job(1, completed_at=112.5, model_version="v2", name="evening")
    audit.append(space, audit.line(done, facts, {"cpus": 2}))
    (line,) = audit.history(space)
    assert line["userId"]
    assert (line["startedAt"], line["completedAt"], line["durationSeconds"]) == (101.0, 112.5, 12.5)
    assert (line["annotationCount"], line["modelVersion"], line["loss"], line["epochs"]) == (54, "v2", 0.1, 2)
    assert line["modelPath"] == "models/ratings/model_v2.onnx"
    assert (line["system"], line["notes"], line["error"]) == ({"cpus": 2}, ["from factory"], None)
    assert audit.facts_of(line) == facts


def test_a_torn_line_does_not_swallow_the_next_one(space: Workspace) -> None:
    audit.append(space, audit.line(job(1), {}, {}))
    with (space.models / audit.NAME).open("ab") as file:
        file.write(b'{"jobId": "torn", "sta')
    audit.append(space, audit.line(job(2), {}, {}))
    with (space.models / audit.NAME).open("ab") as file:
        file.write(b'\xff\xfe{}\n[]\n"text"\n')
    assert [line["jobId"] for line in audit.history(space)] == ["job-1", "job-2"]
    assert [line["jobId"] for line in audit.history(space, 1)] == ["job-2"]
    assert audit.of(space, "job-1") is not None
    assert audit.of(space, "torn") is None


def test_the_statistics_count_every_outcome_and_average_what_is_known(space: Workspace) -> None:
    ends = (("Completed", 10.0), ("Completed", 20.0), ("Failed", 3.0), ("Cancelled", None))
    for number, (state, seconds) in enumerate(ends):
        audit.append(space, audit.line(job(number, state=state), {"seconds": seconds}, {}))
    assert audit.statistics(audit.history(space)) == {
        "total": 4,
        "successful": 2,
        "failed": 1,
        "cancelled": 1,
        "average_seconds": 11.0,
        "total_seconds": 33.0,
        "first_at": 100.0,
        "last_at": 103.0,
    }


def test_without_trainings_nothing_is_averaged(space: Workspace) -> None:
    found = audit.statistics(audit.history(space))
    assert (found["total"], found["average_seconds"], found["first_at"]) == (0, None, None)
