"""Commands on model versions: models."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.errors import WrongUseError
from tui.commands.common import AsJson, InWorkspace, OfTask, counted, emit, say, workspace

if TYPE_CHECKING:
    from core.registry import Card, Pointer
    from core.training.curve import Curve
    from core.workspace import Workspace

app = typer.Typer()
models_app = typer.Typer(help="Model versions: look, deploy, go back.", no_args_is_help=True)
app.add_typer(models_app, name="models")

Version = Annotated[str, typer.Argument(help="factory, v1, v2 ...")]
Speaker = Annotated[str | None, typer.Option("--speaker", help="Only what answers while this speaker is set.")]


@models_app.command("list")
def models_list(task: OfTask, as_json: AsJson = False, where: InWorkspace = None) -> None:
    """All versions of a task; the one that answers is marked."""
    from core import overrides, registry, tasks

    with workspace(where) as space:
        owner = tasks.get(task)
        active, known = registry.pointer(space, owner.name), registry.cards(space, owner.name)
        chosen = _override(space, owner.name)
        payload = [
            card.model_dump(mode="json", exclude={"golden"})
            | {
                "champion": card.version == active.champion,
                "challenger": card.version == active.challenger,
                "answers_speakers": _speakers(active, card.version),
                "override": chosen[1] if chosen and chosen[0] == card.version else None,
            }
            for card in known
        ]
        lines = [_line(card, active, owner.primary) for card in known]
        if active.champion not in {card.version for card in known}:
            lines.append(f"! {active.champion} should answer, but is missing or damaged; an older version does")
        if chosen:
            lines.append(f"! {chosen[1]} is set: {chosen[0]} answers in this environment")
        if (bar := overrides.threshold(space)) is not None and owner.kind == "score":
            lines.append(f"! {overrides.THRESHOLD} is set: good from {bar:g} on 0..1 in this environment")
        emit(payload, as_json, lines)


def _override(space: Workspace, task: str) -> tuple[str, str] | None:
    """What the environment chooses; a version that is not there is said, and must not hide what is."""
    from core import overrides
    from core.errors import ModelError

    try:
        return overrides.version(space, task)
    except ModelError as error:
        say(f"! {error.sentence()}")
        return None


def _speakers(active: Pointer, version: str) -> list[str]:
    return sorted(speaker for speaker, chosen in active.speakers.items() if chosen == version)


def _line(card: Card, active: Pointer, primary: str) -> str:
    words = [card.verdict or ""]
    if card.version == active.champion:
        words.append("champion")
    if card.version == active.challenger:
        words.append("challenger")
    words += [f"answers speaker {speaker}" for speaker in _speakers(active, card.version)]
    if card.speaker and card.speaker not in active.speakers:
        words.append(f"for speaker {card.speaker}")
    if card.base == "imported":
        words.append(f"imported: {card.name}")
    value = card.metrics.get(primary, card.held_out.get("value"))
    return (
        f"{'▶' if card.version == active.champion else ' '} {card.version:8} "
        f"{time.strftime('%Y-%m-%d %H:%M', time.localtime(card.created_at))}  "
        f"{primary} {_number(value)} (n = {card.held_out.get('n', '?')})  {', '.join(word for word in words if word)}"
    )


def _number(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else "not measured"


@models_app.command("show")
def models_show(
    version: Version,
    task: OfTask,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """The card of one version."""
    from core import registry, tasks

    with workspace(where) as space:
        name = tasks.get(task).name
        registry.require(space, name, version)
        emit(registry.card(space, name, version).model_dump(mode="json", exclude={"golden"}), as_json)


@models_app.command("deploy")
def models_deploy(
    version: Version,
    task: OfTask,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """Let this version answer from now on; one made for a speaker answers while that speaker is set."""
    from core import registry, tasks

    with workspace(where) as space:
        name = tasks.get(task).name
        registry.require(space, name, version)
        registry.deploy(space, name, version, reason="asked for")
        _pointer(space, task, as_json)


@models_app.command("rollback")
def models_rollback(task: OfTask, speaker: Speaker = None, as_json: AsJson = False, where: InWorkspace = None) -> None:
    """Bring the previous champion back."""
    from core import registry, tasks

    with workspace(where) as space:
        registry.rollback(space, tasks.get(task).name, speaker)
        _pointer(space, task, as_json, speaker)


models_app.command("restore-backup", hidden=True)(models_rollback)  # seed 002's word for it


@models_app.command("revert")
def models_revert(task: OfTask, as_json: AsJson = False, where: InWorkspace = None) -> None:
    """Go back to the factory model; trained versions stay."""
    from core import registry, tasks

    with workspace(where) as space:
        registry.revert(space, tasks.get(task).name)
        _pointer(space, task, as_json)


def _pointer(space: Workspace, task: str, as_json: bool, speaker: str | None = None) -> None:
    from core import registry

    active = registry.pointer(space, task)
    lines = [f"{task}: {active.champion} answers now"]
    lines += [f"{task}: {version} answers {name}" for name, version in sorted(active.speakers.items())]
    if speaker and speaker not in active.speakers:
        lines.append(f"{task}: {active.champion} answers {speaker} too")
    if chosen := _override(space, task):
        say(f"! {chosen[1]} is set: {chosen[0]} answers in this environment")
    emit(active.model_dump(mode="json"), as_json, lines)


@models_app.command("import")
def models_import(
    file: Annotated[Path, typer.Argument(help="The ONNX file; it is copied.")],
    task: OfTask,
    labels: Annotated[
        Path | None,
        typer.Option(
            "--labels", "--vocabulary", help="Its labels, or for speech the signs of its output: text, CSV or JSON."
        ),
    ] = None,
    adapter: Annotated[str | None, typer.Option(help="features or image; seen from its input by default.")] = None,
    inputs: Annotated[
        list[str] | None, typer.Option("--input", help="ours=theirs: their name of one of our inputs.")
    ] = None,
    output: Annotated[str | None, typer.Option(help="Which of its outputs answers.")] = None,
    mapping_name: Annotated[
        str | None,
        typer.Option(
            "--mapping",
            help="What the output means. ratings: identity (0..1), sigmoid, 1+4x and x/5 (stars of 5), "
            "good (a logit). scenes: softmax (logits), probabilities.",
        ),
    ] = None,
    size: Annotated[
        str | None, typer.Option(help="Picture side, or HEIGHTxWIDTH, where the file leaves it open.")
    ] = None,
    norm: Annotated[str, typer.Option(help="imagenet (mean and deviation) or unit (0..1).")] = "imagenet",
    name: Annotated[str | None, typer.Option(help="What its maker calls it; the file's name by default.")] = None,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """Take somebody else's ONNX file in as a version; it answers once it is deployed.

    Supported are single files (no external data, no custom operators) that take either our features - frames and
    measured for scenes; crops (and lengths) for speech; image, pieces and measured for ratings - or, for ratings and
    scenes, one float picture (N, 3, H, W): of a scene its middle frame. Outputs: one number for ratings, a value per
    label for scenes, CTC scores (N, time, signs) for speech, whose list names the blank as <blank>.
    """
    from core import foreign, tasks

    if adapter not in (None, "features", "image"):
        raise WrongUseError(f"--adapter {adapter!r} is not known", do="Use features or image.")
    agreed = foreign.Agreement(
        labels=labels,
        adapter=adapter,
        inputs=_pairs(inputs or []),
        output=output,
        mapping=mapping_name,
        size=_size(size),
        norm=norm,
        name=name,
    )
    with workspace(where) as space:
        card = foreign.import_model(space, file, tasks.get(task).name, agreed)
        say_so = (
            f"{task} {card.version} is {card.name}; let it answer with: rushes models deploy {card.version} -t {task}"
        )
        emit(card.model_dump(mode="json", exclude={"golden"}), as_json, [say_so, *(f"! {note}" for note in card.notes)])


def _pairs(given: list[str]) -> dict[str, str]:
    if wrong := [pair for pair in given if "=" not in pair]:
        raise WrongUseError(f"--input {wrong[0]!r} is not of the form ours=theirs")
    return dict(pair.split("=", 1) for pair in given)


def _size(given: str | None) -> tuple[int, int] | None:
    if given is None:
        return None
    parts = given.lower().split("x")
    if len(parts) > 2 or not all(part.isdecimal() and 8 <= int(part) <= 2048 for part in parts):
        raise WrongUseError(f"--size {given!r} is no picture size", do="Give 224 or 224x320, 8 to 2048 pixels.")
    return int(parts[0]), int(parts[-1])


@models_app.command("curve")
def models_curve(task: OfTask, as_json: AsJson = False, where: InWorkspace = None) -> None:
    """How right the answers were against the number of corrections, and when the next stage may be reached."""
    from core import tasks
    from core.training import curve

    with workspace(where) as space:
        found = curve.curve(space, tasks.get(task).name)
        emit(found.to_json(), as_json, _curve_lines(found))


def _curve_lines(found: Curve) -> list[str]:
    from core.training.curve import NOT_ENOUGH

    lines = [f"{found.task}: {found.corrections} corrections, stage {found.stage.name}; shown is {found.measure}"]
    lines += [f"{block.first:6} - {block.last:<6} {block.words()}" for block in found.windows]
    lines += [f"{version:8} {block.words()}" for version, block in found.versions.items()]
    if found.random:
        lines.append(f"random picks (the unbiased sample): {found.random.words()}")
    if found.next_stage:
        lines.append(f"{found.to_next} corrections to {found.next_stage.name}")
    seen = found.forecast
    lines.append(f"forecast: {seen.sentence}" if seen else f"forecast: {NOT_ENOUGH} ({found.why_no_forecast})")
    return lines


@models_app.command("compare")
def models_compare(
    a: Annotated[str, typer.Argument(help="The version to compare with: factory, v1, v2 ...")],
    b: Annotated[str, typer.Argument(help="The version in question.")],
    task: OfTask,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """B against A on everything that neither was trained on; what one has not answered yet it answers now."""
    from core import comparison, tasks

    with workspace(where) as space, counted("answering") as step:
        found = comparison.compare(space, tasks.get(task).name, a, b, progress=step)
        emit(found.to_json(), as_json, [found.sentence()])


@models_app.command("shadow")
def models_shadow(
    task: OfTask,
    version: Annotated[str | None, typer.Argument(help="Answers in shadow from now on.")] = None,
    off: Annotated[bool, typer.Option("--off", help="No version answers in shadow any more.")] = False,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """A second version answers beside the champion, unseen, and takes over when it is shown to be better."""
    from core import registry, shadow, tasks

    if version and off:
        raise WrongUseError("a version and --off exclude each other")
    with workspace(where) as space:
        name = tasks.get(task).name
        if off:
            shadow.stop(space, name)
        elif version:
            shadow.start(space, name, version)
        nobody = {"champion": registry.pointer(space, name).champion, "challenger": None}
        found = shadow.status(space, name) or nobody | {"sentence": f"{name}: no version answers in shadow"}
        emit(found, as_json, [str(found["sentence"])])
