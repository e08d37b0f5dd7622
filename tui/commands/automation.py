"""The automation gate and what waits for approval: automation."""

from __future__ import annotations

import typer

app = typer.Typer()
automation_app = typer.Typer(help="Whether clips may be published without asking.", no_args_is_help=True)
app.add_typer(automation_app, name="automation")
