"""The demo: a drawn user (or real clips with manifests) plays through the whole loop, and what it brought is measured.

Nothing here is special to the demo: clips go in by `loop.capture`, answers by `loop.correct`, the trigger queues the
training, the worker trains. Only the test clips are kept out, so that before and after can be compared.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from platformdirs import user_cache_path

from core import features, loop, registry, tasks
from core.capture.consent import give_consent
from core.capture.intake import About, Refused
from core.demo.real import real_clips
from core.demo.user import DrawnClip, user_clips
from core.errors import MediaError, RushesError
from core.files import private_dir
from core.inference import Predictor
from core.store.records import Sample, Value
from core.tasks.base import Answer, Features, Task
from core.training import jobs
from core.training.statistics import bootstrap
from core.workspace import Workspace

# The longest training first: it runs in the worker while the next task's clips are drawn here.
ORDER = ("speech", "scenes", "ratings")
LEARN, TEST = 60, 40
TEST_SEED = 1_000_003  # drawn clips for testing come from another seed, so none is met in training
Say = Callable[[str], None]


@dataclass(slots=True)
class Outcome:
    """What one task's round brought; `interval` is of after - before, 95 %, paired over the test clips."""

    task: str
    clips: int = 0
    corrections: int = 0
    metric: str = ""
    before: float | None = None
    after: float | None = None
    interval: tuple[float, float] | None = None
    n_test: int = 0
    seconds: float = 0.0
    error: str | None = None
    better_is_lower: bool = False

    def to_json(self) -> dict[str, Any]:
        names = ("clips", "corrections", "metric", "before", "after", "interval", "n_test", "seconds")
        known = {name: getattr(self, name) for name in names}
        return known | ({"error": self.error} if self.error else {})

    def line(self) -> str:
        if self.error or self.before is None or self.after is None or self.interval is None:
            return f"✗ {self.task}: {self.error}"
        low, high = self.interval
        gain = (-high, -low) if self.better_is_lower else (low, high)
        word = "better" if gain[0] > 0 else "worse" if gain[1] < 0 else "not shown to be better"
        return (
            f"{self.task:8} {self.metric} {self.before:.3f} -> {self.after:.3f} on {self.n_test} other clips "
            f"({word}: difference {low:+.3f} to {high:+.3f}), {self.corrections} corrections, {self.seconds:.0f} s"
        )


@dataclass(slots=True)
class DemoReport:
    """All tasks' outcomes and the workspace they happened in."""

    root: Path
    outcomes: list[Outcome] = field(default_factory=list[Outcome])

    @property
    def failed(self) -> bool:
        return any(outcome.error for outcome in self.outcomes)

    def to_json(self) -> dict[str, Any]:
        return {outcome.task: outcome.to_json() for outcome in self.outcomes}

    def lines(self) -> list[str]:
        return [*(outcome.line() for outcome in self.outcomes), f"The demo's workspace is {self.root}"]


@dataclass(slots=True)
class _Round:
    """One task on its way through the loop."""

    outcome: Outcome
    task: Task
    test: list[tuple[Features, Value]]
    before: list[Answer]
    job: jobs.Job | None
    started: float


def run(root: Path | None, *, data: Path | None, seed: int, say: Say) -> DemoReport:
    """Play the loop in a workspace (a new one by default) and measure every task before and after.

    Raises:
        RushesError: the folder cannot be a workspace, or the data folder has no manifest.
    """
    if root is None:
        folder = private_dir(user_cache_path("rushes"))
        root = Path(tempfile.mkdtemp(prefix="demo-", dir=folder))
    space = loop.open_workspace(root)
    report = DemoReport(root)
    real = real_clips(data, LEARN, TEST, seed) if data else None
    with tempfile.TemporaryDirectory(prefix="rushes-demo-") as scratch:
        rounds = [_play(space, name, Path(scratch), seed, real, say) for name in ORDER if real is None or name in real]
    for current in rounds:
        report.outcomes.append(_finish(space, current, say))
    space.close()
    return report


