"""One setting by its name: shown, also one of the user's own names, or taken out of the file again."""

from __future__ import annotations

from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, cast

from core.settings import NAMED, Loaded, Row, Settings, describe, document_of, keep, place


def find(loaded: Loaded, name: str) -> list[Row]:
    """The setting of that name, also one of the user's own such as `keys.review.yes`; [] where there is none."""
    section, *parts = place(name)
    if section not in NAMED or not parts:
        return [row for row in describe(loaded) if row.name == name]
    value: Any = loaded.settings.model_dump()[section]
    for part in parts:
        if not isinstance(value, dict) or part not in value:
            return []
        value = cast("dict[str, Any]", value)[part]
    origin = loaded.origin.get(f"{section}.{parts[0]}", "default")
    return [Row(name, value, origin, Settings.model_fields[section].description or "")]


def reset(root: Path | None, name: str) -> bool:
    """Take one setting out of the file, so that what is behind it counts again; False where it is not in there.

    Raises:
        RushesError: the file cannot be read or written, or what is left is not enough; it stays as it was.
    """
    path, document = document_of(root)
    section, *parts = place(name)
    table: Any = document
    for part in (section, *parts[:-1]):
        table = table.get(part)
        if not isinstance(table, MutableMapping):
            return False
    if not parts or parts[-1] not in table:
        return False
    del table[parts[-1]]
    keep(path, document, section, name)
    return True
