"""Whether a new version should replace the champion.

The paired evidence of DESIGN 7 is not gathered yet, so the honest answer is always caution; deployment then follows
the `auto_deploy` setting, and the way back is one key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from core.training.run import Trained
    from core.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Verdict:
    """accept | caution | revert, with one sentence of reason."""

    verdict: Literal["accept", "caution", "revert"]
    reason: str


def judge(space: Workspace, trained: Trained) -> Verdict:
    """The verdict on a freshly trained network."""
    del space
    return Verdict("caution", f"{len(trained.judged)} held-out answers, not yet compared with the champion's on them")
