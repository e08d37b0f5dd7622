"""Commands on trainings: train, jobs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tui.commands.common import AsJson, InWorkspace, OfTask, emit, fail, say, workspace

if TYPE_CHECKING:
    from core.training.jobs import Job
    from core.workspace import Workspace

app = typer.Typer()
jobs_app = typer.Typer(help="Trainings: queued, running, ended.", no_args_is_help=True)
app.add_typer(jobs_app, name="jobs")

OfJob = Annotated[str, typer.Argument(help="The training's id.")]


@app.command()
def train(
    task: OfTask,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it has ended.")] = False,
    name: Annotated[str | None, typer.Option(help="A name for this training and its version.")] = None,
    priority: Annotated[int, typer.Option(help="Higher goes first; 0 by default.")] = 0,
    speaker: Annotated[str | None, typer.Option(help="Learn from this speaker's clips alone (speech).")] = None,
    recipe: Annotated[list[str] | None, typer.Option(help="key=value of the recipe, for this training only.")] = None,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """Train on everything answered so far, in a process of its own."""
    from core import tasks
    from core.training import estimate, jobs, preflight, wishes

    with workspace(where) as space:
        owner = tasks.get(task)
        params = wishes.params(speaker=speaker, recipe=wishes.recipe(recipe or []))
        try:
            preflight.require(space, owner.name, gpu=False)
        except preflight.PreflightError as error:
            if not as_json:
                raise
            emit(error.to_json(), as_json)
            raise typer.Exit(1) from None
        expected = None if params else estimate.seconds(space, owner.name, space.store.count_answered(owner.name))
        if expected is not None:  # measured for trainings without wishes of their own
            params["estimate_seconds"] = expected
        job = jobs.submit(space, owner.name, params=params, name=name, priority=priority)
        jobs.ensure_worker(space)
        if not wait:
            lasts = f", about {expected:.0f} s" if expected is not None else ""
            followed = f"follow it with: rushes jobs watch {job.job_id}"
            emit(job.to_json(), as_json, [f"queued as {job.job_id}{lasts}; {followed}"])
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


def _follow(space: Workspace, job_id: str) -> Job:
    """Show a job's progress on standard error until it ends: a line a stage, plain text."""
    from core.training import jobs

    job, stage = None, ""
    for job in jobs.follow(space, job_id):
        if job.stage and job.stage != stage:
            stage = job.stage
            left = f"  about {job.eta_seconds:.0f} s left" if job.eta_seconds is not None else ""
            say(f"  {job.progress:5.1f} %  {stage}{left}")
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
        jobs.notice_dead(space)
        found = jobs.every(space, task=task)
        lines = [
            f"{job.job_id}  {job.task:8} {job.state:10} {job.progress:5.1f} %  "
            f"{job.name + '  ' if job.name else ''}{job.model_version or job.error or ''}"
            for job in found
        ]
        emit([job.to_json() for job in found], as_json, lines or ["no trainings yet; start one with: rushes train"])


@jobs_app.command("show")
def jobs_show(job_id: OfJob, as_json: AsJson = False, where: InWorkspace = None) -> None:
    """One training with its progress."""
    from core.training import jobs

    with workspace(where) as space:
        jobs.notice_dead(space)
        emit(jobs.get(space, job_id).to_json(), as_json)


@jobs_app.command("cancel")
def jobs_cancel(job_id: OfJob, as_json: AsJson = False, where: InWorkspace = None) -> None:
    """Stop a training within about 2 s; nothing half-made stays."""
    from core.training import jobs

    with workspace(where) as space:
        job = jobs.cancel(space, job_id)
        said = "asked to stop" if job.state == "Running" else job.state.lower()
        emit(job.to_json(), as_json, [f"{job_id}: {said}"])


@jobs_app.command("resume")
def jobs_resume(job_id: OfJob, as_json: AsJson = False, where: InWorkspace = None) -> None:
    """Run a failed or cancelled training again, on the corrections it had."""
    from core.training import jobs

    with workspace(where) as space:
        job = jobs.resume(space, job_id)
        jobs.ensure_worker(space)
        emit(job.to_json(), as_json, [f"queued as {job.job_id}; follow it with: rushes jobs watch {job.job_id}"])


