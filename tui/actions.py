"""Every action of the screens: its stable id, default keys, what it does, where. Bindings, footer, palette and help
are made from this table, and a keymap names these ids.
"""

from __future__ import annotations

from dataclasses import dataclass

from textual.binding import Binding, BindingType


@dataclass(frozen=True, slots=True)
class Action:
    """One thing a key can do.

    Attributes:
        id: stable, `<where>.<name>`; the handler is `action_<name>`.
        keys: default keys, comma-separated.
        label: for the footer, one or two words.
        does: one sentence for help and palette.
        footer: whether the footer shows it.
    """

    id: str
    keys: str
    label: str
    does: str
    footer: bool = True

    @property
    def where(self) -> str:
        return self.id.partition(".")[0]

    @property
    def name(self) -> str:
        return self.id.partition(".")[2].replace("-", "_")


ACTIONS = (
    Action("capture.record", "space", "Rec", "Start recording from the source, or stop and judge the clip."),
    Action("capture.take", "enter,p", "Take", "Judge the whole file, or every file of the folder."),
    Action("capture.correct", "e,E", "Correct", "Say whether the answer on the chosen clip was right, or what is."),
    Action("capture.source", "s", "Source", "Choose a camera, a file, a folder or a stream."),
    Action("capture.task", "t", "Task", "Choose what is learned: the task of this workspace to work on."),
    Action("capture.about", "i", "Speaker", "Type who speaks and in what context; kept with each new clip.", False),
    Action("list.cursor_down", "j", "Down", "The next clip in the list.", False),
    Action("list.cursor_up", "k", "Up", "The previous clip in the list.", False),
    Action("list.scroll_top", "g", "First", "The first clip of the list.", False),
    Action("list.scroll_bottom", "G", "Last", "The last clip of the list.", False),
    Action("correct.yes", "y", "Right", "The answer was right; it is kept as a confirmation.", False),
    Action("correct.no", "n", "Wrong", "The answer was wrong; type or choose the right one.", False),
    Action("app.help", "question_mark", "Help", "What the focused part is for, and its keys."),
    Action("app.quit", "q", "Quit", "Close the screens; a running training goes on."),
)


def bindings(where: str) -> list[BindingType]:
    """The bindings of one place, for a `BINDINGS` table."""
    return [
        Binding(
            action.keys,
            action.name,
            action.label,
            show=action.footer,
            tooltip=action.does,
            id=action.id,
            key_display="?" if action.keys == "question_mark" else action.keys.partition(",")[0],
        )
        for action in ACTIONS
        if action.where == where
    ]


def of(where: str) -> tuple[Action, ...]:
    """The actions of one place, in the order of the table."""
    return tuple(action for action in ACTIONS if action.where == where)
