"""Taking answers, clips and versions to other programs, and back: export."""

from __future__ import annotations

import typer

app = typer.Typer()
