"""How long a training would take: from the newest one that ended well, else from real steps measured in a process.

`python -P -m core.training.estimate WORKSPACE TASK...` measures; nobody else here imports torch.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from core import features, tasks, untrusted
from core.errors import RushesError
from core.files import locked, write_atomic
from core.log import logger
from core.store.records import Value
from core.tasks.base import Array, Features, ModelSpec, Task
from core.training.dataset import FEWEST_GROUPS, side_of
from core.workspace import Workspace

CACHE, LOCK = "estimates.json", "estimates.lock"
LONGEST_S = 15.0  # of the measuring process; imports alone take 3 s
MEASURED_ITEMS, MEASURED_EPOCHS = 8, 2
FIXED = ("exporting", "deploying")  # stages that take the same time for any number of clips
EXPORT_S = 6.0  # writing ONNX, checking and deploying it; measured 2-6 s, the same for any number of clips


@dataclass(frozen=True, slots=True)
class Steps:
    """What real steps took on this machine, seconds.

    Attributes:
        encode: per clip, once. train, validate: per clip and epoch. start: until a training process is ready.
        epochs, passes: the recipe's limits.
    """

    encode: float
    train: float
    validate: float
    start: float
    epochs: int
    passes: int


def seconds(space: Workspace, task: str, n: int) -> float | None:
    """Seconds that a training of `task` on `n` samples takes, as far as was ever measured here; None where it was not.

    Never measures itself: see `measure`.
    """
    if (found := _from_history(space, task, n)) is not None:
        return round(found, 1)
    steps = _remembered(space, task)
    return round(_from_steps(space, task, steps, n), 1) if steps else None


def every(space: Workspace) -> dict[str, float | None]:
    """Seconds per task for a training on what is answered now (at least the minimum), measured where need be."""
    sizes = {name: max(space.store.count_answered(name), space.settings.train.minimum) for name in tasks.names()}
    unknown = [name for name, n in sizes.items() if seconds(space, name, n) is None]
    if unknown:
        measure(space, unknown)
    return {name: seconds(space, name, n) for name, n in sizes.items()}


def measure(space: Workspace, names: Sequence[str], *, timeout_s: float = LONGEST_S) -> None:
    """Have a process time real training steps of these tasks; what it cannot measure in time stays unknown."""
    command = [sys.executable, "-P", "-m", "core.training.estimate", str(space.root), *names]
    try:
        ended = subprocess.run(
            command, cwd=space.root, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired:
        logger.info("training steps of %s were not measured within %g s", ", ".join(names), timeout_s)
        return
    except OSError as error:
        logger.warning("training steps cannot be measured: %s", error)
        return
    if ended.returncode:
        logger.warning("measuring training steps failed: %s", ended.stderr.decode(errors="replace")[-2000:])


def _from_history(space: Workspace, task: str, n: int) -> float | None:
    """The newest training on all speakers, its stages that grow with the clips scaled to `n`."""
    with space.store.catalog.read() as db:
        rows = db.conn.execute(
            "SELECT metrics_json, params_json FROM jobs WHERE task = ? AND state = 'Completed' "
            "ORDER BY completed_at DESC LIMIT 20",
            [task],
        ).fetchall()
    for metrics, params in rows:
        known, wished = _json(metrics), _json(params)
        took, clips = known.get("seconds"), known.get("n")
        if _is_time(took) and _is_time(clips) and clips and not wished.get("speaker") and not wished.get("recipe"):
            timings = known.get("timings")
            return _scaled(took, n / clips, timings if isinstance(timings, dict) else {})
    return None


def _scaled(took: float, ratio: float, timings: dict[str, Any]) -> float:
    growing = sum(float(value) for stage, value in timings.items() if _is_time(value) and stage not in FIXED)
    if 0 < growing <= took:
        return took - growing + growing * ratio
    return took * max(1.0, ratio)  # which part grows is not known


def _is_time(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _json(text: str | None) -> dict[str, Any]:
    found: Any = untrusted.loads(text) if text else {}
    return found if isinstance(found, dict) else {}


def _from_steps(space: Workspace, task: str, steps: Steps, n: int) -> float:
    epochs = min(steps.epochs, max(1, steps.passes // max(n, 1))) if steps.passes else steps.epochs
    if _folded(space, task):
        # Each of k folds trains on (k-1)/k of the clips and judges the rest; then all of them train once more.
        trained, judged = n * space.settings.train.folds, n
    else:
        trained, judged = n * 0.7, n * 0.15
    return steps.start + n * steps.encode + epochs * (trained * steps.train + judged * steps.validate) + EXPORT_S


def _folded(space: Workspace, task: str) -> bool:
    seed = space.settings.train.split_seed
    groups = {item.sample.group for item in space.store.answered(task)}
    sides = [side_of(group, seed) for group in groups]
    return any(sides.count(side) < FEWEST_GROUPS for side in ("val", "test"))


def _key(space: Workspace, task: str) -> str:
    """Changes with whatever makes steps faster or slower."""
    recipe = json.dumps(space.settings.recipe.get(task, {}), sort_keys=True, default=str)
    return f"{tasks.get(task).features_version} {space.settings.train.threads} threads {recipe}"


def _remembered(space: Workspace, task: str) -> Steps | None:
    try:
        return Steps(**_cache(space)[task][_key(space, task)])
    except (KeyError, TypeError):
        return None


def _cache(space: Workspace) -> dict[str, Any]:
    return untrusted.table(space.cache / CACHE)


def _remember(space: Workspace, task: str, steps: Steps) -> None:
    with locked(space.cache / LOCK):
        write_atomic(space.cache / CACHE, json.dumps(_cache(space) | {task: {_key(space, task): asdict(steps)}}))


def _measured(space: Workspace, task: Task, start_s: float) -> Steps:
    """Train for two epochs on up to eight answered clips, or on the golden input where nothing is answered yet."""
    import torch

    from core.tasks.learner import Item
    from core.training import run, start, trainer

    recipe = run.recipe_for(space, task)
    torch.set_num_threads(run.threads_for(space, recipe))
    # Weights do not change the time, and the ones a recipe names may have to be downloaded.
    learner = run.make_learner(task, start.new_spec(space, task), recipe.model_copy(update={"weights": "factory"}))
    items = [Item(found, value, 1.0) for found, value in _examples(space, task, learner.spec)]
    spent = trainer.Timings()
    trainer.fit(learner, items, items, epochs=MEASURED_EPOCHS, patient=True, timings=spent)
    count = len(items)
    return Steps(
        encode=spent.seconds["encoding"] / count,
        train=spent.seconds["training"] / (count * MEASURED_EPOCHS),
        validate=spent.seconds["validating"] / (count * (MEASURED_EPOCHS + 1)),
        start=start_s,
        epochs=recipe.epochs,
        passes=recipe.passes,
    )


def _examples(space: Workspace, task: Task, spec: ModelSpec) -> list[tuple[Features, Value]]:
    found: list[tuple[Features, Value]] = []
    for item in space.store.answered(task.name, with_media=True)[-MEASURED_ITEMS:]:
        try:
            found.append((features.of_sample(space, task, item.sample), item.correction.value))
        except RushesError:
            continue
    if len(found) >= 2:
        return found
    golden = task.golden(spec)
    count = len(next(iter(golden.values())))
    made: dict[str, list[Value]] = {
        "label": list(spec.labels), "score": [0.2, 0.9], "text": ["hello there", "good evening"],
    }  # fmt: skip
    values = made[task.kind]
    rows = [_one(golden, index) for index in range(count)]
    # What frozen layers say of equal features is remembered, so each clip differs from the others.
    return [
        ({name: np.roll(value, index // count) for name, value in rows[index % count].items()},
         values[index % len(values)])
        for index in range(MEASURED_ITEMS)
    ]  # fmt: skip


def _one(golden: dict[str, Array], index: int) -> Features:
    """A row of the network's golden input as features; padded pictures of a mouth go back to (T, H, W) uint8."""
    row: Features = {name: values[index] for name, values in golden.items()}
    if "lengths" in row and "crops" in row:
        crops = row["crops"][0, : int(row["lengths"])]
        spread = max(float(np.ptp(crops)), 1e-6)
        return {"crops": ((crops - crops.min()) / spread * 255).astype(np.uint8)}
    return row


def main(root: Path, names: Sequence[str]) -> None:
    """Measure each task and remember it; a task that fails leaves the others."""
    import psutil

    import_module("torch")  # a part of every training's start
    start_s = time.time() - psutil.Process().create_time()
    space = Workspace.open(root, tasks.codecs(), create=False)
    try:
        for name in names:
            try:
                _remember(space, name, _measured(space, tasks.get(name), start_s))
            except RushesError as error:
                print(f"{name}: {error}", file=sys.stderr)
    finally:
        space.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
