"""Errors meant for people: what happened, to which file or field, what to do.

Everything a user can cause is a `RushesError`; anything else is a bug, is logged with an id and shown as that id.
"""

from __future__ import annotations


class RushesError(Exception):
    """Something the user can understand and act on.

    Args:
        what: what happened, one clause without a full stop.
        where: the file, row or field it happened to.
        do: what to do about it.
    """

    def __init__(self, what: str, *, where: object = None, do: str | None = None) -> None:
        self.what = what
        self.where = None if where is None else str(where)
        self.do = do
        super().__init__(self.sentence())

    def sentence(self) -> str:
        """One line for a screen or standard error."""
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}. {self.do}" if self.do else text


class WrongUseError(RushesError):
    """The command or its arguments make no sense (exit code 2)."""


class MediaError(RushesError):
    """A clip or image cannot be used; `what` is the reason shown beside it."""


class ModelError(RushesError):
    """A model file cannot be used: damaged, foreign, or of a version this program does not know."""


class StoreError(RushesError):
    """The workspace cannot be read or written."""


class CancelledError(RushesError):
    """A long task was asked to stop and did."""
