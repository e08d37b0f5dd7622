"""Typed looks into a line that anybody may have written."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, cast

from core.store.records import Correction, Json, Prediction, Sample, Value

_TYPES = {"str": str, "bool": bool, "int": int, "Json": dict}
_IDENTITY = re.compile(r"[0-9A-Za-z_][0-9A-Za-z_.:@+-]{0,199}")
_LARGEST = 2**53  # the largest integer that JSON programs agree on


def text(line: Json, name: str) -> str:
    """A text that must be there.

    Raises:
        ValueError: naming the field.
    """
    found = line.get(name)
    if not isinstance(found, str) or not found:
        raise ValueError(f"{name} is missing")
    return found


def identity(line: Json, name: str) -> str:
    """A sample's id: files are called by it, so it must be a name and no way to another folder.

    Raises:
        ValueError: naming the field.
    """
    found = text(line, name)
    if not is_identity(found):
        raise ValueError(f"{name} is not an id")
    return found


def is_identity(found: str) -> bool:
    """Whether it is a name that a file can be called by."""
    return _IDENTITY.fullmatch(found) is not None


def count(line: Json, name: str) -> int:
    """A whole number of at least 1; 1 where it is not given.

    Raises:
        ValueError: naming the field.
    """
    found = line.get(name, 1)
    if isinstance(found, bool) or not isinstance(found, int) or not 1 <= found <= _LARGEST:
        raise ValueError(f"{name} is not a count")
    return found


def present(line: Json, kinds: Mapping[str, str]) -> Json:
    """The fields of `kinds` (name -> annotation of the record) that the line holds, checked.

    Raises:
        ValueError: naming the field of the wrong type.
    """
    known: Json = {}
    for name, kind in kinds.items():
        found = line.get(name)
        if found is not None:
            known[name] = found if kind == "str" and type(found) is str else _checked(name, found, kind)
    return known


def _checked(name: str, found: Any, kind: str) -> Any:
    if kind == "Value" and isinstance(found, str):
        return found
    if kind in ("float", "Value"):
        return _number(name, found)
    if not isinstance(found, _TYPES[kind]) or (kind == "int" and isinstance(found, bool)):
        raise ValueError(f"{name} has the wrong type")
    if isinstance(found, int) and not -_LARGEST <= found <= _LARGEST:
        raise ValueError(f"{name} is too large")
    return found


def _number(name: str, found: Any) -> float:
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise ValueError(f"{name} is not a number")
    try:
        number = float(found)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{name} is not a finite number")
    return number


def _kinds(record: type, *without: str) -> dict[str, str]:
    """Field name -> str, float, int, bool, Value or Json; named choices (PickedBy) count as str."""
    known = ("str", "float", "int", "bool", "Value", "Json")
    plain = {field.name: str(field.type).removesuffix(" | None") for field in fields(record)}
    return {name: kind if kind in known else "str" for name, kind in plain.items() if name not in without}


SAMPLE = _kinds(Sample, "id", "task")
CORRECTION = _kinds(Correction, "id", "sample", "task", "value")
PREDICTION = _kinds(Prediction, "kind", "runner_ups", "calibrated")


def runner_ups(line: Json) -> tuple[tuple[Value, float], ...]:
    """A prediction's next best values.

    Raises:
        ValueError: they are not pairs of a value and a number.
    """
    found: Any = line.get("runner_ups") or []
    if not isinstance(found, list):
        raise ValueError("runner_ups is not a list")
    pairs: list[tuple[Value, float]] = []
    for pair in cast("list[Any]", found):
        if not isinstance(pair, list) or len(cast("list[Any]", pair)) != 2:
            raise ValueError("runner_ups holds something else than pairs")
        value, chance = cast("list[Any]", pair)
        pairs.append((_checked("runner_ups", value, "Value"), _number("runner_ups", chance)))
    return tuple(pairs)
