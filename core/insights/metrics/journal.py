"""What lines of `training_data/metrics.jsonl` say, and how they get into the tables.

The journal and the kept import files are the truth; the tables remember how far they have read it and take in the rest,
so a lost catalog, a rebuild or a change to PostgreSQL loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, cast

from core.errors import StoreError
from core.insights.intake.block import COLUMNS
from core.insights.intake.checking import Rules, check
from core.insights.metrics import applying
from core.insights.platforms import one_name
from core.log import logger
from core.store.forgotten import Forgotten, forgotten_meanwhile
from core.store.identity import new_id
from core.store.journal import Journal
from core.store.reading import Line, Snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from core.insights.metrics.database import Database

Json = dict[str, Any]
TakeFile = Callable[..., list[str]]
NAME = "metrics.jsonl"
LINES = 500  # taken in per transaction
READING = 3  # how lines become rows; tables that were filled in another way are filled again


@dataclass(frozen=True)
class Position:
    """How far the tables have read: whose journal, to which byte, and how many rows of the import that comes next.

    `fingerprint` is the `mark` of what was read.
    """

    workspace: str = ""
    offset: int = 0
    fingerprint: str = ""
    rows_done: int = 0


def append(journal: Journal, line: Json, listed: Callable[[], Forgotten] = Forgotten) -> None:
    """Add a line; it is durable when this returns. A new journal begins with a name of its own.

    Args:
        listed: the list of the forgotten.

    Raises:
        StoreError: it cannot be written, or names a forgotten sample; nothing was added.
    """

    def sift(lines: Sequence[Json]) -> Sequence[bool]:
        """Under the journal's lock, which erasing takes too: what passes here is found and erased there."""
        rows = line["rows"] if line.get("op") == "write" else ()
        if listed().has(line.get("sample"), *(row.get("sample_id") for row in rows)):
            raise forgotten_meanwhile()
        return [True] * len(lines)

    begin: list[Json] = []
    if not journal.path.exists():
        begin = [{"op": "begin", "workspace": new_id()}]
    for note in journal.append([*begin, line], sift):
        logger.warning("%s", note)


def position(conn: Connection) -> Position:
    """How far this database has read."""
    from sqlalchemy import select

    from core.insights.metrics.tables import POSITION

    row = conn.execute(select(POSITION)).mappings().first()
    return Position(**{name: value for name, value in row.items() if name != "only"}) if row else Position()


def remember(conn: Connection, reached: Position) -> None:
    """Note how far was read, in the transaction that wrote what was read."""
    from sqlalchemy import delete, insert

    from core.insights.metrics.tables import POSITION

    conn.execute(delete(POSITION))
    conn.execute(
        insert(POSITION),
        {
            "only": 1,
            "workspace": reached.workspace,
            "offset": reached.offset,
            "fingerprint": reached.fingerprint,
            "rows_done": reached.rows_done,
        },
    )


def owner(shot: Snapshot) -> str:
    """The journal's own name, from its first line."""
    first = next(shot.lines(), None)
    return str(first.data.get("workspace", "")) if first and first.data and first.data.get("op") == "begin" else ""


def mark(shot: Snapshot, offset: int) -> str:
    """What the journal holds up to there, and how it was read."""
    return f"{READING}:{shot.fingerprint(offset)}" if offset else ""


def require_own(database: Database, reached: Position, mine: str) -> None:
    """Refuse to take over what another workspace keeps in PostgreSQL; one without metrics (`mine` is "") owns nothing.

    Raises:
        StoreError: it holds another workspace's metrics.
    """
    if database.path is None and reached.workspace and reached.workspace != mine:
        raise StoreError(
            "holds the metrics of another workspace", where="the database of database.url", do="Name another database."
        )


def start_over(database: Database, journal: Journal) -> None:
    """Forget how far was read, so that everything is read once more.

    Raises:
        StoreError: a PostgreSQL database holds another workspace's metrics.
    """
    from sqlalchemy import delete

    from core.insights.metrics.tables import POSITION

    with database.write() as conn, journal.snapshot() as shot:
        require_own(database, position(conn), owner(shot))
        conn.execute(delete(POSITION))


def where_to_begin(database: Database, shot: Snapshot) -> Position:
    """How far the tables have read this journal; they are emptied where they hold another one, or parts of it changed.

    Raises:
        StoreError: a PostgreSQL database holds another workspace's metrics.
    """
    from sqlalchemy import delete

    from core.insights.metrics.tables import MIRRORED

    with database.read() as conn:
        reached = position(conn)
    mine = owner(shot)
    if reached.workspace == mine and shot.whole >= reached.offset:
        if reached.fingerprint == mark(shot, reached.offset):
            return reached
    else:
        require_own(database, reached, mine)
    with database.write() as conn:
        for table in MIRRORED:
            conn.execute(delete(table))
        anew = Position(workspace=mine)
        remember(conn, anew)
    return anew


