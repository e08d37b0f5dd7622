"""Backups wherever rclone reaches, Google Drive among others. The program and its accounts are the user's own."""

from __future__ import annotations

import subprocess

from core.backup.destinations import MOST, RCLONE, MissingError, too_large
from core.errors import StoreError, WrongUseError

TIMEOUT_S = 1800.0  # one pack of 32 MiB at 0.15 Mbit/s
NOT_FOUND = (3, 4)  # rclone's exit codes for a folder and a file that are not there


class Remote:
    """`rclone:remote:path`."""

    remote = True

    def __init__(self, where: str) -> None:
        self.where = where
        self.root = where.removeprefix(RCLONE).rstrip("/")
        if ":" not in self.root or self.root.startswith("-"):
            raise WrongUseError("is not of the form rclone:remote:path", where=where)
        self._known: dict[str, dict[str, int]] = {}

    def put(self, name: str, data: bytes) -> None:
        folder, _, last = name.rpartition("/")
        if self._there(folder).get(last) == len(data):
            return
        # A remote may keep the part of an upload that was cut off: the name comes when all is there.
        self._run("rcat", self._at(f"partial/{last}"), given=data)
        self._run("moveto", self._at(f"partial/{last}"), self._at(name))
        self._there(folder)[last] = len(data)

    def get(self, name: str) -> bytes:
        found = self._run("cat", "--count", str(MOST + 1), self._at(name), missing=True)
        # Some remotes answer with nothing for a file that is not there; no object of ours is empty.
        if not found:
            raise MissingError("is not there", where=self._at(name))
        if len(found) > MOST:
            raise too_large(name, len(found))
        return found

    def names(self, prefix: str) -> dict[str, int]:
        listed = self._run(
            "lsf", "--files-only", "--format", "sp", "--separator", ";", self._at(prefix), missing=True
        ) or b""  # fmt: skip
        found: dict[str, int] = {}
        for line in listed.decode(errors="replace").splitlines():
            size, _, name = line.partition(";")
            found[name] = int(size)
        self._known[prefix] = found
        return dict(found)

    def delete(self, name: str) -> None:
        folder, _, last = name.rpartition("/")
        if last in self._there(folder):  # rclone has no exit code of its own for a file that is not there
            self._run("deletefile", self._at(name))
            del self._there(folder)[last]

    def _there(self, folder: str) -> dict[str, int]:
        if folder not in self._known:
            self.names(folder)
        return self._known[folder]

    def _at(self, name: str) -> str:
        return f"{self.root}/{name}" if name else self.root

    def _run(self, *arguments: str, given: bytes = b"", missing: bool = False) -> bytes | None:
        """What the program wrote; None where the object is missing and that is allowed."""
        command = ["rclone", "--quiet", "--retries", "3", *arguments]
        try:
            ended = subprocess.run(command, input=given, capture_output=True, timeout=TIMEOUT_S, check=False)
        except FileNotFoundError:
            raise StoreError("rclone is not installed", where=self.where, do="See https://rclone.org") from None
        except subprocess.TimeoutExpired:
            raise StoreError(f"rclone did not answer within {TIMEOUT_S:g} s", where=self.where) from None
        if ended.returncode in NOT_FOUND and missing:
            return None
        if ended.returncode:
            said = ended.stderr.decode(errors="replace").strip().splitlines()[-1:]
            what = f"rclone {arguments[0]} failed: {said[0] if said else f'exit code {ended.returncode}'}"
            raise StoreError(what, where=self.where, do="Try it by hand, and see: rclone config")
        return ended.stdout
