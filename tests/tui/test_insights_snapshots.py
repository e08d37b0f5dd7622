"""What Insights looks like with nothing measured, in use and failed, at the smallest size and at a usual one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from core import loop
from core.insights.learning import daily
from core.insights.metrics.store import MetricsStore
from core.snapshot.insights import kept
from tests.core.automation.lines import drop_in
from tests.core.insights import drawn_posts, made
from tests.tui.conftest import ready, until
from tui.app import RushesApp
from tui.screens.insights import InsightsScreen

SIZES = [(80, 24), (120, 40)]
SNAP = Callable[..., bool]
pytestmark = pytest.mark.usefixtures("here")


async def seen(pilot: Pilot[Any]) -> None:
    app = await ready(pilot)
    await pilot.press("5")
    await until(pilot, lambda: app.problem or getattr(app.screen, "data", None), "the reading")
    assert isinstance(app.screen, InsightsScreen)


def fill(root: Path) -> None:
    """Forty videos of which nine were overridden, a rating, a change of the gate, five clips on their way out."""
    loop.open_workspace(root).close()
    drop_in(root, 40, 9)
    space = loop.open_workspace(root)
    space.store.note("automation", {"what": "rating", "rating": 8.7, "at": 1.76e9})
    changes = {"unlocked": "all three criteria are met", "locked": "override_rate is 0.225, the limit is 0.2"}
    for number, (what, why) in enumerate(changes.items()):
        space.store.note("automation", {"what": what, "why": why, "at": 1.76e9 + 5000 * number})
    steps = [(), ("publishing", "failed"), ("publishing",), ("publishing", "published"), ("rejected",)]
    for number, taken in enumerate(steps):
        name, at = f"e{number}", 1.76e9 + 100 * number
        media = f"training_data/videos/clip_{number}.avi"
        request = {"id": name, "sample_id": f"s{number}", "platform": "youtube", "media": media}
        why = "the gate is locked: override_rate is not met"
        space.store.note("publish", {"id": name, "step": "asked", "request": request, "why": why, "at": at})
        for step in taken:
            detail = {"failed": "the platform said no", "published": "https://example.org/post/1"}.get(step, "")
            space.store.note("publish", {"id": name, "step": step, "detail": detail, "at": at})
    space.close()


@pytest.mark.parametrize("size", SIZES)
def test_nothing_is_measured_yet(snap_compare: SNAP, size: tuple[int, int]) -> None:
    assert snap_compare(RushesApp(Path("ws"), None, "ratings"), terminal_size=size, run_before=seen)


@pytest.mark.parametrize("size", SIZES)
def test_a_locked_gate_with_clips_that_wait(snap_compare: SNAP, size: tuple[int, int]) -> None:
    fill(Path("ws"))
    assert snap_compare(RushesApp(Path("ws"), None, "scenes"), terminal_size=size, run_before=seen)


@pytest.mark.parametrize("size", SIZES)
def test_a_rating_that_is_none(snap_compare: SNAP, size: tuple[int, int]) -> None:
    async def refused(pilot: Pilot[Any]) -> None:
        await seen(pilot)
        await pilot.press("r", "1", "1", "enter")
        await until(pilot, lambda: pilot.app.screen.query_one("#problem").display, "the refusal")

    fill(Path("ws"))
    assert snap_compare(RushesApp(Path("ws"), None, "scenes"), terminal_size=size, run_before=refused)


@pytest.mark.parametrize("size", SIZES)
def test_a_folder_that_is_no_workspace(snap_compare: SNAP, size: tuple[int, int]) -> None:
    Path("ws").mkdir()
    Path("ws", "letters.txt").write_text("somebody's own files")
    assert snap_compare(RushesApp(Path("ws"), None, "scenes"), terminal_size=size, run_before=seen)


# What published clips taught


NOW = 1_767_225_600.0 + 93 * 86400  # two days after the last of the drawn posts


def posted_posts(root: Path) -> None:
    """Three hundred posts of which short ones do better, and an author who does best at 18:00, learned."""
    space = loop.open_workspace(root)
    rows = made.rows(300, short=2.0, retained=0.6, watched_short=0.3)
    drawn_posts.keep(space, [row | {"edit_metadata": None} for row in rows if row["avg_watch_percentage"]])
    drawn_posts.keep(space, drawn_posts.author(90, seed=3, hour_effect=0.5, platform="youtube"))
    with MetricsStore(space) as store:
        daily.learn_now(store)
    space.close()
    (root / "rushes.toml").write_text('[insights]\ntimezone = "Europe/Berlin"\n')


def on_view(view: str, shown: str, *more: str) -> Callable[[Pilot[Any]], Any]:
    """Turn to a view and press further keys, until it says something."""

    async def turn(pilot: Pilot[Any]) -> None:
        await seen(pilot)
        screen = pilot.app.screen
        assert isinstance(screen, InsightsScreen)
        while screen.view != view:
            await pilot.press("v")
        await until(pilot, lambda: screen.data is not None and screen.data.wanted.view == view, view)
        await pilot.press(*more)
        await until(pilot, lambda: shown in screen.copied(), shown)
        await pilot.pause()

    return turn


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("view", "words", "keys"),
    [
        ("report", "What to do", ()),
        ("times", "YouTube", ("p",)),
        ("virality", "Who predicts on YouTube", ("p",)),
        ("clusters", "High retention", ()),
    ],
)
def test_what_posts_taught(
    snap_compare: SNAP, monkeypatch: pytest.MonkeyPatch, posts: Path, size: tuple[int, int], view: str, words: str,
    keys: tuple[str, ...],
) -> None:  # fmt: skip
    monkeypatch.setattr(kept, "now", lambda: NOW)
    monkeypatch.setattr("core.snapshot.insights.report.now", lambda: NOW)
    monkeypatch.setattr("core.snapshot.insights.times.now", lambda: NOW)
    assert snap_compare(RushesApp(posts, None, "scenes"), terminal_size=size, run_before=on_view(view, words, *keys))


@pytest.fixture(scope="module")
def posts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workspace of the posts, made once."""
    root = tmp_path_factory.mktemp("posts") / "ws"
    posted_posts(root)
    return root


def test_no_posts_yet(snap_compare: SNAP) -> None:
    app = RushesApp(Path("ws"), None, "scenes")
    assert snap_compare(app, terminal_size=(80, 24), run_before=on_view("times", "No post has been measured yet"))


def test_a_report_that_cannot_be_read(snap_compare: SNAP) -> None:
    loop.open_workspace(Path("ws")).close()
    Path("ws/insights/2026-01-02").mkdir(parents=True)
    Path("ws/insights/2026-01-02/report.json").write_text("{")
    app = RushesApp(Path("ws"), None, "scenes")
    assert snap_compare(app, terminal_size=(80, 24), run_before=on_view("report", "cannot be read"))
