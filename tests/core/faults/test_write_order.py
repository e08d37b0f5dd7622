"""The order in which files are written and made durable, as the kernel saw it: what a power cut may not turn round."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any, NamedTuple

import pytest

from tests.core.faults.conftest import Ask

CACHES = ("ws/cache/",)  # may be lost and are made again
JOURNALS = ("annotations.jsonl", "events.jsonl", "history.jsonl")


class Done(NamedTuple):
    """One call: its name and its paths below the folder of the experiment."""

    name: str
    path: str
    to: str


def calls(breaker: Ask, action: str) -> list[Done]:
    found: list[dict[str, Any]] = breaker(calls=action)
    seen: list[Done] = []
    for call in found:
        paths = [path.removeprefix(f"{call['place']}/") for path in call["paths"]]
        seen.append(Done(call["name"], paths[0], paths[-1]))
    return seen


def is_write(call: Done) -> bool:
    return call.name in ("write", "pwrite64", "writev", "sendfile", "copy_file_range", "ftruncate")


@pytest.mark.parametrize("action", ["correct", "capture", "deploy", "version", "backup", "setting"])
def test_what_is_renamed_into_place_is_durable_before_and_its_name_after(breaker: Ask, action: str) -> None:
    seen = calls(breaker, action)
    renames = [(at, call) for at, call in enumerate(seen) if call.name.startswith("rename") and call.path != call.to]
    renames = [(at, call) for at, call in renames if not call.to.startswith(CACHES)]
    assert renames
    for at, call in renames:
        about = [(number, one) for number, one in enumerate(seen[:at]) if one.path == call.path]
        written = max((number for number, one in about if is_write(one)), default=-1)
        synced = max((number for number, one in about if one.name in ("fsync", "fdatasync")), default=-1)
        assert synced > written, f"{call} comes before its bytes are durable"
        folder = str(PurePosixPath(call.to).parent)
        assert Done("fsync", folder, folder) in seen[at:], f"the name of {call} is never made durable"


@pytest.mark.parametrize("action", ["correct", "correct_many", "undo", "delete", "skip", "deploy", "backup"])
def test_a_journals_lines_are_durable_before_anything_follows_from_them(breaker: Ask, action: str) -> None:
    seen = calls(breaker, action)
    written = [at for at, call in enumerate(seen) if is_write(call) and call.path.endswith(JOURNALS)]
    assert written
    for at in written:
        after = next(call for call in seen[at + 1 :])
        assert (after.name, after.path) == ("fsync", seen[at].path), "the very next thing is the fsync"


def test_an_answers_clip_is_kept_before_the_journal_and_dropped_after(breaker: Ask) -> None:
    seen = calls(breaker, "correct_many")
    line = next(at for at, call in enumerate(seen) if call.name == "fsync" and call.path.endswith("annotations.jsonl"))
    gone = [at for at, call in enumerate(seen) if call.name == "unlink" and "/pending/" in call.path]
    kept = [at for at, call in enumerate(seen) if call.name == "rename" and "/frames/" in call.to]
    assert all(at > line for at in gone)
    assert all(at < line for at in kept)


def test_a_backup_is_named_only_when_all_it_needs_is_durable(breaker: Ask) -> None:
    seen = calls(breaker, "backup")
    placed = [(at, call.to) for at, call in enumerate(seen) if call.name == "rename" and call.to.startswith("disk/")]
    kinds = [PurePosixPath(name).parent.name for _, name in placed]
    assert kinds[-1] == "manifests"
    assert kinds.index("indexes") > kinds.index("packs")
    synced = [at for at, call in enumerate(seen) if call.name == "fsync" and call.path == "disk/indexes"]
    assert synced
    assert max(synced) < placed[-1][0], "the index's name is durable before the manifest's"
    said = [at for at, call in enumerate(seen) if call.path.endswith("history.jsonl")]
    assert min(said) > placed[-1][0], "it is said to be there only when it is"


def test_a_versions_card_is_there_before_its_model(breaker: Ask) -> None:
    seen = calls(breaker, "version")
    names = [PurePosixPath(call.to).suffix for call in seen if call.name == "rename" and "model_v" in call.to]
    assert names == [".json", ".onnx"]
