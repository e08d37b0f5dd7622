"""Commands on the workspace: init, config, doctor, rebuild."""

from __future__ import annotations

from typing import Annotated

import typer

from core.errors import WrongUseError
from tui.commands.common import AsJson, InWorkspace, emit, say, workspace

app = typer.Typer()


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
    from core import one_setting, settings
    from tui import own_names, setting_words

    with workspace(where) as space:
        if trust:
            settings.trust(space.root)
        changed = name if name and value is not None else None
        if changed and value is not None:
            settings.write(space.root, changed, own_names.checked(changed, value, settings.load(space.root)))
        loaded = settings.load(space.root)
        rows = one_setting.find(loaded, name) if name else settings.describe(loaded)
        lost = setting_words.not_counting(changed, loaded, trusted=settings.trusted(space.root)) if changed else ""
        if lost:
            say(f"! {lost}")
        elif not rows:
            raise WrongUseError(f"there is no setting {name!r}", do="List them with: rushes config")
        lines = [line for row in rows for line in (f"{row.name} = {row.value}  ({row.origin})", f"    {row.meaning}")]
        emit([row._asdict() for row in rows], as_json, lines)


@app.command()
def doctor(as_json: AsJson = False, where: InWorkspace = None) -> None:
    """What this machine and this workspace are fit for, what to mend, and what leaves the machine."""
    from core import privacy
    from core.privacy import leaves
    from core.training import estimate, preflight

    with workspace(where) as space:
        report = preflight.check(space)
        report.estimate_seconds = estimate.every(space)
        ways, agreed = privacy.leaving(space), privacy.agreed(space)
        facts = {"leaves": [way.to_json() for way in ways], "consent": agreed}
        emit(report.to_json() | facts, as_json, [*report.lines(), *leaves.lines(ways), *privacy.agreed_lines(agreed)])
        if not report.ok:
            raise typer.Exit(1)


@app.command()
def rebuild(as_json: AsJson = False, where: InWorkspace = None) -> None:
    """Make the catalog again from the journals, and the records of past trainings from their folders and cards."""
    from core.insights.metrics.store import rebuild as rebuild_metrics
    from core.training import record

    with workspace(where) as space:
        counts = space.store.rebuild()
        counts |= rebuild_metrics(space)
        restored = {"jobs": record.restore_jobs(space), "runs": record.restore_runs(space)}
        say("the catalog was made again from the journals")
        emit(counts | restored, as_json)
