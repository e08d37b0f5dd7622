"""Before publishing: how a clip may do, and when to post it. Part of `insights`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from core.errors import WrongUseError
from tui.commands.common import AsJson, InWorkspace, emit, workspace
from tui.commands.insights import insights_app

app = typer.Typer()  # its commands join `insights_app`
__all__ = ["app", "insights_app"]

Platform = Annotated[str | None, typer.Option("--platform", "-p", help="By default the one posted on last.")]
InZone = Annotated[str | None, typer.Option("--timezone", help="Instead of insights.timezone: local, UTC, or a name.")]
MOST_METADATA = 1 << 20  # bytes


@insights_app.command("virality")
def insights_virality(
    content_id: Annotated[
        str | None,
        typer.Argument(help="A post's or a sample's id, or any name beside facts; with neither: what predicts best."),
    ] = None,
    platform: Platform = None,
    account: Annotated[str | None, typer.Option(help="Whose post; by default the account that posted last.")] = None,
    quality: Annotated[float | None, typer.Option(help="Quality, 0 to 1.")] = None,
    aesthetic: Annotated[float | None, typer.Option(help="Aesthetic score, 0 to 1.")] = None,
    objects: Annotated[list[str] | None, typer.Option("--object", help="What is seen in it; may be repeated.")] = None,
    duration: Annotated[float | None, typer.Option(help="Length, seconds.")] = None,
    caption: Annotated[str | None, typer.Option(help="Its caption.")] = None,
    sample: Annotated[str | None, typer.Option(help="The sample it is cut from: its rating and scene count.")] = None,
    at: Annotated[str | None, typer.Option(help="When it is published, as 2026-05-04T18:00Z; by default now.")] = None,
    metadata: Annotated[Path | None, typer.Option(help="A JSON file with the same and any further numbers.")] = None,
    timezone: InZone = None,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """How a clip may do before it is published: score, views, engagement, interval, what contributes, what to do."""
    from core.insights.platforms import one_name
    from core.insights.virality.predictor import ViralityPredictor
    from core.review.answers import find

    given = {
        "platform": platform, "account": account, "quality_score": quality, "aesthetic_score": aesthetic,
        "scene_objects": objects, "duration": duration, "caption": caption, "posted_at": at,
    }  # fmt: skip
    known = _metadata(metadata) | {name: value for name, value in given.items() if value is not None}
    with (
        workspace(where) as space,
        ViralityPredictor(space, timezone=timezone) as predictor,
        _steps("learning from the posts") as steps,
    ):
        if sample is not None:
            known["sample_id"] = find(space, sample).id
        if content_id is None and not known.keys() - {"platform"}:
            wanted = platform and one_name(platform)
            models = [model for model in predictor.models(steps) if wanted in (None, model.platform)]
            lines = [line for model in models for line in model.lines()]
            emit([model.to_json() for model in models], as_json, lines or ["No posts yet: rushes metrics import"])
            return
        found = predictor.answer(content_id, known, steps)
        emit(found.to_json(), as_json, found.lines())


@insights_app.command("best-time")
def insights_best_time(
    platform: Platform = None,
    by: Annotated[str, typer.Option(help="engagement or views.")] = "engagement",
    timezone: InZone = None,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """When to post on a platform, if any difference is shown, and which time would tell most next."""
    from core.insights.posting import besttime
    from core.insights.virality.predictor import ViralityPredictor

    with workspace(where) as space:
        with ViralityPredictor(space) as predictor:
            name = platform or predictor.usual_platform()
        if name is None:
            raise WrongUseError("there are no posts yet", do="Import how they did: rushes metrics import FILE")
        found = besttime.find(space, name, metric=besttime.require(by), timezone=timezone)
        emit(found.to_json(), as_json, found.lines())


def _metadata(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(MOST_METADATA + 1))
    except (ValueError, RecursionError):
        raise WrongUseError("this is no JSON of at most 1 MB", where=path) from None
    if not isinstance(found, dict):
        raise WrongUseError("this is no JSON object", where=path, do='Write {"quality_score": 0.85, "duration": 25}.')
    return {str(name): value for name, value in found.items()}


@contextmanager
def _steps(what: str) -> Generator[Callable[[int, int], None]]:
    """A function to call with the steps done, and of how many: a bar on a terminal, silence elsewhere."""
    if not sys.stderr.isatty():
        yield _unseen
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn(what), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _unseen(done: int, total: int) -> None:
    del done, total
