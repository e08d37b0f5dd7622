"""Erases samples from what trainings left: manifests, evidence, reports, progress, the audit log.

Versions stay as they are: they are immutable, and `core.privacy` names those that learnt from a sample. A job whose
manifest lost rows says so in its `export_meta.json`, and is never resumed (see `dataset`).
"""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any, cast

from core.files import locked, write_atomic, write_in_place
from core.gone import DROPPED, Gone
from core.training import audit, manifests, report
from core.workspace import Workspace

Json = dict[str, Any]
# Where a report, a line of progress or an audit line speaks of single samples in words; elsewhere a word that only
# one sample had ("train", "done") may be a name of ours.
SPEAKING = ("details", "patterns", "slices", "notes", "error", "reason")


def erase(space: Workspace, gone: Gone) -> list[str]:
    """Erase samples from job folders and the audit log; see `core.gone`."""
    done = [path for folder in _folders(space) for path in _job(folder, gone)]
    log = space.models / audit.NAME
    if log.exists():
        with locked(log):  # whoever appends takes the same lock, on this very file
            done += [log] if _overwrite_lines(log, gone) else []
    return sorted(path.relative_to(space.root).as_posix() for path in done)


def _folders(space: Workspace) -> list[Path]:
    """Job folders, and manifests that a killed training was making beside them."""
    return sorted(path for path in space.jobs.iterdir() if path.is_dir()) if space.jobs.is_dir() else []


def _job(folder: Path, gone: Gone) -> list[Path]:
    done: list[Path] = []
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    learnt = any(path.name == manifests.FULL and gone.named(_text(path)) for path in files)
    for path in files:
        if path.suffix in (".html", ".lock") or not path.stat().st_size or not _concerns(_text(path), gone):
            continue
        if path.suffix == ".csv":
            _rows(path, gone)
        elif path.suffix == ".json":
            _document(path, gone)
        elif path.suffix == ".jsonl":
            _overwrite_lines(path, gone)
        else:
            path.unlink()
        done.append(path)
    if learnt:
        _say_so(folder)
    page = folder / "report.html"
    if page.exists() and (learnt or _concerns(_text(page), gone) or folder / "report.json" in done):
        _redraw(page)
        done.append(page)
    return done


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace")


def _concerns(text: str, gone: Gone) -> bool:
    return gone.named(text) or gone.quoted(text)


def _rows(path: Path, gone: Gone) -> None:
    head, *rows = csv.reader(io.StringIO(_text(path), newline=""))
    kept = [row for row in rows if not any(map(gone.named, row))]
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([head, *kept])
    write_atomic(path, text.getvalue())


def _document(path: Path, gone: Gone) -> None:
    clean = _clean(_text(path), gone)
    if clean is DROPPED:
        path.unlink()
    else:
        write_atomic(path, json.dumps(clean, indent=1, ensure_ascii=False))


def _overwrite_lines(path: Path, gone: Gone) -> bool:
    """Take lines out of a file that others may hold open for appending, hence in place and not by renaming."""
    raw = path.read_bytes().splitlines(keepends=True)
    kept = [line for line in (_line(line, gone) for line in raw) if line]
    if kept == raw:
        return False
    write_in_place(path, b"".join(kept))
    return True


def _line(raw: bytes, gone: Gone) -> bytes:
    text = raw.decode("utf-8", "replace")
    if not _concerns(text, gone):
        return raw
    clean = _clean(text, gone)
    return b"" if clean is DROPPED else json.dumps(clean, ensure_ascii=False).encode() + b"\n"


def _clean(text: str, gone: Gone) -> Any:
    try:
        clean: Any = gone.without(json.loads(text))
    except ValueError:
        return DROPPED
    if isinstance(clean, dict):
        known = cast("Json", clean)
        said = {name: gone.without(known[name], words=True) for name in SPEAKING if name in known}
        return known | {name: None if part is DROPPED else part for name, part in said.items()}
    return clean


def _say_so(folder: Path) -> None:
    meta = folder / manifests.META
    try:
        known: Json = json.loads(meta.read_bytes())
    except (OSError, ValueError):
        known = {"schema_version": manifests.SCHEMA_VERSION}
    write_atomic(meta, json.dumps(known | {manifests.FORGOTTEN: True}, indent=1, ensure_ascii=False))


def _redraw(page: Path) -> None:
    """Draw a job's page again from what is left of its report; where that is too little there is no page."""
    from jinja2 import TemplateError

    try:
        known = cast("Json", json.loads((page.with_suffix(".json")).read_bytes()))
        title, facts = str(known.pop("title", "")), cast("Json", known.pop("facts", {}))
        write_atomic(page, report.html(known, title, facts))
    except (OSError, ValueError, TypeError, LookupError, TemplateError):
        page.unlink(missing_ok=True)
