"""Small SVG drawings for the report page: no script, no outside font; colours come from the page's style.

Every text that a user or a manifest wrote goes through `visible` and is escaped here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from core.visible import visible

Json = dict[str, Any]
SIDE, PAD = 220, 34  # pixels: the plotting square and the room for its axes
MOST_LABELS = 20  # of a heat map; more cannot be read
CELL = 30


def _x(share: float) -> float:
    return round(PAD + SIDE * share, 1)


def _y(share: float) -> float:
    return round(8 + SIDE * (1 - share), 1)


def _axes(across: str, up: str, body: Markup, name: str) -> Markup:
    """A unit square with its axes, ticks at 0, 0.5 and 1, and a name for those who cannot see it."""
    width, height = SIDE + PAD + 12, SIDE + PAD + 10
    ticks = Markup("").join(
        Markup('<text x="{}" y="{}" class="end">{}</text><text x="{}" y="{}" class="mid">{}</text>').format(
            PAD - 5, _y(at) + 4, f"{at:g}", _x(at), SIDE + 22, f"{at:g}"
        )
        for at in (0, 0.5, 1)
    )
    return Markup(
        '<svg viewBox="0 0 {w} {h}" width="{w}" height="{h}" role="img" aria-label="{name}">'
        '<rect x="{p}" y="8" width="{s}" height="{s}" class="frame"/>{ticks}{body}'
        '<text x="{mx}" y="{ay}" class="mid">{across}</text>'
        '<text x="10" y="{my}" class="mid" transform="rotate(-90 10 {my})">{up}</text></svg>'
    ).format(
        w=width, h=height, p=PAD, s=SIDE, ticks=ticks, body=body, name=visible(name),
        mx=PAD + SIDE / 2, ay=SIDE + PAD + 2, my=8 + SIDE / 2, across=visible(across), up=visible(up),
    )  # fmt: skip


def _line(points: Sequence[Sequence[float]], kind: str) -> Markup:
    joined = " ".join(f"{_x(across)},{_y(up)}" for across, up, *_ in points)
    return Markup('<polyline points="{}" class="{}"/>').format(joined, kind)


def curve(points: Sequence[Sequence[float]], across: str, up: str, name: str, chance: float | None = None) -> Markup:
    """A curve in the unit square; `chance` draws a flat line of guessing, None the diagonal."""
    guess = [(0, 0), (1, 1)] if chance is None else [(0, chance), (1, chance)]
    return _axes(across, up, _line(guess, "guess") + _line(points, "line"), name)


def dots(rows: Sequence[Json], across: str, up: str, name: str) -> Markup:
    """Measured against expected with bands and the diagonal; rows have `x`, `y`, `band` (or None) and `n`."""
    body = _line([(0, 0), (1, 1)], "guess")
    for row in rows:
        x, y = _x(row["x"]), _y(row["y"])
        if row["band"]:
            low, high = row["band"]
            body += Markup('<line x1="{x}" x2="{x}" y1="{low}" y2="{high}" class="band"/>').format(
                x=x, low=_y(low), high=_y(high)
            )
        body += Markup('<circle cx="{}" cy="{}" r="4" class="dot"><title>n = {}</title></circle>').format(
            x, y, row["n"]
        )
    return _axes(across, up, body, name)


def heat_map(labels: Sequence[str], counts: Sequence[Sequence[int]]) -> Markup:
    """Confusion: rows are truths, columns answers; shade is the share of the row, the number is the count."""
    shown = list(range(min(len(labels), MOST_LABELS)))
    names = [short(visible(labels[index])) for index in shown]
    room = max(len(name) for name in names)
    left, above = 12 + 7 * room, 12 + 6 * room  # the names over the columns stand at 60 degrees
    body = Markup("")
    for at, index in enumerate(shown):
        top = above + CELL * at
        body += Markup('<text x="{}" y="{}" class="end">{}</text>').format(left - 6, top + 20, names[at])
        body += Markup('<text x="{x}" y="{y}" transform="rotate(-60 {x} {y})">{name}</text>').format(
            x=left + CELL * at + 18, y=above - 6, name=names[at]
        )
        whole = sum(counts[index]) or 1
        for column, other in enumerate(shown):
            n = counts[index][other]
            body += Markup(
                '<rect x="{x}" y="{y}" width="{c}" height="{c}" class="{kind}" fill-opacity="{shade}"/>'
                '<text x="{tx}" y="{ty}" class="mid">{n}</text>'
            ).format(
                x=left + CELL * column, y=top, c=CELL, kind="right" if other == index else "wrong",
                shade=round(0.7 * n / whole, 3), tx=left + CELL * column + CELL / 2, ty=top + 20, n=n or "",
            )  # fmt: skip
    width, height = left + CELL * len(shown) + 4 * room, above + CELL * len(shown) + 4
    return Markup(
        '<svg viewBox="0 0 {w} {h}" width="{w}" height="{h}" role="img" aria-label="confusion">{b}</svg>'
    ).format(w=width, h=height, b=body)


def short(text: str, most: int = 24) -> str:
    """A name that fits beside a plot."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def interval(low: float, value: float, high: float, span: tuple[float, float]) -> Markup:
    """A dot with its interval on a line of 180 pixels that shows `span`."""

    def at(number: float) -> float:
        return round(4 + 172 * (number - span[0]) / ((span[1] - span[0]) or 1.0), 1)

    return Markup(
        '<svg viewBox="0 0 180 16" width="180" height="16" role="img" aria-label="{name}">'
        '<line x1="4" x2="176" y1="8" y2="8" class="guess"/>'
        '<line x1="{low}" x2="{high}" y1="8" y2="8" class="band"/><circle cx="{value}" cy="8" r="4" class="dot"/></svg>'
    ).format(name=f"{value:.3f}, {low:.3f} to {high:.3f}", low=at(low), high=at(high), value=at(value))
