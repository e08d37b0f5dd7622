"""Finding faces with the cascades that come with OpenCV: no download; frontal alt2 finds one in every frame of GRID."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float64]  # (N, 4): x, y, w, h in pixels
Kind = Literal["frontalface_alt2", "profileface"]

# The mouth within a frontal face box: centre at (1/2, 0.80), 0.56 wide, half as high as wide.
CENTRE_DOWN, MOUTH_WIDE = 0.80, 0.56

_own = threading.local()


def detector(kind: Kind = "frontalface_alt2") -> cv2.CascadeClassifier:
    """This thread's detector: a cascade keeps its work in itself, so two threads must not share one."""
    held: dict[str, cv2.CascadeClassifier] = _own.__dict__
    if kind not in held:
        held[kind] = cv2.CascadeClassifier(str(Path(cv2.__file__).parent / "data" / f"haarcascade_{kind}.xml"))
    return held[kind]


def every_face(grey: NDArray[np.uint8], smallest: int = 20) -> tuple[Boxes, Boxes]:
    """Every face in a grey picture: those seen from the front, and those seen from a side.

    Three neighbouring hits are enough here (four where a mouth is followed): a false face costs a blurred patch,
    a missed one shows somebody.

    Args:
        smallest: width of the smallest face looked for, in pixels of `grey`.
    """
    return found("frontalface_alt2", grey, smallest), sides(grey, smallest)


def sides(grey: NDArray[np.uint8], smallest: int, largest: int | None = None, neighbours: int = 3) -> Boxes:
    """Faces seen from a side; the cascade knows only one profile, so the picture is searched mirrored as well."""
    one = found("profileface", grey, smallest, largest, neighbours)
    other = found("profileface", np.ascontiguousarray(grey[:, ::-1]), smallest, largest, neighbours)
    other[:, 0] = grey.shape[1] - other[:, 0] - other[:, 2]
    return np.concatenate([one, other])


def found(kind: Kind, grey: NDArray[np.uint8], smallest: int, largest: int | None = None, neighbours: int = 3) -> Boxes:
    """What one cascade takes for faces in a grey picture, `smallest` to `largest` pixels wide."""
    most = (largest, largest) if largest else (0, 0)  # (0, 0): any
    boxes = detector(kind).detectMultiScale(grey, 1.1, neighbours, minSize=(smallest, smallest), maxSize=most)
    return np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
