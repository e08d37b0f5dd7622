"""Commands on trainings: train, jobs."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tui.commands.common import AsJson, InWorkspace, OfTask, emit, fail, say, workspace

app = typer.Typer()
jobs_app = typer.Typer(help="Trainings: queued, running, ended.", no_args_is_help=True)
app.add_typer(jobs_app, name="jobs")


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
