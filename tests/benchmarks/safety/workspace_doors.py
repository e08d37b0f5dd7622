"""Doors of a workspace's own files: its journals, what trainings and models left, and commands on what they hold."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

from core import loop, registry
from core.training import audit, jobs, meta, progress, record
from core.visible import is_safe
from core.workspace import Workspace
from tests.benchmarks.safety import template
from tests.benchmarks.safety.bench import Bench, FoundError, answered, look, opened
from tests.benchmarks.safety.mutation import STEERING, document, dumped, encoded, hostile_line, spoilt

LINES = 20  # hostile lines a round of a journal
COMMANDS = (("models", "list", "-t", "ratings"), ("jobs", "list"), ("review", "list", "-t", "ratings"), ("config",),
            ("dataset", "stats", "-t", "scenes"), ("backup", "list"), ("automation", "status"),
            ("models", "show", "v1", "-t", "ratings"), ("rebuild",), ("automation", "queue"))  # fmt: skip


def journals(rng: Random, bench: Bench) -> int:
    """Hostile lines between good ones, in any of the four; the good ones must be read, and more can be written."""
    name = rng.choice([*template.JOURNALS, "events.jsonl"])
    with bench.copy() as root:
        path = root / "training_data" / name
        good = path.read_bytes().splitlines()
        hostile = [hostile_line(rng, good) for _ in range(LINES)]
        mixed: list[bytes] = [line.replace(b"\n", b" ") for line in hostile]
        for line in good:
            mixed.insert(rng.randrange(len(mixed) + 1), line)
        path.write_bytes(b"\n".join(mixed) + rng.choice((b"", b"\n", b'\n{"torn": ')))
        if rng.random() < 0.3:
            (root / "rushes.db").unlink()
        with opened(root) as space:
            if name in template.JOURNALS:
                _neighbours(space, template.JOURNALS[name], hostile)
            look(space)
            if name in template.JOURNALS:
                _answer_more(space, template.JOURNALS[name])
    return LINES


def _neighbours(space: Workspace, task: str, hostile: list[bytes]) -> None:
    spoken = b"\n".join(hostile)
    batch = template.BATCH.encode()
    there = {item.sample.id for item in space.store.answered(task)}
    for sample in template.samples(task):
        # A line that claims to be of the same action has a say in whether that is complete.
        if sample.id not in there and sample.id.encode() not in spoken and batch not in spoken:
            raise FoundError(f"the good line of {sample.id} is not read")


def _answer_more(space: Workspace, task: str) -> None:
    from core.store.records import Sample

    fresh = Sample(id="fresh", task=task, group="g", media="training_data/videos/f.avi")
    loop.correct(space, [(fresh, template.VALUES[task])], picked_by="own", trigger=False)
    if "fresh" not in {item.sample.id for item in space.store.answered(task)}:
        raise FoundError("a new answer is not there")


FILES: Mapping[str, tuple[str, Any]] = {
    "active": ("models/ratings/active.json", {"champion": "v1", "challenger": None, "previous": ["factory"],
                                              "speakers": {"a": "v1"}, "speakers_previous": {"a": ["v1"]}}),
    "audit": ("models/training-audit.jsonl", template.AUDIT),
    "meta": ("models/training_meta.json", {"currentVersion": "v1", "tasks": {"ratings": {"systemRating": 1}}}),
    "progress": (f"jobs/{template.JOB}/progress.jsonl", template.PROGRESS),
    "run": (f"jobs/{template.JOB}/run.json", template.RUN),
    "evidence": (f"jobs/{template.JOB}/evidence.json", {"champion": "v1", "pairs": [{"sample": "s"}]}),
    "report": (f"jobs/{template.JOB}/report.json", {"task": "ratings", "version": "v1", "n": 1, "intervals": {}}),
    "history": ("backups/history.jsonl", {"at": 1.0, "id": "1", "size": 1, "destinations": [{"where": "x"}]}),
    "hashes": ("cache/backup/hashes.json", {"rushes.toml": [1, 2, 3, 4, "0" * 64, []]}),
    "threads": ("cache/threads.json", {"ratings/v1/4328256": 1}),
    "number": ("models/ratings/last_number", 1),
}  # fmt: skip


def files(rng: Random, bench: Bench) -> int:
    """All single files of a workspace spoilt at once, some of them; everything that reads them is asked."""
    given = 0
    with bench.copy() as root:
        for name, (path, good) in FILES.items():
            if rng.random() < 0.6:
                target = root / path
                target.parent.mkdir(parents=True, exist_ok=True)
                before = target.read_bytes() if target.exists() and path.endswith("l") else b""
                target.write_bytes(before + document(rng, good) + (b"\n" if name in ("audit", "progress") else b""))
                given += 1
        if rng.random() < 0.5:
            given += 1
            card = root / "models/ratings/model_v1.json"
            card.write_bytes(document(rng, json.loads(card.read_bytes())))
        if rng.random() < 0.4:
            given += 1
            path = root / f"jobs/{template.JOB}/manifest_full.csv"
            path.write_bytes(spoilt(rng, path.read_bytes()))
        with opened(root) as space:
            _records(space)
            look(space)
        if rng.random() < 0.2:
            command(rng, root)
    return max(given, 1)


def _records(space: Workspace) -> None:
    for read in (record.restore_jobs, record.restore_runs, jobs.every, meta.write_meta):
        answered(read, space)
    answered(audit.statistics, audit.history(space))
    progress.last(space.jobs / template.JOB)
    for job in jobs.every(space):
        job.to_json()
        answered(jobs.progress_lines, space, job.job_id)
    registry.cards(space, "ratings")
    active = registry.pointer(space, "ratings")
    answered(registry.serving_spec, space, "ratings", "a")
    for version in active.line("a"):
        answered(registry.card, space, "ratings", version)


def command(rng: Random, root: Path) -> int:
    """A command on a spoilt workspace: a sentence and an exit code, never a traceback or a sign that steers."""
    from tui.cli import app
    from tui.commands.common import guarded

    wanted = rng.choice(COMMANDS)
    out, err = io.StringIO(), io.StringIO()
    arguments = [*wanted, "-w", str(root), *(["--json"] if rng.random() < 0.5 else [])]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = guarded(lambda: app(arguments, standalone_mode=False))
    said = out.getvalue() + err.getvalue()
    if code not in (0, 1, 2) or "Traceback" in said or "unexpected error" in said:
        raise FoundError(f"{' '.join(wanted)} ended with {code}: {err.getvalue()[-300:]}")
    if not all(is_safe(line) for line in said.splitlines()):
        raise FoundError(f"{' '.join(wanted)} printed a sign that steers the terminal")
    if "--json" in arguments and code == 0:
        json.loads(out.getvalue())
    return 1


def commands(rng: Random, bench: Bench) -> int:
    """Commands on a workspace whose journals and card hold hostile texts."""
    with bench.copy() as root:
        for name in template.JOURNALS:
            path = root / "training_data" / name
            good = path.read_bytes().splitlines()
            bad = [hostile_line(rng, good).replace(b"\n", b" ") for _ in range(4)]
            path.write_bytes(b"\n".join([*good, *bad]) + b"\n")
        card = root / "models/ratings/model_v1.json"
        known = json.loads(card.read_bytes())
        known |= {"name": rng.choice(STEERING[:-8]), "notes": [rng.choice(STEERING[:6])], "base": "imported"}
        card.write_bytes(encoded(dumped(known)))
        return 12 + 1 + command(rng, root)
