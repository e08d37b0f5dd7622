"""Making a backup at every destination. A killed one leaves packs that no backup names; the next one uses them."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from core.backup import history, keys
from core.backup.destinations import OWN, Destination, MissingError, at, chosen
from core.backup.folder import Folder
from core.backup.formats import LABEL, File, LeftOut, Manifest
from core.backup.freeze import Frozen, Source, frozen, source_of, walk
from core.backup.hashes import Content, Hashes
from core.backup.vault import Vault, order
from core.backup.writing import Writer
from core.errors import CancelledError, RushesError, StoreError, WrongUseError
from core.files import locked
from core.log import logger
from core.store.identity import new_id
from core.workspace import Workspace

Report = Callable[[int, int], None]  # files done, of how many
Stop = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Stored:
    """How one destination took it: chunks and bytes that were new there, or why it did not."""

    where: str
    encrypted: bool
    new_blobs: int = 0
    bytes: int = 0
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """A backup: files and bytes it stands for, what was new over all destinations.

    Attributes:
        bytes: newly stored; `size` is that of all files.
        encrypted: at every destination.
    """

    id: str
    files: int
    new_blobs: int
    bytes: int
    seconds: float
    encrypted: bool
    size: int
    destinations: tuple[Stored, ...]
    left_out: tuple[str, ...]

    @property
    def failed(self) -> tuple[Stored, ...]:
        return tuple(one for one in self.destinations if one.error)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def now(
    space: Workspace,
    to: Sequence[str] | None = None,
    *,
    unencrypted: bool = False,
    report: Report = lambda _done, _of: None,
    stop: Stop = lambda: False,
) -> Made:
    """Back everything up, to all destinations at once; one that fails does not keep the others from theirs.

    Args:
        to: destinations instead of those of the settings.
        unencrypted: send plain what would be encrypted.

    Raises:
        WrongUseError: a destination makes no sense, or would get faces unencrypted unasked.
        StoreError: no destination took it, or a backup runs already.
        CancelledError: `stop` said so; what was stored so far serves the next one.
    """
    begin = time.monotonic()
    with alone(space), ExitStack() as stack:
        writers, failed = _writers(space, list(to or []), stack, unencrypted)
        hashes = Hashes.load(space.cache / "backup" / "hashes.json")
        moment = stack.enter_context(frozen(space, space.cache / "backup" / "moment"))
        files, left_out = _send(space, moment, writers, failed, hashes, report, stop)
        manifest = _manifest(space, moment, files, left_out, writers)
        for writer in writers:
            with _noted(writer, failed):
                writer.finish()
                writer.sent += writer.vault.add_manifest(manifest)
        hashes.save()
        good = _good(writers, failed)
        made = Made(
            id=manifest.id,
            files=len(files),
            new_blobs=sum(writer.new for writer in good),
            bytes=sum(writer.sent for writer in good),
            seconds=round(time.monotonic() - begin, 3),
            encrypted=all(writer.vault.label.encrypted for writer in good),
            size=manifest.size,
            destinations=(*(_stored(writer) for writer in good), *failed.values()),
            left_out=tuple(f"{item.path} {item.why}" for item in left_out),
        )
        history.note(space, {"at": manifest.created_at} | made.to_json())
    return made


@contextmanager
def alone(space: Workspace) -> Generator[None]:
    """One backup or pruning of a workspace at a time.

    Raises:
        StoreError: another one runs.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(space.root / OWN / "backup.lock", blocking=False))
        except BlockingIOError:
            raise StoreError("a backup runs already", where=space.root, do="Wait for its end.") from None
        yield


def identity(space: Workspace) -> str:
    """The workspace's own id, made once; it is an event, so that a restored workspace goes on with it."""
    if not (known := space.store.events("workspace")):
        space.store.note("workspace", {"id": new_id()})
        known = space.store.events("workspace")
    return str(known[0]["id"])


def encrypts(space: Workspace, destination: Destination, *, unencrypted: bool) -> bool:
    """Whether what goes there is encrypted.

    Raises:
        WrongUseError: it would leave the machine readable and nobody asked for that, or there are no keys yet.
    """
    rule = space.settings.backup.encrypt
    if unencrypted:
        return False
    if rule == "never" and destination.remote:
        what = "faces and voices would leave this machine unencrypted (backup.encrypt is never)"
        raise WrongUseError(what, where=destination.where, do="If that is meant: --unencrypted")
    wanted = destination.remote if rule == "remote" else rule == "always"
    if wanted and not keys.is_set_up():
        raise WrongUseError("encryption is not set up", where=destination.where, do=keys.SET_UP)
    return wanted


def _vault(space: Workspace, where: str, unencrypted: bool, *, named: bool) -> Vault:
    destination = at(where, space.settings.backup)
    _outside(space, destination)
    wanted = encrypts(space, destination, unencrypted=unencrypted)
    mine, known, cache = identity(space), keys.load(), space.cache / "backup"
    try:
        vault = Vault.open(destination, known, cache)
    except MissingError:
        if not named and history.was_at(space, where):
            do = f"Is its disk mounted? To start anew: rushes backup now --to {where}"
            raise StoreError("held backups and is empty now", where=where, do=do) from None
        vault = Vault.make(destination, mine, known, cache, encrypted=wanted)
    if vault.unlabelled and not isinstance(vault.unlabelled, MissingError):
        do = "What it holds can be restored all the same. Remove that file, and the next backup writes it anew."
        raise StoreError(vault.unlabelled.what, where=vault.unlabelled.where, do=do)
    if not vault.label.workspace:
        raise StoreError("has lost its label, and no backup there can be opened with the keys here", where=where)
    if vault.label.workspace != mine:
        raise StoreError("holds another workspace's backups", where=where, do="Choose another place.")
    if vault.label.encrypted != wanted:
        kind = "encrypted" if vault.label.encrypted else "unencrypted"
        raise StoreError(f"holds {kind} backups, and these would not be", where=where, do="Choose another place.")
    if vault.unlabelled:
        destination.put(LABEL, vault.label.model_dump_json(indent=1).encode())
    return vault


