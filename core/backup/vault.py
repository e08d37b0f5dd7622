"""One destination as a store of chunks: finds them, seals and opens them, and believes nothing that it did not hash."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from core.backup import formats
from core.backup.destinations import MOST, Destination, MissingError
from core.backup.formats import INDEXES, LABEL, MANIFESTS, PACKS, Index, Label, Manifest, Place
from core.backup.keys import Keys
from core.errors import StoreError
from core.files import private_dir, read_regular, write_atomic

SEALED = b"age-encryption.org/"  # how encrypted objects begin; manifests begin with a brace
TOLD = "forgotten"  # folder of lists that are newer than the newest backup


class SpoiltError(StoreError):
    """What is stored is not what its name says, whatever the keys are."""


class Vault:
    """A labelled destination.

    Args:
        cache: folder for the indexes that were read, which never change; None reads them every time. What was opened
            with some keys is found again with these only.

    Attributes:
        unlabelled: why its label had to be told from its backups; None where it was read.
    """

    def __init__(self, destination: Destination, label: Label, keys: Keys, cache: Path | None = None) -> None:
        self.destination = destination
        self.label = label
        self.keys = keys
        self.cache = cache / (f"{label.id}-{keys.mark}" if label.encrypted else label.id) if cache else None
        self.unlabelled: StoreError | None = None

    @staticmethod
    def open(destination: Destination, keys: Keys, cache: Path | None = None) -> Vault:
        """The vault at a destination. Backups whose label is lost or damaged are opened without it.

        Raises:
            MissingError: it holds no backups.
            StoreError: it cannot be read.
        """
        try:
            data = destination.get(LABEL)
        except MissingError:
            lost = MissingError("holds no backups", where=destination.where)
        except StoreError as error:
            if destination.remote:  # it is the line that failed, not the label
                raise
            lost = error
        else:
            try:
                return Vault(destination, formats.decode(Label, data, f"{destination.where}: {LABEL}"), keys, cache)
            except StoreError as error:
                lost = error
        if not (label := _told_by_backups(destination, keys)):
            raise lost
        vault = Vault(destination, label, keys, cache)
        vault.unlabelled = lost
        return vault

    @staticmethod
    def make(destination: Destination, workspace: str, keys: Keys, cache: Path, *, encrypted: bool) -> Vault:
        """Label a destination; whose label was there first holds."""
        label = Label(id=secrets.token_hex(16), workspace=workspace, encrypted=encrypted)
        destination.put(LABEL, label.model_dump_json(indent=1).encode())
        return Vault.open(destination, keys, cache)

    @property
    def where(self) -> str:
        return self.destination.where

    # Writing

    def add_pack(self, data: bytes, chunks: list[tuple[str, int, int]]) -> int:
        """Keep a pack and then its index; returns the bytes stored."""
        sealed = self._seal(data)
        name = _name(sealed)
        self.destination.put(f"{PACKS}/{name}", sealed)
        readers = self.keys.recipients if self.label.encrypted else ()
        index = Index(pack=name, size=len(sealed), chunks=tuple(chunks), readers=readers)
        written = self._seal(index.model_dump_json().encode())
        self.destination.put(f"{INDEXES}/{_name(written)}", written)
        return len(sealed) + len(written)

    def add_manifest(self, manifest: Manifest) -> int:
        """Keep a manifest: with it the backup is there. Returns the bytes stored."""
        sealed = self._seal(manifest.model_dump_json().encode())
        self.destination.put(f"{MANIFESTS}/{manifest.id}", sealed)
        return len(sealed)

    def tell(self, forgotten: bytes) -> None:
        """Keep a workspace's list of the forgotten beside its backups, until one is made that has it."""
        newest, told = self.backups()[-1], len(self.destination.names(TOLD))
        self.destination.put(f"{TOLD}/{newest}.{told:06d}-{secrets.token_hex(4)}", self._seal(forgotten))

    def told(self) -> bytes | None:
        """The list that was told last since the newest backup; None where none was."""
        newest = self.backups()[-1:]
        found = [name for name in self.destination.names(TOLD) if newest and name.startswith(f"{newest[0]}.")]
        if not found:
            return None
        name = f"{TOLD}/{max(found)}"
        return self._open(self.destination.get(name), f"{self.where}: {name}")

    def _seal(self, data: bytes) -> bytes:
        return self.keys.seal(data) if self.label.encrypted else data

    # Reading

    def backups(self) -> list[str]:
        """Ids of the backups, oldest first."""
        return _backups(self.destination)

    def manifest(self, identity: str) -> Manifest:
        """A backup's manifest.

        Raises:
            MissingError: there is no such backup.
            StoreError: it is damaged, or the keys do not fit.
        """
        if not formats.IDENTITY.fullmatch(identity):
            raise MissingError("there is no such backup", where=identity, do="List them with: rushes backup list")
        where = f"{self.where}: {MANIFESTS}/{identity}"
        found = formats.decode_manifest(self._open(self.destination.get(f"{MANIFESTS}/{identity}"), where), where)
        if found.id != identity:
            raise StoreError("is another backup's manifest", where=where)
        return found

    def places(self, *, ours: bool = False) -> dict[str, list[Place]]:
        """Where each chunk lies, in packs that are there in their full length.

        Args:
            ours: only in packs that everybody can open to whom a backup would be encrypted.
        """
        return self.located(self.indexes().values(), ours=ours)

    def located(self, indexes: Iterable[Index], *, ours: bool = False) -> dict[str, list[Place]]:
        """As `places`, by indexes that were read."""
        there = self.destination.names(PACKS)
        readers = set(self.keys.recipients) if ours and self.label.encrypted else set[str]()
        found: dict[str, list[Place]] = {}
        for index in indexes:
            if there.get(index.pack) == index.size and readers.issubset(index.readers):
                for chunk, offset, length in index.chunks:
                    found.setdefault(chunk, []).append(Place(index.pack, offset, length))
        return found

    def indexes(self, problems: list[str] | None = None, spoilt: list[str] | None = None) -> dict[str, Index]:
        """All indexes by name. A damaged one is passed over: what it listed counts as missing.

        Args:
            problems: takes what is wrong, as sentences; all are read anew then.
            spoilt: takes the names of those that are damaged whatever the keys are.
        """
        found: dict[str, Index] = {}
        for name, size in sorted(self.destination.names(INDEXES).items()):
            try:
                found[name] = self._index(name, size, fresh=problems is not None)
            except StoreError as error:
                if spoilt is not None and isinstance(error, SpoiltError):
                    spoilt.append(name)
                if problems is None and self.label.encrypted and not self.keys.identities:
                    raise
                if problems is not None:
                    problems.append(error.sentence())
        return found

    def _index(self, name: str, size: int, *, fresh: bool) -> Index:
        # One that was cut off since is not what was read then.
        kept = self.cache / f"{name}-{size}" if self.cache else None
        if kept and not fresh:
            with suppress(OSError, StoreError):
                return formats.decode(Index, read_regular(kept, MOST), str(kept))
        data = self.stored(INDEXES, name)
        index = formats.decode(Index, data, f"{self.where}: {INDEXES}/{name}")
        if kept:
            private_dir(kept.parent)
            write_atomic(kept, data)
        return index

    def stored(self, folder: str, name: str) -> bytes:
        """A pack's or an index's plain bytes; what is stored has the hash that its name says.

        Raises:
            MissingError: it is not there.
            StoreError: it is damaged, or the keys do not fit.
        """
        where = f"{self.where}: {folder}/{name}"
        data = self.destination.get(f"{folder}/{name}")
        if _name(data) != name:
            raise SpoiltError("is damaged: these are not the bytes that were stored", where=where)
        return self._open(data, where)

    def _open(self, data: bytes, where: str) -> bytes:
        return self.keys.unseal(data, where) if self.label.encrypted else data


def order(identity: str) -> tuple[int, str]:
    """Backups are ordered by their number; the clock may have been wrong."""
    return int(identity.partition("-")[0]), identity


def _backups(destination: Destination) -> list[str]:
    found = [name for name in destination.names(MANIFESTS) if formats.IDENTITY.fullmatch(name)]
    return sorted(found, key=order)


def _told_by_backups(destination: Destination, keys: Keys) -> Label | None:
    """What a lost label said, by the newest backup that can be read; None where there is no backup.

    Whose it is stays empty where none can be opened.
    """
    names, encrypted = _backups(destination), False
    for name in reversed(names):
        with suppress(StoreError):
            data = destination.get(f"{MANIFESTS}/{name}")
            encrypted = data.startswith(SEALED)
            plain = keys.unseal(data, name) if encrypted else data
            return _label(names[0], formats.decode_manifest(plain, name).workspace, encrypted)
    return _label(names[0], "", encrypted) if names else None


def _label(first: str, workspace: str, encrypted: bool) -> Label:
    return Label(id=_name(first.encode())[:32], workspace=workspace, encrypted=encrypted)


def _name(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
