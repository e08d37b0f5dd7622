"""The lip reader: convolutions over mouth crops, two bidirectional GRU layers, a character score per frame.

Every clip of a batch gives the scores it would give alone: padding is masked before each layer that looks along time,
and the backward layers read each clip from its own end.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

FRONT = 256  # numbers per frame that the convolutions hand on
HIDDEN = 192  # of a GRU layer, each way
BLANK_FLOOR = -30.0  # score of everything but the blank in padded frames


class Front(nn.Module):
    """The convolutions: (B, 1, T, 32, 64) crops and lengths (B,) -> (B, T, 256), zero in padded frames."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv3d(2, 32, (5, 5, 5), stride=(1, 2, 2), padding=2, bias=False)
        self.stem_norm = nn.BatchNorm3d(32)
        self.mid = nn.Conv3d(32, 64, 3, padding=1, bias=False)
        self.mid_norm = nn.BatchNorm3d(64)
        self.third = nn.Conv2d(64, 96, 3, padding=1, bias=False)
        self.third_norm = nn.BatchNorm2d(96)
        self.fourth = nn.Conv2d(96, 128, 3, padding=1, bias=False)
        self.fourth_norm = nn.BatchNorm2d(128)
        self.out = nn.Linear(128 * 2 * 4, FRONT)
        self.out_norm = nn.LayerNorm(FRONT)
        self.drop = nn.Dropout(0.3)

    def forward(self, crops: Tensor, lengths: Tensor) -> Tensor:
        batch, _, time, _, _ = crops.shape
        there = _mask(crops, lengths)  # (B, T)
        over = there[:, None, :, None, None].to(crops.dtype)
        before = torch.cat([crops[:, :, :1], crops[:, :, :-1]], dim=2)
        x = torch.cat([crops, (crops - before) * 2.0], dim=1) * over  # (B, 2, T, 32, 64): picture and its change
        x = functional.relu(self.stem_norm(self.stem(x)))  # (B, 32, T, 16, 32)
        x = functional.max_pool3d(x, (1, 2, 2)) * over  # (B, 32, T, 8, 16)
        x = functional.relu(self.mid_norm(self.mid(x)))
        x = functional.max_pool3d(x, (1, 2, 2))  # (B, 64, T, 4, 8)
        x = x.transpose(1, 2).reshape(batch * time, 64, 4, 8)
        x = functional.relu(self.third_norm(self.third(x)))
        x = functional.relu(self.fourth_norm(self.fourth(x)))
        x = functional.max_pool2d(x, 2)  # (B * T, 128, 2, 4)
        x = functional.relu(self.out_norm(self.out(x.reshape(batch, time, 1024))))
        return self.drop(x) * there[:, :, None].to(x.dtype)


class Reader(nn.Module):
    """The recurrent half: (B, T, 256) and lengths -> hidden states (B, T, 384)."""

    def __init__(self) -> None:
        super().__init__()
        sizes = (FRONT, 2 * HIDDEN)
        self.ahead = nn.ModuleList(nn.GRU(size, HIDDEN, batch_first=True) for size in sizes)
        self.back = nn.ModuleList(nn.GRU(size, HIDDEN, batch_first=True) for size in sizes)
        self.drop = nn.Dropout(0.3)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        turn = _turned(x, lengths)
        for ahead, back in zip(self.ahead, self.back, strict=True):
            onward = ahead(x)[0]
            backward = back(_take(x, turn))[0]
            x = self.drop(torch.cat([onward, _take(backward, turn)], dim=2))
        return x


class LipReader(nn.Module):
    """Characters from mouth crops.

    Args:
        characters: outputs per frame, the CTC blank (index 0) included.
        aids: outputs per frame of the head that only the factory's training uses; 0 = no such head.
    """

    def __init__(self, characters: int, aids: int = 0) -> None:
        super().__init__()
        self.front = Front()
        self.reader = Reader()
        self.head = nn.Linear(2 * HIDDEN, characters)
        self.aid = nn.Linear(2 * HIDDEN, aids) if aids else None

    def forward(self, crops: Tensor, lengths: Tensor) -> tuple[Tensor]:
        """Logits (B, T, V) from crops (B, 1, T, 32, 64) float32 and lengths (B,) int64; padded frames say "blank"."""
        return (self.characters(self.states(crops, lengths), lengths),)

    def states(self, crops: Tensor, lengths: Tensor) -> Tensor:
        """Hidden states (B, T, 384)."""
        return self.reader(self.front(crops, lengths), lengths)

    def characters(self, states: Tensor, lengths: Tensor) -> Tensor:
        """Logits (B, T, V) from hidden states."""
        logits = self.head(states)
        blank = torch.full_like(logits[:, :, :1], 0.0)
        padded = torch.cat([blank, torch.full_like(logits[:, :, 1:], BLANK_FLOOR)], dim=2)
        return torch.where(_mask_time(states, lengths)[:, :, None], logits, padded)


def _mask(crops: Tensor, lengths: Tensor) -> Tensor:
    return torch.arange(crops.shape[2], device=crops.device)[None, :] < lengths[:, None]


def _mask_time(x: Tensor, lengths: Tensor) -> Tensor:
    return torch.arange(x.shape[1], device=x.device)[None, :] < lengths[:, None]


def _turned(x: Tensor, lengths: Tensor) -> Tensor:
    """Frame numbers (B, T) that read each clip from its own end; padded frames stay where they are."""
    ticks = torch.arange(x.shape[1], device=x.device)[None, :].expand(x.shape[0], -1)
    return torch.where(ticks < lengths[:, None], lengths[:, None] - 1 - ticks, ticks)


def _take(x: Tensor, index: Tensor) -> Tensor:
    return torch.gather(x, 1, index[:, :, None].expand(-1, -1, x.shape[2]))
