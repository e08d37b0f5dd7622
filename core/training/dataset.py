"""What a training run learns from: answered samples that pass the gates, split by group, weighted.

A group never changes side as data grows, because its side is a hash of its name. `manifests` writes it down.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from core import features, registry
from core.errors import CancelledError, MediaError, RushesError
from core.store.records import Answered, Correction, Json, Sample, Value
from core.tasks.base import Features, ModelSpec, Task
from core.training import gates, manifests
from core.training.manifests import Row, Side
from core.training.request import Request
from core.workspace import Workspace

# Below this many groups on a held-out side one group decides too much: cross-validation takes over (DESIGN 7).
FEWEST_GROUPS = 8
RECENT_VIDEOS = 100
WORKERS = 2  # decoding and measuring release the interpreter lock
Progress = Callable[[float], None]
Stop = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Example:
    """One answered sample with its features, its side and its weight."""

    answered: Answered
    features: Features
    side: Side
    weight: float

    @property
    def truth(self) -> Value:
        return self.answered.correction.value

    @property
    def group(self) -> str:
        return self.answered.sample.group


@dataclass(frozen=True, slots=True)
class Dataset:
    """Examples in journal order.

    Attributes:
        excluded: how many answers were left out, by reason.
        hash: sha256 of `manifest_full.csv`; names the dataset.
        rows: the manifest, a row per example.
        parameters: what decided about it beside the journals: split seed, gates, feature version.
    """

    task: Task
    examples: tuple[Example, ...]
    excluded: dict[str, int]
    hash: str
    rows: tuple[Row, ...] = ()
    parameters: Json = field(default_factory=dict[str, object])

    def on(self, side: Side) -> list[Example]:
        return [example for example in self.examples if example.side == side]

    @property
    def cross_validated(self) -> bool:
        """Whether there are too few groups for held-out sides."""
        return any(len({example.group for example in self.on(side)}) < FEWEST_GROUPS for side in ("val", "test"))


def side_of(group: str, seed: int) -> Side:
    """70 % train, 15 % validation, 15 % test, by a hash of the group (seed 004's fixed assignment)."""
    bucket = int.from_bytes(hashlib.sha256(f"{group}|{seed}".encode()).digest()[:8]) % 100
    return "train" if bucket < 70 else "val" if bucket < 85 else "test"


def fold_of(group: str, seed: int, folds: int) -> int:
    """Which cross-validation fold a group belongs to, evenly and independent of its side."""
    return int.from_bytes(hashlib.sha256(f"fold|{group}|{seed}".encode()).digest()[:8]) % folds


def weights(answered: Sequence[Answered]) -> list[float]:
    """Seed 000's weighting, mean 1: a video weighs 0.7 / min(n, 100) if among the last 100, plus 0.3 / n, n videos.

    A video's weight is shared by its samples; "last" follows the journal, not the clock.
    """
    last_seen: dict[str, int] = {}
    for item in answered:
        last_seen[item.sample.group] = max(item.order, last_seen.get(item.sample.group, -1))
    sizes = Counter(item.sample.group for item in answered)
    count = len(last_seen)
    recent = set(sorted(last_seen, key=lambda group: last_seen[group])[-RECENT_VIDEOS:])
    shares = [
        ((0.7 / min(count, RECENT_VIDEOS) if item.sample.group in recent else 0.0) + 0.3 / count)
        / sizes[item.sample.group]
        for item in answered
    ]
    return [share * len(answered) / sum(shares) for share in shares]


def grouped(space: Workspace, answered: Sequence[Answered]) -> list[Answered]:
    """The same answers, look-alike corrections moved into their seed's group, so that both are on one side."""
    noted = space.store.events("look_alike")
    seeds = {str(event.get("sample")): str(event.get("seed")) for event in noted}
    groups = {item.sample.id: item.sample.group for item in answered}

    def group_of(sample: Sample) -> str:
        seen, current = {sample.id}, seeds.get(sample.id) or sample.extra.get("like")
        group = sample.group
        while current and current not in seen:
            seen.add(current)
            if current not in groups:
                found = space.store.sample(current)
                groups[current] = found.group if found else group
            group, current = groups[current], seeds.get(current)
        return group

    return [replace(item, sample=replace(item.sample, group=group_of(item.sample))) for item in answered]


def past_pairs(space: Workspace, task: str, count: int) -> list[tuple[str, str]]:
    """The newest corrections of the training side as (what was said, what was right); never of the held-out sides."""
    seed = space.settings.train.split_seed
    pairs = [
        (str(item.correction.predicted), str(item.correction.value))
        for item in grouped(space, space.store.answered(task))
        if item.correction.predicted is not None and side_of(item.sample.group, seed) == "train"
    ]
    return pairs[-count:] if count else []


def gather(
    space: Workspace,
    task: Task,
    request: Request,
    *,
    progress: Progress = lambda _: None,
    stop: Stop = lambda: False,
) -> Dataset:
    """Everything answered that may be learnt from, or the exact corrections of an earlier job (`request.frozen`).

    Raises:
        RushesError: no answer is of the wished speaker, or samples of the frozen manifest are gone.
        CancelledError: `stop` said so.
    """
    if request.frozen:
        return _thawed(space, task, request, progress=progress, stop=stop)
    kept, excluded = _allowed(space, task, request.speaker)
    found = list(_usable(space, task, kept, excluded, progress=progress, stop=stop))
    rows = _rows(space, task, [item for item, _ in found])
    examples = tuple(
        Example(item, measured, row.split, row.weight) for (item, measured), row in zip(found, rows, strict=True)
    )
    known = parameters(space, task, request.speaker)
    return Dataset(task, examples, dict(sorted(excluded.items())), manifests.digest(rows), rows, known)


def export(
    space: Workspace,
    task: Task,
    folder: Path,
    *,
    speaker: str | None = None,
    progress: Progress = lambda _: None,
    stop: Stop = lambda: False,
) -> Json:
    """Write what a training would learn from now as manifests: `{"hash","full","train","val","test","excluded"}`.

    Raises:
        RushesError: the folder holds something else, cannot be written, or no answer is of that speaker.
        CancelledError: `stop` said so; nothing was written.
    """
    manifests.require_place(folder)
    kept, excluded = _allowed(space, task, speaker)
    found = [item for item, _ in _usable(space, task, kept, excluded, progress=progress, stop=stop)]
    rows = _rows(space, task, found)
    counted = dict(sorted(excluded.items()))
    meta: Json = {"task": task.name, "excluded": counted, "parameters": parameters(space, task, speaker)}
    try:
        counts = manifests.write(folder, rows, meta)
    except OSError as error:
        raise RushesError(f"the manifests cannot be written ({error.strerror})", where=folder) from None
    return {"hash": manifests.digest(rows), **counts, "excluded": counted}


def write_manifests(dataset: Dataset, folder: Path) -> dict[str, int]:
    """Write a training's manifests and export_meta.json into its job's folder; returns the row counts."""
    meta: Json = {"task": dataset.task.name, "excluded": dataset.excluded, "parameters": dataset.parameters}
    return manifests.write(folder, dataset.rows, meta)


def parameters(space: Workspace, task: Task, speaker: str | None = None) -> Json:
    """What decides about a dataset beside the journals."""
    settings = space.settings
    return {
        "split_seed": settings.train.split_seed,
        "min_rating_count": settings.dataset.min_rating_count,
        "good_at": settings.dataset.good_at,
        "scale": list(settings.ratings.scale) if task.kind == "score" else None,
        "features": task.features_version,
        "speaker": speaker,
    }


def _allowed(space: Workspace, task: Task, speaker: str | None) -> tuple[list[Answered], Counter[str]]:
    answered = grouped(space, space.store.answered(task.name))
    if speaker is not None:
        known = sorted({item.sample.speaker for item in answered if item.sample.speaker})
        answered = [item for item in answered if item.sample.speaker == speaker]
        if not answered:
            do = f"Known speakers: {', '.join(known)}." if known else "No answer names a speaker."
            raise RushesError(f"no answer of {task.name} is of speaker {speaker!r}", do=do)
    return gates.passed(space, task, answered)


def _usable(
    space: Workspace,
    task: Task,
    answered: Sequence[Answered],
    excluded: Counter[str],
    *,
    progress: Progress,
    stop: Stop,
) -> Iterator[tuple[Answered, Features]]:
    """Each answer with its features, from the cache or measured; what cannot be measured is counted in `excluded`."""

    def measure(item: Answered) -> Features | MediaError:
        if stop():
            raise CancelledError("stopped")
        try:
            return features.of_sample(space, task, item.sample)
        except MediaError as error:
            return error

    with ThreadPoolExecutor(WORKERS) as pool:
        for done, (item, found) in enumerate(zip(answered, pool.map(measure, answered), strict=True), start=1):
            if isinstance(found, MediaError):
                gates.count(excluded, item, gates.unusable(found.what))
            else:
                yield item, found
            progress(done / len(answered))


def _rows(space: Workspace, task: Task, answered: Sequence[Answered]) -> tuple[Row, ...]:
    seed, spec = space.settings.train.split_seed, registry.current_spec(space, task)
    shares = weights(answered) if answered else []
    return tuple(
        _row(item, side_of(item.sample.group, seed), share, spec, space.settings.dataset.good_at)
        for item, share in zip(answered, shares, strict=True)
    )


def _row(item: Answered, side: Side, weight: float, spec: ModelSpec, good_at: float) -> Row:
    sample, truth = item.sample, item.correction
    url = sample.extra.get("url")
    shown, good = truth.value, None
    if isinstance(truth.value, int | float):
        low, high = spec.scale
        shown, good = round(low + truth.value * (high - low), 9), truth.value >= good_at
    return Row(
        snapshot_id=sample.id,
        firebase_url=url if isinstance(url, str) and url else None,
        label_source=truth.label_source,
        label_value=shown,
        split=side,
        phase=sample.phase or None,
        captured_at=sample.captured_at,
        rating_count=sample.rating_count,
        is_good=good,
        file=sample.media,
        value=truth.value,
        group=sample.group,
        speaker=sample.speaker or None,
        source=sample.source or None,
        region=sample.region or None,
        weight=round(weight, 9),
        media_hash=sample.media_hash,
        scene_id=sample.scene_id or None,
        start_s=sample.start_s,
        end_s=sample.end_s,
    )


def _thawed(space: Workspace, task: Task, request: Request, *, progress: Progress, stop: Stop) -> Dataset:
    """The corrections of an earlier manifest, with its labels, sides and weights, whatever was answered since.

    A correction undone since still counts here, a sample deleted or forgotten since never does.
    """
    assert request.frozen
    if manifests.has_lost_rows(request.frozen.parent):
        raise RushesError(
            "some of the samples it learnt from were forgotten",
            where=request.frozen.parent.name,
            do="It cannot be resumed; start a new training.",
        )
    rows = tuple(manifests.read(request.frozen, task.kind))
    spec = registry.current_spec(space, task)
    now = {item.sample.id: item.correction for item in space.store.answered(task.name)}
    items: list[Answered] = []
    for order, row in enumerate(rows):
        sample = space.store.sample(row.snapshot_id)
        if sample and gates.content(space, sample) and gates.is_answer(task, row.value, spec):
            items.append(Answered(_as_then(sample, row), _answer_then(row, task, now.get(row.snapshot_id)), order))
    lost: Counter[str] = Counter()
    found = list(_usable(space, task, items, lost, progress=progress, stop=stop))
    if len(found) < len(rows):
        raise RushesError(
            f"{len(rows) - len(found)} of the {len(rows)} samples it learnt from were deleted, forgotten or lost",
            where=request.frozen.parent.name,
            do="It cannot be resumed; start a new training.",
        )
    examples = tuple(
        Example(item, measured, row.split, row.weight) for (item, measured), row in zip(found, rows, strict=True)
    )
    return Dataset(task, examples, {}, manifests.digest(rows), rows, parameters(space, task, request.speaker))


def _as_then(sample: Sample, row: Row) -> Sample:
    return replace(sample, group=row.group, start_s=row.start_s, end_s=row.end_s)


def _answer_then(row: Row, task: Task, now: Correction | None) -> Correction:
    known = now or Correction(id="", sample=row.snapshot_id, task=task.name, value=row.value, at=0.0, batch="")
    return replace(known, value=row.value, label_source=row.label_source)
