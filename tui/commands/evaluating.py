"""How good a model is: evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tui.commands.common import AsJson, InWorkspace, Map, OfTask, counted, emit, mapping, say, workspace

app = typer.Typer()
Page = Annotated[Path | None, typer.Option("--html", help="Also write the report as one page here.")]


@app.command()
def evaluate(
    manifest: Annotated[Path, typer.Option(help="A CSV manifest with the right answers.")],
    task: OfTask,
    model: Annotated[str | None, typer.Option(help="A version such as v3, or an ONNX file.")] = None,
    map_: Map = None,
    page: Page = None,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """Score a model on a manifest; nothing is stored."""
    from core import judging, tasks

    with workspace(where) as space:
        predictor = judging.predictor(space, tasks.get(task).name, model, warn=say)
        with counted("evaluating") as bar:
            found = judging.evaluate(predictor, manifest, mapping(map_ or []), progress=bar, space=space)
        for failure in found.failures:
            say(f"✗ {failure}")
        if page:
            judging.write_page(page, found, {"manifest": str(manifest)})
            say(f"the report is in {page}")
        emit(found.to_json(), as_json, found.lines())
        if found.failures:
            raise typer.Exit(1)
