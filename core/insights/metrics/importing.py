"""Files of metrics taken in: kept whole beside the journal, read in blocks, repeatable without doing anything twice.

Once its journal line is written an import cannot be lost: a killed one is finished by whoever reads next. A cancelled
one keeps its whole blocks, and importing the file again completes it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import CancelledError, RushesError, WrongUseError
from core.files import copy_private, private_dir, sha256_file
from core.insights.intake import rows, values
from core.insights.intake.checking import is_name
from core.insights.intake.mapping import SAMPLED, Layout, choose, doubts
from core.insights.intake.rows import Form, Raw
from core.insights.metrics.journal import Json, append
from core.insights.metrics.taking import Imported, Plan, Progress, again, already, silent, zone
from core.insights.platforms import one_name
from core.store.identity import new_id
from core.workspace import Workspace

if TYPE_CHECKING:
    from core.insights.metrics.store import MetricsStore

IMPORTS = "imports"


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


def run(
    space: Workspace,
    store: MetricsStore,
    file: Path,
    wanted: Wanted,
    *,
    progress: Progress = silent,
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
        said, notes = _line(space, store, file, form, digest, wanted)
        plan = Plan.of(said)
        private_dir(kept.parent)
        if not was_there and copy_private(file, kept) != digest:
            kept.unlink()
            raise RushesError("changed while it was read", where=file, do="Import it once more.")
        found = already(store, kept, plan, progress)
        if found is None:
            assert store.journal
            append(store.journal, said)
            found = _watched(store, said["id"], progress, stop)
        elif not was_there:
            kept.unlink()
    if "sample_id" in plan.layout.columns:
        _forget_again(space, store, found)
    return _told(found, plan, said, notes)


def _forget_again(space: Workspace, store: MetricsStore, found: Imported) -> None:
    """Take out what a file says of samples that were forgotten."""
    from core.gone import Gone
    from core.insights.metrics import erasing, listing
    from core.store import forgotten

    if known := forgotten.read(space.root):
        again = frozenset(one for one in store.ask(listing.linked_samples) if known.has(one))
        if again:
            erasing.erase(space, Gone(samples=again, media=frozenset(), hashes=frozenset(), words=frozenset()))
            found.notes.append(f"{len(again)} of its samples were forgotten: their posts were taken without them")


def _told(found: Imported, plan: Plan, said: Json, notes: Sequence[str]) -> Imported:
    found.platform, found.mapping = plan.platform, plan.layout.columns
    found.features, found.ignored, found.percent = plan.layout.features, plan.layout.ignored, plan.layout.percent
    if "measured_at" not in plan.layout.columns:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(said["measured_at"]))
        found.notes.append(f"no column tells when it was measured; taken as {when} UTC")
    if plan.layout.percent:
        found.notes.append(f"read as percentages (0..100): {', '.join(plan.layout.percent)}")
    found.notes += notes
    return found


def _line(
    space: Workspace, store: MetricsStore, file: Path, form: Form, digest: str, wanted: Wanted
) -> tuple[Json, list[str]]:
    """The journal line of this import, and what is in doubt; a file without times keeps those of its first import."""
    longest = int(space.settings.limits.line_mb * 1e6)
    first = next(rows.blocks(file, form, longest=longest, size=SAMPLED), Raw())
    if not first.rows:
        raise RushesError(first.broken[0][1] if first.broken else "has no rows", where=file.name)
    layout = choose(list(first.columns), first.columns, wanted.columns, delimiter=form.delimiter)
    platform = one_name(wanted.platform or "") or None
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
    line: Json = {
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
    return line, doubts(layout, first.columns, wanted.columns)


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
