"""A head that is solved instead of descended to: standardised numbers, random Fourier features, least squares.

With 20 to 200 corrections this beats gradient descent and takes milliseconds; it keeps no sample, only directions and
weights, and ONNX carries it. Rahimi and Recht, "Random features for large-scale kernel machines" (2007).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor, nn

CLIP = 3.0  # standard deviations: one wild measure must not decide
LINEAR = 0.5  # weight of the plain standardised numbers beside the Fourier features
FOLDS = 6
CAUTION = 1.0  # standard errors: how much worse a calmer fit may look
TUNED_ON = 400  # newest samples that choose width, trust and strength; all are used for the final fit
WIDTHS = (0.5, 1.0)  # kernel widths tried, in units of the typical distance between two samples
TRUST = (0.0, 1.0, 4.0)  # weights tried for the expert's advice, beside the measures' mean
STRENGTHS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)  # ridge penalties tried


class KernelHead(nn.Module):
    """(B, size) numbers -> (B, outputs): linear in the numbers and in cosines and sines of random projections.

    NaN among the numbers means not measured and counts as the training side's mean. Unsolved it answers zero.
    """

    centre: Tensor
    scale: Tensor
    trust: Tensor
    directions: Tensor
    weights: Tensor
    bias: Tensor

    def __init__(self, size: int, outputs: int, directions: int = 512, seed: int = 7) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(size))
        self.register_buffer("scale", torch.ones(size))
        self.register_buffer("trust", torch.ones(size))
        self.register_buffer("directions", orthogonal(size, directions, seed))
        self.register_buffer("weights", torch.zeros(size + 2 * directions, outputs))
        self.register_buffer("bias", torch.zeros(outputs))

    def forward(self, numbers: Tensor) -> Tensor:
        return self.lift(self.standard(numbers)) @ self.weights + self.bias

    def standard(self, numbers: Tensor) -> Tensor:
        """Centred, scaled and clipped."""
        return standardised(numbers, self.centre, self.scale)

    def lift(self, z: Tensor) -> Tensor:
        """(B, size + 2 M): the features that `weights` are linear in."""
        z = z * self.trust
        turned = z @ self.directions
        part = self.directions.shape[1] ** -0.5
        return torch.cat([z * (LINEAR * z.shape[1] ** -0.5), turned.cos() * part, turned.sin() * part], dim=1)


def standardised(numbers: Tensor, centre: Tensor, scale: Tensor) -> Tensor:
    """Centred, scaled and clipped; what was not measured (NaN) is 0, the mean."""
    z = (numbers - centre) * scale
    return torch.where(torch.isnan(z), torch.zeros_like(z), z).clamp(-CLIP, CLIP)


def moments(numbers: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted mean and one over the standard deviation of each column where measured.

    A column that never varies, or was never measured, gets scale 0: it is switched off.
    """
    there = ~torch.isnan(numbers)
    share = weights[:, None] * there
    share = share / share.sum(0).clamp(min=1e-9)
    known = torch.where(there, numbers, torch.zeros_like(numbers))
    centre = (known * share).sum(0)
    spread = ((known - centre).square() * share).sum(0).sqrt()
    return centre, torch.where(spread > 1e-6, 1.0 / spread.clamp(min=1e-6), torch.zeros_like(spread))


def orthogonal(size: int, count: int, seed: int) -> Tensor:
    """(size, count) directions of a Gaussian kernel of width 1 for `size` standardised numbers.

    Blocks are made orthogonal, which halves the error of the approximation: Yu et al., "Orthogonal random features"
    (2016).
    """
    generator = torch.Generator().manual_seed(seed)
    blocks: list[Tensor] = []
    while sum(block.shape[1] for block in blocks) < count:
        square = torch.randn(size, size, generator=generator)
        length = torch.randn(size, size, generator=generator).norm(dim=0)
        blocks.append(torch.linalg.qr(square).Q * length)
    return torch.cat(blocks, dim=1)[:, :count] * size**-0.5


@dataclass(frozen=True, slots=True)
class Solved:
    """What a fit found.

    Attributes:
        held: (N, outputs) answers on folds the fit had not seen, for the newest N samples.
        loss: their weighted mean squared error.
    """

    held: Tensor
    loss: float


