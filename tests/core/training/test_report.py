"""The page: whole, harmless, readable without anything else."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from core.errors import RushesError
from core.training import report
from core.training.evaluation import Case, evaluate
from tests.core.training.cases import ALL, label, sample, speech, task_and_spec

TASKS = sorted(ALL)
HOSTILE = "<script>alert('x')</script>\x00\x1b[2J\u202egnp.exe\ud800 \"onload=\""
VOID = {"meta", "link", "br", "img"}


class Page(HTMLParser):
    """Counts elements and sees that each that opens is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def hostile(name: str) -> list[Case]:
    """Cases whose labels, words, speakers and places are an attack."""
    about = {"speaker": HOSTILE, "source": HOSTILE, "region": HOSTILE, "phase": HOSTILE, "context": HOSTILE}
    cases = [
        replace(case, sample=replace(sample(number), id=f"{HOSTILE}{number}", **about))
        for number, case in enumerate(ALL[name](40))
    ]
    if name == "scenes":
        labels = {HOSTILE: 0.6, "action": 0.4}
        return [replace(case, truth="action" if at % 3 else HOSTILE, answer=label(HOSTILE, labels))
                for at, case in enumerate(cases)]  # fmt: skip
    if name == "speech":
        return [replace(case, truth=f"{case.truth} <b>evil\x07</b>") for case in cases]
    return cases


@pytest.mark.parametrize("name", TASKS)
def test_the_page_is_whole_and_asks_nobody_for_anything(name: str):
    task, spec = task_and_spec(name)
    page = report.html(evaluate(task, spec, ALL[name](80)).to_json(), "ratings: a new version", {"base": "factory"})
    found = Page(page)
    assert not {"script", "link", "img", "iframe", "object"} & set(found.seen)
    assert not {name for name, _ in found.attributes if name in {"src", "href", "xlink:href"} or name.startswith("on")}
    assert "url(" not in page
    assert "@import" not in page
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page
    assert "factory" in found.text


@pytest.mark.parametrize(
    ("name", "headings", "drawings"),
    [
        ("scenes", ["Confusion", "Labels", "By part: accuracy"], ["confusion", "ROC of action", "reliability"]),
        ("speech", ["Words", "By part: wer"], ["reliability"]),
        ("ratings", ["Good (from 0.800)", "Worst errors", "By part"], ["calibration by bucket", "ROC of good"]),
    ],
)
def test_the_page_shows_what_its_kind_of_task_needs(name: str, headings: list[str], drawings: list[str]):
    task, spec = task_and_spec(name)
    found = Page(report.html(evaluate(task, spec, ALL[name](80)).to_json(), "t", {}))
    assert [one for one in headings if one not in found.text] == []
    names = [value for attribute, value in found.attributes if attribute == "aria-label"]
    assert [one for one in drawings if one not in names] == []


@pytest.mark.parametrize("name", TASKS)
def test_hostile_labels_words_and_speakers_stay_text(name: str):
    task, spec = task_and_spec(name)
    found = evaluate(task, spec, hostile(name))
    page = report.html(found.to_json(), HOSTILE, {HOSTILE: HOSTILE})
    seen = Page(page)
    assert not {"script", "b"} & set(seen.seen)
    assert "<script>alert" in seen.text
    assert "\\x1b" in seen.text
    assert all(sign.isprintable() or sign == "\n" for sign in page)
    page.encode()  # nothing is left that UTF-8 cannot say


def test_a_page_without_any_answer_says_so():
    task, spec = task_and_spec("speech")
    lost = [replace(case, answer=replace(case.answer, value=None)) for case in speech(3)]
    text = Page(report.html(evaluate(task, spec, lost).to_json(), "t", {})).text
    assert "Nothing was scored" in text
    assert "no sample was answered" in text


def test_a_report_that_is_missing_damaged_or_has_no_place_is_one_sentence(tmp_path: Path):
    with pytest.raises(RushesError, match="there is no report"):
        report.of_job(tmp_path)
    (tmp_path / "report.json").write_text("{torn")
    with pytest.raises(RushesError, match="damaged"):
        report.of_job(tmp_path)
    with pytest.raises(RushesError, match="folder that exists"):
        report.write(tmp_path / "no" / "page.html", "x")
