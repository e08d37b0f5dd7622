"""Forgetting samples where posts are remembered.

A post's numbers are the user's own public figures and stay. What goes, in tables, journal and kept import files: the
link to the sample, and everything that holds its id, its path or its hash; of a linked post also a caption that is the
sample's own text.
"""

from __future__ import annotations

import csv
import io
import json
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from core.errors import RushesError
from core.files import fsync_dir, replacing, sha256_file
from core.gone import Gone
from core.insights.intake import rows
from core.insights.intake.rows import Form
from core.insights.metrics.importing import IMPORTS
from core.insights.metrics.journal import NAME, Position, mark, owner, position, remember
from core.insights.metrics.store import MetricsStore
from core.insights.reports import history
from core.store import wire
from core.store.journal import Journal
from core.workspace import Workspace

if TYPE_CHECKING:
    from sqlalchemy import Connection

Json = dict[str, Any]
Posts = set[str]
_IMPORTED = re.compile(rb"imports/([0-9a-f]{64})\.")


class _Scrubber:
    """Takes what is of a forgotten sample out of values."""

    def __init__(self, gone: Gone) -> None:
        self.samples, self.words = gone.samples, gone.words
        self.mark = re.compile("|".join(re.escape(one) for one in sorted(gone.marks(), key=len, reverse=True)))

    def holds(self, text: str) -> bool:
        return self.mark.search(text) is not None

    def value(self, value: Any) -> Any:
        """The value without texts that hold a mark; objects lose such entries whole."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.value(one) for one in cast("list[Any]", value)]
        if isinstance(value, dict):
            kept = {name: (inner, self.value(inner)) for name, inner in cast("Json", value).items()}
            return {
                name: new
                for name, (old, new) in kept.items()
                if not self.holds(name) and (new is not None or old is None)
            }
        return value

    def text(self, text: str | None) -> str | None:
        """A text, which may be JSON, without what holds a mark."""
        if text is None or not self.holds(text):
            return text
        with suppress(ValueError, RecursionError):
            if isinstance(said := json.loads(text), list | dict):
                return wire.compact(self.value(said))
        return None

    def row(self, row: Json, posts: Posts, content: object, caption: str = "caption") -> Json:
        """A row of a post; a linked one's caption goes where it is what the sample said."""
        found: Json = self.value(row)
        if content in posts and found.get(caption) in self.words:
            found[caption] = None
        return found


def erase(space: Workspace, gone: Gone) -> list[str]:
    """Forget the samples here; returns the workspace's files that were rewritten. Doing it again changes nothing.

    Raises:
        StoreError: something cannot be rewritten.
    """
    if not any(gone.marks()):
        return []
    scrubber, changed = _Scrubber(gone), list[str]()
    journal = Journal(space.data / NAME)
    if journal.path.exists():
        with MetricsStore(space) as store, store.exclusive():
            store.take_in()
            posts = _posts(store, gone)
            if _erase_tables(store, scrubber, posts):
                changed.append("rushes.db")
            renamed = _erase_files(space, journal, scrubber, posts)
            changed += [f"training_data/{name}" for name in renamed.values()]
            if _erase_journal(journal, scrubber, posts, renamed):
                changed.append(f"training_data/{NAME}")
            _catch_up(store, journal)
            for name in renamed:
                if name not in renamed.values():
                    (space.data / name).unlink(missing_ok=True)
            if renamed:
                fsync_dir(space.data / IMPORTS)
    if journal.torn.exists() and scrubber.holds(journal.torn.read_text(errors="replace")):
        journal.torn.unlink()
        changed.append(f"training_data/{journal.torn.name}")
    return changed + history.erase(space, gone)


def _posts(store: MetricsStore, gone: Gone) -> Posts:
    from sqlalchemy import select

    from core.insights.metrics.applying import chunks
    from core.insights.metrics.tables import CONTENT

    found: Posts = set()
    with store.database.read() as conn:
        for some in chunks(sorted(gone.samples)):
            found |= set(conn.scalars(select(CONTENT.c.content_id).where(CONTENT.c.sample_id.in_(some))))
    return found


def _erase_tables(store: MetricsStore, scrubber: _Scrubber, posts: Posts) -> bool:
    from core.insights.metrics.tables import CONTENT, MIRRORED, upsert

    any_changed = False
    with store.database.write() as conn:
        if store.database.path is not None:
            conn.exec_driver_sql("PRAGMA secure_delete = ON")  # the old bytes are overwritten, not only unused
        for table in MIRRORED:
            names = [column.name for column in table.columns if column.type.python_type is str]
            changed: list[tuple[Any, ...]] = []
            for row in _all(conn, table):
                new = {name: scrubber.text(row[name]) if name in names else row[name] for name in row}
                if table is CONTENT and row["content_id"] in posts and new["caption"] in scrubber.words:
                    new["caption"] = None
                if new != row and all(new[column.name] is not None for column in table.primary_key):
                    changed.append(tuple(new.values()))
            if changed:
                conn.exec_driver_sql(upsert(table, store.database.dialect), changed)
                any_changed = True
    return any_changed


def _all(conn: Connection, table: Any) -> list[Json]:
    """Rows with any text of ours beside their key; those are few in the tables that are large."""
    from sqlalchemy import or_, select

    keys = {column.name for column in table.primary_key}
    texts = [column for column in table.columns if column.type.python_type is str and column.name not in keys]
    if not texts:
        return []
    query = select(table).where(or_(*(column.is_not(None) for column in texts)))
    return [dict(row) for row in conn.execute(query).mappings()]


