"""The user's own keys: what is a key at all, and which actions would have to share one. Pure functions.

A key that two actions heard together would share is given to neither anew: the entry is left out and named.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from textual.keys import Keys, _character_to_key, key_to_character  # pyright: ignore[reportPrivateUsage]  # no other door

from core.errors import WrongUseError
from tui import actions
from tui.actions import Action
from tui.widgets.title import SECTIONS

MODIFIERS = {"ctrl", "shift", "alt", "super", "hyper", "meta"}
NAMES = {key.value for key in Keys if key.value.replace("_", "").isalnum()} - {"return"} | {
    _character_to_key(chr(code)) for code in range(33, 127) if not chr(code).isalnum()
}
# Textual's own, which stay: they lead through every screen and out of every dialog.
FIXED = {
    "ctrl+p": "the palette",
    "ctrl+q": "quitting",
    "ctrl+c": "copying",
    "escape": "going back",
    "tab": "moving between the parts of a screen",
    "shift+tab": "moving between the parts of a screen",
    "up": "moving in a list",
    "down": "moving in a list",
}
IDS = {action.id: action for action in actions.ACTIONS}


def named(key: str) -> str | None:
    """The name Textual has for a key as a person types it ("?", "F5", "shift+g"); None for what is no key."""
    *held, base = key.strip().split("+") if key.strip() != "+" else ["+"]
    held = [one.lower() for one in held]
    if not base or not MODIFIERS.issuperset(held):
        return None
    if len(base) == 1 and base.isprintable():
        if held == ["shift"] and base.isalpha():
            return base.upper()
        base = _character_to_key(base.lower() if held else base)
    else:
        base = base.lower().replace("return", "enter")
        if base not in NAMES and key_to_character(base) is None:
            return None
    return "+".join([*held, base])


def like(wrong: str) -> str:
    """Which key may have been meant, as the advice after a refusal."""
    close = get_close_matches(wrong.lower(), sorted(NAMES), 1)
    return f"Did you mean {close[0]}?" if close else "For instance y, G, f5, enter, space, left, ctrl+x or ?."


def sound(own: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """What of the user's keys can be followed, named as Textual does, and a sentence on each entry that cannot."""
    kept: dict[str, str] = {}
    said: list[str] = []
    for name, keys in own.items():
        try:
            kept[name] = normal(name, keys)
        except WrongUseError as error:
            said.append(f"[keys] {error.sentence()}")
    while clash := _first_clash(kept):
        lost, words = clash
        del kept[lost]
        said.append(f"[keys] {words}: {lost} keeps {actions.shown(IDS[lost])}.")
    return kept, said


def normal(name: str, keys: str) -> str:
    """The keys of an action, named as Textual does.

    Raises:
        WrongUseError: there is no such action, or one of these is no key.
    """
    if name not in IDS:
        close = get_close_matches(name, IDS, 1)
        raise WrongUseError(
            f"there is no action {name!r}", do=f"Did you mean {close[0]}?" if close else "See: rushes keys"
        )
    found: list[str] = []
    for key in (",",) if keys.strip() == "," else keys.split(","):
        known = named(key)
        if known is None:
            raise WrongUseError(f"{name}: {key.strip()!r} is no key", do=like(key.strip()))
        found.append(known)
    return ",".join(dict.fromkeys(found))


def checked(name: str, keys: str, own: Mapping[str, str]) -> str:
    """The keys to write down for an action beside the user's others.

    Raises:
        WrongUseError: there is no such action, no such key, or another action heard on the same screen has it.
    """
    wanted = normal(name, keys)
    others, _ = sound({other: given for other, given in own.items() if other != name})
    taken = _clash(IDS[name], {**others, name: wanted})
    if taken is not None:
        raise WrongUseError(taken, do="Choose another key, or give that action another one first.")
    return wanted


def _first_clash(kept: Mapping[str, str]) -> tuple[str, str] | None:
    for name in kept:
        if words := _clash(IDS[name], kept):
            return name, words
    return None


def _clash(action: Action, kept: Mapping[str, str]) -> str | None:
    """Why an action cannot have the keys it is given."""
    mine = _keys(action, kept)
    for key in mine:
        if key in FIXED:
            return f"{_typed(key)} is for {FIXED[key]}"
    for other in actions.ACTIONS:
        shared = [key for key in mine if other.id != action.id and key in _keys(other, kept)]
        if shared and _heard_together(action, other):
            return f"{_typed(shared[0])} is the key of {other.id} ({other.label})"
    return None


def _keys(action: Action, kept: Mapping[str, str]) -> list[str]:
    return [named(key) or key for key in kept.get(action.id, action.keys).split(",")]


def _typed(key: str) -> str:
    return actions.SIGNS.get(key, key)


def _heard_together(one: Action, other: Action) -> bool:
    places = {one.where, other.where}
    if places == {"list", "page"}:  # either has the focus
        return False
    if "correct" in places and len(places) == 2:  # a dialog: of the app's keys only help's is heard
        return any(found.id == "app.help" or found.where == "list" for found in (one, other))
    return len(places) == 1 or not places <= set(SECTIONS)
