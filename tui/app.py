"""The terminal: opens a workspace behind the first paint, watches it, keeps the predictor that answers, shows a screen.

Only light imports here: the workspace, its store and the models come in threads after the first paint.
"""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual import on, work
from textual.app import App, SystemCommand
from textual.filter import LineFilter
from textual.notifications import Notify
from textual.screen import Screen
from textual.signal import Signal
from textual.worker import Worker, WorkerState

from core.errors import RushesError
from core.log import bug, logger, open_log
from tui import actions, keymap, wording
from tui.foreign_text import ForeignText
from tui.messages import Fresh, Known, Loaded, NotOpened, Opened
from tui.screens.capture import CaptureScreen
from tui.widgets.title import SECTIONS

if TYPE_CHECKING:
    from core.registry import Serving
    from core.settings import Settings
    from core.snapshot import Snapshot
    from core.tasks.base import ModelSpec
    from core.workspace import Workspace

WATCH_S = 1.0  # how often the workspace's stamp is looked at
ERROR_TIMEOUT_S = 12.0
CLOCK_AFTER_S = 20.0  # what is due starts processes of its own; the first picture and the model come first


def _section(name: str) -> Screen[Any]:
    """The screen of that name; imported when it is first asked for."""
    module = import_module(f"tui.screens.{name}")
    return getattr(module, f"{name.capitalize()}Screen")()


