"""What lies in a folder, to see that nothing of it was touched."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


def tree(root: Path) -> dict[str, str]:
    """All names below, with what they are; of files the hash."""
    found: dict[str, str] = {}
    for place, folders, names in os.walk(root):
        for name in (*folders, *names):
            path = Path(place) / name
            if path.is_symlink():
                kind = f"-> {os.readlink(path)}"
            elif path.is_file():
                kind = hashlib.sha256(path.read_bytes()).hexdigest()
            else:
                kind = "folder" if path.is_dir() else "other"
            found[str(path.relative_to(root))] = kind
    return found
