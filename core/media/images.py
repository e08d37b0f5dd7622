"""Still images: read with their orientation applied, refused when bytes are missing."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import cast

import cv2
import numpy as np
from PIL import Image as Pillow
from PIL import ImageOps, UnidentifiedImageError

from core.errors import MediaError
from core.media.clip import Image
from core.media.container import NOT_MEDIA, check_file, refuse_large
from core.media.names import shown

MAX_FILE = 200 << 20  # bytes
FORMATS = ("BMP", "JPEG", "PNG", "WEBP")

# Our own limit refuses such files; Pillow's own is another one, and its warning would be printed over the screen.
Pillow.MAX_IMAGE_PIXELS = None


def read_image(path: Path, *, max_side: int | None = None) -> Image:
    """(H, W, 3) uint8 RGB, the longer side at most `max_side` pixels.

    Pillow, not OpenCV: libpng and libjpeg write to standard error there, over the screen.

    Raises:
        MediaError: no image, cut short, or too large.
    """
    check_file(path)
    if path.stat().st_size > MAX_FILE:
        raise MediaError(f"is larger than {MAX_FILE >> 20} MB", where=shown(path))
    data = path.read_bytes()
    if _is_cut_short(data):
        raise MediaError("is cut short", where=shown(path), do="Copy or export it again")
    try:
        with Pillow.open(io.BytesIO(data), formats=FORMATS) as image:
            refuse_large(image.width, image.height, path)
            return shrink(_rgb(image), max_side)
    except UnidentifiedImageError as error:
        raise MediaError(NOT_MEDIA, where=shown(path)) from error
    except (OSError, SyntaxError, ValueError, IndexError, struct.error) as error:
        raise MediaError("is damaged and cannot be decoded", where=shown(path)) from error


def _rgb(image: Pillow.Image) -> Image:
    """Upright, three channels of 8 bits."""
    if image.mode.startswith("I;16"):  # 16 bits: Pillow's own conversion would clip to 255
        grey = (np.asarray(image) >> 8).astype(np.uint8)
        return np.repeat(grey[..., np.newaxis], 3, axis=2)
    return np.array(ImageOps.exif_transpose(image).convert("RGB"), dtype=np.uint8)


def shrink(image: Image, max_side: int | None) -> Image:
    """Scale down by area so that the longer side is at most `max_side` pixels; never up."""
    height, width = image.shape[:2]
    if max_side is None or max(height, width) <= max_side:
        return image
    scale = max_side / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cast("Image", cv2.resize(image, size, interpolation=cv2.INTER_AREA))


def _is_cut_short(data: bytes) -> bool:
    """Decoders fill the missing half with grey; the formats' own end marks and lengths tell."""
    if data[:3] == b"\xff\xd8\xff":  # inside a scan FF is escaped, so the last scan's end mark comes after its start
        return data.rfind(b"\xff\xd9") < data.rfind(b"\xff\xda") or b"\xff\xda" not in data
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return b"IEND" not in data[-4096:]
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return int.from_bytes(data[4:8], "little") + 8 > len(data)
    if data[:2] == b"BM" and len(data) > 14:
        return int.from_bytes(data[2:6], "little") > len(data)
    return False
