"""Filters on metadata, checked, and as conditions of PostgreSQL; in memory `core.embeddings.facets` means the same."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from core.embeddings.types import LONGEST, Filters, Scalar, VectorError


def options(wanted: Filters) -> list[tuple[str, list[Scalar]]]:
    """Each name with the values it may have.

    Raises:
        VectorError: a name or a value that metadata cannot have.
    """
    found: list[tuple[str, list[Scalar]]] = []
    for name, value in wanted.items():
        values: list[Scalar] = [value] if isinstance(value, str | int | float) or value is None else list(value)
        if not name or len(name) > LONGEST or '"' in name or "\\" in name or not name.isprintable():
            raise VectorError("a filter's name cannot be used", where=repr(name[:40]))
        each: Any
        for each in values:
            if isinstance(each, float) and not math.isfinite(each):
                raise VectorError("a filter's value is not finite", where=name)
            if isinstance(each, str) and ("\0" in each or len(each) > 10_000):
                raise VectorError("a filter's value is too long or has a zero byte", where=name)
            if each is not None and not isinstance(each, str | int | float):
                raise VectorError("a filter's value must be a text, a number, true, false or null", where=name)
            if isinstance(each, int) and abs(each) > 2**53:
                raise VectorError("a filter's number is larger than 2^53", where=name)
        found.append((name, values))
    return found


def for_postgres(wanted: Filters) -> tuple[list[str], list[Any]]:
    """Conditions on the jsonb column `e.metadata` and their values; a missing name counts as null."""
    parts: list[str] = []
    values: list[Any] = []
    for name, allowed in options(wanted):
        each = ["coalesce(e.metadata -> %s, 'null'::jsonb) = %s::jsonb"] * len(allowed)
        for value in allowed:
            values += [name, json.dumps(value)]
        parts.append(f"({' OR '.join(each) or 'false'})")
    return parts, values


def typed(pairs: Sequence[str]) -> dict[str, list[Scalar]]:
    """`key=value` as somebody typed it: a number or true also means the text that looks like it.

    Raises:
        VectorError: there is no "=".
    """
    found: dict[str, list[Scalar]] = {}
    for pair in pairs:
        name, mark, text = pair.partition("=")
        if not mark or not name:
            raise VectorError("is not of the form key=value", where=f"--filter {pair[:80]}")
        values: list[Scalar] = [text]
        try:
            read = json.loads(text)
        except (ValueError, RecursionError):
            read = text
        if read is None or isinstance(read, bool | int | float):
            values.append(read)
        found[name] = found.get(name, []) + values
    return found
