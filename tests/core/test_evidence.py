"""The verdict is rarely wrong however often one looks, and says how long it will take."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import evidence
from tests.benchmarks import verdict as simulated

STREAMS = 300
# 5 % and what 300 streams can be off by chance once in 1,000 times: 3.1 standard deviations of a binomial share.
AT_MOST = 0.05 + 3.1 * (0.05 * 0.95 / STREAMS) ** 0.5

streams = st.lists(st.floats(-1, 1, allow_nan=False), max_size=60)


@pytest.mark.parametrize("kind", sorted(simulated.KINDS))
@pytest.mark.parametrize("better_by", [simulated.EQUAL, simulated.WORSE])
def test_a_version_that_is_no_better_is_rarely_accepted_though_one_looks_after_every_answer(
    kind: str, better_by: float
):
    assert simulated.accepted_share(kind, better_by, STREAMS) <= AT_MOST


def test_clips_of_one_video_do_not_make_a_version_look_better():
    runs = 40
    assert simulated.grouped_share(simulated.EQUAL, runs) <= 0.05 + 3.1 * (0.05 * 0.95 / runs) ** 0.5


def test_the_usual_test_looked_at_as_often_would_accept_many():
    assert simulated.t_test_share("scenes", STREAMS) > 0.25
    assert simulated.t_test_share("scenes", STREAMS, once=True) < 0.1


def test_a_better_version_is_found_and_the_sooner_the_better_it_is():
    by_five, by_twenty = (simulated.settled("scenes", better_by, STREAMS) for better_by in (0.05, 0.2))
    assert np.mean(by_five <= simulated.LENGTH) > 0.9
    assert np.median(by_twenty) < 60 < np.median(by_five) < 800


def test_a_landslide_is_settled_by_a_dozen_answers():
    assert evidence.weigh([1.0] * 8).decision == "accept"
    assert evidence.weigh([-1.0] * 8).decision == "revert"
    assert evidence.weigh([1.0] * 3).decision == "caution"
    mixed = [1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0]
    assert evidence.weigh(mixed).decision == "accept"


def test_nothing_is_known_without_observations():
    found = evidence.weigh([])
    assert (found.low, found.high, found.decision, found.more) == (-1.0, 1.0, "caution", None)


def test_the_money_is_what_the_formula_says():
    seen = np.array([0.5, -0.25, 1.0])
    by_hand = [1.0] * len(evidence.SHARES)
    for difference in seen:
        by_hand = [
            money * ((1 - share) + share * (1 + difference) / (1 + 0.2))
            for money, share in zip(by_hand, evidence.SHARES, strict=True)
        ]
    assert evidence.wealth(seen, 0.2)[-1] == pytest.approx(sum(by_hand) / len(by_hand))


@settings(deadline=None, max_examples=60)
@given(streams)
def test_the_interval_never_widens_and_agrees_with_the_decision(differences: list[float]):
    found = [evidence.weigh(differences[:n]) for n in range(len(differences) + 1)]
    for before, after in pairwise(found):
        assert before.low <= after.low <= after.high <= before.high or after.decision != "caution"
        if before.decision != "caution":
            assert after.decision == before.decision
    last = found[-1]
    assert (last.decision == "accept") == (last.low >= 0 and last.decision != "revert")
    assert (last.decision == "revert") == (last.high <= 0 and last.decision != "accept")


@settings(deadline=None, max_examples=40)
@given(streams)
def test_exchanging_the_versions_mirrors_everything(differences: list[float]):
    one, other = evidence.weigh(differences), evidence.weigh([-difference for difference in differences])
    mirrored = {"accept": "revert", "revert": "accept", "caution": "caution"}
    assert mirrored[one.decision] == other.decision
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))
    assert one.more == other.more


def test_the_interval_holds_the_true_mean_at_every_look():
    rng = np.random.default_rng(5)
    missed = 0
    for _ in range(100):
        seen = rng.choice([-1.0, 0.0, 1.0], 300, p=[0.1, 0.6, 0.3])
        found = evidence.weigh(seen)  # the running interval: it has missed if it ever did
        missed += not found.low <= 0.2 <= found.high
    assert missed <= 20  # at most 10 expected, 3.3 standard deviations above


def test_how_many_more_answers_it_takes_is_foretold_about_right():
    rng = np.random.default_rng(8)
    ratios: list[float] = []
    for _ in range(60):
        stream = rng.choice([-1.0, 0.0, 1.0], 3000, p=[0.08, 0.72, 0.2])
        first = int(evidence.first_crossing(stream))
        for seen in (40, 60):
            told = evidence.weigh(stream[:seen]).more
            if first > seen and told is not None:
                ratios.append(told / (first - seen))
    assert len(ratios) > 40
    assert 0.5 < np.median(ratios) < 2.0


def test_versions_that_are_alike_cannot_be_settled():
    assert evidence.weigh([0.0] * 50).more is None
    assert evidence.weigh([1.0, -1.0] * 200).more is None
    assert evidence.weigh([0.1, 0.0]).more is None  # too few to tell


@pytest.mark.parametrize("wrong", [1.5, -1.01, float("nan")])
def test_losses_that_are_not_clipped_are_refused(wrong: float):
    with pytest.raises(ValueError, match=r"\[-1, 1\]"):
        evidence.weigh([0.0, wrong])
