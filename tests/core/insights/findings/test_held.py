"""Effects have their right size where accounts have their habits, and intervals hold the truth as often as they say."""

from __future__ import annotations

import numpy as np
import pytest

from core.insights.findings.chances import ratio_of_chances
from core.insights.findings.effects import compare
from core.insights.findings.held import Held, columns_of
from core.insights.findings.patterns import search
from core.insights.posts import Posts
from tests.core.insights import made


def habitual(seed: int, times: float, accounts: int = 40, each: int = 10) -> list[made.Row]:
    """Accounts of which half mostly ask in the caption and half hardly, and asking multiplies engagement and views."""
    rng = np.random.default_rng(seed)
    lines = made.rows(accounts * each, seed=seed)
    for number, line in enumerate(lines):
        account = number % accounts
        asked = bool(rng.random() < (0.92 if account % 2 else 0.08))
        line |= {"account": f"account-{account}", "caption": "why?" if asked else "because"}
        line["avg_watch_percentage"] = 0.8 if asked else 0.5
        line["engagement_rate"] = 0.05 * (times if asked else 1.0) * float(np.exp(rng.normal(0, 0.3)))
        line["views"] = int(np.exp(rng.normal(8, 0.3)) * (times if asked else 1.0))
    return lines


def test_a_habit_of_accounts_does_not_shrink_what_it_does() -> None:
    found = search(Posts.of(habitual(1, 2.0))).patterns
    asked = next(
        one for one in found if one.choice.name == "caption_question" and one.outcome.name == "engagement_rate"
    )
    assert asked.ratio[0] == pytest.approx(2.0, rel=0.15)
    assert asked.ratio[1] < 2.0 < asked.ratio[2]


def test_followers_do_not_take_what_a_choice_does() -> None:
    rng = np.random.default_rng(2)
    lines = made.rows(800)
    for number, line in enumerate(lines):
        own = bool(rng.random() < 0.5)
        line |= {"account": f"account-{number}"}
        followers = float(np.exp(rng.normal(8 + 2 * own, 0.8)))
        line["features"] = {"followers": followers, "music_original": own}
        line["engagement_rate"] = 0.1 * followers**-0.1 * (1.8 if own else 1.0) * float(np.exp(rng.normal(0, 0.3)))
    found = next(one for one in search(Posts.of(lines)).patterns if one.outcome.name == "engagement_rate")
    assert found.ratio[0] == pytest.approx(1.8, rel=0.1)
    assert found.held == ("followers", "posting time")  # all were measured at the same age


@pytest.mark.parametrize("sizes", ["equal", "a few large"])
def test_intervals_hold_the_truth_as_often_as_they_say(sizes: str) -> None:
    rng = np.random.default_rng(3)
    each = np.full(40, 10) if sizes == "equal" else np.maximum(200 * np.arange(1, 41) ** -1.2, 5).astype(np.int64)
    account = np.repeat(np.arange(40), each)
    held = 0
    for _ in range(300):
        taste, habit, fact = rng.normal(0, 1, 40), rng.random(40), rng.random(len(account))
        chosen = rng.random(len(account)) < habit[account]
        y = taste[account] + chosen + fact + rng.normal(0, 0.6, len(account))
        one = compare(y, chosen.astype(np.int64), 2, account, Held(account, tuple(columns_of(fact))))[1]
        assert one is not None
        held += one.low <= 1.0 <= one.high
    assert held >= 270


def test_accounts_that_only_do_one_thing_are_not_compared() -> None:
    account = np.repeat(np.arange(40), 10)
    y = np.random.default_rng(4).normal(0, 1, 400) + account % 2
    assert compare(y, account % 2, 2, account)[1] is not None
    assert compare(y, account % 2, 2, account, Held(account))[1] is None


@pytest.mark.parametrize("times", [1.0, 2.0])
def test_ratios_of_chances_hold_the_truth_within_accounts(times: float) -> None:
    rng = np.random.default_rng(5)
    account, held = np.repeat(np.arange(40), 20), 0
    for _ in range(150):
        chance = 0.07 * np.exp(rng.normal(0, 0.5, 40))[account]
        chosen = rng.random(800) < 0.35
        top = (rng.random(800) < np.where(chosen, times, 1.0) * chance).astype(np.float64)
        one = ratio_of_chances(top, chosen.astype(np.int64), account, account)
        assert one is not None
        held += one.low <= np.log(times) <= one.high
    assert held >= 138
