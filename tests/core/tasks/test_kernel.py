"""The solved head: exact where it can be, calm where it cannot."""

from __future__ import annotations

import torch

from core.tasks import kernel
from core.tasks.kernel import KernelHead


def solved(numbers: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor | None = None) -> KernelHead:
    head = KernelHead(numbers.shape[1], targets.shape[1], directions=64)
    given = torch.ones(len(numbers)) if weights is None else weights
    kernel.solve(head, numbers, targets, given, torch.ones(numbers.shape[1]), 0)
    return head


def test_a_curve_is_found_from_forty_samples() -> None:
    torch.manual_seed(0)
    x = torch.rand(40, 3) * 4 - 2
    y = (x[:, :1] ** 2 + x[:, 1:2]) / 4
    fresh = torch.rand(50, 3) * 3 - 1.5
    truth = (fresh[:, :1] ** 2 + fresh[:, 1:2]) / 4
    error = (solved(x, y)(fresh) - truth).abs().mean()
    assert error < 0.5 * (truth - y.mean()).abs().mean()


def test_noise_teaches_next_to_nothing() -> None:
    torch.manual_seed(1)
    x, y = torch.randn(60, 10), torch.rand(60, 1)
    assert solved(x, y)(torch.randn(50, 10)).std() < 0.6 * y.std()


def test_what_was_not_measured_counts_as_the_mean() -> None:
    torch.manual_seed(2)
    x = torch.randn(30, 2)
    y = x[:, :1].clone()
    x[::3, 1] = torch.nan
    head = solved(x, y)
    row = torch.tensor([[0.5, torch.nan]])
    known = torch.tensor([[0.5, float(head.centre[1])]])
    assert torch.allclose(head(row), head(known), atol=1e-5)


def test_a_column_that_never_varies_is_switched_off() -> None:
    x = torch.cat([torch.randn(20, 1), torch.full((20, 1), 7.0)], dim=1)
    head = solved(x, x[:, :1])
    far = torch.tensor([[0.3, 7.0], [0.3, -900.0]])
    assert torch.allclose(*head(far))


def test_weights_count() -> None:
    x = torch.zeros(20, 1)
    y = torch.cat([torch.zeros(10, 1), torch.ones(10, 1)])
    weights = torch.cat([torch.full((10,), 3.0), torch.ones(10)])
    assert abs(float(solved(x, y, weights)(x[:1])) - 0.25) < 1e-4


def test_one_sample_and_one_label_are_no_problem() -> None:
    head = solved(torch.randn(1, 4), torch.full((1, 1), 0.7))
    assert abs(float(head(torch.randn(1, 4))) - 0.7) < 1e-5
