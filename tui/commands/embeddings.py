"""Vectors of samples and posts: embeddings."""

from __future__ import annotations

import typer

app = typer.Typer()
embeddings_app = typer.Typer(help="Vectors: what is alike.", no_args_is_help=True)
app.add_typer(embeddings_app, name="embeddings")
