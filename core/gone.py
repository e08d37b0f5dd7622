"""What is to be forgotten: the handle by which every place that holds something of a sample erases it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Gone:
    """Samples that are erased in one go.

    Attributes:
        samples: their ids.
        media: paths of their media relative to the workspace, as the journals name them.
        hashes: sha256 of those media, in hex.
        words: what was said of them: answers, predictions, contexts. Others may have said the same, so a place erases
            whole records by id or hash, and looks for words only where a record has neither.
    """

    samples: frozenset[str]
    media: frozenset[str]
    hashes: frozenset[str]
    words: frozenset[str]

    def marks(self) -> frozenset[str]:
        """Ids, paths and hashes: a record or a line with one of these is of a forgotten sample."""
        return self.samples | self.media | self.hashes
