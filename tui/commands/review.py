"""What is asked about next, and why: review."""

from __future__ import annotations

import typer

app = typer.Typer()
review_app = typer.Typer(help="What to look at next, and what the answers show.", no_args_is_help=True)
app.add_typer(review_app, name="review")
