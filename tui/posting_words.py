"""How posting times and virality read: the heat map in cells, best hours with intervals, predictions and their makers.

Pure functions. What comes from outside is text, never markup.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from core.insights.platforms import shown
from core.insights.posting.answers import sure
from core.visible import drawn
from tui.insight_words import BAD, GOOD, MUTED, NO_POSTS, WARN, indented, posts, section, share

if TYPE_CHECKING:
    from core.insights.posting.answers import BestTime, Timed
    from core.insights.virality.prediction import Factor, Prediction
    from core.snapshot.insights.times import Cell, TimesView
    from core.snapshot.insights.virality import Chosen, Post, Tried, ViralityView

MARKS = "·░▒▓█"  # far below, below, about, above, far above the average hour
COLOURS = (WARN, MUTED, MUTED, "$text-primary", GOOD)
MOST = "◆"  # the cell that would tell most next
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
LABEL = 4  # cells of a weekday's name
ROOM = 3  # cells of an hour; 4 where there is room


def platform(name: str | None) -> str:
    """As the platform writes itself."""
    return shown(name or "")


def count(value: float | None) -> str:
    """A number of views in few cells: 950, 12.3K, 3.4M."""
    if value is None:
        return "-"
    for size, unit in ((1e9, "B"), (1e6, "M"), (1e3, "K")):
        if value >= 0.9995 * size:
            scaled = value / size
            return f"{scaled:.1f}{unit}" if scaled < 99.95 else f"{scaled:.0f}{unit}"
    return f"{value:.0f}"


# Times


def times_lines(data: TimesView, width: int) -> list[Content]:
    """What is shown and what is not, the heat map, the best hours and days, what would tell most next."""
    best = data.best
    if best is None:
        return [Content(NO_POSTS)]
    lines = _verdict(best, width)
    if data.cells:
        lines += [Content(""), *heat_map(data.cells, width, shown=best.shown), *_legend(best, width)]
    if best.hours:
        lines += [Content(""), *_best(best, width)]
    return [*lines, *_left_out(best, width)]


def _verdict(best: BestTime, width: int) -> list[Content]:
    said = best.sentence().removeprefix(f"{best.platform}: ")
    mark, colour = ("✓", GOOD) if best.shown else ("-", WARN)
    head = Content.styled(f"{mark} {platform(best.platform)}: {said}", f"bold {colour}")
    return indented(head, width, 2)


def _left_out(best: BestTime, width: int) -> list[Content]:
    return [line for note in best.notes for line in indented(Content.styled(f"· {note}", MUTED), width, 2)]


def heat_map(cells: tuple[tuple[Cell, ...], ...], width: int, *, shown: bool) -> list[Content]:
    """Seven rows of 24 hours: two signs where posts are, one elsewhere. Coloured where a difference is shown."""
    room = ROOM + 1 if width >= LABEL + 24 * (ROOM + 1) else ROOM
    head = " " * LABEL + "".join(f"{hour:02d}".ljust(room) for hour in range(24))
    lines = [Content.styled(head.rstrip(), MUTED)]
    for name, row in zip(DAYS, cells, strict=True):
        parts = [_cell(cell, room, shown) for cell in row]
        lines.append(Content.assemble((name.ljust(LABEL), MUTED), *parts))
    return lines


def _cell(cell: Cell, room: int, shown: bool) -> tuple[str, str]:
    sign = MARKS[cell.band]
    second = MOST if cell.next else sign if cell.n else " "
    style = (COLOURS[cell.band] if shown else MUTED) + (" bold" if cell.next else "")
    return (sign + second).ljust(room), style


def _legend(best: BestTime, width: int) -> list[Content]:
    zone = "this machine's time" if best.timezone == "local" else best.timezone
    typical = "" if best.typical is None else f" ({share(best.typical)})"
    scale = f"Engagement by hour, {zone}: · below -20 %  ░ to -5 %  ▒ about the average"
    words = f"{scale}{typical}  ▓ from +5 %  █ from +20 %.  One sign: no post yet.  {MOST} would tell most."
    return indented(Content.styled(words, MUTED), width, 0)


def _best(best: BestTime, width: int) -> list[Content]:
    hours = [next(one for one in best.hours if one.index == index) for index in best.best_hours_local]
    days = [next(one for one in best.days if one.name == name) for name in best.best_days]
    lines = [_heading("Best hours", best.hours_shown), *(_timed(one) for one in hours)]
    lines += [_heading("Best weekdays", best.days_shown), *(_timed(one) for one in days)]
    if best.advised:
        words = "Above the average: " + ", ".join(f"{one.name} ({sure(one.beats)} sure)" for one in best.advised) + "."
        lines += indented(Content.styled(words, MUTED), width, 2)
    if best.next is not None:
        words = Content.assemble((f"{MOST} Post next: {best.next.local}", "bold"), f"  {best.next.why}.")
        lines += [Content(""), *indented(words, width, 2)]
    return lines


def _heading(title: str, shown: bool) -> Content:
    words = ("  a difference is shown", GOOD) if shown else ("  no difference shown yet: these may be chance", WARN)
    return Content.assemble(section(title), words)


def _timed(one: Timed) -> Content:
    interval = f"{share(one.low)} to {share(one.high)}"
    utc = f" {one.utc_hour:02d} UTC" if one.utc_hour is not None else ""
    return Content.assemble(
        f"  {one.name:9}", (f"{utc:7} ", MUTED), (f"{share(one.value):>6}", "bold"), (f"  90 %: {interval:15}", MUTED),
        f" {one.change:+4.0%}", (f"  n = {one.n:,}", MUTED), (f"  best 3: {one.top_chance:.0%}", MUTED),
    )  # fmt: skip


# Virality


def post_cells(post: Post) -> tuple[Content, ...]:
    """A post as a row: what it is, its score, what was predicted, what came."""
    said = post.said
    when = post.posted or "-"
    name = drawn(f"{post.content_id} {post.caption or ''}".strip())  # signs of no width would move the columns
    if said is None:
        return (Content(name), Content(when), Content("-"), Content("-"), Content("-"), Content(count(post.views)))
    ends = said.confidence_interval
    between = f"{count(ends[0])} to {count(ends[1])}" if ends else "none yet"
    return (
        Content(name),
        Content.styled(when, MUTED),
        Content.styled(score(said), "bold"),
        Content(count(said.predicted_views)),
        Content.styled(between, MUTED),
        Content(count(post.views)),
    )


def score(said: Prediction) -> str:
    """The score; a partial one with how far it could go."""
    if said.partial and said.score_by == "formula":
        return f"{said.virality_score:.0f} of {said.score_possible:.0f}"
    return f"{said.virality_score:.0f}"


def post_lines(post: Post | None, width: int) -> list[Content]:
    """What is said of the chosen post, and why."""
    if post is None:
        return []
    if post.said is None:
        return indented(Content.styled(f"! {post.problem}", BAD), width, 2)
    said = post.said
    sample = f"  from sample {post.sample}" if post.sample else ""
    head = Content.assemble((post.content_id, "bold"), (sample, MUTED), f"  {post.caption or ''}")
    lines = indented(head, width, 2)
    by = "the share of the last 50 posts that its predicted views beat" if said.score_by == "boosted" else "the formula"
    partial = f"; the formula says {said.formula_score:.0f}" if said.score_by == "boosted" else ""
    lacks = f"; not known: {', '.join(said.missing)}, so at most {said.score_possible:.0f}" if said.partial else ""
    lines += indented(Content.assemble("Score ", (score(said), "bold"), f", {by}{partial}{lacks}"), width, 2)
    lines += indented(_views(said, post), width, 2)
    lines += indented(_rate(said, post), width, 2)
    trees = said.score_by == "boosted"
    factors = [
        _factor(one)
        for one in said.contributing_factors
        if (one.change is not None if trees else one.points is not None and one.value is not None)
    ]
    if factors:
        lines += indented(Content.assemble(("What counts: ", MUTED), "; ".join(factors)), width, 2)
    boost = "yes" if said.boost_recommended else "no"
    lines += indented(Content.assemble(("Boost: ", MUTED), f"{boost}, {said.recommendations.boost_reason}"), width, 2)
    return lines


def _views(said: Prediction, post: Post) -> Content:
    if said.predicted_views is None:
        return Content("Views: nothing can be predicted yet")
    age = f" after {said.age_h / 24:.0f} days" if said.age_h and said.age_h >= 48 else ""
    ends = said.confidence_interval
    between = f"90 %: {count(ends[0])} to {count(ends[1])}" if ends else "no interval yet"
    came = "" if post.views is None else f"; {count(post.views)} when last measured"
    return Content.assemble(
        f"Views{age}: about ", (count(said.predicted_views), "bold"), f" ({between}), by {said.views_by}", (came, MUTED)
    )


def _rate(said: Prediction, post: Post) -> Content:
    if said.predicted_engagement_rate is None:
        return Content("Engagement: nothing can be predicted yet")
    ends = said.engagement_interval
    between = f" (90 %: {share(ends[0])} to {share(ends[1])})" if ends else ""
    came = "" if post.engagement is None else f"; {share(post.engagement)} when last measured"
    rate = (share(said.predicted_engagement_rate), "bold")
    return Content.assemble("Engagement: about ", rate, f"{between}, by {said.engagement_by}", (came, MUTED))


def _factor(one: Factor) -> str:
    if one.points is not None:
        return f"{one.words} {one.value or 0:.2f} = {one.points:.0f} points"
    return f"{one.words} {one.change or 0:+.0%} views"


def warning_lines(data: ViralityView, width: int) -> list[Content]:
    """Where an interval does not hold what it says, before anything that rests on it."""
    warned = [f"! {one.target}: {one.note}" for one in data.chosen if one.note]
    return [line for words in warned for line in indented(Content.styled(words, WARN), width, 2)]


def model_lines(data: ViralityView, width: int) -> list[Content]:
    """Which predictor answers, why, and how often its interval held."""
    few = " Fewer than 30: the formula answers." if data.few else ""
    lines = [
        *indented(
            Content.assemble(section(f"Who predicts on {platform(data.platform)}"),
                             (f"  learnt from {posts(data.posts)}.{few}", MUTED)), width, 2)
    ]  # fmt: skip
    for one in data.chosen:
        lines += _chosen(one, width)
    words = (
        "The posts above are published: each is predicted from earlier posts alone, but what was learnt has seen them. "
        "Only later posts say how right a predictor is."
    )
    return [*lines, *indented(Content.styled(words, MUTED), width, 0)]


def _chosen(one: Chosen, width: int) -> list[Content]:
    lines = indented(Content.assemble((f"{one.target.capitalize()}: ", "bold"), (one.name, "bold")), width, 2)
    if one.tried:
        lines += indented(Content.styled(f"  {one.reason}; {one.history}.", MUTED), width, 2)
    lines += indented(_coverage(one), width, 2)
    return [*lines, *(_tried(tried) for tried in one.tried)]


def _coverage(one: Chosen) -> Content:
    if one.note is None:
        held = "" if one.coverage is None else f"{one.coverage:.0%} of {one.covered_n:,} later posts"
        return Content.styled(f"  ✓ the 90 % interval held {held}", GOOD)
    return Content.styled("  ! the 90 % interval: see the warning above", WARN)


def _tried(one: Tried) -> Content:
    rank = "none" if one.spearman is None else f"{one.spearman:.2f}"
    held = "?" if one.coverage is None else f"{one.coverage:.0%}"
    words = f"off by x{one.factor:.2f}  rank {rank:>5}  held {held:>4}  n {one.n:,}"
    mark = "▶" if one.chosen else " "
    return Content.assemble(f"  {mark} {one.name:38} ", (words, MUTED))
