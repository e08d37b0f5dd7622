"""What published clips taught: daily learning, clusters, reports, history, claims and scores."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.errors import WrongUseError
from tui.commands.common import AsJson, InWorkspace, emit, say, workspace

if TYPE_CHECKING:
    import datetime as dt

    from core.insights.learning.aggregation import MetricsAggregator

app = typer.Typer()
insights_app = typer.Typer(help="What published clips taught.", no_args_is_help=True)
app.add_typer(insights_app, name="insights")

Date = Annotated[
    str | None,
    typer.Option("--date", help="A UTC day as 2025-05-29; by default the newest with numbers, up to yesterday."),
]


@insights_app.command("daily")
def insights_daily(date: Date = None, as_json: AsJson = False, where: InWorkspace = None) -> None:
    """Learn from a day and keep its report, snapshot, scores and rules."""
    from core.insights.learning import daily
    from core.insights.learning.page import markdown
    from core.insights.metrics.store import MetricsStore

    with workspace(where) as space, MetricsStore(space) as store:
        report = daily.learn_day(store, _day(store_aggregator(store), date))
        emit(report.to_json(), as_json, _plain(markdown(report)))
        if not as_json:
            say(f"kept in {space.root / 'insights' / report.date}")


def store_aggregator(store: Any) -> MetricsAggregator:
    """What aggregates this store."""
    from core.insights.learning.aggregation import MetricsAggregator

    return MetricsAggregator(store)


def _day(aggregator: MetricsAggregator, date: str | None) -> dt.date:
    from core.insights.learning.daily import day_of

    yesterday = day_of(None)
    return day_of(date) if date else aggregator.newest_day(yesterday) or yesterday


@insights_app.command("report")
def insights_report(date: Date = None, as_json: AsJson = False, where: InWorkspace = None) -> None:
    """A report that was made earlier; by default the newest."""
    from core.insights.learning.page import markdown
    from core.insights.reports import history

    with workspace(where) as space:
        known = history.dates(space)
        if date is None and not known:
            raise WrongUseError("there is no report yet", do="Make one: rushes insights daily")
        report = history.load(space, date or known[-1])
        emit(report.to_json(), as_json, _plain(markdown(report)))


@insights_app.command("history")
def insights_history(
    days: Annotated[int, typer.Option("--days", min=1, help="So many learned days, newest first.")] = 7,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """What was learned on the last days."""
    from core.insights.reports import history

    with workspace(where) as space:
        found = history.latest(space, days)
        lines = [
            f"{one.date}  {one.summary['total_content_analyzed']:>7,} posts  {len(one.patterns):>3} differences  "
            f"{len(one.recommendations)} recommendations"
            for one in found
        ]
        emit([one.to_json() for one in found], as_json, lines or ["No report yet; make one: rushes insights daily"])


@insights_app.command("clusters")
def insights_clusters(as_json: AsJson = False, where: InWorkspace = None) -> None:
    """Posts by how long viewers stayed, and what is more frequent in each group."""
    from core.insights.learning.wording import share
    from core.insights.metrics.store import MetricsStore

    with workspace(where) as space, MetricsStore(space) as store:
        found = store_aggregator(store).compute_retention_clusters().to_json()
        lines: list[str] = []
        for name, one in found["clusters"].items():
            lines.append(
                f"{name} ({one['bounds']}): {one['count']:,} posts" + (f"; {one['note']}" if one["note"] else "")
            )
            lines += [
                f"  {feature['feature']} {feature['level']}: {share(feature['share'])} against "
                f"{share(feature['share_elsewhere'])} elsewhere ({feature['difference']:+.0%}, "
                f"{feature['interval'][0]:+.0%} to {feature['interval'][1]:+.0%})"
                for feature in one["common_features"]
            ]
        lines.append(f"not measured, in no group: {found['not_measured']:,} posts")
        emit(found, as_json, lines)


@insights_app.command("hypotheses")
def insights_hypotheses(as_json: AsJson = False, where: InWorkspace = None) -> None:
    """Five common claims, checked on your own numbers."""
    from core.insights.findings.hypotheses import check
    from core.insights.metrics.store import MetricsStore

    with workspace(where) as space, MetricsStore(space) as store:
        found = check(store.posts(), store_aggregator(store).where)
        lines = [
            line
            for one in found
            for line in (
                f"{one.verdict:17} {one.claim}",
                f"{'':17} {one.because}" + (f"; to settle it: {one.settle}" if one.settle else ""),
            )
        ]
        emit([one.to_json() for one in found], as_json, lines)


@insights_app.command("scores")
def insights_scores(
    content_id: Annotated[str | None, typer.Argument(help="A post; without it, those last measured.")] = None,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """meta_learning_scores: 0 to 1, with what is missing, strengths and weaknesses."""
    from core.insights.metrics.store import MetricsStore

    with workspace(where) as space, MetricsStore(space) as store:
        found = store_aggregator(store).scores_of(content_id)
        if content_id is not None and not found:
            raise WrongUseError("no post of that id has been measured", where=content_id)
        emit(found, as_json, [line for one in found for line in _score_lines(one)] or ["No post has been measured."])


def _score_lines(one: dict[str, Any]) -> list[str]:
    parts = ("overall", "retention", "engagement", "virality", "brand_alignment")
    shown = [f"{part} {_number(one[f'{part}_score'])}" for part in parts]
    lines = [f"{one['content_id']} on {one['platform']}: {', '.join(shown)}"]
    lines += [f"  + {word}" for word in one["strengths"]] + [f"  - {word}" for word in one["weaknesses"]]
    factors = one["factors"]
    if factors["missing"]:
        lines.append(f"  overall lies between {factors['lower_bound']:.2f} and {factors['upper_bound']:.2f}")
    return [*lines, *(f"  {name}: {why}" for name, why in factors["missing"].items())]


def _number(value: float | None) -> str:
    return "not known" if value is None else f"{value:.2f}"


def _plain(page: str) -> list[str]:
    """A page's lines without the strokes that keep Markdown from reading signs of names as its own."""
    return [re.sub(r"\\([\\`*_{}\[\]<>#|])", r"\1", line) for line in page.splitlines()]
