"""One collection's vectors in FAISS, kept equal to the catalog by what was added and what went since last time.

The file it leaves in the cache only saves reading the catalog again: stamped, checked, and made anew where it is not
sound. It holds plain numbers, because FAISS's own reader is not made for files of unknown origin.
"""

from __future__ import annotations

import json
import os
import time
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from threading import RLock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.embeddings import checks, rows
from core.embeddings.facets import Facets
from core.embeddings.rows import Head, Label
from core.embeddings.types import Filters, Vector
from core.files import replacing
from core.log import logger
from core.store.catalog import Catalog

BLOCK = 5000  # rows read at once: no look at the catalog may keep a writer waiting
FORMAT = 1
HEADER = 4096  # bytes before the numbers
WORTH_SAVING = 0.05  # of the rows changed: below, catching up costs less than writing the file
FEW = 200
MANY, MOST_LABELS = 20, 200_000  # searches after which all labels are read at once, and for how many rows at most
TICK_NS = 100_000_000
_ADDED = (
    "SELECT id, vector FROM embeddings INDEXED BY embeddings_order WHERE collection = ? AND id > ? ORDER BY id LIMIT ?"
)
_LABELS = """SELECT id, key, metadata, sample, content FROM embeddings INDEXED BY embeddings_order
    WHERE collection = ? AND id > ? ORDER BY id LIMIT ?"""
_METADATA = """SELECT id, metadata FROM embeddings INDEXED BY embeddings_order
    WHERE collection = ? AND id > ? ORDER BY id LIMIT ?"""
_GONE = "SELECT seq, row FROM embeddings_gone WHERE collection = ? AND seq > ? ORDER BY seq LIMIT ?"

Stamp = tuple[int, int, int]
Ids = NDArray[np.int64]


