"""Erasing what is to be forgotten: forget. And what the user agreed to: consent."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.errors import WrongUseError
from tui.commands.common import AsJson, InWorkspace, OfTask, emit, say, workspace

if TYPE_CHECKING:
    from core.privacy.forgetting import Forgot

app = typer.Typer()
MOST_SHOWN = 20  # files of a kind


@app.command()
def forget(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Samples: ids, their first signs, or a seed's names.")
    ] = None,
    speaker: Annotated[str | None, typer.Option("--speaker", help="All samples of this speaker.")] = None,
    source: Annotated[str | None, typer.Option("--source", help="All samples from this source.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    finish: Annotated[
        bool, typer.Option("--finish", help="Finish what was cut off, and erase what came back.")
    ] = False,
    allow: Annotated[
        list[Path] | None, typer.Option("--allow", metavar="FILE", help="Let this file be taken in again.")
    ] = None,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """Erase samples for good, everywhere in the workspace. `d` on Review only hides."""
    from core import privacy

    with workspace(where, create=False) as space:
        named = bool(ids or speaker or source)
        if finish or allow:
            if named:
                raise WrongUseError("--finish and --allow take no samples")
            erased = [*privacy.finish(space), *privacy.sweep(space)] if finish else []
            allowed = [str(path) for path in allow or () if privacy.allow_again(space, path)]
            emit({"erased": erased, "allowed": allowed}, as_json, [f"✓ {name}" for name in (*erased, *allowed)])
            return
        if not dry_run and not yes and sys.stdin.isatty():
            would = privacy.forget(space, ids or (), speaker=speaker, source=source, dry_run=True)
            for line in _lines(would):
                say(line)
            typer.confirm("This cannot be undone. Erase them?", abort=True, err=True)
        found = privacy.forget(space, ids or (), speaker=speaker, source=source, dry_run=dry_run)
        emit(found.to_json(), as_json, _lines(found))


@app.command()
def consent(
    task: OfTask = "speech",
    give: Annotated[bool, typer.Option("--give", help="Agree that clips of faces are kept in this workspace.")] = False,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="No new face is kept from now on.")] = False,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """What you agreed to about clips of faces; agree, or take it back. `rushes forget` erases what was kept."""
    from core import privacy
    from core.capture.consent import give_consent, withdraw_consent

    if give and withdraw:
        raise WrongUseError("--give and --withdraw exclude each other")
    with workspace(where, create=False) as space:
        if give or withdraw:
            privacy.require_faces(task)
            (give_consent if give else withdraw_consent)(space, task, by="rushes consent")
        agreed = privacy.agreed(space)
        emit({"consent": agreed}, as_json, privacy.agreed_lines(agreed))


def _lines(found: Forgot) -> list[str]:
    would = "would be " if found.dry_run else ""
    lines = [f"{len(found.samples)} samples {would}forgotten, {len(found.erased)} files {would}erased or cleaned"]
    lines += [f"  {name}" for name in found.erased[:MOST_SHOWN]]
    if len(found.erased) > MOST_SHOWN:
        lines.append(f"  and {len(found.erased) - MOST_SHOWN} more")
    for title, names in (
        ("versions that learnt from it (they stay; train anew to be rid of it)", found.models_trained_on_it),
        (
            "backups that hold it (a restore leaves it out; rushes backup prune removes old ones)",
            found.backups_holding_it,
        ),
        ("files that still name it", found.left),
    ):
        if names:
            lines.append(f"! {title}: {', '.join(names)}")
    lines += [f"! {version} knows words that only these had: {', '.join(words)}"
              for version, words in found.frozen_words.items()]  # fmt: skip
    return lines + [f"! {note}" for note in found.notes]
