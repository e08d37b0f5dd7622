"""How trainings are put into words: states, verdicts, times, log lines, what a check or the advice says.

Pure functions. A line is its text and the colour that goes with it; the text says everything without the colour.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from core.snapshot.training import short
from tui import wording

if TYPE_CHECKING:
    from core.exporting.folder import Exported
    from core.review.advice import Advice
    from core.snapshot.training import Checked, Detail, Step, Training
    from core.training.analysis import Analysis
    from core.training.jobs import Job

Line = tuple[str, str]
MUTED, GOOD, BAD, WARN, BOLD = "$foreground-muted", "$text-success", "$text-error", "$text-warning", "bold"
STATES: dict[str, Line] = {
    "Queued": ("… queued", MUTED),
    "Running": ("▶ running", "$text-primary"),
    "Completed": ("✓ completed", GOOD),
    "Failed": ("✗ failed", BAD),
    "Cancelled": ("- cancelled", MUTED),
}
STOPPING: Line = ("■ stopping…", WARN)
VERDICTS: dict[str, Line] = {"accept": ("✓ accept", GOOD), "caution": ("~ caution", WARN), "revert": ("✗ revert", BAD)}
BAR = 20  # cells
SAME_DISK = (
    "! It lies in the workspace, on the same disk, and is lost with it. Name another place: "
    "rushes config backup.destinations '[\"PLACE\"]', then rushes config --trust"
)


def state(job: Job, stopping: bool) -> Line:
    """Mark and word of a job's state."""
    return STOPPING if stopping and job.state in ("Queued", "Running") else STATES[job.state]


def verdict(job: Job) -> Line:
    """Mark and word of its verdict; nothing where there is none."""
    return VERDICTS.get(str((job.metrics or {}).get("verdict")), ("", ""))


def standing(job: Job) -> Line:
    """The verdict of an ended training; how urgent one is that has not ended, where it is more or less than others."""
    if job.state in ("Queued", "Running"):
        return (f"priority {job.priority}" if job.priority else "", "")
    return verdict(job)


def about(job: Job) -> str:
    """Its name, whose clips it learns from, whether it repeats an earlier one."""
    speaker, resumed = job.params.get("speaker"), job.params.get("resumes")
    parts = [
        job.name or "",
        f"speaker {speaker}" if speaker else "",
        "resumed" if resumed else "",
    ]
    return ", ".join(filter(None, parts))


def duration(seconds: float) -> str:
    """Such as "45 s", "3 min 20 s", "2 h 5 min"."""
    whole = max(0, round(seconds))
    minutes, left = divmod(whole, 60)
    if whole < 60:
        return f"{whole} s"
    return f"{minutes} min {left} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def left(seconds: float | None) -> str:
    """How long it will still take, in plain words."""
    if seconds is None:
        return "time left not known yet"
    if seconds < 5:
        return "a few seconds left"
    if seconds < 90:
        return f"about {5 * round(seconds / 5)} seconds left"
    if seconds < 5400:
        return f"about {round(seconds / 60)} minutes left"
    return f"about {round(seconds / 3600, 1):g} hours left"


def bar(percent: float, width: int = BAR) -> str:
    """A bar of `width` cells."""
    done = round(min(100.0, max(0.0, percent)) / 100 * width)
    return "━" * done + "╌" * (width - done)


def now(data: Training, until_next: str) -> list[Line]:
    """What runs or waits now; else `until_next`, what is missing until the next training."""
    job = data.running
    if job is not None:
        since = duration(data.at - (job.started_at or data.at))
        more = f", {data.waiting} waiting" if data.waiting else ""
        return [
            (f"{job.task} {bar(job.progress)} {job.progress:.0f} %", BOLD),
            (f"{job.stage or 'starting'}{more}", ""),
            (f"{since} so far, {left(job.eta_seconds)}", MUTED),
        ]
    if data.waiting:
        starts = "it starts in a moment" if data.worker else "! no training process lives; t starts one too"
        return [(f"{data.waiting} waiting, nothing runs: {starts}", "" if data.worker else WARN)]
    return [(f"Nothing runs. {until_next}".rstrip(), MUTED)]


def nothing_yet(data: Training) -> str:
    """What to press where there was no training yet."""
    if data.answered >= data.minimum:
        return f"No trainings yet. Press t to train {data.task} on {data.answered} answers."
    missing = data.minimum - data.answered
    return (
        f"No trainings yet. {data.answered} of the {data.minimum} answers that {data.task} needs are there: "
        f"answer {missing} more (1 Capture, 2 Review), then press t."
    )


# The log


def log(data: Detail, stopping: bool) -> list[Line]:
    """A training's progress in words, newest last, then how it ended and what it was worth."""
    job = data.job
    lines: list[Line] = [(f"{_clock(job.created_at)}  queued{_on(job)}", MUTED)]
    for step in data.steps:
        lines.append((f"{_clock(step.at)}  {_step(step, data.metric)}", "" if step.epoch is None else MUTED))
        lines += [(f"          ! {note}", WARN) for note in step.notes]
    lines += _end(data, stopping)
    if data.analysis is not None:
        lines += [("", ""), *analysis(data.analysis)]
    if data.report is not None:
        lines += [("", ""), (f"The report with all scores lies in {data.report}", "")]
    return lines


def _on(job: Job) -> str:
    count = job.params.get("answered")
    resumed = job.params.get("resumes")
    return (f" with {count} answers" if count else "") + (f", the same answers as {resumed}" if resumed else "")


