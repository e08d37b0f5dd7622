"""Erasing what is to be forgotten: forget."""

from __future__ import annotations

import typer

app = typer.Typer()
