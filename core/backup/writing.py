"""Gathers new chunks into packs for one destination and sends them while the next files are read."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from core.backup.formats import PACK
from core.backup.vault import Vault

UNDER_WAY = 2  # packs in memory beside the one being filled


class Writer:
    """One destination's side of a backup.

    Attributes:
        new: chunks that were not there before.
        sent: bytes stored.
    """

    def __init__(self, vault: Vault) -> None:
        self.vault = vault
        self.new = self.sent = 0
        self._there = set(vault.places(ours=True))
        self._pack = bytearray()
        self._chunks: list[tuple[str, int, int]] = []
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="backup")
        self._under_way: deque[Future[int]] = deque()

    def lacks(self, chunks: Sequence[str]) -> bool:
        """Whether one of these is not there yet."""
        return not self._there.issuperset(chunks)

    def add(self, chunk: str, data: bytes) -> None:
        """Keep a chunk, unless it is there.

        Raises:
            StoreError: an earlier pack could not be stored.
        """
        if chunk in self._there:
            return
        self._there.add(chunk)
        self._chunks.append((chunk, len(self._pack), len(data)))
        self._pack += data
        self.new += 1
        if len(self._pack) >= PACK:
            self._send()

    def finish(self) -> None:
        """Wait until everything is stored.

        Raises:
            StoreError: something could not be.
        """
        if self._chunks:
            self._send()
        while self._under_way:
            self.sent += self._under_way.popleft().result()

    def close(self) -> None:
        """Let go; what is on its way ends first."""
        self._pool.shutdown(cancel_futures=True)

    def _send(self) -> None:
        while len(self._under_way) >= UNDER_WAY:
            self.sent += self._under_way.popleft().result()
        self._under_way.append(self._pool.submit(self.vault.add_pack, bytes(self._pack), self._chunks))
        self._pack, self._chunks = bytearray(), []
