"""Copies of everything, elsewhere, and the proof that they come back: backup."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tui.commands.common import FAILED, AsJson, InWorkspace, counted, emit, say, workspace

if TYPE_CHECKING:
    from core.backup.drilling import Drilled
    from core.backup.making import Made

app = typer.Typer()
backup_app = typer.Typer(
    help="Copies of everything elsewhere, and the proof that they come back.", no_args_is_help=True
)
app.add_typer(backup_app, name="backup")

From = Annotated[
    list[str] | None,
    typer.Option(
        "--from", metavar="DEST", help="Folder, s3://bucket/prefix or rclone:remote:path; else the settings'."
    ),
]
OfBackup = Annotated[
    str | None, typer.Argument(metavar="[ID]", help="The backup's id or its first signs; else the newest.")
]
KeyFile = Annotated[
    str | None, typer.Option("--key", metavar="FILE", help="A file with recovery keys; - reads standard input.")
]


@backup_app.command("now")
def backup_now(
    to: Annotated[
        list[str] | None, typer.Option("--to", metavar="DEST", help="Here instead of the settings' destinations.")
    ] = None,
    unencrypted: Annotated[
        bool, typer.Option("--unencrypted", help="Send faces and voices readable for whoever holds the place.")
    ] = False,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """Back everything up: journals, catalog, versions, media, settings."""
    from core import backup

    with workspace(where) as space, counted("backing up") as step:
        made = backup.now(space, to, unencrypted=unencrypted, report=lambda done, of: step(done, f"of {of} files"))
        emit(made.to_json(), as_json, _made(made))
    if made.failed:
        raise typer.Exit(FAILED)


@backup_app.command("list")
def backup_list(places: From = None, as_json: AsJson = False, where: InWorkspace = None) -> None:
    """The backups there are, oldest first."""
    from core import backup

    lost: list[str] = []
    with workspace(where, create=not places) if not places or _is_workspace(where) else nullcontext() as space:
        if space is None:
            from core.settings import load

            found = backup.list_at(load(None).settings.backup, places or [], lost=lost)
        else:
            found = backup.listing(space, places, lost=lost)
        lines = [
            f"{row.id}  {'encrypted  ' if row.encrypted else ''}{'' if row.files is None else f'{row.files} files  '}"
            f"{row.where}"
            for row in found
        ]
        for problem in lost:
            say(f"✗ {problem}")
        none = [] if lost else ["There is no backup yet. Make one: rushes backup now"]
        emit([row.to_json() for row in found], as_json, lines or none)


@backup_app.command("verify")
def backup_verify(
    identity: OfBackup = None,
    places: From = None,
    key: KeyFile = None,
    set_aside: Annotated[
        bool, typer.Option("--set-aside", help="Move damaged packs away; the next backup stores them anew.")
    ] = False,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """Read everything back and hash it, or one backup, at every place; with --key by that key alone."""
    from core import backup

    lost: list[str] = []
    with workspace(where, create=False) as space, counted("reading") as step:
        among = backup.of(space, places, _key(key), alone=True, lost=lost)
        wanted = [(vault, None) for vault in among] if identity is None else backup.each(among, identity, lost)
        found = [
            backup.verify(vault, name, set_aside=set_aside, report=lambda done, of: step(done, f"of {of} packs"))
            for vault, name in wanted
        ]
        good = not lost and all(one.ok for one in found)
        lines = [problem for one in found for problem in one.problems]
        lines += [
            f"{'✓' if one.ok else '✗'} {one.where}: {one.backups} backups, {one.packs} packs, {_size(one.bytes)} read"
            for one in found
        ]
        lines += [f"✗ {problem}" for problem in lost]
        emit({"ok": good, "destinations": [one.to_json() for one in found], "problems": lost}, as_json, lines)
    if not good:
        raise typer.Exit(FAILED)


@backup_app.command("drill")
def backup_drill(
    identity: OfBackup = None,
    places: From = None,
    key: KeyFile = None,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """Prove a backup at every place: restore it into a folder of its own, replay it, let its models answer; with
    --key by that key alone."""
    from core import backup

    lost: list[str] = []
    with workspace(where, create=False) as space, counted("restoring") as step:
        among = backup.of(space, places, _key(key), alone=True, lost=lost)
        found = [
            backup.drill(space, vault, name, report=lambda done, of: step(done, f"of {of} parts"))
            for vault, name in backup.each(among, identity, lost)
        ]
        good = not lost and all(one.ok for one in found)
        names = dict.fromkeys(name for one in found for name in one.checks)
        said = {
            "ok": good,
            "checks": {name: all(one.checks.get(name, True) for one in found) for name in names},  # at every place
            "seconds": round(sum(one.seconds for one in found), 3),
            "destinations": [one.to_json() for one in found],
            "problems": lost,
        }
        lines = [line for one in found for line in _drilled(one)] + [f"✗ {problem}" for problem in lost]
        emit(said, as_json, lines)
    if not good:
        raise typer.Exit(FAILED)


def _drilled(one: Drilled) -> list[str]:
    lines = [f"{'✓' if good else '✗'} {name}" for name, good in one.checks.items()]
    end = "proven" if one.ok else "NOT restorable"
    return [
        *lines,
        *(f"  {problem}" for problem in one.problems),
        f"{one.id} at {one.where}: {end}, {one.seconds:.1f} s",
    ]


@backup_app.command("restore")
def backup_restore(
    identity: Annotated[
        str, typer.Argument(metavar="ID", help="The backup's id or its first signs; latest: the newest.")
    ],
    into: Annotated[Path, typer.Option("--into", metavar="DIR", help="The folder that becomes the workspace.")],
    places: From = None,
    key: KeyFile = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Also where a workspace is; it stays beside under another name.")
    ] = False,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """Make a workspace of a backup, on this machine or another."""
    from core import backup
    from core.settings import load

    lost: list[str] = []
    wanted = None if identity == "latest" else identity
    with workspace(where, create=False) if not places or _is_workspace(where) else nullcontext() as space:
        if space is None:
            among = backup.vaults(load(None).settings.backup, places or [], recovery=_key(key), lost=lost)
        else:
            among = backup.of(space, places, _key(key), lost=lost)
        living = [space.root] if space else []
    for problem in lost:
        say(f"✗ {problem}")
    vault, chosen = backup.pick(among, wanted)
    with counted("restoring") as step:
        found = backup.restore(
            vault, chosen, into, replace=replace, living=living, report=lambda done, of: step(done, f"of {of} parts")
        )
    lines = [f"✓ {found.files} files, {_size(found.bytes)}, in {found.into}"]
    if found.safety_copy:
        lines.append(f"  what was there before: {found.safety_copy}")
    emit(found.to_json(), as_json, lines)


@backup_app.command("prune")
def backup_prune(
    keep: Annotated[int | None, typer.Option("--keep", min=1, help="So many stay instead of backup.keep.")] = None,
    places: From = None,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """Remove old backups, and what only they needed."""
    from core import backup

    with workspace(where, create=False) as space:
        found = [backup.prune(space, vault, keep) for vault in backup.of(space, places)]
        lines = [
            f"{one.where}: {len(one.removed)} removed, {len(one.kept)} kept, {_size(one.bytes)} freed" for one in found
        ]
        emit([one.to_json() for one in found], as_json, lines)


@backup_app.command("key")
def backup_key(
    new: Annotated[
        bool,
        typer.Option(
            "--new",
            help="Another one. The next backup stores all anew and opens with it; those made until now open with the "
            "earlier one, or on this machine.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Set up encryption and show the recovery key, once."""
    from core.backup import keys

    secret = keys.set_up(again=new)
    say("Write it down and keep it away from this machine: it is not kept here and not shown again.")
    emit({"recovery_key": secret}, as_json, [secret])


def _is_workspace(where: Path | None) -> bool:
    from core.root import MARKERS, find_root

    root, _ = find_root(where)
    return any((root / marker).exists() for marker in MARKERS)


def _key(source: str | None) -> str | None:
    """The recovery key, never from the command line, where every process sees it."""
    if source is None:
        return None
    from core.backup.finding import read_key

    return read_key(sys.stdin.buffer if source == "-" else Path(source).expanduser())


def _made(made: Made) -> list[str]:
    lines = [f"{'✗' if one.error else '✓'} {one.where}: {one.error or _stored(one.new_blobs, one.bytes, one.encrypted)}"
             for one in made.destinations]  # fmt: skip
    lines.append(f"{made.id}: {made.files} files, {_size(made.size)}, {made.seconds:.1f} s")
    return lines + [f"  left out: {what}" for what in made.left_out]


def _stored(parts: int, size: int, encrypted: bool) -> str:
    return f"{parts} new parts, {_size(size)}{', encrypted' if encrypted else ''}"


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count} bytes"
