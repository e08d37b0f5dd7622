"""Before publishing: how a clip may do, and when to post it. Part of `insights`."""

from __future__ import annotations

import typer

from tui.commands.insights import insights_app

app = typer.Typer()  # its commands join `insights_app`
__all__ = ["app", "insights_app"]
