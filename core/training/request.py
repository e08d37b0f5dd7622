"""What one training is asked to do beyond the settings; kept in the job's `params`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Request:
    """One training's wishes.

    Attributes:
        speaker: learn from this speaker's clips alone and answer only while that speaker is set (speech).
        recipe: recipe fields that win over the settings'.
        frozen: `manifest_full.csv` of an earlier job whose corrections, and no others, are used (a resumed job).
        folder: the job's own folder; manifests and checkpoints go there. None keeps nothing.
    """

    speaker: str | None = None
    recipe: dict[str, Any] = field(default_factory=dict[str, Any])
    frozen: Path | None = None
    folder: Path | None = None
