from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import StoreError
from core.store.journal import Journal
from core.store.records import Json
from core.store.wire import decode, encode


def lines(journal: Journal) -> list[Json]:
    return [line.data for line in journal.read() if line.data is not None]


def test_a_torn_last_line_is_set_aside_and_the_next_append_is_whole(tmp_path: Path):
    journal = Journal(tmp_path / "samples.jsonl")
    journal.append([{"n": 1}])
    with journal.path.open("ab") as file:
        file.write(b'{"n": 2, "ground_tr')
    assert lines(journal) == [{"n": 1}]
    journal.append([{"n": 3}])
    assert lines(journal) == [{"n": 1}, {"n": 3}]
    assert journal.torn.read_bytes() == b'{"n": 2, "ground_tr\n'


def test_a_dropped_in_file_without_a_last_newline_loses_nothing(tmp_path: Path):
    journal = Journal(tmp_path / "samples.jsonl")
    journal.path.write_text('{"n": 1}\n{"n": 2}')
    assert lines(journal) == [{"n": 1}, {"n": 2}]
    journal.append([{"n": 3}])
    assert lines(journal) == [{"n": 1}, {"n": 2}, {"n": 3}]


def test_a_corrupt_line_in_the_middle_costs_only_itself(tmp_path: Path):
    journal = Journal(tmp_path / "samples.jsonl")
    journal.path.write_bytes(b'{"n": 1}\n\xff\x00garbage\n[]\n\n{"n": 2}\n' + b"[" * 100_000 + b"\n")
    found = journal.read()
    assert [line.data for line in found if line.data] == [{"n": 1}, {"n": 2}]
    assert [line.problem for line in found if line.problem] == [
        "is not JSON",
        "is not a JSON object",
        "is nested too deeply",
    ]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, max_examples=150)
@given(st.dictionaries(st.text(), json_values, max_size=5))
def test_whatever_is_written_is_one_readable_line(data: dict[str, object]):
    raw = encode(data)
    assert raw.count(b"\n") == 1
    decode(raw)
    assert b"NaN" not in raw.replace(json.dumps("NaN").encode(), b"") or "NaN" in str(data)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 1000), min_size=1, max_size=6), st.integers(0, 400))
def test_cutting_the_file_anywhere_keeps_every_whole_line(numbers: list[int], cut: int):
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder) / "j.jsonl")
        journal.append([{"n": number} for number in numbers])
        whole = journal.path.read_bytes()[:cut]
        journal.path.write_bytes(whole)
        journal.append([{"n": -1}])
        found = [line["n"] for line in lines(journal)]
        kept = whole.count(b"\n")
        assert found[:kept] == numbers[:kept]
        assert found[-1] == -1
        assert len(found) - 1 in (kept, kept + 1)  # the cut may have fallen just before a newline


APPENDER = """
import sys
from pathlib import Path
from core.store.journal import Journal
journal = Journal(Path(sys.argv[1]))
number = int(sys.argv[2])
while True:
    journal.append([{"n": number, "fill": "x" * 3000}])
    print(number, flush=True)
    number += 1
"""


