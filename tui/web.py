"""The same screens in a browser on this machine: textual-serve behind a door that opens with a token only.

The page asks no outside host for anything. Loopback is shared with other users of the machine and with every page
in the browser, so each request needs the token, as a cookie that no other site can send.
"""

from __future__ import annotations

import secrets
import shlex
import sys
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from textual_serve.server import Server

HOST = "127.0.0.1"
COOKIE = "rushes"
TEMPLATES = Path(__file__).parent / "templates"
# Only what the page itself brings; textual.js writes styles and needs its own websocket.
POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline'; img-src 'self' data:"


class Door(Server):
    """Serves one workspace.

    Args:
        root: the workspace's folder.
        port: TCP port on the loopback address.
        arguments: further arguments of `rushes`.
    """

    def __init__(self, root: Path, port: int, arguments: tuple[str, ...] = ()) -> None:
        command = [sys.executable, "-m", "tui.cli", "--workspace", str(root), *arguments]
        super().__init__(shlex.join(command), host=HOST, port=port, title="Rushes", templates_path=TEMPLATES)
        self.token = secrets.token_urlsafe(24)

    @property
    def address(self) -> str:
        """What to open in the browser."""
        return f"{self.public_url}/?token={self.token}"

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()
        app.middlewares.append(self._guard())
        return app

    def _guard(self) -> Middleware:
        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            if request.host != f"{self.host}:{self.port}":
                raise web.HTTPForbidden(text="This address is not served here.")  # a name that points at loopback
            if request.headers.get("Origin") not in (None, self.public_url):
                raise web.HTTPForbidden(text="Another page may not use this one.")
            if self._is_token(request.query.get("token")):
                answer = web.HTTPFound("/")
                answer.set_cookie(COOKIE, self.token, httponly=True, samesite="Strict")
                raise answer
            if not self._is_token(request.cookies.get(COOKIE)):
                raise web.HTTPForbidden(text="Open the address that `rushes web` printed.")
            response = await handler(request)
            if not response.prepared:
                response.headers["Content-Security-Policy"] = f"{POLICY}; connect-src ws://{request.host}"
                response.headers["Referrer-Policy"] = "no-referrer"
            return response

        return guard

    def _is_token(self, given: str | None) -> bool:
        return given is not None and secrets.compare_digest(given.encode(), self.token.encode())

    def serve(self, debug: bool = False) -> None:
        """Serve until SIGINT or SIGTERM."""
        self.debug = debug
        self.initialize_logging()
        # aiohttp calls `print` once it listens; at its start-up signals a script could not connect yet.
        web.run_app(self._make_app(), host=self.host, port=self.port, print=self._say_where)

    def _say_where(self, _: object) -> None:
        """The address goes to standard output, so that a script can open it."""
        print(self.address, flush=True)
        print("Open this address in a browser on this machine; ctrl+c ends it.", file=sys.stderr, flush=True)

    async def on_startup(self, app: web.Application) -> None:
        """Nothing is said yet; textual-serve would draw its name."""

    def initialize_logging(self) -> None:
        """Nothing is printed but the address."""
