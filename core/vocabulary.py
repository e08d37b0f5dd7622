"""Lists that come with somebody else's model: its labels, or for texts the signs its output columns stand for."""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from core import untrusted
from core.errors import WrongUseError

MOST = 2000  # entries; a list longer than this is the wrong file
BLANKS = frozenset({"<blank>", "<pad>", "[pad]", "<b>", "<eps>", "ε", "_", ""})
SPACES = frozenset({" ", "<space>", "|", "▁"})
HEADERS = frozenset({"label", "labels", "name", "class", "sign", "token"})


def read_list(path: Path, *, keep_spaces: bool = False) -> tuple[str, ...]:
    """The entries of a list file, in the order of the model's outputs.

    A text file has one a line; CSV the column `label` (else the last one); JSON a list, or an object that gives each
    entry its number, either way round, or has such a thing under `labels` or `vocab`.

    Args:
        keep_spaces: a line of one space is an entry (signs); otherwise entries are stripped and must not be empty.

    Raises:
        WrongUseError: the file cannot be read as a list, or an entry is empty or there twice.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUseError("the list cannot be read", where=path, do=str(error)) from None
    reader = {".json": _json, ".csv": _csv}.get(path.suffix.lower(), str.splitlines)
    try:
        found = reader(text)
    except (ValueError, TypeError, csv.Error) as error:
        raise WrongUseError(f"is not a list of labels ({error})", where=path) from None
    entries = tuple(found) if keep_spaces else tuple(entry.strip() for entry in found)
    while entries and not entries[-1]:
        entries = entries[:-1]  # empty lines at the end
    _refuse_odd(path, entries, keep_spaces)
    return entries


def _json(text: str) -> list[str]:
    given: Any = untrusted.loads(text)
    if isinstance(given, dict):
        table = cast("dict[str, Any]", given)
        given = next((table[name] for name in ("labels", "vocab") if name in table), given)
    if isinstance(given, dict):
        pairs = [(key, value) for key, value in cast("dict[str, Any]", given).items()]
        numbered = {int(v): k for k, v in pairs} if _counts([v for _, v in pairs]) else {int(k): v for k, v in pairs}
        if sorted(numbered) != list(range(len(numbered))):
            raise ValueError("its numbers do not run from 0 without a gap")
        given = [numbered[index] for index in range(len(numbered))]
    if not isinstance(given, list) or not all(isinstance(entry, str) for entry in cast("list[Any]", given)):
        raise ValueError("JSON must hold a list of texts")
    return cast("list[str]", given)


def _counts(values: Sequence[Any]) -> bool:
    return all(isinstance(value, int) and not isinstance(value, bool) for value in values)


def _csv(text: str) -> list[str]:
    rows = [row for row in csv.reader(text.splitlines()) if row]
    if not rows:
        return []
    head = [cell.strip().lower() for cell in rows[0]]
    named = [index for index, cell in enumerate(head) if cell in HEADERS]
    column = named[0] if named else len(head) - 1
    return [row[column] if column < len(row) else "" for row in (rows[1:] if named else rows)]


def _refuse_odd(path: Path, entries: Sequence[str], keep_spaces: bool) -> None:
    if not entries:
        raise WrongUseError("the list is empty", where=path)
    if len(entries) > MOST:
        raise WrongUseError(f"the list has {len(entries)} entries, at most {MOST} are read", where=path)
    if not keep_spaces and not all(entries):
        raise WrongUseError(f"entry {entries.index('') + 1} is empty", where=path)
    if twice := sorted({entry for entry in entries if entries.count(entry) > 1}):
        raise WrongUseError(f"{twice[0]!r} is in the list twice", where=path)


def columns(signs: Sequence[str], alphabet: str) -> tuple[tuple[int, ...], ...]:
    """For the blank and each sign of our alphabet the columns of theirs that stand for it.

    Capitals and accents fold into our sign; special tokens (`<unk>`) and signs we do not have stand for nothing.

    Raises:
        WrongUseError: no sign, or more than one, is the blank; a sign has several letters; none is one of ours.
    """
    blanks = [index for index, sign in enumerate(signs) if sign.lower() in BLANKS]
    if len(blanks) != 1:
        raise WrongUseError(
            f"{len(blanks)} entries of the vocabulary are the CTC blank, exactly one must be",
            do="Write it as <blank>, on the line of its output column.",
        )
    found: list[list[int]] = [[] for _ in range(len(alphabet) + 1)]
    found[0] = blanks
    for index, sign in enumerate(signs):
        folded = _folded(sign)
        if len(folded) > 1:
            raise WrongUseError(
                f"the vocabulary's entry {sign!r} has several letters", do="Only models that spell are supported."
            )
        if index not in blanks and folded and folded in alphabet:
            found[alphabet.index(folded) + 1].append(index)
    if not any(found[1:]):
        raise WrongUseError("no sign of the vocabulary is one this program writes", do=f"It writes: {alphabet}")
    return tuple(tuple(places) for places in found)


def _folded(sign: str) -> str:
    """Our way to write a sign; "" for special tokens."""
    if sign.lower() in SPACES:
        return " "
    if len(sign) > 1 and sign[0] + sign[-1] in ("<>", "[]"):
        return ""
    plain = unicodedata.normalize("NFKD", sign.casefold().replace("\u2019", "'"))
    return "".join(char for char in plain if not unicodedata.combining(char))
