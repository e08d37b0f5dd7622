"""What clips earned and cost: euros only where euros are said, and a clip on several platforms counted as one."""

from __future__ import annotations

from typing import Any

from core.insights.learning.money import roi
from core.insights.posts import Posts


def row(name: str, platform: str = "tiktok", **said: Any) -> dict[str, Any]:
    return {"content_id": name, "platform": platform, "account": "me", "views": 10.0} | said


def returned(*lines: dict[str, Any]) -> dict[str, Any]:
    return roi(Posts.of(lines))


def test_only_columns_that_say_euros_are_money() -> None:
    found = returned(row("a", features={"value": 0.7, "cost": 3.0}), row("b", features={"revenue": 2, "spend": 9}))
    assert (found["n"], found["revenue_eur"], found["cost_eur"], found["roi"]) == (0, None, None, None)


def test_a_clip_on_two_platforms_costs_once_and_earns_on_each() -> None:
    found = returned(
        row("a", "tiktok", features={"revenue_eur": 5.0, "cost_eur": 4.0}),
        row("a", "instagram", features={"revenue_eur": 3.0, "cost_eur": 4.0}),
    )
    assert (found["n"], found["revenue_eur"], found["cost_eur"], found["roi"]) == (1, 8.0, 4.0, 1.0)
    assert found["sentence"] == "Return: 8.00 € earned for 4.00 € spent on 1 clip (+100%)."


def test_what_edit_metadata_say_is_the_clips_and_counts_once_also_under_two_ids() -> None:
    clip: dict[str, Any] = {"sample_id": "s", "edit_metadata": {"revenue_eur": 6.0, "cost_eur": 4.0}}
    found = returned(row("a", **clip), row("b", "youtube", **clip))
    assert (found["n"], found["revenue_eur"], found["cost_eur"]) == (1, 6.0, 4.0)


def test_what_cost_nothing_is_told_so() -> None:
    found = returned(row("a", features={"revenue_eur": 5.0, "cost_eur": 0.0}))
    assert (found["n"], found["cost_eur"], found["roi"]) == (1, 0.0, None)
    assert found["sentence"] == "Earned: 5.00 € on 1 clip that cost nothing."


def test_half_of_it_is_told_and_no_return_is_made_of_it() -> None:
    earned, spent = row("a", features={"revenue_eur": 5.0}), row("b", features={"cost_eur": 2.0})
    assert returned(earned)["sentence"] == "Earned: 5.00 € on 1 clip; none says what it cost (cost_eur)."
    assert returned(spent)["sentence"] == "Spent: 2.00 € on 1 clip; none says what it earned (revenue_eur)."
    both = returned(earned, spent)
    assert (both["n"], both["revenue_eur"], both["cost_eur"], both["roi"]) == (0, 5.0, 2.0, None)
    assert "no clip says both" in both["sentence"]
