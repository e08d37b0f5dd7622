"""Commands on what has been answered: dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tui.commands.common import AsJson, InWorkspace, OfTask, counted, emit, workspace

app = typer.Typer()
dataset_app = typer.Typer(help="What has been answered.", no_args_is_help=True)
app.add_typer(dataset_app, name="dataset")


@dataset_app.command("stats")
def dataset_stats(task: OfTask, as_json: AsJson = False, where: InWorkspace = None) -> None:
    """How much is answered, and how the answers are spread."""
    from core import tasks

    with workspace(where) as space:
        emit(space.store.statistics(tasks.get(task).name), as_json)


@dataset_app.command("export")
def dataset_export(
    task: OfTask,
    out: Annotated[Path, typer.Option(help="Folder for the manifests: new, empty, or an earlier export.")],
    speaker: Annotated[str | None, typer.Option(help="Only this speaker's answers.")] = None,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """Write what a training would learn from now: manifest_full, _train, _val and _test.csv."""
    from core import tasks
    from core.training import dataset

    with workspace(where) as space, counted("measuring") as bar:
        owner = tasks.get(task)
        total = space.store.count_answered(owner.name)
        found = dataset.export(
            space, owner, out, speaker=speaker, progress=lambda part: bar(round(part * total), "measuring")
        )
        left_out = [f"  left out: {reason} ({count})" for reason, count in found["excluded"].items()]
        sides = ", ".join(f"{found[side]} {side}" for side in ("train", "val", "test"))
        emit(found, as_json, [f"✓ {found['full']} samples in {out}: {sides}; {found['hash'][:12]}", *left_out])


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


@dataset_app.command("backlog")
def dataset_backlog(task: OfTask, as_json: AsJson = False, where: InWorkspace = None) -> None:
    """What the next training will learn that the last one did not."""
    from core.review.backlog import backlog

    with workspace(where) as space:
        found = backlog(space, task)
        since = f"since {found['since']}" if found["since"] else "nothing was trained yet"
        lines = [f"{found['total']} answers to learn ({since})"]
        lines += [f"{reason}: {count}" for reason, count in found["reasons"].items()]
        lines += [f"dismissed: {found['dismissed']}", f"disagreements nobody has looked at: {found['to_review']}"]
        emit(found, as_json, lines)
