"""One journal line as bytes: a JSON object, UTF-8, ended by a newline; no NaN, no text that is not Unicode."""

from __future__ import annotations

import json
import math
from typing import Any, cast

from core import untrusted
from core.errors import StoreError
from core.store.records import Json

_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def encode(line: Json) -> bytes:
    """The object as one line, keys in the order given. NaN and infinities become null, NumPy scalars numbers.

    Raises:
        StoreError: it holds text that is not Unicode (half of a surrogate pair).
    """
    try:
        text = json.dumps(line, ensure_ascii=False, allow_nan=False)
    except (ValueError, TypeError):
        text = json.dumps(_plain(line), ensure_ascii=False, allow_nan=False)
    try:
        return text.encode() + b"\n"
    except UnicodeEncodeError:
        raise StoreError("the text is not valid Unicode and cannot be saved", do="Type it again.") from None


def decode(raw: bytes) -> Json:
    """The object in a line; see `core.untrusted` for what is not taken over.

    Raises:
        ValueError: why it cannot be read, as the end of a sentence that begins with the line.
    """
    found = untrusted.loads(raw)
    if not isinstance(found, dict):
        raise ValueError("is not a JSON object")
    return cast("Json", found)


def compact(value: Any) -> str:
    """JSON text for a catalog column, equal for equal values."""
    return _COMPACT.encode(value)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        pairs = cast("dict[object, Any]", value)
        return {str(name): _plain(inner) for name, inner in pairs.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in cast("list[Any]", value)]
    if not isinstance(value, str | int | float) and hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
