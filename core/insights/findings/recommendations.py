"""What to do next, from the patterns that hold: few, concrete, with n and interval; and the same as a file of rules.

The file (`recommendations.json`) is for other programs; docs/insights.md describes its fields.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.insights.findings.choices import Choice, choices
from core.insights.findings.effects import LEAST_ROWS, Effect, Floats, compare, rounded
from core.insights.findings.held import Held
from core.insights.findings.outcomes import groups, held, logged
from core.insights.findings.patterns import Pattern
from core.insights.findings.remembered import on, platforms
from core.insights.posts import Posts

SCHEMA_VERSION = 1
VALID_DAYS = 14
SUREST = 0.999  # of no rule more than this is said: the posts may be others tomorrow
MOST = 5  # more than a person acts on
MOST_PER_PLATFORM = 3
RELEVANT = np.log(1.05)  # the interval's nearer end must be at least 5 % away from no difference
CHANGEABLE = ("range", "yes", "tag")  # a category is what a channel is about, not advice


@dataclass(frozen=True, slots=True)
class Advice:
    """One recommendation.

    Attributes:
        prefer: do this; else avoid it.
        patterns: what the level changes, the weightiest first; all hold with the other choices held equal.
        against: patterns of the same level that point the other way.
        room: share of the posts that do not follow it yet.
    """

    platform: str
    choice: Choice
    level: int
    prefer: bool
    patterns: tuple[Pattern, ...]
    against: tuple[Pattern, ...]
    room: float

    @property
    def rule_id(self) -> str:
        parts = (self.platform, self.choice.name, self.choice.levels[self.level])
        return ".".join(re.sub(r"[^a-z0-9]+", "-", part.lower().replace("–", "-")).strip("-") for part in parts)


def advise(posts: Posts, found: tuple[Pattern, ...]) -> list[Advice]:
    """At most five, the strongest first, one per choice and platform."""
    all_advice: list[Advice] = []
    for platform in platforms(posts):
        useful = [one for one in found if one.platform == platform and one.choice.kind in CHANGEABLE]
        if useful:
            all_advice += _of_platform(on(posts, platform), useful)[:MOST_PER_PLATFORM]
    return sorted(all_advice, key=_strength, reverse=True)[:MOST]


def _of_platform(own: Posts, useful: list[Pattern]) -> list[Advice]:
    group, _ = groups(own)
    every = choices(own)
    best: dict[str, Advice] = {}
    again: dict[tuple[str, str], list[Effect | None]] = {}
    for pattern in sorted(useful, key=lambda one: -one.outcome.weight * abs(one.effect.sure)):
        if abs(pattern.effect.sure) < RELEVANT:
            continue
        name, level = pattern.choice.name, pattern.level
        same = [one for one in useful if one.choice.name == name and one.level == level]
        others: Held | None = None
        for one in same:
            if (name, one.outcome.name) not in again:
                others = others or held(own).plus(_others(every, name))
                y, count = logged(own, one.outcome.name), len(one.choice.levels)
                again[name, one.outcome.name] = compare(y, one.choice.codes, count, group, others)
        holding = [one for one in same if _holds(one, again[name, one.outcome.name][level])]
        advice = _advice(holding, pattern)
        if advice and (name not in best or _strength(advice) > _strength(best[name])):
            best[name] = advice
    return sorted(best.values(), key=_strength, reverse=True)


def _advice(held: list[Pattern], lead: Pattern) -> Advice | None:
    """What the level is good or bad for; None where it does not clearly point one way."""
    up = [one for one in held if one.effect.sure >= RELEVANT]
    down = [one for one in held if -one.effect.sure >= RELEVANT]
    gain = sum(one.outcome.weight * one.effect.sure for one in (*up, *down))
    if not (up or down) or not gain:
        return None
    with_it, against = (up, down) if gain > 0 else (down, up)
    order = sorted(with_it, key=lambda one: -one.outcome.weight * abs(one.effect.sure))
    room = 1 - lead.share if gain > 0 else lead.share
    return Advice(lead.platform, lead.choice, lead.level, gain > 0, tuple(order), tuple(against), room)


def _strength(advice: Advice) -> float:
    """What would change if all posts followed it: sure effects by weight, less what speaks against, times the room."""
    gain = sum(one.outcome.weight * abs(one.effect.sure) for one in advice.patterns)
    loss = sum(one.outcome.weight * abs(one.effect.sure) for one in advice.against)
    return (gain - loss) * max(advice.room, 0.02)


def _others(every: list[Choice], name: str) -> list[Floats]:
    """Columns of 0 and 1 for the levels of all other choices, the first of each left out."""
    found: list[Floats] = []
    for choice in every:
        if choice.name != name:
            for level in range(1, len(choice.levels)):
                column = (choice.codes == level).astype(np.float64)
                if column.sum() >= LEAST_ROWS:
                    found.append(column)
    return found


def _holds(pattern: Pattern, again: Effect | None) -> bool:
    """Whether the difference keeps its sign, beyond its error, when the other choices are held equal."""
    return again is not None and again.sure * pattern.effect.effect > 0


def rules(advice: list[Advice], times: list[dict[str, Any]], date: str, valid_until: str) -> dict[str, Any]:
    """The machine-readable file: a stable schema, values as data and not as sentences.

    Args:
        times: rules about posting times, already in this form (`timing_rule`).
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "made_for": date,
        "valid_until": valid_until,
        "rules": [_rule(one, valid_until) for one in advice] + times,
    }


def _rule(one: Advice, valid_until: str) -> dict[str, Any]:
    lead = one.patterns[0]
    bounds = one.choice.bounds[one.level]
    level = one.choice.levels[one.level]
    value: dict[str, Any] = {"feature": one.choice.name, "level": level}
    if bounds:
        value |= {"min": bounds[0], "below": bounds[1]}
    return {
        "rule_id": one.rule_id,
        "condition": {"platform": one.platform},
        "action": "prefer" if one.prefer else "avoid",
        "value": value,
        "confidence": rounded(min(1 - lead.effect.q, SUREST)),
        "n": lead.effect.n,
        "n_other": lead.effect.n_other,
        "effects": [effect_json(pattern) for pattern in (*one.patterns, *one.against)],
        "valid_until": valid_until,
    }


def effect_json(pattern: Pattern) -> dict[str, Any]:
    times, low, high = pattern.ratio
    return {
        "outcome": pattern.outcome.name, "ratio": rounded(times), "interval": [rounded(low), rounded(high)],
        "interval_level": rounded(pattern.effect.level), "n": pattern.effect.n, "n_other": pattern.effect.n_other,
    }  # fmt: skip


def timing_rule(timing: dict[str, Any], valid_until: str) -> dict[str, Any]:
    """A rule to post at the hours and weekdays that are shown to be above the average.

    Args:
        timing: a platform's part of the report's `best_time`.
    """
    return {
        "rule_id": f"{timing['platform']}.best-time", "condition": {"platform": timing["platform"]}, "action": "prefer",
        "value": {
            "feature": "posted_at", "hours_utc": timing["advised_hours_utc"], "hours_local": timing["advised_hours"],
            "weekdays": timing["advised_days"], "timezone": timing["timezone"],
        },
        "confidence": timing["advised_confidence"], "n": timing["sample_size"], "n_other": 0, "effects": [],
        "valid_until": valid_until,
    }  # fmt: skip
