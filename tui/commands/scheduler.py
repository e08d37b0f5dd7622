"""What runs by itself: scheduler."""

from __future__ import annotations

import typer

app = typer.Typer()
scheduler_app = typer.Typer(help="What runs by itself, and when.", no_args_is_help=True)
app.add_typer(scheduler_app, name="scheduler")
