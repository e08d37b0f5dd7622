"""What published clips taught: insights."""

from __future__ import annotations

import typer

app = typer.Typer()
insights_app = typer.Typer(help="What published clips taught.", no_args_is_help=True)
app.add_typer(insights_app, name="insights")
