"""What learning costs and what posts returned: measured where it can be, and otherwise named as not measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from core.insights import costs
from core.insights.findings.effects import rounded
from core.insights.learning.wording import counted
from core.insights.metrics.store import MetricsStore
from core.insights.posts import Numbers, Posts
from core.insights.reports.report import Json

# Names under which imports and edit metadata give euros; no other column is taken for money.
REVENUE = ("revenue_eur", "value_eur")
COST = "cost_eur"


def roi(posts: Posts) -> Json:
    """Return on what was spent: (revenue - cost) / cost, over the clips that say both; never guessed.

    A clip is a sample, or where no sample is linked the content id, on however many platforms. What it cost, and what
    its edit metadata say that it earned, counts once (the largest where posts differ); what the posts of an import
    earned, each on its platform, is added.
    """
    earned, spent = _earned(posts), _of_clips(posts, _money(posts, "features", "edit_metadata", names=(COST,)))
    both = earned.keys() & spent.keys()
    n, revenue, cost = len(both) or len(earned) or len(spent), sum(earned.values()), sum(spent.values())
    found: Json = {"n": len(both), "revenue_eur": None, "cost_eur": None, "roi": None}
    if both:
        revenue, cost = sum(earned[clip] for clip in both), sum(spent[clip] for clip in both)
    if earned:
        found["revenue_eur"] = rounded(revenue, 12)
    if spent:
        found["cost_eur"] = rounded(cost, 12)
    if both and cost > 0:
        found["roi"] = rounded((revenue - cost) / cost)
    return found | {"sentence": _said(found, counted(n, "clip"))}


def _said(found: Json, clips: str) -> str:
    revenue, cost = found["revenue_eur"], found["cost_eur"]
    if found["roi"] is not None:
        return f"Return: {revenue:,.2f} € earned for {cost:,.2f} € spent on {clips} ({found['roi']:+.0%})."
    if found["n"]:
        return f"Earned: {revenue:,.2f} € on {clips} that cost nothing."
    if revenue is not None and cost is not None:
        return f"Return: not measured; {revenue:,.2f} € earned and {cost:,.2f} € spent, but no clip says both."
    if revenue is not None:
        return f"Earned: {revenue:,.2f} € on {clips}; none says what it cost ({COST})."
    if cost is not None:
        return f"Spent: {cost:,.2f} € on {clips}; none says what it earned ({REVENUE[0]})."
    return f"Return: not measured; no post says what it earned ({REVENUE[0]}) and cost ({COST})."


def _earned(posts: Posts) -> dict[str, float]:
    """By clip."""
    found: dict[str, float] = {}
    own = _money(posts, "features", names=REVENUE)
    for row in np.flatnonzero(np.isfinite(own)).tolist():
        found[_clip(posts, row)] = found.get(_clip(posts, row), 0.0) + float(own[row])
    return _of_clips(posts, _money(posts, "edit_metadata", names=REVENUE)) | found


def _of_clips(posts: Posts, values: Numbers) -> dict[str, float]:
    found: dict[str, float] = {}
    for row in np.flatnonzero(np.isfinite(values)).tolist():
        clip = _clip(posts, row)
        found[clip] = max(found.get(clip, float(values[row])), float(values[row]))
    return found


def _clip(posts: Posts, row: int) -> str:
    return posts.sample_id[row] or posts.content_id[row]


def _money(posts: Posts, *columns: str, names: tuple[str, ...]) -> Numbers:
    """The first of these names that a post says in these columns; NaN where it says none."""
    out = np.full(len(posts), np.nan)
    if not posts.features.keys() & set(names):
        return out
    nothing = np.full(len(posts), None, dtype=object)
    kept = {name: texts if name in columns else nothing for name, texts in posts.json_columns.items()}
    said = replace(posts, json_columns=kept).features
    for name in names:
        out = np.where(np.isfinite(out), out, said.get(name, np.nan))
    return out


def money(store: MetricsStore, posts: Posts) -> tuple[Json, Json]:
    """What it costs by the budget lines, and the return."""
    return cost(store), roi(posts)


def cost(store: MetricsStore) -> Json:
    """The budget lines of this workspace, measured now; a store without one has no budget."""

    if store.space is None:
        return {"lines": [], "budget": None}
    found = costs.measure(store.space, store)
    total = found.total
    said = f"Keeping and learning cost {total.eur_month:.2f} € a month of a budget of {total.budget_eur:.2f} €."
    return {"lines": [said, *(f"! {warning}" for warning in found.warnings())], "budget": found.to_json()}
