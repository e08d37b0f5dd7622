"""The rows of a kept import file into the tables, in blocks, from where an earlier attempt ended.

How the file is read stands in its journal line; what the user wants of it is core.insights.metrics.importing's.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core.errors import CancelledError, RushesError, WrongUseError
from core.files import inside
from core.insights.intake import rows, values
from core.insights.intake.block import COLUMNS, Block, joined
from core.insights.intake.checking import Rules, check, is_name
from core.insights.intake.mapping import Layout
from core.insights.intake.rows import Form, Raw
from core.insights.metrics import applying
from core.insights.metrics.journal import Json, Position, remember
from core.insights.platforms import one_name

if TYPE_CHECKING:
    from core.insights.metrics.database import Database
    from core.insights.metrics.store import MetricsStore

SHOWN = 100  # bad rows that are listed; all are counted
# Rows per transaction. Ids come in no order, so that each transaction touches most pages of a large table: 50 of
# 20,000 rows take three times as long as 5 of 200,000, which hold 400 MB.
GATHERED = 200_000
Progress = Callable[[int, str], None]


def silent(done: int, name: str) -> None:
    """Progress that nobody watches."""
    del done, name


@dataclass
class Imported:
    """What an import did. `rows` counts every row of the file; `errors` lists the first `SHOWN` of `error_count`."""

    rows: int = 0
    new: int = 0
    updated: int = 0
    history: int = 0
    error_count: int = 0
    errors: list[Json] = field(default_factory=list[Json])
    platform: str | None = None
    mapping: dict[str, str] = field(default_factory=dict[str, str])
    features: list[str] = field(default_factory=list[str])
    ignored: list[str] = field(default_factory=list[str])
    percent: list[str] = field(default_factory=list[str])
    notes: list[str] = field(default_factory=list[str])

    def to_json(self) -> Json:
        return asdict(self)

    def refuse(self, found: Sequence[tuple[int, str]]) -> None:
        """Count bad rows, and list the first of them."""
        self.error_count += len(found)
        self.errors += [{"row": row, "reason": why} for row, why in found[: SHOWN - len(self.errors)]]


@dataclass(frozen=True)
class Plan:
    """How a kept file is read, as its journal line says."""

    form: Form
    layout: Layout
    platform: str | None
    rules: Rules
    longest: int

    @staticmethod
    def of(said: Json) -> Plan:
        """The plan in a journal line.

        Raises:
            KeyError, TypeError, ValueError: it is none.
        """
        layout = Layout(**said["layout"])
        rules = Rules(
            now=float(said["at"]),
            zone=zone(said["time_zone"]),
            percent=frozenset(layout.percent),
            comma=layout.comma,
            measured_at=said["measured_at"],
        )
        platform = said["platform"] and one_name(str(said["platform"]))
        return Plan(Form(**said["form"]), layout, platform, rules, int(said["longest"]))


def zone(name: str) -> tzinfo:
    """A time zone by name.

    Raises:
        WrongUseError: there is none of that name.
    """
    if name.upper() == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise WrongUseError(
            f"there is no time zone {name[:60]!r}", do="For instance UTC, local, Europe/Berlin."
        ) from None


def already(store: MetricsStore, kept: Path, plan: Plan, progress: Progress) -> Imported | None:
    """What importing would do if it changed nothing; None as soon as it would."""
    found = Imported()
    for raw in rows.blocks(kept, plan.form, longest=plan.longest):
        blocks = list(_checked(plan, raw, found))
        with store.database.read() as conn:
            if any(applying.compare(conn, block) for block in blocks):
                return None
        progress(found.rows, "looking")
    return found


def _checked(plan: Plan, raw: Raw, found: Imported) -> Iterator[Block]:
    """The good rows of a raw block, platform by platform; bad ones are counted."""
    found.rows += len(raw.rows) + len(raw.broken)
    bad = list(raw.broken)
    for platform, some in _by_platform(plan, raw, bad):
        ours = {
            name: some.columns[it] for name, it in plan.layout.columns.items() if name in COLUMNS and it in some.columns
        }
        if "content_id" not in ours:
            bad += [(row, "content_id: is empty") for row in some.rows]
            continue
        extras = {name: some.columns[name] for name in plan.layout.features if name in some.columns}
        checked = check(platform, ours, extras, plan.rules)
        bad += [(some.rows[row], why) for row, why in checked.refused.items()]
        if len(checked.block):
            yield checked.block
    found.refuse(sorted(bad))


def _gathered(
    kept: Path, plan: Plan, skip: int, until: int | None, found: Imported, progress: Progress, stop: Callable[[], bool]
) -> Iterator[tuple[int, list[Block]]]:
    """The good rows after the first `skip`, about `GATHERED` at once, and up to which row of the file they go.

    Raises:
        CancelledError: `stop` said so; what was read until then was yielded before.
    """
    some: dict[str, list[Block]] = {}
    begun = reached = skip
    for raw in rows.blocks(kept, plan.form, skip=skip, longest=plan.longest):
        if until is not None and raw.done > until:
            break
        if stop():
            if reached > begun:
                yield reached, [joined(blocks) for blocks in some.values()]
            raise CancelledError("stopped", do="Whole blocks were kept; import the file again to complete it.")
        for block in _checked(plan, raw, found):
            some.setdefault(block.platform, []).append(block)
        reached = raw.done
        if reached - begun >= GATHERED:
            yield reached, [joined(blocks) for blocks in some.values()]
            some, begun = {}, reached
        progress(raw.done, "importing")
    if reached > begun:
        yield reached, [joined(blocks) for blocks in some.values()]


def _by_platform(plan: Plan, raw: Raw, bad: list[tuple[int, str]]) -> Iterator[tuple[str, Raw]]:
    if not raw.rows:
        return
    if plan.platform is not None:
        yield plan.platform, raw
        return
    theirs = raw.columns.get(plan.layout.columns["platform"], [None] * len(raw.rows))
    places: dict[str, list[int]] = {}
    for place, one in enumerate(theirs):
        name = one_name(str(one or ""))
        if is_name(name):
            places.setdefault(name, []).append(place)
        else:
            bad.append((raw.rows[place], f"platform: {values.shown(one or '')} is no name"))
    for name, some in places.items():
        columns: dict[str, Sequence[Any]] = {
            column: [found[place] for place in some] for column, found in raw.columns.items()
        }
        yield name, Raw([raw.rows[place] for place in some], columns)


def again(
    database: Database,
    root: Path,
    said: Json,
    reached: Position,
    after: Position,
    *,
    until: int | None = None,
    found: Imported | None = None,
    progress: Progress = silent,
    stop: Callable[[], bool] = lambda: False,
) -> list[str]:
    """Take in what a journal line of an import says, from where an earlier attempt ended.

    Args:
        until: rows after which it was cancelled.
        after: the position behind the line.
        found: what is counted.

    Returns:
        Why it cannot be, as sentences.

    Raises:
        CancelledError: `stop` said so.
    """
    found = Imported() if found is None else found
    try:
        plan = Plan.of(said)
        kept = inside(root / "training_data", str(said["file"]))
        problems = [] if kept.is_file() else [f"the import {said.get('name')} is gone: training_data/{said['file']}"]
    except (KeyError, TypeError, ValueError, RushesError) as error:
        plan, kept, problems = (
            None,
            root,
            [f"an import in the journal cannot be used ({type(error).__name__}: {error})"],
        )
    if plan is not None and not problems:
        with _uncollected():
            for rows_done, blocks in _gathered(kept, plan, reached.rows_done, until, found, progress, stop):
                with database.write() as conn:
                    for block in blocks:
                        changes = applying.compare(conn, block)
                        applying.write(conn, database.dialect, block.platform, changes)
                        found.new, found.updated = found.new + changes.new, found.updated + changes.updated
                        found.history += changes.history
                    remember(conn, replace(reached, rows_done=rows_done))
    with database.write() as conn:
        remember(conn, after)
    return problems


@contextmanager
def _uncollected() -> Generator[None]:
    """Without the cycle collector, which would walk millions of living tuples again and again: a tenth of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
