"""The whole loop on clips drawn for it: demo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tui.commands.common import AsJson, InWorkspace, emit, say

app = typer.Typer()


@app.command()
def demo(
    no_tui: Annotated[bool, typer.Option("--no-tui", help="Do not open the screens afterwards.")] = False,
    data: Annotated[
        Path | None, typer.Option(help="A folder with scenes.csv, speech.csv, ratings.csv: real clips instead.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Draws other clips.")] = 1,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """The whole loop on clips drawn for it: predict, correct, train, deploy, predict again."""
    from core.demo import run
    from core.workspace import find_root

    root, named = find_root(where)
    report = run.run(root if named else None, data=data, seed=seed, say=say)
    emit(report.to_json(), as_json, report.lines())
    if not no_tui and not as_json:
        from tui.app import run as screens

        screens(report.root, str(report.root / "training_data" / "videos"), "scenes")
    if report.failed:
        raise typer.Exit(1)
