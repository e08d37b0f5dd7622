"""What an event must look like before anybody works with it: the journal may have been written to by anybody.

A kind that is not listed here is only ever counted and shown; readers of it check what they take.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from core.store import fields
from core.store.records import Json

Check = Callable[[Any], bool]


def _text(found: Any) -> bool:
    return isinstance(found, str)


def _number(found: Any) -> bool:
    return isinstance(found, int | float) and not isinstance(found, bool)


def _table(found: Any) -> bool:
    return isinstance(found, dict)


def _texts(found: Any) -> bool:
    return (
        isinstance(found, list)
        and bool(found)
        and all(isinstance(one, str) and one for one in cast("list[Any]", found))
    )


def _maybe(check: Check) -> Check:
    return lambda found: found is None or check(found)


def _id(found: Any) -> bool:
    return isinstance(found, str) and fields.is_identity(found)


EVENTS: Mapping[str, Mapping[str, Check]] = {
    "labels": {"task": _text, "labels": _texts},
    "deployment": {"task": _text, "champion": _text},
    "consent": {"task": _text},
    "workspace": {"id": _id},
    "look_alike": {"sample": _text, "seed": _text},
    "triage": {"task": _text, "sample": _text, "state": _text, "at": _number},
    "drill": {"id": _text, "at": _number, "checks": _maybe(_table), "where": _maybe(_text)},
    "automation": {"what": _text, "why": _maybe(_text), "numbers": _maybe(_table), "at": _number},
    "publish": {"id": _id, "step": _text, "why": _maybe(_text), "detail": _maybe(_text), "at": _maybe(_number)},
}
# What is measured of a sample and read again.
EXTRA: Mapping[str, Check] = {
    "measured_ms": _number, "metadata": _table, "like": _text, "file": _text, "url": _text,
}  # fmt: skip


def check_event(kind: str, line: Json) -> None:
    """Refuse an event that its readers could not use.

    Raises:
        ValueError: naming the field.
    """
    _check(EVENTS.get(kind, {}), line, needed=True)


def check_extra(extra: Json) -> Json:
    """The measured things of a sample, if each is of its kind.

    Raises:
        ValueError: naming the field.
    """
    _check(EXTRA, extra, needed=False)
    return extra


def _check(wanted: Mapping[str, Check], found: Json, *, needed: bool) -> None:
    for name, check in wanted.items():
        if (needed or name in found) and not check(found.get(name)):
            raise ValueError(f"{name} has the wrong type")
