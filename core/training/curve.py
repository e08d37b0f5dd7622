"""The learning curve: every correction first tested the version that answered, then taught the next one.

Says how right the answers were against the number of corrections, which of seed 000's stages that is, and when the
next may be reached. Pure NumPy; the power law is `core.training.learning`'s.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from core import tasks
from core.store.records import Value
from core.tasks.base import Answer, Task
from core.training import learning
from core.training.learning import Floats, Reach
from core.workspace import Workspace

if TYPE_CHECKING:
    from sqlite_utils import Database

NOT_ENOUGH = "not enough to tell"
MEASURES = {
    "label": "accuracy (share of right labels)",
    "text": "word accuracy (1 - word errors per word, at least 0)",
    "score": "closeness (1 - absolute error, on 0..1)",
}
WINDOWS, SMALLEST_WINDOW = 20, 25
ROUNDS = 400  # of the bootstrap behind a band
MOST_RESAMPLED = 200  # the mean of more is normal, and resampling them would take longer than all the rest
Z = 1.96  # 95 %


@dataclass(frozen=True, slots=True)
class Stage:
    """One of seed 000's stages: from how many corrections, and the accuracy it expects there."""

    name: str
    corrections: int
    accuracy: tuple[float, float]


STAGES = (
    Stage("Baseline", 0, (0.68, 0.75)),
    Stage("Enhanced", 500, (0.80, 0.86)),
    Stage("Advanced", 2500, (0.88, 0.92)),
)


@dataclass(frozen=True, slots=True)
class Block:
    """Some tested answers: which corrections they were, their mean score and its 95 % band."""

    first: int
    last: int
    n: int
    score: float
    low: float
    high: float

    def words(self) -> str:
        return f"{self.score:.3f} ({self.low:.3f} to {self.high:.3f}, n = {self.n})"


@dataclass(frozen=True, slots=True)
class Forecast:
    """After how many corrections in all the answers reach the next stage's range, with a 90 % interval.

    Attributes:
        based_on: "random picks" where there are enough of them, else "all answers" (which the queue makes harder).
    """

    stage: str
    target: float
    reach: Reach
    based_on: str

    @property
    def sentence(self) -> str:
        reach = self.reach
        return (
            f"{self.stage}'s {self.target:.0%} after {reach.corrections:,} corrections "
            f"({reach.low:,} to {reach.high:,}, {learning.LEVEL:.0%} interval; {self.based_on})"
        )


@dataclass(frozen=True, slots=True)
class Curve:
    """The learning curve of one task.

    Attributes:
        corrections, tested: how many there are, and how many tested a version (imports and drop-ins test none).
        windows: consecutive answers, oldest first.
        running: after each window, everything so far.
        versions: per version that answered.
        random: only what was picked at random: the unbiased sample; None where nothing was.
        to_next: corrections until the next stage begins; None at the last.
    """

    task: str
    measure: str
    corrections: int
    tested: int
    windows: tuple[Block, ...]
    running: tuple[Block, ...]
    versions: dict[str, Block]
    random: Block | None
    stage: Stage
    next_stage: Stage | None
    to_next: int | None
    forecast: Forecast | None
    why_no_forecast: str

    def to_json(self) -> dict[str, Any]:
        plain = asdict(self)
        seen = self.forecast
        plain["forecast"] = NOT_ENOUGH if seen is None else {
            "stage": seen.stage, "target": seen.target, "corrections": seen.reach.corrections,
            "interval": [seen.reach.low, seen.reach.high], "level": learning.LEVEL, "based_on": seen.based_on,
        }  # fmt: skip
        return plain


@dataclass(frozen=True, slots=True)
class Tested:
    """One answer that a correction tested: the correction's number (from 1), its score 0..1, who answered."""

    position: int
    score: float
    version: str
    random: bool


def curve(space: Workspace, task: str) -> Curve:
    """The learning curve of a task. Bands take answers as independent: clips of one video make them a little narrow."""
    with space.store.catalog.read() as db:
        rows = _rows(db, task)
    return draw(tasks.get(task), rows)


Row = tuple[Value, Value | None, str | None, str | None]  # truth, predicted, version, picked_by


