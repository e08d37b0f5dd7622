"""Erases samples from the journals, what was set aside beside them, and the catalog with its free pages.

A journal is rewritten under its lock. Of a batch that loses lines the others say the smaller number, so it still
counts; an undo of a batch that is gone goes too, and so on, so what remains means what it meant.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from core.errors import StoreError
from core.files import write_atomic
from core.gone import DROPPED, Gone
from core.store import lines
from core.store.codec import Codec
from core.store.identity import seed_id
from core.store.journal import Journal
from core.store.records import Json
from core.store.store import EVENTS, Store

if TYPE_CHECKING:
    from sqlite_utils import Database


SEED_NAMES = (("id",), ("video_path",), ("videoId", "sceneId"), ("framePath",))
OWN_WORD = 8  # signs; what cannot be read as a line goes by its words only if these are hardly anybody else's


class Place(Protocol):
    """What this room needs of a workspace."""

    @property
    def root(self) -> Path: ...

    @property
    def store(self) -> Store: ...


def erase(space: Place, gone: Gone) -> list[str]:
    """Erase samples from journals and catalog; see `core.gone`.

    Raises:
        StoreError: a file cannot be written, or another process holds the catalog.
    """
    store = space.store
    spoken = replace(gone, words=frozenset(word for word in gone.words if len(word) >= OWN_WORD))
    named = [f"training_data/{codec.journal}" for codec in store.codecs.values() if _corrections(store, codec, spoken)]
    if _events(store.journals[EVENTS], spoken):
        named.append(f"training_data/{EVENTS}")
    named += [_name(space, path) for path in _torn(space.root / "training_data", spoken)]
    for path in sorted(space.root.glob("rushes.db.damaged-*")):  # the journals hold all that was in them
        path.unlink(missing_ok=True)
        named.append(_name(space, path))
    store.refresh()
    if _catalog(store, gone) or named:
        named.append("rushes.db")
    vacuum(store)
    return named


def _name(space: Place, path: Path) -> str:
    return path.relative_to(space.root).as_posix()


def about(codec: Codec, line: Json) -> str | None:
    """The sample that a line of a task's journal is about; None for an undo and for what cannot be told.

    A seed's line that is passed over has the id it would have if it could be used.
    """
    return _said(codec, line) or _implied(codec, line)


def _said(codec: Codec, line: Json) -> str | None:
    if isinstance(line.get("sample"), str):
        return line["sample"]
    try:
        return lines.undress(codec, line).about
    except ValueError:
        return None


def _implied(codec: Codec, line: Json) -> str | None:
    return next((seed_id(codec.task, names) for names in seed_names(line)), None)


def seed_names(line: Json) -> Iterator[tuple[str, ...]]:
    """What a seed's line calls its sample, the fields that make its id first."""
    for fields in SEED_NAMES:
        found = [line.get(name) for name in fields]
        if all(isinstance(name, str | int) and name != "" for name in found):
            yield tuple(map(str, found))


def _corrections(store: Store, codec: Codec, gone: Gone) -> bool:
    return _rewritten(store.journals[codec.journal], lambda: _Answers(codec, gone), gone)


class _Answers:
    """What becomes of the lines of a task's journal, once it has looked at all of them."""

    def __init__(self, codec: Codec, gone: Gone) -> None:
        self.codec, self.gone = codec, gone
        self.rest = Counter[str]()  # lines of each batch that stay
        self.lost = Counter[str]()  # and that go

    def look(self, found: Iterable[Json]) -> None:
        undos: list[tuple[str, str]] = []
        for line in found:
            batch = str(line.get("batch"))
            (self.lost if self._goes(line) else self.rest)[batch] += 1
            if line.get("op") == "undo":
                undos.append((batch, str(line.get("undoes"))))
        for batch, target in undos:  # in the file's order: an undo of an undo comes later
            if self._is_lost(target):
                self.rest[batch] -= 1
                self.lost[batch] += 1

    def change(self, line: Json) -> Json | None:
        batch = str(line.get("batch"))
        if self._goes(line) or (line.get("op") == "undo" and self._is_lost(batch)):
            return None
        kept = _pruned(line, self.gone) if self.gone.in_value(line) else line
        kept = line if kept == line else kept
        if self.lost[batch] and isinstance(line.get("batch_n"), int):
            return kept | {"batch_n": max(1, line["batch_n"] - self.lost[batch])}
        return kept

    def _is_lost(self, batch: str) -> bool:
        return self.lost[batch] > 0 and self.rest[batch] <= 0

    def _goes(self, line: Json) -> bool:
        sample = _said(self.codec, line)
        if sample is None and line.get("op") != "undo":
            return _implied(self.codec, line) in self.gone.samples or self.gone.without(line) is DROPPED
        return sample in self.gone.samples or line.get("media_hash") in self.gone.hashes


def _pruned(value: Any, gone: Gone) -> Any:
    """A record of a sample that stays, without the fields that name one that goes."""
    if isinstance(value, dict):
        pairs = cast("Json", value).items()
        return {name: _pruned(part, gone) for name, part in pairs if not (isinstance(part, str) and gone.named(part))}
    if isinstance(value, list):
        parts = cast("list[Any]", value)
        return [_pruned(part, gone) for part in parts if not (isinstance(part, str) and gone.named(part))]
    return value