@jobs_app.command("watch")
def jobs_watch(
    job_id: Annotated[str | None, typer.Argument(help="The training's id; the newest by default.")] = None,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """Follow a training, whoever started it, until it ends."""
    from core.training import jobs

    with workspace(where) as space:
        jobs.notice_dead(space)
        if job_id is None:
            newest = jobs.every(space, limit=1)
            if not newest:
                raise fail("there are no trainings yet; start one with: rushes train")
            job_id = newest[0].job_id
        job = _follow(space, job_id)
        emit(job.to_json(), as_json, [f"{job.state}  {job.model_version or job.error or ''}"])
        if job.state != "Completed":
            raise typer.Exit(1)


@jobs_app.command("history")
def jobs_history(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="So many, the newest.")] = 50,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """The audit log: every training that ran and how it ended, newest first."""
    from core.training import audit, jobs

    with workspace(where) as space:
        jobs.notice_dead(space)
        found = audit.history(space, limit)[::-1]
        emit(found, as_json, [_entry(line) for line in found] or ["no training has ended yet"])


def _entry(line: dict[str, Any]) -> str:
    lasted = line.get("durationSeconds")
    seconds = f"{lasted:7.1f} s" if lasted is not None else "      ? s"
    what = line.get("modelVersion") or line.get("error") or ""
    count = line.get("annotationCount")
    return (
        f"{_date(line.get('startedAt'))}  {line.get('task', ''):8} {line.get('state', ''):10} {seconds}  "
        f"{f'{count} answers  ' if count is not None else ''}{what}"
    )


def _date(seconds: float | None) -> str:
    return "-" if seconds is None else time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


@jobs_app.command("stats")
def jobs_stats(as_json: AsJson = False, where: InWorkspace = None) -> None:
    """How many trainings ran, how they ended, how long they took."""
    from core.training import audit, jobs

    with workspace(where) as space:
        jobs.notice_dead(space)
        found = audit.statistics(audit.history(space))
        average = "-" if found["average_seconds"] is None else f"{found['average_seconds']:.1f} s"
        lines = [
            f"trainings {found['total']}: {found['successful']} successful, {found['failed']} failed, "
            f"{found['cancelled']} cancelled",
            f"{average} on average, {found['total_seconds']:.1f} s in all",
            f"first {_date(found['first_at'])}, last {_date(found['last_at'])}",
        ]
        emit(found, as_json, lines)


@jobs_app.command("report")
def jobs_report(
    job_id: Annotated[str, typer.Argument(help="The training's id.")],
    page: Annotated[Path | None, typer.Option("--html", help="Also write the report as one page here.")] = None,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """What a training's version scored on what it was not trained on."""
    from core.training import jobs, report

    with workspace(where) as space:
        found = report.of_job(jobs.folder(space, jobs.get(space, job_id).job_id))
        if page:
            report.write(page, report.html(found, found["title"], found["facts"]))
            say(f"the report is in {page}")
        emit(found, as_json, report.lines(found))


@jobs_app.command("analysis")
def jobs_analysis(
    job_id: Annotated[str, typer.Argument(help="The training's id.")],
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """What a completed training was worth: observations, quality score, recommendation and next steps."""
    from core.training import analysis

    with workspace(where) as space:
        found = analysis.analyse(space, job_id)
        marked = [f"· {text}" for text in found.observations] + [f"! {text}" for text in found.warnings]
        lines = [
            f"{found.recommendation} ({found.verdict}): {found.summary}",
            f"quality score {found.quality}: {', '.join(f'{name} {n:+}' for name, n in found.factors.items())}",
            *marked,
            *(f"✗ {text}" for text in found.concerns),
            *(f"→ {text}" for text in found.next_steps),
        ]
        emit(found.to_json(), as_json, lines)