def solve(head: KernelHead, numbers: Tensor, targets: Tensor, weights: Tensor, emphasis: Tensor, advice: int) -> Solved:
    """Fit a head by weighted least squares; width, trust and strength are those with the least error on held-out folds.

    Args:
        numbers: (N, size) float32; the last `advice` columns are the expert's.
        targets: (N, outputs) float32.
        weights: (N,) float32.
        emphasis: (size - advice,) how much each measure is thought to count; whether that helps is tried too.
    """
    centre, scale = moments(numbers, weights)
    head.centre.copy_(centre)
    head.scale.copy_(scale)
    z = head.standard(numbers)
    newest = slice(max(len(z) - TUNED_ON, 0), None)
    tried: list[_Tried] = []
    for favour, trust, width in product((True, False), TRUST, WIDTHS):
        columns = torch.cat([emphasis if favour else torch.ones_like(emphasis), torch.zeros(advice)])
        columns[len(emphasis) :] = trust * columns.square().sum().div(len(emphasis)).sqrt()
        head.trust.copy_(columns / columns.square().mean().sqrt() / width)
        for strength, held in _held_out(head.lift(z[newest]), targets[newest], weights[newest]).items():
            losses = (held - targets[newest]).square().mean(dim=1) * weights[newest] / weights[newest].mean()
            tried.append(_Tried(strength, head.trust.clone(), held, losses))
    chosen = _calmest(tried)
    head.trust.copy_(chosen.trust)
    found, bias = _ridge(head.lift(z), targets, weights, (chosen.strength,))[chosen.strength]
    head.weights.copy_(found)
    head.bias.copy_(bias)
    return Solved(held=chosen.held, loss=float(chosen.losses.mean()))


@dataclass(frozen=True, slots=True)
class _Tried:
    strength: float
    trust: Tensor
    held: Tensor
    losses: Tensor  # (N,)


def _calmest(tried: Sequence[_Tried]) -> _Tried:
    """The strongest penalty whose loss is not clearly above the least; among those, the least loss.

    With 50 samples the least loss is mostly luck. Clearly: by more than `CAUTION` standard errors of the paired
    difference (Breiman's one-standard-error rule).
    """
    least = min(tried, key=lambda one: float(one.losses.mean()))
    near: list[_Tried] = []
    for one in tried:
        gap = one.losses - least.losses
        error = float(gap.std()) / len(gap) ** 0.5 if len(gap) > 1 else 0.0
        if float(gap.mean()) <= CAUTION * error + 1e-12:
            near.append(one)
    strongest = max(one.strength for one in near)
    return min((one for one in near if one.strength == strongest), key=lambda one: float(one.losses.mean()))


def _held_out(lifted: Tensor, targets: Tensor, weights: Tensor) -> dict[float, Tensor]:
    """Answers on folds not fitted on, for every strength."""
    fold = _folds(targets)
    held = {strength: torch.zeros_like(targets) for strength in STRENGTHS}
    for number in fold.unique():
        out = fold == number
        kept = ~out if bool((~out).any()) else out  # a single sample: nothing to learn from
        for strength, (found, bias) in _ridge(lifted[kept], targets[kept], weights[kept], STRENGTHS).items():
            held[strength][out] = lifted[out] @ found + bias
    return held


def _folds(targets: Tensor) -> Tensor:
    """(N,) fold numbers: neighbours together, labels evenly spread.

    Samples come in journal order and the scenes of one video stand together there: folds of neighbours keep most
    groups whole, which shuffled folds would not.
    """
    kind = targets.argmax(dim=1) if targets.shape[1] > 1 else torch.zeros(len(targets), dtype=torch.long)
    fold = torch.zeros(len(targets), dtype=torch.long)
    for one in kind.unique():
        rows = (kind == one).nonzero()[:, 0]
        fold[rows] = torch.arange(len(rows)) * FOLDS // len(rows)
    return fold


def _ridge(
    lifted: Tensor, targets: Tensor, weights: Tensor, strengths: Sequence[float]
) -> dict[float, tuple[Tensor, Tensor]]:
    """Weighted least squares with an unpenalised bias: strength -> (weights, bias), from one decomposition."""
    share = (weights / weights.mean())[:, None]
    centre, level = (lifted * share).mean(0), (targets * share).mean(0)
    x, y = ((lifted - centre) * share.sqrt()).double(), ((targets - level) * share.sqrt()).double()
    wide = len(x) <= x.shape[1]
    values, vectors = torch.linalg.eigh(x @ x.T if wide else x.T @ x)
    values = values.clamp(min=0.0)[:, None]
    turned = vectors.T @ (y if wide else x.T @ y)
    found: dict[float, tuple[Tensor, Tensor]] = {}
    for strength in strengths:
        inner = vectors @ (turned / (values + strength))
        solution = (x.T @ inner if wide else inner).float()
        found[strength] = solution, level - centre @ solution
    return found


def stretch(head: KernelHead, held: Tensor, targets: Tensor, weights: Tensor) -> None:
    """Scale a head's least-squares answers so that they are the likeliest logits on held-out folds.

    One output: targets are plus and minus a half. Several: one-hot, centred.
    """
    factors = torch.logspace(-0.5, 1.5, 41)
    head_on = targets > 0
    losses: list[float] = []
    for factor in factors:
        logits = held * factor
        if held.shape[1] == 1:
            each = nn.functional.binary_cross_entropy_with_logits(logits, head_on.float(), reduction="none")[:, 0]
        else:
            each = -logits.log_softmax(dim=1)[head_on]
        losses.append(float((each * weights).sum()))
    best = factors[int(torch.tensor(losses).argmin())]
    head.weights.mul_(best)
    head.bias.mul_(best)
