"""The learning report as Markdown: what to do first, then what it rests on; nothing is said twice."""

from __future__ import annotations

from typing import Any

from core.insights.learning.wording import counted, held_equal, list_of, share
from core.insights.platforms import shown as platform
from core.insights.reports.report import LearningReport

MOST_PATTERNS = 10
UNLIKE = 0.5  # alignment below which a post is named as unlike its brand
OUTCOMES = {
    "avg_watch_percentage": "share watched", "completion_rate": "completion", "save_rate": "saves per view",
    "share_rate": "shares per view", "engagement_rate": "engagement per view", "views": "views",
    "rewatch_rate": "rewatching",
}  # fmt: skip
SCORES = {
    "overall_score": "overall", "retention_score": "retention", "engagement_score": "engagement",
    "virality_score": "virality", "brand_alignment_score": "brand alignment",
}  # fmt: skip


def markdown(report: LearningReport) -> str:
    """The whole page."""
    parts = [
        f"# What was learned by {report.date}",
        *_opening(report),
        *_todo(report),
        *_times(report),
        *_day(report),
        *_differences(report),
        *_retention(report),
        *_claims(report),
        *_brand_and_scores(report),
        *_money(report),
        *_unsaid(report),
    ]
    return "\n".join(parts) + "\n"


def _opening(report: LearningReport) -> list[str]:
    one = report.summary
    named = [f"{platform(name)} {count:,}" for name, count in one["platforms"].items()]
    if not one["all_posts"]:
        return ["", "No post has been measured by then. Import numbers with: rushes metrics import"]
    said = f"{counted(one['all_posts'], 'post')} of {counted(one['accounts'], 'account')}"
    return ["", f"{said} ({', '.join(named)}), as measured by then."]


def _todo(report: LearningReport) -> list[str]:
    lines = ["", "## What to do", ""]
    if not report.recommendations:
        lines.append("Nothing yet: no difference holds after correcting for the number of comparisons.")
    for number, one in enumerate(report.recommendations, 1):
        head, dot, rest = one.partition(". ")
        lines.append(f"{number}. **{head}{dot.strip()}** {rest}")
    return [*lines, *_measure_next(report)]


def _measure_next(report: LearningReport) -> list[str]:
    """The missing number that most would come of."""
    if report.retention_analysis["n"] or not report.summary["all_posts"]:
        return []
    return [
        "",
        "**Measure next:** how long viewers watch (average share watched and the retention curve, as the platform's "
        "studio pages export them). No post has it; the retention score, the clusters and three of the five claims "
        "below wait for it.",
    ]


def _times(report: LearningReport) -> list[str]:
    quiet = [one for one in report.best_time if not one["advised"]]
    if not quiet:
        return []
    said = [f"{platform(one['platform'])}: {one['sentence']}" for one in quiet]
    return ["", f"When to post: {'; '.join(said)}."]


def _day(report: LearningReport) -> list[str]:
    one = report.summary
    lines = ["", f"## {report.date}", ""]
    if not one["total_content_analyzed"]:
        return [*lines, "Nothing was posted or measured that day (UTC)."]
    said = f"{one['total_content_analyzed']:,} posts: {one['posted']:,} posted, {one['measured']:,} measured (UTC)."
    if one["avg_engagement_rate"] is not None:
        said += f" Mean engagement {share(one['avg_engagement_rate'])} of views."
    if one["avg_retention"] is not None:
        said += f" Mean share watched {share(one['avg_retention'])}."
    lines.append(said)
    for line in report.engagement_analysis:
        against = line["day_against_before"]
        if against:
            low, high = against["interval"]
            verdict = "" if against["shown"] else ": no difference shown"
            lines.append(
                f"{platform(line['platform'])}: engagement {against['ratio']:.2f} times that of the other posts "
                f"({low:.2f} to {high:.2f}; {against['n']:,} against {against['n_before']:,}){verdict}."
            )
    lines += _performers("Best", report.best_performers)
    lines += _performers("Worst", report.worst_performers)
    return lines


def _performers(head: str, found: list[dict[str, Any]]) -> list[str]:
    if not found:
        return []
    lines = ["", f"{head} by engagement among all posts of the platform:", ""]
    for one in found:
        views = "views not measured" if one["views"] is None else f"{one['views']:,.0f} views"
        name = f"“{_short(one['caption'])}” ({one['content_id']})" if one["caption"] else one["content_id"]
        why = "; ".join(one["why"]) or "nothing measured sets it apart"
        lines.append(f"- {_plain(name)}, {platform(one['platform'])}, {views}: {_plain(why)}")
    return lines


def _differences(report: LearningReport) -> list[str]:
    lines = ["", "## What went with more or less", ""]
    if not report.patterns:
        return [*lines, f"Of {report.comparisons:,} comparisons none shows a difference."]
    level = report.patterns[0]["interval_level"]
    lines.append(
        f"{len(report.patterns)} of {report.comparisons:,} comparisons differ; about 5 % of these may be chance. "
        f"Intervals are {level:.1%} ones, wider because only differences are shown.{_compared(report)}"
    )
    beyond = _strongest(report)
    if not beyond:
        return [*lines, "All of them are in the recommendations."]
    lines += [
        "Beyond the recommendations:",
        "",
        "| Platform | Posts with | Outcome | Times as much | Typically | n |",
        "|---|---|---|---|---|---|",
    ]
    for one in beyond:
        percent = one["outcome"] != "views"
        a, b = (share(one[name]) if percent else f"{one[name]:,.0f}" for name in ("typical", "typical_other"))
        low, high = one["interval"]
        lines.append(
            f"| {platform(one['platform'])} | {_plain(_with(one))} | {OUTCOMES[one['outcome']]} "
            f"| {one['ratio']:.2f} ({low:.2f}–{high:.2f}) | {a} against {b} "
            f"| {one['n']:,} of {one['n'] + one['n_other']:,} |"
        )
    return lines


