"""Whether a workspace still waits for its first answer: until then the user is led by the hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.workspace import Workspace


def is_first_run(space: Workspace) -> bool:
    """Whether no answer was ever given, in any task. One that was taken back since counts as given."""
    # A journal is begun by the first answer, and an undo adds to it: once begun it stays.
    return not any(_begun(space, journal) for journal in space.codecs)


def _begun(space: Workspace, journal: str) -> bool:
    try:
        return (space.data / journal).stat().st_size > 0
    except FileNotFoundError:
        return False
