"""Commands on what to look at next, and on what the answers show: review."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tui.commands.common import AsJson, InWorkspace, OfTask, counted, emit, say, workspace

if TYPE_CHECKING:
    from core.workspace import Workspace

app = typer.Typer()
review_app = typer.Typer(help="What to look at next, and what the answers show.", no_args_is_help=True)
app.add_typer(review_app, name="review")

Limit = Annotated[int, typer.Option("--limit", "-n", min=1, help="Rows at most.")]
Judge = Annotated[
    bool, typer.Option("--judge", help="First let the model answer what it was never asked, such as imported clips.")
]
OfSample = Annotated[str, typer.Argument(help="The sample's id, or its first signs.")]


@review_app.command("list")
def review_list(task: OfTask, limit: Limit = 20, as_json: AsJson = False, where: InWorkspace = None) -> None:
    """What to answer next, with the reason; at least a fifth is drawn at random, to measure accuracy with."""
    from core.review.queue import queue

    with workspace(where) as space:
        rows = queue(space, task, limit)
        lines = [f"{row.sample_id[:8]}  {_mark(row.picked_by)} {row.reason}  {row.media}" for row in rows]
        emit([row.to_json() for row in rows], as_json, lines or ["nothing waits for an answer"])


def _mark(picked_by: str) -> str:
    return "?" if picked_by == "random" else "!"


@review_app.command("disagreements")
def review_disagreements(
    task: OfTask,
    limit: Annotated[int | None, typer.Option("--limit", "-n", min=1, help="Rows of each part at most.")] = None,
    version: Annotated[str | None, typer.Option(help="Only what this version said, for instance v3.")] = None,
    judge: Judge = False,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """Where model and answers differ most, a draw from near the threshold, and how often under which conditions."""
    from core.review.disagreement import review

    with workspace(where) as space:
        _judge(space, task, judge)
        found = review(space, task, limit, version=version)
        lines = [f"{found['n']} answers compared: {_rate(found)}"]
        for part in ("largest", "boundary"):
            lines += [f"{row['sample_id'][:8]}  {row['reason']}" for row in found[part]]
        for name, rows in (*found["by"].items(), ("version", found["versions"])):
            lines += [f"{name} {row['name']}: {_rate(row)} (n = {row['n']})" for row in rows]
        emit(found, as_json, lines)


def _judge(space: Workspace, task: str, wanted: bool) -> None:
    from core import tasks
    from core.review import judged

    if wanted:
        with counted("judging") as bar:
            say(f"{judged.ask(space, tasks.get(task).name, bar)} answers were compared with a model for the first time")


def _rate(row: dict[str, Any]) -> str:
    return "nothing to compare yet" if row["rate"] is None else f"{100 * row['rate']:.0f} % disagree"


@review_app.command("triage")
def review_triage(
    sample: OfSample,
    state: Annotated[str, typer.Argument(help="new, relabelled or dismissed.")],
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """Note what became of a sample of a review set; answering it again marks it relabelled by itself."""
    from core.review import answers, triage

    with workspace(where) as space:
        found = answers.find(space, sample)
        state = triage.triage(space, found, state)
        emit({"sample_id": found.id, "state": state}, as_json, [f"✓ {found.id[:8]} is {state}"])


@review_app.command("suspects")
def review_suspects(
    task: OfTask, limit: Limit = 20, judge: Judge = False, as_json: AsJson = False, where: InWorkspace = None
) -> None:
    """Answers that look wrong: versions that had not learnt from them are sure of something else."""
    from core.review.suspects import suspects

    with workspace(where) as space:
        _judge(space, task, judge)
        rows = suspects(space, task, limit)
        lines = [f"{row.sample_id[:8]}  {row.reason}" for row in rows]
        emit(
            [row.to_json() for row in rows],
            as_json,
            lines or ["no answer looks wrong, of those a model was asked about (see --judge)"],
        )


@review_app.command("advice")
def review_advice(task: OfTask, as_json: AsJson = False, where: InWorkspace = None) -> None:
    """How the answers are spread, and what to answer more of."""
    from core.review.advice import advice

    with workspace(where) as space:
        found = advice(space, task)
        lines = [f"{found.totalAnnotations} answers"]
        lines += [f"{name}: {count}" for name, count in found.ratingDistribution.items()]
        lines += [f"! {warning}" for warning in found.warnings]
        lines += [f"> {recommendation}" for recommendation in found.recommendations]
        emit(found.to_json(), as_json, lines)


@review_app.command("accuracy")
def review_accuracy(task: OfTask, as_json: AsJson = False, where: InWorkspace = None) -> None:
    """How often the model is right, from random picks only; what was picked for doubt is shown apart."""
    from core.review.accuracy import accuracy, sentence

    with workspace(where) as space:
        found = accuracy(space, task)
        lines = [f"accuracy: {sentence(found['accuracy'])}", f"override rate: {sentence(found['override_rate'])}"]
        for way, name in (("queue", "picked for doubt"), ("own", "picked by you")):
            part = found["biased"][way]
            if part["accuracy"] is not None:
                lines.append(f"{name} (says nothing of the model alone): {part['accuracy']:.2f} (n = {part['n']})")
        emit(found, as_json, lines)


@review_app.command("skip")
def review_skip(
    sample: OfSample,
    reason: Annotated[str, typer.Option(help="Why it is set aside.")] = "",
    back: Annotated[bool, typer.Option("--back", help="Put it back into the queue.")] = False,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """Set an unanswered sample aside."""
    from core.review import answers

    with workspace(where) as space:
        found = answers.find(space, sample)
        answers.skip(space, found, reason, skipped=not back)
        words = "is in the queue again" if back else "is set aside"
        emit({"sample_id": found.id, "skipped": not back}, as_json, [f"✓ {found.id[:8]} {words}"])


@review_app.command("undo")
def review_undo(task: OfTask, as_json: AsJson = False, where: InWorkspace = None) -> None:
    """Take your last action on a task back; again and again, the one before."""
    from core.review.undo import undo

    with workspace(where) as space:
        found = undo(space, task)
        what = "the deletion" if found.op == "delete" else "the answer"
        lines = [f"✓ {what} of {len(found.samples)} sample{'s' * (len(found.samples) != 1)} was taken back"]
        emit(found.to_json(), as_json, lines)
