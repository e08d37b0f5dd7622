"""Each room's eraser on files as that room writes them."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from core.gone import DROPPED, Gone
from core.privacy import caches
from core.training import erasing
from core.workspace import Workspace

ONE = "7f348c52-9c3e-5d1b-8a52-000000000001"
GONE = Gone(frozenset({ONE}), frozenset({"training_data/videos/training_1.avi", "training_1.avi"}),
            frozenset({"ab" * 32}), frozenset({"xylophone", "the xylophone sings"}))  # fmt: skip


def test_a_report_loses_the_words_that_only_it_had(small: Workspace) -> None:
    folder = small.jobs / "20260101-000000-abcdef"
    folder.mkdir(parents=True)
    report = {
        "task": "speech", "n": 2, "metrics": {"wer": 0.5}, "title": "a new version, judged",
        "details": {"substituted": [{"said": "xylophone", "read": "telephone", "n": 1},
                                    {"said": "blue", "read": "green", "n": 1}]},
        "patterns": [{"kind": "word", "name": "xylophone", "sentence": "Xylophone is read wrongly"}],
        "slices": [{"name": "speaker", "value": "Ada"}],
    }  # fmt: skip
    (folder / "report.json").write_text(json.dumps(report))
    (folder / "progress.jsonl").write_text('{"stage": "training", "progress": 1}\n{"notes": ["reads xylophone"]}\n')
    pairs = [{"sample": ONE, "loss_a": 0.5}, {"sample": "x", "loss_a": 0.25}]
    (folder / "evidence.json").write_text(json.dumps({"champion": "v1", "pairs": pairs}))
    done = erasing.erase(small, GONE)
    assert len(done) == 3
    left = json.loads((folder / "report.json").read_text())
    assert left["details"] == {"substituted": [{"said": "blue", "read": "green", "n": 1}]}
    assert left["patterns"] == []
    assert left["slices"] == report["slices"]
    assert left["metrics"] == report["metrics"]
    assert json.loads((folder / "evidence.json").read_text())["pairs"] == [{"sample": "x", "loss_a": 0.25}]
    assert (folder / "progress.jsonl").read_text() == '{"stage": "training", "progress": 1}\n{"notes": []}\n'
    assert erasing.erase(small, GONE) == []


def test_what_was_copied_from_a_screen_and_log_lines_go(small: Workspace) -> None:
    small.cache.mkdir(exist_ok=True)
    (small.cache / "copied.txt").write_text("The xylophone sings")
    (small.cache / "other.txt").write_text("blue")
    log = small.logs / "rushes-2026-01-01.log"
    log.write_text("one\ntwo training_1.avi refused\nthree\n")
    with log.open("a") as held:  # another process has it open
        assert caches.erase(small, GONE) == ["cache/copied.txt", "logs/rushes-2026-01-01.log"]
        held.write("four\n")
    assert log.read_text().splitlines() == ["one", "-" * len("two training_1.avi refused"), "three", "four"]
    assert (small.cache / "other.txt").exists()


def test_words_are_found_in_files_that_escape_them(small: Workspace) -> None:
    gone = Gone(frozenset({ONE}), frozenset({"Größe.avi"}), frozenset(), frozenset({"schöner zufall"}))
    folder = small.jobs / "20260101-000000-abcdef"
    folder.mkdir(parents=True)
    (folder / "report.json").write_text(json.dumps({"details": {"said": ["Schöner Zufall", "grün"]}}))
    (small.cache / "list.json").write_text(json.dumps({"Größe.avi": 1, "grün.avi": 2}))
    assert erasing.erase(small, gone) == ["jobs/20260101-000000-abcdef/report.json"]
    assert json.loads((folder / "report.json").read_text()) == {"details": {"said": ["grün"]}}
    assert caches.erase(small, gone) == ["cache/list.json"]
    assert json.loads((small.cache / "list.json").read_text()) == {"grün.avi": 2}


def test_a_mark_on_the_edge_of_two_blocks_is_found(tmp_path: Path) -> None:
    path = tmp_path / "large.bin"
    path.write_bytes(b"\0" * (caches.BLOCK - 10) + ONE.encode() + b"\0" * 100)
    assert caches.mentions(path, GONE)
    path.write_bytes(b"\0" * (caches.BLOCK + 100))
    assert not caches.mentions(path, GONE)


leaves = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.just(ONE), st.just("training_1.avi")
)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=3), inner, max_size=4)),
)


@given(values)
def test_nothing_that_names_it_is_left_in_any_value_and_others_are_untouched(value: object) -> None:
    clean = GONE.without(value)
    text = json.dumps(value)
    if ONE in text or "training_1.avi" in text:
        assert clean is DROPPED or (ONE not in json.dumps(clean) and "training_1.avi" not in json.dumps(clean))
    else:
        assert clean == value