class RushesApp(App[None]):
    """See DESIGN 8.

    Args:
        root: the workspace's folder; it is made if it is missing.
        source: what to show first: a path, a camera index, a URL.
        task: what to learn first; the one with the newest clip by default.
    """

    TITLE = "Rushes"
    # A dialog stands in the middle, and what is typed at its end: notices keep to the top there.
    CSS = "ModalScreen ToastRack { dock: top; align: right top; margin: 0; }"
    BINDINGS = actions.bindings("app")
    where = "app"
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = {
        "capture": CaptureScreen,
        **{name: partial(_section, name) for name in SECTIONS if name != "capture"},
    }
    DEFAULT_MODE = "capture"

    def __init__(self, root: Path, source: str | None = None, task: str | None = None) -> None:
        super().__init__()
        self.root = root
        self.first_source = source
        self.chosen_task = task
        self.space: Workspace | None = None
        self.tasks: tuple[str, ...] = ()
        self.snapshot: Snapshot | None = None
        self.serving: Serving | None = None
        self.problem: str | None = None
        self.first_run = False  # until the first answer the user is led by the hand; see `tui.first`
        self.changed: Signal[None] = Signal(self, "changed")
        self.recording = ""  # what the titles of the other screens say of a recording that runs
        self.parting: Callable[[], str] = str  # what the terminal says of work that was left in the middle
        self._loaded_for: tuple[str, str] | None = None
        self.own_keys: dict[str, str] = {}  # by the ids of actions; what could be followed of the settings
        self._started_at = time.time()
        self._told: set[str] | None = None  # trainings whose end was said, or had come before the first look
        self._leaving = Event()
        self._nudge = Event()
        self._foreign_text = ForeignText()

    @property
    def spec(self) -> ModelSpec:
        """What the values of the chosen task mean in this workspace, or to the task itself before it is open."""
        from core import tasks

        name = self.chosen_task or ""
        if self.snapshot is not None and self.snapshot.task == name:
            return self.snapshot.spec
        return tasks.get(name).default_spec()

    @property
    def keeps_face(self) -> bool:
        """Whether the chosen task reads faces."""
        from core import tasks

        return self.space is not None and tasks.get(self.chosen_task or "").keeps_face

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [*super().get_line_filters(), self._foreign_text]

    def on_mount(self) -> None:
        self.call_after_refresh(self._painted)

    def _painted(self) -> None:
        if not gc.isenabled():  # see tui.start; what is there now stays
            gc.freeze()
            gc.enable()
        self._open()

    @work(thread=True, group="open", exit_on_error=False)
    def _open(self) -> None:
        from core import loop, snapshot, tasks
        from core.snapshot import first

        try:
            space = loop.open_workspace(self.root)
            if space.forgetting.exists():
                from core import privacy

                if problem := privacy.resume(space):
                    logger.warning("%s", problem)
            names = tasks.names()
            # All of them, so that changing the task later imports nothing in the thread of the keys.
            owners = {name: tasks.get(name) for name in names}
            task = tasks.get(self.chosen_task or snapshot.newest_task(space) or next(iter(owners))).name
        except RushesError as error:
            self.post_message(NotOpened(error.sentence()))
            return
        self.chosen_task = task
        self.post_message(Opened(space, names, first.is_first_run(space)))

    @on(Opened)
    def _opened(self, message: Opened) -> None:
        self.space, self.tasks, self.first_run = message.space, message.tasks, message.first_run
        for note in self.space.loaded.notes:
            self.notify(note, severity="warning", markup=False)
        self.follow_settings(self.space.settings)
        self._watch(self.space)
        if self.space.settings.schedule.in_app:
            self._run_schedule(self.space)
        self.changed.publish(None)

    def follow_settings(self, settings: Settings) -> None:
        """Take over the user's keys and colours."""
        self.own_keys, problems = keymap.sound(settings.keys)
        for problem in problems:
            self.notify(problem, severity="warning", timeout=ERROR_TIMEOUT_S, markup=False)
        self.set_keymap(self.own_keys)
        if settings.screen.theme in self.available_themes:
            self.theme = settings.screen.theme
        else:
            self.notify(f"There is no theme {settings.screen.theme!r}.", severity="warning", markup=False)

    def on_notify(self, event: Notify) -> None:
        """The same said again takes the place of what stands there: a held key must not cover half the screen."""
        said = event.notification
        for shown in list(self._notifications):
            if (shown.message, shown.title, shown.severity) == (said.message, said.title, said.severity):
                self._unnotify(shown, refresh=False)

    @on(NotOpened)
    def _not_opened(self, message: NotOpened) -> None:
        self.problem = message.reason
        self.changed.publish(None)

    @work(thread=True, group="watch", exit_on_error=False)
    def _watch(self, space: Workspace) -> None:
        from core import snapshot

        seen: tuple[object, ...] | None = None
        while not self._leaving.is_set():
            asked, task = self._nudge.is_set(), self.chosen_task or ""
            self._nudge.clear()
            job = self.snapshot.job.job_id if self.snapshot and self.snapshot.job else None
            try:
                now = (task, job, *snapshot.stamp(space, task, job))
                if asked or now != seen:
                    self.post_message(Fresh(snapshot.take(space, task)))
                    seen = now
            except RushesError as error:
                logger.warning("the workspace cannot be read: %s", error)
            self._nudge.wait(WATCH_S)

    @work(thread=True, group="schedule", exit_on_error=False)
    def _run_schedule(self, space: Workspace) -> None:
        """Run what is due until the user leaves; where another process does, stand by."""
        if self._leaving.wait(CLOCK_AFTER_S):
            return
        from core.schedule.clock import Clock

        clock = Clock(space, on_owner=self.look_again, on_ran=lambda _: self.look_again())
        try:
            clock.start()
            self._leaving.wait()
        except RushesError as error:  # a workspace that may only be read can still be looked at
            logger.warning("the schedule is not run: %s", error)
        finally:
            clock.stop()

    def look_again(self) -> None:
        """Take a new snapshot now instead of within a second; from any thread."""
        self._nudge.set()

    def load_again(self) -> None:
        """Load what answers anew, though the same version may answer: what was wrong with it may be mended."""
        self._loaded_for = None
        self.look_again()

    @on(Fresh)
    def _fresh(self, message: Fresh) -> None:
        new = message.snapshot
        if new.task != self.chosen_task:
            return
        self.snapshot = new
        if (new.task, new.champion) != self._loaded_for:
            self._loaded_for = (new.task, new.champion)
            self._load(new.task, new.champion)
        self._say_if_ended(new)
        self.changed.publish(None)

    def _say_if_ended(self, new: Snapshot) -> None:
        if self._told is None:
            self._told = {job.job_id for job, _ in new.over}
        for job, champion in reversed(new.over):
            # One that a rebuild brings back ended before.
            if job.job_id not in self._told and (job.completed_at or 0.0) >= self._started_at:
                self._told.add(job.job_id)
                words, good = wording.training_ended(job, champion)
                severity = "information" if good else "error"
                self.notify(words, severity=severity, timeout=ERROR_TIMEOUT_S, markup=False)

    @work(thread=True, group="load", exclusive=True, exit_on_error=False)
    def _load(self, task: str, champion: str) -> None:
        from core import registry

        assert self.space is not None
        try:
            serving = registry.serving(self.space, task)
        except RushesError as error:
            self.post_message(Loaded(task, champion, None, error.sentence()))
        else:
            self.post_message(Loaded(task, champion, serving, serving.problem))
        for name in SECTIONS:
            import_module(f"tui.screens.{name}")  # so that a screen's first key does not wait for it
        self.post_message(Known())

    @on(Loaded)
    def _loaded(self, message: Loaded) -> None:
        if (message.task, message.champion) != self._loaded_for:
            return
        self.serving, self.problem = message.serving, message.problem
        if message.problem:
            self.notify(message.problem, severity="error", timeout=ERROR_TIMEOUT_S, markup=False)
        self.changed.publish(None)

    @on(Known)
    async def _prepare_review(self) -> None:
        # Made while nobody waits: styles and layout of a new screen take 100 ms, and Review is opened the most.
        # Awaited, because Textual never ends when it is left while a screen is half made.
        await self._init_mode("review")

    def choose_task(self, task: str) -> None:
        """Work on another task from now on."""
        self.chosen_task, self.snapshot, self.serving, self.problem = task, None, None, None
        self._loaded_for = None
        self.look_again()
        self.changed.publish(None)

    @on(Worker.StateChanged)
    def _worker_ended(self, event: Worker.StateChanged) -> None:
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            self.tell(event.worker.error)

    def tell(self, error: BaseException) -> None:
        """Show an error as one sentence; an unexpected one as the id under which the log has it."""
        if isinstance(error, RushesError):
            words = error.sentence()
        else:
            words = f"An unexpected error; the log has it under {bug(error)}."
        self.notify(words, severity="error", timeout=ERROR_TIMEOUT_S, markup=False)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        yield from (one for one in super().get_system_commands(screen) if one.title != "Quit")  # ours says more
        for action in actions.ACTIONS:
            node = {"app": self, getattr(screen, "where", ""): screen}.get(action.where)
            if node is not None and node.check_action(action.name, ()) is not False:
                run = partial(self.run_action, action.handler, node)
                yield SystemCommand(f"{action.label} ({action.id})", action.does, run)
            elif action.where in SECTIONS and not screen.is_modal and action.where != getattr(screen, "where", ""):
                # Found when it is searched for; it leads to the screen, where one sees what the key will act on.
                key = actions.shown(action, self.own_keys)
                there = f"On {action.where.capitalize()} ({key}): {action.does}"
                go = partial(self.action_section, action.where)
                yield SystemCommand(f"{action.label} ({action.id})", there, go, discover=False)

    def action_section(self, name: str) -> None:
        """Change to one of the six screens."""
        self.switch_mode(name)

    def action_help(self) -> None:
        from tui.screens.help import HelpScreen

        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(self.screen.focused or self.screen))

    def action_settings(self) -> None:
        from tui.screens.settings import SettingsScreen

        if self.space is not None and not isinstance(self.screen, SettingsScreen):
            self.push_screen(SettingsScreen(self.space))

    def action_copy(self) -> None:
        from tui.clipboard import copy

        text = getattr(self.screen, "copied", lambda: "")()
        if text and self.space is not None:
            self.notify(copy(self, text, self.space.cache), markup=False)
        else:
            self.notify("Nothing is chosen that could be copied.", severity="warning")

    async def action_quit(self) -> None:
        self._leaving.set()
        self._nudge.set()
        self.exit(message=self.parting())

    def on_unmount(self) -> None:
        self._leaving.set()
        self._nudge.set()

    def _fatal_error(self) -> None:
        self.on_unmount()  # which does not come any more; the threads would keep the process alive
        # Textual prints a traceback with locals here, which may hold what was said in a clip.
        if self._exception is not None:
            where = self.root / "logs"
            self.panic(Text(f"An unexpected error; the log in {where} has it under {bug(self._exception)}."))


def run(root: Path, source: str | None = None, task: str | None = None) -> int:
    """Open the screens on a workspace; returns the exit code when the user has left: 1 after a crash."""
    if (root / "logs").is_dir():
        open_log(root / "logs")
    else:  # until the workspace is made nothing may write to the terminal the app draws on
        logger.addHandler(logging.NullHandler())
    # The workspace stays open: a language model that is still being asked must not find it closed.
    app = RushesApp(root, source, task)
    app.run()
    return app.return_code or 0
