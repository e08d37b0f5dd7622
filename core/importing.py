"""Bringing answered clips in: every good row becomes a kept clip with its answer, in one batch, counted once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from core import fetching, loop, manifest, registry, tasks
from core.capture import intake
from core.capture.intake import About
from core.errors import RushesError, StoreError
from core.files import inside
from core.manifest import BadRow, Row
from core.store import forgotten
from core.store.forgotten import Forgotten
from core.store.records import Json, Sample, Value
from core.tasks.base import ModelSpec, Task
from core.workspace import Workspace

WORKERS = 2  # decoding and measuring release the interpreter lock


@dataclass(slots=True)
class Imported:
    """What an import did: rows taken, rows known already with the same answer, rows refused; notes for the user."""

    imported: int = 0
    skipped: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    notes: list[str] = field(default_factory=list[str])

    def to_json(self) -> dict[str, Any]:
        return {"imported": self.imported, "skipped": self.skipped, "errors": self.errors, "notes": self.notes}


def _say_nothing(done: int, name: str) -> None:
    del done, name


def run(
    space: Workspace,
    source: Path,
    task_name: str,
    *,
    renamed: Mapping[str, str] | None = None,
    add_labels: bool = False,
    progress: Callable[[int, str], None] = _say_nothing,
) -> Imported:
    """Import a CSV manifest or a seed's journal.

    Raises:
        WrongUseError: the file cannot be read or lacks a column.
        RushesError: consent is missing.
    """
    task = tasks.get(task_name)
    space.require_writable()
    if task.keeps_face:
        intake.require_consent(space, task.name)
    if manifest.is_journal(source):
        return _journal(space, source, task)
    rows = list(manifest.read_manifest(source, task, renamed, root=space.root))
    return take(space, task, rows, add_labels=add_labels, progress=progress)


def take(
    space: Workspace,
    task: Task,
    rows: Sequence[Row | BadRow],
    *,
    add_labels: bool = False,
    progress: Callable[[int, str], None] = _say_nothing,
) -> Imported:
    """Import rows, wherever they were read; the good ones are one batch."""
    result = Imported()
    spec = _spec(space, task, rows, add_labels)
    taken: list[tuple[int, list[tuple[Sample, Value]]]] = []
    sources: dict[str, str] = {}
    known = {item.sample.id: item.correction.value for item in space.store.answered(task.name)}
    for row, found in _taken(space, task, rows, spec):
        progress(row.number, row.path.name if isinstance(row, Row) else "")
        if isinstance(found, str):
            result.errors.append({"row": row.number, "reason": found})
        elif all(sample.id in known and task.equal(known[sample.id], value) for sample, value in found):
            result.skipped += 1
        else:
            taken.append((row.number, found))
            sources |= {sample.id: row.label_source for sample, _ in found if isinstance(row, Row)}
    answers = _still_kept(space, taken, result)
    if answers:
        if task.kind == "label":
            define_labels(space, task, spec, result, is_first=not known)
        loop.correct(space, answers, picked_by="own", label_source=sources)
    return result


def _still_kept(
    space: Workspace, taken: list[tuple[int, list[tuple[Sample, Value]]]], result: Imported
) -> list[tuple[Sample, Value]]:
    """The answers of good rows: reading many files takes long enough for one of them to be forgotten meanwhile."""
    answers: list[tuple[Sample, Value]] = []
    for number, found in taken:
        if space.store.forgot(*(mark for sample, _ in found for mark in (sample.id, sample.media_hash))):
            result.errors.append({"row": number, "reason": "was forgotten here"})
        else:
            answers += found
            result.imported += 1
    return answers


def _spec(space: Workspace, task: Task, rows: Sequence[Row | BadRow], add_labels: bool) -> ModelSpec:
    """What answers are checked against. The first import into a task without corrections defines its labels."""
    spec = registry.current_spec(space, task)
    if task.kind != "label":
        return spec
    first = not space.store.count_answered(task.name)
    if first or add_labels:
        written = sorted({row.value for row in rows if isinstance(row, Row)})
        labels = tuple(written) if first else (*spec.labels, *(name for name in written if name not in spec.labels))
        spec = spec.model_copy(update={"labels": labels})
    return spec


def define_labels(space: Workspace, task: Task, spec: ModelSpec, result: Imported, *, is_first: bool) -> None:
    """Make the labels an import was checked against the task's own; the first import says so."""
    registry.define_labels(space, task, spec.labels)
    if is_first:
        result.notes.append(f"this first import defines the labels of {task.name}: {', '.join(spec.labels)}")


