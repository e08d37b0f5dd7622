"""Asking once, before the first face is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from textual.screen import Screen

from tui.screens.choose import ConsentScreen

if TYPE_CHECKING:
    from tui.app import RushesApp


def with_consent(screen: Screen[None], then: Callable[[], None]) -> None:
    """Go on, after asking once where the task keeps faces and nobody has agreed yet."""
    app = cast("RushesApp", screen.app)
    space, snapshot = app.space, app.snapshot
    if space is None or snapshot is None:
        screen.notify("The workspace is still being opened.", severity="warning")
        return
    if not snapshot.consent_missing:
        then()
        return

    def agree() -> None:
        from core.capture.consent import give_consent

        give_consent(space, snapshot.task, by="screen")
        app.look_again()
        app.call_from_thread(then)

    def answered(agreed: bool | None) -> None:
        if agreed:
            screen.run_worker(agree, thread=True, group="consent", exit_on_error=False)
        else:
            screen.notify("Nothing was taken: without your consent no face is kept.", severity="warning")

    app.push_screen(ConsentScreen(), answered)
