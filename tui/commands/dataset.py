"""Commands on what has been answered: dataset."""

from __future__ import annotations

from typing import Annotated

import typer

from tui.commands.common import AsJson, InWorkspace, OfTask, emit, workspace

app = typer.Typer()
dataset_app = typer.Typer(help="What has been answered.", no_args_is_help=True)
app.add_typer(dataset_app, name="dataset")


@dataset_app.command("stats")
def dataset_stats(task: OfTask, as_json: AsJson = False, where: InWorkspace = None) -> None:
    """How much is answered, and how the answers are spread."""
    from core import tasks

    with workspace(where) as space:
        emit(space.store.statistics(tasks.get(task).name), as_json)


@dataset_app.command("clear")
def dataset_clear(
    task: OfTask,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """Set all answers of a task aside (they stay in the journal; one undo brings them back)."""
    from core import tasks

    with workspace(where) as space:
        owner = tasks.get(task)
        count = space.store.count_answered(owner.name)
        if not yes and not typer.confirm(f"Clear {count} answers of {owner.name}?", err=True):
            raise typer.Exit(1)
        space.store.clear(owner.name)
        emit({"cleared": count}, as_json, [f"✓ {count} answers of {owner.name} cleared"])
