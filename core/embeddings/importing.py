"""Bringing in other programs' vectors: the file is kept, so that nothing is lost with the catalog."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.embeddings import checks, ledger, reading
from core.embeddings.local import Local
from core.embeddings.rows import Rows
from core.embeddings.store import EmbeddingsStore
from core.embeddings.types import EmbeddingType, VectorError
from core.errors import WrongUseError
from core.store import kept
from core.workspace import Workspace

ENCODER = "imported"


@dataclass(frozen=True, slots=True)
class Imported:
    """How an import went; `errors` are (row from 1, why)."""

    type: EmbeddingType
    encoder_id: str
    dimension: int
    rows: int
    new: int
    updated: int
    errors: tuple[tuple[int, str], ...]

    def to_json(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "type": self.type.value,
            "encoder_id": self.encoder_id,
            "dimension": self.dimension,
            "rows": self.rows,
            "new": self.new,
            "updated": self.updated,
            "errors": [{"row": row, "reason": reason} for row, reason in self.errors],
        }


def run(
    space: Workspace,
    store: EmbeddingsStore,
    file: Path,
    kind: EmbeddingType,
    encoder_id: str = ENCODER,
    ids: Path | None = None,
) -> Imported:
    """Read a file of vectors and keep the good ones.

    Args:
        encoder_id: what made them; vectors of different encoders are never compared.
        ids: the ids of a .npy file's rows.

    Raises:
        WrongUseError: the file is no file of vectors.
        StoreError: it cannot be kept.
    """
    checks.named(encoder_id, "encoder_id")
    form = file.suffix.lower().removeprefix(".")
    if not file.is_file():
        raise WrongUseError("there is no such file", where=file)
    is_bare = form == "npy"
    found = _joined(file, ids, kind, encoder_id) if is_bare else reading.read(file, kind, encoder_id)
    rows, errors = found.rows, found.errors
    hits = rows.forgotten(space.store.forgotten())
    if hits:
        bad = dict(errors)
        numbers = [number for number in range(1, len(rows.keys) + len(errors) + 1) if number not in bad]
        errors = tuple(sorted([*errors, *((numbers[place], checks.FORGOTTEN) for place in hits)]))
        rows = rows.without(hits)
    size = rows.vectors.shape[1]
    if store.dimension is not None and len(rows.keys) and size != store.dimension:
        raise VectorError(f"its vectors have {size} numbers, {store.dimension} are needed", where=file.name)
    if not len(rows.keys):
        new = updated = 0
    elif isinstance(store.backend, Local):
        root = space.root
        is_ours = is_bare or bool(hits)  # a file of somebody else's would keep the rows that are not taken
        source = kept.keep_bytes(root, ledger.as_npz(rows), ".npz") if is_ours else kept.keep(root, file)
        new, updated = store.backend.bring(source, "npz" if is_ours else form, rows)
    else:
        new, updated = store.backend.put(rows)
    return Imported(kind, encoder_id, size, len(rows.keys) + len(errors), new, updated, errors)


def _joined(file: Path, ids: Path | None, kind: EmbeddingType, encoder_id: str) -> reading.Found:
    if ids is None:
        raise WrongUseError("holds numbers without ids", where=file.name, do="Name the ids' file with --ids.")
    keys, vectors = reading.join(file, ids)
    return reading.checked(Rows(kind, encoder_id, keys, vectors))
