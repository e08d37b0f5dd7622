"""What to label next (seed 002's Labeling Focus Advisor): counted from the answers, each sentence with its numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from math import fsum

from core import registry, tasks
from core.store.records import Answered, Json, Sample
from core.tasks.base import Task
from core.workspace import Workspace

LOW, HIGH = 0.3, 0.7  # seed 002's edges of low, medium and high, on 0..1
BANDS = ("Low (0-0.3)", "Medium (0.3-0.7)", "High (0.7-1.0)")
RARE = 0.5  # of an even share: less is underrepresented
SKEWED = 0.6  # of all answers in one part of at least three, or
SKEWED_OF_TWO = 0.8  # of two
HELD_OUT_GROUPS = 54  # 8 groups on a held-out side of 15 %
ENOUGH_RANDOM = 20
TO_CALIBRATE = 50
MOST_NAMED = 3  # parts named in one sentence


@dataclass(slots=True)
class Advice:
    """Seed 002's `LabelingAdvice`, in its names; scores on 0..1, None where there are none."""

    totalAnnotations: int  # noqa: N815 - the seed's names
    averageRating: float | None  # noqa: N815
    minRating: float | None  # noqa: N815
    maxRating: float | None  # noqa: N815
    ratingDistribution: dict[str, int]  # noqa: N815
    recommendations: list[str] = field(default_factory=list[str])
    focusAreas: list[str] = field(default_factory=list[str])  # noqa: N815
    warnings: list[str] = field(default_factory=list[str])

    def to_json(self) -> Json:
        return asdict(self)


def advice(space: Workspace, task: str) -> Advice:
    """Distribution of the answers and what follows from it.

    `ratingDistribution` counts scores by band, labels by label, speech clips by speaker.
    """
    owner = tasks.get(task)
    answered = space.store.answered(owner.name)
    scores = [float(item.correction.value) for item in answered] if owner.kind == "score" else []
    found = Advice(
        totalAnnotations=len(answered),
        averageRating=fsum(scores) / len(scores) if scores else None,
        minRating=min(scores, default=None),
        maxRating=max(scores, default=None),
        ratingDistribution=_distribution(space, owner, answered),
    )
    _amount(space, found)
    if answered:
        _balance(owner, found)
        for what, of in CONDITIONS.items():
            _spread(found, what, of, answered)
        if owner.kind == "text":
            _words(found, answered)
        _groups(found, answered)
        _doubles(found, answered)
        _random(found, answered)
        _calibration(space, owner, found)
    return found


CONDITIONS: dict[str, Callable[[Sample], str | None]] = {
    "phase": lambda sample: sample.phase,
    "source": lambda sample: sample.source,
    "region": lambda sample: sample.region,
}


def _distribution(space: Workspace, owner: Task, answered: Sequence[Answered]) -> dict[str, int]:
    if owner.kind == "score":
        bands = Counter(_band(float(item.correction.value)) for item in answered)
        return {name: bands[name] for name in BANDS}
    if owner.kind == "label":
        labels = Counter(str(item.correction.value) for item in answered)
        known = registry.current_spec(space, owner).labels
        return {name: labels[name] for name in (*known, *(name for name in sorted(labels) if name not in known))}
    return dict(sorted(Counter(item.sample.speaker or "unnamed speaker" for item in answered).items()))


def _band(score: float) -> str:
    return BANDS[0] if score < LOW else BANDS[1] if score < HIGH else BANDS[2]


def _amount(space: Workspace, found: Advice) -> None:
    total, least, good = found.totalAnnotations, space.settings.train.minimum, space.settings.preflight.recommended
    if total < least:
        said = "1 answer is" if total == 1 else f"{total} answers are"
        found.warnings.append(f"{said} too few to train; at least {least} are needed")
    if total < good:
        found.recommendations.append(f"Answer {good - total} more: {good} answers feed a training well")


