"""What leaves: every valid answer with its sample and its file, as it may be told to others.

Anonymous, a sample says what was seen and answered, and nothing of who, where or from which file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from core import tasks
from core.errors import CancelledError, MediaError, StoreError, WrongUseError
from core.files import inside, sha256_file
from core.store.identity import derived_id, sample_id
from core.store.records import Answered, Correction, Sample
from core.tasks.base import Task
from core.training import dataset
from core.training.manifests import Side
from core.workspace import Workspace

Report = Callable[[float], None]  # how much is done, 0..1
Stop = Callable[[], bool]
KEPT = {"clip": "videos", "image": "frames"}  # folders under training_data/
MEASURED = ("audioFeatures",)  # of `Sample.extra`: what an anonymous sample may say


def silent(part: float) -> None:
    """Report to nobody."""
    del part


def never() -> bool:
    """Do not stop."""
    return False


@dataclass(frozen=True, slots=True)
class Item:
    """One answer on its way out.

    Attributes:
        origin: the sample's id in this workspace; never written into an anonymous export.
        sample: as the export says it; `media` is its path inside the export, if its file goes along.
        file: where the bytes are now; None where they are missing or stay.
    """

    origin: str
    sample: Sample
    correction: Correction
    side: Side
    file: Path | None

    @property
    def name(self) -> str:
        """The file's name, one of its own in the export."""
        return PurePosixPath(self.sample.media or "").name


@dataclass(slots=True)
class Collected:
    """Items in journal order, task by task.

    Attributes:
        files: the media, each once: path inside the export -> where the bytes are.
        errors: answers whose clip could not be made anonymous; they are left out.
        without_media: answers whose file is not there.
        without_face: of the copies with blurred faces, those in which no face was found.
    """

    items: list[Item] = field(default_factory=list[Item])
    files: dict[str, Path] = field(default_factory=dict[str, Path])
    errors: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    without_media: int = 0
    without_face: int = 0

    @property
    def notes(self) -> list[str]:
        """What the user should know before it is given away."""
        if not self.without_face:
            return []
        where = f"{self.without_face} of {len(self.files)} files"
        return [f"no face was found in {where}, so nothing is blurred there: look before you share"]

    def of(self, task: str) -> list[Item]:
        return [item for item in self.items if item.sample.task == task]

    @property
    def answers(self) -> dict[str, int]:
        """How many items there are of each task that has any."""
        names = [item.sample.task for item in self.items]
        return {name: names.count(name) for name in sorted(set(names))}


def chosen(task: str | None) -> tuple[str, ...]:
    """The task named, or all.

    Raises:
        WrongUseError: there is no such task.
    """
    return (tasks.get(task).name,) if task else tasks.names()


def of_kind(task: str | None, kind: str, default: str, what: str) -> Task:
    """The one task of a format that knows one kind of answer only.

    Raises:
        WrongUseError: the task's answers are of another kind.
    """
    owner = tasks.get(task or default)
    if owner.kind != kind:
        raise WrongUseError(f"{what} are for answers that are a {kind}; {owner.name} has a {owner.kind}")
    return owner


def collect(
    space: Workspace,
    names: Sequence[str],
    *,
    scratch: Path | None = None,
    media: bool = True,
    report: Report = silent,
    stop: Stop = never,
) -> Collected:
    """All valid answers of these tasks.

    Args:
        scratch: an empty folder of ours for blurred copies; given, the export is anonymous.
        media: whether the files go along.

    Raises:
        WrongUseError: there are none.
        CancelledError: `stop` said so.
    """
    found = Collected()
    answered = [(tasks.get(name), item) for name in names for item in _answered(space, name)]
    if not answered:  # an earlier export in its place would be replaced by nothing
        who = names[0] if len(names) == 1 else "the workspace"
        raise WrongUseError(f"{who} has no answers to export", do="Answer some clips first.")
    namer = _Namer(space, found, scratch) if media else None
    hidden = _Hidden()
    for done, (task, item) in enumerate(answered, start=1):
        if stop():
            raise CancelledError("stopped")
        seed = space.settings.train.split_seed
        side = dataset.side_of(item.sample.group, seed)
        try:
            place = namer.place(task, item.sample) if namer else None
        except MediaError as error:
            # An anonymous export names no file and no sample of the workspace, not even the ones left out.
            who = f"{task.name} {done}" if scratch else item.sample.id
            found.errors.append({"sample": who, "reason": error.what})
            continue
        found.without_media += namer is not None and place is None
        said, answer = item.sample, item.correction
        if scratch:
            # When somebody sat there tells who it was; the order of the lines says what came last.
            said, answer = hidden.sample(item.sample, place, done), replace(answer, at=0.0)
        elif place:
            said = replace(said, media=place.name)
        file = place.file if place else None
        found.items.append(Item(item.sample.id, said, answer, side, file))
        report(done / len(answered))
    return found


