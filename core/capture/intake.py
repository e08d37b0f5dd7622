"""From a file to samples that wait for an answer: decoded, gated, measured, copied to `pending/`, journalled.

A file that cannot be judged is refused with its reason and leaves nothing behind.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core import features
from core.capture.consent import require_consent
from core.errors import MediaError, StoreError
from core.files import copy_private, private_dir, sha256_file
from core.media.clip import Clip, MediaInfo
from core.store import forgotten
from core.store.identity import sample_id
from core.store.records import Sample
from core.tasks.base import Task
from core.workspace import Workspace

# Longer videos are cut into scenes; a task judges at most this much at once.
LONGEST_CLIP_S = 30.0
# A recording nobody wrote to for so long was left by a crash; a living one grows with every frame.
ABANDONED_S = 20.0


@dataclass(frozen=True, slots=True)
class About:
    """What the user or the manifest says of a clip; all optional."""

    source: str | None = None
    group: str | None = None
    speaker: str | None = None
    context: str | None = None
    region: str | None = None
    phase: str | None = None
    captured_at: float | None = None
    rating_count: int = 1


@dataclass(frozen=True, slots=True)
class Refused:
    """A file (or a scene of it) that was not taken, and why."""

    file: str
    reason: str


def admit(
    space: Workspace, path: Path, task: Task, about: About, *, keep_in: Path | None = None
) -> list[Sample | Refused]:
    """Take one file in: one sample, or one per scene of a long video.

    Args:
        keep_in: where the copy goes; `pending/` by default, an import's answered media go straight to their place.

    Raises:
        MediaError: nothing in the file can be judged.
        RushesError: consent is missing.
    """
    if task.keeps_face:
        require_consent(space, task.name)
    if not path.is_file():
        raise MediaError("is not a file" if path.exists() else "does not exist", where=path.name)
    digest = sha256_file(path)
    if _was_forgotten(space, task, digest):
        raise MediaError("was forgotten here", where=path.name, do="To take it in again: rushes forget --allow FILE")
    if known := _known(space, task, digest):
        return list(known)
    parts = list(_parts(space, path, task, about, digest))
    found = [
        Refused(f"{path.name} {part.scene_id or ''}".rstrip(), "was forgotten here")
        if isinstance(part, Sample) and space.store.forgot(part.id, digest)
        else part
        for part in parts
    ]
    taken = [sample for sample in found if isinstance(sample, Sample)]
    if not taken:
        refusals = [part for part in found if isinstance(part, Refused)]
        raise MediaError(refusals[0].reason if refusals else "holds no scene", where=path.name)
    media = _copy(space, path, keep_in or space.pending)
    kept = [replace(part, media=media) if isinstance(part, Sample) else part for part in found]
    try:
        space.store.add_samples([part for part in kept if isinstance(part, Sample)])
    except StoreError:  # forgotten while it was copied, or a full disk
        (space.root / media).unlink(missing_ok=True)
        raise
    return kept


def _was_forgotten(space: Workspace, task: Task, digest: str) -> bool:
    """Whether these bytes, or the one sample made of them, were forgotten: nobody who forgot them wants them back."""
    listed = forgotten.read(space.root)
    scene = "scene-1" if task.cuts_scenes else None
    return bool(listed) and listed.has(digest, sample_id(task.name, digest, scene))


def _known(space: Workspace, task: Task, digest: str) -> list[Sample]:
    """Samples made of the same bytes earlier, if their media is still there."""
    known = space.store.samples_of_media(task.name, digest)
    return [sample for sample in known if sample.media and (space.root / sample.media).exists()]


def _parts(space: Workspace, path: Path, task: Task, about: About, digest: str) -> Iterator[Sample | Refused]:
    from core.media.decode import probe

    info = probe(path)
    if info.duration > space.settings.capture.max_seconds:
        raise MediaError(f"is {info.duration:.0f} s long", where=path.name, do="See: capture.max_seconds.")
    if _is_cut(task, info):
        from core.media.cuts import find_cuts

        for scene in find_cuts(path):
            try:
                clip = features.read(path, task, start_s=scene.start_s, end_s=scene.end_s)
                yield _sample(space, task, about, digest, path, clip, scene=scene)
            except MediaError as error:
                yield Refused(f"{path.name} {scene.timestamp}", error.what)
    else:
        yield _sample(space, task, about, digest, path, features.read(path, task))


def _is_cut(task: Task, info: MediaInfo) -> bool:
    return info.kind == "video" and task.cuts_scenes and info.duration > LONGEST_CLIP_S


def span_of(path: Path, task: Task, scene_id: str) -> tuple[float, float | None]:
    """Where a scene of a file begins and ends, seconds; the whole of a file that is not cut into scenes.

    Raises:
        MediaError: it has no such scene, or cannot be decoded.
    """
    from core.media.cuts import find_cuts
    from core.media.decode import probe

    if not _is_cut(task, probe(path)):
        return 0.0, None
    for scene in find_cuts(path):
        if scene.id == scene_id:
            return scene.start_s, scene.end_s
    raise no_scene(path, scene_id)


def no_scene(path: Path, scene_id: str) -> MediaError:
    """What to say of a scene that a manifest names and the cutting does not find."""
    return MediaError(f"has no scene {scene_id!r}", where=path.name)


def _sample(
    space: Workspace, task: Task, about: About, digest: str, path: Path, clip: Clip, scene: Any = None
) -> Sample:
    start = time.perf_counter()
    measured = task.extract(clip)
    took = round((time.perf_counter() - start) * 1000, 2)
    scene_id = scene.id if scene else ("scene-1" if task.cuts_scenes else None)
    identity = sample_id(task.name, digest, scene_id)
    features.keep(space, task, identity, measured)
    return Sample(
        id=identity,
        task=task.name,
        group=about.group or digest[:16],
        media_hash=digest,
        source=about.source,
        region=about.region,
        speaker=about.speaker,
        context=about.context,
        captured_at=about.captured_at if about.captured_at is not None else time.time(),
        phase=about.phase,
        video_id=digest[:16] if task.cuts_scenes else None,
        scene_id=scene_id,
        start_s=scene.start_s if scene else 0.0,
        end_s=scene.end_s if scene else None,
        duration_s=round(clip.duration, 3),
        rating_count=about.rating_count,
        extra={"file": path.name, "measured_ms": took, **task.journal_extra(clip, measured)},
    )


def _copy(space: Workspace, source: Path, folder: Path) -> str:
    """Copy durably to a free `training_<ms>` name (seed 003's); returns the path inside the workspace."""
    target = None
    try:
        target = claim(folder, source.suffix.lower())
        copy_private(source, target)
    except OSError as error:
        if target:
            target.unlink(missing_ok=True)
        raise StoreError(f"the clip cannot be kept ({error.strerror})", where=source.name) from None
    return target.relative_to(space.root).as_posix()


def claim(folder: Path, suffix: str, prefix: str = "training_") -> Path:
    """Reserve a name nobody else has, in this process or another; the millisecond moves on until it is free."""
    private_dir(folder)
    stamp = int(time.time() * 1000)
    while True:
        path = folder / f"{prefix}{stamp}{suffix}"
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            return path
        except FileExistsError:
            stamp += 1


def answered_place(space: Workspace, task: Task, sample: Sample) -> str | None:
    """Copy a pending sample's media to where answered media live; the pending copy goes after the journal has it."""
    source = _pending(space, sample)
    return _copy(space, source, space.kept(task.medium)) if source else sample.media


def take_back(space: Workspace, copies: Mapping[str | None, str | None], answered: Iterable[Sample]) -> None:
    """Remove copies that `answered_place` made for answers that were not saved.

    Args:
        copies: by where each was copied from.
        answered: the samples of all of them; those of one task may be saved, and those of the next not.
    """
    saved = {known.media for sample in answered if (known := space.store.sample(sample.id))}
    for source, copy in copies.items():
        if copy is not None and copy != source and copy not in saved:
            (space.root / copy).unlink(missing_ok=True)


def drop_pending(space: Workspace, sample: Sample) -> None:
    """Remove the pending copy of a sample that was answered, unless an unanswered scene of the same file needs it."""
    source = _pending(space, sample)
    if source is None:
        return
    siblings = space.store.samples_of_media(sample.task, sample.media_hash or "")
    if not any(one.media == sample.media and one.id != sample.id for one in siblings):
        source.unlink(missing_ok=True)


def _pending(space: Workspace, sample: Sample) -> Path | None:
    """The sample's file, if it lies in `pending/`."""
    path = space.root / (sample.media or "")
    return path if path.is_relative_to(space.pending) and path.is_file() else None


def sweep_pending(space: Workspace) -> int:
    """Remove unanswered clips beyond the limits in number and age, oldest first; returns how many went."""
    limits = space.settings.capture
    files = sorted(space.pending.glob("*.*"), key=lambda path: path.stat().st_mtime)
    oldest = time.time() - limits.pending_days * 86400
    surplus = max(0, len(files) - limits.pending_limit)
    gone = [path for index, path in enumerate(files) if index < surplus or path.stat().st_mtime < oldest]
    for path in gone:
        path.unlink(missing_ok=True)
    return len(gone)


def unjudged(space: Workspace, task: str) -> list[Sample]:
    """Clips that were taken in and not judged, by a program that was left in the middle; oldest first."""
    found = space.store.unjudged(task)
    return [sample for sample in found if sample.media and (space.root / sample.media).is_file()]


def still_unjudged(space: Workspace, sample: Sample) -> bool:
    """Whether that is so now: judging many takes long, and the user or another process may have been faster."""
    found = space.store.rows(sample.task, [sample.id])
    return bool(found) and found[0].state == "pending" and found[0].prediction is None


def recording(space: Workspace, task: str) -> Path:
    """A free name for a recording, which says for which task it is made; see `recorded_for`."""
    return claim(space.incoming, f".{task}.avi", prefix="webcam")


def recorded_for(path: Path) -> str | None:
    """The task a recording in `incoming/` was made for; None where its name does not say."""
    middle = path.stem.partition(".")[2]
    return middle or None


def leftovers(space: Workspace) -> list[Path]:
    """Recordings that a crash left in `incoming/`, oldest first; half-made rewrites beside them are removed."""
    old = time.time() - ABANDONED_S
    for half in space.incoming.glob(".*.avi"):
        if half.stat().st_mtime < old:
            half.unlink(missing_ok=True)
    return [path for path in sorted(space.incoming.glob("webcam*.avi")) if path.stat().st_mtime < old]