def _erase_files(space: Workspace, journal: Journal, scrubber: _Scrubber, posts: Posts) -> dict[str, str]:
    """Rewrite import files that hold something; their old names -> their new ones, which are hashes too."""
    said = [line.data for line in journal.read() if line.data and line.data.get("op") == "import"]
    captions = {str(one.get("file")): one for one in said}
    others = _of_others(space, journal)
    renamed: dict[str, str] = {}
    for path in sorted((space.data / IMPORTS).glob("*")):
        name = f"{IMPORTS}/{path.name}"
        if not path.is_file() or path.name.startswith("."):
            continue
        line = captions.get(name)
        if line is None and path.stem in others:
            continue
        try:
            form = Form(**line["form"]) if line else rows.look(path)
        except RushesError:
            # Nobody names it and it is no file of posts; what still names a sample is listed at the end.
            continue
        columns: dict[str, str] = line["layout"]["columns"] if line else {}
        if _holds(path, form, scrubber, posts):
            target = _rewrite(path, form, scrubber, posts, columns)
            if target != path:
                renamed[name] = f"{IMPORTS}/{target.name}"
    return renamed


def _of_others(space: Workspace, journal: Journal) -> set[str]:
    """Hashes of the import files that other journals name; whoever keeps those erases there."""
    found: set[str] = set()
    for path in space.data.glob("*.jsonl"):
        if path == journal.path:
            continue
        with path.open("rb") as file:
            found |= {named[1].decode() for line in file for named in _IMPORTED.finditer(line)}
    return found


def _holds(path: Path, form: Form, scrubber: _Scrubber, posts: Posts) -> bool:
    linked = {one for one in posts if one}
    with path.open(encoding=form.encoding, errors=rows.lenient(form), newline="") as file:
        return any(scrubber.holds(line) or any(one in line for one in linked) for line in file)


def _rewrite(path: Path, form: Form, scrubber: _Scrubber, posts: Posts, columns: dict[str, str]) -> Path:
    fresh = path.with_name(f".rewritten-{path.name}")
    with (
        replacing(fresh) as temporary,
        temporary.open("w", encoding=form.encoding, errors=rows.lenient(form), newline="") as out,
        path.open(encoding=form.encoding, errors=rows.lenient(form), newline="") as file,
    ):
        (_rewrite_csv if form.kind == "csv" else _rewrite_jsonl)(file, out, form, scrubber, posts, columns)
    target = path.with_name(f"{sha256_file(fresh)}{path.suffix}")
    if target == path:
        fresh.unlink()
    else:
        fresh.replace(target)
    return target


def _rewrite_csv(
    file: io.TextIOBase, out: Any, form: Form, scrubber: _Scrubber, posts: Posts, columns: dict[str, str]
) -> None:
    reader, writer = csv.reader(file, delimiter=form.delimiter), csv.writer(out, delimiter=form.delimiter)
    names = [name.strip() for name in next(reader, [])]
    writer.writerow(names)
    content, caption = (columns.get(name, name) for name in ("content_id", "caption"))
    while True:
        try:
            cells = next(reader, None)
        except csv.Error:
            cells = [""]  # as broken as before: the rows after it keep their numbers
        if cells is None:
            return
        kept = [scrubber.text(cell) or "" for cell in cells]
        if len(cells) == len(names) and content in names and caption in names:
            said, place = kept[names.index(content)], names.index(caption)
            if said in posts and kept[place] in scrubber.words:
                kept[place] = ""
        writer.writerow(kept)


def _rewrite_jsonl(
    file: io.TextIOBase, out: Any, form: Form, scrubber: _Scrubber, posts: Posts, columns: dict[str, str]
) -> None:
    del form
    content, caption = (columns.get(name, name) for name in ("content_id", "caption"))
    for line in file:
        try:
            said = json.loads(line)
        except (ValueError, RecursionError):
            out.write("\n" if scrubber.holds(line) else line)
            continue
        if isinstance(said, dict):
            row = cast("Json", said)
            said = scrubber.row(row, posts, row.get(content), caption)
        else:
            said = scrubber.value(said)
        out.write(json.dumps(said, ensure_ascii=False) + "\n")


def _erase_journal(journal: Journal, scrubber: _Scrubber, posts: Posts, renamed: dict[str, str]) -> bool:
    changed = False

    def change(line: Json) -> Json | None:
        nonlocal changed
        new = _line(line, scrubber, posts, renamed)
        changed = changed or new != line
        return new

    if any(line.data and _line(line.data, scrubber, posts, renamed) != line.data for line in journal.read()):
        journal.rewrite(change)
    return changed


def _line(line: Json, scrubber: _Scrubber, posts: Posts, renamed: dict[str, str]) -> Json | None:
    if line.get("op") == "link" and scrubber.value(line.get("sample")) != line.get("sample"):
        return None
    new: Json = scrubber.value(line)
    if line.get("op") == "write" and isinstance(line.get("rows"), list):
        new["rows"] = [
            scrubber.row(cast("Json", row), posts, cast("Json", row).get("content_id"))
            if isinstance(row, dict)
            else row
            for row in cast("list[object]", line["rows"])
        ]
    if line.get("op") == "import":
        new["file"] = renamed.get(str(line.get("file")), line.get("file"))
    return new


def _catch_up(store: MetricsStore, journal: Journal) -> None:
    """The tables hold what the rewritten journal says already; they need not read it again."""
    with journal.snapshot() as shot:
        fresh = Position(owner(shot), shot.whole, mark(shot, shot.whole))
        with store.database.read() as conn:
            if position(conn) == fresh:
                return
        with store.database.write() as conn:
            remember(conn, fresh)
