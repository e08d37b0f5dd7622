"""A real HTTP proxy before a bucket's server, that fails, stalls and lies when told to."""

from __future__ import annotations

import http.client
import socket
import struct
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

HOP = ("connection", "transfer-encoding", "content-length", "keep-alive")


@dataclass
class Fault:
    """What goes wrong.

    Attributes:
        kind: "500", "503", "403": such an answer. "reset": the line breaks in the middle of the answer's body. "stall":
            no answer at all. "short": a shorter body, and its length is given so. "altered": a byte of the answer's
            body is another. "altered upload": a byte of what is stored is another. "swallowed": it is said to be
            stored, and is not. "lied": it is stored, and another checksum is said.
        method: of the requests that it befalls.
        place: a part of their path.
        times: how often, then all is well.
    """

    kind: str
    method: str = ""
    place: str = ""
    times: int = 1 << 30
    met: int = 0

    def befalls(self, method: str, path: str) -> bool:
        if method != (self.method or method) or self.place not in path or self.met >= self.times:
            return False
        self.met += 1
        return True


class Proxy(ThreadingHTTPServer):
    """Passes requests on to `server`; `fault` may be set at any time."""

    daemon_threads = True

    def __init__(self, server: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.server_parts = urlsplit(server)
        self.fault: Fault | None = None
        self.over = threading.Event()  # ends what stalls

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """The other side went away: that is what is tried here."""

    @contextmanager
    def failing(self, fault: Fault) -> Generator[Fault]:
        """Let it go wrong for a while."""
        self.fault = fault
        try:
            yield fault
        finally:
            self.fault = None
            self.over.set()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy  # pyright: ignore[reportIncompatibleVariableOverride]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Not on the screen."""

    def _pass(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        fault = self.server.fault
        kind = fault.kind if fault and fault.befalls(self.command, self.path) else ""
        if kind.isdigit():
            code = {"500": "InternalError", "503": "SlowDown", "403": "AccessDenied"}[kind]
            return self._answer(int(kind), {}, f"<Error><Code>{code}</Code></Error>".encode())
        if kind == "stall":
            self.server.over.wait(60)
            self.close_connection = True
            return None
        if kind == "swallowed":
            return self._answer(200, {"ETag": '"d41d8cd98f00b204e9800998ecf8427e"'}, b"")
        if kind == "altered upload":
            body = _altered(body)
        status, headers, answer = self._forward(body)
        if kind == "lied":
            headers["x-amz-checksum-sha256"] = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
        if kind == "altered":
            answer = _altered(answer)
        if kind == "short":
            answer = answer[: len(answer) // 2]
        return self._answer(status, headers, answer, reset=kind == "reset")

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _pass  # noqa: N815 - the names are the base class's

    def _forward(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        parts = self.server.server_parts
        line = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() != "expect"}
            line.request(self.command, self.path, body, headers)
            found = line.getresponse()
            length = found.headers.get("Content-Length", "0")
            self.length = int(length)
            return (
                found.status,
                {name: value for name, value in found.getheaders() if name.lower() not in HOP},
                (found.read()),
            )
        finally:
            line.close()

    def _answer(self, status: int, headers: dict[str, str], body: bytes, *, reset: bool = False) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(self.length if self.command == "HEAD" else len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if reset:
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            # Closing at once with unsent data lost is a reset, not an end.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            return
        self.wfile.write(body)

    length = 0


def _altered(body: bytes) -> bytes:
    middle = len(body) // 2
    return body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :] if body else body
