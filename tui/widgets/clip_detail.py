"""The chosen clip in words, the most telling first: why it is listed, what was said of it, what the user said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.widgets import Static

from tui import wording
from tui.widgets import difference

if TYPE_CHECKING:
    from core.snapshot import Kind, Prediction, Row
    from core.snapshot.review import Item
    from core.tasks.base import ModelSpec

RUNNER_UPS = 3
MUTED = "$foreground-muted"


class ClipDetail(Static):
    """One clip in words."""

    help_text = (
        "The chosen clip: what became of it, why it is listed, what the model said and how sure it was, and your "
        "answer. Between texts, [-word-] was taken out and {+word+} put in."
    )

    def say(self, words: str) -> None:
        """Show words where there is no clip."""
        self.update(Content.styled(words, MUTED), layout=False)

    def show(self, item: Item, kind: Kind, spec: ModelSpec) -> None:
        """Show a clip."""
        row = item.row
        lines = [Content.assemble((row.name.rpartition("/")[2], "bold"), "  ", wording.state(row))]
        if item.reason:
            lines.append(Content.styled(f"why: {item.reason}", MUTED))
        for heading, text in wording.suggestion_lines(row, kind, spec):
            lines.append(Content.assemble((f"{heading}: ", MUTED), (text, "bold")))
        if row.correction is not None:
            answer = wording.value(kind, row.correction.value, spec)
            lines.append(Content.assemble(("YOUR ANSWER: ", MUTED), (answer, "bold $text-success")))
        if kind == "text":
            lines += differences(row)
        if row.prediction is not None and row.prediction.value is not None:
            lines += _how_sure(row.prediction, kind, spec)
        if about := _about(row):
            lines.append(Content.styled(about, MUTED))
        self.update(Content("\n").join(lines), layout=False)


def differences(row: Row, truth: str | None = None) -> list[Content]:
    """Raw text, the language model's and the truth, each against the one that follows it.

    Args:
        truth: what is being typed; the row's own answer by default.
    """
    raw = None if row.prediction is None or row.prediction.value is None else str(row.prediction.value)
    mended = None if row.llm is None or row.llm.value is None else str(row.llm.value)
    if truth is None and row.correction is not None:
        truth = str(row.correction.value)
    steps = (("RAW → LLM", raw, mended), ("RAW → TRUTH", raw, truth), ("LLM → TRUTH", mended, truth))
    return [
        Content.assemble((f"{name}: ", MUTED), difference.shown(old, new))
        for name, old, new in steps
        if old is not None and new is not None
    ]


def _how_sure(said: Prediction, kind: Kind, spec: ModelSpec) -> list[Content]:
    words, colour = wording.confidence(said)
    plain = "" if said.calibrated or said.confidence is None else "  not calibrated"
    lines = [Content.assemble((words, f"bold {colour}"), (f"{plain}  {said.version}", MUTED))]
    others = [f"{chance:.2f} {wording.value(kind, value, spec)}" for value, chance in said.runner_ups[:RUNNER_UPS]]
    if others:
        lines.append(Content.styled("or " + " · ".join(others), MUTED))
    return lines


def _about(row: Row) -> str:
    sample = row.sample
    known = (("speaker", sample.speaker), ("source", sample.source), ("context", sample.context))
    return " · ".join(f"{name} {value}" for name, value in known if value)
