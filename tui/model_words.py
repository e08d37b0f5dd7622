"""How model versions are put into words: roles, scores, cards, evidence, the interval drawn around zero, the curve.

Pure functions. A line is its text and the colour that goes with it; the text says everything without the colour.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, cast

from tui.job_words import BAD, BOLD, GOOD, MUTED, VERDICTS, WARN, Line

if TYPE_CHECKING:
    from core.comparison import Comparison
    from core.registry import Card
    from core.snapshot.models import Measured, Models, Version
    from core.snapshot.provenance import Provenance
    from core.tasks.base import ModelSpec
    from core.training.curve import Block, Curve

FACTORY, IMPORTED = "factory", "imported"
CHAMPION, SHADOW = "▶", "◌"
ONLY_FACTORY = (
    "Only the factory's model is here. Answer clips (press 1 or 2), then press 3 to train: the version that learns "
    "from your answers appears here."
)
UNTESTED = "No answer has tested a version yet: imported answers test none. Every clip you answer is first a test."


# A version in the table


def roles(version: Version, data: Models) -> list[Line]:
    """What a version does now, the most important first; nothing for one that rests."""
    active, card, name = data.active, version.card, version.name
    found: list[Line] = []
    if version.problem:
        found.append(("! damaged" if card is not None else "! no card", BAD))
    if data.overriding is not None and data.overriding.version == name:
        found.append(("! by override", WARN))
    if name == active.champion:
        found.append((f"{CHAMPION} champion", GOOD))
    if name == active.challenger:
        found.append((f"{SHADOW} in shadow", "$text-primary"))
    found += [(f"{CHAMPION} answers {who}", GOOD) for who, chosen in sorted(active.speakers.items()) if chosen == name]
    if card is not None and card.speaker and active.speakers.get(card.speaker) != name:
        found.append((f"for {card.speaker}", MUTED))
    if active.previous[:1] == (name,):
        found.append(("↶ previous", MUTED))
    if card is not None and card.base == IMPORTED:
        found.append((IMPORTED, MUTED))
    return found


def verdict(card: Card | None) -> Line:
    """Mark and word of a version's verdict."""
    return VERDICTS.get(str(card.verdict), ("", "")) if card is not None and card.verdict else ("-", MUTED)


def score(version: Version) -> str:
    """Value and n on the user's answers; the factory's makers measured it on clips of their own."""
    if version.name == FACTORY and version.yours is None:
        return "own test" if version.measured is not None else "not measured"
    measured = version.yours or version.measured
    if measured is None:
        return "not measured"
    return f"{measured.value:.3f} n={measured.n if measured.n is not None else '?'}"


def interval(measured: Measured | None) -> str:
    """The 95 % interval of a score."""
    if measured is None or measured.interval is None:
        return "-"
    return f"{measured.interval[0]:.3f} to {measured.interval[1]:.3f}"


def made(card: Card | None, *, long: bool = False) -> str:
    """When a version was made, in local time."""
    if card is None or not card.created_at:
        return "?"
    return time.strftime("%Y-%m-%d %H:%M" if long else "%y-%m-%d %H:%M", time.localtime(card.created_at))


def name(card: Card | None) -> str:
    """What its maker called it."""
    return (card.name if card is not None else None) or ""


# A version's card


def card_lines(version: Version, data: Models) -> list[Line]:
    """Everything known of one version, evidence first."""
    card = version.card
    if card is None:
        return [(f"! {version.problem}.", BAD), ("It cannot be deployed. Choose another version.", MUTED)]
    lines: list[Line] = []
    if version.problem:
        lines.append((f"! {version.problem}; it will not be deployed.", BAD))
    lines += roles(version, data)
    lines += evidence_lines(version, data)
    measured, yours = version.measured, version.yours
    if yours is not None:
        lines += [
            ("", ""),
            (f"Score on {yours.n or 'some'} of your answers", BOLD),
            (metric_line(yours.metric, yours.value, None), ""),
        ]
    lines += [("", ""), (f"Scores{_measured_on(version)}", BOLD)]
    lines += [(metric_line(metric, value, measured), "") for metric, value in card.metrics.items()]
    lines += [("", ""), ("How it was made", BOLD), (f"made      {made(card, long=True)}", "")]
    started = "somebody else's file" if card.base == IMPORTED else card.base
    lines += _known("from", started) + _known("name", card.name) + _known("speaker", card.speaker)
    lines += _known("data", card.data) + _known("recipe", recipe(card)) + _known("job", card.job_id)
    lines += [("", ""), ("As it answers", BOLD), *_answers(card.spec, data.kind)]
    threads = (card.model_extra or {}).get("threads")
    lines += _known("threads", f"{threads} in training" if threads else None)
    size = file_size(version.size) if version.size is not None else "no file"
    digest = card.sha256.get("onnx", "")[:12]
    lines += [(f"file      {size}{f', sha256 {digest}' if digest else ''}", "")]
    lines += [(f"· {note}", MUTED) for note in card.notes]
    return lines


