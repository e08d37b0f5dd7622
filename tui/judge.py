"""Takes clips in and lets the serving version answer them, one after the other; then asks the language model."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import TYPE_CHECKING

from core.errors import RushesError
from tui.messages import Judged, JudgingEnded, Mended, NotTaken

if TYPE_CHECKING:
    from textual.message import Message

    from core.capture.intake import About
    from core.registry import Serving
    from core.snapshot import Prediction
    from core.workspace import Workspace


@dataclass(frozen=True)
class Request:
    """Files to take in and judge; `incoming` ones are our own recordings and gone afterwards."""

    files: Iterable[Path]
    task: str
    about: About
    incoming: bool


class Judge:
    """The queue of clips that wait to be judged.

    Args:
        post: takes messages, from any thread.
        serving: the predictor that answers at this moment, if there is one.
    """

    def __init__(self, post: Callable[[Message], bool], serving: Callable[[], Serving | None]) -> None:
        self.requests: deque[Request] = deque()
        self.busy = False  # a thread is in `run`; set by the screen
        self._post = post
        self._serving = serving
        self._own: tuple[tuple[str, str], Serving] | None = None  # the version of the speaker who was set last

    def run(self, space: Workspace) -> None:
        """Judge until the queue is empty."""
        try:
            while self.requests:
                self._one(space, self.requests.popleft())
        finally:
            self._post(JudgingEnded())

    def _one(self, space: Workspace, asked: Request) -> None:
        from core import loop
        from core.capture.intake import Refused

        try:
            for taken in loop.capture(space, asked.files, asked.task, asked.about, incoming=asked.incoming):
                if isinstance(taken, Refused):
                    self._post(NotTaken(taken.file, taken.reason))
                    continue
                serving = self._answering(space, asked)
                said = None
                if serving is not None and serving.predictor.spec.task == asked.task:
                    (said,) = loop.predict(space, serving.predictor, [taken])
                self._post(Judged(taken.id, said))
                loop.shadow(space, [taken])
        except RushesError as error:  # a folder that is gone, a workspace that cannot be written
            self._post(NotTaken("", error.sentence()))

    def _answering(self, space: Workspace, asked: Request) -> Serving | None:
        """Who answers: one reference, so that a newer version takes over between two clips; or the speaker's own."""
        from core import registry

        own = registry.pointer(space, asked.task).speakers.get(asked.about.speaker or "")
        if own is None:
            return self._serving()
        if self._own is None or self._own[0] != (asked.task, own):
            self._own = ((asked.task, own), registry.serving(space, asked.task, asked.about.speaker))
        return self._own[1]


class Mender:
    """The texts that wait for the language model, asked one after the other beside everything else.

    Args:
        post: takes messages, from any thread.
    """

    def __init__(self, post: Callable[[Message], bool]) -> None:
        self._waiting: Queue[Prediction] = Queue()
        self._post = post
        self._thread: Thread | None = None

    def ask(self, space: Workspace, said: Prediction) -> None:
        """Ask about a text; `Mended` follows."""
        self._waiting.put(said)
        if self._thread is None or not self._thread.is_alive():
            # A daemon, because a model that does not answer must not hold up leaving the program.
            self._thread = Thread(target=self._run, args=(space,), daemon=True)
            self._thread.start()

    def _run(self, space: Workspace) -> None:
        from core import loop

        while True:
            said = self._waiting.get()
            try:
                loop.mend(space, said)
            except RushesError as error:  # the workspace cannot be written
                self._post(NotTaken("", error.sentence()))
            self._post(Mended())
