"""One thread that carries out what the user decided, in the order of the keys, and says when it is durable.

Leaving the screens waits for it: an answer that was given is saved.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from textual.message import Message


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Attributes:
        words: for a notice, "" for none.
        choose: the clip to go to.
    """

    words: str = ""
    choose: str | None = None


@dataclass
class Done(Message):
    """What was asked for these clips is durable, or failed with `error`."""

    samples: tuple[str, ...]
    outcome: Outcome | None
    error: BaseException | None


class Saver:
    """Does one thing after the other.

    Args:
        post: takes messages, from any thread.
    """

    def __init__(self, post: Callable[[Message], bool]) -> None:
        self._post = post
        self._thread = ThreadPoolExecutor(1, "save")

    def do(self, samples: tuple[str, ...], act: Callable[[], Outcome]) -> None:
        """Do it as soon as what was asked before is done; a `Done` follows."""

        def done(future: Future[Outcome]) -> None:
            error = future.exception()
            self._post(Done(samples, None if error else future.result(), error))

        self._thread.submit(act).add_done_callback(done)

    def close(self) -> None:
        """Wait until everything asked for is done."""
        self._thread.shutdown()
