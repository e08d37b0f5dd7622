"""What is to be forgotten: the handle by which every place that holds something of a sample erases it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any, cast

Index = dict[str, list[str]]
_WORD = re.compile(r"\w+")
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
GROUP = 16  # signs of a content hash that stand for a video or recording: its group and its videoId


class _Dropped:
    """In the place of a value that goes."""


DROPPED = _Dropped()


@dataclass(frozen=True, slots=True)
class Gone:
    """Samples that are erased in one go.

    Attributes:
        samples: their ids.
        media: paths of their media relative to the workspace, as the journals name them, and the names of those files
            and of the files they came from, as far as no sample that stays has the same.
        hashes: sha256 of those media, in hex, as far as no sample that stays is made of the same bytes.
        words: what was said of them (answers, predictions, contexts, speakers, sources) and of no sample that stays.
            A place erases whole records by id, path or hash, and looks for words only where a record has none of them.
    """

    samples: frozenset[str]
    media: frozenset[str]
    hashes: frozenset[str]
    words: frozenset[str]

    def marks(self) -> frozenset[str]:
        """Ids, paths and hashes: a record or a line with one of these is of a forgotten sample."""
        return self.samples | self.media | self.hashes

    def named(self, text: str) -> bool:
        """Whether a text names one of the samples, its file or its content."""
        return _holds(_plain(text).lower(), _names(self))

    def quoted(self, text: str) -> bool:
        """Whether a text holds words that were said of these samples alone."""
        return _holds(_plain(text).lower(), _words(self))

    def in_value(self, value: Any) -> bool:
        """Whether a JSON value names one of the samples anywhere."""
        return self.named("\n".join(texts(value)))

    def without(self, value: Any, *, words: bool = False) -> Any:
        """A JSON value without what names the samples; `DROPPED` where nothing of it may stay.

        Of a list the elements that name one go, of an object of objects the entries. An object with a plain field
        that names one is a record of it and goes whole, and so does a row: a list of texts and numbers mixed.

        Args:
            words: what quotes them goes too.
        """
        if isinstance(value, str):
            return DROPPED if self.named(value) or (words and self.quoted(value)) else value
        if isinstance(value, list):
            return self._list(cast("list[Any]", value), words)
        if isinstance(value, dict):
            return self._object(cast("dict[str, Any]", value), words)
        return value

    def _list(self, value: list[Any], words: bool) -> Any:
        found = [self.without(part, words=words) for part in value]
        is_row = any(isinstance(part, str) for part in value) and any(isinstance(part, int | float) for part in value)
        if is_row and any(part is DROPPED for part in found):
            return DROPPED
        return [part for part in found if part is not DROPPED]

    def _object(self, value: dict[str, Any], words: bool) -> Any:
        kept: dict[str, Any] = {}
        for name, part in value.items():
            if self.named(name):
                continue
            found = self.without(part, words=words)
            if found is not DROPPED:
                kept[name] = found
            elif isinstance(part, str):
                return DROPPED
        return kept


def texts(value: Any) -> Iterator[str]:
    """The texts in a JSON value, names of fields included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, part in cast("dict[str, Any]", value).items():
            yield name
            yield from texts(part)
    elif isinstance(value, list):
        for part in cast("list[Any]", value):
            yield from texts(part)


def _plain(text: str) -> str:
    """The text with JSON's escapes spelled out: files of ours have them or not, by who wrote them."""
    if "\\u" not in text:
        return text
    spelled = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)
    return spelled.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@lru_cache(maxsize=8)
def _names(gone: Gone) -> Index:
    files = {PurePosixPath(path).name for path in gone.media}
    return _index(gone.samples | gone.media | gone.hashes | files | {digest[:GROUP] for digest in gone.hashes})


@lru_cache(maxsize=8)
def _words(gone: Gone) -> Index:
    return _index(gone.words)


def _index(texts: Iterable[str]) -> Index:
    """Texts by their rarest word, so that a thousand are looked for as fast as one."""
    found: dict[str, list[str]] = {}
    for text in texts:
        known = text.strip().lower()
        if words := _WORD.findall(known):
            rarest = max(words, key=lambda word: (any(sign.isdigit() for sign in word), len(word)))
            found.setdefault(rarest, []).append(known)
    return found


def _holds(text: str, index: Index) -> bool:
    words = index.keys() & set(_WORD.findall(text))
    return any(_ends(text, one) for word in words for one in index[word])


def _ends(text: str, part: str) -> bool:
    """Whether the part stands in the text without a letter or digit right before or behind it."""
    at = text.find(part)
    while at >= 0:
        end = at + len(part)
        if not (at and text[at - 1].isalnum()) and not (end < len(text) and text[end].isalnum()):
            return True
        at = text.find(part, at + 1)
    return False