def _taken(
    space: Workspace, task: Task, rows: Sequence[Row | BadRow], spec: ModelSpec
) -> Iterator[tuple[Row | BadRow, list[tuple[Sample, Value]] | str]]:
    other_scale = manifest.off_scale(rows, task, spec)

    def take(row: Row | BadRow) -> list[tuple[Sample, Value]] | str:
        if isinstance(row, BadRow):
            return row.reason
        if other_scale:
            return manifest.OTHER_SCALE
        try:
            value = manifest.value_of(row, task, spec)
            return [(part, value) for part in _parts(space, task, row)]
        except RushesError as error:
            return f"{row.path.name}: {error.what}" if error.where else error.sentence()

    with ThreadPoolExecutor(WORKERS) as pool:
        yield from zip(rows, pool.map(take, rows), strict=True)


def _parts(space: Workspace, task: Task, row: Row) -> list[Sample]:
    """The samples a row is about; those of an address remember it, and their file is called as the address says."""
    if row.sample and (known := space.store.sample(row.sample)) and known.task == task.name:
        return [known]
    found = intake.admit(space, row.local(space), task, row.about, keep_in=space.kept(task.medium))
    parts = [part for part in found if isinstance(part, Sample)]
    if row.scene_id and len(parts) > 1:
        parts = [part for part in parts if part.scene_id == row.scene_id]
        if not parts:
            raise intake.no_scene(row.path, row.scene_id)
    if row.url is None:
        return parts
    origin = {"url": fetching.without_user(row.url), "file": row.path.name}
    return [replace(part, extra=part.extra | origin) for part in parts]


def _journal(space: Workspace, source: Path, task: Task) -> Imported:
    """Append a seed's journal lines as they are; rows already there are skipped, media are resolved inside.

    A line whose file lies beside the journal is about that file, which is taken in with the answer.
    """
    result = Imported()
    fresh: list[dict[str, Any]] = []
    brought: list[tuple[Sample, Value]] = []
    known = {item.sample.id: item.correction.value for item in space.store.answered(task.name)}
    listed = forgotten.read(space.root)
    for number, line, reason in manifest.read_journal(source, task.codec):
        try:
            if line is None:
                raise RushesError(reason)
            sample, value, is_brought = _journal_line(space, listed, source.parent, task, line)
        except RushesError as error:
            result.errors.append({"row": number, "reason": error.what})
            continue
        if sample.id in known and task.equal(known[sample.id], value):
            result.skipped += 1
            continue
        known[sample.id] = value
        result.imported += 1
        if is_brought:
            brought.append((sample, value))
        else:
            fresh.append(line)
    if fresh:
        space.store.append_lines(task.name, fresh)
    if brought:
        loop.correct(space, brought, picked_by="own", label_source="imported")
    elif fresh:
        loop.maybe_train(space, task.name)
    return result


def _journal_line(
    space: Workspace, listed: Forgotten, folder: Path, task: Task, line: Json
) -> tuple[Sample, Value, bool]:
    """What a line is about, its answer, and whether the sample's file came with it.

    Raises:
        RushesError: it was forgotten here, or its file cannot be judged.
    """
    sample, said = task.codec.decode(line)
    if listed and listed.has(sample.id, line.get("sample"), line.get("media_hash")):
        raise RushesError("was forgotten here")
    # What a seed's model had said stays with its line, and so does an id of ours.
    is_bare = said.predicted is None and said.llm is None and "sample" not in line
    file = _beside(folder, sample.media) if is_bare else None
    if file is None:
        return sample, said.value, False
    try:
        return _with_file(space, task, sample, file), said.value, True
    except RushesError as error:
        raise RushesError(f"{sample.media}: {error.what}") from None


def _beside(folder: Path, media: str | None) -> Path | None:
    """The file a line names, where it lies below the journal's folder."""
    try:
        path = inside(folder, media or "")
        return path if path.is_file() else None
    except (StoreError, OSError):
        return None


def _with_file(space: Workspace, task: Task, said: Sample, path: Path) -> Sample:
    """The sample of a line's file, with what the line says of it.

    Raises:
        RushesError: the file cannot be judged, or was forgotten here.
    """
    named: dict[str, Any] = said.extra.get("metadata", {})
    speaker, context = (
        own or (named[name] if isinstance(named.get(name), str) else None)
        for name, own in (("speaker", said.speaker), ("context", said.context))
    )
    about = About(source=said.source, speaker=speaker, context=context)
    found = intake.admit(space, path, task, about, keep_in=space.kept(task.medium))
    sample = next(part for part in found if isinstance(part, Sample))
    return replace(sample, extra=sample.extra | said.extra)
