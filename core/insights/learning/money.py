"""What learning costs and what posts returned: measured where it can be, and otherwise named as not measured."""

from __future__ import annotations

import numpy as np

from core.insights import costs
from core.insights.findings.effects import rounded
from core.insights.metrics.store import MetricsStore
from core.insights.posts import Posts
from core.insights.reports.report import Json

# Names under which imports and edit metadata give what a post earned and what it cost to make, in euros.
REVENUE = ("revenue_eur", "revenue", "value_eur", "value")
SPENT = ("cost_eur", "cost", "spend_eur", "spend")


def roi(posts: Posts) -> Json:
    """Return on what was spent: (revenue - cost) / cost, over the posts that say both; never guessed."""
    earned, spent = _first(posts, REVENUE), _first(posts, SPENT)
    both = np.isfinite(earned) & np.isfinite(spent)
    found: Json = {"n": int(both.sum()), "revenue_eur": None, "cost_eur": None, "roi": None}
    if both.any() and spent[both].sum() > 0:
        revenue, cost = float(earned[both].sum()), float(spent[both].sum())
        found |= {"revenue_eur": rounded(revenue, 12), "cost_eur": rounded(cost, 12)}
        found |= {"roi": rounded((revenue - cost) / cost)}
        said = f"Return: {revenue:,.2f} € earned for {cost:,.2f} € spent on {both.sum():,} posts ({found['roi']:+.0%})."
        return found | {"sentence": said}
    if np.isfinite(earned).any():
        revenue = float(np.nansum(earned))
        said = f"Earned: {revenue:,.2f} € on {np.isfinite(earned).sum():,} posts; no post says what it cost (cost_eur)."
        return found | {"revenue_eur": rounded(revenue, 12), "sentence": said}
    return found | {"sentence": "Return: not measured; no post says what it earned (revenue_eur) and cost (cost_eur)."}


def _first(posts: Posts, names: tuple[str, ...]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    out = np.full(len(posts), np.nan)
    for name in names:
        column = posts.features.get(name)
        if column is not None:
            out = np.where(np.isfinite(out), out, column)
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
