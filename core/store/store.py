"""Journals and catalog behind one door. A write is durable in its journal first; the catalog follows from it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from core.errors import StoreError
from core.files import private_dir
from core.store import queries
from core.store.catalog import Catalog
from core.store.codec import Codec
from core.store.identity import new_id
from core.store.journal import Journal
from core.store.lines import Op, dress, mark, prediction_event, sample_event
from core.store.queries import SampleRow
from core.store.records import Answered, Correction, Json, Prediction, PredictionKind, Sample, SampleState
from core.store.replay import EVENTS, Replay
from core.store.statistics import statistics


class Store:
    """Everything that is remembered of a workspace. Safe for several threads and processes.

    Args:
        root: the workspace folder.
        codecs: the tasks' journal codecs by journal file name.
    """

    def __init__(self, root: Path, codecs: Mapping[str, Codec]) -> None:
        self.root = root
        try:
            folder = private_dir(root / "training_data")
        except OSError as error:
            raise StoreError(f"cannot be made ({error.strerror})", where=root / "training_data") from None
        self.codecs = codecs
        self.journals = {name: Journal(folder / name) for name in (EVENTS, *sorted(codecs))}
        self.catalog = Catalog(root / "rushes.db")
        self.replay = Replay(self.catalog, self.journals, codecs)
        self.refresh()

    def refresh(self) -> None:
        """Take in what other processes appended or users dropped in."""
        self.replay.refresh()

    def rebuild(self) -> dict[str, int]:
        """Make the catalog again from the journals; returns row counts."""
        self.replay.rebuild()
        with self.catalog.read() as db:
            return {
                name: db.table(name).count for name in ("samples", "predictions", "corrections", "answers", "events")
            }

    def close(self) -> None:
        """Close the catalog."""
        self.catalog.close()

    # --- writing -------------------------------------------------------------------------------------------------

    def _append(self, journal: str, lines: Sequence[Json]) -> None:
        if lines:
            self.journals[journal].append(lines)
            self.refresh()

    def _journal_of(self, task: str) -> str:
        return next(name for name, codec in self.codecs.items() if codec.task == task)

    def add_samples(self, samples: Sequence[Sample]) -> None:
        """Journal captured samples."""
        self._append(EVENTS, [sample_event(sample) for sample in samples])

    def add_predictions(self, predictions: Sequence[Prediction]) -> None:
        """Journal predictions."""
        self._append(EVENTS, [prediction_event(prediction) for prediction in predictions])

    def add_corrections(self, rows: Sequence[tuple[Sample, Correction]]) -> None:
        """Journal corrections of one user action: one batch per task, counted whole or not at all."""
        for task in sorted({sample.task for sample, _ in rows}):
            name = self._journal_of(task)
            mine = [row for row in rows if row[0].task == task]
            self._append(name, [dress(self.codecs[name], sample, truth, len(mine)) for sample, truth in mine])

    def append_lines(self, task: str, lines: Sequence[Json]) -> None:
        """Journal lines of a seed's own system as they are."""
        self._append(self._journal_of(task), lines)

    def undo(self, task: str, batch: str) -> None:
        """Take a user action back; what was valid before it is valid again."""
        self._mark(task, "undo", [{"undoes": batch}])

    def delete(self, task: str, samples: Sequence[str]) -> str:
        """Hide samples from lists and training; returns the batch, which undo takes."""
        return self._mark(task, "delete", [{"sample": sample} for sample in samples])

    def clear(self, task: str) -> str:
        """Hide everything answered of a task (seed 002's clearing); returns the batch, which undo takes."""
        return self.delete(task, [item.sample.id for item in self.answered(task)])

    def _mark(self, task: str, op: Op, whats: Sequence[dict[str, str]]) -> str:
        batch, at = new_id(), time.time()
        self._append(
            self._journal_of(task), [mark(op, batch=batch, batch_n=len(whats), at=at, **what) for what in whats]
        )
        return batch

    def note(self, kind: str, payload: Json) -> None:
        """Journal any other event: consent, a deployment, a label list."""
        self._append(EVENTS, [{"kind": kind, **payload}])

    # --- reading -------------------------------------------------------------------------------------------------

    def events(self, kind: str) -> list[Json]:
        """Events of a kind, oldest first."""
        with self.catalog.read() as db:
            found = queries.rows(db, "select payload from events where kind = ? order by start", [kind])
        return [json.loads(row["payload"]) for row in found]

    def _samples(self, where: str, values: Sequence[str]) -> list[Sample]:
        with self.catalog.read() as db:
            return [queries.to_sample(row) for row in queries.rows(db, f"select * from samples where {where}", values)]

    def sample(self, identity: str) -> Sample | None:
        """The sample of that id."""
        return next(iter(self._samples("id = ?", [identity])), None)

    def samples_like(self, start: str) -> list[Sample]:
        """Samples whose id begins like this."""
        return self._samples("substr(id, 1, length(?)) = ? limit 3", [start, start])

    def samples_of_media(self, task: str, media_hash: str) -> list[Sample]:
        """Samples made of a file with these bytes, in order of their start."""
        return self._samples("task = ? and media_hash = ? order by start_s", [task, media_hash])

    def samples(
        self,
        task: str,
        *,
        state: SampleState | None = None,
        limit: int = 100,
        offset: int = 0,
        newest_first: bool = True,
    ) -> list[SampleRow]:
        """Samples with their state, answer and newest prediction."""
        with self.catalog.read() as db:
            return queries.listed(db, task, state=state, limit=limit, offset=offset, newest_first=newest_first)

    def answered(self, task: str, *, with_media: bool = False) -> list[Answered]:
        """Valid answers in journal order; with `with_media` only those whose clip is there."""
        with self.catalog.read() as db:
            return queries.answered(db, self.root, task, with_media=with_media)

    def count_answered(self, task: str) -> int:
        """How many samples of a task have a valid answer."""
        with self.catalog.read() as db:
            return db.execute("select count(*) from answers where task = ?", [task]).fetchone()[0]

    def predictions(self, sample: str) -> list[Prediction]:
        """All predictions on a sample, oldest first."""
        with self.catalog.read() as db:
            found = queries.rows(db, "select * from predictions where sample = ? order by start", [sample])
        return [queries.to_prediction(row) for row in found]

    def latest(self, sample: str, kind: PredictionKind = "model") -> Prediction | None:
        """The newest prediction of a kind on a sample."""
        with self.catalog.read() as db:
            return queries.latest(db, sample, kind)

    def statistics(self, task: str) -> Json:
        """Numbers over the task's answers."""
        return statistics(self.root, task, self.answered(task))

    def problems(self) -> list[str]:
        """What was found damaged, as sentences: nothing readable was lost by any of it."""
        found: list[str] = []
        if self.catalog.was_damaged:
            found.append(f"the catalog was damaged; it was moved to {self.catalog.was_damaged.name} and made again")
        with self.catalog.read() as db:
            bad = queries.rows(db, "select journal, start, reason from bad_lines order by journal, start limit 20")
            torn = queries.rows(db, "select batch, lines, seen from batches where seen < lines limit 20")
        found += [f"{row['journal']}: the line at byte {row['start']} {row['reason']}; it is ignored" for row in bad]
        found += [f"a batch has {row['seen']} of its {row['lines']} lines; it does not count" for row in torn]
        torn_files = [journal.torn for journal in self.journals.values() if journal.torn.exists()]
        found += [f"a torn last line was set aside in training_data/{path.name}" for path in torn_files]
        return found
