"""Gradient-boosted trees on one user's posts: what they add to how the account's posts usually do.

One thread, no row or column sampling: equal data give equal trees. Trees are kept as xgboost's JSON, never pickled.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import CancelledError
from core.insights.posts import Numbers
from core.insights.virality.conformal import EDGES
from core.insights.virality.features import Design

if TYPE_CHECKING:
    from xgboost import Booster

Stop = Callable[[], bool]
MOST_ROWS = 5000  # the newest; older posts say little about the next
ROUNDS = 150
SETTINGS: dict[str, Any] = {
    "objective": "reg:pseudohubererror",  # a post that went viral pulls like any other
    "tree_method": "hist",
    "max_depth": 3,
    "eta": 0.05,
    "lambda": 10.0,
    "min_child_weight": 10.0,
    "max_bin": 64,
    "nthread": 1,
    "seed": 1,
    "verbosity": 0,
}


def never() -> bool:
    """Nobody asked to stop."""
    return False


@dataclass(frozen=True, slots=True)
class Boosted:
    """Fitted trees. They add to `Design.base`, so without any evidence they say what the account's posts usually do."""

    booster: Booster
    names: tuple[str, ...]

    def predict(self, design: Design) -> Numbers:
        """(n,) levels."""
        return self.booster.predict(_matrix(self.names, design)).astype(np.float64)

    def contributions(self, design: Design) -> Numbers:
        """(n, p) how much each column moved each level away from base and bias (SHAP values of trees)."""
        found = self.booster.predict(_matrix(self.names, design), pred_contribs=True)
        return np.asarray(found, np.float64)[:, :-1]

    def to_json(self) -> dict[str, Any]:
        return {"names": list(self.names), "trees": bytes(self.booster.save_raw("json")).decode()}

    @staticmethod
    def from_json(found: dict[str, Any]) -> Boosted:
        """The trees that `to_json` gave.

        Raises:
            ValueError: these are no trees.
        """
        import xgboost

        booster = xgboost.Booster({"nthread": 1})
        try:
            booster.load_model(bytearray(str(found["trees"]).encode()))
        except xgboost.core.XGBoostError as error:
            raise ValueError(f"no trees: {str(error)[:200]}") from None
        return Boosted(booster, tuple(found["names"]))


def fit(design: Design, level: Numbers, stop: Stop = never) -> Boosted:
    """Fit trees to the newest rows whose base is known; 0.2 s for 3,000 rows.

    Args:
        level: (n,) what the posts reached, oldest first.

    Raises:
        CancelledError: `stop` said so.
    """
    import xgboost

    rows = np.flatnonzero(np.isfinite(design.base) & np.isfinite(level))[-MOST_ROWS:]
    weight = _weights(level[rows] - design.base[rows], design.earlier[rows])
    data = xgboost.DMatrix(design.x[rows], label=level[rows], weight=weight, base_margin=design.base[rows], nthread=1)
    booster = xgboost.Booster(SETTINGS, [data])
    for round_ in range(ROUNDS):
        if stop():
            raise CancelledError("learning from the posts was stopped", do="Nothing was changed.")
        booster.update(data, round_)
    return Boosted(booster, design.names)


def _weights(errors: Numbers, earlier: Numbers) -> Numbers:
    """(n,) by how closely the base already fits accounts with no, few and many earlier posts; mean 1.

    Else accounts that posted once, whose views vary most, decide what is said of those that are well known.
    """
    group = np.digitize(earlier, EDGES)
    size = np.bincount(group, minlength=3)
    scale = [float(np.median(np.abs(errors[group == index]))) if size[index] else 1.0 for index in range(3)]
    found = 1 / np.maximum(np.array(scale)[group], 0.05) ** 2
    return found / found.mean()


def _matrix(names: tuple[str, ...], design: Design) -> Any:
    import xgboost

    if design.names != names:
        raise ValueError("the trees were fitted to other columns")
    return xgboost.DMatrix(design.x, base_margin=np.nan_to_num(design.base), nthread=1)