def stamp_of(catalog: Catalog) -> Stamp | None:
    """Inode, size and time of the catalog's file; None where there is none to look at."""
    if catalog.in_memory:
        return None
    try:
        found = os.stat(catalog.path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


class Index:
    """IndexIDMap2 over IndexFlatIP of unit vectors: the inner product is the cosine. Safe for several threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = RLock()
        self._faiss: Any = None  # faiss.IndexIDMap2, which has no usable type stubs
        self._head: Head | None = None
        self._stamp: Stamp | None = None  # the catalog's file when it was last equal to this
        self._gone = 0  # the last mark of a removed row that was read
        self._labels: dict[int, Label] = {}
        self._facets = Facets()
        self._searches = 0
        self._changed = 0  # rows that differ from the file
        self._ids: Ids = np.empty(0, np.int64)  # (N,) ascending: rows are added in the order of their ids
        self._units: Vector = np.empty((0, 0), np.float32)  # (N, D): FAISS's own memory, not a copy

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def numbers(self) -> int:
        """How many it holds."""
        return self._units.size

    def current(self, catalog: Catalog) -> Head | None:
        """The state it is in, if the catalog's file was not written since; a `stat` instead of a question."""
        return self._head if self._stamp is not None and self._stamp == stamp_of(catalog) else None

    def doubt(self) -> None:
        """Ask the catalog next time."""
        self._stamp = None

    def sync(self, catalog: Catalog, head: Head, stamp: Stamp | None = None) -> None:
        """Bring it to the state of `head` or a later one; `stamp` is the catalog's from before `head` was read."""
        with self.lock:
            # Two writes within one tick of the file system's clock leave the same stamp.
            self._stamp = stamp if stamp is not None and time.time_ns() - stamp[2] > TICK_NS else None
            if self._head == head:
                return
            is_same = self._head is not None and (*self._head[:2], self._head.dimension) == (*head[:2], head.dimension)
            if not is_same and not self._load(head):
                self._gone = _last_gone(catalog, head)
            # What was removed is read after what was added: nothing that went in between can stay.
            while added := self._read(catalog, _ADDED, int(self._ids[-1]) if len(self._ids) else 0, head.id):
                raw = b"".join(vector for _, vector in added)
                found = np.frombuffer(raw, dtype="<f4").reshape(-1, head.dimension)
                self._add(np.fromiter((row for row, _ in added), np.int64, len(added)), checks.units(found))
                self._changed += len(added)
            while gone := self._read(catalog, _GONE, self._gone, head.id):
                self._remove(np.fromiter((row for _, row in gone), np.int64, len(gone)))
                self._gone = gone[-1][0]
            self._head = head

    def nearest(self, unit: Vector, k: int, among: Ids | None) -> list[tuple[int, float]]:
        """(row id, cosine) of the k nearest, best first; `among`: ids (ascending) that alone may be found."""
        with self.lock:
            if not len(self):
                return []
            if among is None:
                _one_thread()
                scores, ids = self._faiss.search(unit[None, :], min(k, len(self)))
                found = zip(ids[0].tolist(), scores[0].tolist(), strict=True)
            else:
                found = self._among(unit, k, among)
        return [(row, max(-1.0, min(1.0, score))) for row, score in found]

    def _among(self, unit: Vector, k: int, among: Ids) -> Iterable[tuple[int, float]]:
        """Exact, whatever share of the rows is left: their products, without a search among the others."""
        places = np.searchsorted(self._ids, among)
        places = places[self._ids[np.minimum(places, len(self) - 1)] == among]
        few = len(places) * 4 < len(self)
        scores = self._units[places] @ unit if few else (self._units @ unit)[places]
        best = np.argpartition(scores, len(scores) - k)[-k:] if k < len(scores) else np.arange(len(scores))
        best = best[np.argsort(-scores[best], kind="stable")]
        return zip(self._ids[places[best]].tolist(), scores[best].tolist(), strict=True)

    def having(self, catalog: Catalog, wanted: Filters) -> Ids:
        """Ids (ascending) of rows that meet the filters, some of which may have gone.

        Raises:
            VectorError: a name or a value that metadata cannot have.
        """
        with self.lock:
            place, last = self._head.id if self._head else 0, int(self._ids[-1]) if len(self) else 0
            return self._facets.ids(wanted, last, lambda after: self._read(catalog, _METADATA, after, place))

    def labels(self, catalog: Catalog, found: Sequence[int]) -> dict[int, Label]:
        """What these rows are; those that were removed meanwhile are left out.

        A row's label never changes (a new one has a new id), so it is asked for once. Whoever searches again and again
        gets them all at once: one question costs 0.1 ms, a fifth of a search.
        """
        with self.lock:
            self._searches += 1
            if self._searches == MANY and len(self) <= MOST_LABELS:
                after = 0
                while block := self._read(catalog, _LABELS, after, self._head.id if self._head else 0):
                    self._labels |= {row[0]: Label(*row[1:]) for row in block}
                    after = block[-1][0]
            missing = [row for row in found if row not in self._labels]
            if missing:
                with catalog.read() as db:
                    self._labels |= rows.labels(db, missing)
            return {row: self._labels[row] for row in found if row in self._labels}

    def drop(self) -> None:
        """Forget everything, the file too."""
        with self.lock:
            self._head = self._stamp = None
            self.path.unlink(missing_ok=True)

    def save(self) -> None:
        """Write the file, if enough has changed that reading it will be quicker than catching up."""
        with self.lock:
            if self._head is None or self._changed <= max(FEW, WORTH_SAVING * len(self)):
                return
            try:
                self._write(self._head)
                self._changed = 0
            except OSError as error:  # it can always be made again
                logger.warning("vectors are not cached: %s", error)

    def _write(self, head: Head) -> None:
        units = np.ascontiguousarray(self._units)
        stamp = {"format": FORMAT, "uid": head.uid, "collection": head.id, "dimension": head.dimension,
                 "count": len(self), "gone": self._gone,
                 "crc": zlib.crc32(units.data, zlib.crc32(self._ids.data))}  # fmt: skip
        with replacing(self.path) as temporary, temporary.open("wb") as file:
            file.write(json.dumps(stamp).encode().ljust(HEADER - 1) + b"\n")
            file.write(self._ids.data)
            file.write(units.data)

    def _load(self, head: Head) -> bool:
        """Start from the file where it is sound and of this collection, else empty; returns which."""
        self._fresh(head.dimension)
        self._labels, self._facets, self._searches = {}, Facets(), 0
        self._gone = self._changed = 0
        try:
            with self.path.open("rb") as file:
                stamp: Any = json.loads(file.read(HEADER))
                count, size = int(stamp["count"]), head.dimension
                expected = (FORMAT, head.uid, head.id, size)
                is_ours = (stamp["format"], stamp["uid"], stamp["collection"], stamp["dimension"]) == expected
                if not is_ours or os.fstat(file.fileno()).st_size != HEADER + count * (8 + 4 * size) or not count:
                    return False
                ids = np.fromfile(file, "<i8", count)
                units = np.fromfile(file, "<f4", count * size).reshape(count, size)
                if zlib.crc32(units.data, zlib.crc32(ids.data)) != stamp["crc"] or not (np.diff(ids) > 0).all():
                    return False
                gone = int(stamp["gone"])
        except (OSError, ValueError, KeyError, TypeError):
            return False
        self._add(ids, units)
        self._gone = gone
        return True

    def _fresh(self, size: int) -> None:
        import faiss  # 150 ms

        self._faiss = faiss.IndexIDMap2(faiss.IndexFlatIP(size))
        self._look()

    def _add(self, ids: Ids, units: Vector) -> None:
        _one_thread()
        self._faiss.add_with_ids(np.ascontiguousarray(units), ids)
        self._look()

    def _remove(self, ids: Ids) -> None:
        known = ids[np.isin(ids, self._ids)]
        if len(known):
            _one_thread()
            self._faiss.remove_ids(known)
            for row in known.tolist():
                self._labels.pop(row, None)
            self._changed += len(known)
            self._look()

    def _look(self) -> None:
        """Adding and removing may have moved FAISS's memory."""
        import faiss

        count, size = self._faiss.ntotal, self._faiss.d
        self._ids = faiss.vector_to_array(self._faiss.id_map)
        if count:
            flat: Any = faiss.downcast_index(self._faiss.index)
            self._units = faiss.rev_swig_ptr(flat.get_xb(), count * size).reshape(count, size)
        else:
            self._units = np.empty((0, size), np.float32)

    @staticmethod
    def _read(catalog: Catalog, query: str, after: int, collection: int) -> list[tuple[Any, ...]]:
        with catalog.read() as db:
            return db.conn.execute(query, (collection, after, BLOCK)).fetchall()


def _one_thread() -> None:
    """The setting is each thread's own. More than one fight the screen over two cores: 3.7 ms, not 0.9."""
    import faiss

    faiss.omp_set_num_threads(1)


def _last_gone(catalog: Catalog, head: Head) -> int:
    with catalog.read() as db:
        found = db.conn.execute("SELECT max(seq) FROM embeddings_gone WHERE collection = ?", [head.id]).fetchone()
    return found[0] or 0
