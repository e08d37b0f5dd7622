"""A systemd user unit that runs the scheduler of one workspace without anybody at the keyboard."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_config_path

from core.errors import RushesError, WrongUseError
from core.files import write_atomic
from core.workspace import Workspace

# What a hook, a model or a training process needs stays allowed: files, devices, the network, memory that is
# written and then run (torch and ONNX Runtime).
_UNIT = """\
[Unit]
Description=Rushes: what runs by itself in {shown}
Documentation=man:systemd.service(5)

[Service]
Type=exec
ExecStart={command}
WorkingDirectory={root}
Restart=on-failure
RestartSec=30
# Ends the scheduler, not a training that it started.
KillMode=process
TimeoutStopSec=30
UMask=0077
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native

[Install]
WantedBy=default.target
"""


@dataclass(frozen=True, slots=True)
class Installed:
    """A unit: where it lies, its text, what to type next, and what to know.

    Attributes:
        written: whether the file is there now.
        enabled: whether systemd runs it now.
    """

    unit: str
    path: str
    text: str
    commands: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]
    written: bool = False
    enabled: bool = False


def plan(space: Workspace, command: Sequence[str]) -> Installed:
    """The unit for a workspace; writes nothing.

    Args:
        command: what starts the scheduler, its program with its absolute path.

    Raises:
        WrongUseError: the workspace's path cannot be written into a unit.
    """
    root = str(space.root.resolve())
    if not all(sign.isprintable() for sign in "".join((root, *command))):
        raise WrongUseError("the path holds signs that systemd does not take", where=repr(root))
    slug = re.sub(r"[^A-Za-z0-9]+", "-", space.root.name).strip("-")[:30] or "workspace"
    unit = f"rushes-{slug}-{hashlib.sha256(root.encode()).hexdigest()[:8]}.service"
    plain = root.replace("%", "%%")
    text = _UNIT.format(shown=plain, command=" ".join(quoted(part) for part in command), root=plain)
    notes = ["It runs while you are logged in; to run it always: loginctl enable-linger"]
    if shutil.which("systemctl") is None:
        notes.append("There is no systemd here; the unit waits for a machine that has it.")
    steps = (("systemctl", "--user", "daemon-reload"), ("systemctl", "--user", "enable", "--now", unit))
    return Installed(unit, str(user_config_path() / "systemd" / "user" / unit), text, steps, tuple(notes))


def quoted(part: str) -> str:
    """One word of ExecStart: quotes, backslashes, variables and specifiers mean themselves."""
    return '"' + part.replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$").replace("%", "%%") + '"'


def write(installed: Installed) -> None:
    """Put the unit into its place.

    Raises:
        RushesError: the file cannot be written.
    """
    try:
        write_atomic(Path(installed.path), installed.text)
    except OSError as error:
        raise RushesError(f"the unit cannot be written ({error.strerror})", where=installed.path) from None


def enable(installed: Installed) -> None:
    """Let systemd run it from now on.

    Raises:
        RushesError: there is no systemd, or it refused.
    """
    for command in installed.commands:
        try:
            ended = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError as error:
            raise RushesError(f"{command[0]} cannot be started ({error.strerror})", where=installed.unit) from None
        if ended.returncode:
            raise RushesError(f"{' '.join(command)} failed: {ended.stderr.strip()}", where=installed.unit)
