"""How published clips did: metrics."""

from __future__ import annotations

import typer

app = typer.Typer()
metrics_app = typer.Typer(help="How published clips did.", no_args_is_help=True)
app.add_typer(metrics_app, name="metrics")
