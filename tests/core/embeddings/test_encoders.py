"""What samples look and sound like, what texts say, and all of it together."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core import features, loop, tasks
from core.embeddings import checks, encoders, encoding, text
from core.embeddings.joined import joined
from core.embeddings.types import Embedding, EmbeddingType, SearchRequest, VectorError
from core.review.alike import alike
from core.workspace import Workspace
from tests.conftest import Drawn, Once
from tests.core.embeddings.made import SEEN, numbers, opened, workspace

# Vectors of another network must have another encoder_id: raise the version in `encoders` together with these.
FACTORY = {
    "scenes": "0c51fc35854670ab",
    "speech": "bb3785d8822140f0",
    "ratings": "42d5ad39ead7bff3",
}


@pytest.fixture
def captured(once: Once, drawn: Drawn, tmp_path: Path) -> Workspace:
    """A workspace with 12 unanswered photos."""

    def capture(folder: Path) -> None:
        space = workspace(folder)
        photos = [path for path in sorted(drawn("ratings", 12, 3).iterdir()) if path.suffix != ".csv"]
        assert len(list(loop.capture(space, photos, "ratings"))) == 12
        space.close()

    shutil.copytree(once("twelve-photos", capture), tmp_path, dirs_exist_ok=True)
    return workspace(tmp_path)


def test_an_encoders_id_goes_up_with_the_factorys_network() -> None:
    for task, known in FACTORY.items():
        content = (files("core.factory") / f"{task}.onnx").read_bytes()
        assert hashlib.sha256(content).hexdigest()[:16] == known, encoders.VISUAL[task]


def test_the_frozen_network_says_the_same_of_the_same_and_other_things_of_others(captured: Workspace) -> None:
    owner = tasks.get("ratings")
    found = [features.of_sample(captured, owner, row.sample) for row in captured.store.samples("ratings")]
    one, two = encoders.visual("ratings", found), encoders.visual("ratings", found[:1])
    assert one.dtype == np.float32
    assert one.shape == (12, 91 + 1152)
    assert np.allclose(one[0], two[0], atol=1e-5)
    units = checks.units(one)
    cosines = (units @ units.T)[~np.eye(12, dtype=bool)]
    assert cosines.max() < 0.999
    assert cosines.max() - cosines.min() > 0.2


def test_speech_and_sound_have_vectors_too() -> None:
    rng = np.random.default_rng(0)
    crops = (rng.random((30, 32, 64)) * 255).astype(np.uint8)
    vector = encoders.visual("speech", [{"crops": crops}])
    assert np.isfinite(vector).all()
    assert vector.any()
    scene = tasks.get("scenes").golden(tasks.get("scenes").default_spec())
    heard = encoders.sound([{"frames": scene["frames"][n], "measured": scene["measured"][n]} for n in range(2)])
    assert heard[0] is not None
    assert heard[0].shape == (20,)
    assert heard[1] is None  # the second has no sound, which is not silence


def test_alike_texts_are_near_and_the_numbers_never_change() -> None:
    def near(left: str, right: str) -> float:
        a, b = checks.units(np.stack([text.hashed(left), text.hashed(right)]))
        return float(a @ b)

    assert near("Sunset over the BEACH", "sunset over the beach") == pytest.approx(1)
    assert near("sunset at the beach", "beach sunsets") > 0.3 > abs(near("sunset at the beach", "quarterly tax report"))
    vector = text.hashed("rushes")
    assert (np.flatnonzero(vector)[0], np.linalg.norm(vector)) == (66, pytest.approx(1.6845, abs=1e-4))
    with pytest.raises(VectorError, match="no words"):
        text.hashed("?!")
    with pytest.raises(VectorError, match="fastembed"):
        text.encode("a", text.SENTENCES)


def test_samples_are_encoded_once_newest_first_and_can_be_stopped(captured: Workspace) -> None:
    store = opened(captured)
    samples = encoding.samples_of(captured, "ratings", unanswered=True)
    looked: list[str] = []

    def step(done: int, name: str) -> None:
        looked.append(name)
        assert done == len(looked)

    found = encoding.encode(captured, store, "ratings", SEEN, samples, stop=lambda: len(looked) == 3, progress=step)
    assert (found.made, found.remaining) == (3, 9)
    assert looked == samples[:3]
    rest = encoding.encode(captured, store, "ratings", SEEN, samples)
    assert (rest.made, rest.remaining) == (9, 0)
    assert encoding.encode(captured, store, "ratings", SEEN, samples).made == 0
    assert not (captured.data / "embeddings.jsonl").exists()  # our encoders can make them again


def test_what_was_never_measured_is_passed_over_where_asked(captured: Workspace) -> None:
    store = opened(captured)
    samples = encoding.samples_of(captured, "ratings")
    shutil.rmtree(captured.cache / "features")
    found = encoding.encode(captured, store, "ratings", SEEN, samples, cached_only=True)
    assert (found.made, found.unmeasured) == (0, 12)
    assert encoding.encode(captured, store, "ratings", SEEN, samples).made == 12


def test_look_alikes_are_the_nearest_unanswered_and_say_by_what(captured: Workspace) -> None:
    samples = encoding.samples_of(captured, "ratings")
    asked, twin, answered = (captured.store.sample(one) for one in samples[:3])
    assert asked
    assert twin
    assert answered
    with opened(captured) as store:
        encoding.encode(captured, store, "ratings", SEEN, samples)
        mine = store.backend.get(SEEN, encoders.VISUAL["ratings"], asked.id)
        assert mine is not None
        for one in (twin, answered):  # by hand as near as can be
            store.backend.put(
                store._rows([Embedding(SEEN, one.id, mine.vector * 2, mine.encoder_id)]),  # pyright: ignore[reportPrivateUsage]
                again=True,
            )
    loop.correct(captured, [(answered, 0.5)], trigger=False)
    found = alike(captured, asked)
    assert found is not None
    assert (found.by, found.compared, found.of, found.remaining) == ("vectors", 10, 10, 0)
    assert found.listing.ids[:2] == (asked.id, twin.id)
    assert answered.id not in found.listing.ids
    assert found.listing.reasons[twin.id] == "alike by vectors: 1.00 of 1"


def test_a_brands_style_is_the_mean_of_its_samples(captured: Workspace) -> None:
    from core.embeddings.brand import brand

    store = opened(captured)
    chosen = [row.sample for row in captured.store.samples("ratings")[:3]]
    style = brand(captured, store, "warm", chosen)
    found = store.search_now(SearchRequest(SEEN, style.vector, k=3, encoder_id=style.encoder_id))
    assert {one.key for one in found} == {sample.id for sample in chosen}
    kept = store.get_now(EmbeddingType.BRAND_STYLE, "warm")
    assert kept is not None
    assert kept.metadata["samples"] == [sample.id for sample in chosen]
    with pytest.raises(VectorError, match="mean of samples"):
        brand(captured, store, "none", [])


def test_look_sound_and_words_join_with_their_weights_and_the_missing_is_named(tmp_path: Path) -> None:
    space = workspace(tmp_path)
    store = opened(space)
    kinds = encoding.modalities("scenes")
    rows = numbers(3, 8)
    for kind, encoder in kinds.items():
        for place, key in enumerate("abc"):
            if not (key == "c" and kind is EmbeddingType.AUDIO_FEATURE):
                store.store_now(Embedding(kind, key, rows[place], encoder))
    weights = {EmbeddingType.CLIP_VISUAL: 0.5, EmbeddingType.AUDIO_FEATURE: 0.25, EmbeddingType.TEXT_CAPTION: 0.25}
    found = {one.key: one for one in joined(store, "scenes", "a", weights=weights)}
    units = checks.units(rows)
    assert found.keys() == {"b", "c"}
    assert found["b"].score == pytest.approx(float(units[0] @ units[1]), abs=1e-5)
    assert found["c"].missing == (EmbeddingType.AUDIO_FEATURE,)
    assert set(found["c"].parts) == {EmbeddingType.CLIP_VISUAL, EmbeddingType.TEXT_CAPTION}
    with pytest.raises(VectorError, match="no vector is kept"):
        joined(store, "scenes", "nobody")


def test_commands_bring_search_and_delete(tmp_path: Path, rushes: Callable[..., Any]) -> None:
    vectors = numbers(3)
    np.savez(tmp_path / "in.npz", ids=["a", "b", "c"], vectors=vectors, platform=["x", "y", "y"])
    here = ("--workspace", tmp_path / "ws", "--json")
    assert rushes("embeddings", "search", "--like", "a", *here).code == 1  # no vectors at all is no answer either
    brought = rushes("embeddings", "import", tmp_path / "in.npz", "--encoder", "e/1", *here)
    assert brought.code == 0, brought.err
    assert brought.json["new"] == 3
    found = rushes("embeddings", "search", "--like", "a", "-k", 1, "--filter", "platform=y", *here)
    assert found.json[0]["key"] in "bc"
    assert rushes("embeddings", "list", *here).json == [
        {"type": "clip_visual", "encoder_id": "e/1", "dimension": 16, "count": 3}
    ]
    assert rushes("embeddings", "delete", "a", "--type", "clip_visual", *here).json == {"deleted": 1}
    assert rushes("embeddings", "delete", "a", "--type", "clip_visual", *here).code == 1
    assert rushes("embeddings", "rebuild", *here).json == {"vectors": 2}
    rushes("embeddings", "store", "--key", "post", "--text", "sunset beach", "--type", "text_caption", *here)
    said = rushes("embeddings", "search", "--type", "text_caption", "--text", "beach at sunset", *here)
    assert said.json[0]["key"] == "post"
    assert rushes("embeddings", "search", *here).code == 2
    assert rushes("embeddings", "search", "--like", "zzz", *here).code == 1
    assert rushes("embeddings", "search", "--like", "b", "--backend", "other", *here).code == 2
    assert "database.url" in rushes("embeddings", "search", "--like", "b", "--backend", "pgvector", *here).err


def test_commands_encode_and_find_samples_that_wait(captured: Workspace, rushes: Callable[..., Any]) -> None:
    sample = captured.store.samples("ratings")[0].sample.id
    captured.close()
    here = ("--workspace", captured.root, "--json")
    made = rushes("embeddings", "store", "--task", "ratings", "--type", "clip_visual", *here)
    assert made.json["ratings"]["clip_visual"]["made"] == 12
    found = rushes("embeddings", "search", "--like", sample[:8], "-k", 4, "--unanswered", *here)
    assert len(found.json) == 4
    assert sample not in [one["key"] for one in found.json]
    both = rushes("embeddings", "search", "--like", sample, "--joined", *here)
    assert "text_caption" in both.json["results"][0]["missing"]
    assert rushes("embeddings", "store", "--name", "style", "--like", sample, *here).code == 0
    near = rushes("embeddings", "search", "--like", "style", "-k", 1, *here)
    assert [one["key"] for one in near.json] == [sample]
