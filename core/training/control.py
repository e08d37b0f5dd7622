"""The processes that train, seen from outside: started detached, alive while they hold a lock, stopped by force.

Knows folders and processes; which job is in which state is told by `core.training.jobs`.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from core.errors import RushesError
from core.files import private_dir, write_atomic

LOCK, PID, CANCEL = "lock", "pid", "cancel"  # in a job's folder
# A killed process keeps its locks until its memory is freed, which takes a busy machine up to 2 s more.
TERM_AFTER_S, KILL_AFTER_S, GIVE_UP_AFTER_S = 1.0, 2.0, 4.0
LOOK_S = 0.02  # between looks at the lock: the kernel tells nobody when a flock becomes free


def held(path: Path) -> bool:
    """Whether some process holds this lock. A shared lock asks, so that two who ask do not see each other."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


def write_pid(folder: Path) -> None:
    """Say which process holds the job's lock; under torchrun also which one started it."""
    launcher = [os.getppid()] if "TORCHELASTIC_RUN_ID" in os.environ else []
    write_atomic(folder / PID, "\n".join(str(pid) for pid in [os.getpid(), *launcher]))


def pids(folder: Path) -> list[int]:
    """The process of the job in `folder`, and its launcher; [] if it is not written."""
    try:
        return [int(part) for part in (folder / PID).read_text().split()]
    except (OSError, ValueError):
        return []


def stop(folder: Path) -> bool:
    """End the training in `folder`, whose flag is up: wait, SIGTERM after 1 s, SIGKILL of its group after 2 s.

    Blocks for little more than 2 s, on a busy machine up to 4; returns whether nobody holds the job's lock any more.
    """
    start = time.monotonic()
    for until, sent in ((TERM_AFTER_S, signal.SIGTERM), (KILL_AFTER_S, signal.SIGKILL), (GIVE_UP_AFTER_S, None)):
        while held(folder / LOCK) and time.monotonic() - start < until:
            time.sleep(LOOK_S)
        if not held(folder / LOCK):
            return True
        if sent is not None:
            _send(folder, sent)
    return not held(folder / LOCK)


def _send(folder: Path, wanted: signal.Signals) -> None:
    # The lock is held at this moment, so the pid file names its holder and not a later process of that number.
    known = pids(folder)
    if not known or known[0] == os.getpid():
        return
    if wanted is signal.SIGTERM:
        with suppress(ProcessLookupError):
            os.kill(known[0], wanted)
        return
    for pid in _family(known):
        with suppress(ProcessLookupError, PermissionError):
            if os.getpgid(pid) == pid:
                os.killpg(pid, wanted)
            else:  # started by hand inside somebody's group
                os.kill(pid, wanted)


def _family(known: list[int]) -> list[int]:
    """The launcher first, so that it restarts nobody; torchrun gives each of its processes a group of its own."""
    import psutil

    if len(known) == 1:
        return known
    try:
        children = [child.pid for child in psutil.Process(known[1]).children(recursive=True)]
    except psutil.NoSuchProcess:
        children = []
    return [known[1], known[0], *(pid for pid in children if pid != known[0])]


def start_worker(root: Path, logs: Path, lock: int, processes: int) -> None:
    """Start a worker in a session of its own; it keeps `lock`, a file descriptor, until it ends.

    Raises:
        RushesError: the process cannot be started.
    """
    private_dir(logs)
    log = os.open(logs / "worker.log", os.O_APPEND | os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        subprocess.Popen(
            command(root, lock, processes),
            cwd=root,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=[lock],
            env=os.environ | {"PYTHONSAFEPATH": "1"},  # as -P, also for torchrun's children
        )
    except OSError as error:
        raise RushesError(f"the training process cannot be started ({error.strerror})") from None
    finally:
        os.close(log)


def command(root: Path, lock: int, processes: int) -> list[str]:
    """The worker's command line. Several processes are torchrun's children: torchrun keeps the lock for them."""
    python = [sys.executable, "-P", "-m"]
    if processes == 1:
        return [*python, "core.worker", str(root), str(lock)]
    torchrun = ["torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    return [*python, *torchrun, "-m", "core.worker", str(root), "kept"]
