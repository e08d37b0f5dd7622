"""How settings read: a value as it is typed, what a setting may be, and what became of a change. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic.fields import FieldInfo

    from core.settings import Loaded

BOUNDS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
NOT_SET = "not set"
AT_ONCE = {"screen.theme"}  # settings that the screens follow without a new start
OWN = {
    "keys": "Press ? on a screen for its keys; change one with: rushes config keys.ID KEYS",
    "sources": 'Write one as [sources.NAME] with url = "..." into rushes.toml.',
    "recipe": "Change one with: rushes config recipe.TASK.NAME VALUE",
}


def typed(value: object) -> str:
    """A value as it is typed: TOML, texts without quotes."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return "[" + ", ".join(f'"{part}"' if isinstance(part, str) else typed(part) for part in value) + "]"
    if isinstance(value, dict):
        return ", ".join(str(name) for name in value)
    return "" if value is None else str(value)


def shown(value: object) -> str:
    """A value in the table."""
    return typed(value) or NOT_SET


def allowed(name: str) -> str:
    """What a setting may be, and its default."""
    from core.settings import Settings

    section, _, key = name.partition(".")
    if not key:
        return OWN.get(name, "")
    inner: Any = Settings.model_fields[section].annotation
    field: FieldInfo = inner.model_fields[key]
    kinds = [_choices(field), *_bounds(field)]
    default: object = field.get_default(call_default_factory=True)
    return ", ".join([*filter(None, kinds), f"default: {shown(default)}"])


def _choices(field: FieldInfo) -> str:
    kind: Any = field.annotation
    if kind is bool:
        return "true or false"
    if get_origin(kind) is Literal:
        return " | ".join(str(one) for one in get_args(kind))
    if get_origin(kind) is tuple:
        return "written as [low, high]"
    return 'written as ["one", "two"]' if get_origin(kind) is list else ""


def _bounds(field: FieldInfo) -> list[str]:
    found: Mapping[str, object] = {
        sign: getattr(rule, sign) for rule in field.metadata for sign in BOUNDS if hasattr(rule, sign)
    }
    return [f"{words} {found[sign]:g}" for sign, words in BOUNDS.items() if sign in found]


def not_counting(name: str, loaded: Loaded, *, trusted: bool) -> str:
    """Why a change in the workspace's rushes.toml does not count; empty where it does."""
    from core.settings import SENDING

    ours = loaded.origin.get(name) == "workspace"  # what is stricter counts without trust
    if name.partition(".")[0] in SENDING and not trusted and not ours:
        return f"{name} is saved, but this workspace's is ignored until you run: rushes config --trust"
    origin = loaded.origin.get(name, "default")
    if origin not in ("workspace", "default"):
        return f"{name} is saved, but the {origin} sets it and wins."
    return ""


def saved(name: str, loaded: Loaded, *, trusted: bool) -> str:
    """What became of a change in the workspace's rushes.toml."""
    return not_counting(name, loaded, trusted=trusted) or f"{name} is saved; it counts {_from(name)}."


def back(name: str) -> str:
    """What became of a setting that was taken out of the workspace's rushes.toml."""
    return f"{name} is no longer set in this workspace's rushes.toml; that counts {_from(name)}."


def _from(name: str) -> str:
    return "at once" if name in AT_ONCE else "from the next start"