def _outside(space: Workspace, destination: Destination) -> None:
    if not isinstance(destination, Folder):
        return
    path, root = destination.path.resolve(), space.root.resolve()
    if path.is_relative_to(root) and not path.is_relative_to(root / OWN):
        what = "lies in the workspace and would be backed up itself"
        raise WrongUseError(what, where=destination.where, do=f"Choose a folder elsewhere, or {OWN}/ in it.")


def _writers(
    space: Workspace, to: list[str], stack: ExitStack, unencrypted: bool
) -> tuple[list[Writer], dict[str, Stored]]:
    places, writers = chosen(space, to), list[Writer]()
    failed: dict[str, Stored] = {}
    for where in places:
        try:
            writer = Writer(_vault(space, where, unencrypted, named=bool(to)))
        except RushesError as error:
            if len(places) == 1:
                raise
            logger.error("backup: %s", error)
            failed[where] = Stored(where, False, error=error.sentence())
            continue
        stack.callback(writer.close)
        writers.append(writer)
    if not writers:
        raise StoreError("; ".join(str(one.error) for one in failed.values()))
    return writers, failed


def _send(
    space: Workspace, moment: Frozen, writers: list[Writer], failed: dict[str, Stored], hashes: Hashes, report: Report,
    stop: Stop,
) -> tuple[list[File], list[LeftOut]]:  # fmt: skip
    files: list[File] = []
    gone: dict[str, str] = {}
    sources = list(moment.sources)
    seen = {source.path for source in sources}
    for done, source in enumerate(sources):  # grows where files were moved meanwhile
        if stop():
            raise CancelledError("the backup was stopped", do="What was stored already serves the next one.")
        try:
            files.append(_file(source, _good(writers, failed), failed, hashes))
        except FileNotFoundError:
            gone[source.path] = "went while the backup ran"
        except OSError as error:  # one file that cannot be read must not keep the others from their backup
            logger.warning("backup: %s cannot be read: %s", source.path, error.strerror)
            gone[source.path] = f"cannot be read ({error.strerror})"
        if done + 1 == len(sources) and gone:
            # Answering moves a clip from pending/ to videos/: look once more for where it went.
            found = [source_of(space.root, name, stat) for name, stat in walk(space.root, []) if name not in seen]
            seen |= {source.path for source in found}
            sources += found
        report(done + 1, len(sources))
    return files, [*moment.left_out, *(LeftOut(path=name, why=why) for name, why in gone.items())]


def _file(source: Source, writers: list[Writer], failed: dict[str, Stored], hashes: Hashes) -> File:
    content = hashes.get(source.path, source.stamp) if source.stamp else None
    size = source.stamp[0] if source.stamp else 0
    parts = () if content is None else content.chunks or ((content.sha256,) if size else ())
    if content is None or any(writer.lacks(parts) for writer in writers):
        content, size = _read(source, writers, failed)
        if source.stamp and source.stamp[0] == size:
            hashes.put(source.path, source.stamp, content)
    return File(path=source.path, size=size, mode=source.mode & 0o777, sha256=content.sha256, chunks=content.chunks)


def _read(source: Source, writers: list[Writer], failed: dict[str, Stored]) -> tuple[Content, int]:
    whole, parts, size, first = hashlib.sha256(), list[str](), 0, b""
    for block in source.blocks():
        if not parts:
            first = block
        elif len(parts) == 1:
            whole.update(first)
        if parts:
            whole.update(block)
        parts.append(hashlib.sha256(block).hexdigest())
        size += len(block)
        for writer in writers:
            with _noted(writer, failed):
                writer.add(parts[-1], block)
    if len(parts) == 1:  # most files: one hash is enough
        return Content(parts[0]), size
    return Content(whole.hexdigest(), tuple(parts)), size


@contextmanager
def _noted(writer: Writer, failed: dict[str, Stored]) -> Generator[None]:
    """A destination that fails is left out from then on; the last one's failure is the backup's."""
    where = writer.vault.where
    if where in failed:
        return
    try:
        yield
    except RushesError as error:
        logger.error("backup: %s", error)
        failed[where] = Stored(where, writer.vault.label.encrypted, error=error.sentence())


def _good(writers: list[Writer], failed: dict[str, Stored]) -> list[Writer]:
    good = [writer for writer in writers if writer.vault.where not in failed]
    if not good:
        raise StoreError("; ".join(str(one.error) for one in failed.values()))
    return good


def _manifest(
    space: Workspace, moment: Frozen, files: list[File], left_out: list[LeftOut], writers: list[Writer]
) -> Manifest:
    taken = [order(name)[0] for writer in writers for name in writer.vault.backups()]
    sequence, at_s = max(taken, default=0) + 1, time.time()
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at_s))
    return Manifest(
        id=f"{sequence:06d}-{stamp}-{secrets.token_hex(4)}",
        sequence=sequence,
        created_at=at_s,
        workspace=identity(space),
        files=tuple(files),
        journals=moment.journals,
        pointers=moment.pointers,
        rows=moment.rows,
        left_out=tuple(left_out),
    ).sealed()


def _stored(writer: Writer) -> Stored:
    return Stored(writer.vault.where, writer.vault.label.encrypted, writer.new, writer.sent)
