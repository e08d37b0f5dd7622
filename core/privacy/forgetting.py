"""Forgetting for good: named, written down, erased everywhere, and looked for once more.

First what is to be erased is written into cache/ (in the clear, because the places are searched for it; no backup
takes that folder), then the salted hashes go onto the list of the forgotten. The file in cache/ goes last: a forgetting
that was cut off is finished by the next one or at the next open, which hides the samples where it cannot finish.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

from core import backup
from core.backup import history
from core.backup.destinations import chosen
from core.backup.making import alone, identity
from core.errors import RushesError, StoreError
from core.files import locked, read_regular, write_atomic
from core.gone import Gone
from core.privacy import lineage, places, tracing
from core.privacy.caches import left
from core.privacy.tracing import Trace
from core.store import forgotten
from core.store.places import Places
from core.training import jobs
from core.workspace import Workspace

MOST_BYTES = 1 << 30  # of what is being forgotten: ids, hashes and words of every sample


@dataclass(frozen=True, slots=True)
class Forgot:
    """What was forgotten, or with `dry_run` what would be.

    Attributes:
        samples: ids.
        erased: files, relative to the workspace, that went or were written anew.
        kept_media: media that stay because other samples are made of the same bytes.
        models_trained_on_it: versions that learnt from it or started from one that did, as "task/version".
        frozen_words: words that only these samples had and that such versions know still, by version.
        backups_holding_it: ids of backups that hold its media, or that were made while it was there.
        left: files that still name it, and why nothing can be done about them here.
        notes: what else a person should know, as sentences.
    """

    samples: tuple[str, ...]
    erased: tuple[str, ...]
    kept_media: tuple[str, ...]
    models_trained_on_it: tuple[str, ...]
    frozen_words: dict[str, list[str]]
    backups_holding_it: tuple[str, ...]
    left: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    dry_run: bool = False

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def forget(
    space: Workspace,
    starts: Sequence[str] = (),
    *,
    speaker: str | None = None,
    source: str | None = None,
    dry_run: bool = False,
) -> Forgot:
    """Erase samples, named by ids or unique beginnings of ids, by speaker or by source.

    Raises:
        WrongUseError: nobody is meant, or more than one by a beginning.
        StoreError: a training or backup runs, or a place cannot be written; what is left is finished by `finish`.
    """
    if not dry_run:
        finish(space)
        sweep(space)
    known = tracing.traces(space)
    which = tracing.chosen(known, starts, speaker, source, forgotten.read(space.root))
    gone = tracing.gone(space, known, which)
    if dry_run:
        return replace(_facts(space, known, which, gone), erased=tuple(_would(space, gone)), dry_run=True)
    with _quiet(space):
        found = _facts(space, known, which, gone)
        _carry(space, known, which)
        _write_down(space, gone, found.models_trained_on_it)
        erased = _erase(space, gone)
        found = replace(found, erased=tuple(erased), left=tuple(left(space, gone)), notes=(*found.notes, *tell(space)))
    if jobs.next_queued(space):  # one that was queued meanwhile found the worker's lock taken
        jobs.ensure_worker(space)
    return found


def finish(space: Workspace) -> list[str]:
    """Finish a forgetting that was cut off; returns what was erased, nothing where there is nothing to finish.

    Raises:
        StoreError: a training or backup runs, or a place cannot be written.
    """
    gone = pending(space)
    if gone is None:
        return []
    with _quiet(space):
        forgotten.add(space.root, gone.samples, gone.hashes, ())  # the kill may have come before this
        erased = _erase(space, gone)
    tell(space)
    return erased


def resume(space: Workspace) -> str | None:
    """Finish a forgetting that was cut off, if that can be done now; returns why not.

    What is to be forgotten is hidden then, so whoever opens the workspace goes on.
    """
    if not space.forgetting.exists():
        return None
    try:
        finish(space)
    except RushesError as error:
        return f"what was being forgotten is {_hide(space)}not erased yet: {error.sentence()}"
    return None


def _hide(space: Workspace) -> str:
    """Take what is being forgotten out of the catalog, where it stays until its journals are erased or replayed."""
    try:
        gone = pending(space)
        if gone:
            forgotten.add(space.root, gone.samples, gone.hashes, ())
            if any(space.store.sample(one) for one in gone.samples):
                space.store.rebuild()
    except RushesError:
        return ""
    return "hidden, but "


def pending(space: Workspace) -> Gone | None:
    """What a forgetting that was cut off was about."""
    try:
        said: Any = json.loads(read_regular(space.forgetting, MOST_BYTES))
        return Gone(**{name: frozenset(said[name]) for name in Gone.__slots__})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        do = "Name what to forget again."
        raise StoreError(f"cannot be read ({reason})", where=space.forgetting, do=do) from None


def sweep(space: Workspace) -> list[str]:
    """Erase what came back: journal lines, dropped in or restored, of samples on the list of the forgotten."""
    listed = forgotten.read(space.root)
    if not listed:
        return []
    known = tracing.traces(space)
    back = [one for one, trace in known.items() if listed.has(one, *trace.hashes)]
    if not back:
        return []
    with _quiet(space):
        gone = tracing.gone(space, known, back)
        _carry(space, known, back)
        _write_down(space, gone, ())
        return _erase(space, gone)


@contextmanager
def _quiet(space: Workspace) -> Generator[None]:
    """Nobody trains and nobody backs up meanwhile: both would write down what is being erased."""
    try:
        with locked(space.jobs / jobs.WORKER_LOCK, blocking=False), alone(space):
            yield
    except BlockingIOError:
        do = "Wait for it, or: rushes jobs cancel ID"
        raise StoreError(
            "a training runs and may write down what is to be forgotten", where=space.root, do=do
        ) from None


def _facts(space: Workspace, known: dict[str, Trace], which: Iterable[str], gone: Gone) -> Forgot:
    ids = sorted(which)
    versions = lineage.learnt_from(space, ids)
    kept = {name for one in ids for name in known[one].media} - gone.media
    there = Places(space.root)
    media = sorted({found for name in kept if (found := there.locate(name))})
    notes = [f"{name} stays: another sample is made of the same bytes" for name in media]
    beside = sorted(path.name for path in space.root.parent.glob(f"{space.root.name}.before-*"))
    notes += [f"a copy of the workspace from before a restore may hold it: {name}" for name in beside]
    holding, said = _backups(space, [known[one] for one in ids])
    return Forgot(
        samples=tuple(ids),
        erased=(),
        kept_media=tuple(media),
        models_trained_on_it=tuple(versions),
        frozen_words=lineage.frozen_words(space, versions, gone.words),
        backups_holding_it=tuple(holding),
        notes=(*notes, *said),
    )


def _backups(space: Workspace, which: list[Trace]) -> tuple[list[str], list[str]]:
    """Backups that hold the media, and those made since something was said of a sample: they hold the journals.

    Where nobody can tell when that was, these are all.
    """
    hashes = {digest for trace in which for digest in trace.hashes}
    since = min((trace.since for trace in which), default=0.0)
    named, problems = dict[str, None](), list[str]()
    went = _went(space)
    for where in list(dict.fromkeys([*chosen(space), *went])):
        try:
            rows = backup.listing(space, [where])
            with_media = {row.id for row in backup.holding(space, hashes, [where])} if rows and hashes else set[str]()
        except RushesError as error:
            problems.append(f"its backups at {where} could not be looked at: {error.sentence()}")
            continue
        if not rows and where in went:
            problems.append(f"its backups at {where} are not there now; they may hold it")
        named |= dict.fromkeys(row.id for row in rows if row.id in with_media or row.created_at >= int(since))
    return sorted(named), problems


def tell(space: Workspace) -> list[str]:
    """Give the list of the forgotten to the places that took backups: a restore without this workspace needs it.

    Returns sentences on the places that could not be told.
    """
    problems: list[str] = []
    for where in _went(space):
        try:
            (vault,) = backup.of(space, [where])
            if vault.label.workspace == identity(space) and vault.backups():
                vault.tell(forgotten.path_of(space.root).read_bytes())
        except (RushesError, OSError) as error:
            reason = error.sentence() if isinstance(error, RushesError) else error.strerror
            problems.append(f"{where} does not know of it until the next backup there: {reason}")
    return problems


def _went(space: Workspace) -> list[str]:
    """Where backups ever went."""
    lines = history.read(space)
    went = [str(one.get("where")) for line in lines for one in line.get("destinations", []) if not one.get("error")]
    return list(dict.fromkeys(went))


def _would(space: Workspace, gone: Gone) -> list[str]:
    there = Places(space.root)
    media = {found for name in gone.media if "/" in name and (found := there.locate(name))}
    return sorted(media | set(left(space, gone)))


def _carry(space: Workspace, known: dict[str, Trace], which: Iterable[str]) -> None:
    """A sample that stays and shares its file with one that goes learns where the file is, if only that one knew."""
    ids, there = set(which), Places(space.root)
    shared = {digest for one in ids for digest in known[one].hashes}
    stays = [one for one, trace in known.items() if one not in ids and trace.hashes & shared]
    for one in stays:
        sample = space.store.sample(one)
        if sample is not None and sample.media and there.locate(sample.media):
            space.store.add_samples([sample])


def _write_down(space: Workspace, gone: Gone, versions: Iterable[str]) -> None:
    """What is to be erased, then that it is forgotten; without the list nothing is."""
    _intend(space, gone)
    try:
        forgotten.add(space.root, gone.samples, gone.hashes, versions)
    except StoreError:
        space.forgetting.unlink(missing_ok=True)
        raise


def _intend(space: Workspace, gone: Gone) -> None:
    write_atomic(space.forgetting, json.dumps({name: sorted(getattr(gone, name)) for name in Gone.__slots__}))


def _erase(space: Workspace, gone: Gone) -> list[str]:
    done: list[str] = []
    for erase in places.erasers().values():
        done += erase(space, gone)
    space.forgetting.unlink(missing_ok=True)
    return sorted(set(done))
