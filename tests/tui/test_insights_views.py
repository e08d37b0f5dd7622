"""What published clips taught, as a person looks at it: keys are pressed, then the screen is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from core import loop
from core.insights.learning import daily
from core.insights.metrics.store import MetricsStore
from core.insights.reports import history
from tests.core.insights import drawn_posts, made
from tests.tui.conftest import flowed, notices, ready, screen_text, until
from tui.app import RushesApp
from tui.screens.insights import InsightsScreen

ZONE = '[insights]\ntimezone = "UTC"\n'


@pytest.fixture(scope="module")
def posted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with an author who does best at 18:00 UTC, and twelve posts on another platform."""
    root = tmp_path_factory.mktemp("posted") / "ws"
    fill(root)
    return root


def fill(root: Path) -> None:
    space = loop.open_workspace(root)
    rows = drawn_posts.author(90, seed=3, hour_effect=0.9)
    rows[-1]["caption"] = "[bold]not markup[/] \x1b[31mred"
    drawn_posts.keep(space, rows)
    drawn_posts.keep(space, drawn_posts.author(12, seed=4, account="other", platform="youtube"))
    space.close()
    (root / "rushes.toml").write_text(ZONE)


@pytest.fixture
def app(posted: Path) -> RushesApp:
    return RushesApp(posted, None, "ratings")


async def turned(pilot: Pilot[Any], view: str) -> InsightsScreen:
    """The screen, with that view read and shown."""
    app = await ready(pilot)
    await pilot.press("5")
    screen = app.screen
    assert isinstance(screen, InsightsScreen)
    while screen.view != view:
        await pilot.press("v")
    await until(pilot, lambda: screen.data is not None and screen.data.wanted.view == view, view)
    await pilot.pause()
    return screen