def _measured_on(version: Version) -> str:
    count = version.measured.n if version.measured is not None else None
    if version.name == FACTORY:
        return f" on {f'{count} ' if count else ''}clips of its makers, none of them yours"
    return f" on {count} held-out answers" if count is not None else ""


def file_size(count: int) -> str:
    """Bytes as people read them."""
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"


def metric_line(metric: str, value: float, primary: Measured | None) -> str:
    """A metric with its value; the primary one with its interval."""
    words = f"{metric:12} {value:.3f}"
    if primary is not None and primary.metric == metric and primary.interval is not None:
        words += f" ({interval(primary)})"
    return words


def _known(title: str, value: object) -> list[Line]:
    return [(f"{title:9} {value}", "")] if value else []


def recipe(card: Card) -> str:
    """The main choices of a recipe."""
    given = (card.model_extra or {}).get("recipe")
    if not isinstance(given, dict):
        return ""
    known = cast("dict[str, Any]", given)
    wanted = ("backbone", "weights", "target", "epochs", "learning_rate", "batch_size", "seed")
    return ", ".join(f"{key} {known[key]}" for key in wanted if known.get(key) not in (None, ""))


def _answers(spec: ModelSpec, kind: str) -> list[Line]:
    lines: list[Line] = []
    if spec.temperature is None:
        lines.append(("sureness  not calibrated", WARN))
    else:
        lines.append((f"sureness  calibrated on {spec.calibration_n} answers, temperature {spec.temperature:.2f}", ""))
    if kind == "score":
        low, high = spec.scale
        bar = low + spec.threshold * (high - low)
        lines.append((f"threshold good from {bar:g} on {low:g} to {high:g}", ""))
    if spec.labels:
        lines.append((f"labels    {', '.join(spec.labels)}", ""))
    lines.append((f"reads     {spec.features}, {spec.decoder}", ""))
    return lines


# Evidence


def evidence_lines(version: Version, data: Models) -> list[Line]:
    """The verdict and what it rests on, as sentences; the running comparison where the version is part of one."""
    lines: list[Line] = []
    card = version.card
    if card is not None and card.verdict:
        words, colour = verdict(card)
        lines.append((f"{words}: {evidence(card)}", colour))
    elif version.name == FACTORY:
        lines.append(("No verdict: it came with the program.", MUTED))
    else:
        lines.append(("No verdict: it was not trained here. C compares it with the champion.", MUTED))
    if data.shadow is not None and version.name in (data.shadow.a, data.shadow.b):
        lines.append((f"{SHADOW} now: {data.shadow.sentence()}.", "$text-primary"))
    return lines


def evidence(card: Card) -> str:
    """What a version's verdict rested on when it was made."""
    seen = card.evidence
    if not seen:
        return "there was no version to compare it with."
    rival = seen.get("champion") or "the champion of its time"
    a, b, span = seen.get("a"), seen.get("b"), seen.get("interval")
    if a is None or b is None or span is None:
        return f"could not be compared with {rival}: no answers that neither was trained on."
    groups = f" of {seen['groups']} videos or sessions" if seen.get("groups", 0) < seen.get("n", 0) else ""
    words = (
        f"against {rival} {seen.get('metric')} {a:.2f} -> {b:.2f} on {seen.get('n')} answers{groups}, difference "
        f"{seen['difference']:+.2f}, interval {span[0]:+.2f} to {span[1]:+.2f}."
    )
    if seen.get("verdict") == "caution" and seen.get("more_corrections"):
        words += f" About {seen['more_corrections']} more corrections would settle it."
    return words + (f" Note: {seen['note']}." if seen.get("note") else "")


# A comparison


