"""The commands, joined to one program; without a command it opens the screens."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from core.errors import WrongUseError
from tui.commands import (
    automation,
    backup,
    dataset,
    demo,
    embeddings,
    evaluating,
    exporting,
    insights,
    keys,
    managing,
    metrics,
    models,
    posting,
    privacy,
    review,
    scheduler,
    training,
    watching,
    web,
)
from tui.commands.common import InWorkspace

app = typer.Typer(
    name="rushes",
    help="Your own video models: they watch your clips, say what they see, and learn from your corrections.",
    no_args_is_help=False,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def screens(
    context: typer.Context,
    workspace: InWorkspace = None,
    source: Annotated[
        str | None, typer.Option("--source", "-s", help="Start on this file, folder, camera or URL.")
    ] = None,
    task: Annotated[str | None, typer.Option("--task", "-t", help="Start on this task.")] = None,
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.")] = False,
) -> None:
    """Without a command: open the screens."""
    if version:
        from importlib.metadata import version as installed

        print(f"rushes {installed('rushes')}")
        raise typer.Exit
    command = context.invoked_subcommand
    for name, value in (("--task", task), ("--source", source)):
        if command and value is not None:
            # Not every command has one, and what is not used must not look as if it were.
            raise WrongUseError(
                f"{name} before `{command}` says what the screens start on",
                do=f"Write it behind the command, if it takes one: see rushes {command} --help.",
            )
    if command and workspace:
        # `rushes -w A forget B` must mean A, never whatever lies around.
        before = os.environ.get("RUSHES_WORKSPACE")
        os.environ["RUSHES_WORKSPACE"] = str(workspace)
        context.call_on_close(lambda: _back(before))
    if command is None:
        from tui.start import Start

        raise typer.Exit(Start(str(workspace) if workspace else None, source, task).run())


def _back(before: str | None) -> None:
    if before is None:
        os.environ.pop("RUSHES_WORKSPACE", None)
    else:
        os.environ["RUSHES_WORKSPACE"] = before


for commands in (
    watching,
    review,
    training,
    models,
    dataset,
    evaluating,
    metrics,
    insights,
    posting,
    embeddings,
    automation,
    scheduler,
    managing,
    backup,
    exporting,
    privacy,
    keys,
    web,
    demo,
):
    app.registered_commands += commands.app.registered_commands
    app.registered_groups += commands.app.registered_groups
