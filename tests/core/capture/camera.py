"""A simulated network camera: JPEG pictures over HTTP as multipart, the way cheap real ones send them."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import cv2
import numpy as np

from core.media.clip import Frames


@contextmanager
def camera(frames: Frames, *, fps: float = 25.0, pictures: int | None = None) -> Generator[str]:
    """The URL of a camera that repeats `frames` at `fps`; after `pictures` of them it hangs up."""
    done = Event()
    jpegs = [cv2.imencode(".jpg", np.ascontiguousarray(frame[..., ::-1]))[1].tobytes() for frame in frames]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=picture")
            self.end_headers()
            sent = 0
            try:
                while not done.is_set() and (pictures is None or sent < pictures):
                    jpeg = jpegs[sent % len(jpegs)]
                    head = f"--picture\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                    self.wfile.write(head.encode() + jpeg + b"\r\n")
                    sent += 1
                    done.wait(1 / fps)
            except (BrokenPipeError, ConnectionResetError):
                return  # the viewer left

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's own name
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/video"
    finally:
        done.set()
        server.shutdown()
        server.server_close()
        thread.join()
