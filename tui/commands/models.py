"""Commands on model versions: models."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from tui.commands.common import AsJson, InWorkspace, OfTask, emit, workspace

app = typer.Typer()
models_app = typer.Typer(help="Model versions: look, deploy, go back.", no_args_is_help=True)
app.add_typer(models_app, name="models")


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
