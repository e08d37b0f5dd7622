"""Commands on the workspace: init, config, dataset, doctor, rebuild."""

from __future__ import annotations

from typing import Annotated

import typer

from core.errors import WrongUseError
from tui.commands.common import AsJson, InWorkspace, OfTask, emit, say, workspace

app = typer.Typer()
dataset_app = typer.Typer(help="What has been answered.", no_args_is_help=True)
app.add_typer(dataset_app, name="dataset")


@app.command()
def init(as_json: AsJson = False, where: InWorkspace = None) -> None:
    """Make a workspace: here, or where --workspace says."""
    from pathlib import Path

    from core import loop
    from core.workspace import find_root

    root, named = find_root(where)
    root = root if named else Path.cwd()
    space = loop.open_workspace(root)
    space.store.refresh()
    space.close()
    emit({"workspace": str(root)}, as_json, [f"✓ workspace in {root}"])


@app.command()
def config(
    name: Annotated[str | None, typer.Argument(help="A setting, for instance train.every.")] = None,
    value: Annotated[str | None, typer.Argument(help="Its new value, written to this workspace.")] = None,
    trust: Annotated[bool, typer.Option("--trust", help="Let this workspace's file name addresses.")] = False,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """All settings with their meaning and which file won; or change one."""
    from core import settings

    with workspace(where) as space:
        if trust:
            settings.trust(space.root)
        if name and value is not None:
            settings.write(space.root, name, value)
        loaded = settings.load(space.root)
        rows = [row for row in settings.describe(loaded) if name in (None, row.name)]
        if not rows:
            raise WrongUseError(f"there is no setting {name!r}", do="List them with: rushes config")
        lines = [f"{row.name} = {row.value}  ({row.origin})\n    {row.meaning}" for row in rows]
        emit([row._asdict() for row in rows], as_json, lines)


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


@app.command()
def doctor(as_json: AsJson = False, where: InWorkspace = None) -> None:
    """What this machine and this workspace are fit for, and what to mend."""
    from core.training import preflight

    with workspace(where) as space:
        report = preflight.check(space)
        emit(report.to_json(), as_json, report.lines())
        if not report.ok:
            raise typer.Exit(1)


@app.command()
def rebuild(as_json: AsJson = False, where: InWorkspace = None) -> None:
    """Make the catalog again from the journals."""
    with workspace(where) as space:
        counts = space.store.rebuild()
        say("the catalog was made again from the journals")
        emit(counts, as_json)