def _play(
    space: Workspace,
    name: str,
    scratch: Path,
    seed: int,
    real: dict[str, tuple[list[DrawnClip], list[DrawnClip]]] | None,
    say: Say,
) -> _Round:
    task = tasks.get(name)
    started = time.monotonic()
    outcome = Outcome(name, metric=task.primary, better_is_lower=not task.higher_is_better)
    current = _Round(outcome, task, [], [], None, started)
    try:
        if real is None:
            say(f"{name}: drawing {LEARN} clips to learn from and {TEST} to test on")
            learn = user_clips(name, LEARN, seed, scratch / name / "learn")
            test = user_clips(name, TEST, seed + TEST_SEED, scratch / name / "test")
        else:
            learn, test = real[name]
        outcome.clips = len(learn)
        predictor = registry.serving(space, name).predictor
        current.test = _measured(task, test)
        current.before = _answers(predictor, current.test)
        current.job = _correct_all(space, predictor, learn, outcome, say)
    except RushesError as error:
        outcome.error = error.sentence()
    return current


def _measured(task: Task, clips: Sequence[DrawnClip]) -> list[tuple[Features, Value]]:
    found: list[tuple[Features, Value]] = []
    for clip in clips:
        try:
            found.append((features.of_file(clip.path, task), clip.truth))
        except MediaError:
            continue  # a real clip without a face; n_test says how many counted
    return found


def _answers(predictor: Predictor, test: Sequence[tuple[Features, Value]]) -> list[Answer]:
    return [predictor.answer([measured])[0] for measured, _ in test]


def _correct_all(
    space: Workspace, predictor: Predictor, clips: Sequence[DrawnClip], outcome: Outcome, say: Say
) -> jobs.Job | None:
    """The user looks at each clip's prediction and answers; the loop itself queues the training."""
    task = predictor.task
    if task.keeps_face:
        give_consent(space, task.name, by="demo: nobody is on these clips, or they are public recordings")
    if task.kind == "label":
        registry.define_labels(space, task, sorted({str(clip.truth) for clip in clips}))
    right = 0
    for number, clip in enumerate(clips, start=1):
        about = About(source="demo", group=clip.group, speaker=clip.speaker)
        for part in loop.capture(space, [clip.path], task.name, about):
            if isinstance(part, Refused):
                say(f"{task.name}: {part.file}: {part.reason}")
                continue
            right += _answer(space, predictor, part, clip.truth)
            outcome.corrections += 1
        if number % 20 == 0:
            say(f"{task.name}: {number} clips answered, the model was right on {right}")
    return (
        jobs.submit(space, task.name) if not jobs.every(space, task=task.name) else jobs.every(space, task=task.name)[0]
    )


def _answer(space: Workspace, predictor: Predictor, sample: Sample, truth: Value) -> bool:
    said = loop.predict(space, predictor, [sample])[0].value
    loop.shadow(space, [sample])
    agrees = said is not None and predictor.task.equal(said, truth)
    loop.correct(space, [(sample, None if agrees else truth)])
    return agrees


def _finish(space: Workspace, current: _Round, say: Say) -> Outcome:
    outcome, task = current.outcome, current.task
    if current.job is None:
        outcome.seconds = round(time.monotonic() - current.started, 1)
        return outcome
    jobs.ensure_worker(space)
    stage = ""
    for job in jobs.follow(space, current.job.job_id):
        current.job = job
        if job.stage != stage:
            stage = job.stage
            say(f"{task.name}: {job.progress:.0f} % {stage}")
    outcome.seconds = round(time.monotonic() - current.started, 1)
    if current.job.state != "Completed":
        outcome.error = current.job.error or f"the training was {current.job.state.lower()}"
        return outcome
    served = registry.serving(space, task.name)
    after = _answers(served.predictor, current.test)
    _compare(outcome, task, [truth for _, truth in current.test], current.before, after)
    return outcome


def _compare(outcome: Outcome, task: Task, truths: list[Value], before: list[Answer], after: list[Answer]) -> None:
    places = range(len(truths))

    def score(found: list[Answer], picked: Sequence[int] = places) -> float:
        return task.score([truths[at] for at in picked], [found[at] for at in picked])[task.primary]

    def difference(picked: Sequence[int]) -> float:
        return score(after, picked) - score(before, picked)

    outcome.n_test = len(truths)
    outcome.before, outcome.after = round(score(before), 4), round(score(after), 4)
    low, high = bootstrap(places, difference, rounds=500)
    outcome.interval = (round(low, 4), round(high, 4)) if np.isfinite([low, high]).all() else None
