"""The screens in a browser: web."""

from __future__ import annotations

import socket
from typing import Annotated

import typer

from core.errors import RushesError
from tui.commands.common import InWorkspace

app = typer.Typer()


@app.command()
def web(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on this machine; 0 takes a free one.")] = 0,
    where: InWorkspace = None,
) -> None:
    """The screens in a browser on this machine; nobody else can reach them."""
    from core.workspace import find_root
    from tui.web import HOST, Door

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise RushesError(f"port {port} cannot be used ({error.strerror})", do="Choose another --port.") from None
        port = probe.getsockname()[1]
    Door(find_root(where)[0], port).serve()
