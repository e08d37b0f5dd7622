"""An evaluation as one page that needs nothing else: no script, no other host; bright, dark or on paper."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from typing import Any

from core import untrusted
from core.errors import RushesError
from core.files import write_atomic
from core.training import plots
from core.training.plots import Json
from core.visible import visible

TEMPLATE = "report.html.j2"
MOST_PARTS = 40  # rows of a dimension on the page; the JSON has them all
MOST_CURVES = 8  # labels whose curves are drawn; the areas of all stand in the table


def html(evaluation: Mapping[str, Any], title: str, facts: Mapping[str, Any]) -> str:
    """The page.

    Args:
        evaluation: `Evaluation.to_json()`.
        facts: what else a reader wants to know, name -> value; empty values are left out.

    Raises:
        RushesError: the evaluation, which may come from a file, is none.
    """
    import jinja2  # 60 ms, only where a report is written

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_shown
    )
    environment.filters |= {"number": number, "percent": percent}
    template = environment.from_string(files("core.training").joinpath(TEMPLATE).read_text(encoding="utf-8"))
    known = {name: value for name, value in facts.items() if value is not None and value != ""}
    try:
        return template.render(
            e=evaluation, title=title, facts=known, plots=plots, parts=_parts(evaluation), dots=_dots(evaluation),
            most_curves=MOST_CURVES, most_labels=plots.MOST_LABELS,
        )  # fmt: skip
    except (jinja2.TemplateError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise RushesError("the evaluation is damaged, no report can be made of it", do="Evaluate again.") from error


def write(path: Path, page: str) -> None:
    """Put a page where a user asked for it; a folder that is missing is a mistake, not a wish.

    Raises:
        RushesError: it cannot be written there.
    """
    if not path.parent.is_dir() or path.is_dir():
        raise RushesError("is not a file that can be written", where=path, do="Name a file in a folder that exists.")
    try:
        write_atomic(path, page)
    except OSError as error:
        raise RushesError(f"cannot be written ({error.strerror})", where=path) from None


def of_job(folder: Path) -> Json:
    """The report a training left in its folder, as `evaluation.save` wrote it.

    Raises:
        RushesError: there is none, or it is damaged.
    """
    try:
        found = untrusted.read(folder / "report.json")
    except OSError:
        raise RushesError(
            "there is no report", where=folder.name, do="Only trainings that were judged have one."
        ) from None
    except ValueError:
        raise RushesError("the report is damaged", where=folder / "report.json", do="Train again.") from None
    if not isinstance(found, dict):
        raise RushesError("the report is damaged", where=folder / "report.json", do="Train again.")
    return found


def lines(evaluation: Mapping[str, Any]) -> list[str]:
    """The scores and what stands out, for a terminal."""
    found = [f"{evaluation['task']} {evaluation['version']}: {evaluation['n']} scored, {evaluation['failures']} failed"]
    for name, value in evaluation["metrics"].items():
        band = evaluation["intervals"].get(name)
        found.append(
            f"  {name:14} {number(value)}" + (f"  (95 %: {number(band[0])} to {number(band[1])})" if band else "")
        )
    found += [f"  worse: {pattern['sentence']}" for pattern in evaluation["patterns"]]
    return [*found, *(f"  ! {note}" for note in evaluation["notes"])]


def _shown(value: Any) -> Any:
    """Every value the template prints: foreign text made visible, drawings as they are, nothing for None."""
    if value is None:
        return ""
    return visible(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def number(value: float | None) -> str:
    """Three decimals, or a dash where nothing was measured."""
    return "–" if value is None else f"{value:.3f}"


def percent(value: float | None) -> str:
    """A share in per cent, or a dash."""
    return "–" if value is None else f"{value:.0%}"


def _dots(evaluation: Mapping[str, Any]) -> Json:
    """Rows for the reliability and the bucket plot."""
    reliability = evaluation["reliability"] or {"bins": []}
    buckets = evaluation["details"].get("buckets", [])
    return {
        "reliability": [
            {"x": one["confidence"], "y": one["right"], "band": one["band"], "n": one["n"]}
            for one in reliability["bins"]
        ],
        "buckets": [
            {"x": one["predicted"], "y": one["true"], "band": one["band"], "n": one["n"]} for one in buckets if one["n"]
        ],
    }


def _parts(evaluation: Mapping[str, Any]) -> list[Json]:
    """The slices by dimension, largest first, with the span that their lines share."""
    ends = [end for one in evaluation["slices"] if one["interval"] for end in (*one["interval"], one["metric"])]
    span = (min(ends), max(ends)) if ends else (0.0, 1.0)
    found: list[Json] = []
    for name, group in groupby(evaluation["slices"], key=lambda one: one["name"]):
        rows = sorted(group, key=lambda one: 0 if name == "time" else -one["n"])
        found.append({"name": name, "rows": rows[:MOST_PARTS], "more": max(0, len(rows) - MOST_PARTS), "span": span})
    return found
