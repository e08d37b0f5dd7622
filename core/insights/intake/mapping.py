"""Which column of a file is which of ours: by what platforms and scrapers call them, by what the user said, by looking.

Numbers with names that we do not know become features; other columns are left out, and both are told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from core.errors import WrongUseError
from core.insights.intake import values
from core.insights.intake.block import COLUMNS, COUNTS
from core.insights.intake.checking import MOST, SHARES

SAMPLED = 2_000  # first rows that are looked at
# In the order of choice where a file has several.
SYNONYMS: dict[str, tuple[str, ...]] = {
    "content_id": ("video_id", "video", "post_id", "media_id", "item_id", "aweme_id", "reel_id", "shortcode", "id"),
    "platform": ("network", "channel_type"),
    "account": ("author", "channel", "username", "user", "creator", "account_name", "channel_title", "author_id",
                "channel_id", "handle"),
    "sample_id": ("sample",),
    "measured_at": ("scrape_time", "scraped_at", "crawl_time", "crawled_at", "collected_at", "fetched_at",
                    "recorded_at", "snapshot_at", "snapshot_date", "trending_date", "as_of", "measured", "date", "day"),
    "posted_at": ("publish_time", "published_at", "publish_date", "published", "post_time", "posted", "upload_date",
                  "uploaded_at", "create_time", "created_at", "video_publish_time", "date_posted", "timestamp"),
    "duration_s": ("duration", "video_duration", "length", "length_s", "duration_seconds", "duration_sec",
                   "video_length"),
    "caption": ("title", "video_title", "description", "text", "desc"),
    "brand_tags": ("hashtags", "tags", "hashtag"),
    "views": ("view_count", "play_count", "plays", "video_views", "n_views", "views_count"),
    "likes": ("like_count", "digg_count", "hearts", "n_likes", "likes_count", "diggs"),
    "comments": ("comment_count", "n_comments", "comments_count", "replies"),
    "shares": ("share_count", "n_shares", "shares_count", "reposts", "repost_count"),
    "saves": ("save_count", "collect_count", "n_saves", "saves_count", "bookmarks", "favorites", "favourites", "saved"),
    "engagement_rate": ("engagement",),
    "save_rate": (),
    "views_velocity": ("velocity", "views_per_hour"),
    "avg_watch_percentage": ("average_percentage_viewed", "avg_percentage_viewed", "average_view_percentage",
                             "avg_watch_percent", "average_watch_percentage", "avg_watch_pct", "watch_percentage"),
    "completion_rate": ("finish_rate", "full_video_watched_rate", "watched_full_video", "completion"),
    "rewatch_rate": ("replay_rate", "rewatch", "loop_rate"),
    "retention_curve": ("audience_retention", "retention"),
    "drop_off_points": ("drop_offs", "dropoffs", "dropoff_points"),
    "edit_metadata": ("edit", "metadata"),
    "features": ("extra",),
}  # fmt: skip
DOTTED = re.compile(r"[+-]?\d+(\.\d+)+")
GROUPED = re.compile(r"[1-9]\d{0,2}(\.\d{3})+")  # 0.455 is a share
ENDINGS = ("_utc", "_gmt", "_at_utc")


@dataclass(frozen=True)
class Layout:
    """How a file is read. Kept in the journal, so that it is read the same way again.

    Attributes:
        columns: ours -> theirs.
        features: theirs that become features under their own names.
        ignored: theirs that are left out.
        percent: columns of ours whose numbers count in hundredths.
        comma: the decimal sign is a comma.
    """

    columns: dict[str, str]
    features: list[str]
    ignored: list[str]
    percent: list[str]
    comma: bool = False

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def choose(
    names: Sequence[str], sample: Mapping[str, Sequence[Any]], said: Mapping[str, str], *, delimiter: str = ","
) -> Layout:
    """The mapping of a file with these columns, of which some first values are in `sample`.

    Args:
        said: ours -> theirs as the user says; "theirs%" tells that its numbers count in hundredths, "theirs:fraction"
            that they do not, "" that there is none.

    Raises:
        WrongUseError: the user names a column that is not there, or none can be the content's id.
    """
    columns, units = _said(names, said)
    taken = set(columns.values())
    for ours, known in SYNONYMS.items():
        if ours in columns or ours in said:
            continue
        for wanted in (ours, *known):
            theirs = next((one for one in names if one not in taken and _same(one, wanted)), None)
            if theirs is not None:
                columns[ours] = theirs
                taken.add(theirs)
                break
    if "content_id" not in columns:
        raise WrongUseError(
            "no column tells which post a row is about",
            where=f"columns {', '.join(names[:20])}",
            do="Name it: --map content_id=THEIRS",
        )
    comma = delimiter == ";" and (_has_commas(columns, sample) or _has_grouping_dots(columns, sample))
    rest = [one for one in names if one not in taken and one.strip()]
    features = [one for one in rest if _numeric(sample.get(one, ()), comma)]
    found = Layout(columns, features, [one for one in rest if one not in features], [], comma)
    return replace(found, percent=sorted(_percent(found, sample, units)))


def _said(names: Sequence[str], said: Mapping[str, str]) -> tuple[dict[str, str], dict[str, bool]]:
    """ours -> theirs, and of which of ours the user says whether its numbers count in hundredths."""
    columns: dict[str, str] = {}
    units: dict[str, bool] = {}
    allowed = {*COLUMNS, "platform"}
    for ours, theirs in said.items():
        if ours not in allowed:
            raise WrongUseError(f"--map {ours}: there is no such column of ours", do=f"Ours: {', '.join(COLUMNS)}.")
        for ending, is_percent in (("%", True), (":fraction", False)):
            if theirs not in names and theirs.endswith(ending) and theirs.removesuffix(ending) in names:
                theirs = theirs.removesuffix(ending)
                units[ours] = is_percent
        if theirs:
            if theirs not in names:
                raise WrongUseError(f"--map {ours}={theirs}: the file has no such column", do=f"It has {_few(names)}.")
            columns[ours] = theirs
    return columns, units


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:20]) + (" ..." if len(names) > 20 else "")


def _same(theirs: str, wanted: str) -> bool:
    name = re.sub(r"[^a-z0-9]+", "_", theirs.rpartition(".")[2].lower()).strip("_")
    return name == wanted or any(name == wanted + ending for ending in ENDINGS)


def _has_commas(columns: Mapping[str, str], sample: Mapping[str, Sequence[Any]]) -> bool:
    numeric = [theirs for ours, theirs in columns.items() if ours in (*SHARES, *COUNTS, "duration_s", "views_velocity")]
    texts = [str(one).strip() for theirs in numeric for one in sample.get(theirs, ())]
    return any(re.fullmatch(r"[+-]?\d+,\d{1,2}|\d+,\d{4,}|0,\d+", one) for one in texts)


def _has_grouping_dots(columns: Mapping[str, str], sample: Mapping[str, Sequence[Any]]) -> bool:
    """Whether counts are written as 12.345 and no number of the file has a dot anywhere else."""
    dotted = [theirs for theirs, found in sample.items() if any(DOTTED.fullmatch(str(one).strip()) for one in found)]
    grouped = all(
        GROUPED.fullmatch(text)
        for theirs in dotted
        for one in sample[theirs]
        if DOTTED.fullmatch(text := str(one).strip())
    )
    return grouped and any(columns.get(name) in dotted for name in COUNTS)


def _numeric(found: Sequence[Any], comma: bool) -> bool:
    known = 0
    for one in found:
        if isinstance(one, list | dict):
            return False
        try:
            known += values.number(one, comma=comma) is not None
        except ValueError:
            return False
    return known > 0


def _percent(found: Layout, sample: Mapping[str, Sequence[Any]], units: Mapping[str, bool]) -> Iterator[str]:
    """Ours that count in hundredths: as the user says, as their header does, else as most of their numbers do."""
    for ours in _shares(found):
        theirs = found.columns[ours]
        numbers = _bare(sample.get(theirs, ()), found.comma)
        # One number proves nothing. Small percentages (saves) lie below 1 in the main, but many of them above.
        above = sum(one > MOST.get(ours, 1.0) for one in numbers)
        many = bool(above) and (2 * above >= len(numbers) or above > max(1, len(numbers) / 10))
        if units.get(ours, "%" in theirs or many):
            yield ours


def doubts(found: Layout, sample: Mapping[str, Sequence[Any]], said: Mapping[str, str]) -> list[str]:
    """How columns were read whose numbers could be fractions or percentages, and how to say otherwise."""
    notes: list[str] = []
    for ours in _shares(found):
        theirs, is_percent = found.columns[ours], ours in found.percent
        numbers = _bare(sample.get(theirs, ()), found.comma)
        above = sum(one > 1 for one in numbers)
        odd = len(numbers) - above if is_percent else above
        if not odd or "%" in theirs or said.get(ours) not in (None, theirs):
            continue
        read, side = ("percentages (1 is 1 %)", "not above 1") if is_percent else ("fractions (1 is 100 %)", "above 1")
        other, ending = ("fractions", ":fraction") if is_percent else ("percentages", "%")
        notes.append(
            f"{ours} was read as {read}, though {odd:,} of its first {len(numbers):,} numbers are {side}; "
            f"if they are {other}: --map {ours}={theirs}{ending}"
        )
    return notes


def _shares(found: Layout) -> list[str]:
    return [ours for ours in (*SHARES, "retention_curve") if ours in found.columns]


def _bare(cells: Sequence[Any], comma: bool) -> list[float]:
    """The largest number of each cell that has one and no percent sign; 0 says nothing of its unit."""
    return [largest for one in cells if (largest := _largest(one, comma)) > 0]


def _largest(value: Any, comma: bool) -> float:
    """The largest number in a cell that has no percent sign; 0 where there is none."""
    try:
        if isinstance(value, list) or (isinstance(value, str) and re.search(r"[\[;|]", value)):
            points = values.numbers_json(value, shares=False)
            return max((float(one) for one in re.findall(r"[\d.]+(?:e-?\d+)?", points or "")), default=0.0)
        return float(values.number(value, comma=comma) or 0.0)
    except ValueError:
        return 0.0