def _events(journal: Journal, gone: Gone) -> bool:
    return _rewritten(journal, lambda: _Happenings(gone), gone)


class _Happenings:
    """What becomes of the lines of events.jsonl."""

    def __init__(self, gone: Gone) -> None:
        self.gone = gone
        self.chained: set[str] = set()  # entries of the publishing queue whose first line went

    def look(self, found: Iterable[Json]) -> None:
        pass

    def change(self, line: Json) -> Json | None:
        kind, identity = line.get("kind"), line.get("id")
        if kind == "sample":
            if identity in self.gone.samples or line.get("media_hash") in self.gone.hashes:
                return None
            clean = _pruned(line, self.gone) if self.gone.in_value(line) else line
            return line if clean == line else clean
        if isinstance(identity, str) and identity in self.chained:
            return None
        if not self.gone.in_value(line):
            return line
        clean: Any = self.gone.without(line)
        if clean is DROPPED or _hollow(line, clean):
            if kind != "prediction" and isinstance(identity, str):
                self.chained.add(identity)
            return None
        return line if clean == line else clean


def _hollow(before: Json, after: Json) -> bool:
    """Whether an object or a list that an event is about was lost altogether."""
    return any(before[name] and not after.get(name) for name in before if isinstance(before[name], dict | list))


class _Plan(Protocol):
    def look(self, found: Iterable[Json]) -> None: ...

    def change(self, line: Json) -> Json | None: ...


def _rewritten(journal: Journal, plan: Callable[[], _Plan], gone: Gone) -> bool:
    """Rewrite a journal; one that does not name the samples is left alone, since rewriting costs a full replay."""

    def spoilt(raw: bytes) -> bool:
        text = raw.decode("utf-8", "replace")
        return gone.named(text) or gone.quoted(text)

    if not journal.path.exists() or not _changes(journal, plan()):
        return False
    # Planned anew under the lock: others may have appended meanwhile.
    anew = plan()
    journal.rewrite(anew.change, look=anew.look, spoilt=spoilt)
    return True


def _changes(journal: Journal, plan: _Plan) -> bool:
    """Whether a line would change; an unreadable one may."""
    with journal.snapshot() as shot:
        plan.look(line.data for line in shot.lines() if line.data is not None)
        return any(line.data is None or plan.change(line.data) is not line.data for line in shot.lines())


def _torn(folder: Path, gone: Gone) -> list[Path]:
    """Set-aside rests of interrupted writes: what names or quotes a sample goes."""
    found: list[Path] = []
    for path in sorted(path for path in folder.glob("*.torn") if path.is_file()):
        raw = path.read_bytes().split(b"\n")
        texts = [part.decode("utf-8", "replace") for part in raw]
        kept = [part for part, text in zip(raw, texts, strict=True) if not gone.named(text) and not gone.quoted(text)]
        if len(kept) == len(raw):
            continue
        found.append(path)
        if any(part.strip() for part in kept):
            write_atomic(path, b"\n".join(kept))
        else:
            path.unlink()
    return found


def _catalog(store: Store, gone: Gone) -> bool:
    """Rows that no journal makes: what trainings learnt from, and what jobs and the scheduler said."""
    with store.catalog.write() as db:
        before = db.conn.total_changes
        marks = json.dumps(sorted(gone.samples))
        db.conn.execute(
            "DELETE FROM model_training_snapshot_labels WHERE snapshot_id IN (SELECT value FROM json_each(?))", [marks]
        )
        for table, key, columns in (
            ("jobs", "job_id", ("params_json", "metrics_json", "error", "name")),
            ("model_training_runs", "id", ("params_json", "notes")),
            ("schedule_state", "name", ("last_error",)),
        ):
            _columns(db, table, key, columns, gone)
        return db.conn.total_changes > before


def _columns(db: Database, table: str, key: str, columns: tuple[str, ...], gone: Gone) -> None:
    for row in db.conn.execute(f"SELECT {key}, {', '.join(columns)} FROM {table}").fetchall():
        for name, text in zip(columns, row[1:], strict=True):
            if isinstance(text, str) and (clean := _clean(text, gone)) != text:
                db.conn.execute(f"UPDATE {table} SET {name} = ? WHERE {key} = ?", [clean, row[0]])


def _clean(text: str, gone: Gone) -> str | None:
    if not gone.named(text) and not gone.quoted(text):
        return text
    try:
        value: Any = json.loads(text)
    except ValueError:
        return None
    clean = gone.without(value)
    if isinstance(clean, dict) and "notes" in clean:
        notes = gone.without(clean["notes"], words=True)
        clean = cast("Json", clean) | {"notes": [] if notes is DROPPED else notes}
    return None if clean is DROPPED else json.dumps(cast("Json", clean))


def vacuum(store: Store) -> None:
    """Make the catalog's file anew without its free pages, in which deleted rows lie.

    Raises:
        StoreError: another process holds it.
    """
    with store.catalog.read() as db:
        try:
            db.conn.execute("PRAGMA secure_delete = ON")
            db.conn.execute("VACUUM")
        except sqlite3.OperationalError as error:
            raise StoreError(
                f"cannot be cleaned now ({error})",
                where=store.catalog.path,
                do="Close what else uses the workspace, then: rushes forget --finish",
            ) from None
