"""What runs by itself: scheduler."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict
from typing import Annotated, Any

import typer

from core.errors import WrongUseError
from tui.commands.common import FAILED, AsJson, InWorkspace, emit, say, workspace

app = typer.Typer()
scheduler_app = typer.Typer(help="What runs by itself, and when.", no_args_is_help=True)
app.add_typer(scheduler_app, name="scheduler")


@scheduler_app.command("run")
def scheduler_run(
    once: Annotated[bool, typer.Option("--once", help="Do what is due now, then end.")] = False,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """Run what is due, until it is ended; a second one stands by and takes over."""
    from core import schedule

    if as_json and not once:
        raise WrongUseError("--json goes with --once: without it there is no end to report")
    with workspace(where) as space:
        if not once:
            from core.schedule import foreground

            foreground.run(space, say)
            return
        found = schedule.run_once(space)
        emit(found, as_json, [_ran(one) for one in found] or ["Nothing is due."])
        if not all(one["ok"] for one in found):
            raise typer.Exit(FAILED)


@scheduler_app.command("now")
def scheduler_now(
    name: Annotated[str, typer.Argument(help='A name that "rushes scheduler status" shows.')],
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """Do one thing of the schedule now."""
    from core import schedule

    with workspace(where) as space:
        found = schedule.run_now(space, name)
        emit(found, as_json, [_ran(found)])
        if not found["ok"]:
            raise typer.Exit(FAILED)


@scheduler_app.command("status")
def scheduler_status(as_json: AsJson = False, where: InWorkspace = None) -> None:
    """Who runs the schedule, what is on it, and how it went last."""
    from core import schedule

    with workspace(where) as space:
        found = schedule.status(space)
        owner = found["owner"]
        lines = [f"Process {owner} is the scheduler" if owner else "No scheduler runs; start one: rushes scheduler run"]
        emit(found, as_json, [*lines, *(_line(entry) for entry in found["entries"])])


@scheduler_app.command("install")
def scheduler_install(
    show: Annotated[bool, typer.Option("--print", help="Only show the unit, write nothing.")] = False,
    enable: Annotated[bool, typer.Option("--enable", help="Let systemd run it from now on.")] = False,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """Write a systemd user unit that runs the scheduler of this workspace."""
    from dataclasses import replace

    from core.schedule import systemd

    with workspace(where) as space:
        command = [sys.executable, "-P", "-m", "tui.cli", "scheduler", "run", "--workspace", str(space.root.resolve())]
        unit = systemd.plan(space, command)
        if not show:
            systemd.write(unit)
            unit = replace(unit, written=True)
        if enable and not show:
            systemd.enable(unit)
            unit = replace(unit, enabled=True)
        steps = [] if unit.enabled else [" ".join(step) for step in unit.commands]
        lines = unit.text.splitlines() if show else [f"✓ {unit.path}", *steps]
        emit(asdict(unit), as_json, lines)
        for note in () if show else unit.notes:
            say(note)


def _ran(found: dict[str, Any]) -> str:
    said = found["said"].splitlines()[-1:] or ["done" if found["ok"] else f"exit code {found['exit_code']}"]
    return f"{'✓' if found['ok'] else '✗'} {found['name']}: {said[0]}"


def _line(entry: dict[str, Any]) -> str:
    head = f"{entry['name']:26} {entry['every']:15}"
    if not entry["available"]:
        return f"  {head} not available yet"
    mark = "▶" if entry["running"] else "✗" if entry["last_error"] else " "
    last = f"last {_when(entry['last_success'])}, next {_when(entry['next_due'])}"
    return f"{mark} {head} {last}{'; ' + entry['last_error'] if entry['last_error'] else ''}"


def _when(at: float | None) -> str:
    return "never" if at is None else time.strftime("%Y-%m-%d %H:%M", time.localtime(at))
