"""A process that backs up, or writes, until it is killed: `-m tests.core.backup.child backup|write ROOT [DEST]`."""

from __future__ import annotations

import sys
from pathlib import Path

from core import backup, loop


def main(what: str, root: Path, place: str) -> None:
    space = loop.open_workspace(root)
    if what == "backup":
        backup.now(space, [place], report=lambda done, of: print(f"{done}/{of}", flush=True))
    number = 0
    while what == "write":
        space.store.note("tick", {"number": number})
        (space.data / "videos" / f"tick{number}.bin").write_bytes(str(number).encode())
        print(number, flush=True)
        number += 1


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else "")
