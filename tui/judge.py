"""Takes clips in and lets the serving version answer them, one after the other; then asks the language model."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from threading import Event, Thread
from typing import TYPE_CHECKING, TypeVar

from core.errors import RushesError
from core.log import logger
from tui.messages import Judged, JudgingBegun, JudgingEnded, JudgingStopped, Mended, NotTaken

if TYPE_CHECKING:
    from textual.message import Message

    from core.capture.intake import About
    from core.registry import Serving
    from core.snapshot import Prediction, Sample
    from core.workspace import Workspace

Clip = TypeVar("Clip")


@dataclass(frozen=True)
class Request:
    """Files to take in and judge; `incoming` ones are our own recordings and gone afterwards.

    Attributes:
        samples: to judge instead of files: they were taken in already.
    """

    files: Iterable[Path]
    task: str
    about: About
    incoming: bool = False
    samples: Sequence[Sample] = ()


class Judge:
    """The queue of clips that wait to be judged.

    Args:
        post: takes messages, from any thread.
        serving: the predictor of the task on the screen at this moment, if there is one.

    Attributes:
        now: the request that is worked on, or was last.
        done, total: its files (or clips); 0 while nobody knows how many it has.
    """

    def __init__(self, post: Callable[[Message], bool], serving: Callable[[], Serving | None]) -> None:
        self.requests: deque[Request] = deque()
        self.busy = False  # a thread is in `run`; set by the screen
        self.now: Request | None = None
        self.done = self.total = 0
        self._post = post
        self._serving = serving
        self._halt = Event()
        self._closed = False
        self._loaded: tuple[tuple[str, str], Serving | None] | None = None  # what the screen does not show, used last

    def run(self, space: Workspace) -> None:
        """Judge until the queue is empty."""
        try:
            while self.requests:
                self._one(space, self.requests.popleft())
        finally:
            self._post(JudgingEnded())

    def stop(self) -> None:
        """Leave what is worked on after this clip; what waits behind it comes next."""
        self._halt.set()

    def close(self) -> None:
        """Leave all of it."""
        self._closed = True
        self.requests.clear()

    def stopped(self) -> bool:
        """Whether what is worked on is left after this clip."""
        return self._closed or self._halt.is_set()

    def _one(self, space: Workspace, asked: Request) -> None:
        self._halt.clear()
        self.now, self.done, self.total = asked, 0, 0
        try:
            if asked.samples:
                self._go_on(space, asked.samples)
            else:
                self._take(space, asked, list(asked.files))
        except RushesError as error:  # a folder that is gone, a workspace that cannot be written
            self._post(NotTaken("", error.sentence()))
        if self.stopped() and self.done < self.total:
            self._post(JudgingStopped(self.done, self.total))

    def _take(self, space: Workspace, asked: Request, files: Sequence[Path]) -> None:
        from core import loop
        from core.capture.intake import Refused

        for taken in loop.capture(space, self._counted(files), asked.task, asked.about, incoming=asked.incoming):
            if isinstance(taken, Refused):
                self._post(NotTaken(taken.file, taken.reason))
            else:
                self._judge(space, taken, asked.about.speaker)
            if self.stopped():  # between two scenes too: those left out are judged when the task is opened again
                self.done += 1
                return

    def _go_on(self, space: Workspace, samples: Sequence[Sample]) -> None:
        from core.capture import intake

        for sample in self._counted(samples):
            if intake.still_unjudged(space, sample):
                self._judge(space, sample, sample.speaker)

    def _counted(self, all_of_them: Sequence[Clip]) -> Iterator[Clip]:
        """One after the other, until somebody stops it."""
        self.total = len(all_of_them)
        for one in all_of_them:
            if self.stopped():
                return
            self._post(JudgingBegun())
            yield one
            self.done += 1

    def _judge(self, space: Workspace, sample: Sample, speaker: str | None) -> None:
        from core import loop

        serving = self._answering(space, sample.task, speaker)
        said = None
        if serving is not None:
            (said,) = loop.predict(space, serving.predictor, [sample])
        self._post(Judged(sample.id, said))
        loop.shadow(space, [sample])

    def _answering(self, space: Workspace, task: str, speaker: str | None) -> Serving | None:
        """Who answers: one reference, so that a newer version takes over between two clips; or the speaker's own."""
        from core import registry

        pointer, shown = registry.pointer(space, task), self._serving()
        own = pointer.speakers.get(speaker or "")
        if own is None and shown is not None and shown.predictor.spec.task == task:
            return shown
        wanted = (task, own or pointer.champion)
        if self._loaded is None or self._loaded[0] != wanted:
            try:
                self._loaded = (wanted, registry.serving(space, task, speaker))
            except RushesError as error:  # the clips are taken in all the same
                logger.warning("no model answers: %s", error)
                self._loaded = (wanted, None)
        return self._loaded[1]


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