def replay(
    database: Database, shot: Snapshot, root: Path, watched: str = "", take: TakeFile | None = None
) -> list[str]:
    """Take in what the tables have not read yet.

    Args:
        watched: the id of an import that `take` takes in instead of `taking.again`.

    Returns:
        What could not be read, as sentences.

    Raises:
        CancelledError: `take` was stopped; the tables know how far it got.
    """
    from core.insights.metrics import taking

    reached = where_to_begin(database, shot)
    problems: list[str] = []
    cuts: dict[str, int] | None = None
    for lines in _batches(shot, reached.offset):
        end, said = lines[-1].end, lines[0].data
        after = Position(reached.workspace, end, mark(shot, end))
        if said is not None and said.get("op") == "import":
            cuts = _cuts(shot, end) if cuts is None else cuts
            identity = str(said.get("id"))
            do = take if take and identity == watched else taking.again
            problems += do(database, root, said, reached, after, until=cuts.get(identity))
        else:
            with database.write() as conn:
                for line in lines:
                    problems += _taken_in(conn, database.dialect, line)
                remember(conn, after)
        reached = after
    return problems


def _cuts(shot: Snapshot, offset: int) -> dict[str, int]:
    """How many rows count of imports that were cancelled (0: taken back as a whole)."""
    found = (line.data for line in shot.lines(offset) if line.data and line.data.get("op") == "cut")
    return {str(said["import"]): int(said["rows"]) for said in found if isinstance(said.get("rows"), int)}


def _batches(shot: Snapshot, offset: int) -> Iterator[list[Line]]:
    """The lines from there on: an import by itself, others up to `LINES` at once."""
    some: list[Line] = []
    for line in shot.lines(offset):
        if not line.ended:
            break
        is_import = line.data is not None and line.data.get("op") == "import"
        if some and (is_import or len(some) == LINES):
            yield some
            some = []
        some.append(line)
        if is_import:
            yield some
            some = []
    if some:
        yield some


def _taken_in(conn: Connection, dialect: str, line: Line) -> list[str]:
    said = line.data
    if said is None:
        return [f"{NAME} line {line.number} {line.problem}"]
    try:
        take_in(conn, dialect, said)
    except (ValueError, TypeError, KeyError, AttributeError) as error:  # anybody may have written to the journal
        return [f"{NAME} line {line.number} cannot be used ({type(error).__name__}: {error})"]
    return []


def take_in(conn: Connection, dialect: str, said: Json) -> None:
    """One line that is no import.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: it is none of ours.
    """
    if said["op"] == "write":
        write_rows(conn, dialect, said["rows"], float(said["at"]))
    elif said["op"] == "scores":
        put(conn, dialect, "meta_learning_scores", [row | {"platform": _platform(row)} for row in said["rows"]])
    elif said["op"] == "snapshot":
        put(conn, dialect, "daily_snapshots", [said["row"]])
    elif said["op"] == "link":
        link(conn, dialect, str(said["content_id"]), one_name(str(said["platform"])), said["sample"])
    elif said["op"] not in ("begin", "cut"):
        raise ValueError(f"op {said['op']!r} is not known")


def write_rows(conn: Connection, dialect: str, rows: list[Mapping[str, Any]], now: float) -> applying.Changes:
    """Rows of metrics and facts by our columns' names, each with its `platform`, as the API takes them.

    Raises:
        ValueError: a value is wrong; which, and why.
    """
    last = applying.Changes()
    for platform, found in groupby(sorted(rows, key=_platform), _platform):
        some = list(found)
        names = [name for name in COLUMNS if name == "content_id" or any(row.get(name) is not None for row in some)]
        raw = {name: [row.get(name) for row in some] for name in names}
        checked = check(platform, raw, {}, Rules(now=now))
        if checked.refused:
            raise ValueError(next(iter(checked.refused.values())))
        last = applying.compare(conn, checked.block)
        applying.write(conn, dialect, platform, last)
    return last


def _platform(row: Mapping[str, Any]) -> str:
    return one_name(str(row["platform"]))


def put(conn: Connection, dialect: str, table: str, rows: list[Mapping[str, Any]]) -> None:
    """Rows of one of the computed tables, replacing those with the same key."""
    from core.insights.metrics.tables import METADATA, names, upsert

    target = METADATA.tables[table]
    if rows:
        conn.exec_driver_sql(upsert(target, dialect), [tuple(row.get(name) for name in names(target)) for row in rows])


def link(conn: Connection, dialect: str, content_id: str, platform: str, sample: object) -> None:
    """Note which sample a post came from; None takes the link away."""
    from sqlalchemy import and_, select

    from core.insights.metrics.tables import CONTENT, names

    mine = and_(CONTENT.c.content_id == content_id, CONTENT.c.platform == platform)
    row = conn.execute(select(CONTENT).where(mine)).mappings().first()
    blank: Json = dict.fromkeys(names(CONTENT))
    known = cast("Json", dict(row)) if row else blank | {"content_id": content_id, "platform": platform}
    put(conn, dialect, "content", [known | {"sample_id": None if sample is None else str(sample)}])