def test_no_acknowledged_line_is_lost_to_kill_9(tmp_path: Path):
    journal, rng, next_number = Journal(tmp_path / "corrections.jsonl"), random.Random(11), 0
    for _ in range(15):
        child = subprocess.Popen(
            [sys.executable, "-c", APPENDER, str(journal.path), str(next_number)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        acknowledged = next_number - 1
        for _ in range(rng.randrange(1, 40)):
            acknowledged = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        rest = child.communicate()[0].split()
        acknowledged = max([acknowledged, *(int(number) for number in rest)])
        found = [line["n"] for line in lines(journal)]
        assert set(range(acknowledged + 1)) <= set(found)
        next_number = max(found) + 1
    journal.append([{"n": next_number}])
    assert all(line.problem is None for line in journal.read())


def _append_many(path: str, who: int) -> None:
    for number in range(40):
        Journal(Path(path)).append([{"who": who, "n": number}, {"who": who, "n": number}])


def test_two_processes_appending_lose_nothing_and_mix_no_batch(tmp_path: Path):
    path = tmp_path / "corrections.jsonl"
    spawn = multiprocessing.get_context("spawn")
    children = [spawn.Process(target=_append_many, args=(str(path), who)) for who in (1, 2)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    found = lines(Journal(path))
    assert len(found) == 160
    assert all(found[at] == found[at + 1] for at in range(0, 160, 2))


def test_rewriting_drops_what_it_is_told_to(tmp_path: Path):
    journal = Journal(tmp_path / "events.jsonl")
    journal.append([{"n": number} for number in range(5)])
    inode = os.stat(journal.path).st_ino
    assert journal.rewrite(lambda line: None if line["n"] == 3 else line) == 1
    assert lines(journal) == [{"n": 0}, {"n": 1}, {"n": 2}, {"n": 4}]
    assert os.stat(journal.path).st_ino != inode


def test_a_journal_that_cannot_be_written_says_so_in_one_sentence(tmp_path: Path):
    (tmp_path / "corrections.jsonl").mkdir()
    with pytest.raises(StoreError, match=r"is a folder.*nothing was saved"):
        Journal(tmp_path / "corrections.jsonl").append([{"n": 1}])


def test_a_repair_is_reported_where_it_happened(tmp_path: Path):
    journal = Journal(tmp_path / "samples.jsonl")
    journal.path.write_bytes(b'{"n": 1}\n{"n": 2, "te')
    assert [line.problem for line in journal.read()] == [None, "was cut short while it was written"]
    (note,) = journal.append([{"n": 3}])
    assert "12 bytes are in samples.jsonl.torn" in note
    assert journal.append([{"n": 4}]) == []


def test_a_full_disk_leaves_the_journal_as_it_was(tmp_path: Path):
    """A file size limit stands for the full disk: the write is cut short in the same way."""
    path = tmp_path / "corrections.jsonl"
    Journal(path).append([{"n": 1}])
    before = path.read_bytes()
    program = (
        "import resource, signal, sys\nfrom pathlib import Path\nfrom core.errors import StoreError\n"
        "from core.store.journal import Journal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))\n"
        "try:\n    Journal(Path(sys.argv[1])).append([{'n': 2, 'fill': 'x' * 9000}])\n"
        "except StoreError as error:\n    print(error)\n"
    )
    said = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True).stdout
    assert "nothing was saved" in said
    assert path.read_bytes() == before


REWRITER = """
import sys
from pathlib import Path
from core.store.journal import Journal
for _ in range(25):
    Journal(Path(sys.argv[1])).rewrite(lambda line: None if line.get("drop") else line)
"""


def test_rewriting_while_another_process_appends_loses_nothing(tmp_path: Path):
    journal = Journal(tmp_path / "corrections.jsonl")
    journal.append([{"drop": True}, {"n": -1}])
    child = subprocess.Popen([sys.executable, "-c", REWRITER, str(journal.path)])
    number = 0
    while child.poll() is None or number < 50:
        journal.append([{"n": number}])
        number += 1
    assert child.returncode == 0
    assert lines(journal) == [{"n": written} for written in range(-1, number)]


def test_a_reader_never_sees_half_a_line_while_another_process_is_killed_and_repaired(tmp_path: Path):
    journal = Journal(tmp_path / "corrections.jsonl")
    journal.append([{"n": -1}])
    for cut in (b'{"n": 7, "fill', b'{"n": 8'):
        with journal.path.open("ab") as file:
            file.write(cut)
        shot = journal.snapshot()
        journal.append([{"n": 9, "fill": "y" * 50}])  # cuts the torn rest off behind the reader
        with shot:
            found = list(shot.lines())
        assert all(line.data is not None for line in found[:-1])
        assert found[-1].problem == "was cut short while it was written"
