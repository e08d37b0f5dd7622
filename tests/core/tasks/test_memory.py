"""What frozen layers said is computed once, and never trusted when it cannot be read."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from core.tasks.base import Features
from core.tasks.memory import Memory, digest_of

FEATURES: Features = {"a": np.arange(4, dtype=np.float32)}


class Made:
    """Counts how often a row had to be made."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> dict[str, torch.Tensor]:
        self.times += 1
        return {"x": torch.full((3,), float(self.times)), "half": torch.ones(2, dtype=torch.float16)}


def memory(folder: Path | None = None, **bounds: int) -> Memory:
    found = Memory(**bounds)
    found.folder = folder
    return found


def test_a_row_outlives_the_process_in_a_private_file(tmp_path: Path) -> None:
    made = Made()
    first = memory(tmp_path).recall("net", "sample", FEATURES, made)
    again = memory(tmp_path).recall("net", "sample", FEATURES, made)
    assert made.times == 1
    assert all(first[name].equal(again[name]) and first[name].dtype == again[name].dtype for name in first)
    (path,) = (tmp_path / "net").iterdir()
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff" * 40])
def test_a_damaged_file_is_made_again(tmp_path: Path, content: bytes) -> None:
    memory(tmp_path).recall("net", "sample", FEATURES, Made())
    (path,) = (tmp_path / "net").iterdir()
    path.write_bytes(content)
    made = Made()
    assert memory(tmp_path).recall("net", "sample", FEATURES, made)["x"][0] == 1
    assert made.times == 1
    memory(tmp_path).recall("net", "sample", FEATURES, made)
    assert made.times == 1  # and mended


def test_a_folder_that_cannot_be_written_costs_only_time(tmp_path: Path) -> None:
    (tmp_path / "net").write_text("in the way")
    kept = memory(tmp_path)
    made = Made()
    kept.recall("net", "sample", FEATURES, made)
    kept.recall("net", "sample", FEATURES, made)
    assert made.times == 1


def test_without_a_sample_the_features_are_the_key_and_nothing_is_written(tmp_path: Path) -> None:
    kept, made = memory(tmp_path), Made()
    kept.recall("net", None, FEATURES, made)
    kept.recall("net", None, {"a": FEATURES["a"].copy()}, made)
    assert made.times == 1
    kept.recall("net", None, {"a": FEATURES["a"] + 1}, made)
    assert made.times == 2
    assert not list(tmp_path.iterdir())


def test_other_weights_or_another_seed_are_another_network() -> None:
    one, other = nn.Linear(2, 2), nn.Linear(2, 2)
    assert digest_of("t", {"seed": 1}, one) == digest_of("t", {"seed": 1}, one)
    assert digest_of("t", {"seed": 1}, one) != digest_of("t", {"seed": 2}, one)
    assert digest_of("t", {"seed": 1}, one) != digest_of("t", {"seed": 1}, other)


def test_the_oldest_files_go_when_the_disk_bound_is_reached(tmp_path: Path) -> None:
    kept = memory(tmp_path, on_disk=1)
    for age, name in ((50, "old"), (0, "new")):
        kept.recall("net", name, FEATURES, Made())
        when = time.time() - age
        os.utime(tmp_path / "net" / f"{name}.safetensors", (when, when))
    kept.on_disk = (tmp_path / "net" / "new.safetensors").stat().st_size
    kept.sweep()
    assert [path.stem for path in (tmp_path / "net").iterdir()] == ["new"]


def test_memory_is_bounded() -> None:
    kept, made = memory(in_memory=16), Made()  # one row of 3 float32 and 2 float16
    kept.recall("net", "first", FEATURES, made)
    kept.recall("net", "second", FEATURES, made)
    kept.recall("net", "second", FEATURES, made)
    assert made.times == 2
    kept.recall("net", "first", FEATURES, made)
    assert made.times == 3
