"""Takes in whatever the user has: sees what a file is, and hands it to who reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from core import importing, tasks, untrusted
from core.capture.consent import give_consent, require_consent
from core.errors import WrongUseError
from core.exporting import labelstudio, pairs, unarchiving
from core.exporting.dataset import is_archive
from core.exporting.huggingface import METADATA, rows_of_folder
from core.exporting.items import Stop, never
from core.exporting.lines import fields_of
from core.importing import Imported
from core.manifest import BadRow, Row, is_journal
from core.tasks.base import Task
from core.workspace import Workspace

Progress = Callable[[int, str], None]


def run(
    space: Workspace,
    source: Path,
    task: str | None = None,
    *,
    renamed: Mapping[str, str] | None = None,
    add_labels: bool = False,
    versions: bool = False,
    consent: bool = False,
    progress: Progress = lambda _done, _name: None,
    stop: Stop = never,
) -> Imported:
    """Import a data set's archive, tasks exported by Label Studio, pairs of seed 003, a Hugging Face folder, and
    what `core.importing` knows: CSV manifests and the seeds' journals.

    Args:
        task: whose answers they are; an archive says it itself, and then only this task's are taken.
        versions: take an archive's versions too.

    Raises:
        WrongUseError: it cannot be read, or it is not said whose answers they are.
        RushesError: consent is missing.
    """
    source = source.absolute()  # rows name files beside it
    if not source.is_dir():
        untrusted.require_file(source)
    if is_archive(source):
        return unarchiving.take(
            space, source, task=task, versions=versions, add_labels=add_labels, consent=consent, progress=progress,
            stop=stop,
        )  # fmt: skip
    names = fields_of(source, space.settings.limits.line_mb) if is_journal(source) else frozenset[str]()
    owner = _owner(task, names)
    if consent:
        give_consent(space, owner.name, by="--consent")
    if {"input", "output"} <= names:
        return pairs.take_llm(space, source, owner)
    rows = _rows(space, source, owner, names)
    if rows is None:
        return importing.run(space, source, owner.name, renamed=renamed, add_labels=add_labels, progress=progress)
    space.require_writable()
    if owner.keeps_face:
        require_consent(space, owner.name)
    return importing.take(space, owner, list(rows), add_labels=add_labels, progress=progress)


def _rows(space: Workspace, source: Path, owner: Task, names: frozenset[str]) -> Iterator[Row | BadRow] | None:
    """The rows of a foreign format; None where it is none that is known here."""
    limits = space.settings.limits
    if source.is_dir():
        return rows_of_folder(source, owner, limits.line_mb)
    if "file_name" in names or source.name == METADATA:
        return rows_of_folder(source.parent, owner, limits.line_mb, only=source)
    if {"video", "text"} <= names:
        return pairs.rows(space, source, owner)
    if source.suffix.lower() == ".json":
        return labelstudio.rows(source, owner)
    return None


def _owner(task: str | None, names: frozenset[str]) -> Task:
    if task is None and ({"input", "output"} <= names or {"video", "text"} <= names):
        return tasks.get("speech")
    if task is None:
        raise WrongUseError("--task is missing", do=f"Whose answers are they? Tasks are {', '.join(tasks.names())}.")
    return tasks.get(task)
