"""The factory model's training, on clips of a few frames."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core.factory import train_speech
from core.factory.train_speech import MIXED, SILENCE, Spoken, Trainer, letters_per_frame, one_cycle
from core.tasks.speech import text
from tests.core.tasks.speech.conftest import moving_crops


def clips() -> list[Spoken]:
    crops = np.pad(moving_crops(1, 12), ((0, 0), (4, 4), (8, 8)), mode="edge")
    per_frame = (SILENCE,) * 2 + ("go",) * 5 + ("now",) * 4 + (SILENCE,)
    return [Spoken(f"clip {number}", crops, "go now", per_frame) for number in range(3)]


def trainer(folder: Path) -> Trainer:
    torch.set_num_threads(1)
    plan = replace(MIXED, epochs=2, until=2, extra=1, batch=2)
    return Trainer([clips(), clips()], plan, folder, [SILENCE, "go", "now"])


def test_a_stopped_training_goes_on_after_its_last_epoch(tmp_path: Path) -> None:
    first = trainer(tmp_path)
    first.plan = replace(first.plan, until=1)
    first.run()
    second = trainer(tmp_path)
    assert second.resume()
    assert second.epoch == 1
    kept, taken = first.net.state_dict(), second.net.state_dict()
    assert all(torch.equal(kept[name], taken[name]) for name in kept)
    second.run()
    assert second.epoch == 2
    assert (tmp_path / "best.safetensors").exists()


def test_a_second_phase_starts_from_the_first_ones_average(tmp_path: Path) -> None:
    first = trainer(tmp_path / "words")
    first.plan = replace(first.plan, until=1)
    first.run()
    second = trainer(tmp_path / "mixed")
    assert not second.resume()
    second.start_from(tmp_path / "words")
    assert torch.equal(second.net.head.weight, first.mean.head.weight)


def test_each_words_letters_are_spread_over_its_frames() -> None:
    numbers = letters_per_frame((SILENCE, "now", "now", "now", "a", "a", "", SILENCE))
    letters = [text.ALPHABET[number - 1] if number > 0 else number for number in numbers]
    assert letters == [0, "n", "o", "w", "a", "a", -1, 0]


def test_words_per_frame_come_from_the_alignment_file(tmp_path: Path) -> None:
    align = tmp_path / "a.align"
    align.write_text("0 2000 sil\n2000 3500 bin\n3500 4000 sp\n4000 9000 blue\n9000 12000 sil\n")
    per_frame = train_speech.words_per_frame(align, 10)
    assert per_frame == (SILENCE, SILENCE, "bin", "bin", *("blue",) * 5, SILENCE)
    assert train_speech.words_per_frame(tmp_path / "none.align", 2) == ("", "")


def test_drawn_clips_are_made_once_and_kept(tmp_path: Path) -> None:
    made = train_speech.drawn(2, tmp_path, 3)
    again = train_speech.drawn(2, tmp_path, 3)
    assert [clip.sentence for clip in made] == [clip.sentence for clip in again]
    assert all(np.array_equal(a.crops, b.crops) for a, b in zip(made, again, strict=True))
    assert len(made[0].sentence.split()) == 6  # every third says a sentence of GRID's grammar
    assert set(made[1].sentence.split()) <= set(train_speech.COMMON.split())
    assert set(made[0].per_frame) == {SILENCE, *made[0].sentence.split()}


def test_the_learning_rate_rises_then_falls_to_almost_nothing() -> None:
    shares = [one_cycle(share) for share in np.linspace(0, 1, 101)]
    assert max(shares) == pytest.approx(1.0)
    assert np.argmax(shares) == 10
    assert shares[-1] < 0.01