def _compared(report: LearningReport) -> str:
    """What both sides are equal in, on each platform; nothing where the report does not say."""
    held = {one["platform"]: held_equal(one["held"]) for one in report.patterns if "held" in one}
    if len(set(held.values())) > 1:
        return f" Compared {'; '.join(f'on {platform(name)} {words}' for name, words in sorted(held.items()))}."
    return "".join(f" Compared {words}." for words in list(held.values())[:1])


def _strongest(report: LearningReport) -> list[dict[str, Any]]:
    """Each platform, choice and level once, with its strongest outcome; what is recommended already is left out."""
    said = {
        (rule["condition"]["platform"], rule["value"]["feature"], rule["value"].get("level"))
        for rule in report.rules["rules"]
    }
    seen: dict[tuple[str, str, str], dict[str, Any]] = {}
    for one in report.patterns:
        key = (one["platform"], one["feature"], one["level"])
        if key not in said:
            seen.setdefault(key, one)
    return list(seen.values())[:MOST_PATTERNS]


def _with(one: dict[str, Any]) -> str:
    words = {"duration_s": "length {} s", "n_hashtags": "{} hashtags", "caption_len": "{} characters of caption"}
    found = words.get(one["feature"])
    return found.format(one["level"]) if found else f"{one['feature'].replace('_', ' ')}: {one['level']}"


def _retention(report: LearningReport) -> list[str]:
    one = report.retention_analysis
    if not one["n"]:
        return []
    watched, early = one["avg_watch_percentage"], one["first_seconds"]
    lines = ["", "## Retention", ""]
    lines.append(
        f"{one['n']:,} of {one['of']:,} posts: half of them were watched to between {share(watched['low'])} and "
        f"{share(watched['high'])}, typically {share(watched['median'])}."
    )
    if early["n"]:
        lines.append(
            f"Of the viewers who left, {share(early['share_of_losses'])} had left by second {early['seconds']:g} "
            f"({early['n']:,} posts with a curve)."
        )
    if one["lost_by_tenth"]:
        worst = max(range(len(one["lost_by_tenth"])), key=lambda at: one["lost_by_tenth"][at])
        lines.append(
            f"Most leave between {worst * 10} and {worst * 10 + 10} % of the length: "
            f"{share(one['lost_by_tenth'][worst])} of all viewers."
        )
    for name, cluster in report.clusters["clusters"].items():
        lines += ["", *_cluster(name, cluster)]
    return lines


def _cluster(name: str, one: dict[str, Any]) -> list[str]:
    head = f"**{name.replace('_', ' ').capitalize()}** ({one['bounds']}): {one['count']:,} posts"
    if one["note"]:
        return [f"{head}; {one['note']}."]
    found = [
        f"{_with(feature)} {share(feature['share'])} against {share(feature['share_elsewhere'])} elsewhere"
        for feature in one["common_features"][:3]
    ]
    return [f"{head}: {'; '.join(found)}."]


def _claims(report: LearningReport) -> list[str]:
    lines = ["", "## Five common claims, on these posts", ""]
    for one in report.hypotheses:
        line = f"- “{one['claim']}”: **{one['verdict']}**. {_sentence(one['because'])}"
        lines.append(line + (f" To settle it: {one['settle']}." if one["settle"] else ""))
    return lines


def _brand_and_scores(report: LearningReport) -> list[str]:
    brand, scores = report.brand_alignment, report.scores
    if not report.summary["total_content_analyzed"]:
        return []
    known = [f"{SCORES[name]} {value:.2f} (n = {scores['n'][name]:,})" for name, value in scores["mean"].items()
             if value is not None]  # fmt: skip
    lines = ["", "## Scores of the day, 0 to 1", ""]
    lines.append(f"Means: {', '.join(known)}." if known else "None could be computed.")
    lines += [
        f"- {SCORES[name]}: not known for {scores['of'] - scores['n'][name]:,} of {scores['of']:,}; {why}"
        for name, why in scores["needs"].items()
    ]
    if brand["n"]:
        said = f"{brand['source'].capitalize()} agree by {brand['mean']:.2f} on {brand['n']:,} of {brand['of']:,} posts"
        far = [_plain(one["content_id"]) for one in brand["least_aligned"] if one["score"] < UNLIKE]
        lines.append(f"{said}; unlike the brand: {list_of(far)}." if far else f"{said}.")
    return lines


def _money(report: LearningReport) -> list[str]:
    cost, roi = report.cost, report.roi
    return ["", "## Cost and return", "", *cost["lines"], roi["sentence"]]


def _unsaid(report: LearningReport) -> list[str]:
    lines = ["", "## What these numbers cannot say", ""]
    lines += [f"- {one}" for one in report.limits]
    for one in report.unmeasured:
        whole = [OUTCOMES[name] for name, count in one["missing"].items() if count == one["posts"]]
        some = [f"{OUTCOMES[name]} ({count:,})" for name, count in one["missing"].items() if count < one["posts"]]
        if whole:
            lines.append(f"- {platform(one['platform'])}: not measured on any post: {list_of(whole)}.")
        if some:
            lines.append(f"- {platform(one['platform'])}: missing on some posts: {list_of(some)}.")
    return lines if len(lines) > 3 else []


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _short(text: str, most: int = 60) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _plain(text: str) -> str:
    """Text from outside as Markdown shows it and not as it reads it; control characters become visible."""
    shown = "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)
    for sign in "\\`*_[]<>|#":
        shown = shown.replace(sign, "\\" + sign)
    return shown
