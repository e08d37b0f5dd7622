"""Seed 002's analysis of an ended training: observations, a quality score and what to do next, in the seed's fields.

The recommendation is our verdict's (`core.training.verdict`), put in the seed's words; loss bands and sample counts are
observations beside it and never overrule it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

from core import tasks
from core.errors import WrongUseError
from core.training import audit, jobs
from core.workspace import Workspace

Json = dict[str, Any]
# Seed 002's bands of the training loss: below, its name, what it means, points. They were made for squared errors on
# 0..1, so only scores learnt by regression are held against them.
BANDS = (
    (0.1, "Excellent", "model learned patterns effectively", 30),
    (0.3, "Good", "model learned most patterns", 15),
    (0.5, "Moderate", "model learned some patterns", 0),
    (0.7, "High", "model may not have learned enough", -15),
    (float("inf"), "Very high", "model did not learn the patterns", -30),
)
RECOMMENDATIONS = {"accept": "Accept", "caution": "Accept with Caution", "revert": "Revert"}
VERDICT_POINTS = {"accept": 0, "caution": -10, "revert": -60}
RECOMMENDED = 100
FEW_JUDGED = 20
SLOW, SHORT_S = 2.0, 2.0


@dataclass(frozen=True, slots=True)
class Analysis:
    """Seed 002's `PostTrainingAnalysisDto`, with ours beside it.

    Attributes:
        factors: what the quality score is the sum of; see `analyse`.
        verdict, reason, evidence: what the recommendation follows from.
    """

    job_id: str
    task: str
    version: str | None
    training_loss: float | None
    samples: int
    seconds: float | None
    annotations: int
    had_gpu: bool
    estimated_minutes: float | None
    factors: dict[str, int]
    verdict: str
    reason: str
    observations: list[str] = field(default_factory=list[str])
    warnings: list[str] = field(default_factory=list[str])
    concerns: list[str] = field(default_factory=list[str])
    summary: str = ""
    next_steps: list[str] = field(default_factory=list[str])
    evidence: Json = field(default_factory=dict[str, Any])

    @property
    def quality(self) -> int:
        return sum(self.factors.values())

    @property
    def recommendation(self) -> str:
        return RECOMMENDATIONS[self.verdict]

    def to_json(self) -> Json:
        """The seed's fields in the seed's order, then ours. What is not known is null."""
        return {
            "trainingLoss": self.training_loss,
            "trainingSamples": self.samples,
            "trainingDurationSeconds": self.seconds,
            "annotationCount": self.annotations,
            "hadGpu": self.had_gpu,
            "actualTimeMinutes": None if self.seconds is None else round(self.seconds / 60, 2),
            "estimatedTimeMinutes": self.estimated_minutes,
            "qualityScore": self.quality,
            "observations": self.observations,
            "warnings": self.warnings,
            "concerns": self.concerns,
            "summary": self.summary,
            "recommendation": self.recommendation,
            "nextSteps": self.next_steps,
            "jobId": self.job_id,
            "task": self.task,
            "modelVersion": self.version,
            "verdict": self.verdict,
            "reason": self.reason,
            "evidence": self.evidence,
            "qualityFactors": self.factors,
        }


def analyse(space: Workspace, job_id: str) -> Analysis:
    """The analysis of a completed training.

    The quality score is the sum of four named factors (seed 002's example, loss 0.08 and 100 samples, has its 50):
    verdict (accept 0, caution -10, revert -60: never good), samples (100 or more +20, 50 or more +10, 20 or more 0,
    fewer -40), loss (regression only: +30, +15, 0, -15, -30 by band) and held_out (fewer than 20 answers judged: -10).
    Time and hardware are observed; they say nothing of quality.

    Raises:
        WrongUseError: there is no such job, or it has not completed.
    """
    job = jobs.get(space, job_id)
    if job.state != "Completed":
        raise WrongUseError(
            f"analysis is only available for completed jobs, this one is {job.state}",
            where=job_id,
            do=f"Follow it with: rushes jobs watch {job_id}"
            if job.state not in jobs.ENDED
            else "See: rushes jobs list",
        )
    lines = audit.history(space)
    line: Json = next((entry for entry in reversed(lines) if entry["jobId"] == job_id), {})
    facts = job.metrics or {}
    system: Json = line.get("system") or {}
    said = str(facts.get("verdict"))
    verdict = said if said in RECOMMENDATIONS else "caution"
    losses: list[float] = facts.get("losses") or []
    samples, seconds = int(facts.get("n") or 0), facts.get("seconds")
    found = Analysis(
        job_id=job_id,
        task=job.task,
        version=job.model_version,
        training_loss=losses[-1] if losses else None,
        samples=samples,
        seconds=seconds,
        annotations=samples + sum((facts.get("excluded") or {}).values()),
        had_gpu=bool(system.get("gpu")),
        estimated_minutes=_estimate(job, lines, samples),
        factors={"verdict": VERDICT_POINTS[verdict]},
        verdict=verdict,
        reason=str(facts.get("reason") or "no reason was kept"),
        evidence=facts.get("evidence") or {},
    )
    _look_at_samples(found, space.settings.train.minimum)
    if tasks.get(job.task).kind == "score" and (facts.get("recipe") or {}).get("target", "regression") == "regression":
        _look_at_loss(found, facts.get("metrics") or {})
    _look_at_judged(found)
    _look_at_time(found, system)
    found.warnings.extend(f"Note of the training: {note}" for note in facts.get("notes") or [])
    return _concluded(found, facts)


def _estimate(job: jobs.Job, lines: list[Json], samples: int) -> float | None:
    """Minutes: what was promised when the job was queued, else the median pace of earlier trainings of the task."""
    if (promised := job.params.get("estimate_seconds")) is not None:
        return round(float(promised) / 60, 2)
    paces = [
        entry["durationSeconds"] / entry["annotationCount"]
        for entry in lines
        if entry.get("task") == job.task and entry.get("state") == "Completed" and entry["jobId"] != job.job_id
        and entry.get("durationSeconds") and entry.get("annotationCount")
        and (entry.get("completedAt") or 0) < (job.completed_at or 0)
    ]  # fmt: skip
    return round(median(paces) * samples / 60, 2) if paces else None


def _look_at_samples(found: Analysis, minimum: int) -> None:
    count = found.samples
    if count >= RECOMMENDED:
        found.factors["samples"] = 20
        found.observations.append("Excellent sample size - model has sufficient data")
    elif count >= minimum:
        found.factors["samples"] = 10 if count >= RECOMMENDED // 2 else 0
        found.observations.append(f"Sample size of {count} is above the minimum of {minimum}")
        found.warnings.append(f"{RECOMMENDED} or more samples are recommended, {count} were used")
    else:
        found.factors["samples"] = -40
        found.concerns.append(f"Only {count} samples - at least {minimum} are needed")
    if left := found.annotations - count:
        found.observations.append(f"{left} of {found.annotations} corrections could not be used")


def _look_at_loss(found: Analysis, metrics: Json) -> None:
    loss, what = found.training_loss, "training loss"
    if loss is None and metrics.get("rmse") is not None:
        # A head that was solved in one step and needed no epoch leaves no training loss.
        loss, what = float(metrics["rmse"]) ** 2, "squared error on what was held out"
    if loss is None:
        return
    _, name, meaning, points = next(band for band in BANDS if loss < band[0])
    found.factors["loss"] = points
    place = found.observations if points >= 0 else found.warnings if points > -30 else found.concerns
    place.append(f"{name} {what} - {meaning}")


def _look_at_judged(found: Analysis) -> None:
    count = found.evidence.get("n")
    if count is None:
        return
    found.observations.append(f"Compared with the champion on {count} answers that neither was trained on")
    if count < FEW_JUDGED:
        found.factors["held_out"] = -10
        found.warnings.append(f"{count} answers are few to compare two versions on")


def _look_at_time(found: Analysis, system: Json) -> None:
    hardware = system.get("gpu") or f"the CPU ({system.get('cpus') or 'unknown number of'} cores)"
    found.observations.append(f"Trained on {hardware}")
    if found.seconds is None:
        return
    expected = found.estimated_minutes
    if expected and found.seconds > SLOW * expected * 60:
        found.warnings.append(
            f"Training took {found.seconds / 60:.1f} minutes, {expected:.1f} were expected; was the machine busy?"
        )
    if found.seconds < SHORT_S:
        found.warnings.append(f"Training took only {found.seconds:.1f} seconds - check that it saw all samples")


def _concluded(found: Analysis, facts: Json) -> Analysis:
    version, task = found.version or "the version", found.task
    deployed = bool(facts.get("deployed"))
    more = found.evidence.get("more_corrections")
    back = f"Go back: rushes models rollback -t {task}"
    if found.verdict == "accept":
        summary = f"Training completed successfully with good results. {version} answers better than the champion did."
        steps = [
            f"{version} answers already" if deployed else f"Let it answer: rushes models deploy {version} -t {task}",
            f"Monitor performance on real clips: rushes models curve -t {task}",
            "Continue answering to further improve the model",
        ]
    elif found.verdict == "caution":
        summary = f"Training completed, but whether {version} is better than the champion is not shown yet."
        steps = [
            f"{version} answers already; test it carefully" if deployed else f"{version} does not answer yet",
            f"Answer {more or 'more'} clips to settle it: rushes review list -t {task}",
            *([back] if deployed else []),
        ]
    else:
        summary = f"Training completed, but {version} answers worse than the champion."
        steps = [
            back if deployed else f"Keep the champion; {version} does not answer",
            f"See what to answer next: rushes review advice -t {task}",
            "Train again after more answers",
        ]
    (found.concerns if found.verdict == "revert" else found.observations).append(found.reason)
    return replace(found, summary=summary, next_steps=steps)
