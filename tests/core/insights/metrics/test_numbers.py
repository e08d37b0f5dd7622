"""Numbers in imported tables: abbreviations, thousands, fractions and percentages."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import loop
from core.insights.intake import values
from core.insights.metrics.requests import ReadRequest
from core.insights.metrics.store import MetricsStore
from core.workspace import Workspace
from tests.core.insights.metrics.test_importing import done, taken


def test_abbreviated_numbers_are_understood(space: Workspace, metrics: MetricsStore, tmp_path: Path):
    text = 'video,measured_at,views,likes,comments,shares\nt1,2025-05-29,541.2K,"1,234",1.5M,N/A\n'
    taken(space, metrics, tmp_path, text)
    (row,) = metrics.read(ReadRequest())
    assert (row["views"], row["likes"], row["comments"], row["shares"]) == (541_200, 1234, 1_500_000, None)


def test_percentages_are_seen_declared_and_said(space: Workspace, metrics: MetricsStore, tmp_path: Path):
    head = "video,measured_at,avg_watch_percentage,completion_rate,retention_curve\n"
    found = taken(space, metrics, tmp_path, head + 't1,2025-05-29,72.5,0.4,"[100, 50]"\nt2,2025-05-29,0.5,40%,\n')
    assert found.percent == ["avg_watch_percentage", "retention_curve"]
    assert any("percentages" in note for note in found.notes)
    first, second = metrics.read(ReadRequest("retention"))
    assert (first["avg_watch_percentage"], first["retention_curve"]) == (0.725, [1.0, 0.5])
    assert (second["avg_watch_percentage"], second["completion_rate"]) == (0.005, 0.4)
    declared = taken(
        space, metrics, tmp_path, "video,measured_at,kept\nt3,2025-05-29,1\n", columns={"rewatch_rate": "kept%"}
    )
    assert declared.percent == ["rewatch_rate"]
    assert metrics.read(ReadRequest("retention", content_id="t3"))[0]["rewatch_rate"] == 0.01


@pytest.mark.parametrize(
    ("ours", "head", "cells", "kept", "note"),
    [
        ("avg_watch_percentage", "", ["0.65", "0.80", "1.15"], [0.65, 0.8, 1.15],
         "avg_watch_percentage was read as fractions (1 is 100 %), though 1 of its first 3 numbers are above 1; "
         "if they are percentages: --map avg_watch_percentage=avg_watch_percentage%"),
        ("avg_watch_percentage", "", ["65", "0.9", "115"], [0.65, 0.009, 1.15],
         "avg_watch_percentage was read as percentages (1 is 1 %), though 1 of its first 3 numbers are not above 1; "
         "if they are fractions: --map avg_watch_percentage=avg_watch_percentage:fraction"),
        ("avg_watch_percentage", "", ["65%", "80 %", "115%"], [0.65, 0.8, 1.15], None),
        ("avg_watch_percentage", "Average percentage viewed (%)", ["1.5", "0.9", "3"], [0.015, 0.009, 0.03], None),
        ("avg_watch_percentage", "", ["0.65", "0.8", "0"], [0.65, 0.8, 0], None),
        ("save_rate", "", ["0.4", "0.2", "0.7", "0.6", "0.3", "1.2", "1.9"],
         [0.004, 0.002, 0.007, 0.006, 0.003, 0.012, 0.019], "--map save_rate=save_rate:fraction"),
        ("completion_rate", "", ["0.65", "0.80", "1.15"], [0.65, 0.8], "--map completion_rate=completion_rate%"),
    ],
)  # fmt: skip
def test_one_number_does_not_decide_the_unit_of_a_column(
    tmp_path: Path, ours: str, head: str, cells: list[str], kept: list[float], note: str | None
):
    lines = "".join(f"t{row},2025-05-29,{cell}\n" for row, cell in enumerate(cells))
    with closing(loop.open_workspace(tmp_path / "w")) as space, MetricsStore(space) as metrics:
        found = taken(space, metrics, tmp_path, f"video,measured_at,{head or ours}\n{lines}")
        posts = metrics.posts()
    said = [one for one in found.notes if "--map" in one]
    assert (note is None and not said) or (note is not None and len(said) == 1 and note in said[0])
    assert getattr(posts, ours)[np.argsort(posts.content_id)].tolist() == pytest.approx(kept)
    assert found.error_count == len(cells) - len(kept)


def test_the_user_says_the_unit_of_a_column(tmp_path: Path):
    text = "video,measured_at,watched\nt1,2025-05-29,6\nt2,2025-05-29,3\n"
    with closing(loop.open_workspace(tmp_path / "w")) as space, MetricsStore(space) as metrics:
        for unit, watched in (("%", [0.03, 0.06]), (":fraction", [3.0])):
            columns = {"avg_watch_percentage": f"watched{unit}"}
            found = taken(space, metrics, tmp_path, text, platform=f"p{len(watched)}", columns=columns)
            assert not [one for one in found.notes if "--map" in one]
            known = metrics.posts(f"p{len(watched)}").avg_watch_percentage
            assert sorted(known.tolist()) == pytest.approx(watched)


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 10**14))
def test_counts_are_read_back_however_they_are_grouped(count: int):
    assert values.count(f"{count:,}") == values.count(str(count)) == values.count(f" {count} ") == count


@pytest.mark.parametrize(("text", "views"), [
    ("video;measured_at;views\nt1;2025-05-28;10.000\nt2;2025-05-28;1.234\n", [10000, 1234]),
    ("video;measured_at;views\nt1;2025-05-28;12.345.678\nt2;2025-05-28;7\n", [12345678, 7]),
    ("video;measured_at;views\nt1;2025-05-28;10.0\nt2;2025-05-28;7\n", [10, 7]),
    ("video,measured_at,views\nt1,2025-05-28,10.000\nt2,2025-05-28,7\n", [10, 7]),
])  # fmt: skip
def test_dots_between_thousands_are_no_decimal_signs(
    space: Workspace, metrics: MetricsStore, tmp_path: Path, text: str, views: list[int]
):
    assert done(taken(space, metrics, tmp_path, text)) == (2, 2, 0, 0, 0)
    assert [row["views"] for row in metrics.read(ReadRequest())] == views
