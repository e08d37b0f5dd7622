"""How published clips did: metrics."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.errors import WrongUseError
from tui.commands.common import FAILED, AsJson, InWorkspace, Map, counted, emit, mapping, say, workspace

if TYPE_CHECKING:
    from core.insights.costs import Line
    from core.insights.metrics.taking import Imported

app = typer.Typer()
metrics_app = typer.Typer(help="How published clips did.", no_args_is_help=True)
app.add_typer(metrics_app, name="metrics")

OnPlatform = Annotated[str | None, typer.Option("--platform", "-p", help="For instance tiktok, youtube, instagram.")]
Content = Annotated[str, typer.Argument(help="The post's content_id.")]
SHOWN = 20


@metrics_app.command("import")
def metrics_import(
    file: Annotated[Path, typer.Argument(help="CSV or JSONL, one row per post and measurement; it is copied.")],
    platform: OnPlatform = None,
    columns: Map = None,
    time_zone: Annotated[str, typer.Option(help="Where times without a zone were: UTC, local, Europe/Berlin.")] = "UTC",
    measured_at: Annotated[
        str | None, typer.Option(help="When the numbers were taken, where no column tells; now by default.")
    ] = None,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """Take in a table of numbers; importing it again changes nothing, later numbers become history.

    Columns are found by their usual names; --map OURS=THEIRS says others, --map OURS=THEIRS% that a share counts in
    hundredths, --map OURS=THEIRS:fraction that it does not, --map OURS= that there is none. Other columns of numbers
    become features.
    """
    from core.insights.intake.values import moment
    from core.insights.metrics import importing
    from core.insights.metrics.store import MetricsStore
    from core.insights.metrics.taking import zone

    try:
        at = moment(measured_at, zone(time_zone), ends_day=True)
    except ValueError as error:
        raise WrongUseError(f"--measured-at: {error}") from None
    wanted = importing.Wanted(platform, mapping(columns or []), time_zone, at)
    with workspace(where) as space, MetricsStore(space) as store, counted("reading") as step:
        found = importing.run(space, store, file, wanted, progress=step)
        for problem in store.problems:
            say(f"! {problem}")
    emit(found.to_json(), as_json, _import_lines(found))
    if found.error_count:
        raise typer.Exit(FAILED)


def _import_lines(found: Imported) -> list[str]:
    lines = [
        f"{found.rows:,} rows: {found.new:,} new, {found.history:,} later measurements, {found.updated:,} changed, "
        f"{found.rows - found.new - found.history - found.updated - found.error_count:,} known already"
    ]
    lines.append(f"columns: {', '.join(f'{ours}={theirs}' for ours, theirs in found.mapping.items())}")
    if found.features:
        lines.append(f"features: {', '.join(found.features)}")
    if found.ignored:
        lines.append(f"left out: {', '.join(found.ignored)}")
    lines += found.notes
    if found.error_count:
        lines.append(f"! {found.error_count:,} rows were refused")
        lines += [f"  row {one['row']}: {one['reason']}" for one in found.errors[:SHOWN]]
        if found.error_count > SHOWN:
            lines.append(f"  ... {found.error_count - SHOWN:,} more")
    return lines


@metrics_app.command("list")
def metrics_list(
    platform: OnPlatform = None,
    limit: Annotated[int, typer.Option(min=1, help="Most posts that are listed, newest first.")] = 50,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """The posts, newest first, with their newest numbers."""
    from core.insights.metrics.listing import newest
    from core.insights.metrics.store import MetricsStore

    with workspace(where, create=False) as space, MetricsStore(space) as store:
        found = newest(store, platform, limit)
    lines = [_post_line(one) for one in found["posts"]]
    emit(found, as_json, [*lines, f"{len(lines)} of {found['count']:,} posts"])


def _post_line(one: dict[str, Any]) -> str:
    rate = "not measured" if one["engagement_rate"] is None else f"{one['engagement_rate']:.1%}"
    views = "?" if one["views"] is None else f"{one['views']:,.0f}"
    linked = f"  sample {one['sample_id'][:8]}" if one["sample_id"] else ""
    return f"{_day(one['posted_at'])}  {one['platform']:10} {one['content_id']:24} {views:>13} views  {rate}{linked}"


def _day(at: float | None) -> str:
    return "????-??-??" if at is None else time.strftime("%Y-%m-%d", time.gmtime(at))


@metrics_app.command("show")
def metrics_show(
    content: Content, platform: OnPlatform = None, as_json: AsJson = False, where: InWorkspace = None
) -> None:
    """All that is known of a post: what it is, and every measurement, oldest first (times in UTC)."""
    from core.insights.metrics.listing import everything
    from core.insights.metrics.store import MetricsStore

    with workspace(where, create=False) as space, MetricsStore(space) as store:
        found = everything(store, content, platform)
    lines = [f"{name}: {value}" for one in found["content"] for name, value in one.items() if value is not None]
    for kind in ("engagement", "retention"):
        lines += [f"{kind} {_row_line(row)}" for row in found[kind]]
    emit(found, as_json, lines)


def _row_line(row: dict[str, Any]) -> str:
    at = time.strftime("%Y-%m-%d %H:%M", time.gmtime(row["measured_at"]))
    keys = ("content_id", "measured_at")
    return f"{at}  " + ", ".join(f"{name} {_short(v)}" for name, v in row.items() if v is not None and name not in keys)


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


@metrics_app.command("link")
def metrics_link(
    content: Content,
    sample: Annotated[str | None, typer.Argument(help="The sample it came from, by the beginning of its id.")] = None,
    platform: OnPlatform = None,
    off: Annotated[bool, typer.Option("--off", help="Take the link away.")] = False,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """Note which sample a post came from. A publishing hook that prints the post's id as JSON links by itself."""
    from core.insights.metrics import linking
    from core.insights.metrics.store import MetricsStore

    if (sample is None) != off:
        raise WrongUseError("a link needs a sample, or --off takes it away")
    with workspace(where, create=False) as space, MetricsStore(space) as store:
        found = linking.link(space, store, content, sample, platform)
    said = f"sample {found['sample_id']}" if found["sample_id"] else "no sample"
    emit(found, as_json, [f"{content} on {found['platform']}: {said}"])


@metrics_app.command("rebuild")
def metrics_rebuild(as_json: AsJson = False, where: InWorkspace = None) -> None:
    """Make the tables again from the journal and the kept import files."""
    from core.insights.metrics.store import MetricsStore

    with workspace(where, create=False) as space, MetricsStore(space) as store:
        posts = store.rebuild()
        problems = list(store.problems)
    emit({"posts": posts, "problems": problems}, as_json, [f"{posts:,} posts", *(f"! {one}" for one in problems)])


@metrics_app.command("costs")
def metrics_costs(as_json: AsJson = False, where: InWorkspace = None) -> None:
    """What vectors, metrics and learning cost a month, beside their budgets."""
    from core.insights import costs
    from core.insights.metrics.store import MetricsStore

    with workspace(where, create=False) as space, MetricsStore(space) as store:
        found = costs.measure(space, store)
    lines = [_cost_line(line) for line in (*found.lines, found.total)]
    emit(found.to_json(), as_json, lines + [f"! {one}" for one in found.warnings()])


def _cost_line(line: Line) -> str:
    share = "no budget" if line.share is None else f"{line.share:.1%}"
    return f"{line.name:20} {line.eur_month:8.4f} € a month of {line.budget_eur:.2f} €  ({share})"
