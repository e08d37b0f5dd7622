"""Journals and catalog behind one door. A write is durable in its journal first; the catalog follows from it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.errors import StoreError
from core.files import private_dir
from core.log import logger
from core.store import events, lines, queries
from core.store.catalog import Catalog, UnwritableError
from core.store.codec import Codec
from core.store.forgotten import Forgotten, Hidden, forgotten_meanwhile
from core.store.identity import new_id
from core.store.journal import Journal
from core.store.mirror import Mirror
from core.store.places import Places
from core.store.records import (
    Answered,
    Correction,
    Json,
    Lineage,
    Prediction,
    PredictionKind,
    Rivals,
    Sample,
    SampleRow,
    SampleState,
)
from core.store.statistics import statistics
from core.store.tables import Corrections, Events, is_about

EVENTS = "events.jsonl"
MOST_PROBLEMS = 100  # of one kind, shown


class Store:
    """Everything that is remembered of a workspace. Safe for several threads and several processes.

    Args:
        root: the workspace folder.
        codecs: the tasks' journal codecs by journal file name.
    """

    def __init__(self, root: Path, codecs: Mapping[str, Codec]) -> None:
        self.root = root
        self.codecs = {codec.task: codec for codec in codecs.values()}
        with suppress(OSError):  # reading may still work; writing says what is wrong
            private_dir(root / "training_data")
        names = [EVENTS, *sorted(codecs)]
        self.journals = {name: Journal(root / "training_data" / name) for name in names}
        self.catalog = Catalog(root / "rushes.db")
        self._hidden = hidden = Hidden(root)
        tables = {EVENTS: Events(hidden), **{name: Corrections(codec, hidden) for name, codec in codecs.items()}}
        self.mirror = Mirror(self.catalog, self.journals, tables)
        self._notes: list[str] = []
        try:
            self.refresh()
        except UnwritableError as error:  # a full disk must not keep anybody from what is on it
            self.catalog.give_up(error)
            self.refresh()

    def refresh(self) -> bool:
        """Take in what other processes appended or users dropped in; returns whether there was anything."""
        return self.mirror.refresh()

    def rebuild(self) -> Json:
        """Make the catalog again from the journals; returns how many rows came of it."""
        self.mirror.rebuild()
        return self.mirror.ask(queries.counts)

    def close(self) -> None:
        """Close the catalog."""
        self.catalog.close()

    # Writing

    def add_samples(self, samples: Sequence[Sample]) -> None:
        """Keep captured samples."""
        self._append(EVENTS, [events.sample_event(sample) for sample in samples])

    def add_predictions(self, predictions: Sequence[Prediction]) -> None:
        """Keep predictions beside all earlier ones; those on samples that were forgotten meanwhile are dropped."""
        self._append(EVENTS, [events.prediction_event(prediction) for prediction in predictions], drop=True)

    def add_corrections(self, rows: Sequence[tuple[Sample, Correction]]) -> None:
        """Keep the answers of one user action: per task one batch, which counts whole or not at all.

        Raises:
            StoreError: an answer is not one of its task, and nothing was kept; or a sample was forgotten, or a journal
                cannot be written, and of that task and those behind it in the alphabet nothing was.
        """
        batch = next((truth.batch for _, truth in rows if truth.batch), "") or new_id()
        dressed = {task: self._dressed(task, batch, rows) for task in sorted({sample.task for sample, _ in rows})}
        for task, found in dressed.items():
            self._append(self.codecs[task].journal, found)

    def _dressed(self, task: str, batch: str, rows: Sequence[tuple[Sample, Correction]]) -> list[Json]:
        mine = [row for row in rows if row[0].task == task]
        found: list[Json] = []
        for sample, truth in mine:
            whole = replace(truth, batch=batch, id=truth.id or new_id(), at=truth.at or time.time())
            try:
                found.append(lines.dress(self._codec(task), sample, whole, len(mine)))
            except ValueError as error:
                raise StoreError(str(error), where=sample.media or sample.id) from None
        return found

    def append_lines(self, task: str, found: Sequence[Json]) -> None:
        """Keep lines of a seed's own system as they are."""
        self._append(self._codec(task).journal, found)

    def undo(self, task: str, batch: str) -> str:
        """Take an action back (an undo too); what was valid before it is valid again.

        Returns:
            The undo's own batch.

        Raises:
            StoreError: there is no such action, or it was taken back already.
        """
        self.refresh()
        valid = self.mirror.ask(lambda db: queries.counts_as_valid(db, task, batch))
        if not valid:
            what = "there is no such action to undo" if valid is None else "the action was undone already"
            raise StoreError(what, where=f"{task} {batch}")
        return self._mark(task, "undo", [{"undoes": batch}])

    def batches(self, task: str, limit: int = 20) -> list[str]:
        """The user's actions that an undo could take back, newest first."""
        return self.mirror.ask(lambda db: queries.valid_batches(db, task, limit))

    def delete(self, task: str, samples: Sequence[str]) -> str:
        """Hide samples from lists and training; returns the batch, which undo takes."""
        return self._mark(task, "delete", [{"sample": sample} for sample in dict.fromkeys(samples)])

    def clear(self, task: str) -> str:
        """Hide everything answered of a task (seed 002's clearing); returns the batch, which undo takes."""
        return self.delete(task, [item.sample.id for item in self.answered(task)])

    def skip(self, task: str, samples: Sequence[str], reason: str = "", *, skipped: bool = True) -> None:
        """Set unanswered samples aside, or with `skipped=False` put them back into the queue."""
        what: Json = {"kind": "skip", "task": task, "skipped": skipped, "reason": reason, "at": time.time()}
        self._append(EVENTS, [what | {"sample": sample} for sample in samples])

    def note(self, kind: str, payload: Json) -> None:
        """Keep any other event: consent, a deployment, a label list. `at` is added where the payload has none."""
        if kind in events.RESERVED or not kind:
            raise ValueError(f"{kind!r} events have their own methods")
        self._append(EVENTS, [{"kind": kind, "at": time.time()} | payload | {"kind": kind}])

    def _mark(self, task: str, op: lines.Op, whats: Sequence[dict[str, str]]) -> str:
        batch, at = new_id(), time.time()
        marks = [lines.mark(op, batch=batch, batch_n=len(whats), at=at, **what) for what in whats]
        self._append(self._codec(task).journal, marks)
        return batch

    def _append(self, journal: str, found: Sequence[Json], *, drop: bool = False) -> None:
        if not found:
            return

        def sift(lines: Sequence[Json]) -> Sequence[bool]:
            """Under the journal's lock, which erasing takes too: what passes here is found and erased there."""
            listed = self.forgotten()
            kept = [not listed or not self._is_of(journal, line, listed) for line in lines]
            if not drop and not all(kept):
                raise forgotten_meanwhile()
            return kept

        for note in self.journals[journal].append(found, sift):
            logger.warning("%s", note)
            self._notes.append(note)
        try:
            self.refresh()
        except StoreError as error:  # it is saved; the catalog catches up with the next refresh
            logger.warning("saved, but %s", error)

    def _is_of(self, journal: str, line: Json, listed: Forgotten) -> bool:
        if is_about(line, listed):
            return True
        if journal == EVENTS or "sample" in line or line.get("op") == "undo":
            return False
        codec = next(codec for codec in self.codecs.values() if codec.journal == journal)
        try:
            return listed.has(lines.undress(codec, line).about)  # a line of a seed's own system
        except ValueError:
            return False

    def _codec(self, task: str) -> Codec:
        if task not in self.codecs:
            raise StoreError(f"there is no task called {task!r}", do=f"Tasks are {', '.join(sorted(self.codecs))}.")
        return self.codecs[task]

    # Reading

    def forgotten(self) -> Forgotten:
        """The list of what was forgotten, by any process; for asking about many at once."""
        return self._hidden.now()

    def forgot(self, *marks: str | None) -> bool:
        """Whether one of these ids or content hashes was forgotten, by any process."""
        return self.forgotten().has(*marks)

    def require_kept(self, samples: Iterable[Sample]) -> None:
        """See that none of these was forgotten.

        Raises:
            StoreError: one was.
        """
        if any(self.forgot(sample.id, sample.media_hash) for sample in samples):
            raise forgotten_meanwhile()

    def sample(self, identity: str) -> Sample | None:
        """The sample of that id, unless it was deleted."""
        return next(iter(self._samples("s.id = ? ORDER BY s.task", identity)), None)

    def samples_like(self, start: str) -> list[Sample]:
        """Up to three samples whose id begins like this."""
        return self._samples("s.id >= ? AND s.id < ? || char(1114111) ORDER BY s.id LIMIT 3", start, start)

    def samples_of_media(self, task: str, media_hash: str) -> list[Sample]:
        """Samples made of a file with these bytes, in order of their start."""
        return self._samples("s.task = ? AND s.media_hash = ? ORDER BY s.start_s, s.id", task, media_hash)

    def unjudged(self, task: str) -> list[Sample]:
        """Samples without an answer that no version was asked about, oldest first."""
        asked = "SELECT 1 FROM predictions p WHERE p.sample = s.id AND p.kind = 'model'"
        order = "s.captured_at, s.seen, s.first_line"
        return self._samples(f"s.task = ? AND s.state = 'pending' AND NOT EXISTS ({asked}) ORDER BY {order}", task)

    def _samples(self, where: str, *values: Any) -> list[Sample]:
        return self.mirror.ask(lambda db: queries.samples_where(db, Places(self.root), where, values))

    def samples(
        self,
        task: str,
        *,
        state: SampleState | None = None,
        limit: int = 100,
        offset: int = 0,
        newest_first: bool = True,
    ) -> list[SampleRow]:
        """Samples with their state, valid answer and newest prediction."""
        return self.mirror.ask(
            lambda db: queries.listed(
                db, Places(self.root), task, state=state, limit=limit, offset=offset, newest_first=newest_first
            )
        )

    def rows(self, task: str, samples: Sequence[str]) -> list[SampleRow]:
        """These samples with their state, valid answer and newest prediction; deleted ones are left out."""
        return self.mirror.ask(lambda db: queries.rows_of(db, Places(self.root), task, samples))

    def newest_of(self, samples: Sequence[str], kind: PredictionKind) -> dict[str, Prediction]:
        """The newest prediction of a kind on each of these samples that has one."""
        return self.mirror.ask(lambda db: queries.newest_of(db, samples, kind))

    def answered(self, task: str, *, with_media: bool = False) -> list[Answered]:
        """Valid answers in journal order; with `with_media` only those whose file is there."""
        return self.mirror.ask(lambda db: queries.answered(db, Places(self.root), task, with_media=with_media))

    def rivals(self, task: str, versions: Sequence[str]) -> list[Rivals]:
        """All answered samples in journal order with the newest answers of these versions."""
        return self.mirror.ask(lambda db: queries.rivals(db, task, versions))

    def lineage(self, task: str, versions: Sequence[str]) -> Lineage:
        """What these versions, and those they started from, have seen in training."""
        return self.mirror.ask(lambda db: queries.lineage(db, task, versions))

    def count_answered(self, task: str) -> int:
        """How many samples of a task have a valid answer."""
        return self.count(task, "answered")

    def count(self, task: str, state: SampleState) -> int:
        """How many samples of a task are in a state."""
        return self.mirror.ask(lambda db: queries.count(db, task, state))

    def newest_task(self) -> str | None:
        """The task of the sample captured last."""
        return self.mirror.ask(queries.newest_task)

    def predictions(self, sample: str) -> list[Prediction]:
        """All predictions on a sample, oldest first."""
        return self.mirror.ask(lambda db: queries.predictions(db, sample))[::-1]

    def latest(self, sample: str, kind: PredictionKind = "model") -> Prediction | None:
        """The newest prediction of a kind on a sample."""
        return next(iter(self.mirror.ask(lambda db: queries.predictions(db, sample, kind, 1))), None)

    def events(self, kind: str) -> list[Json]:
        """Events of a kind as they were noted, oldest first."""
        return self.mirror.ask(lambda db: queries.events(db, kind))

    def statistics(self, task: str) -> Json:
        """Numbers over the task's answers; see `core.store.statistics`."""
        pending, skipped = self.count(task, "pending"), self.count(task, "skipped")
        found, places = self.answered(task), Places(self.root)
        missing = sum(places.locate(item.sample.media) is None for item in found)
        return statistics(task, found, without_media=missing, pending=pending, skipped=skipped)

    def problems(self) -> list[str]:
        """What was found damaged, as sentences; whatever could be read was read."""
        found = self.mirror.ask(lambda db: queries.problems(db, MOST_PROBLEMS))
        return [*self.catalog.notes, *self._notes, *self.mirror.unreadable.values(), *found]
