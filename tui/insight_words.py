"""How the views of Insights read: gate, report, clusters, costs; posting times and virality are in `tui.posting_words`.

Pure functions. A mark or word stands beside every colour; what comes from outside is text, never markup.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual.content import Content

from tui.wording import age

if TYPE_CHECKING:
    from core.insights.costs import Line
    from core.snapshot.insights.clusters import ClustersView, Common, Group
    from core.snapshot.insights.costs import CostsView
    from core.snapshot.insights.gate import Accuracy, Criterion, Entry, GateView, Share
    from core.snapshot.insights.report import ReportView, Short

MUTED, GOOD, WARN, BAD = "$foreground-muted", "$text-success", "$text-warning", "$text-error"
HEAD = "bold $text-primary"
IMPORT = "rushes metrics import FILE --platform P"
NO_POSTS = (
    "No post has been measured yet.\nBring in how your published clips did, as CSV or JSONL from the platform's studio "
    f"pages:\n{IMPORT}"
)
STATES = {
    "waiting": ("· waiting", WARN),
    "publishing": ("▶ publishing", "$text-primary"),
    "published": ("✓ published", GOOD),
    "failed": ("✗ failed", BAD),
    "unknown": ("? unknown", WARN),
    "rejected": ("- rejected", MUTED),
}
FEATURES = {"duration_s": "length in s", "n_hashtags": "hashtags", "caption_len": "characters of caption"}
BAR = 20  # cells of a budget's bar
Text = str | tuple[str, str] | Content


def indented(text: Content, width: int, indent: int) -> list[Content]:
    """The text in lines of at most `width` cells, all but the first `indent` cells further in."""
    first, *_ = lines = text.wrap(max(10, width - indent))
    return [first, *(Content.assemble(" " * indent, line) for line in lines[1:])]


def share(value: float | None) -> str:
    """A share in per cent, with as many digits as say something."""
    if value is None:
        return "not measured"
    return f"{value:.0%}" if value >= 0.1 or not value else f"{value:.1%}" if value >= 0.01 else f"{value:.2%}"


def posts(number: int) -> str:
    """So many posts."""
    return "1 post" if number == 1 else f"{number:,} posts"


def section(title: str) -> Content:
    """A heading within a page."""
    return Content.styled(title, HEAD)


# Gate


def gate_lines(data: GateView, width: int = 1000) -> list[Content]:
    """The gate in words: its state, each criterion with what it lacks, the doubt that stays, its last changes."""
    return [line for one in _gate(data) for line in indented(one, width, max(2, _leading(one)))]


def _leading(text: Content) -> int:
    return len(text.plain) - len(text.plain.lstrip())


def _gate(data: GateView) -> list[Content]:
    gate = data.gate
    if gate.unlocked:
        lines = [Content.styled("✓ unlocked: clips are published without asking", f"bold {GOOD}")]
    else:
        lines = [Content.styled("✗ locked: clips wait for your approval", f"bold {WARN}")]
    for one in gate.criteria:
        lines += _criterion_lines(one)
    if gate.chance_above is not None:
        lines.append(Content(f"  {gate.chance_above:.1%} chance that the true override rate is above 20 %"))
    for change in gate.changes:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(change.at))
        mark = "✓" if change.what == "unlocked" else "✗"
        lines.append(Content.styled(f"  {when} {mark} {change.what}: {criteria(change.why)}", MUTED))
    return lines


def _criterion_lines(one: Criterion) -> list[Content]:
    value = "not measured" if one.value is None else f"{one.value:.3g}"
    mark, colour = ("✓", GOOD) if one.met else ("✗", WARN)
    limit = f"at {'most' if one.at_most else 'least'} {one.threshold:g}, n = {one.n}"
    head = Content.assemble((f"{mark} {one.title:17} ", colour), (value, "bold"), (f"  {limit}", MUTED))
    missing = "not rated yet: press r" if one.name == "system_rating" and one.value is None else one.missing
    return [head, Content.styled(f"    {missing}", MUTED)] if missing else [head]


def accuracy_lines(found: Accuracy, width: int) -> list[Content]:
    """How right the answers were: shares over random picks, then the last windows of all tested answers."""
    return [line for one in _accuracy(found) for line in indented(one, width, 2)]


def _accuracy(found: Accuracy) -> list[Content]:
    lines = [
        _share_line("right, at random", found.overall, found.fewest),
        _share_line("lately", found.lately, found.fewest),
        _share_line("overridden", found.overridden, found.fewest),
    ]
    if found.windows:
        lines.append(Content.styled(f"Answer by answer: {found.measure}", MUTED))
        for window in found.windows:
            places = f"{window.first}-{window.last}"
            lines.append(Content.assemble((f"  {places:>9}  ", MUTED), window.words()))
    else:
        lines.append(Content.styled("No answer has tested a version yet.", MUTED))
    ahead = "" if found.to_next is None else f", {found.to_next:,} until the next stage"
    lines.append(Content.styled(f"{found.corrections:,} corrections: stage {found.stage}{ahead}", MUTED))
    return lines


def _share_line(title: str, found: Share, fewest: int) -> Content:
    if found.value is None:
        words = f"not enough random picks yet ({found.n} of {fewest})"
        return Content.assemble(f"{title:17} ", (words, MUTED))
    interval = f"  {found.low:.2f} to {found.high:.2f}, n = {found.n}"
    return Content.assemble(f"{title:17} ", (f"{found.value:.2f}", "bold"), (interval, MUTED))


def entry_cells(entry: Entry, name: str) -> tuple[Content, ...]:
    """A clip on its way out, as a row; `name` is what the clip is called."""
    words, colour = STATES[entry.state]
    said = (entry.detail or criteria(entry.why)).splitlines()[:1] or [""]
    return (
        Content.styled(words, colour),
        Content(entry.platform),
        Content(name),
        Content.styled(said[0], MUTED),
    )


def entry_lines(entry: Entry, width: int) -> list[Content]:
    """All that is to be said of the entry that is chosen."""
    words = entry.detail or criteria(entry.why)
    return [line for one in words.splitlines() for line in indented(Content.styled(one, MUTED), width, 2)]


def criteria(why: str) -> str:
    """A reason of the gate with its criteria called as on the screen."""
    from core.snapshot.insights.gate import CRITERIA

    for name, (title, _) in CRITERIA.items():
        why = why.replace(name, title)
    return why


def publishing(entry: Entry, name: str, way: str) -> list[str]:
    """What publishing an entry does, as the question before it says it."""
    value, caption = entry.request.get("value"), entry.request.get("caption")
    said = [f"your answer {value}" if entry.request.get("corrected") else f"the model's answer {value}"]
    said += [f"the caption {caption!r}"] if caption else []
    changes = [
        f"{name} goes to {entry.platform}, with {' and '.join(said)}.",
        f"It is handed to {way}." if way else "! No way to publish is set, so nothing will go out.",
        "What is out cannot be taken back from here.",
    ]
    if entry.state == "unknown":
        changes.insert(0, "! Nobody knows whether it was published: look there first. n, then x ends it.")
    return changes


# Report


def report_lines(data: ReportView, width: int) -> list[Content]:
    """The newest learning report: what to do, what it rests on, what is not measured."""
    if data.report is None and data.damaged is None and not data.posts:
        return [Content(NO_POSTS)]
    lines: list[Content] = []
    if data.damaged is not None:
        lines += _warned([f"The newest report cannot be read: {data.damaged.rstrip('.')}, or press l."], width, BAD)
    if data.unlearned is not None:
        lines += _warned([f"The numbers of {data.unlearned} are not learned yet: press l."], width)
    lines += _warned(data.costs, width)
    if data.report is not None:
        lines += [*([Content("")] if lines else []), *_report(data.report, width)]
    return lines


def _warned(words: Iterable[str], width: int, colour: str = WARN) -> list[Content]:
    return [line for one in words for line in indented(Content.styled(f"! {one}", colour), width, 2)]


def _report(one: Short, width: int) -> list[Content]:
    platforms = ", ".join(f"{name} {count:,}" for name, count in one.platforms)
    day = f"{posts(one.day_posts)} that day: engagement {share(one.day_engagement)}"
    day += f", watched {share(one.day_retention)}" if one.day_retention is not None else ""
    head = Content.assemble(
        ("Learned up to ", MUTED), (one.date, "bold"), (f" (UTC, {age(one.age_days)}) from ", MUTED),
        (posts(one.posts), "bold"), (f" of {one.accounts:,} accounts: {platforms}", MUTED),
    )  # fmt: skip
    lines = [*indented(head, width, 2), *indented(Content(day), width, 2)]
    lines += [line for words in one.against for line in indented(Content(words), width, 2)]
    lines += ["", section("What to do"), *_advice(one, width)]
    if one.times:
        lines += ["", section("When to post"), *_each(one.times, width)]
    lines += ["", section("Not measured"), *_each(_unmeasured(one), width)]
    if one.limits:
        lines += ["", section("What these numbers cannot say"), *_each(one.limits, width)]
    lines += ["", *indented(Content.styled(f"{one.roi} The whole report: {one.folder}/report.md", MUTED), width, 0)]
    return [Content(line) if isinstance(line, str) else line for line in lines]


def _advice(one: Short, width: int) -> list[Content]:
    shown = f"{one.differences:,} of {one.comparisons:,} comparisons show a difference"
    if not one.advice:
        return indented(Content(f"Nothing yet: {shown} that holds when the rest is equal."), width, 0)
    lines: list[Content] = []
    for number, words in enumerate(one.advice, 1):
        head, dot, rest = words.partition(". ")
        lines += indented(Content.assemble(f"{number}. ", (f"{head}{dot.strip()}", "bold"), f" {rest}"), width, 3)
    return [*lines, Content.styled(f"   {shown}.", MUTED)]


def _unmeasured(one: Short) -> tuple[str, ...]:
    if one.nowhere:
        return (f"On no post: {', '.join(one.nowhere)}.", *one.missing)
    return one.missing or ("Nothing is missing.",)


def _each(words: Iterable[str], width: int) -> list[Content]:
    return [line for one in words for line in indented(Content.assemble(("· ", MUTED), one), width, 2)]


# Clusters


def clusters_lines(data: ClustersView, width: int) -> list[Content]:
    """High, medium and low retention: how many, and what is more frequent there."""
    if not data.measured and not data.unmeasured:
        return [Content(NO_POSTS)]
    if not data.measured:
        words = (
            f"None of {posts(data.unmeasured)} has a retention, so there are no groups yet.\n"
            "Platforms' studio pages export how long viewers watch; import that column as avg_watch_percentage:\n"
            f"{IMPORT} --map avg_watch_percentage=COLUMN"
        )
        return [Content(words)]
    head = f"{posts(data.measured)} by the share that viewers watched on average"
    head += f"; {data.unmeasured:,} have none measured." if data.unmeasured else "."
    lines = indented(Content.styled(head, MUTED), width, 0)
    for group in data.groups:
        lines += [Content(""), *_group(group, width)]
    if data.looks:
        words = f"{data.looks:,} comparisons; about 5 % of the differences named may be chance."
        lines += [Content(""), *indented(Content.styled(words, MUTED), width, 0)]
    return lines


def _group(one: Group, width: int) -> list[Content]:
    means = [f"watched {share(one.retention)}", f"engagement {share(one.engagement)}"] if one.count else []
    lines = [
        Content.assemble((f"{one.name.capitalize()} retention ", HEAD), (f"({one.bounds})  ", MUTED),
                         (posts(one.count), "bold"), f", {one.share:.0%}", *(f"  {word}" for word in means))
    ]  # fmt: skip
    if one.note:
        return [*lines, *indented(Content.styled(f"  - {one.note}", MUTED), width, 4)]
    for common in one.common:
        lines += indented(_common(common), width, 4)
    return lines


def _common(one: Common) -> Content:
    more = one.share >= one.elsewhere
    mark, colour = ("▲", GOOD) if more else ("▼", WARN)
    name = FEATURES.get(one.feature, one.feature.replace("_", " "))
    points = f"{100 * one.low:+.0f} to {100 * one.high:+.0f} points at {one.level_of_interval:.1%}, n = {one.n:,}"
    return Content.assemble(
        (f"  {mark} {'more' if more else 'less'} ", colour),
        f"{name}: {one.level}  {share(one.share)} against {share(one.elsewhere)}",
        (f"  {points}", MUTED),
    )


# Costs


def costs_lines(data: CostsView, width: int) -> list[Content]:
    """Each line beside its budget, and the sum."""
    lines = [Content.styled("What keeping and learning cost a month, as the workspace is now.", MUTED), Content("")]
    for line in (*data.found.lines, data.found.total):
        lines += [_cost(line, data.warn_at), *_measured(line)]
    lines += [Content(""), *_warned(data.warnings, width)]
    if not data.warnings:
        lines.append(Content.styled(f"✓ Every line is below {data.warn_at:.0%} of its budget.", GOOD))
    words = (
        f"Prices: {data.gb_month:g} € for a GB a month, {data.hour:g} € for an hour of computing. Press comma "
        "to change prices and budgets."
    )
    return [*lines, *indented(Content.styled(words, MUTED), width, 0)]


def _cost(line: Line, warn_at: float) -> Content:
    done = min(BAR, round((line.share or 0.0) * BAR))
    mark, colour = ("!", WARN) if line.warning else ("✓", GOOD)
    of = f"{line.share:.0%}" if line.share is not None and line.share < 10 else "over" if line.warning else "none set"
    at = round(warn_at * BAR)
    rest = "".join("┊" if place == at else "╌" for place in range(done, BAR))
    return Content.assemble(
        (f"{mark} {line.name:18} ", colour), ("━" * done, colour), (rest, MUTED), (f" {of:>8}", "bold"),
        f"  {line.eur_month:.2f} € of {line.budget_eur:.2f} €",
    )  # fmt: skip


def _measured(line: Line) -> list[Content]:
    found = line.measured
    if "seconds" in found:
        words = f"{found['seconds']:,.0f} s in the last 30 days (runs: {found['runs']:.0f})"
    elif found:
        words = f"{sum(found.values()) / 1e6:,.1f} MB in tables, journal and files"
    else:
        return []
    return [Content.styled(f"    {words}", MUTED)]
