"""Differences that were planted are found with an honest size; where nothing was planted, nothing is claimed."""

from __future__ import annotations

import numpy as np

from core.insights.findings.effects import FALSE_SHARE, Effect, claims, estimated
from core.insights.findings.patterns import search
from core.insights.findings.recommendations import advise
from core.insights.posts import Posts
from tests.core.insights import made


def test_a_planted_effect_is_found_and_its_interval_holds_the_truth() -> None:
    found = search(made.posts(1200, short=1.5)).patterns
    lead = next(one for one in found if one.outcome.name == "engagement_rate" and one.effect.effect > 0)
    assert (lead.choice.name, lead.choice.levels[lead.level]) == ("duration_s", "7–15")
    assert lead.ratio[1] < 1.5 < lead.ratio[2]
    assert lead.effect.n + lead.effect.n_other == 1200


def test_nothing_is_claimed_where_nothing_was_planted() -> None:
    claimed = [bool(search(made.posts(300, seed=seed)).patterns) for seed in range(60)]
    # Under no effect at all the chance of any claim is at most 5 %: 3 of 60 expected, 8 or more in 1 of 100 cases.
    assert sum(claimed) < 8


def test_what_is_only_one_accounts_habit_is_not_claimed() -> None:
    """Every account uses the same length always, and accounts differ: 600 posts are then only 24 witnesses."""
    wrong = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        taste, length = rng.normal(0, 1.0, 24), rng.choice([5.0, 11.0, 20.0], 24)
        lines = made.rows(600, seed=seed, accounts=24)
        for line in lines:
            account = int(line["account"].removeprefix("account-"))
            line["duration_s"] = float(length[account])
            line["engagement_rate"] *= float(np.exp(taste[account]))
        named = {one.choice.name for one in search(Posts.of(lines)).patterns}
        wrong += "duration_s" in named
    assert wrong <= 4


def test_more_followers_are_not_credited_to_a_choice() -> None:
    rng = np.random.default_rng(4)
    lines = made.rows(800, accounts=800)
    for line in lines:
        own = bool(rng.random() < 0.5)
        followers = float(np.exp(rng.normal(8 + 2 * own, 0.5)))
        line["features"] = {"followers": followers, "music_original": own}
        line["views"] = followers * float(np.exp(rng.normal(0, 0.5)))
    assert not [one for one in search(Posts.of(lines)).patterns if one.outcome.name == "views"]


def test_most_selected_intervals_hold_the_truth() -> None:
    """Of the intervals that are shown, about 5 % may miss, although only striking ones are shown."""
    rng = np.random.default_rng(2)
    missed = shown = 0
    for _ in range(300):
        truth = np.where(rng.random(40) < 0.3, rng.normal(0, 3, 40), 0.0)
        looks = [estimated(float(value + rng.normal()), 1.0, 10_000, 100, 100) for value in truth]
        for value, one in zip(truth, claims(looks), strict=True):
            if one.q <= FALSE_SHARE:
                shown += 1
                missed += not one.low <= value <= one.high
    assert shown > 500
    assert missed / shown < 0.08


def test_q_is_benjamini_and_hochbergs() -> None:
    looks = [Effect(1, 1, 1.0, 1.0, 9, p, 0.0, 0.0) for p in (0.01, 0.04, 0.03, 0.2)]
    assert [round(one.q, 4) for one in claims(looks)] == [0.04, 0.0533, 0.0533, 0.2]


def test_advice_is_to_do_what_was_planted_and_counts_who_did() -> None:
    posts = made.posts(1500, short=1.6)
    advice = advise(posts, search(posts).patterns)
    assert (advice[0].rule_id, advice[0].prefer) == ("tiktok.duration-s.7-15", True)
    assert 0.7 < advice[0].room < 0.9


def test_advice_falls_away_where_another_choice_explains_it() -> None:
    """Own sound is chosen with short clips and does nothing itself."""
    rng = np.random.default_rng(5)
    lines = made.rows(2000, short=1.8)
    for line in lines:
        short = made.factor_is(line["duration_s"])
        line["features"] = {"music_original": bool(rng.random() < (0.9 if short else 0.3))}
    posts = Posts.of(lines)
    found = search(posts).patterns
    assert "music_original" in {one.choice.name for one in found}
    assert {one.choice.name for one in advise(posts, found)} == {"duration_s"}
