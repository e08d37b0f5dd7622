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

    def say(self, words: str, *, failed: bool = False, face: bool | None = None) -> None:
        """Show words where there is no clip to show; `face` as for `show`."""
        colour = "$text-error" if failed else "$foreground-muted"
        lines = [Content.styled(f"! {words}" if failed else words, colour), *_face(face)]
        self.update(Content("\n").join(lines))

    def show(
        self, row: Row, kind: Kind, spec: ModelSpec, *, gate: tuple[bool, float] | None = None, face: bool | None = None
    ) -> None:
        """Show a clip.

        Args:
            gate: whether its score passes the capture gate, and that threshold; None where there is none.
            face: whether a face is in the source's newest pictures; None where nobody looks.
        """
        state, colour = wording.state(row)
        lines = [Content.assemble((row.name, "bold"), "  ", (state, colour))]
        for heading, text in wording.suggestion_lines(row, kind, spec):
            lines.append(Content.assemble((f"{heading}: ", "$foreground-muted"), (text, "bold")))
        if row.prediction is not None and row.prediction.value is not None:
            if gate is not None:
                lines.append(_gate(*gate, kind, spec))
            lines += _how_sure(row.prediction, kind, spec)
        if row.correction is not None:
            answer = wording.value(kind, row.correction.value, spec)
            lines.append(Content.assemble(("YOUR ANSWER: ", "$foreground-muted"), (answer, "bold $text-success")))
        lines += _face(face)
        self.update(Content("\n").join(lines))


def _gate(passed: bool, threshold: float, kind: Kind, spec: ModelSpec) -> Content:
    bar = wording.value(kind, threshold, spec)
    mark, colour = (f"✓ passes {bar}", "$text-success") if passed else (f"✗ below {bar}", "$text-warning")
    return Content.assemble((mark, colour), ("  capture gate", "$foreground-muted"))


def _face(seen: bool | None) -> list[Content]:
    """What the source shows now, apart from the clip by an empty line."""
    if seen is None:
        return []
    words = ("✓ mouth in view", "$text-success") if seen else ("! no face found: face the camera", "$text-warning")
    return [Content(""), Content.styled(*words)]


def _how_sure(prediction: Prediction, kind: Kind, spec: ModelSpec) -> list[Content]:
    words, colour = wording.confidence(prediction)
    calibrated = "" if prediction.calibrated or prediction.confidence is None else "  not calibrated"
    lines = [Content.assemble((words, f"bold {colour}"), (calibrated, "$foreground-muted"))]
    for value, chance in prediction.runner_ups[:RUNNER_UPS]:
        lines.append(Content.assemble((f"  {chance:.2f}  ", "$foreground-muted"), wording.value(kind, value, spec)))
    lines.append(Content.styled(f"{prediction.version} in {prediction.latency_ms:.0f} ms", "$foreground-muted"))
    return lines
