"""Where learning reports lie: insights/<date>/report.json and report.md, and insights/recommendations.json beside them.

Derived from the metrics: what is lost or erased here is made again by learning that day once more.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path
from typing import cast

from core.errors import StoreError, WrongUseError
from core.files import private_dir, remove_tree, write_atomic
from core.gone import Gone
from core.insights.reports.report import Json, LearningReport, from_json
from core.workspace import Workspace

FOLDER = "insights"
JSON_FILE, PAGE_FILE, RULES_FILE = "report.json", "report.md", "recommendations.json"
LOCK = "insights.lock"  # in jobs/: two learnings of one day at once would only do the work twice


def folder(space: Workspace) -> Path:
    """The folder of all reports."""
    return space.root / FOLDER


def save(space: Workspace, report: LearningReport, page: str) -> None:
    """Write the report, its page (Markdown) and, unless a later day has been learned, the rules for other programs.

    Files that already hold the same bytes are left alone.
    """
    private_dir(folder(space))
    own = folder(space) / report.date
    if _same_but_for_cost(space, report):
        return
    _put(own / JSON_FILE, encoded(report.to_json()))
    _put(own / PAGE_FILE, page)
    known = rules(space)
    if known is None or str(known.get("made_for", "")) <= report.date:
        _put(folder(space) / RULES_FILE, encoded(report.rules))


def _same_but_for_cost(space: Workspace, report: LearningReport) -> bool:
    """Learning itself makes the workspace larger, and must not make an equal report another one."""
    own = folder(space) / report.date
    try:
        known = load(space, report.date)
    except (StoreError, WrongUseError):
        return False
    complete = (own / PAGE_FILE).is_file() and rules(space) is not None
    return complete and encoded(replace(report, cost=known.cost).to_json()) == encoded(known.to_json())


def encoded(found: Json) -> str:
    """JSON with sorted keys, so that equal content is equal bytes."""
    return json.dumps(found, ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False) + "\n"


def _put(path: Path, text: str) -> None:
    if not path.is_file() or path.read_bytes() != text.encode():
        write_atomic(path, text)


def dates(space: Workspace) -> list[str]:
    """Days with a report, oldest first."""
    found = [path.parent.name for path in folder(space).glob(f"*/{JSON_FILE}")]
    return sorted(name for name in found if _is_date(name))


def _is_date(name: str) -> bool:
    try:
        return dt.date.fromisoformat(name).isoformat() == name
    except ValueError:
        return False


def load(space: Workspace, date: str) -> LearningReport:
    """The report of a day.

    Raises:
        WrongUseError: there is none.
        StoreError: it is damaged, or of another version of this program.
    """
    path = folder(space) / date / JSON_FILE
    if not _is_date(date) or not path.is_file():
        known = dates(space)
        do = f"Newest: {known[-1]}." if known else None
        raise WrongUseError(f"no report of {date}", do=f"{do + ' ' if do else ''}Make it: rushes insights daily --date")
    try:
        found = json.loads(path.read_bytes())
    except ValueError:
        raise StoreError("the report is damaged", where=path, do="Make it again: rushes insights daily") from None
    return from_json(found, path)


def latest(space: Workspace, days: int) -> list[LearningReport]:
    """The reports of the newest so many learned days, newest first; a damaged one is left out."""
    found: list[LearningReport] = []
    for date in reversed(dates(space)):
        if len(found) == days:
            break
        try:
            found.append(load(space, date))
        except StoreError:
            continue
    return found


def rules(space: Workspace) -> Json | None:
    """The newest rules for other programs; None where there are none that can be read."""
    try:
        found = json.loads((folder(space) / RULES_FILE).read_bytes())
    except (OSError, ValueError):
        return None
    return cast("Json", found) if isinstance(found, dict) else None


def erase(space: Workspace, gone: Gone) -> list[str]:
    """Remove the reports that name a forgotten sample or its media; learning such a day again makes them anew.

    What was said of a sample stands in a report only beside the sample's id.
    """
    marks = [mark for mark in gone.marks() if mark]
    erased: list[str] = []
    for own in sorted(path for path in folder(space).glob("*") if path.is_dir() and _is_date(path.name)):
        if any(_names(path, marks) for path in (own / JSON_FILE, own / PAGE_FILE)):
            remove_tree(own)
            erased.append(f"{FOLDER}/{own.name}")
    if _names(folder(space) / RULES_FILE, marks):
        (folder(space) / RULES_FILE).unlink()
        erased.append(f"{FOLDER}/{RULES_FILE}")
    return erased


def _names(path: Path, marks: list[str]) -> bool:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        return False
    except ValueError:
        return True  # not readable as text: better gone than kept
    # As it stands, and as JSON writes it.
    return any(mark in text or json.dumps(mark, ensure_ascii=False)[1:-1] in text for mark in marks)
