"""Every action of the screens: its stable id, default keys, what it does, where. Bindings, footer, palette and help
are made from this table, and a keymap names these ids.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from textual.binding import Binding, BindingType

from tui.widgets.title import SECTIONS


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

    @property
    def handler(self) -> str:
        """What Textual calls: `action_<name>`, or `action_section` with the screen's name."""
        return f"section({self.name!r})" if self.name in SECTIONS else self.name


ACTIONS = (
    Action("capture.record", "space", "Rec", "Start recording from the source, or stop and judge the clip."),
    Action("capture.take", "enter,p", "Take", "Judge the whole file, or every file of the folder."),
    Action("capture.correct", "e,E", "Correct", "Say whether the answer on the chosen clip was right, or what is."),
    Action("capture.source", "s", "Source", "Choose a camera, a file, a folder or a stream."),
    Action("capture.task", "t", "Task", "Choose what is learned: the task of this workspace to work on."),
    Action("capture.webcam", "w", "Webcam", "Show the first camera of this machine.", False),
    Action("capture.demo", "d", "Demo clips", "Draw demo clips for the task on this machine, and open them.", False),
    Action("capture.about", "i", "Speaker", "Type who speaks and in what context; kept with each new clip.", False),
    Action("list.cursor_down", "j", "Down", "The next row of the list.", False),
    Action("list.cursor_up", "k", "Up", "The row before.", False),
    Action("list.scroll_top", "g", "First", "The first row of the list.", False),
    Action("list.scroll_bottom", "G", "Last", "The last row of the list.", False),
    Action("correct.yes", "y", "Right", "The answer was right; it is kept as a confirmation.", False),
    Action("correct.no", "n", "Wrong", "The answer was wrong; type or choose the right one.", False),
    Action("review.yes", "y", "Right", "The answer on the chosen clip (or on all selected ones) was right."),
    Action("review.correct", "e,E", "Correct", "Give the right answer for the chosen clip."),
    Action("review.select", "x", "Select", "Select or unselect the chosen clip for a bulk correction."),
    Action("review.bulk", "b", "Bulk", "Give all selected clips one answer; one undo takes it back."),
    Action("review.alike", "f", "Alike", "List the clips that look like the chosen one."),
    Action("review.delete", "d", "Delete", "Hide the chosen clip, or all selected ones; undo brings them back."),
    Action("review.undo", "u", "Undo", "Take the last answer or deletion back; works after a restart too."),
    Action("review.filter", "slash", "Filter", "Show only clips that match: state, label, source, speaker or text."),
    Action("review.sort", "o", "Order", "Order the list: as asked, newest, least sure, most wrong, suspects.", False),
    Action("review.play", "space", "Play", "Play the chosen clip, or pause it."),
    Action("review.back", "left,h", "Back", "Half a second back in the clip.", False),
    Action("review.forward", "right,l", "On", "Half a second on in the clip.", False),
    Action("review.skip", "n", "Skip", "Set the chosen clip aside without an answer, or put it back.", False),
    Action("review.statistics", "i", "Accuracy", "How right the model was, with n: at random and in the queue.", False),
    Action("training.train", "t", "Train", "Check the machine and the answers, then queue a training."),
    Action("training.cancel", "c", "Cancel", "Stop the chosen training; nothing half-made stays."),
    Action("training.resume", "r", "Resume", "Train a failed or cancelled one anew, on the same answers.", False),
    Action("training.preflight", "p", "Check", "Look again at what a training needs: memory, disk, answers.", False),
    Action("training.advice", "a", "Advice", "What to answer next so that a training gains most.", False),
    Action("training.export", "x", "Export dataset", "Write answers, clips, versions and manifests as one archive."),
    Action("training.backup", "b", "Backup to cloud", "Back the workspace up to the places in the settings."),
    Action("models.deploy", "D", "Deploy", "Let the chosen version answer; says first what will change."),
    Action("models.rollback", "R", "Roll back", "Bring the previous champion back; says first what will change."),
    Action("models.revert", "F", "Factory", "Go back to the factory model; trained versions stay."),
    Action("models.compare", "C", "Compare", "Compare the chosen version with the champion on clips new to both."),
    Action("models.shadow", "S", "Shadow", "Let the chosen version answer in shadow beside the champion, or end that."),
    Action("models.provenance", "p", "Learnt from", "Which corrections the chosen version learnt from.", False),
    Action("insights.view", "v,right", "View", "The next view: gate, report, times, virality, clusters, costs."),
    Action("insights.view-back", "V,left", "View back", "The view before this one.", False),
    Action("insights.platform", "p", "Platform", "Show times or virality of the next platform."),
    Action("insights.learn", "l", "Learn", "Learn every day with new numbers now, else the newest day once more."),
    Action("insights.rate", "r", "Rate", "Say how good the system is, from 0 to 10: a criterion of the gate."),
    Action("insights.approve", "a", "Approve", "Publish the chosen clip that waits for approval."),
    Action("insights.reject", "x", "Reject", "Do not publish the chosen clip."),
    Action("page.scroll_down", "j", "Down", "Scroll the page down.", False),
    Action("page.scroll_up", "k", "Up", "Scroll the page up.", False),
    Action("page.scroll_home", "g", "First", "The top of the page.", False),
    Action("page.scroll_end", "G", "Last", "The end of the page.", False),
    Action("backups.run", "b", "Run now", "Run the chosen due job now, in a process of its own."),
    Action("backups.drill", "d", "Drill", "Prove a backup: restore it elsewhere, replay it, let its models answer."),
    Action("backups.restore", "R", "Restore", "Make a workspace of a backup, in a folder of your choice."),
    Action("app.capture", "1", "Capture", "The source, and what is taken from it.", False),
    Action("app.review", "2", "Review", "All clips, in the order in which they are worth an answer.", False),
    Action("app.training", "3", "Training", "Trainings: queue, progress, curves, advice.", False),
    Action("app.models", "4", "Models", "Versions beside each other, evidence, learning curve.", False),
    Action("app.insights", "5", "Insights", "The automation gate, approvals, and how published clips did.", False),
    Action("app.backups", "6", "Backups", "Backups, and what runs by itself.", False),
    Action("app.settings", "comma", "Settings", "All settings, with their meaning and where each came from.", False),
    Action("app.copy", "ctrl+y", "Copy", "Copy what the chosen row says to the clipboard.", False),
    Action("app.help", "question_mark", "Help", "What the focused part is for, and its keys."),
    Action("app.quit", "q", "Quit", "Close the screens; a running training goes on."),
)