def require_kept(space: Workspace, origins: Iterable[str]) -> None:
    """See that none of these samples was forgotten while they were put together.

    Raises:
        StoreError: one was; it names nobody.
    """
    if space.store.forgot(*origins):
        raise StoreError("a clip was forgotten meanwhile; nothing was exported", do="Export again.")


def _answered(space: Workspace, task: str) -> list[Answered]:
    return dataset.grouped(space, space.store.answered(task))


@dataclass(frozen=True, slots=True)
class _Place:
    name: str  # inside the export
    file: Path
    hash: str | None  # of a blurred copy


class _Namer:
    """Gives each file its one name in the export, and blurs it first where that is wanted."""

    def __init__(self, space: Workspace, found: Collected, scratch: Path | None) -> None:
        self._space, self._found, self._scratch = space, found, scratch
        self._known: dict[tuple[str, str], _Place | MediaError] = {}

    def place(self, task: Task, sample: Sample) -> _Place | None:
        if not sample.media:
            return None
        key = (task.name if self._scratch else "", sample.media)
        if key not in self._known:
            try:
                path = inside(self._space.root, sample.media)
                if not path.is_file():
                    return None
                self._known[key] = self._named(task, path)
            except StoreError:
                return None
            except MediaError as error:
                self._known[key] = error
        known = self._known[key]
        if isinstance(known, MediaError):
            raise known
        self._found.files[known.name] = known.file
        return known

    def _named(self, task: Task, path: Path) -> _Place:
        folder = f"training_data/{KEPT[task.medium]}"
        if not self._scratch:
            return _Place(self._free(folder, path.name), path, None)
        number = len(self._known) + 1
        suffix = ".mp4" if task.medium == "clip" else path.suffix.lower()
        target = self._scratch / f"{'clip' if task.medium == 'clip' else 'picture'}-{number:06d}{suffix}"
        from core.media.anonymise import anonymise  # cv2 and av take 200 ms to import

        if not anonymise(path, target, keep_mouth=task.keeps_face):
            self._found.without_face += 1
        return _Place(f"{folder}/{target.name}", target, sha256_file(target))

    def _free(self, folder: str, name: str) -> str:
        number, path = 1, f"{folder}/{name}"
        while path in self._found.files:
            number += 1
            path = f"{folder}/{Path(name).stem}-{number}{Path(name).suffix}"
        return path


class _Hidden:
    """Samples without what names a person, a place or a file; numbers stand for groups and videos, per export."""

    def __init__(self) -> None:
        self._groups: dict[str, str] = {}

    def sample(self, sample: Sample, place: _Place | None, number: int) -> Sample:
        group = self._opaque(sample.group)
        content = place.hash if place else None
        scene = (
            sample.scene_id if sample.scene_id is None or sample.scene_id.startswith("scene-") else f"scene-{number}"
        )
        identity = (
            sample_id(sample.task, content, f"{scene or ''}|{sample.start_s}")
            if content
            else derived_id(sample.task, "anonymous", str(number))
        )
        return Sample(
            id=identity,
            task=sample.task,
            group=group,
            media=place.name if place else None,
            media_hash=content,
            phase=sample.phase,
            video_id=None if sample.video_id is None else self._opaque(sample.video_id),
            scene_id=scene,
            start_s=sample.start_s,
            end_s=sample.end_s,
            duration_s=sample.duration_s,
            rating_count=sample.rating_count,
            extra={name: sample.extra[name] for name in MEASURED if name in sample.extra},
        )

    def _opaque(self, name: str) -> str:
        return self._groups.setdefault(name, f"group-{len(self._groups) + 1:06d}")