def comparison_lines(found: Comparison, width: int) -> list[Line]:
    """The result of a comparison: metric, difference, the interval as a line around zero, what follows."""
    if found.values is None or not found.found.n:
        return [(f"{found.sentence()}.", WARN), ("Answer more clips: both are asked about every new one.", MUTED)]
    (a, b), seen = found.values, found.found
    better = "higher" if found.metric == "accuracy" else "lower"
    words, colour = VERDICTS[found.verdict]
    scale, line = around_zero(seen.low, seen.high, seen.mean, width)
    return [
        (f"{found.metric:12} {found.a} {a:.3f}   {found.b} {b:.3f}   ({better} is better)", ""),
        (f"difference   {seen.mean:+.3f} for {found.b}, interval {seen.low:+.3f} to {seen.high:+.3f}", ""),
        (f"seen on      {found.n} answers in {seen.n} groups; better on {found.better}, worse on {found.worse}", ""),
        ("", ""),
        (scale, MUTED),
        (line, colour),
        (ends(found.b, width), MUTED),
        ("", ""),
        (f"{words}: {found.sentence()}.", colour),
    ]


def around_zero(low: float, high: float, mean: float, width: int) -> tuple[str, str]:
    """A scale with zero in its middle, and under it the interval with its mean."""
    half = max(8, (width - 1) // 2)
    reach = max(abs(low), abs(high), 0.01)

    def place(value: float) -> int:
        return half + round(value / reach * half)

    cells = [" "] * (2 * half + 1)
    cells[place(low) : place(high) + 1] = "━" * (place(high) - place(low) + 1)
    cells[place(low)], cells[place(high)] = "┣", "┫"
    cells[half] = "┃" if cells[half] == " " else "╋"
    cells[place(mean)] = "●"
    left, right = f"{-reach:+.2f}", f"{reach:+.2f}"
    gap = half - len(left)
    return left + " " * gap + "0" + " " * (half - len(right)) + right, "".join(cells).rstrip()


def ends(version: str, width: int) -> str:
    """What the two sides of the line mean."""
    half = max(8, (width - 1) // 2)
    left, right = "← worse", f"{version} better →"
    return left + " " * max(1, 2 * half + 1 - len(left) - len(right)) + right


# The learning curve


def curve_lines(curve: Curve) -> list[Line]:
    """Stage, what is missing to the next, and when it may be reached."""
    from core.training.curve import NOT_ENOUGH

    lines: list[Line] = [(f"{curve.corrections:,} corrections, {curve.tested:,} tested · stage {curve.stage.name}", "")]
    newest = f"newest {_block(curve.windows[-1])}" if curve.windows else ""
    unbiased = f"random picks {_block(curve.random)}" if curve.random is not None else ""
    lines += [(" · ".join(filter(None, (newest, unbiased))), "")] if newest else []
    following = f"{curve.to_next:,} to {curve.next_stage.name} · " if curve.next_stage and curve.to_next else ""
    if curve.forecast is not None:
        lines.append((f"{following}forecast: {curve.forecast.sentence}", "$text-primary"))
    else:
        lines.append((f"{following}forecast: {NOT_ENOUGH} ({curve.why_no_forecast})", MUTED))
    return lines


def _block(block: Block) -> str:
    return f"{block.score:.2f} ({block.low:.2f} to {block.high:.2f}, n={block.n})"


# Provenance


def learnt_summary(found: Provenance) -> list[Line]:
    """Counts per side and answer, and where the frozen list lies."""
    if not found.rows:
        return [(f"{found.why_empty}.", WARN)]
    lines: list[Line] = [(f"{len(found.rows)} corrections", BOLD)]
    lines += [(f"by split     {_counts(found.splits)}", "")]
    lines += [(f"by answer    {_counts(found.values)}", "")] if found.values else []
    lines += [(f"started from {found.base}, which brought along what it had learnt", "")] if found.base else []
    lines += [(f"manifest     {found.manifest}", MUTED)] if found.manifest else []
    lines += [(f"sha256 {found.manifest_hash}", MUTED)] if found.manifest_hash else []
    return lines


def learnt_rows(found: Provenance) -> list[str]:
    """One line per correction: split, source, answer, clip, id."""
    split = max((len(row.split) for row in found.rows), default=0)
    source = max((len(row.source) for row in found.rows), default=0)
    return [f"{row.split:{split}}  {row.source:{source}}  {row.value}  {row.name}  {row.sample}" for row in found.rows]


def _counts(counted: dict[str, int]) -> str:
    return ", ".join(f"{name}: {count}" for name, count in counted.items())
