"""A network's graph is traced once; each version gets its own weights, and a wrong graph never passes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from core import inference
from core.registry import Card
from core.tasks.learner import Recipe
from core.tasks.ratings.learner import RatingsLearner
from core.tasks.ratings.task import TASK
from core.training import skeleton
from core.training.export import save_version


def small(seed: int) -> RatingsLearner:
    """A ratings learner whose network is two layers on the measures: traced in a second."""

    class Two(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lines = torch.nn.Sequential(torch.nn.Linear(measures, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1))

        def forward(self, image: torch.Tensor, pieces: torch.Tensor, measured: torch.Tensor) -> tuple[torch.Tensor]:
            seen = image.float().mean(dim=(1, 2, 3)) + pieces.float().mean(dim=(1, 2, 3, 4))
            return (self.lines(torch.nan_to_num(measured)) + seen[:, None] / 255,)

    torch.manual_seed(seed)
    measures = TASK.golden(TASK.default_spec())["measured"].shape[1]
    learner = RatingsLearner(TASK.default_spec(), Recipe(weights="random"))
    learner.module = Two()
    return learner


def saved(learner: RatingsLearner, folder: Path, version: str) -> Card:
    spec = learner.spec.model_copy(update={"version": version})
    return save_version(learner, spec, folder, f"model_{version}", {}, cache=folder / "traced")


def answers(path: Path) -> np.ndarray:
    return inference.load(path, threads=1).outputs(TASK.golden(TASK.default_spec()))["score"]


def torch_answers(learner: RatingsLearner) -> np.ndarray:
    golden = TASK.golden(learner.spec)
    with torch.no_grad():
        return learner.module(**{name: torch.from_numpy(golden[name]) for name in learner.input_names})[0].numpy()


def test_a_second_version_is_not_traced_again_and_answers_with_its_own_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(small(1), tmp_path, "v1")
    (kept,) = (tmp_path / "traced").iterdir()
    assert kept.stat().st_mode & 0o077 == 0
    bare = onnx.load_model(kept)
    assert all(not tensor.raw_data for tensor in bare.graph.initializer if tensor.name.startswith("lines"))

    def never(*_: object) -> None:
        raise AssertionError("traced again")

    monkeypatch.setattr(skeleton, "traced", never)
    second = small(2)
    saved(second, tmp_path, "v2")
    assert answers(tmp_path / "model_v2.onnx") == pytest.approx(torch_answers(second), abs=1e-4)
    assert answers(tmp_path / "model_v2.onnx") != pytest.approx(answers(tmp_path / "model_v1.onnx"), abs=1e-4)


@pytest.mark.parametrize("damage", ["torn", "another network's"])
def test_a_kept_graph_that_is_wrong_is_traced_anew(tmp_path: Path, damage: str) -> None:
    saved(small(1), tmp_path, "v1")
    (kept,) = (tmp_path / "traced").iterdir()
    if damage == "torn":
        kept.write_bytes(kept.read_bytes()[:200])
    else:
        wrong = onnx.load_model(kept)
        (node,) = [node for node in wrong.graph.node if node.op_type == "Relu"]
        node.op_type = "Neg"
        kept.write_bytes(wrong.SerializeToString())
    second = small(2)
    saved(second, tmp_path, "v2")
    assert answers(tmp_path / "model_v2.onnx") == pytest.approx(torch_answers(second), abs=1e-4)
