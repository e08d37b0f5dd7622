"""The loop (DESIGN 2), one function per arrow, in order:

capture -> predict -> correct (journal) -> review -> train -> evaluate -> export -> deploy -> the new model predicts.

Screens, commands and the worker call these; what is not an arrow is a verb of its own package.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core import features, registry, tasks
from core.capture import intake
from core.capture.intake import About, Refused
from core.errors import ModelError, RushesError, StoreError
from core.inference import Predictor
from core.log import logger
from core.review import answers, queue
from core.store.identity import new_id
from core.store.records import Correction, PickedBy, Prediction, Sample, Value
from core.training import jobs
from core.workspace import Workspace

if TYPE_CHECKING:
    from core.registry import Card
    from core.training.evaluation import Evaluation
    from core.training.request import Request
    from core.training.run import Report, Trained
    from core.training.verdict import Verdict


def open_workspace(root: Path, *, create: bool = True, flags: dict[str, Any] | None = None) -> Workspace:
    """The workspace in `root`; see `core.workspace.find_root` for which one that is."""
    return Workspace.open(root, tasks.codecs(), create=create, flags=flags, before_migration=_save_first)


def _save_first(space: Workspace, steps: list[str]) -> None:
    # By name, as `core.schedule` names its work: exporting stands above the loop.
    import_module("core.exporting.before").save(space, steps)


def capture(
    space: Workspace, files: Iterable[Path], task: str, about: About | None = None, *, incoming: bool = False
) -> Iterator[Sample | Refused]:
    """Take clips in: each becomes a sample in `pending/`, or is refused with its reason.

    Args:
        incoming: the files are our own recordings in `incoming/`, which are gone afterwards either way.
    """
    owner = tasks.get(task)
    space.require_writable()
    for path in files:
        try:
            yield from intake.admit(space, path, owner, about or About())
        except RushesError as error:
            logger.info("refused %s: %s", path.name, error)
            yield Refused(str(path), error.sentence() if error.do else error.what)
        finally:
            if incoming:
                path.unlink(missing_ok=True)
    intake.sweep_pending(space)


def predict(space: Workspace, predictor: Predictor, samples: Sequence[Sample]) -> list[Prediction]:
    """Let a version answer samples; each answer is journalled, a failed one as such."""
    found = [_predict_one(space, predictor, sample) for sample in samples]
    space.store.add_predictions(found)
    return found


def _predict_one(space: Workspace, predictor: Predictor, sample: Sample) -> Prediction:
    blank = Prediction(
        id=new_id(), sample=sample.id, task=sample.task, version=predictor.version, kind="model", value=None,
        confidence=None, calibrated=predictor.spec.temperature is not None, raw={}, runner_ups=(), latency_ms=0.0,
        at=time.time(),
    )  # fmt: skip
    try:
        measured = features.of_sample(space, predictor.task, sample)
        start = time.perf_counter()
        answer = predictor.answer([measured])[0]
    except RushesError as error:
        return replace(blank, error=error.sentence())
    return replace(
        blank,
        value=answer.value,
        confidence=answer.confidence,
        raw=answer.raw,
        runner_ups=answer.runner_ups,
        # Features were measured when the clip came in; they are a part of what the user waited for.
        latency_ms=round(sample.extra.get("measured_ms", 0.0) + (time.perf_counter() - start) * 1000, 2),
    )


def shadow(space: Workspace, samples: Sequence[Sample]) -> list[Prediction]:
    """Let the challenger, where there is one, answer the same samples unseen; see `core.shadow`."""
    from core import shadow as rivals

    return rivals.answer(space, samples)


def mend(space: Workspace, said: Prediction) -> Prediction | None:
    """Speech's second step: a local language model mends the text; a prediction of its own, a failed one as such.

    Blocks for up to the time-out. None while the step is off or there is no text: the raw text stands.
    """
    from core.tasks.speech import llm
    from core.training.dataset import past_pairs

    wanted = space.settings.llm
    if not wanted.enabled or said.value is None or tasks.get(said.task).kind != "text":
        return None
    params = llm.LlmParams(base_url=wanted.url, model=wanted.model, timeout_s=wanted.timeout_s)
    start = time.perf_counter()
    found = llm.correct_text(str(said.value), past_pairs(space, said.task, wanted.examples), params)
    mended = replace(
        said,
        id=new_id(), version=f"llm/{wanted.model}", kind="llm", value=found.text, confidence=None, calibrated=False,
        raw={"state": found.state}, runner_ups=(), latency_ms=round((time.perf_counter() - start) * 1000, 2),
        at=time.time(), error=found.error,
    )  # fmt: skip
    space.store.add_predictions([mended])
    return mended


def correct(
    space: Workspace,
    given: Sequence[tuple[Sample, Value | None]],
    *,
    picked_by: PickedBy | None = None,
    label_source: Mapping[str, str] | str | None = None,
    trigger: bool = True,
) -> list[Correction]:
    """What the user says: a value, or None for "the model was right". One batch, durable when this returns.

    Args:
        picked_by: how the samples came up; by default as the list they were last offered in said.
        label_source: where the answers come from; an import says it by sample id.

    Raises:
        RushesError: a sample was never predicted and so cannot be confirmed, or was forgotten.
    """
    space.store.require_kept(sample for sample, _ in given)
    batch, at = new_id(), time.time()
    truths: list[Correction] = []  # all of them before the first clip moves: a refusal changes nothing
    for sample, value in given:
        said_by = label_source if isinstance(label_source, str) else (label_source or {}).get(sample.id)
        how = picked_by or queue.picked_by(space, sample)
        truths.append(answers.answer(space, sample, value, picked_by=how, label_source=said_by))
    kept: dict[str | None, str | None] = {}
    rows: list[tuple[Sample, Correction]] = []
    for (sample, _), truth in zip(given, truths, strict=True):
        if sample.media not in kept:
            keep = space.settings.capture.keep_confirmed or truth.label_source != "confirmed"
            kept[sample.media] = intake.answered_place(space, tasks.get(sample.task), sample) if keep else None
        rows.append((replace(sample, media=kept[sample.media]), replace(truth, batch=batch, at=at)))
    try:
        space.store.add_corrections(rows)
    except StoreError:
        intake.take_back(space, kept, (sample for sample, _ in rows))
        raise
    try:
        _after_answers(space, [sample for sample, _ in given], trigger)
    except (StoreError, OSError) as error:  # saved is saved; what follows is looked at again with the next answer
        logger.warning("saved, but %s", error)
    return [correction for _, correction in rows]


def _after_answers(space: Workspace, samples: Sequence[Sample], trigger: bool) -> None:
    for sample in samples:
        intake.drop_pending(space, sample)
    for task in {sample.task for sample in samples}:
        settle(space, task)
        if trigger:
            maybe_train(space, task)


def settle(space: Workspace, task: str) -> str | None:
    """Let the evidence decide between champion and challenger, once there is enough; a sentence when it has."""
    from core import shadow as rivals

    said = rivals.settle(space, task)
    if said:
        logger.info("%s: %s", task, said)
    return said


def maybe_train(space: Workspace, task: str) -> jobs.Job | None:
    """Queue a training when enough was answered since the last one, and see that a worker lives.

    A worker that cannot be started is logged only: the answers are saved, and the job waits for the next start.
    """
    from core.training import due

    job = due.trigger(space, task)
    if job:
        try:
            jobs.ensure_worker(space)
        except RushesError as error:
            logger.error("job %s waits: %s", job.job_id, error)
    return job


def train(
    space: Workspace, task: str, *, report: Report, stop: Callable[[], bool], request: Request | None = None
) -> Trained:
    """Learn from everything answered, or from what the request names; see `core.training.run`."""
    from core.training import run

    return run.train(space, task, report=report, stop=stop, request=request)


def evaluate(space: Workspace, trained: Trained, *, folder: Path | None = None) -> tuple[Evaluation, Verdict]:
    """The new network's scores on what it was not trained on, and what follows from them.

    Args:
        folder: the report and the evidence are kept there.
    """
    from core.training import evaluation, run, verdict

    task = trained.data.task
    cases = [evaluation.Case(example.truth, answer, example.answered.sample) for example, answer in trained.judged]
    scored = evaluation.evaluate(task, run.finished_spec(trained, "a new version"), cases)
    judged = verdict.judge(space, trained)
    if folder:
        facts = {"base": trained.base, "manifest": trained.data.hash, "verdict": judged.verdict, "why": judged.reason}
        evaluation.save(folder, scored, f"{task.name}: a new version, judged", facts)
        verdict.save(folder, judged)
    return scored, judged


def export(
    space: Workspace, trained: Trained, scored: Evaluation, verdict: Verdict, *, job: jobs.Job | None = None
) -> Card:
    """Write the next immutable version: ONNX checked against torch, weights, card."""
    from core.training import run
    from core.training.export import save_version

    task = trained.data.task
    version = f"v{registry.claim_number(space, task.name)}"
    facts: dict[str, Any] = {
        "metrics": scored.metrics,
        "held_out": {"n": scored.n, "metric": task.primary, "value": scored.metrics.get(task.primary)},
        "base": trained.base,
        "job_id": job.job_id if job else None,
        "name": job.name if job else None,
        "verdict": verdict.verdict,
        "evidence": verdict.evidence,
        "data": f"{len(trained.data.examples)} corrections, manifest {trained.data.hash[:12]}",
        "recipe": trained.recipe.model_dump(),
        "threads": trained.recipe.threads,
        "speaker": trained.request.speaker,
        "notes": tuple(trained.notes),
    }
    spec = run.finished_spec(trained, version)
    where, traced = registry.folder(space, task.name), space.cache / "export"
    return save_version(trained.learner, spec, where, f"model_{version}", facts, cache=traced)


def deploy(space: Workspace, card: Card, verdict: Verdict) -> bool:
    """Make the version the champion where the settings and the verdict allow it; returns whether it answers now.

    While the evidence is open (caution) the two stay rivals: whichever does not answer is asked in shadow.
    """
    policy = space.settings.train.auto_deploy
    allowed = {
        "always": True,
        "unless_revert": verdict.verdict != "revert",
        "accept": verdict.verdict == "accept",
        "never": False,
    }
    before = registry.pointer(space, card.task).champion
    open_question = verdict.verdict == "caution" and card.speaker is None
    reason = f"{verdict.verdict}, auto_deploy = {policy}"
    try:
        if allowed[policy]:
            rival = before if open_question and before != card.version else None
            registry.deploy(space, card.task, card.version, reason=reason, challenger=rival)
        elif open_question and policy == "accept":
            registry.challenge(space, card.task, card.version, reason=reason)
    except ModelError as error:
        logger.error("not deployed: %s", error)
        return False
    return allowed[policy]
