"""What the gate is decided on, counted over a workspace's last 100 videos of scenes. What is missing stays None."""

from __future__ import annotations

import math
from dataclasses import dataclass

from core.workspace import Workspace

TASK = "scenes"  # seed 000's gate is about scenes
LAST = 100  # videos (seed 000)
ENOUGH_DRAWN = 20  # videos with a random pick, from which the unbiased rate is the one that counts

_JUDGED = """
    SELECT max(c.raw_correct = 0), max(c.picked_by = 'random'), max(c.picked_by = 'random' AND c.raw_correct = 0)
    FROM samples s JOIN corrections c ON c.task = s.task AND c.line = s.answer_line
    WHERE s.task = ? AND s.state = 'answered' AND c.raw_correct IS NOT NULL
    GROUP BY coalesce(s.video_id, s."group") ORDER BY max(s.answer_line) DESC LIMIT ?"""

# The prediction that stood when the user answered: today's champion may have learnt from that very answer.
_HOOKS = """
    WITH scene AS (
        SELECT s.id, coalesce(s.video_id, s."group") AS video, s.start_s, s.first_line, s.seen,
            coalesce(s.captured_at, c.at, 0) AS at, c.at AS answered_at, c.confidence AS said
        FROM samples s LEFT JOIN corrections c ON c.task = s.task AND c.line = s.answer_line AND s.state = 'answered'
        WHERE s.task = ? AND s.state <> 'deleted'),
    recent AS (
        SELECT video FROM scene GROUP BY video ORDER BY max(at) DESC, max(seen) DESC, max(first_line) DESC LIMIT ?),
    ranked AS (
        SELECT scene.*, row_number() OVER (PARTITION BY video ORDER BY start_s, first_line, id) AS place
        FROM scene WHERE video IN (SELECT video FROM recent))
    SELECT p.line, p.confidence, p.calibrated, h.said FROM ranked h LEFT JOIN predictions p ON p.line = (
        SELECT max(line) FROM predictions
        WHERE sample = h.id AND kind = 'model' AND (h.answered_at IS NULL OR at <= h.answered_at))
    WHERE h.place = 1"""


@dataclass(frozen=True, slots=True)
class Share:
    """`k` of `n`."""

    k: int
    n: int

    @property
    def value(self) -> float | None:
        return self.k / self.n if self.n else None


@dataclass(frozen=True, slots=True)
class Overrides:
    """Videos the user overrode (a judged scene of it was), over all judged ones and over random picks alone."""

    every: Share
    drawn: Share

    @property
    def counted(self) -> Share:
        """Random picks, the unbiased ones, as soon as there are 20 such videos; else every judged video."""
        return self.drawn if self.drawn.n >= ENOUGH_DRAWN else self.every


@dataclass(frozen=True, slots=True)
class Hooks:
    """The hooks' mean confidence (0..1) over `n` videos, and how many could not count.

    Attributes:
        uncalibrated: answered by a version whose confidence nobody has calibrated.
        unmeasured: never predicted, or the model failed.
    """

    mean: float | None
    n: int
    uncalibrated: int
    unmeasured: int


def overrides(space: Workspace) -> Overrides:
    """How often the user overrode the model over the last 100 videos, in journal order."""
    with space.store.catalog.read() as db:
        rows = db.conn.execute(_JUDGED, [TASK, LAST]).fetchall()
    every = Share(sum(overridden for overridden, _, _ in rows), len(rows))
    return Overrides(every, Share(sum(wrong for _, _, wrong in rows), sum(drawn for _, drawn, _ in rows)))


def hooks(space: Workspace) -> Hooks:
    """How sure the versions that answered then were of the first scene of each of the last 100 videos.

    A line of the seed's own system names no prediction of ours; its confidence is taken at its word.
    """
    with space.store.catalog.read() as db:
        rows = db.conn.execute(_HOOKS, [TASK, LAST]).fetchall()
    sure: list[float] = []
    uncalibrated = 0
    for line, confidence, calibrated, said in rows:
        if line is None:
            sure += [] if said is None else [float(said)]
        elif confidence is not None and calibrated:
            sure.append(float(confidence))
        elif confidence is not None:
            uncalibrated += 1
    mean = math.fsum(sure) / len(sure) if sure else None
    return Hooks(mean, len(sure), uncalibrated, len(rows) - len(sure) - uncalibrated)


def chance_above(limit: float, share: Share) -> float | None:
    """The chance that the true rate is above `limit` after `k` of `n`; None where nothing was counted.

    Beta posterior from a uniform prior: P(rate > x) with Beta(k + 1, n - k + 1) is the chance of at most k successes
    in n + 1 tries at x (the regularised incomplete beta function at whole numbers).
    """
    if not share.n:
        return None
    tries = share.n + 1
    return math.fsum(math.comb(tries, i) * limit**i * (1 - limit) ** (tries - i) for i in range(share.k + 1))