def _rows(db: Database, task: str) -> list[Row]:
    """What is valid now against what was predicted when the sample was answered first: a later model may know it."""
    first = """SELECT x.sample, min(x.line) AS line FROM corrections x
               JOIN batches b ON b.task = x.task AND b.batch = x.batch
               WHERE x.task = :task AND x.op = 'set' AND b.complete AND (b.undone_at IS NULL OR x.line > b.undone_at)
               GROUP BY x.sample"""
    query = f"""SELECT c.value, f.predicted, f.version, f.picked_by
                FROM ({first}) AS t JOIN samples s ON s.task = :task AND s.id = t.sample
                JOIN corrections c ON c.task = s.task AND c.line = s.answer_line
                JOIN corrections f ON f.task = s.task AND f.line = t.line
                WHERE s.state = 'answered' ORDER BY t.line"""
    return db.conn.execute(query, {"task": task}).fetchall()


def draw(owner: Task, rows: list[Row]) -> Curve:
    """The curve of answers in the order they were given; pure.

    Args:
        rows: (truth, predicted, version, picked_by); predicted None = no version was tested.
    """
    found = [
        Tested(number, _score(owner, truth, predicted), version or "unknown", picked == "random")
        for number, (truth, predicted, version, picked) in enumerate(rows, 1)
        if predicted is not None
    ]
    stage, following = _stage(len(rows))
    forecast, why = _forecast(found, following)
    windows = _windows(found)
    return Curve(
        task=owner.name,
        measure=MEASURES[owner.kind],
        corrections=len(rows),
        tested=len(found),
        windows=tuple(block(part) for part in windows),
        running=tuple(block(found[: sum(map(len, windows[: i + 1]))]) for i in range(len(windows))),
        versions={
            version: block([test for test in found if test.version == version])
            for version in dict.fromkeys(test.version for test in found)
        },
        random=block(picked) if (picked := [test for test in found if test.random]) else None,
        stage=stage,
        next_stage=following,
        to_next=following.corrections - len(rows) if following else None,
        forecast=forecast,
        why_no_forecast=why,
    )


@lru_cache(maxsize=20_000)  # word errors take 50 microseconds a text, and answers never change
def _score(owner: Task, truth: Value, predicted: Value) -> float:
    if predicted == truth:
        return 1.0
    return 1.0 - min(1.0, owner.loss_of(truth, Answer(predicted, None)))


def _windows(found: list[Tested]) -> list[list[Tested]]:
    count = max(1, min(WINDOWS, len(found) // SMALLEST_WINDOW))
    edges = np.linspace(0, len(found), count + 1).round().astype(int)
    return [found[low:high] for low, high in pairwise(edges)] if found else []


def block(part: list[Tested]) -> Block:
    """Mean and band of some tests, at least one."""
    scores = np.array([test.score for test in part])
    low, high = band(scores)
    return Block(part[0].position, part[-1].position, len(part), float(scores.mean()), low, high)


def band(scores: Floats) -> tuple[float, float]:
    """95 % band of a mean of scores in 0..1: Wilson's (1927) where all are 0 or 1, else the percentile bootstrap's."""
    count, mean = len(scores), float(scores.mean())
    if np.isin(scores, (0.0, 1.0)).all():
        centre = (mean + Z * Z / (2 * count)) / (1 + Z * Z / count)
        half = Z * ((mean * (1 - mean) + Z * Z / (4 * count)) / count) ** 0.5 / (1 + Z * Z / count)
        return max(0.0, centre - half), min(1.0, centre + half)
    if count > MOST_RESAMPLED:
        half = Z * float(scores.std()) / count**0.5
        return max(0.0, mean - half), min(1.0, mean + half)
    drawn = scores[np.random.default_rng(7).integers(0, count, (ROUNDS, count))].mean(axis=1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return float(low), float(high)


def _stage(corrections: int) -> tuple[Stage, Stage | None]:
    number = max(index for index, stage in enumerate(STAGES) if corrections >= stage.corrections)
    return STAGES[number], STAGES[number + 1] if number + 1 < len(STAGES) else None


def _forecast(found: list[Tested], following: Stage | None) -> tuple[Forecast | None, str]:
    if following is None:
        return None, "this is the last stage"
    picked = [test for test in found if test.random]
    use, based_on = (picked, "random picks") if len(picked) >= learning.FEWEST else (found, "all answers")
    positions = np.array([test.position for test in use], dtype=np.float64)
    errors = 1.0 - np.array([test.score for test in use], dtype=np.float64)
    target = following.accuracy[0]
    reached = learning.reach(positions, errors, 1.0 - target)
    if isinstance(reached, str):
        return None, reached
    return Forecast(following.name, target, reached, based_on), ""
