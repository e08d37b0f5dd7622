"""Who can read encrypted backups (age): this machine, and whoever holds the recovery key that was shown once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from platformdirs import user_config_path

from core.errors import StoreError, WrongUseError
from core.files import locked, write_atomic

SET_UP = "Set it up and write the recovery key down: rushes backup key"
BEGIN = "AGE-SECRET-KEY-1"


@dataclass(frozen=True, slots=True)
class Keys:
    """Public keys that are written to, secret keys that are read with."""

    recipients: tuple[str, ...] = ()
    identities: tuple[str, ...] = field(default=(), repr=False)

    @property
    def mark(self) -> str:
        """Tells the secret keys from others, without saying anything of them."""
        return hashlib.sha256("\n".join(sorted(self.identities)).encode()).hexdigest()[:16]

    def seal(self, data: bytes) -> bytes:
        """Encrypt; every time to other bytes.

        Raises:
            StoreError: there is nobody to encrypt to.
        """
        if len(self.recipients) < 2:
            raise StoreError("encryption is not set up", do=SET_UP)
        age = _age()
        return age.encrypt(data, [age.x25519.Recipient.from_str(text) for text in self.recipients])

    def unseal(self, data: bytes, where: str) -> bytes:
        """Decrypt.

        Raises:
            StoreError: the keys do not fit, or the bytes were changed.
        """
        age = _age()
        try:
            return age.decrypt(data, [age.x25519.Identity.from_str(text) for text in self.identities])
        except age.DecryptError:
            do = "On another machine give the recovery key: --key FILE, which may hold several"
            raise StoreError(
                "cannot be decrypted: the key does not fit, or it is damaged", where=where, do=do
            ) from None


def folder() -> Path:
    """Where this machine's key lies: with the user's settings, never in a workspace, hence in no backup."""
    return user_config_path("rushes") / "backup"


def is_set_up() -> bool:
    """Whether there is somebody to encrypt to."""
    return (folder() / "recipients.txt").exists()


def set_up(*, again: bool = False) -> str:
    """Make the recovery key, and this machine's where it has none.

    Returns:
        The recovery key. It is kept nowhere.

    Args:
        again: replace the recovery key; the next backup is read with it, those made until now with the earlier one.

    Raises:
        WrongUseError: it was shown already.
    """
    age = _age()
    with locked(folder() / ".lock"):
        if is_set_up() and not again:
            do = "It is kept nowhere; where it is lost: rushes backup key --new"
            raise WrongUseError("the recovery key was shown already", do=do)
        machine = _machine(age)
        recovery = age.x25519.Identity.generate()
        names = [str(machine.to_public()), str(recovery.to_public())]
        write_atomic(folder() / "recipients.txt", "\n".join(names) + "\n")
    return str(recovery)


def _machine(age: Any) -> Any:
    path = folder() / "machine.key"
    if not path.exists():
        write_atomic(path, f"{age.x25519.Identity.generate()}\n")
    return age.x25519.Identity.from_str(path.read_text().strip())


def load(recovery: str | None = None, *, alone: bool = False) -> Keys:
    """The keys of this machine, and the recovery keys in a text if one is given.

    Args:
        alone: read with the given ones only, as another machine would.

    Raises:
        WrongUseError: that is not a key.
    """
    try:
        recipients = tuple((folder() / "recipients.txt").read_text().split())
        machine = ((folder() / "machine.key").read_text().strip(),)
    except FileNotFoundError:
        recipients, machine = (), ()
    if not recovery:
        return Keys(recipients, machine)
    return Keys(recipients, (*(() if alone else machine), *_secrets(recovery)))


def _secrets(text: str) -> list[str]:
    """All keys in a text that may be a key file of age with its comments."""
    age = _age()
    lines = [line.strip().upper() for line in text.splitlines()]
    try:
        found = [str(age.x25519.Identity.from_str(line)) for line in lines if line.startswith(BEGIN)]
    except age.IdentityError:
        found = []
    if not found:
        raise WrongUseError("this is not a recovery key", do=f"It begins with {BEGIN}.")
    return found


def _age() -> Any:
    import pyrage  # ships no types

    return pyrage