def _balance(owner: Task, found: Advice) -> None:
    what = {"score": "scores", "label": "answers", "text": "clips"}[owner.kind]
    counts, total = found.ratingDistribution, found.totalAnnotations
    top, most = max(counts.items(), key=lambda part: part[1])
    if len(counts) > 1 and most > (SKEWED if len(counts) > 2 else SKEWED_OF_TWO) * total:
        found.warnings.append(f"Heavily skewed: {most} of {total} {what} are {top}")
    rare = _rare(counts, total)
    if rare:
        found.recommendations.append(f"Answer more of {_named(rare, counts)}; an even share is {total // len(counts)}")
        found.focusAreas += [name for name, _ in rare]
    if absent := [name for name, count in counts.items() if not count]:
        found.warnings.append(f"No answer at all for {', '.join(absent)}: the model cannot learn it")


def _spread(found: Advice, what: str, of: Callable[[Sample], str | None], answered: Sequence[Answered]) -> None:
    counts = Counter(value for item in answered if (value := of(item.sample)))
    rare = _rare(counts, sum(counts.values()))
    if rare:
        found.recommendations.append(f"Answer more from the {what} {_named(rare, counts)}")
        found.focusAreas += [f"{what} {name}" for name, _ in rare[:MOST_NAMED]]
    if len(counts) == 1 and what != "region":
        (only,) = counts
        if counts[only] == len(answered):
            found.warnings.append(f"All {len(answered)} answers come from the {what} {only}")


def _words(found: Advice, answered: Sequence[Answered]) -> None:
    """How much of what is said was said often enough to be learnt."""
    counts = Counter(word for item in answered for word in str(item.correction.value).casefold().split())
    once = sum(count == 1 for count in counts.values())
    if once * 2 > len(counts):
        found.recommendations.append(f"Repeat words: {once} of {len(counts)} different words were answered only once")
        found.focusAreas.append("words answered only once")


def _groups(found: Advice, answered: Sequence[Answered]) -> None:
    groups = len({item.sample.group for item in answered})
    if groups < HELD_OUT_GROUPS:
        found.recommendations.append(
            f"Use other recordings: the answers come from {groups}, about {HELD_OUT_GROUPS} let some be held out"
        )


def _doubles(found: Advice, answered: Sequence[Answered]) -> None:
    counts = Counter((item.sample.media_hash, item.sample.scene_id) for item in answered if item.sample.media_hash)
    if doubles := sum(count - 1 for count in counts.values()):
        found.warnings.append(f"{doubles} of {len(answered)} answers repeat a clip; training uses each clip once")


def _random(found: Advice, answered: Sequence[Answered]) -> None:
    random = sum(item.correction.picked_by == "random" for item in answered)
    if random < ENOUGH_RANDOM:
        found.recommendations.append(
            f"Answer from the queue: {random} of {ENOUGH_RANDOM} random picks are there to measure accuracy with"
        )


def _calibration(space: Workspace, owner: Task, found: Advice) -> None:
    spec = registry.serving_spec(space, owner.name)
    if spec.temperature is None and owner.kind != "score":
        found.warnings.append(
            f"{spec.version} is not calibrated: {TO_CALIBRATE} answers it has not learnt from are needed, "
            f"it had {spec.calibration_n}"
        )


def _rare(counts: dict[str, int], total: int) -> list[tuple[str, int]]:
    """Parts with less than half of an even share, rarest first."""
    if len(counts) < 2:
        return []
    rare = [(name, count) for name, count in counts.items() if count < RARE * total / len(counts)]
    return sorted(rare, key=lambda part: (part[1], part[0]))


def _named(rare: Iterable[tuple[str, int]], counts: dict[str, int]) -> str:
    parts = [f"{name} ({count} of {sum(counts.values())})" for name, count in rare]
    more = f" and {len(parts) - MOST_NAMED} others" if len(parts) > MOST_NAMED else ""
    return ", ".join(parts[:MOST_NAMED]) + more
