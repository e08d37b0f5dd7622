"""Which folder is the workspace. Apart from the workspace itself: the screens need no more than this to start."""

from __future__ import annotations

import os
from pathlib import Path

MARKERS = ("rushes.toml", "rushes.db")


def find_root(flag: Path | None = None) -> tuple[Path, bool]:
    """Which folder is the workspace, and whether the user named it (DESIGN 5).

    `--workspace`, then RUSHES_WORKSPACE, then the current folder or a parent with a marker, then the user data folder.
    """
    if flag:
        return flag.expanduser().absolute(), True
    if named := os.environ.get("RUSHES_WORKSPACE"):
        return Path(named).expanduser().absolute(), True
    here = Path.cwd()
    for folder in (here, *here.parents):
        if any((folder / marker).exists() for marker in MARKERS):
            return folder, False
    from platformdirs import user_data_path

    return user_data_path("rushes"), False
