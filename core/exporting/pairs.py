"""Seed 003's pairs for fine-tuning: video and text for the lip reader, raw and right text for the language model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from core import loop, manifest
from core.capture.consent import require_consent
from core.errors import CancelledError, MediaError, WrongUseError
from core.exporting import folder
from core.exporting.folder import Exported
from core.exporting.items import Report, Stop, never, of_kind, silent
from core.exporting.lines import objects
from core.exporting.making import making
from core.importing import Imported
from core.manifest import BadRow, Row
from core.store import wire
from core.store.identity import derived_id
from core.store.records import Json
from core.tasks.base import Task
from core.workspace import Workspace

VSR, LLM = "vsr.jsonl", "llm.jsonl"
CLIPS = "clips"


def export_vsr(
    space: Workspace,
    to: Path,
    *,
    task: str | None = None,
    anonymous: bool = False,
    link: bool = False,
    report: Report = silent,
    stop: Stop = never,
) -> Exported:
    """`vsr.jsonl` with video (relative to the folder), text, duration (s) and fps, and the clips beside it.

    Args:
        link: hard links instead of copies, where the file system can.

    Raises:
        WrongUseError: something else is there, or the answers are no texts.
        CancelledError: `stop` said so; nothing was written.
    """
    from core.media.decode import probe

    owner = of_kind(task, "text", "speech", "pairs of video and text")
    if link and anonymous:
        raise WrongUseError("a blurred clip is a copy and cannot be a link", do="Use --anonymise or --link.")

    def half(part: float) -> None:
        report(part * 0.5)

    with making(space, to, "vsr", owner.name, anonymous=anonymous, report=half, stop=stop) as one:
        made, found = one.folder, one.found
        lines: list[bytes] = []
        for done, item in enumerate(found.items, start=1):
            if stop():
                raise CancelledError("stopped")
            if item.file is None:
                continue
            video = f"{CLIPS}/{item.name}"
            if not (made / video).exists():
                folder.put(item.file, made / video, link=link)
            try:
                info = probe(item.file)
            except MediaError as error:
                found.errors.append({"sample": item.sample.id, "reason": error.what})
                (made / video).unlink()
                continue
            duration = item.sample.duration_s or info.duration
            pair = {"video": video, "text": str(item.correction.value), "duration": round(duration, 3)}
            lines.append(wire.encode(pair | {"fps": round(info.fps, 3)}))
            report(0.5 + 0.5 * done / len(found.items))
        (made / VSR).write_bytes(b"".join(lines))
        one.counts["pairs"] = len(lines)
    return one.exported()


def export_llm(
    space: Workspace,
    to: Path,
    *,
    task: str | None = None,
    anonymous: bool = False,
    report: Report = silent,
    stop: Stop = never,
) -> Exported:
    """`llm.jsonl` with input (what the model said), output (what was right) and context.

    Answers of which the model had said nothing are no pairs; they are counted.

    Raises:
        WrongUseError: something else is there, or the answers are no texts.
    """
    owner = of_kind(task, "text", "speech", "pairs of raw and right text")
    with making(space, to, "llm", owner.name, anonymous=anonymous, report=report, stop=stop, media=False) as one:
        lines: list[bytes] = []
        for item in one.found.items:
            raw = str(owner.codec.encode(item.sample, item.correction)["raw_output"])
            if raw:
                pair = {"input": raw, "output": str(item.correction.value), "context": item.sample.context or ""}
                lines.append(wire.encode(pair))
        (one.folder / LLM).write_bytes(b"".join(lines))
        one.counts |= {"pairs": len(lines), "without_prediction": len(one.found.items) - len(lines)}
    return one.exported()


def rows(space: Workspace, source: Path, owner: Task) -> Iterator[Row | BadRow]:
    """The rows of a file of VSR pairs; clips are looked up beside it, then in the workspace.

    Raises:
        WrongUseError: the file cannot be read, or the task has no texts.
    """
    if owner.kind != "text":
        raise WrongUseError(f"pairs of video and text are no answers of {owner.name}", where=source)
    for number, line, reason in objects(source, space.settings.limits.line_mb):
        if line is None:
            yield BadRow(number, reason)
        elif not isinstance(line.get("video"), str) or not isinstance(line.get("text"), str):
            yield BadRow(number, "video or text is missing")
        else:
            cells = {"file": line["video"], "value": line["text"].strip()}
            yield manifest.row_of(number, cells, "text", [source.parent, space.root])


def take_llm(space: Workspace, source: Path, owner: Task) -> Imported:
    """Pairs for the language model become answers without a clip: it learns from them, the lip reader cannot.

    Raises:
        WrongUseError: the file cannot be read, or the task has no texts.
        RushesError: consent is missing.
    """
    if owner.kind != "text":
        raise WrongUseError(f"pairs of raw and right text are no answers of {owner.name}", where=source)
    space.require_writable()
    if owner.keeps_face:
        require_consent(space, owner.name)
    result = Imported()
    answered = space.store.answered(owner.name)
    known = {item.sample.id for item in answered}
    known_pairs = {(str(item.correction.predicted), str(item.correction.value)) for item in answered}
    fresh: list[Json] = []
    for number, line, reason in objects(source, space.settings.limits.line_mb):
        try:
            if line is None:
                raise ValueError(reason)
            entry = _llm_line(line)
            sample, said = owner.codec.decode(entry)
        except ValueError as error:
            result.errors.append({"row": number, "reason": str(error)})
            continue
        if space.store.forgot(sample.id):
            result.errors.append({"row": number, "reason": "was forgotten here"})
            continue
        if sample.id in known or (str(said.predicted), str(said.value)) in known_pairs:
            result.skipped += 1
            continue
        known.add(sample.id)
        fresh.append(entry)
        result.imported += 1
    if fresh:
        space.store.append_lines(owner.name, fresh)
        loop.maybe_train(space, owner.name)
    return result


def _llm_line(line: Json) -> Json:
    raw, right, context = line.get("input"), line.get("output"), line.get("context")
    if not isinstance(raw, str) or not raw.strip() or not isinstance(right, str) or not right.strip():
        raise ValueError("input or output is missing")
    about = {"context": context} if isinstance(context, str) and context else {}
    return {
        "id": derived_id("speech", "pair", raw, right),
        "raw_output": raw,
        "llm_correction": "",
        "ground_truth": right,
        "metadata": about,
    }
