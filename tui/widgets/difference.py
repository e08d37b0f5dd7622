"""Two texts word by word: what was taken out stands as [-word-], what came in as {+word+}; colours only add to that."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import Literal

from textual.content import Content

Piece = tuple[Literal["same", "out", "in"], str]
NOT_COMPARED = ".,;:!?\"'()"  # around a word: how a text is written is not what was said
STYLES = {"same": "", "out": "strike $text-error", "in": "underline $text-success"}
SIGNS = {"same": ("", ""), "out": ("[-", "-]"), "in": ("{+", "+}")}


def pieces(old: str, new: str) -> list[Piece]:
    """The words of both texts in order; case and punctuation around a word make no difference."""
    before, after = old.split(), new.split()
    matcher = SequenceMatcher(None, [_bare(word) for word in before], [_bare(word) for word in after], autojunk=False)
    found: list[Piece] = []
    for kind, i, j, m, n in matcher.get_opcodes():
        if kind == "equal":
            found.extend(("same", word) for word in after[m:n])
        else:
            found.extend(("out", word) for word in before[i:j])
            found.extend(("in", word) for word in after[m:n])
    return found


def _bare(word: str) -> str:
    return word.casefold().strip(NOT_COMPARED)


def shown(old: str, new: str) -> Content:
    """The difference as one line."""
    found = pieces(old, new)
    if all(kind == "same" for kind, _ in found):
        return Content.styled("no word differs", "$foreground-muted")
    parts = [Content.styled(SIGNS[kind][0] + word + SIGNS[kind][1], STYLES[kind]) for kind, word in found]
    return Content(" ").join(parts)
