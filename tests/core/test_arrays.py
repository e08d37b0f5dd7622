"""Arrays come back as they were written, to any number of threads; what is not honest is no file."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.arrays import load_npz


@pytest.fixture
def torn() -> Iterator[None]:
    """Threads change as often as they can, also while garbage is collected."""

    def let_others(*_: object) -> None:
        time.sleep(0)

    interval, thresholds = sys.getswitchinterval(), gc.get_threshold()
    gc.callbacks.append(let_others)
    gc.set_threshold(20)
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)
    gc.set_threshold(*thresholds)
    gc.callbacks.remove(let_others)


def test_arrays_come_back_as_they_were(tmp_path: Path) -> None:
    written: dict[str, Any] = {
        "plain": np.arange(12, dtype=np.float32).reshape(3, 4),
        "by_column": np.asfortranarray(np.arange(6, dtype=np.uint8).reshape(2, 3)),
        "none": np.empty((0, 5), np.float64),
        "one": np.array(7, np.int64),
        "words": np.array(["bin", "blue"]),
    }
    np.savez_compressed(tmp_path / "a.npz", **written)
    found = load_npz(tmp_path / "a.npz")
    assert found is not None
    assert found.keys() == written.keys()
    for name, array in written.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        assert np.array_equal(found[name], array)
        assert found[name].flags.writeable


@pytest.mark.usefixtures("torn")
def test_many_threads_read_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    written: dict[str, Any] = {f"a{number}": np.full((3, 4), number, np.uint8) for number in range(10)}
    np.savez(path, **written)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(load_npz, [path] * 60):
            assert found is not None
            assert found["a7"].tolist() == [[7] * 4] * 3


def test_python_objects_and_torn_files_are_no_arrays(tmp_path: Path) -> None:
    np.savez(tmp_path / "objects.npz", found=np.array([{"a": 1}], dtype=object))
    np.savez(tmp_path / "whole.npz", found=np.zeros(100))
    whole = (tmp_path / "whole.npz").read_bytes()
    (tmp_path / "torn.npz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "spoilt.npz").write_bytes(whole.replace(b"(100,)", b"(900,)"))
    for name in ("objects", "torn", "spoilt", "missing"):
        assert load_npz(tmp_path / f"{name}.npz") is None, name
