"""A network camera that takes the call and then sends nothing: whoever captures from it hangs."""

from __future__ import annotations

import socket
from collections.abc import Generator
from contextlib import contextmanager
from threading import Event, Thread


@contextmanager
def silent_camera() -> Generator[tuple[str, Event]]:
    """Its URL, and an event that is set when somebody has called."""
    called = Event()
    server = socket.create_server(("127.0.0.1", 0))
    callers: list[socket.socket] = []

    def answer() -> None:
        while True:
            try:
                callers.append(server.accept()[0])
            except OSError:
                return  # closed
            called.set()

    thread = Thread(target=answer)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/video", called
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()
        for caller in callers:
            caller.close()
