"""Commands on models: train, jobs, models, demo."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from tui.commands.common import AsJson, InWorkspace, OfTask, emit, fail, say, workspace

app = typer.Typer()
jobs_app = typer.Typer(help="Trainings: queued, running, ended.", no_args_is_help=True)
models_app = typer.Typer(help="Model versions: look, deploy, go back.", no_args_is_help=True)
app.add_typer(jobs_app, name="jobs")
app.add_typer(models_app, name="models")


@app.command()
def train(
    task: OfTask,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it has ended.")] = False,
    name: Annotated[str | None, typer.Option(help="A name for this training.")] = None,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """Train on everything answered so far, in a process of its own."""
    from core import tasks
    from core.training import jobs

    with workspace(where) as space:
        job = jobs.submit(space, tasks.get(task).name, name=name)
        jobs.ensure_worker(space)
        if not wait:
            emit(job.to_json(), as_json, [f"queued as {job.job_id}; follow it with: rushes jobs watch {job.job_id}"])
            return
        job = _follow(space, job.job_id)
        known = job.metrics or {}
        payload = {
            "job_id": job.job_id,
            "state": job.state,
            "model_version": job.model_version,
            "deployed": known.get("deployed", False),
            "verdict": known.get("verdict"),
            "metrics": known.get("metrics", {}),
            "seconds": known.get("seconds"),
        }
        emit(payload, as_json)
        if job.state != "Completed":
            raise fail(job.error or f"the training was {job.state.lower()}")


def _follow(space: Any, job_id: str) -> Any:
    """Show a job's progress on standard error until it ends: a line a stage, plain text."""
    from core.training import jobs

    job, stage = None, ""
    for job in jobs.follow(space, job_id):
        if job.stage and job.stage != stage:
            stage = job.stage
            say(f"  {job.progress:5.1f} %  {stage}")
    assert job is not None
    return job


@jobs_app.command("list")
def jobs_list(
    task: Annotated[str | None, typer.Option("--task", "-t", help="Only this task.")] = None,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """All trainings, newest first."""
    from core.training import jobs

    with workspace(where) as space:
        found = jobs.every(space, task=task)
        lines = [
            f"{job.job_id}  {job.task:8} {job.state:10} {job.progress:5.1f} %  {job.model_version or job.error or ''}"
            for job in found
        ]
        emit([job.to_json() for job in found], as_json, lines or ["no trainings yet; start one with: rushes train"])


@jobs_app.command("show")
def jobs_show(
    job_id: Annotated[str, typer.Argument(help="The training's id.")],
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """One training with its progress."""
    from core.training import jobs

    with workspace(where) as space:
        emit(jobs.get(space, job_id).to_json(), as_json)


@jobs_app.command("cancel")
def jobs_cancel(
    job_id: Annotated[str, typer.Argument(help="The training's id.")],
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """Stop a training; nothing half-made stays."""
    from core.training import jobs

    with workspace(where) as space:
        job = jobs.cancel(space, job_id)
        emit(job.to_json(), as_json, [f"{job_id}: {'cancelled' if job.state == 'Cancelled' else 'asked to stop'}"])


@jobs_app.command("watch")
def jobs_watch(
    job_id: Annotated[str | None, typer.Argument(help="The training's id; the newest by default.")] = None,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """Follow a training, whoever started it, until it ends."""
    from core.training import jobs

    with workspace(where) as space:
        if job_id is None:
            newest = jobs.every(space, limit=1)
            if not newest:
                raise fail("there are no trainings yet; start one with: rushes train")
            job_id = newest[0].job_id
        job = _follow(space, job_id)
        emit(job.to_json(), as_json, [f"{job.state}  {job.model_version or job.error or ''}"])
        if job.state != "Completed":
            raise typer.Exit(1)


@models_app.command("list")
def models_list(task: OfTask, as_json: AsJson = False, where: InWorkspace = None) -> None:
    """All versions of a task; the champion is marked."""
    from core import registry, tasks

    with workspace(where) as space:
        owner = tasks.get(task)
        champion = registry.pointer(space, owner.name).champion
        known = registry.cards(space, owner.name)
        payload = [
            card.model_dump(mode="json", exclude={"golden"}) | {"champion": card.version == champion} for card in known
        ]
        lines = [
            f"{'▶' if card.version == champion else ' '} {card.version:8} "
            f"{time.strftime('%Y-%m-%d %H:%M', time.localtime(card.created_at))}  "
            f"{owner.primary} {_number(card.metrics.get(owner.primary) or card.held_out.get('value'))} "
            f"(n = {card.held_out.get('n', '?')})  {card.verdict or ''}"
            for card in known
        ]
        emit(payload, as_json, lines)


def _number(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else "not measured"


@models_app.command("show")
def models_show(
    version: Annotated[str, typer.Argument(help="factory, v1, v2 ...")],
    task: OfTask,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """The card of one version."""
    from core import registry, tasks

    with workspace(where) as space:
        emit(registry.card(space, tasks.get(task).name, version).model_dump(mode="json", exclude={"golden"}), as_json)


@models_app.command("deploy")
def models_deploy(
    version: Annotated[str, typer.Argument(help="factory, v1, v2 ...")],
    task: OfTask,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """Let this version answer from now on."""
    from core import registry, tasks

    with workspace(where) as space:
        registry.deploy(space, tasks.get(task).name, version, reason="asked for")
        _pointer(space, task, as_json)


@models_app.command("rollback")
def models_rollback(task: OfTask, as_json: AsJson = False, where: InWorkspace = None) -> None:
    """Bring the previous champion back."""
    from core import registry, tasks

    with workspace(where) as space:
        registry.rollback(space, tasks.get(task).name)
        _pointer(space, task, as_json)


@models_app.command("revert")
def models_revert(task: OfTask, as_json: AsJson = False, where: InWorkspace = None) -> None:
    """Go back to the factory model; trained versions stay."""
    from core import registry, tasks

    with workspace(where) as space:
        registry.revert(space, tasks.get(task).name)
        _pointer(space, task, as_json)


def _pointer(space: Any, task: str, as_json: bool) -> None:
    from core import registry

    active = registry.pointer(space, task)
    emit(active.model_dump(mode="json"), as_json, [f"{task}: {active.champion} answers now"])


@app.command()
def demo(
    no_tui: Annotated[bool, typer.Option("--no-tui", help="Do not open the screens afterwards.")] = False,
    data: Annotated[
        Path | None, typer.Option(help="A folder with scenes.csv, speech.csv, ratings.csv: real clips instead.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Draws other clips.")] = 1,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """The whole loop on clips drawn for it: predict, correct, train, deploy, predict again."""
    from core.demo import run
    from core.workspace import find_root

    root, named = find_root(where)
    report = run.run(root if named else None, data=data, seed=seed, say=say)
    emit(report.to_json(), as_json, report.lines())
    if not no_tui and not as_json:
        from tui.app import run as screens

        screens(report.root, str(report.root / "training_data" / "videos"), "scenes")
    if report.failed:
        raise typer.Exit(1)
