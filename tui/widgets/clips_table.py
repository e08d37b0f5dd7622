"""All clips of a task; only those in sight are drawn, and a block of rows is asked for when it comes near.

Holds ids in order; the rows are read by the screen, in a thread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.cells import set_cell_size
from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui import actions, wording

if TYPE_CHECKING:
    from rich.style import Style

    from core.snapshot import Row
    from core.snapshot.review import Item
    from core.tasks.base import ModelSpec

BLOCK = 64  # rows read at once
MOST_ROWS = 64 * BLOCK  # kept
MARKS, STATE, SURE = 4, 15, 13  # cells, with a blank behind
NAME, NAME_FROM = 26, 100  # the name is shown in lists at least so wide; the chosen clip's stands beside its picture
ANSWER = {"label": 16, "score": 8}  # a text takes half of what is left
COLOURS = {
    "$text-success": "clips--success",
    "$text-primary": "clips--primary",
    "$text-warning": "clips--warning",
    "$text-error": "clips--error",
    "$foreground-muted": "clips--muted",
}


class ClipsTable(ScrollView, can_focus=True, inherit_bindings=False):
    """A list of any length with one chosen row and any number of selected ones."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {*COLOURS.values(), "clips--chosen"}
    DEFAULT_CSS = """
    ClipsTable {
        & > .clips--success { color: $text-success; }
        & > .clips--primary { color: $text-primary; }
        & > .clips--warning { color: $text-warning; }
        & > .clips--error { color: $text-error; }
        & > .clips--muted { color: $foreground-muted; }
        & > .clips--chosen { text-style: reverse; }
        overflow-x: hidden;
        scrollbar-size-vertical: 1;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *actions.bindings("list"),
        Binding("down", "cursor_down", show=False),
        Binding("up", "cursor_up", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("home", "scroll_top", show=False),
        Binding("end", "scroll_bottom", show=False),
    ]
    where = "list"
    help_text = (
        "The clips in the order named above. Each row says what became of it, how sure the model is, the answer, and "
        "why it is worth a look. x marks rows for b (one answer for all) and y (all right)."
    )
    cursor: reactive[int] = reactive(0, init=False)

    @dataclass
    class Chosen(Message):
        """Another row is under the cursor."""

        sample: str | None

    @dataclass
    class Wanted(Message):
        """Rows of these clips are needed."""

        samples: tuple[str, ...]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.ids: Sequence[str] = ()
        self.rows: dict[str, Item | None] = {}  # None: it was deleted meanwhile
        self.selected: frozenset[str] = frozenset()
        self.saving: frozenset[str] = frozenset()
        self.seen: set[str] = set()  # clips whose row was drawn
        self.spec: ModelSpec | None = None
        self.kind = "label"
        self._asked: set[int] = set()  # blocks on their way
        self._styles: dict[str, Style] = {}

    @property
    def chosen(self) -> str | None:
        """The clip under the cursor."""
        return self.ids[self.cursor] if 0 <= self.cursor < len(self.ids) else None

    @property
    def item(self) -> Item | None:
        """The row under the cursor, as far as it is known."""
        return self.rows.get(self.chosen or "")

    # What is listed

    def show(self, ids: Sequence[str], kind: str, spec: ModelSpec) -> None:
        """List these clips; the chosen one stays chosen, or the first one behind it that is still there is."""
        self.kind, self.spec = kind, spec
        before, at = self.chosen, self._where(ids)
        self.ids = ids
        self._asked.clear()
        self.virtual_size = Size(0, len(ids))
        self.set_reactive(ClipsTable.cursor, at)
        self._keep_in_sight()
        self.refresh()
        if self.chosen != before:
            self.post_message(self.Chosen(self.chosen))
        self.need()

    def _where(self, ids: Sequence[str]) -> int:
        """Where the chosen clip is in another list."""
        if self.chosen is None or not ids:
            return 0
        present = set(ids) if len(self.ids) > 1 else {*ids}
        for one in (*self.ids[self.cursor :], *reversed(self.ids[: self.cursor])):
            if one in present:
                return ids.index(one)
        return 0

    def choose(self, sample: str) -> None:
        """Move to a clip, if it is listed."""
        if sample in self.ids:
            self.cursor = self.ids.index(sample)

    def renew(self) -> None:
        """Read the rows again; those in sight stay as they are until they come."""
        first, last = self._sight()
        near = set(self.ids[max(0, first - BLOCK) : last + BLOCK])
        self.rows = {sample: row for sample, row in self.rows.items() if sample in near}
        self._asked.clear()
        self.need(again=True)

    def fill(self, asked: Sequence[str], found: Mapping[str, Item]) -> None:
        """Take rows that were read; only lines that look different are drawn."""
        if len(self.rows) > MOST_ROWS:
            self.rows.clear()
            self._asked.clear()
        changed = {one for one in asked if one not in self.rows or self.rows[one] != found.get(one)}
        self.rows.update({one: found.get(one) for one in asked})
        first, last = self._sight()
        for line in range(first, last):
            if self.ids[line] in changed:
                self.refresh_line(line)

    def mark(self, *, selected: frozenset[str] | None = None, saving: frozenset[str] | None = None) -> None:
        """Change which rows are selected or being saved."""
        self.selected = self.selected if selected is None else selected
        self.saving = self.saving if saving is None else saving
        self.refresh()

    def need(self, *, again: bool = False) -> None:
        """Ask for the rows in sight and the blocks beside them."""
        first, last = self._sight()
        if not self.ids:
            return
        near = range(max(0, first // BLOCK - 1), min((len(self.ids) - 1) // BLOCK, last // BLOCK + 1) + 1)
        # What is in sight comes first.
        for block in sorted(near, key=lambda block: not first // BLOCK <= block <= last // BLOCK):
            part = tuple(self.ids[block * BLOCK : (block + 1) * BLOCK])
            if block not in self._asked and (again or any(one not in self.rows for one in part)):
                self._asked.add(block)
                self.post_message(self.Wanted(part))

    def _sight(self) -> tuple[int, int]:
        first = self.scroll_offset.y
        return first, min(len(self.ids), first + self.size.height)

    # Moving

    def watch_cursor(self, old: int, new: int) -> None:
        self._keep_in_sight()
        self.refresh_line(old)
        self.refresh_line(new)
        self.post_message(self.Chosen(self.chosen))

    def validate_cursor(self, cursor: int) -> int:
        return max(0, min(cursor, len(self.ids) - 1))

    def _keep_in_sight(self) -> None:
        top, height = self.scroll_offset.y, max(1, self.size.height)
        if not top <= self.cursor < top + height:
            target = self.cursor if self.cursor < top else self.cursor - height + 1
            self.scroll_to(y=target, animate=False, force=True)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self.need()

    def on_resize(self, event: events.Resize) -> None:
        del event
        self._keep_in_sight()
        self.need()

    def on_click(self, event: events.Click) -> None:
        line = event.get_content_offset(self)
        if line is not None:
            self.cursor = self.scroll_offset.y + line.y

    def action_cursor_down(self) -> None:
        """The next row."""
        self.cursor += 1

    def action_cursor_up(self) -> None:
        """The row before."""
        self.cursor -= 1

    def action_page(self, way: int) -> None:
        """A screenful on or back."""
        self.cursor += way * max(1, self.size.height - 1)

    def action_scroll_top(self) -> None:
        """The first row."""
        self.cursor = 0

    def action_scroll_bottom(self) -> None:
        """The last row."""
        self.cursor = len(self.ids) - 1

    # Drawing

    def notify_style_update(self) -> None:
        self._styles.clear()
        super().notify_style_update()

    def _style(self, colour: str = "") -> Style:
        """Textual works a style out anew each time it is asked; that took half of the time of scrolling."""
        if colour not in self._styles:
            plain = self.rich_style
            self._styles[colour] = (
                plain + self.get_component_rich_style(COLOURS[colour], partial=True) if colour else plain
            )
        return self._styles[colour]

    def render_line(self, y: int) -> Strip:
        line, width = self.scroll_offset.y + y, self.size.width
        if line >= len(self.ids):
            return Strip.blank(width, self._style())
        sample = self.ids[line]
        item = self.rows.get(sample)
        marks = f"{'▸' if line == self.cursor else ' '}{'x' if sample in self.selected else ' '}  "
        if item is None:
            words = "deleted" if sample in self.rows else "…"
            segments = [Segment(marks, self._style()), self._cell(words, width - MARKS, "$foreground-muted")]
        else:
            self.seen.add(sample)
            segments = [Segment(marks, self._style()), *self._cells(item, width - MARKS)]
        strip = Strip(segments).adjust_cell_length(width, self._style())
        return strip.apply_style(self.get_component_rich_style("clips--chosen")) if line == self.cursor else strip

    def _cells(self, item: Item, room: int) -> list[Segment]:
        row = item.row
        saving = row.sample.id in self.saving
        state, state_colour = ("… saving", "$text-warning") if saving else wording.state(row)
        said = row.prediction
        sure, sure_colour = ("", "") if said is None or said.value is None else wording.confidence(said)
        left = room - STATE - SURE
        name = NAME if self.size.width >= NAME_FROM else 0
        answer = ANSWER.get(self.kind, (left - name) // 2)
        return [
            self._cell(state, STATE, state_colour),
            self._cell(sure, SURE, sure_colour),
            self._cell(self._answer(row), answer, ""),
            self._cell(item.reason, left - name - answer, "$foreground-muted"),
            self._cell(row.name.rpartition("/")[2], name, ""),
        ]

    def _answer(self, row: Row) -> str:
        value = row.correction.value if row.correction is not None else row.suggestion
        if value is None or self.spec is None:
            return ""
        return wording.value("score" if isinstance(value, float) and self.kind == "score" else "text", value, self.spec)

    def _cell(self, text: str, width: int, colour: str) -> Segment:
        clean = "".join(sign if sign.isprintable() else "·" for sign in text)
        if len(clean) >= width > 1:
            clean = set_cell_size(clean, width - 2) + "…"
        return Segment(set_cell_size(clean, max(0, width)), self._style(colour))
