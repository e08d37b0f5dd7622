"""How the factory teaches a backbone and the expert beside it; what they are asked is the task's.

The backbone learns with the expert on crops; then the expert alone goes on, on what the finished backbone sees.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from core.tasks.base import Array
from core.tasks.kernel import moments
from core.tasks.solved import SolvedNetwork

Asked = Callable[[Tensor, Tensor], Tensor]  # (what the expert says, truth) -> scalar loss
Thin = Callable[[tuple[Tensor, ...], np.random.Generator], tuple[Tensor, ...]]  # crop, drop, mirror: cheaper pictures

BATCH = 32
JITTER = 0.1  # standard deviations of noise on the measures, against learning them by heart


@dataclass(frozen=True, slots=True)
class Lessons:
    """Drawn examples.

    Attributes:
        pictures: arrays of uint8 pictures, first dimension N, in the order of `SolvedNetwork.look`.
        measured: (N, D) float32, NaN where not measured.
        truth: (N, ...) what the expert should say.
    """

    pictures: tuple[Array, ...]
    measured: Array
    truth: Array

    def __len__(self) -> int:
        return len(self.measured)

    def part(self, rows: Sequence[int] | Array) -> Lessons:
        """Some of them."""
        return Lessons(tuple(p[rows] for p in self.pictures), self.measured[rows], self.truth[rows])


def teach(
    network: SolvedNetwork,
    lessons: Lessons,
    ask: Asked,
    thin: Thin,
    *,
    minutes: float,
    afterwards: int = 60,
    say: Callable[[str], None] = print,
) -> None:
    """Train backbone and expert for some minutes, then the expert alone for `afterwards` epochs."""
    rng = np.random.default_rng(11)
    measured = torch.from_numpy(lessons.measured)
    centre, scale = moments(measured, torch.ones(len(lessons)))
    network.expert.centre.copy_(centre)
    network.expert.scale.copy_(scale)
    for part in (network.backbone, network.expert):
        for parameter in part.parameters():
            parameter.requires_grad = True
    _together(network, lessons, ask, thin, minutes, rng, say)
    network.eval()
    seen = look_all(network, lessons.pictures)
    _alone(network.expert, seen, measured, torch.from_numpy(lessons.truth), ask, afterwards, rng, say)
    network.eval()


def look_all(network: SolvedNetwork, pictures: tuple[Array, ...]) -> Tensor:
    """(N, seen): what the backbone sees."""
    with torch.no_grad():
        parts = [
            network.look(*(torch.from_numpy(p[at : at + BATCH]) for p in pictures))
            for at in range(0, len(pictures[0]), BATCH)
        ]
    return torch.cat(parts)


def _together(
    network: SolvedNetwork,
    lessons: Lessons,
    ask: Asked,
    thin: Thin,
    minutes: float,
    rng: np.random.Generator,
    say: Callable[[str], None],
) -> None:
    network.backbone.keep_statistics = False
    network.train()
    learning = [*network.backbone.parameters(), *network.expert.parameters()]
    optimiser = torch.optim.AdamW(learning, lr=2e-3, weight_decay=0.02)
    began, step, shown = time.monotonic(), 0, 0.0
    while (gone := (time.monotonic() - began) / (60 * minutes)) < 1:
        # The pace follows the clock: up over the first tenth, then down to nothing.
        for group in optimiser.param_groups:
            group["lr"] = 2e-3 * min(gone / 0.1 + 0.02, (1 - gone) / 0.9 + 0.005)
        rows = rng.choice(len(lessons), BATCH, replace=False)
        batch = lessons.part(rows)
        pictures = thin(tuple(torch.from_numpy(p) for p in batch.pictures), rng)
        measured = _jittered(network.expert, torch.from_numpy(batch.measured))
        loss = ask(network.expert(network.look(*pictures), measured), torch.from_numpy(batch.truth))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(learning, 5.0)
        optimiser.step()
        shown, step = 0.98 * shown + 0.02 * float(loss.detach()), step + 1
        if step % 100 == 0:
            say(f"{gone:4.0%} step {step} ({step * BATCH / len(lessons):.1f} epochs) loss {shown:.4f}")


def _alone(
    expert: nn.Module,
    seen: Tensor,
    measured: Tensor,
    truth: Tensor,
    ask: Asked,
    epochs: int,
    rng: np.random.Generator,
    say: Callable[[str], None],
) -> None:
    expert.train()
    steps = len(seen) // BATCH
    optimiser = torch.optim.AdamW(expert.parameters(), lr=1e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-3, total_steps=epochs * steps)
    for epoch in range(epochs):
        order = torch.from_numpy(rng.permutation(len(seen)))
        total = 0.0
        for at in range(steps):
            rows = order[at * BATCH : (at + 1) * BATCH]
            loss = ask(expert(seen[rows], _jittered(expert, measured[rows])), truth[rows])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            schedule.step()
            total += float(loss.detach())
        if epoch % 20 == 19:
            say(f"expert alone, epoch {epoch + 1}: loss {total / steps:.4f}")


def _jittered(expert: nn.Module, measured: Tensor) -> Tensor:
    scale = expert.get_buffer("scale")
    width = torch.where(scale > 0, 1.0 / scale.clamp(min=1e-6), torch.zeros_like(scale))
    return measured + JITTER * width * torch.randn_like(measured)


def split(count: int, shares: Mapping[str, float], per_group: int) -> dict[str, Array]:
    """Row numbers of each part; neighbours of one group stay together."""
    groups = -(-count // per_group)
    order = np.random.default_rng(5).permutation(groups)
    parts: dict[str, Array] = {}
    start = 0.0
    for name, share in shares.items():
        chosen = order[round(start * groups) : round((start + share) * groups)]
        parts[name] = np.flatnonzero(np.isin(np.arange(count) // per_group, chosen))
        start += share
    return parts
