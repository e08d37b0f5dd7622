"""Taking answers, clips and versions to other programs: export. The way back is `rushes import`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol

import typer

from tui.commands.common import FAILED, AsJson, InWorkspace, OfTask, counted, emit, workspace

if TYPE_CHECKING:
    from core.exporting.folder import Exported
    from core.exporting.items import Report
    from core.workspace import Workspace

app = typer.Typer()
export_app = typer.Typer(help="Answers, clips and versions for other programs.", no_args_is_help=True)
app.add_typer(export_app, name="export")

Anonymise = Annotated[
    bool,
    typer.Option(
        "--anonymise",
        help="No speaker, source, place, context or file name; faces blurred but for the mouth; no sound.",
    ),
]
ToFolder = Annotated[Path, typer.Option("--to", help="The folder: new, empty, or an earlier export.")]
OneTask = Annotated[str | None, typer.Option("--task", "-t", help="This task's answers.")]


@export_app.command("dataset")
def export_dataset(
    to: Annotated[
        Path | None, typer.Option("--to", help="The archive; by default in the workspace's exports/.")
    ] = None,
    task: Annotated[str | None, typer.Option("--task", "-t", help="Only this task; all by default.")] = None,
    anonymise: Anonymise = False,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """One archive: the answers as seed files, the clips, all versions, the manifests."""
    from core.exporting import dataset

    _run(where, as_json, partial(dataset.export, to=to, task=task, anonymous=anonymise))


@export_app.command("vsr")
def export_vsr(
    to: ToFolder,
    task: OneTask = None,
    link: Annotated[bool, typer.Option("--link", help="Hard links instead of copies of the clips.")] = False,
    anonymise: Anonymise = False,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """Pairs for a lip reader: video, text, duration, fps."""
    from core.exporting import pairs

    _run(where, as_json, partial(pairs.export_vsr, to=to, task=task, anonymous=anonymise, link=link))


@export_app.command("llm")
def export_llm(
    to: ToFolder, task: OneTask = None, anonymise: Anonymise = False, as_json: AsJson = False, where: InWorkspace = None
) -> None:
    """Pairs for a language model: input (what was read), output (what was right), context."""
    from core.exporting import pairs

    _run(where, as_json, partial(pairs.export_llm, to=to, task=task, anonymous=anonymise))


@export_app.command("manifests")
def export_manifests(
    to: ToFolder, task: OfTask, anonymise: Anonymise = False, as_json: AsJson = False, where: InWorkspace = None
) -> None:
    """manifest_full, _train, _val and _test.csv, as `rushes dataset export`; the files stay in the workspace."""
    from core.exporting import splits

    _run(where, as_json, partial(splits.export, to=to, task=task, anonymous=anonymise))


@export_app.command("annotations")
def export_annotations(
    to: ToFolder, task: OneTask = None, anonymise: Anonymise = False, as_json: AsJson = False, where: InWorkspace = None
) -> None:
    """Ratings as annotations.jsonl (framePath, rating, metadata) with their frames."""
    from core.exporting import annotations

    _run(where, as_json, partial(annotations.export, to=to, task=task, anonymous=anonymise))


@export_app.command("label-studio")
def export_label_studio(
    to: ToFolder, task: OfTask, anonymise: Anonymise = False, as_json: AsJson = False, where: InWorkspace = None
) -> None:
    """Tasks for Label Studio, with predictions and answers."""
    from core.exporting import labelstudio

    _run(where, as_json, partial(labelstudio.export, to=to, task=task, anonymous=anonymise))


@export_app.command("huggingface")
def export_huggingface(
    to: ToFolder, task: OfTask, anonymise: Anonymise = False, as_json: AsJson = False, where: InWorkspace = None
) -> None:
    """A folder that Hugging Face's datasets loads: metadata.jsonl and the files, by split."""
    from core.exporting import huggingface

    _run(where, as_json, partial(huggingface.export, to=to, task=task, anonymous=anonymise))


@export_app.command("mlflow")
def export_mlflow(
    version: Annotated[str, typer.Argument(help="Such as v3, or factory.")],
    to: ToFolder,
    task: OfTask,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """A version as a model folder that MLflow loads."""
    from core.exporting import mlflow

    def export(space: Workspace, *, report: Report) -> Exported:
        del report  # one version takes no time
        return mlflow.export(space, version, to, task=task)

    _run(where, as_json, export)


class _Export(Protocol):
    def __call__(self, space: Workspace, *, report: Report) -> Exported: ...


def _run(where: Path | None, as_json: bool, export: _Export) -> None:
    with workspace(where, create=False) as space, counted("exporting", "%") as bar:
        found = export(space, report=lambda part: bar(round(part * 100), ""))
        lines = [f"✗ {error['sample']}: {error['reason']}" for error in found.errors]
        lines += [f"  {note}" for note in found.notes]
        emit(found.to_json(), as_json, [_said(found), *lines])
    if found.errors:
        raise typer.Exit(FAILED)


def _said(found: Exported) -> str:
    counts = [f"{part} {name}" for name, part in _flat(found.counts)]
    return f"✓ {', '.join(counts)}, {found.bytes / 1e6:.1f} MB, in {found.to}"


def _flat(counts: dict[str, object]) -> list[tuple[str, object]]:
    """Counts for people: what is 0 is not worth a word."""
    found: list[tuple[str, object]] = []
    for name, part in counts.items():
        if isinstance(part, dict):
            found += [(f"{name} of {inner}", count) for inner, count in part.items()]
        elif part:
            found.append((name.replace("_", " "), part))
    return found
