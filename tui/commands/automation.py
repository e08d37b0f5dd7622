"""The automation gate and what waits for approval: automation."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tui.commands.common import FAILED, AsJson, InWorkspace, emit, workspace

if TYPE_CHECKING:
    from core.automation import Entry

app = typer.Typer()
automation_app = typer.Typer(help="Whether clips may be published without asking.", no_args_is_help=True)
app.add_typer(automation_app, name="automation")

OfEntry = Annotated[str, typer.Argument(metavar="ID", help="The entry's id, or its first signs.")]
CRITERIA = {
    "override_rate": "overridden videos",
    "mean_hook_confidence": "hook confidence",
    "system_rating": "system rating",
}


@automation_app.command("status")
def automation_status(as_json: AsJson = False, where: InWorkspace = None) -> None:
    """The three criteria, and whether they are met."""
    from core import automation

    with workspace(where) as space:
        found = automation.status(space)
        emit(found, as_json, _lines(found))


@automation_app.command("rate")
def automation_rate(
    rating: Annotated[float, typer.Argument(help="Your own rating of the system, 0 to 10.")],
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """Rate the system yourself, 0 to 10."""
    from core import automation

    with workspace(where) as space:
        automation.rate(space, rating)
        found = automation.status(space)
        emit(found, as_json, _lines(found))


@automation_app.command("publish")
def automation_publish(
    sample: Annotated[str, typer.Argument(help="The sample's id, or its first signs.")],
    platform: Annotated[str, typer.Option("--platform", "-p", help="Where to, for instance youtube.")],
    again: Annotated[bool, typer.Option("--again", help="Also when it was published there before.")] = False,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """Publish a clip if the gate is unlocked; else it waits for your approval."""
    from core import automation
    from core.review import answers

    with workspace(where) as space:
        _ended(automation.publish(space, answers.find(space, sample), platform, again=again), as_json)


@automation_app.command("queue")
def automation_queue(
    every: Annotated[bool, typer.Option("--all", help="Also what is published or rejected.")] = False,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """What waits for your approval, oldest first."""
    from core import automation

    with workspace(where) as space:
        found = [one for one in automation.entries(space) if every or one.state not in ("published", "rejected")]
        emit([one.to_json() for one in found], as_json, [_line(one) for one in found] or ["Nothing waits."])


@automation_app.command("approve")
def automation_approve(
    entry: OfEntry,
    again: Annotated[bool, typer.Option("--again", help="Also when it was cut off while publishing.")] = False,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """Publish an entry of the queue."""
    from core import automation

    with workspace(where) as space:
        _ended(automation.approve(space, entry, again=again), as_json)


@automation_app.command("reject")
def automation_reject(
    entry: OfEntry,
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "",
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """Take an entry out of the queue."""
    from core import automation

    with workspace(where) as space:
        _ended(automation.reject(space, entry, reason=reason), as_json)


def _ended(entry: Entry, as_json: bool) -> None:
    emit(entry.to_json(), as_json, [_line(entry)])
    if entry.state in ("failed", "unknown"):
        raise typer.Exit(FAILED)


def _line(entry: Entry) -> str:
    marks = {"published": "✓", "failed": "✗", "unknown": "?", "rejected": "-"}
    said = entry.detail.splitlines()[:1] or [entry.why]
    return f"{marks.get(entry.state, '…')} {entry.id[:8]}  {entry.platform}  {entry.state}  {said[0]}".rstrip()


def _lines(found: dict[str, Any]) -> list[str]:
    lines = ["Unlocked: clips are published without asking" if found["unlocked"] else "Locked: clips wait for approval"]
    for name, title in CRITERIA.items():
        one = found[name]
        limit = f"at {'most' if name == 'override_rate' else 'least'} {one['threshold']:g}"
        value = "not measured" if one["value"] is None else f"{one['value']:.3g}"
        said = f"{'✓' if one['ok'] else '✗'} {title}: {value} ({limit}, n = {one['n']})"
        lines.append(f"{said}; {one['missing']}" if one["missing"] else said)
    chance = found["chance_true_rate_above_20"]
    if chance is not None:
        lines.append(f"  chance that the true override rate is above 20 % all the same: {chance:.1%}")
    for change in found["changes"][-5:]:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(change["at"]))
        lines.append(f"  {when}  {change['what']}: {change['why']}")
    return lines
