"""Consent: recorded once per task before the first face is kept; nothing of a face is stored without it."""

from __future__ import annotations

import time
from typing import Any

from core.errors import RushesError
from core.workspace import Workspace

QUESTION = "Clips of faces are kept on this machine, in this workspace only, to train your model. Is that all right?"


def has_consent(space: Workspace, task: str) -> bool:
    """Whether the newest word on this task's faces is yes."""
    said = [event for event in space.store.events("consent") if event.get("task") == task]
    return bool(said) and bool(said[-1].get("given"))


def give_consent(space: Workspace, task: str, *, by: str) -> None:
    """Record that the user agreed; `by` says where ("--consent", "screen")."""
    if not has_consent(space, task):
        space.store.note("consent", {"task": task, "given": True, "by": by, "text": QUESTION, "at": time.time()})


def withdraw_consent(space: Workspace, task: str, *, by: str) -> None:
    """Record that the user no longer agrees: no new face is kept. What was kept stays until it is forgotten."""
    if has_consent(space, task):
        space.store.note("consent", {"task": task, "given": False, "by": by, "at": time.time()})


def said(space: Workspace, task: str) -> dict[str, Any] | None:
    """The newest word on this task's faces: given, at, by; None where nobody was asked yet."""
    found = [event for event in space.store.events("consent") if event.get("task") == task]
    return {name: found[-1].get(name) for name in ("given", "at", "by")} if found else None


def require_consent(space: Workspace, task: str) -> None:
    """Refuse to keep faces nobody agreed to keep.

    Raises:
        RushesError: there is no consent.
    """
    if not has_consent(space, task):
        raise RushesError(f"{task} keeps clips of faces, and there is no consent", do="Agree with: --consent")
