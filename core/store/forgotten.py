"""Which samples were forgotten, as salted hashes: enough to know one when it comes back, not to say what it was.

The list is a file of the workspace, so it travels with every backup. Whoever holds a clip can find out whether that
clip was forgotten here (they have its bytes already); from the list alone nothing can be read.
"""

from __future__ import annotations

import hmac
import json
import secrets
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from core.errors import StoreError
from core.files import locked, read_regular, write_atomic
from core.log import logger
from core.store.records import Json

NAME = "forgotten.json"
SCHEMA = 1
MOST_BYTES = 1 << 30  # of the list: 200 for each that was forgotten


@dataclass(slots=True)
class Forgotten:
    """The list of one workspace; lists with other salts (of restored copies) may have been joined to it.

    Attributes:
        entries: `salt`, `sample` or `media` (hex), `at` in UTC seconds, `versions` that had learnt from it.
    """

    entries: list[Json] = field(default_factory=list[Json])
    _known: dict[str, set[str]] = field(default_factory=dict[str, set[str]])

    def __post_init__(self) -> None:
        for entry in self.entries:
            for kind in ("sample", "media"):
                if isinstance(entry.get(kind), str):
                    self._known.setdefault(str(entry["salt"]), set()).add(entry[kind])

    def __bool__(self) -> bool:
        return bool(self._known)

    def has(self, *marks: str | None) -> bool:
        """Whether one of these ids or content hashes was forgotten."""
        return any(mark and _salted(salt, mark) in kept for salt, kept in self._known.items() for mark in marks)

    def versions(self, marks: Iterable[str]) -> list[str]:
        """Versions that were known to have learnt from one of these when it was forgotten."""
        known = list(marks)
        found = [entry for entry in self.entries if any(_salted(entry["salt"], one) == _of(entry) for one in known)]
        return sorted({str(version) for entry in found for version in entry.get("versions") or ()})


class Hidden:
    """The list as replaying asks for it, again and again: read anew when its file changes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._stamp: tuple[int, int] | None = None
        self._kept = Forgotten()

    def now(self) -> Forgotten:
        """The list; empty where it cannot be read, since what was forgotten is erased besides."""
        try:
            found = path_of(self.root).stat()
        except OSError:
            self._stamp, self._kept = None, Forgotten()
            return self._kept
        if self._stamp != (stamp := (found.st_ino, found.st_mtime_ns)):
            try:
                self._kept = read(self.root)
            except StoreError as error:
                logger.error("%s", error)
                self._kept = Forgotten()
            self._stamp = stamp
        return self._kept


def forgotten_meanwhile() -> StoreError:
    """What is said to whoever wants to write down something of a forgotten sample; it names nobody."""
    return StoreError("the clip was forgotten meanwhile; nothing was saved", do="Leave it, and go on with another one.")


def path_of(root: Path) -> Path:
    """Where a workspace keeps its list."""
    return root / "training_data" / NAME


def read(root: Path) -> Forgotten:
    """The list of a workspace; empty where nothing was ever forgotten.

    Raises:
        StoreError: there is one that cannot be read. Nothing may be shown or restored then.
    """
    path = path_of(root)
    try:
        return decode(read_regular(path, MOST_BYTES), path)
    except FileNotFoundError:
        return Forgotten()
    except OSError as error:
        raise StoreError(f"cannot be read ({error.strerror})", where=path) from None


def decode(data: bytes, where: object) -> Forgotten:
    """A list as it lies in its file.

    Raises:
        StoreError: it is none.
    """
    do = "Take the file from a backup; without it forgotten clips could come back."
    try:
        found: Any = json.loads(data)
    except ValueError:
        raise StoreError("is damaged", where=where, do=do) from None
    entries: Any = found.get("forgotten") if isinstance(found, dict) else None
    if not isinstance(entries, list) or not all(map(_is_entry, cast("list[Any]", entries))):
        raise StoreError("is no list of forgotten samples", where=where, do=do)
    return Forgotten(cast("list[Json]", entries))


def add(root: Path, samples: Collection[str], media: Collection[str], versions: Iterable[str]) -> None:
    """Put samples and contents onto the list, durably.

    Raises:
        StoreError: the list cannot be read or written.
    """
    known, about = sorted(versions), {"at": time.time()}
    with locked(_lock(root)):
        now = read(root)
        salt = str(now.entries[0]["salt"]) if now.entries else secrets.token_hex(16)
        fresh = [{"salt": salt, "sample": _salted(salt, one), **about, "versions": known} for one in sorted(samples)]
        fresh += [{"salt": salt, "media": _salted(salt, one), **about} for one in sorted(media)]
        _write(root, [*now.entries, *(entry for entry in fresh if not _has(now, entry))])


def join(root: Path, others: Iterable[Forgotten]) -> None:
    """Make a workspace's list hold what these lists hold too."""
    with locked(_lock(root)):
        now = read(root)
        found = {(entry["salt"], _of(entry)): entry for entry in now.entries}
        for other in others:
            for entry in other.entries:
                found.setdefault((entry["salt"], _of(entry)), entry)
        if len(found) > len(now.entries):
            _write(root, list(found.values()))


def allow_again(root: Path, marks: Collection[str]) -> None:
    """Take samples or contents off the list, because the user brings them in again and says so."""
    with locked(_lock(root)):
        now = read(root)
        kept = [entry for entry in now.entries if not any(_salted(entry["salt"], one) == _of(entry) for one in marks)]
        if len(kept) < len(now.entries):
            _write(root, kept)


def _write(root: Path, entries: list[Json]) -> None:
    path = path_of(root)
    try:
        write_atomic(path, json.dumps({"schema": SCHEMA, "forgotten": entries}, indent=1))
    except OSError as error:
        raise StoreError(f"cannot be written ({error.strerror})", where=path, do="Nothing was erased.") from None


def _lock(root: Path) -> Path:
    return root / "training_data" / f".{NAME}.lock"


def _is_entry(entry: object) -> bool:
    if not isinstance(entry, dict):
        return False
    known = cast("Json", entry)
    return isinstance(known.get("salt"), str) and isinstance(known.get("sample", known.get("media")), str)


def _of(entry: Json) -> str:
    return str(entry.get("sample") or entry.get("media"))


def _has(now: Forgotten, entry: Json) -> bool:
    return any(_of(one) == _of(entry) for one in now.entries)


def _salted(salt: str, mark: str) -> str:
    return hmac.digest(_key(salt), mark.encode(), "sha256").hex()


@lru_cache(maxsize=64)  # every sample that is replayed, imported or looked at is asked for
def _key(salt: str) -> bytes:
    is_hex = len(salt) % 2 == 0 and all(sign in "0123456789abcdef" for sign in salt)
    return bytes.fromhex(salt) if is_hex else salt.encode()
