"""Commands on clips: capture, predict, correct, import, evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.errors import WrongUseError
from tui import wording
from tui.commands.common import AsJson, Consent, InWorkspace, Map, OfTask, counted, emit, mapping, say, workspace

if TYPE_CHECKING:
    from core.loop import Prediction
    from core.tasks.base import Task

app = typer.Typer()


@app.command()
def capture(
    source: Annotated[str, typer.Argument(help="A file, a folder, a camera's number, or a stream's URL.")],
    task: OfTask,
    seconds: Annotated[float | None, typer.Option(help="Length of a clip from a camera or stream.")] = None,
    count: Annotated[int | None, typer.Option(help="Stop after so many clips.")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Keep waiting for new files in the folder.")] = False,
    speaker: Annotated[str | None, typer.Option(help="Who speaks.")] = None,
    context: Annotated[str | None, typer.Option(help="What it is about.")] = None,
    group: Annotated[str | None, typer.Option(help="Clips of one group are never split in training.")] = None,
    consent: Consent = False,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """Take clips in, let the model judge them, keep them until they are answered."""
    import itertools
    import threading

    from core import loop, registry
    from core.capture import session
    from core.capture.intake import About, Refused, leftovers, recorded_for
    from core.capture.sources import open_source

    with workspace(where, consent=task if consent else None) as space:
        served = registry.serving(space, registry.check_task(task), speaker)
        if served.problem:
            say(f"! {served.problem}")
        if served.override:
            say(f"{served.predictor.version} answers, because {served.override}")
        rows: list[dict[str, Any]] = []
        about = About(source=source, speaker=speaker, context=context, group=group)
        live = open_source(source, watch=watch)
        abandoned = [(path, True) for path in leftovers(space) if recorded_for(path) in (None, task)]
        if abandoned:
            say(f"taking in {wording.count(len(abandoned), 'recording')} left from the last time")
        try:
            fresh = session.clips(space, live, threading.Event(), seconds=seconds, count=count)
            for path, recorded in itertools.chain(abandoned, fresh):
                for part in loop.capture(space, [path], task, about, incoming=recorded):
                    if isinstance(part, Refused):
                        rows.append(_blank(part.file, task) | {"error": part.reason})
                    else:
                        found = loop.predict(space, served.predictor, [part])[0]
                        rows.append(_prediction(str(path), served.predictor.task, found) | {"sample_id": part.id})
                        loop.shadow(space, [part])
                        if mended := loop.mend(space, found):
                            rows[-1] |= {"llm": mended.value, "llm_error": mended.error}
                    if not as_json:
                        print(_line(rows[-1]), flush=True)
        finally:
            live.close()
        if as_json:
            emit(rows, True)
        if any(row["error"] for row in rows):
            raise typer.Exit(1)


def _blank(file: str, task: str) -> dict[str, Any]:
    return {
        "file": file,
        "task": task,
        "value": None,
        "confidence": None,
        "model_version": None,
        "latency_ms": None,
        "error": None,
    }


def _prediction(file: str, task: Task, found: Prediction) -> dict[str, Any]:
    return _blank(file, task.name) | {
        "value": found.value,
        "confidence": found.confidence,
        "model_version": found.version,
        "latency_ms": found.latency_ms,
        "error": found.error,
    }


def _line(row: dict[str, Any]) -> str:
    from tui.commands.common import plain

    name = Path(str(row["file"])).name
    if row["error"]:
        return plain(f"✗ {name}: {row['error']}")
    sure = "" if row["confidence"] is None else f"  {row['confidence']:.2f}"
    shown = f"{row['value']:.3f}" if isinstance(row["value"], float) else row["value"]
    sample = f"  {row['sample_id']}" if row.get("sample_id") else ""
    if "llm" in row:
        sample += f"  LLM: {row['llm'] or row['llm_error']}"
    return plain(f"{name}  {shown}{sure}  {row['model_version']}{sample}")


@app.command()
def predict(
    files: Annotated[list[Path], typer.Argument(help="Clips or images.")],
    task: Annotated[str | None, typer.Option("--task", "-t", help="scenes, speech or ratings.")] = None,
    model: Annotated[str | None, typer.Option(help="A version such as v3, or any ONNX file made by Rushes.")] = None,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """Say what a model sees in files; nothing is kept."""
    from core import judging

    if model and model.endswith(".onnx"):
        from core import inference

        predictor = inference.load(Path(model), task=task)
        rows = _judged(judging.judge_files(predictor, files))
    else:
        if not task:
            raise WrongUseError("--task is missing", do="Name a task, or a model file with --model.")
        with workspace(where) as space:
            predictor = judging.predictor(space, task, model, warn=say)
            rows = _judged(judging.judge_files(predictor, files))
    emit(rows, as_json, [_line(row) for row in rows])
    if any(row["error"] for row in rows):
        raise typer.Exit(1)


def _judged(found: Any) -> list[dict[str, Any]]:
    return [
        _blank(str(item.path), item.task)
        | {
            "value": item.value,
            "confidence": item.confidence,
            "model_version": item.version,
            "latency_ms": item.latency_ms,
            "error": item.error,
        }
        for item in found
    ]


@app.command()
def correct(
    sample: Annotated[str, typer.Argument(help="The sample's id, or its first signs.")],
    value: Annotated[str | None, typer.Argument(help="What it really was.")] = None,
    right: Annotated[bool, typer.Option("--right", help="The model was right.")] = False,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """Answer one sample: give the right value, or confirm the model's with --right."""
    from core import loop, registry, tasks
    from core.review import answers

    if right == (value is not None):
        raise WrongUseError("give either the right value or --right")
    with workspace(where) as space:
        found = answers.find(space, sample)
        task = tasks.get(found.task)
        answer = None if value is None else task.parse(value, registry.current_spec(space, task))
        saved = loop.correct(space, [(found, answer)])[0]
        payload = {"sample_id": saved.sample, "value": saved.value, "was_correct": saved.was_correct}
        emit(payload, as_json, ["✓ Marked as correct" if right else "✓ Training sample saved!"])


@app.command(name="import")
def import_(
    file: Annotated[
        Path,
        typer.Argument(
            help="A CSV manifest, a seed's corrections/samples/annotations.jsonl, an exported data set, Label Studio's "
            "JSON, pairs for fine-tuning, or a folder with metadata.jsonl."
        ),
    ],
    task: Annotated[
        str | None, typer.Option("--task", "-t", help="scenes, speech or ratings; an exported data set says it itself.")
    ] = None,
    map_: Map = None,
    add_labels: Annotated[bool, typer.Option("--add-labels", help="Let new labels into the task's list.")] = False,
    versions: Annotated[bool, typer.Option("--versions", help="Take an exported data set's versions too.")] = False,
    consent: Consent = False,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """Bring answered clips in; good rows are kept, bad ones are named."""
    from core.exporting import bringing

    with workspace(where) as space, counted("importing") as bar:
        renamed = mapping(map_ or [])
        result = bringing.run(
            space, file, task, renamed=renamed, add_labels=add_labels, versions=versions, consent=consent, progress=bar
        )
        for note in result.notes:
            say(note)
        lines = [f"{result.imported} imported, {result.skipped} known already, {len(result.errors)} refused"]
        lines += [f"✗ row {error['row']}: {error['reason']}" for error in result.errors]
        payload = {"imported": result.imported, "skipped": result.skipped, "errors": result.errors}
        emit(payload, as_json, lines)
        if result.errors:
            raise typer.Exit(1)
