"""Numbers of insights as sentences a creator acts on; used by the page, the snapshot and the commands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import ceil

from core.insights.findings.choices import Choice
from core.insights.findings.patterns import Pattern
from core.insights.findings.recommendations import Advice
from core.insights.platforms import shown as platform

FEATURES = {
    "duration_s": "length of {level} s",
    "n_hashtags": "{level} hashtags",
    "caption_len": "caption of {level} characters",
    "hour": "posted at {level}",
    "weekday": "posted on a {level}",
    "category_id": "category {level}",
}
YES = {
    "music_original": "own sound",
    "caption_question": "a question mark in the caption",
    "caption_exclamation": "an exclamation mark in the caption",
    "caption_number": "a number in the caption",
    "caption_all_capitals": "a caption all in capitals",
}
ACTIONS = {
    "duration_s": ("make clips of {level} s", "avoid clips of {level} s"),
    "n_hashtags": ("use {level} hashtags", "avoid {level} hashtags"),
    "caption_len": ("write captions of {level} characters", "avoid captions of {level} characters"),
    "music_original": ("use your own sound", "use known music instead of your own sound"),
    "caption_question": ("ask a question in the caption", "leave question marks out of the caption"),
    "caption_exclamation": ("put an exclamation mark into the caption", "leave exclamation marks out of the caption"),
    "caption_number": ("put a number into the caption", "leave numbers out of the caption"),
    "caption_all_capitals": ("write the caption all in capitals", "do not write the caption all in capitals"),
}
ENOUGH = 7.85  # (1.96 + 0.84) squared: 5 % two-sided, found 4 times of 5


def has(choice: Choice, level: int) -> str:
    """What a post with that level is like: "length of 7–15 s", "own sound", "not own sound"."""
    words = choice.levels[level]
    if choice.kind in ("yes", "tag"):
        what = YES.get(choice.name, f"tag “{choice.name}”" if choice.kind == "tag" else choice.name.replace("_", " "))
        return what if level else f"without {what}"
    if choice.name == "caption_len" and words == "0":
        return "no caption text"
    return FEATURES.get(choice.name, f"{choice.name.replace('_', ' ')} {{level}}").format(level=words)


def action(advice: Advice) -> str:
    """What to do, without a full stop and without the platform."""
    choice, level = advice.choice, advice.level
    words = choice.levels[level]
    if choice.name == "caption_len" and words == "0":
        return "leave out the caption's text (hashtags aside)" if advice.prefer else "write a caption"
    if choice.name == "n_hashtags" and words == "0":
        return "leave hashtags out" if advice.prefer else "use hashtags"
    if choice.name in ACTIONS:
        return ACTIONS[choice.name][0 if advice.prefer == bool(level or choice.kind != "yes") else 1].format(
            level=words
        )
    if choice.kind == "tag":
        return f"{'use' if advice.prefer == bool(level) else 'leave out'} the tag “{choice.name}”"
    verb = "prefer" if advice.prefer else "avoid"
    return f"{verb} {has(choice, level)}"


def share(value: float) -> str:
    """A share in per cent with as many digits as say something."""
    return f"{value:.0%}" if value >= 0.1 else f"{value:.1%}" if value >= 0.01 else f"{value:.2%}"


def amount(pattern: Pattern, value: float) -> str:
    """An outcome's value as people read it."""
    return share(value) if pattern.outcome.percent else f"{value:,.0f}"


def times(pattern: Pattern) -> str:
    """ "1.82 times the shares per view (1.57 to 2.11; typically 0.52% against 0.26%)"."""
    ratio, low, high = pattern.ratio
    raw = f"typically {amount(pattern, pattern.typical)} against {amount(pattern, pattern.typical_other)}"
    return f"{ratio:.2f} times the {pattern.outcome.words} ({low:.2f} to {high:.2f}; {raw})"


def sentence(advice: Advice, spread: float | None) -> str:
    """The recommendation with its numbers.

    Args:
        spread: of the lead outcome's logarithm among posts alike, for how many posts a test of one's own needs; None
            where the accounts are compared with themselves already.
    """
    lead = advice.patterns[0]
    what = action(advice)
    if advice.platform == "youtube":
        what = what.replace("caption", "title")
    named = [f"{platform(advice.platform)}: {what}."]
    named.append(f"{'Such posts' if advice.prefer else 'Posts that did otherwise'} got {_joined(advice)}.")
    n, other = (lead.effect.n, lead.effect.n_other) if advice.prefer else (lead.effect.n_other, lead.effect.n)
    few = f"{counted(lead.effect.groups, lead.by)} on the smaller side" if lead.by != "post" else ""
    named.append(f"n = {n:,} posts that did, {other:,} that did not{f' ({few})' if few else ''}.")
    if advice.against:
        named.append(f"Against it: {'; '.join(times(one) for one in advice.against)}.")
    if spread is not None:
        named.append(test(lead, spread))
    return " ".join(named)


def _joined(advice: Advice) -> str:
    shown = [times(one if advice.prefer else turned(one)) for one in advice.patterns[:2]]
    return " and ".join(shown)


def turned(pattern: Pattern) -> Pattern:
    """The same difference seen from the posts without the level."""
    one = pattern.effect
    effect = replace(one, effect=-one.effect, low=-one.high, high=-one.low, n=one.n_other, n_other=one.n)
    return replace(pattern, effect=effect, typical=pattern.typical_other, typical_other=pattern.typical)


def test(lead: Pattern, spread: float) -> str:
    """How many posts of one's own would show it, at the estimated size."""
    each = max(ceil(2 * ENOUGH * (spread / lead.effect.effect) ** 2), 5)
    return f"On your own account about {each:,} posts each way would show it."


def held_equal(names: Sequence[str]) -> str:
    """What both sides of a comparison are equal in: "within each account, at equal age at measurement"."""
    facts = [name for name in names if name != "account"]
    parts = ["within each account"] if "account" in names else []
    return ", ".join([*parts, f"at equal {list_of(facts)}"] if facts else parts) or "with nothing held equal"


def list_of(words: list[str]) -> str:
    """ "a, b and c"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def counted(count: int, noun: str) -> str:
    """ "1 account", "2,770 accounts"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
