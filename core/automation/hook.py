"""The user's own way of publishing: a program fed JSON on its standard input, or an address that gets it as a POST.

Only settings of the user, or of a workspace the user trusts, name one (`core.settings.SENDING`).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from core.errors import RushesError
from core.log import logger
from core.workspace import Workspace

if TYPE_CHECKING:
    import httpx

KEPT = 4000  # bytes of what a hook says that are kept: of a command the end, of a webhook the begin


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a hook ended. "unknown": it may have published before it was cut off."""

    state: Literal["published", "failed", "unknown"]
    detail: str


def kind(space: Workspace) -> Literal["command", "webhook"] | None:
    """Which hook is set.

    Raises:
        RushesError: both are, and they would publish twice.
    """
    wanted = space.settings.automation
    if wanted.command and wanted.webhook:
        raise RushesError("automation.command and automation.webhook are both set", do="Keep one of them.")
    return "command" if wanted.command else "webhook" if wanted.webhook else None


def run(space: Workspace, request: dict[str, Any]) -> Outcome:
    """Publish once. Waits for the hook's end, at most `automation.timeout_s`.

    Raises:
        RushesError: no hook is set, or two.
    """
    match kind(space):
        case "command":
            return _command(space, request)
        case "webhook":
            return _webhook(space, request)
        case None:
            raise no_hook()


def no_hook() -> RushesError:
    """What to say where nothing can publish."""
    return RushesError(
        "no way to publish is set",
        do='Set automation.command = ["program", "argument"] or automation.webhook = "https://..." in your settings.',
    )


def _command(space: Workspace, request: dict[str, Any]) -> Outcome:
    wanted = space.settings.automation
    program = wanted.command[0]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        try:
            child = subprocess.Popen(
                wanted.command, cwd=space.root, stdin=subprocess.PIPE, stdout=out, stderr=err, start_new_session=True
            )
        except (OSError, ValueError) as error:  # ValueError: a word of the command holds a NUL
            return Outcome("failed", f"{program} cannot be started ({getattr(error, 'strerror', error)})")
        timed_out = False
        try:
            child.communicate(json.dumps(request, ensure_ascii=False).encode(), timeout=wanted.timeout_s)
        except subprocess.TimeoutExpired:
            timed_out = True
        finally:
            _end(child)
        said, complained = _tail(out), _tail(err)
    if complained:
        logger.info("the publishing command wrote: %s", complained)
    if timed_out:
        return Outcome("unknown", f"{program} did not end within {wanted.timeout_s:g} s and was stopped")
    if child.returncode:
        last = complained.splitlines()[-1:] or [""]
        return Outcome("failed", f"{program} ended with exit code {child.returncode}. {last[0]}".rstrip(". "))
    return Outcome("published", said)


def _end(child: subprocess.Popen[bytes]) -> None:
    """Stop a hook that still runs, and what it started."""
    if child.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _tail(file: IO[bytes]) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - KEPT, 0))
    return file.read().decode(errors="replace").strip()


def _webhook(space: Workspace, request: dict[str, Any]) -> Outcome:
    import httpx  # 60 ms

    wanted = space.settings.automation
    address = wanted.webhook or ""
    where = _shown(address)
    # Services that know the header take a repeated post for the same one.
    headers = {"Idempotency-Key": str(request["id"])}
    deadline = time.monotonic() + wanted.timeout_s
    try:
        with httpx.stream("POST", address, json=request, headers=headers, timeout=wanted.timeout_s) as answer:
            status, said = answer.status_code, _begin(answer, deadline)
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
        return Outcome("failed", f"{where} cannot be reached ({type(error).__name__})")
    except httpx.HTTPError as error:
        return Outcome("unknown", f"{where} was asked and did not answer ({type(error).__name__})")
    logger.info("the webhook %s answered %d", where, status)
    if not 200 <= status < 300:
        return Outcome("failed", f"{where} answered {status}")
    return Outcome("published", said)


def _begin(answer: httpx.Response, deadline: float) -> str:
    """The begin of what a webhook says, as far as it came in time: how it ended is known from its status."""
    import httpx

    said = bytearray()
    with suppress(httpx.HTTPError):
        for block in answer.iter_bytes():
            said += block
            if len(said) >= KEPT or time.monotonic() > deadline:
                break
    return said[:KEPT].decode(errors="replace").strip()


def _shown(address: str) -> str:
    """An address without what may be secret in it: user, password, path and query."""
    try:
        parts = urlsplit(address)
        return f"{parts.scheme}://{parts.hostname or ''}"
    except ValueError:
        return "the webhook's address"
