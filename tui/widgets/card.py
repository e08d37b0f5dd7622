"""The prediction card: what a version says of the chosen clip, how sure it is, what else it thought of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.widgets import Static

from tui import wording

if TYPE_CHECKING:
    from core.snapshot import Kind, Prediction, Row
    from core.tasks.base import ModelSpec

RUNNER_UPS = 3


class Card(Static):
    """One clip's prediction."""

    help_text = (
        "What the model says of the chosen clip. The number is how sure it is, from 0 to 1; `not calibrated` means it "
        "was trained on too few answers for the number to be taken at its word. Press e to confirm or correct it."
    )

    def say(self, words: str, *, failed: bool = False) -> None:
        """Show words where there is no clip to show."""
        self.update(Content.styled(f"! {words}" if failed else words, "$text-error" if failed else "$foreground-muted"))

    def show(self, row: Row, kind: Kind, spec: ModelSpec) -> None:
        """Show a clip."""
        state, colour = wording.state(row)
        lines = [Content.assemble((row.name, "bold"), "  ", (state, colour))]
        for heading, text in wording.suggestion_lines(row, kind, spec):
            lines.append(Content.assemble((f"{heading}: ", "$foreground-muted"), (text, "bold")))
        if row.prediction is not None and row.prediction.value is not None:
            lines += _how_sure(row.prediction, kind, spec)
        if row.correction is not None:
            answer = wording.value(kind, row.correction.value, spec)
            lines.append(Content.assemble(("YOUR ANSWER: ", "$foreground-muted"), (answer, "bold $text-success")))
        self.update(Content("\n").join(lines))


def _how_sure(prediction: Prediction, kind: Kind, spec: ModelSpec) -> list[Content]:
    words, colour = wording.confidence(prediction)
    calibrated = "" if prediction.calibrated or prediction.confidence is None else "  not calibrated"
    lines = [Content.assemble((words, f"bold {colour}"), (calibrated, "$foreground-muted"))]
    for value, chance in prediction.runner_ups[:RUNNER_UPS]:
        lines.append(Content.assemble((f"  {chance:.2f}  ", "$foreground-muted"), wording.value(kind, value, spec)))
    lines.append(Content.styled(f"{prediction.version} in {prediction.latency_ms:.0f} ms", "$foreground-muted"))
    return lines
