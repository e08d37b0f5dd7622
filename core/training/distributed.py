"""One training over several processes, started by torchrun: gloo between CPUs, nccl between GPUs.

Every process runs the same training on the same frozen data with the same seed. Each takes its share of every batch
and the gradients are added up, so the weights stay equal everywhere. What no gradient touches (the solved head of
scenes and ratings, what frozen layers say) is the same everywhere and each process makes it for itself. Only the
leading process takes jobs, measures features, reports and writes versions.
"""

from __future__ import annotations

import json
import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed, nn

from core.errors import CancelledError, RushesError
from core.log import logger
from core.training.request import Request
from core.workspace import Workspace

# Followers wait while the leader measures and writes; torchrun ends them at once should it die.
PATIENCE = timedelta(hours=6)


def join() -> bool:
    """Meet the other processes torchrun started; False where there are none.

    Raises:
        RushesError: this torch cannot talk between processes, or the others do not come.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        return False
    backend = "nccl" if torch.cuda.is_available() else "gloo"
    if not distributed.is_available() or not distributed.is_backend_available(backend):
        raise RushesError(f"this torch has no {backend}", do="Set [train] processes = 1.")
    try:
        distributed.init_process_group(backend, timeout=PATIENCE)
    except (RuntimeError, ValueError) as error:
        raise RushesError(f"the training processes cannot meet ({error})", do="Set [train] processes = 1.") from None
    if backend == "nccl":
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    return True


def active() -> bool:
    """Whether several processes train together."""
    return distributed.is_available() and distributed.is_initialized()


def rank() -> int:
    """Which process this is; 0 leads, and is the only one where nobody else trains."""
    return distributed.get_rank() if active() else 0


def size() -> int:
    """How many processes train together."""
    return distributed.get_world_size() if active() else 1


def follow(space: Workspace) -> None:
    """Train along with the leader until it says `finish`; only for processes that do not lead."""
    from core.training import run

    while (asked := _tell()).get("task"):
        folder = Path(asked["folder"]) if asked["folder"] else None
        frozen = folder / "manifest_full.csv" if folder else None
        request = Request(speaker=asked["speaker"], recipe=asked["recipe"], frozen=frozen)
        try:
            run.train(space, asked["task"], report=_unheard, stop=lambda: False, request=request)
        except RushesError as error:
            logger.warning("process %d stops following: %s", rank(), error)


def announce(task: str, request: Request) -> None:
    """Tell the followers which training begins; nothing where there are none."""
    if active() and not rank():
        folder = str(request.folder) if request.folder else None
        _tell({"task": task, "speaker": request.speaker, "recipe": request.recipe, "folder": folder})


def finish() -> None:
    """End the followers' waiting and leave; nothing where there are none."""
    if active():
        if not rank():
            _tell({"task": None})
        distributed.destroy_process_group()


@contextmanager
def leader_first() -> Generator[None]:
    """The leader goes through the block, then the followers; they stop where it failed.

    Raises:
        CancelledError: in a follower, when the leader did not come through.
    """
    through = False
    if rank() and not _tell()["through"]:
        raise CancelledError("the leading process stopped")
    try:
        yield
        through = True
    finally:
        if active() and not rank():
            _tell({"through": through})


def share_of(picked: Sequence[int]) -> Sequence[int]:
    """This process's part of a batch."""
    return picked[rank() :: size()]


def any_of(flag: bool) -> bool:
    """Whether it is so in any process; all must ask."""
    if not active():
        return flag
    return bool(_summed(torch.tensor(float(flag))) > 0)


def total(value: float) -> float:
    """The sum over all processes; all must ask."""
    return float(_summed(torch.tensor(value, dtype=torch.float64))) if active() else value


def add_up(parameters: Sequence[Tensor]) -> None:
    """Replace every gradient by the sum over all processes; one that a process lacks counts as zero."""
    if not active():
        return
    for parameter in parameters:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
        distributed.all_reduce(parameter.grad)


def equalise(module: nn.Module) -> None:
    """Give every process the leader's weights and running means."""
    if active():
        for tensor in module.state_dict().values():
            distributed.broadcast(tensor, 0)


def _summed(value: Tensor) -> Tensor:
    value = value.to("cuda" if distributed.get_backend() == "nccl" else "cpu")
    distributed.all_reduce(value)
    return value


def _tell(message: dict[str, Any] | None = None) -> dict[str, Any]:
    """What the leader says, as JSON: torch's own way of sending objects would unpickle them."""
    where = "cuda" if distributed.get_backend() == "nccl" else "cpu"
    said = json.dumps(message).encode()
    length = torch.tensor([len(said)], device=where)
    distributed.broadcast(length, 0)
    letters = torch.tensor(list(said), dtype=torch.uint8, device=where)
    if rank():
        letters = torch.empty(int(length), dtype=torch.uint8, device=where)
    distributed.broadcast(letters, 0)
    return json.loads(bytes(letters.tolist()))


def _unheard(progress: float, stage: str, **more: Any) -> None:
    del progress, stage, more