def bindings(where: str) -> list[BindingType]:
    """The bindings of one place, for a `BINDINGS` table."""
    return [
        Binding(
            action.keys,
            action.handler,
            action.label,
            show=action.footer,
            tooltip=action.does,
            id=action.id,
            key_display=shown(action).partition(" ")[0],
        )
        for action in ACTIONS
        if action.where == where
    ]


def in_dialogs(*more: str) -> list[BindingType]:
    """Help for a dialog, and more of the app's actions by name: its own bindings are not heard there."""
    wanted = {f"app.{name}" for name in ("help", *more)}
    found = (action for action in ACTIONS if action.id in wanted)
    return [Binding(action.keys, action.id, action.label, show=False, id=action.id) for action in found]


SIGNS = {"question_mark": "?", "slash": "/", "comma": ",", "left": "←", "right": "→"}


def shown(action: Action, keymap: Mapping[str, str] | None = None) -> str:
    """An action's keys as a person writes them: the user's own, else the defaults."""
    keys = (keymap or {}).get(action.id, action.keys)
    return " ".join(SIGNS.get(key, key) for key in keys.split(","))


def of(where: str) -> tuple[Action, ...]:
    """The actions of one place, in the order of the table."""
    return tuple(action for action in ACTIONS if action.where == where)
