"""How a task's corrections look in its journal: the seed's fields, and nothing of ours.

`core.store.lines` puts our fields beside them and takes them off again.
"""

from __future__ import annotations

from typing import Protocol

from core.store.records import Correction, Json, Sample


class Codec(Protocol):
    """Turns a correction into the seed's fields and back."""

    task: str
    journal: str  # file name under training_data/

    def encode(self, sample: Sample, correction: Correction) -> Json:
        """The seed's fields, in the seed's order, names and types."""
        ...

    def decode(self, line: Json) -> tuple[Sample, Correction]:
        """The reverse for a line that may come from a seed's own system.

        `Sample.id` follows DESIGN 5's identity (`id`, else videoId + sceneId, else framePath, as uuid5);
        `Correction.id`, `batch` and `at` are "" / 0.0 where the line does not say: the store fills them.

        Raises:
            ValueError: naming the field that is missing or of the wrong type.
        """
        ...
