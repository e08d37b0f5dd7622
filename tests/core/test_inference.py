"""Running a lone model file: what is frozen into it, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest

from core import foreign, inference, loop, registry, tasks
from core.errors import ModelError
from core.foreign import Agreement
from core.versions import FACTORY_FOLDER
from core.workspace import Workspace
from tests.core.onnx_files import brightness

FACTORY = FACTORY_FOLDER / "ratings.onnx"


@pytest.fixture
def space(tmp_path: Path) -> Iterator[Workspace]:
    found = loop.open_workspace(tmp_path / "w")
    yield found
    found.close()


def test_a_lone_file_needs_no_card_and_no_catalog(tmp_path: Path):
    copy = tmp_path / "model.onnx"
    copy.write_bytes(FACTORY.read_bytes())
    predictor = inference.load(copy, threads=1)
    known = json.loads(FACTORY.with_suffix(".json").read_text())
    assert inference.matches(known["golden"], predictor.outputs(predictor.task.golden(predictor.spec)))


def test_an_imported_file_carries_its_adapter_along(space: Workspace, tmp_path: Path):
    card = foreign.import_model(space, brightness(tmp_path / "m.onnx"), "ratings", Agreement(norm="unit"))
    copy = tmp_path / "alone.onnx"
    copy.write_bytes(registry.model_path(space, "ratings", card.version).read_bytes())
    predictor = inference.load(copy, threads=2)
    golden = predictor.task.golden(predictor.spec)
    wanted = golden["image"].mean(axis=(1, 2, 3)) / 255
    np.testing.assert_allclose(predictor.outputs(golden)["score"][:, 0], wanted, atol=0.01)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"features": "view/99"}, "needs view/99"),
        ({"decoder": "oracle/1"}, "needs oracle/1"),
        ({"task": "scenes"}, "is a model for scenes, not for ratings"),
        ({"scale": "wide"}, "wrong metadata"),
        ({"params": {"adapter": {"kind": "psychic"}}}, "unknown adapter"),
    ],
)
def test_a_file_that_names_what_this_program_lacks_is_refused(tmp_path: Path, change: dict[str, object], reason: str):
    model = onnx.load(FACTORY)
    spec = json.loads(model.metadata_props[0].value) | change
    onnx.helper.set_model_props(model, {inference.METADATA_KEY: json.dumps(spec)})
    onnx.save_model(model, tmp_path / "m.onnx")
    with pytest.raises(ModelError, match=reason):
        inference.load(tmp_path / "m.onnx", task="ratings", threads=1)


def test_a_foreign_file_is_told_apart_from_a_damaged_one(tmp_path: Path):
    with pytest.raises(ModelError, match="Import it as a foreign model"):
        inference.load(brightness(tmp_path / "foreign.onnx"), threads=1)
    (tmp_path / "torn.onnx").write_bytes(FACTORY.read_bytes()[:5000])
    with pytest.raises(ModelError, match="damaged"):
        inference.load(tmp_path / "torn.onnx", threads=1)
    with pytest.raises(ModelError, match="cannot be read"):
        inference.load(tmp_path / "missing.onnx", threads=1)


def test_the_choice_of_threads_is_remembered_and_a_torn_memory_costs_nothing(space: Workspace):
    timings = space.cache / "threads.json"
    registry.serving(space, "ratings")
    (key,) = [name for name in json.loads(timings.read_text()) if name.startswith("ratings/factory/")]
    timings.write_text("{")
    assert registry.serving(space, "ratings").predictor.version == "factory"
    assert key in json.loads(timings.read_text())


def test_a_fingerprint_tells_models_apart():
    rng = np.random.default_rng(0)
    outputs = {"score": rng.normal(size=(2, 100)).astype(np.float32)}
    proof = inference.fingerprint(outputs)
    assert inference.matches(proof, {"score": outputs["score"] + 1e-4})
    assert not inference.matches(proof, {"score": outputs["score"] + 0.1})
    assert not inference.matches(proof, {"score": outputs["score"][:1]})
    assert not inference.matches(proof, {"other": outputs["score"]})


def test_every_factory_model_answers_as_its_card_says(space: Workspace):
    for name in tasks.names():
        assert registry.prove(space, name, registry.FACTORY).version == "factory"
