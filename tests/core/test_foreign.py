"""Somebody else's ONNX files, made here with onnx.helper, become versions that answer real clips."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from core import adapters, foreign, judging, loop, registry, tasks, vocabulary
from core.errors import ModelError, RushesError, WrongUseError
from core.foreign import Agreement
from core.media.decode import read_clip
from core.tasks.speech.text import ALPHABET
from core.workspace import Workspace
from tests.core.onnx_files import brightness, listed, measured_scenes, speller, write

Run = Callable[..., Any]
Drawn = Callable[[str, int, int], Path]


@pytest.fixture
def space(tmp_path: Path) -> Iterator[Workspace]:
    found = loop.open_workspace(tmp_path / "w")
    yield found
    found.close()


def test_a_picture_model_is_imported_deployed_and_predicts_through_the_commands(
    tmp_path: Path, rushes: Run, drawn: Drawn
):
    where = ("-w", tmp_path / "w")
    model = brightness(tmp_path / "sunset_v2_2026_02_12.onnx")
    ran = rushes("models", "import", model, "-t", "ratings", "--norm", "unit", "--json", *where)
    assert ran.code == 0, ran.err
    assert (ran.json["version"], ran.json["base"]) == ("v1", "imported")
    assert ran.json["name"] == "sunset_v2_2026_02_12"
    assert rushes("models", "list", "-t", "ratings", "--json", *where).json[0][
        "champion"
    ]  # it does not answer by itself
    assert rushes("models", "deploy", "v1", "-t", "ratings", *where).code == 0
    pictures = sorted(drawn("ratings", 20, 2).glob("*.jpg"))[:3]
    found = rushes("predict", *pictures, "-t", "ratings", "--json", *where).json
    for row, picture in zip(found, pictures, strict=True):
        frames = read_clip(picture, tasks.get("ratings").decode_spec).frames
        assert row["model_version"] == "v1"
        assert row["value"] == pytest.approx(float(frames.mean()) / 255, abs=0.02)


def test_stars_of_five_become_scores_from_0_to_1(space: Workspace, tmp_path: Path):
    model = brightness(tmp_path / "m.onnx")
    plain = foreign.import_model(space, model, "ratings", Agreement(norm="unit"))
    stars = foreign.import_model(space, model, "ratings", Agreement(norm="unit", mapping="1+4x"))
    golden = tasks.get("ratings").golden(plain.spec)
    raw, mapped = (
        registry.load_version(space, "ratings", card.version).outputs(golden)["score"] for card in (plain, stars)
    )
    np.testing.assert_allclose(mapped, (1 + 4 * raw) / 5, rtol=1e-5)


def test_a_logit_of_good_lands_on_the_right_side_of_the_threshold(space: Workspace, tmp_path: Path):
    agreed = Agreement(mapping="good")  # normalised brightness: above 0 for light pictures, below for dark ones
    card = foreign.import_model(space, brightness(tmp_path / "m.onnx"), "ratings", agreed)
    predictor = registry.load_version(space, "ratings", card.version)
    pictures = np.stack([np.full((3, 128, 128), grey, np.uint8) for grey in (10, 250)])
    golden = predictor.task.golden(predictor.spec) | {"image": pictures}
    dark, light = predictor.task.decode(predictor.outputs(golden), predictor.spec)
    assert float(dark.value or 0) < predictor.spec.threshold <= float(light.value or 0)


def test_probabilities_stay_the_probabilities_they_were():
    shares = np.array([[0.7, 0.2, 0.1]], dtype=np.float32)
    spec = tasks.get("scenes").default_spec().model_copy(update={"labels": ("a", "b", "c")})
    (answer,) = tasks.get("scenes").decode({"logits": adapters.mapped(shares, "probabilities")}, spec)
    assert list(answer.raw["probabilities"].values()) == pytest.approx([0.7, 0.2, 0.1], abs=1e-5)


def test_a_model_that_takes_one_picture_at_a_time_answers_batches(space: Workspace, tmp_path: Path):
    many = foreign.import_model(space, brightness(tmp_path / "a.onnx"), "ratings", Agreement())
    single = foreign.import_model(space, brightness(tmp_path / "b.onnx", batch=1), "ratings", Agreement())
    assert many.golden["score"]["values"] == single.golden["score"]["values"]


def test_a_model_on_our_features_is_paired_by_name_or_as_told(space: Workspace, tmp_path: Path):
    labels = listed(tmp_path / "labels.txt", ["quiet", "loud", "odd"])
    named = foreign.import_model(space, measured_scenes(tmp_path / "a.onnx", 3), "scenes", Agreement(labels=labels))
    assert named.spec.labels == ("quiet", "loud", "odd")
    renamed = measured_scenes(tmp_path / "b.onnx", 3, "x0", "x1")
    told = {"frames": "x0", "measured": "x1"}
    for inputs in ({}, told):
        card = foreign.import_model(space, renamed, "scenes", Agreement(labels=labels, inputs=inputs))
        assert card.golden == named.golden
    crossed = {"frames": "x1", "measured": "x0"}
    with pytest.raises(ModelError, match="wants"):
        foreign.import_model(space, renamed, "scenes", Agreement(labels=labels, inputs=crossed))


def test_a_picture_model_judges_a_scenes_middle_frame(space: Workspace, tmp_path: Path, drawn: Drawn):
    labels = listed(tmp_path / "labels.csv", ["index,label", "0,dark", "1,light"])
    model = brightness(tmp_path / "m.onnx", outputs=2, side="S")
    agreed = Agreement(labels=labels, size=(48, 80), norm="unit")
    card = foreign.import_model(space, model, "scenes", agreed)
    registry.deploy(space, "scenes", card.version, reason="test")
    clip = next(path for path in sorted(drawn("scenes", 2, 5).iterdir()) if path.name != "manifest.csv")
    judged = next(judging.judge_files(registry.serving(space, "scenes").predictor, [clip]))
    assert judged.error is None
    assert judged.value == "light"  # its weights are the larger ones


def test_a_lip_readers_own_alphabet_is_written_in_ours(space: Workspace, tmp_path: Path):
    signs = ["<blank>", "<unk>", "|", *"abcdefgh", "Q"]
    card = foreign.import_model(
        space, speller(tmp_path / "m.onnx", len(signs)), "speech", Agreement(labels=listed(tmp_path / "v.txt", signs))
    )
    predictor = registry.load_version(space, "speech", card.version)
    outputs = predictor.outputs(predictor.task.golden(predictor.spec))["logits"]
    assert outputs.shape[2] == len(ALPHABET) + 1
    assert predictor.task.decode({"logits": outputs}, predictor.spec)[0].value == "q"


def external(path: Path) -> Path:
    model = onnx.load(brightness(path))
    onnx.save_model(model, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    return path


def custom(path: Path) -> Path:
    model = onnx.load(brightness(path))
    model.graph.node[1].domain = "my.company"
    model.opset_import.append(helper.make_opsetid("my.company", 1))
    path.write_bytes(model.SerializeToString())
    return path


def text_file(path: Path) -> Path:
    path.write_text("this is no model")
    return path


def three_dimensions(path: Path) -> Path:
    nodes = [helper.make_node("ReduceMean", ["x"], ["y"], axes=[1, 2], keepdims=0)]
    return write(path, nodes, {"x": (TensorProto.FLOAT, ("N", 3, 8))}, ("y", ("N",)), {})


def five_at_once(path: Path) -> Path:
    return brightness(path, batch=5)


def four_values(path: Path) -> Path:
    return brightness(path, outputs=4)


def nothing(path: Path) -> Path:
    return path


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (external, "another file"),
        (custom, "my.company.MatMul"),
        (text_file, "not an ONNX model"),
        (three_dimensions, "wants"),
        (five_at_once, "5 samples at a time"),
        (four_values, r"\(2, 1\) was agreed"),
        (nothing, "cannot be read"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason_and_nothing_is_kept(
    space: Workspace, tmp_path: Path, make: Callable[[Path], Path], reason: str
):
    model = make(tmp_path / "m.onnx")
    with pytest.raises(ModelError, match=reason):
        foreign.import_model(space, model, "ratings", Agreement())
    assert registry.numbers(space, "ratings") == []
    assert not list(registry.folder(space, "ratings").glob("*.json"))


def test_a_file_that_is_too_large_is_not_read(space: Workspace, tmp_path: Path):
    path = tmp_path / "m.onnx"
    with path.open("wb") as file:
        file.truncate((foreign.MOST_MB + 1) << 20)  # sparse: takes no disk
    with pytest.raises(ModelError, match="at most"):
        foreign.import_model(space, path, "ratings", Agreement())


def test_labels_that_do_not_fit_the_output_are_refused(space: Workspace, tmp_path: Path):
    model = measured_scenes(tmp_path / "m.onnx", 3)
    with pytest.raises(ModelError, match=r"\(2, 3\), \(2, 2\) was agreed"):
        foreign.import_model(space, model, "scenes", Agreement(labels=listed(tmp_path / "l.txt", ["a", "b"])))
    with pytest.raises(WrongUseError, match="labels is missing"):
        foreign.import_model(space, model, "scenes", Agreement())


@pytest.mark.parametrize(
    "arguments",
    [["--mapping", "cubed"], ["--size", "huge"], ["--norm", "none"], ["--adapter", "magic"], ["--input", "x"],
     ["--output", "other"], ["--labels", "missing.txt"]],
)  # fmt: skip
def test_wrong_options_are_a_sentence_and_exit_code_2(tmp_path: Path, rushes: Run, arguments: list[str]):
    model = brightness(tmp_path / "m.onnx")
    ran = rushes("models", "import", model, "-t", "ratings", *arguments, "-w", tmp_path / "w")
    assert ran.code == 2
    assert ran.err.startswith("✗")


def test_a_version_of_another_workspace_keeps_what_is_frozen_into_it(space: Workspace, trained: Path):
    theirs = trained / "models" / "ratings" / "model_v1.onnx"
    card = foreign.import_model(space, theirs, "ratings")
    before = json.loads(theirs.with_suffix(".json").read_text())
    assert card.version == "v1"
    assert card.spec.params == before["spec"]["params"]
    assert card.golden == before["golden"]
    with pytest.raises(ModelError, match="for ratings, not for scenes"):
        foreign.import_model(space, theirs, "scenes")


def test_answers_and_trainings_after_an_imported_champion_are_ours_again(space: Workspace, tmp_path: Path):
    card = foreign.import_model(space, brightness(tmp_path / "m.onnx"), "ratings", Agreement())
    registry.deploy(space, "ratings", card.version, reason="test")
    assert "adapter" in registry.serving_spec(space, "ratings").params
    assert "adapter" not in registry.current_spec(space, tasks.get("ratings")).params


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("a.txt", "one\ntwo\n\n", ("one", "two")),
        ("a.json", '["one", "two"]', ("one", "two")),
        ("a.json", '{"vocab": {"two": 1, "one": 0}}', ("one", "two")),
        ("a.json", '{"0": "one", "1": "two"}', ("one", "two")),
        ("a.csv", "label,more\none,1\ntwo,2\n", ("one", "two")),
    ],
)
def test_lists_are_read_in_the_usual_shapes(tmp_path: Path, name: str, content: str, found: tuple[str, ...]):
    (tmp_path / name).write_text(content)
    assert vocabulary.read_list(tmp_path / name) == found


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.txt", ""), ("a.txt", "one\none\n"), ("a.txt", "one\n\ntwo\n"), ("a.json", "{"), ("a.json", "[1, 2]"),
     ("a.json", '{"one": 0, "two": 2}'), ("a.json", '{"one": "two"}'), ("a.txt", "\n".join(map(str, range(3000))))],
)  # fmt: skip
def test_odd_lists_are_refused(tmp_path: Path, name: str, content: str):
    (tmp_path / name).write_text(content)
    with pytest.raises(RushesError):
        vocabulary.read_list(tmp_path / name)


@pytest.mark.parametrize("signs", [["a", "b"], ["<blank>", "<pad>", "a"], ["<blank>", "the"], ["<blank>", "<unk>"]])
def test_vocabularies_that_do_not_spell_are_refused(signs: list[str]):
    with pytest.raises(WrongUseError):
        vocabulary.columns(signs, ALPHABET)
