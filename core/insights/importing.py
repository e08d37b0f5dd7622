"""Files of metrics taken in: kept whole beside the journal, read in blocks, repeatable without doing anything twice.

Once its journal line is written an import cannot be lost: a killed one is finished by whoever reads next. A cancelled
one keeps its whole blocks, and importing the file again completes it.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core.errors import CancelledError, RushesError, WrongUseError
from core.files import copy_private, inside, private_dir, sha256_file
from core.insights import applying, rows, values
from core.insights.block import COLUMNS, Block, joined
from core.insights.checking import Rules, check, is_name
from core.insights.journal import Json, Position, append, remember
from core.insights.mapping import SAMPLED, Layout, choose
from core.insights.rows import Form, Raw
from core.store.identity import new_id
from core.workspace import Workspace

if TYPE_CHECKING:
    from core.insights.database import Database
    from core.insights.metrics import MetricsStore

IMPORTS = "imports"
SHOWN = 100  # bad rows that are listed; all are counted
# Rows per transaction. Ids come in no order, so that each transaction touches most pages of a large table: 50 of
# 20,000 rows take three times as long as 5 of 200,000, which hold 400 MB.
GATHERED = 200_000
Progress = Callable[[int, str], None]


def _silent(done: int, name: str) -> None:
    del done, name


@dataclass(frozen=True)
class Wanted:
    """What the user says of a file.

    Attributes:
        platform: of all rows; None where a column tells.
        columns: ours -> theirs.
        time_zone: where times without a zone were: UTC, local, or a name.
        measured_at: when it was measured, where no column tells: UTC seconds; None = now.
    """

    platform: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict[str, str])
    time_zone: str = "UTC"
    measured_at: float | None = None


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
        return Plan(Form(**said["form"]), layout, said["platform"], rules, int(said["longest"]))


def run(
    space: Workspace,
    store: MetricsStore,
    file: Path,
    wanted: Wanted,
    *,
    progress: Progress = _silent,
    stop: Callable[[], bool] = lambda: False,
) -> Imported:
    """Take a file in; what is there already is left as it is.

    Raises:
        RushesError: the file cannot be read, or no column can be its content's id.
        CancelledError: `stop` said so; whole blocks were kept.
    """
    if not file.is_file():
        raise RushesError("there is no such file", where=file)
    space.require_writable()
    form = rows.look(file)
    digest = sha256_file(file)
    kept = space.data / IMPORTS / f"{digest}.{form.kind}"
    with store.exclusive():
        was_there = kept.exists()  # another process may have brought the same file while this one waited
        store.take_in()
        said = _line(space, store, file, form, digest, wanted)
        plan = Plan.of(said)
        private_dir(kept.parent)
        if copy_private(file, kept) != digest:
            raise RushesError("changed while it was read", where=file, do="Import it once more.")
        found = _already(store, kept, plan, progress)
        if found is None:
            assert store.journal
            append(store.journal, said)
            found = _watched(store, said["id"], progress, stop)
        elif not was_there:
            kept.unlink()
    if "sample_id" in plan.layout.columns:
        _forget_again(space, store, found)
    return _told(found, plan, said)


def _forget_again(space: Workspace, store: MetricsStore, found: Imported) -> None:
    """Take out what a file says of samples that were forgotten."""
    from core.gone import Gone
    from core.insights import erasing, listing
    from core.store import forgotten

    if known := forgotten.read(space.root):
        again = frozenset(one for one in store.ask(listing.linked_samples) if known.has(one))
        if again:
            erasing.erase(space, Gone(samples=again, media=frozenset(), hashes=frozenset(), words=frozenset()))
            found.notes.append(f"{len(again)} of its samples were forgotten: their posts were taken without them")


def _told(found: Imported, plan: Plan, said: Json) -> Imported:
    found.platform, found.mapping = plan.platform, plan.layout.columns
    found.features, found.ignored, found.percent = plan.layout.features, plan.layout.ignored, plan.layout.percent
    if "measured_at" not in plan.layout.columns:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(said["measured_at"]))
        found.notes.append(f"no column tells when it was measured; taken as {when} UTC")
    if plan.layout.percent:
        found.notes.append(f"read as percentages (0..100): {', '.join(plan.layout.percent)}")
    return found


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


def _line(space: Workspace, store: MetricsStore, file: Path, form: Form, digest: str, wanted: Wanted) -> Json:
    """The journal line of this import; a file without times keeps the time of its first import."""
    longest = int(space.settings.limits.line_mb * 1e6)
    first = next(rows.blocks(file, form, longest=longest, size=SAMPLED), Raw())
    if not first.rows:
        raise RushesError(first.broken[0][1] if first.broken else "has no rows", where=file.name)
    layout = choose(list(first.columns), first.columns, wanted.columns, delimiter=form.delimiter)
    platform = (wanted.platform or "").strip() or None
    if platform is not None and not is_name(platform):
        raise WrongUseError(f"--platform: {values.shown(platform)} is no name", do="For instance tiktok, youtube.")
    if platform is None and "platform" not in layout.columns:
        raise WrongUseError("no column tells the platform", where=file.name, do="Name it: --platform tiktok")
    if platform is not None:
        layout = replace(layout, columns={name: it for name, it in layout.columns.items() if name != "platform"})
    now = time.time()
    name = f"{IMPORTS}/{digest}.{form.kind}"
    lasting = _lasting_zone(wanted.time_zone)
    zone(lasting)
    return {
        "op": "import",
        "id": new_id(),
        "file": name,
        "name": file.name,
        "platform": platform,
        "layout": layout.to_json(),
        "form": asdict(form),
        "time_zone": lasting,
        "measured_at": _measured(store, name, layout, wanted, now),
        "longest": longest,
        "at": now,
    }


def _lasting_zone(name: str) -> str:
    """The zone as it is kept: "local" means this machine's, here and now, wherever the journal goes."""
    if name != "local":
        return name
    from tzlocal import get_localzone_name

    return get_localzone_name() or "UTC"


def _measured(store: MetricsStore, name: str, layout: Layout, wanted: Wanted, now: float) -> float:
    if wanted.measured_at is not None:
        return wanted.measured_at
    if "measured_at" in layout.columns or store.journal is None:
        return now
    lines = (line.data for line in store.journal.read() if line.data)
    earlier = (said for said in lines if said.get("op") == "import" and said.get("file") == name)
    return next((float(said["measured_at"]) for said in earlier), now)


def _already(store: MetricsStore, kept: Path, plan: Plan, progress: Progress) -> Imported | None:
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
        name = str(one or "").strip()
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
    progress: Progress = _silent,
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


def _watched(store: MetricsStore, identity: str, progress: Progress, stop: Callable[[], bool]) -> Imported:
    """Let the tables take in the journal up to our line and note what it does; a cancelled one ends where it was."""
    found = Imported()
    try:
        store.take_in(identity, lambda *a, **k: again(*a, **k, found=found, progress=progress, stop=stop))
    except (CancelledError, KeyboardInterrupt):
        assert store.journal
        append(store.journal, {"op": "cut", "import": identity, "rows": store.reached().rows_done, "at": time.time()})
        raise
    return found
