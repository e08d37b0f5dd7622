from __future__ import annotations

import numpy as np
import pytest

from core.store.records import Answered, Correction, Sample
from core.training.dataset import Example, fold_of, manifest_csv, side_of, weights


def answered(group: str, order: int) -> Answered:
    sample = Sample(id=f"{group}-{order}", task="scenes", group=group, media_hash=f"{order:064x}")
    return Answered(
        sample, Correction(id=str(order), sample=sample.id, task="scenes", value="action", at=0, batch="b"), order
    )


def test_seed_000_weights_recent_videos_seventy_thirty():
    # 150 videos of one sample: the last 100 share 70 %, all 150 share 30 %.
    rows = [answered(f"video-{number}", number) for number in range(150)]
    shares = np.array(weights(rows))
    assert shares.mean() == pytest.approx(1)
    old, new = shares[0], shares[-1]
    assert new / old == pytest.approx((0.7 / 100 + 0.3 / 150) / (0.3 / 150))
    assert (shares[50:] == new).all()


def test_a_videos_weight_is_shared_by_its_samples():
    shares = weights([answered("long", 0), answered("long", 1), answered("long", 2), answered("short", 3)])
    assert shares[0] == pytest.approx(shares[3] / 3)


def test_a_group_never_changes_side_and_sides_are_about_70_15_15():
    sides = [side_of(f"group-{number}", 7) for number in range(4000)]
    assert sides == [side_of(f"group-{number}", 7) for number in range(4000)]
    counted = {side: sides.count(side) / 4000 for side in ("train", "val", "test")}
    assert counted == pytest.approx({"train": 0.70, "val": 0.15, "test": 0.15}, abs=0.02)
    assert {fold_of(f"group-{number}", 7, 4) for number in range(50)} == {0, 1, 2, 3}


def test_equal_data_gives_the_same_bytes():
    examples = [Example(answered("a", 1), {}, "train", 0.1 + 0.2), Example(answered("b", 2), {}, "val", 1.7)]
    assert manifest_csv(examples) == manifest_csv(list(examples))
    assert manifest_csv(examples).splitlines()[0].startswith("snapshot_id,file,label_source,label_value,split")