async def test_keys_turn_the_views_forth_and_back_and_the_footer_follows(app: RushesApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await turned(pilot, "gate")
        assert "a Approve" in screen_text(app)
        assert "p Platform" not in screen_text(app)
        seen = [screen.view]
        for key in ("right", "v", "right", "v", "v", "v", "left", "V"):
            await pilot.press(key)
            seen.append(screen.view)
        assert seen == ["gate", "report", "times", "virality", "clusters", "costs", "gate", "costs", "clusters"]
        assert "a Approve" not in screen_text(app)
        await pilot.press("r")
        assert not screen.query_one("#rating").display
        await pilot.press("question_mark")
        assert "The next view: gate, report" in screen_text(app)


async def test_without_posts_every_view_says_what_to_do(tmp_path: Path) -> None:
    app = RushesApp(tmp_path / "ws", None, "ratings")
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await turned(pilot, "report")
        for view in ("report", "times", "virality", "clusters"):
            await until(
                pilot, lambda: "rushes metrics import FILE --platform P" in screen_text(app), f"advice on {view}"
            )
            assert screen.view == view
            await pilot.press("v")
        await until(pilot, lambda: "below 80% of its budget" in screen_text(app), "the costs")
        await pilot.press("l")
        await until(pilot, lambda: "Nothing to learn from yet" in notices(app), "the end of learning")
        await pilot.press("v", "v", "v", "p")
        assert "There are no posts yet." in notices(app)


async def test_learning_now_makes_the_report_and_shows_it(tmp_path: Path) -> None:
    fill(tmp_path / "ws")
    app = RushesApp(tmp_path / "ws", None, "ratings")
    async with app.run_test(size=(80, 40)) as pilot:
        await turned(pilot, "report")
        await until(pilot, lambda: "are not learned yet: press l" in screen_text(app), "the advice")
        await pilot.press("l")
        await until(pilot, lambda: "✓ Learned 2025-" in notices(app), "the report")
        await until(pilot, lambda: "What to do" in screen_text(app), "the report on the screen")
        assert app.space is not None
        (date,) = history.dates(app.space)
        shown = flowed(app)
        assert f"Learned up to {date} (UTC," in shown
        assert "102 posts of 2 accounts: TikTok 90, YouTube 12" in shown
        assert "TikTok: post at 1" in shown
        assert shown.count("rewatching") == 1
        assert f"insights/{date}/report.md" in shown


async def test_recommendations_stand_with_n_and_interval_and_scroll(tmp_path: Path) -> None:
    space = loop.open_workspace(tmp_path / "ws")
    with MetricsStore(space) as store:
        rows = made.rows(600, short=2.0, retained=0.5, watched_short=0.25)
        drawn_posts.keep(space, [row | {"edit_metadata": None} for row in rows if row["avg_watch_percentage"]])
        (report,) = daily.learn_now(store)
    space.close()
    assert report.recommendations
    app = RushesApp(tmp_path / "ws", None, "ratings")
    async with app.run_test(size=(80, 18)) as pilot:
        screen = await turned(pilot, "report")
        await until(pilot, lambda: "1. TikTok: make clips of 7–15 s." in screen_text(app), "the advice")
        assert "n = " in screen_text(app)
        assert "times the" in screen_text(app)
        await pilot.press("G")
        await until(pilot, lambda: "The whole report" in flowed(app), "the end")
        await pilot.press("g")
        await until(pilot, lambda: "Learned up to" in screen_text(app), "the top")
        await pilot.press("j")
        await until(pilot, lambda: "Learned up to" not in screen_text(app), "a line further down")
        await pilot.resize_terminal(80, 40)
        await pilot.press("v", "v", "v")
        await until(pilot, lambda: "High retention (>= 70%)" in screen_text(app), "the clusters")
        assert "▲ more" in screen_text(app)
        assert "points at" in screen_text(app)
        assert screen.view == "clusters"


async def test_a_damaged_report_is_named_and_made_again(tmp_path: Path) -> None:
    fill(tmp_path / "ws")
    space = loop.open_workspace(tmp_path / "ws")
    with MetricsStore(space) as store:
        (report,) = daily.learn_now(store)
    space.close()
    path = tmp_path / "ws" / "insights" / report.date / "report.json"
    path.write_text("{")
    app = RushesApp(tmp_path / "ws", None, "ratings")
    async with app.run_test(size=(80, 24)) as pilot:
        await turned(pilot, "report")
        await until(pilot, lambda: "cannot be read" in screen_text(app), "the reason")
        await pilot.press("l")
        await until(pilot, lambda: "What to do" in screen_text(app), "the new report")
        assert json.loads(path.read_text())["date"] == report.date


async def test_the_heat_map_marks_hours_by_sign_and_says_what_is_shown(app: RushesApp) -> None:
    async with app.run_test(size=(80, 40)) as pilot:
        screen = await turned(pilot, "times")
        await until(pilot, lambda: "Post next" in screen_text(app), "the times")
        lines = screen_text(app).splitlines()
        assert "✓ TikTok: post at " in screen_text(app)
        rows = [line.strip() for line in lines if line.strip()[:4] in ("Mon ", "Tue ", "Wed ", "Thu ")]
        assert len(rows) == 4
        by_hour = [[row[4 + 3 * hour] for row in rows] for hour in range(24)]
        assert set(by_hour[18]) == {"█"}
        assert set(by_hour[6]) == {"·"}
        assert sum(line.count("◆") for line in lines) == 3  # the cell, the legend, the words
        assert "Best hours  a difference is shown" in screen_text(app)
        assert "UTC" in screen_text(app)
        await pilot.press("ctrl+y")
        assert "Post next" in app.clipboard
        await pilot.press("p")
        await until(pilot, lambda: "YouTube: no difference shown yet among 12 posts" in screen_text(app), "the other")
        assert "YouTube (2 of 2)" in screen_text(app)
        await pilot.press("p")
        await until(pilot, lambda: "✓ TikTok: post at " in screen_text(app), "the first again")
        assert screen.view == "times"


async def test_virality_shows_posts_with_intervals_and_who_predicts_and_why(app: RushesApp) -> None:
    async with app.run_test(size=(120, 50)) as pilot:
        screen = await turned(pilot, "virality")
        await until(pilot, lambda: "Who predicts on TikTok" in screen_text(app), "the predictions")
        shown = screen_text(app)
        assert "me-89 [bold]not markup[/]" in shown
        assert "\x1b" not in shown
        for words in ("later posts", "off by x", "rank", "held", "90 %:", "learnt from 90 posts"):
            assert words in shown, words
        assert screen.virality.data is not None
        for one in screen.virality.data.chosen:
            outside = one.coverage is None or not 0.87 <= one.coverage <= 0.93
            assert outside == (f"! {one.target}: " in shown)
        await pilot.press("j")
        await until(pilot, lambda: "me-88  a clip #one #two" in screen_text(app), "the second post")
        await pilot.press("p")
        await until(pilot, lambda: "Fewer than 30: the formula answers" in screen_text(app), "the other platform")
        assert "other-11" in screen_text(app)
        assert "is not known yet: too few later posts" in screen_text(app)


async def test_a_zone_that_does_not_exist_is_named_where_it_is_needed(tmp_path: Path) -> None:
    fill(tmp_path / "ws")
    (tmp_path / "ws" / "rushes.toml").write_text('[insights]\ntimezone = "Mars/Olympus"\n')
    app = RushesApp(tmp_path / "ws", None, "ratings")
    async with app.run_test(size=(80, 24)) as pilot:
        await turned(pilot, "times")
        await until(pilot, lambda: "no time zone called 'Mars/Olympus'" in screen_text(app), "the reason")
        assert "Press v for another view" in screen_text(app)
        await pilot.press("v")
        await until(pilot, lambda: "no time zone called" in screen_text(app), "the reason on Virality")
        await pilot.press("v", "v")
        await until(pilot, lambda: "of its budget" in screen_text(app), "the costs, which need no zone")


async def test_costs_warn_from_eighty_per_cent_of_a_budget(tmp_path: Path) -> None:
    fill(tmp_path / "ws")
    (tmp_path / "ws" / "rushes.toml").write_text("[insights]\neur_per_gb_month = 40000.0\n")
    app = RushesApp(tmp_path / "ws", None, "ratings")
    async with app.run_test(size=(80, 24)) as pilot:
        await turned(pilot, "report")
        await until(pilot, lambda: "! metrics database:" in screen_text(app), "the warning beside the report")
        await pilot.press("V", "V")
        await until(pilot, lambda: "! metrics database   ━" in screen_text(app), "the line")
        assert "€ a month is" in screen_text(app)
        assert "✓ learning compute" in screen_text(app)
