"""Somebody else's model is looked at and run for the first time in a process of its own, with memory and time bounded.

A file of a few bytes can ask for any amount of both, or bring the runtime down; here that ends the trial alone.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core import errors, untrusted
from core.errors import ModelError, RushesError

SECONDS = 60  # of one core; the models that answer in a terminal take less than one
MEMORY = 4 << 30  # bytes of address space beside the file's own size; Python and the runtime need 1.5 GB of it
COPIES = 8  # of its weights that a runtime holds while it prepares them
KINDS = ("ModelError", "WrongUseError", "RushesError")


def run(module: str, request: Any, path: Path) -> Any:
    """What a module's `trial(request)` answers in a process of its own.

    Args:
        module: started as `python -m module`; it calls `serve`.
        request: what JSON can hold.
        path: the model, for the messages and the bounds.

    Raises:
        RushesError: what the trial raised; or, as ModelError, that it took too long, too much memory, or broke.
    """
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-P", "-m", module, str(MEMORY + COPIES * path.stat().st_size), str(SECONDS)]
    try:
        ran = subprocess.run(
            command, input=json.dumps(request).encode(), capture_output=True, timeout=2 * SECONDS, check=False,
            env=environment,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise ModelError(f"did not answer a plain input within {2 * SECONDS} s", where=path) from None
    try:
        found = untrusted.loads(ran.stdout)
    except ValueError:
        what = "cannot be run: it asks for more memory or time than a model may, or breaks the runtime"
        raise ModelError(what, where=path, do="Use another model.") from None
    if "error" in found:
        kind, what, where, do = found["error"]
        raise getattr(errors, kind)(what, where=where, do=do)
    return found["found"]


def serve(trial: Callable[[Any], Any]) -> None:
    """The other side of `run`."""
    memory, seconds = int(sys.argv[1]), int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    out = os.dup(1)
    os.dup2(2, 1)  # what the runtime prints is no answer
    try:
        answer: dict[str, Any] = {"found": trial(json.loads(sys.stdin.buffer.read()))}
    except RushesError as error:
        kind = type(error).__name__
        answer = {"error": [kind if kind in KINDS else "RushesError", error.what, error.where, error.do]}
    os.write(out, json.dumps(answer).encode())
