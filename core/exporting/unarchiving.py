"""A data set's archive into this workspace: its answers with their clips, in one batch, and its versions if wanted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from core import foreign, loop, registry, tasks
from core.capture import intake
from core.capture.consent import give_consent, require_consent
from core.errors import RushesError
from core.exporting import folder
from core.exporting.archive import INDEX
from core.exporting.items import KEPT, Stop, chosen, never, silent
from core.exporting.lines import objects
from core.exporting.unpacking import Unpacked, unpack
from core.files import copy_private
from core.importing import Imported, define_labels
from core.media.clip import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from core.store import fields, forgotten
from core.store.records import Correction, Json, Sample
from core.tasks.base import ModelSpec, Task
from core.training.gates import is_answer
from core.versions import cards
from core.workspace import Workspace

SAMPLE = {name: kind for name, kind in fields.SAMPLE.items() if name not in ("media", "media_hash")}
# Which version answered, and how the question came up, are facts of the other workspace.
CORRECTION = {name: kind for name, kind in fields.CORRECTION.items() if name not in ("batch", "version", "picked_by")}
Row = tuple[Sample, Correction]
HASH = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Line:
    """A journal's line with what the index says of it."""

    number: int
    said: Json
    facts: Json


def take(
    space: Workspace,
    source: Path,
    *,
    task: str | None = None,
    versions: bool = False,
    add_labels: bool = False,
    consent: bool = False,
    progress: Callable[[int, str], None] = lambda _done, _name: None,
    stop: Stop = never,
) -> Imported:
    """Import an archive; a wrong line is named and the others are taken.

    Args:
        versions: take its versions too, as imported ones; they answer only once they are deployed.
        consent: agree that clips of faces are kept.

    Raises:
        RushesError: it is no data set, holds more than the limits allow, or consent is missing; nothing was taken.
    """
    space.require_writable()
    result = Imported()
    with folder.workbench(space) as bench, ExitStack() as undo:
        found = unpack(source, bench, space.settings.limits, report=silent, stop=stop)
        lines = {name: list(_lines(space, found, tasks.get(name), result)) for name in chosen(task)}
        for name in (name for name, there in lines.items() if there and tasks.get(name).keeps_face):
            if consent:
                give_consent(space, name, by="--consent")
            require_consent(space, name)
        done = 0
        rows: list[Row] = []
        for name, there in lines.items():
            taker = _Taker(space, found, tasks.get(name), there, result, add_labels=add_labels, undo=undo)
            mine: list[Row] = []
            for line in there:
                done += 1
                progress(done, name)
                mine += taker.row(line)
            if mine:
                taker.define_labels()
            rows += mine
        if rows:
            space.store.add_corrections(rows)
        undo.pop_all()
        if versions:
            _versions(space, found, chosen(task), source, result)
    for name in {sample.task for sample, _ in rows}:
        loop.settle(space, name)
        loop.maybe_train(space, name)
    return result


def _lines(space: Workspace, found: Unpacked, task: Task, result: Imported) -> Iterator[Line]:
    """The lines of a task's journal, those that cannot be read named in the result."""
    name = f"training_data/{task.codec.journal}"
    if not (path := found.path(name)):
        if (found.folder / name).is_file():
            result.errors.append({"row": 0, "reason": f"{name} is not what the archive's manifest says"})
        return
    most, about = space.settings.limits.line_mb, dict[int, Json]()
    index = found.path(INDEX)
    for _, line, _ in objects(index, most) if index else ():
        if line and line.get("task") == task.name and isinstance(line.get("line"), int):
            about[line["line"]] = line
    for number, line, reason in objects(path, most):
        if line is None:
            result.errors.append({"row": number, "reason": f"{task.codec.journal}: {reason}"})
        else:
            yield Line(number, line, about.get(number, {}))


