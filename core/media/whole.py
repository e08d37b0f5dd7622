"""Does a file end where its own structure says it ends? Bytes only, nothing is decoded.

libav reads a shortened AVI, Matroska or MPEG program stream without a word; these checks refuse it before that.
A container that makes no claim (a recording killed half-way, a browser's live webm) passes.
"""

from __future__ import annotations

import mmap
from pathlib import Path

TAIL_PACKETS = 256  # packets of an MPEG stream whose last pictures are looked at; 0.5 MB at 2 KB each
PICTURE = b"\x00\x00\x01\x00"
PADDING = 0xBE
UNKNOWN_32 = {0, 0xFFFFFFFF}
EBML, SEGMENT = b"\x1aE\xdf\xa3", b"\x18S\x80g"


def is_cut_short(path: Path) -> bool:
    """Whether bytes are missing at the end of a video file; False for kinds this does not know."""
    size = path.stat().st_size
    if size < 16:
        return False
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        head = data[:12]
        if head[:4] == b"RIFF":
            return _riff(data, size)
        if head[4:8] in {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"}:
            return _boxes(data, size)
        if head[:4] == EBML:
            return _matroska(data, size)
        if head[:4] == b"\x00\x00\x01\xba":
            return _program_stream(data, size)
        if head[:4] == b"\x00\x00\x01\xb3":
            return not _ends_with_whole_picture(data[max(0, size - TAIL_PACKETS * 2048) :])
    return False


def _riff(data: mmap.mmap, size: int) -> bool:
    """AVI: one or more RIFF chunks (OpenDML) of stated length, the first 0 or -1 while it is being written."""
    at = 0
    while at + 8 <= size and data[at : at + 4] == b"RIFF":
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        if length in UNKNOWN_32:
            return False
        at += 8 + length + (length & 1)
    return at > size + 1


def _boxes(data: mmap.mmap, size: int) -> bool:
    """MP4 and QuickTime: top-level boxes must tile the file and one of them must be the index (moov)."""
    at, indexed = 0, False
    while at + 8 <= size:
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        indexed = indexed or kind == b"moov"
        if length == 1:
            length = int.from_bytes(data[at + 8 : at + 16], "big")
        if length == 0:  # "to the end of the file"
            return not indexed
        if length < 8:
            break
        at += length
    return at > size or not indexed


def _ebml_size(data: mmap.mmap, at: int) -> tuple[int | None, int]:
    """A variable-length integer: (value or None for "unknown", bytes used)."""
    first = data[at]
    if first == 0:
        return None, 1
    used = 9 - first.bit_length()
    value = int.from_bytes(data[at : at + used], "big") & ((1 << (7 * used)) - 1)
    return (None if value == (1 << (7 * used)) - 1 else value), used


def _matroska(data: mmap.mmap, size: int) -> bool:
    """Matroska and WebM: the segment states its length, unless it was written live."""
    header, used = _ebml_size(data, 4)
    at = 4 + used + (header or 0)
    if header is None or at + 12 > size or data[at : at + 4] != SEGMENT:
        return True
    length, used = _ebml_size(data, at + 4)
    return length is not None and at + 4 + used + length > size


def _program_stream(data: mmap.mmap, size: int) -> bool:
    """MPEG-1/2 program streams state no length: walk the packets, then look at how the last picture ends."""
    at, last, video = 0, 0, list[tuple[int, int]]()
    while at + 4 <= size and data[at : at + 3] == b"\x00\x00\x01":
        kind = data[at + 3]
        if kind == 0xB9:
            return False
        if kind == 0xBA:
            if at + 14 > size:
                return True
            at += 12 if data[at + 4] & 0xF0 == 0x20 else 14 + (data[at + 13] & 7)
            continue
        end = at + 6 + int.from_bytes(data[at + 4 : at + 6], "big")
        if end > size:
            return True
        if 0xE0 <= kind <= 0xEF:
            video.append((at, end))
        last = 0 if kind == PADDING else end - at
        at = end
    if size - at < 4 and any(data[at:size]):
        return True
    # Writers pad the last 2 KB sector; a film fills it to the byte once in 2,000 times.
    if last > 1024 and at % 2048 == 0:
        return True
    if not video:
        return False
    return not _ends_with_whole_picture(b"".join(_payload(data, *span) for span in video[-TAIL_PACKETS:]))


def _payload(data: mmap.mmap, start: int, end: int) -> bytes:
    """A packet without its header (ISO 11172-1 for MPEG-1, 13818-1 for MPEG-2)."""
    at = start + 6
    if data[at] & 0xC0 == 0x80:
        return data[at + 3 + data[at + 2] : end]
    while at < end and data[at] == 0xFF:
        at += 1
    if data[at] & 0xC0 == 0x40:
        at += 2
    mark = data[at] & 0xF0
    return data[at + (5 if mark == 0x20 else 10 if mark == 0x30 else 1) : end]


def _last_slice(picture: bytes) -> int:
    """The number of the last slice (row of macroblocks) started in a picture, 0 if none."""
    last, at = 0, picture.find(b"\x00\x00\x01", 4)
    while 0 <= at < len(picture) - 3:
        if 1 <= picture[at + 3] <= 0xAF:
            last = picture[at + 3]
        at = picture.find(b"\x00\x00\x01", at + 3)
    return last


def _ends_with_whole_picture(stream: bytes) -> bool:
    """An end code, or a last picture that reaches the same row as the ones before it."""
    if stream.rstrip(b"\x00").endswith((b"\x01\xb7", b"\x01\xb9")):
        return True
    pictures = [part for part in stream.split(PICTURE)[1:] if part]
    if len(pictures) < 2:
        return True
    return _last_slice(PICTURE + pictures[-1]) >= max(_last_slice(PICTURE + part) for part in pictures[:-1])
