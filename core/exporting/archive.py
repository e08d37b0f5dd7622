"""A tar archive with the same bytes for the same content: names in order, no owner, no time; its manifest comes last.

Reading one back, which may be anybody's, is `unpacking`.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from core.errors import CancelledError, StoreError
from core.exporting.items import Report, Stop
from core.files import replacing

FORMAT, SCHEMA_VERSION = "rushes dataset", 1
MANIFEST, INDEX = "manifest.json", "index.jsonl"
# Texts are a tenth of their size when compressed; small ones stay readable by eye.
COMPRESS_FROM = 1 << 20
TEXTS = (".jsonl", ".csv", ".json")
Content = Path | bytes


def write(
    target: Path,
    members: Mapping[str, Content],
    about: Mapping[str, Any],
    *,
    report: Report,
    stop: Stop,
    check: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Write the archive; it takes its place when it is whole. Returns the manifest.

    Args:
        members: path inside the archive -> its bytes, or the file that has them.
        about: the manifest without its list of files.
        check: is asked before it takes its place; what it raises leaves nothing there.

    Raises:
        StoreError: a file went or the disk has no room.
        CancelledError: `stop` said so; nothing is there.
    """
    packed = {packed_name(name, content): _packed(name, content) for name, content in members.items()}
    total = sum(_size(content) for content in packed.values())
    _require_room(target, total)
    files: dict[str, dict[str, Any]] = {}
    done = 0
    try:
        with replacing(target) as temporary, tarfile.open(temporary, "w", format=tarfile.PAX_FORMAT) as tar:
            for name in sorted(packed):
                files[name] = _add(tar, name, packed[name], stop)
                done += files[name]["bytes"]
                report(done / total if total else 1.0)
            manifest = {"format": FORMAT, "schema_version": SCHEMA_VERSION, **about, "files": files}
            _add(tar, MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1).encode(), stop)
            check()
    except OSError as error:
        raise StoreError(
            f"cannot be exported ({error.strerror or error})", where=error.filename or target, do="Nothing was written."
        ) from None
    return manifest


def packed_name(name: str, content: Content) -> str:
    """How a member is called: large texts are compressed one by one."""
    return f"{name}.gz" if name.endswith(TEXTS) and _size(content) >= COMPRESS_FROM else name


def _packed(name: str, content: Content) -> Content:
    if packed_name(name, content) == name:
        return content
    # Level 6, no time: the same bytes each time.
    return gzip.compress(content if isinstance(content, bytes) else content.read_bytes(), 6, mtime=0)


def _size(content: Content) -> int:
    try:
        return len(content) if isinstance(content, bytes) else content.stat().st_size
    except OSError as error:
        raise StoreError(f"cannot be read ({error.strerror})", where=error.filename) from None


def _require_room(target: Path, size: int) -> None:
    there = next(folder for folder in target.absolute().parents if folder.exists())
    if shutil.disk_usage(there).free < size:
        raise StoreError(f"has no room for {size} bytes", where=there, do="Choose another place with --to.")


def _add(tar: tarfile.TarFile, name: str, content: Content, stop: Stop) -> dict[str, Any]:
    info = tarfile.TarInfo(name)
    info.mode = 0o600
    if isinstance(content, bytes):
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
        return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": info.size}
    with content.open("rb") as file:
        info.size = content.stat().st_size
        counted = Hashed(file, stop)
        tar.addfile(info, counted)  # pyright: ignore[reportArgumentType]  # only `read` is needed
        return {"sha256": counted.hash.hexdigest(), "bytes": info.size}


class Hashed:
    """A file that is hashed while it is read, and that can be told to stop."""

    def __init__(self, file: IO[bytes], stop: Callable[[], bool]) -> None:
        self._file, self._stop = file, stop
        self.hash = hashlib.sha256()

    def read(self, count: int = -1) -> bytes:
        if self._stop():
            raise CancelledError("stopped")
        data = self._file.read(count)
        self.hash.update(data)
        return data
