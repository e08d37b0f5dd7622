"""The process that does one due thing: `python -P -m core.schedule WORKSPACE NAME`.

Exit codes: 0 done, 1 failed (the reason is in schedule_state and on standard error), 75 it runs already.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from core import loop
from core.errors import RushesError
from core.files import locked
from core.log import bug, logger, new_correlation
from core.privacy import resume
from core.schedule import due, state
from core.visible import visible
from core.workspace import Workspace

RUNS_ALREADY = 75  # sysexits.h: try again later


def main(root: Path, name: str) -> int:
    """Do the work of the entry and write down how it went."""
    space = loop.open_workspace(root, create=False)
    try:
        with locked(state.run_lock(space, name), blocking=False):
            return _work(space, name)
    except BlockingIOError:
        print(f"{name} runs already", file=sys.stderr)
        return RUNS_ALREADY
    finally:
        space.close()


def _work(space: Workspace, name: str) -> int:
    new_correlation()
    if problem := resume(space):
        logger.warning("%s", problem)
    now = time.time()
    state.write(space, name, last_started=now, pid=os.getpid(), heartbeat=now)
    try:
        entry = due.find(space.settings, name)
        if entry is None:
            raise RushesError("is not scheduled any more", where=name)
        said = entry.work()(space, name)
    except RushesError as error:
        return _failed(space, name, error.sentence())
    except Exception as error:  # a bug must become this entry's state instead of a process that just ends
        return _failed(space, name, f"an unexpected error; the log has it under {bug(error)}")
    logger.info("%s: %s", name, said)
    print(visible(said))
    state.write(space, name, last_success=time.time(), last_error=None)
    return 0


def _failed(space: Workspace, name: str, why: str) -> int:
    logger.warning("%s failed: %s", name, why)
    print(visible(why), file=sys.stderr)
    state.write(space, name, last_error=why)
    return 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
