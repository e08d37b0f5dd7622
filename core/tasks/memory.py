"""What frozen layers said of an example, so that they look at each clip once: over folds, and over trainings.

In memory while a process lives, and as one private file per sample where a folder is given. Files may vanish at any
time; what cannot be read is computed again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from hashlib import blake2b
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from core.files import replacing
from core.log import logger
from core.tasks.base import Features

Row = dict[str, Tensor]
IN_MEMORY = 512 << 20  # bytes
ON_DISK = 2 << 30  # bytes: about 10,000 talking clips of 3 s


class Memory:
    """Rows by the network that made them and the sample they are of; the oldest make room."""

    def __init__(self, in_memory: int = IN_MEMORY, on_disk: int = ON_DISK) -> None:
        self.folder: Path | None = None  # set by the training process; one folder per network below it
        self.in_memory, self.on_disk = in_memory, on_disk
        self._kept: OrderedDict[tuple[str, str], Row] = OrderedDict()
        self._size = 0

    def recall(self, network: str, sample: str | None, features: Features, make: Callable[[], Row]) -> Row:
        """The row of one sample, made now if it is not known.

        Args:
            network: digest of everything that decides the row beside the features; see `digest_of`.
            sample: the sample's id; None = no sample: known by its features, kept in memory only.
        """
        key = (network, sample or _fingerprint(features))
        if (row := self._kept.get(key)) is not None:
            return row
        path = self.folder / network / f"{sample}.safetensors" if self.folder and sample else None
        row = _read(path) if path else None
        if row is None:
            with torch.no_grad():
                row = {name: value.cpu().contiguous() for name, value in make().items()}
            if path:
                _write(path, row)
        self._keep(key, row)
        return row

    def _keep(self, key: tuple[str, str], row: Row) -> None:
        self._kept[key] = row
        self._size += _bytes(row)
        while self._size > self.in_memory and len(self._kept) > 1:
            self._size -= _bytes(self._kept.popitem(last=False)[1])

    def sweep(self) -> None:
        """Remove the oldest files until the rest is within bounds."""
        if self.folder is None or not self.folder.exists():
            return
        found = sorted(
            ((path.stat().st_mtime, path.stat().st_size, path) for path in self.folder.rglob("*.safetensors")),
            reverse=True,
        )
        total = 0
        for _, size, path in found:
            total += size
            if total > self.on_disk:
                path.unlink(missing_ok=True)


def digest_of(task: str, parts: Mapping[str, object], *modules: nn.Module) -> str:
    """A folder name for rows of a task: changes with any weight of the frozen layers and any of the named parts.

    Threads and device are part of it: they change the last digits, and a training must be repeatable.
    """
    digest = blake2b(repr(sorted(parts.items())).encode(), digest_size=12)
    digest.update(f"{torch.get_num_threads()} {torch.__version__}".encode())
    for module in modules:
        for name, tensor in module.state_dict().items():
            digest.update(f"{name} {tensor.device.type}".encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return f"{task}-{digest.hexdigest()}"


def _fingerprint(features: Features) -> str:
    digest = blake2b(digest_size=16)
    for name in sorted(features):
        digest.update(np.ascontiguousarray(features[name]).data)
    return digest.hexdigest()


def _bytes(row: Row) -> int:
    return sum(value.numel() * value.element_size() for value in row.values())


def _read(path: Path) -> Row | None:
    try:
        return load(path.read_bytes())
    except (OSError, SafetensorError):
        return None


def _write(path: Path, row: Row) -> None:
    try:
        with replacing(path) as temporary:
            temporary.write_bytes(save(row))
    except OSError as error:
        logger.warning("what the frozen layers said of %s is not kept: %s", path.stem, error)


MEMORY = Memory()