class _Taker:
    """Turns the lines of one task into samples of this workspace."""

    def __init__(
        self, space: Workspace, found: Unpacked, owner: Task, lines: list[Line], result: Imported, *,
        add_labels: bool, undo: ExitStack,
    ) -> None:  # fmt: skip
        self.space, self.found, self.owner, self.result, self.undo = space, found, owner, result, undo
        self.known = {item.sample.id: item.correction.value for item in space.store.answered(owner.name)}
        self.is_first = not self.known
        self.kept: dict[str, str] = {}
        self.forgotten = forgotten.read(space.root)
        self.spec = self._spec(lines, add_labels)

    def _spec(self, lines: list[Line], add_labels: bool) -> ModelSpec:
        spec = registry.current_spec(self.space, self.owner)
        if self.owner.kind != "label" or not lines or (self.known and not add_labels):
            return spec
        theirs = self.found.manifest.labels.get(self.owner.name) or sorted(self._written(lines))
        labels = tuple(dict.fromkeys((*spec.labels, *theirs) if self.known else theirs))
        return spec.model_copy(update={"labels": labels})

    def define_labels(self) -> None:
        """Make the archive's labels the task's own, once an answer came in."""
        if self.owner.kind == "label":
            define_labels(self.space, self.owner, self.spec, self.result, is_first=self.is_first)

    def _written(self, lines: list[Line]) -> set[str]:
        found: set[str] = set()
        for line in lines:
            try:
                found.add(str(self.owner.codec.decode(line.said)[1].value))
            except ValueError:
                continue
        return found

    def row(self, line: Line) -> list[Row]:
        """The line's sample and answer; none where it is known or wrong, which the result says."""
        try:
            sample, said = self._read(line)
            if not is_answer(self.owner, said.value, self.spec):
                raise ValueError(f"{str(said.value)[:60]!r} is no answer that {self.owner.name} knows")
            if sample.id in self.known and self.owner.equal(self.known[sample.id], said.value):
                self.result.skipped += 1
                return []
            placed = replace(sample, **self._media(sample, line))
        except (ValueError, RushesError) as error:
            reason = error.sentence() if isinstance(error, RushesError) else str(error)
            self.result.errors.append({"row": line.number, "reason": f"{self.owner.codec.journal}: {reason}"})
            return []
        self.known[sample.id] = said.value
        self.result.imported += 1
        return [(placed, said)]

    def _read(self, line: Line) -> Row:
        sample, said = self.owner.codec.decode(line.said)
        about, answer = _object(line.facts, "sample"), _object(line.facts, "answer")
        if about:
            known = fields.present(about, SAMPLE)
            extra = sample.extra | known.pop("extra", {})
            sample = replace(sample, **(known | {"id": fields.text(about, "id"), "extra": extra}))
        said = replace(said, id="", batch="", sample=sample.id, picked_by="own", **fields.present(answer, CORRECTION))
        if not answer:
            return sample, replace(said, label_source="imported")
        if "predicted" not in answer and "llm" not in answer:
            said = replace(said, was_correct=None)  # the seed's field may not be null, but nothing was judged
        return sample, said

    def _media(self, sample: Sample, line: Line) -> dict[str, Any]:
        """Where the clip lies now: copied in, unless the workspace has it."""
        about = _object(line.facts, "sample")
        name, said = about.get("file"), about.get("media_hash")
        content = self.found.manifest.files.get(name) if isinstance(name, str) else None
        digest = content.sha256 if content else said if isinstance(said, str) and HASH.fullmatch(said) else None
        if self.forgotten.has(sample.id, digest):
            raise ValueError("was forgotten here")
        there = self.space.store.sample(sample.id)
        if there and there.media_hash and digest and there.media_hash != digest:
            raise ValueError("another sample has its id")
        if there and there.media and (self.space.root / there.media).is_file():
            return {"media": there.media, "media_hash": there.media_hash}
        if not isinstance(name, str) or content is None:
            return {"media": None, "media_hash": digest}  # its file may be here, or come later
        if name not in self.kept:
            self.kept[name] = self._copied(name)
        return {"media": self.kept[name], "media_hash": digest}

    def _copied(self, name: str) -> str:
        from core.media.decode import probe

        path = self.found.path(name)
        if path is None:
            raise ValueError(f"its clip {name} is damaged or missing")
        if path.suffix.lower() not in IMAGE_SUFFIXES | VIDEO_SUFFIXES or not name.startswith("training_data/"):
            raise ValueError(f"its clip {name} is not a video or an image")
        probe(path)
        target = intake.claim(self.space.data / KEPT[self.owner.medium], path.suffix.lower())
        self.undo.callback(target.unlink, missing_ok=True)
        copy_private(path, target)
        return target.relative_to(self.space.root).as_posix()


def _object(line: Json, name: str) -> Json:
    found = line.get(name)
    return cast("Json", found) if isinstance(found, dict) else {}


def _versions(space: Workspace, found: Unpacked, names: tuple[str, ...], source: Path, result: Imported) -> None:
    """Take the archive's versions as imported ones; those that are here already are passed by."""
    for name in names:
        here = {digest for known in cards(space, name) for digest in known.sha256.values()}
        for path in sorted((found.folder / "models" / name).glob("model_v*.onnx")):
            inner = f"models/{name}/{path.name}"
            listed = found.manifest.files.get(inner)
            if listed and listed.sha256 in here:
                continue
            try:
                if not found.sound(inner):
                    raise RushesError("is not what the archive's manifest says")
                called = f"{source.stem} {path.stem.removeprefix('model_')}"
                known = foreign.import_model(space, path, name, foreign.Agreement(name=called))
                result.notes.append(f"{name} {known.version}: {called}")
            except RushesError as error:
                result.errors.append({"row": 0, "reason": f"{inner}: {error.what}"})
