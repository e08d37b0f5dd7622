"""How good a model is: evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tui.commands.common import AsJson, InWorkspace, Map, OfTask, counted, emit, mapping, say, workspace

app = typer.Typer()


@app.command()
def evaluate(
    manifest: Annotated[Path, typer.Option(help="A CSV manifest with the right answers.")],
    task: OfTask,
    model: Annotated[str | None, typer.Option(help="A version such as v3, or an ONNX file.")] = None,
    map_: Map = None,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """Score a model on a manifest; nothing is stored."""
    from core import judging, tasks

    with workspace(where) as space:
        predictor = judging.predictor(space, tasks.get(task).name, model, warn=say)
        with counted("evaluating") as bar:
            report = judging.evaluate(predictor, manifest, mapping(map_ or []), progress=bar)
        for failure in report.failures:
            say(f"✗ {failure}")
        emit(report.to_json(), as_json)
        if report.failures:
            raise typer.Exit(1)
