"""What may be kept: keys that are names, vectors that have a direction."""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Mapping
from typing import Any

import numpy as np

from core.embeddings.types import LONGEST, MOST_NUMBERS, Vector, VectorError

SHORTEST, LONGEST_NORM = 1e-15, 1e15  # beyond, squares of float32 leave its range
MOST_METADATA = 64 << 10  # bytes of JSON
FORGOTTEN = "was forgotten here"


def named(text: object, what: str) -> str:
    """A key, an encoder's id or a name as it may be kept.

    Raises:
        VectorError: empty, too long, or with control characters.
    """
    if isinstance(text, str) and 0 < len(text) <= LONGEST and text.isprintable() and not text.isspace():
        return text
    if not isinstance(text, str) or not text.strip():
        raise VectorError(f"the {what} is empty or no text")
    if len(text) > LONGEST:
        raise VectorError(f"the {what} is longer than {LONGEST} characters", where=f"{text[:40]}…")
    if any(unicodedata.category(sign) in ("Cc", "Cs") for sign in text):
        raise VectorError(f"the {what} has characters that cannot be shown", where=repr(text[:40]))
    return text


def vector(given: Any, dimension: int | None = None) -> Vector:
    """(D,) float32.

    Raises:
        VectorError: no list of numbers, of another dimension, not finite, or without a direction.
    """
    try:
        found = np.asarray(given, dtype=np.float32)
    except (ValueError, TypeError, OverflowError):
        raise VectorError("is not a list of numbers") from None
    if found.ndim != 1:
        raise VectorError(f"is not a list of numbers but has {found.ndim} dimensions")
    if problem := problems(found[None, :], dimension)[0]:
        raise VectorError(problem)
    return np.ascontiguousarray(found)


def unit(given: Any, dimension: int | None = None) -> Vector:
    """(D,) float32 of length 1 in the given direction; raises as `vector` does."""
    if isinstance(given, np.ndarray) and given.dtype == np.float32 and given.ndim == 1:
        square = float(given @ given)
        if 1e-10 < square < 1e10 and dimension in (None, len(given)) and len(given) <= MOST_NUMBERS:
            return np.asarray(given * np.float32(1 / math.sqrt(square)))
    return units(vector(given, dimension)[None, :])[0]


def problems(rows: Vector, dimension: int | None = None) -> list[str | None]:
    """Of each row of (N, D): why it cannot be kept, or None."""
    size = rows.shape[1]
    if dimension is not None and size != dimension:
        return [f"has {size} numbers, {dimension} are needed"] * len(rows)
    if not 1 <= size <= MOST_NUMBERS:
        return [f"has {size} numbers; 1 to {MOST_NUMBERS} are possible"] * len(rows)
    lengths = norms(rows)
    if ((lengths >= SHORTEST) & (lengths <= LONGEST_NORM)).all():
        return [None] * len(rows)
    return [_problem(float(length)) for length in lengths]


def norms(rows: Vector) -> Vector:
    """(N,) float64 Euclidean lengths; not finite where a number is not."""
    with np.errstate(over="ignore", invalid="ignore"):
        quick = np.einsum("ij,ij->i", rows, rows)
        found = np.sqrt(quick.astype(np.float64))
        odd = ~((found > 1e-10) & (found < 1e10))  # squares may have left float32
        if odd.any():
            found[odd] = np.linalg.norm(rows[odd].astype(np.float64), axis=1)
    return found


def units(rows: Vector) -> Vector:
    """(N, D) float32 of length 1 in the same directions."""
    return np.asarray(rows / norms(rows)[:, None], dtype=np.float32)


def _problem(length: float) -> str | None:
    if not np.isfinite(length):
        return "has numbers that are not finite (NaN or infinite)"
    if length == 0:
        return "is all zeros and has no direction"
    if length < SHORTEST or length > LONGEST_NORM:
        return f"has a length of {length:.1e}, too far from 1 to be compared"
    return None


def metadata(given: Mapping[str, Any]) -> str:
    """Metadata as JSON text.

    Raises:
        VectorError: a name that cannot be kept, something JSON has no word for, or too much of it.
    """
    if not given:
        return "{}"
    for name in given:
        named(name, "metadata's name")
    try:
        text = json.dumps(dict(given), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        if len(text.encode()) > MOST_METADATA:
            raise VectorError(f"the metadata is larger than {MOST_METADATA >> 10} KB")
    except (TypeError, ValueError, RecursionError):
        raise VectorError("the metadata cannot be written as JSON (NaN counts as empty: leave it out)") from None
    if "\\u0000" in text:
        raise VectorError("the metadata holds a zero byte")
    return text
