"""The face detector that comes with OpenCV: Haar cascade alt2, found in every frame of GRID (docs: no download)."""

from __future__ import annotations

import threading
from pathlib import Path

import cv2

_own = threading.local()


def detector() -> cv2.CascadeClassifier:
    """This thread's detector: a cascade keeps its work in itself, so two threads must not share one."""
    if not hasattr(_own, "cascade"):
        folder = Path(cv2.__file__).parent / "data"
        _own.cascade = cv2.CascadeClassifier(str(folder / "haarcascade_frontalface_alt2.xml"))
    return _own.cascade