def _clock(at: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(at))


def _step(step: Step, metric: str) -> str:
    if step.epoch is None:
        return f"{step.progress:3.0f} %  {step.stage}"
    scores = [
        f"loss {step.loss:.4f}" if step.loss is not None else "",
        f"{metric} {step.score:.3f}" if step.score is not None else "",
    ]
    of = f"/{step.epochs}" if step.epochs else ""
    values = ", ".join(filter(None, scores)) or "before anything was learnt"
    return f"{short(step.stage)}, epoch {step.epoch}{of}: {values}"


def _end(data: Detail, stopping: bool) -> list[Line]:
    job, ended = data.job, _clock(data.job.completed_at) if data.job.completed_at else ""
    facts = job.metrics or {}
    if stopping and job.state in ("Queued", "Running"):
        return [(f"          {STOPPING[0]}", WARN)]
    if job.state == "Failed":
        return [
            (f"{ended}  ✗ failed: {job.error or 'no reason was kept'}", BAD),
            ("Press r to start it again on the same answers.", MUTED),
        ]
    if job.state == "Cancelled":
        return [
            (f"{ended}  - cancelled at {job.progress:.0f} %; nothing half-made stays", WARN),
            ("Press r to start it again on the same answers.", MUTED),
        ]
    if job.state == "Completed":
        word, colour = verdict(job)
        became = "answers now" if facts.get("deployed") else "was not deployed"
        took = f" after {duration(float(facts['seconds']))}" if facts.get("seconds") else ""
        return [
            (f"{ended}  ✓ completed{took}: {job.model_version} {became}", GOOD),
            (f"          {word}: {facts.get('reason') or 'no reason was kept'}", colour),
        ]
    return []


def analysis(found: Analysis) -> list[Line]:
    """What a completed training was worth."""
    factors = ", ".join(f"{name} {points:+}" for name, points in found.factors.items())
    return [
        (f"{found.recommendation}: {found.summary}", BOLD),
        (f"quality score {found.quality} ({factors})", MUTED),
        *((f"· {text}", "") for text in found.observations),
        *_marked(found.warnings, found.concerns, found.next_steps),
    ]


def _marked(warnings: Iterable[str], errors: Iterable[str], advice: Iterable[str]) -> list[Line]:
    return [
        *((f"✗ {text}", BAD) for text in errors),
        *((f"! {text}", WARN) for text in warnings),
        *((f"→ {text}", "") for text in advice),
    ]


# The check and the advice


def check(seen: Checked) -> list[Line]:
    """What a training needs and whether it is there."""
    found = seen.found
    took = "not known yet: none was measured here" if seen.seconds is None else f"about {duration(seen.seconds)}"
    verdict_line = (
        (f"✓ {seen.task} can be trained; press t", GOOD)
        if found.ok
        else (f"✗ {seen.task} cannot be trained now; nothing is queued", BAD)
    )
    facts = {
        "Memory": f"{found.ram_gb:g} GB",
        "Disk": f"{found.disk_gb:g} GB free",
        "Processor": f"{found.cores} cores; a GPU is looked for when a training starts",
        "SQLite": found.sqlite,
        "Answers": str(seen.answered),
        "A training takes": took,
    }
    return [
        verdict_line,
        *((f"  {name + ':':18}{text}", MUTED) for name, text in facts.items()),
        *_marked(found.warnings, found.errors, found.recommendations),
    ]


def blocked(seen: Checked) -> str:
    """Why no training was queued."""
    return f"No training was queued: {'; '.join(seen.found.errors)}."


def queued(job: Job, checked: Checked) -> str:
    """The notice when a training was queued."""
    if job.state == "Running":
        return f"A training of {job.task} on these answers runs already ({job.job_id})."
    count = len(checked.found.warnings)
    warned = f"; the check has {count} warning{'s' * (count != 1)} (p)" if count else "; the check found nothing amiss"
    return f"Training of {job.task} is queued as {job.job_id}{warned}."


def advice(found: Advice, task: str) -> list[Line]:
    """What to answer next, with how the answers are spread as bars."""
    lines: list[Line] = [(f"{wording.count(found.totalAnnotations, 'answer')} of {task}", BOLD)]
    if found.averageRating is not None:
        lines.append((f"scores {found.minRating:.2f} to {found.maxRating:.2f}, {found.averageRating:.2f} on average"
                      " (on 0 to 1)", MUTED))  # fmt: skip
    counts = found.ratingDistribution
    most, name_width = max(counts.values(), default=0), max(map(len, counts), default=0)
    for name, count in counts.items():
        filled = round(count / most * BAR) if most else 0
        lines.append((f"  {name:{name_width}}  {'█' * filled:{BAR}}  {count}", ""))
    lines += _marked(found.warnings, [], found.recommendations)
    if found.focusAreas:
        lines.append((f"Look for: {', '.join(found.focusAreas)}", BOLD))
    if len(lines) == 1:
        lines.append(("✓ nothing stands out: go on answering", GOOD))
    return lines


def exported(found: Exported) -> str:
    """The notice when a data set was written."""
    answers = ", ".join(f"{wording.count(n, 'answer')} of {task}" for task, n in found.counts["answers"].items())
    media, versions = (
        wording.count(found.counts["media"], "media file"),
        wording.count(found.counts["versions"], "version"),
    )
    return f"✓ {answers}, {media}, {versions} in {found.to}."
