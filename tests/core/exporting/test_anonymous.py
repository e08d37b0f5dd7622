"""Anonymous exports: nothing of who, where and from which file, in any byte."""

from __future__ import annotations

import io
import json
import tarfile
import time
from pathlib import Path

import numpy as np

from core import features, loop, tasks
from core.exporting import annotations, bringing, dataset, huggingface, labelstudio, pairs, splits
from core.media.decode import probe
from core.media.encode import write_video
from core.workspace import Workspace
from tests.core.exporting.conftest import SECRETS, answers


def secrets(space: Workspace) -> list[bytes]:
    """What names the speaker, the place, the files and the samples."""
    found = list(SECRETS)
    for task in ("speech", "scenes"):
        for item in space.store.answered(task):
            sample = item.sample
            found += [sample.id, sample.media_hash or "", Path(sample.media or "").name, sample.extra["file"]]
            found += [sample.group, sample.video_id or "", str(sample.captured_at), str(item.correction.at)]
            found.append(time.strftime("%Y-%m-%d", time.gmtime(item.correction.at)))
    return [text.encode() for text in found if text]


def whole(folder: Path) -> bytes:
    names = b"\n".join(path.name.encode() for path in folder.rglob("*"))
    return names + b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_an_anonymous_archive_names_nobody(taught: Workspace, empty: Workspace, tmp_path: Path):
    speech = dataset.export(taught, tmp_path / "speech.tar", task="speech", anonymous=True)
    scenes = dataset.export(taught, tmp_path / "scenes.tar", task="scenes", anonymous=True, light=True)
    assert speech.anonymised
    assert speech.counts["answers"] == {"speech": 2}
    for archive in (Path(speech.to), Path(scenes.to)):
        data = archive.read_bytes()
        assert [secret for secret in secrets(taught) if secret in data] == []
    with tarfile.open(speech.to, "r:") as tar:
        clips = [name for name in tar.getnames() if name.startswith("training_data/videos/")]
        assert clips == ["training_data/videos/clip-000001.mp4", "training_data/videos/clip-000002.mp4"]
        content = tar.extractfile(clips[0])
        assert content is not None
        (tmp_path / "clip.mp4").write_bytes(content.read())
        journal = tar.extractfile("training_data/samples.jsonl")
        assert journal is not None
        line = json.load(io.BytesIO(journal.readline()))
        assert line["metadata"] == {"speaker": None, "context": None}
        assert line["timestamp"] is None
    with tarfile.open(scenes.to, "r:") as tar:
        journal = tar.extractfile("training_data/corrections.jsonl")
        assert journal is not None
        assert json.load(io.BytesIO(journal.readline()))["correctedAt"] is None
    assert not probe(tmp_path / "clip.mp4").has_sound
    assert bringing.run(empty, Path(speech.to), consent=True).imported == 2
    assert sorted(map(str, answers(empty, "speech").values())) == sorted(map(str, answers(taught, "speech").values()))


def test_anonymous_folders_name_nobody(taught: Workspace, tmp_path: Path):
    hidden = secrets(taught)
    taught.store.delete("speech", [taught.store.answered("speech")[1].sample.id])
    pairs.export_vsr(taught, tmp_path / "vsr", anonymous=True)
    pairs.export_llm(taught, tmp_path / "llm", anonymous=True)
    labelstudio.export(taught, tmp_path / "ls", task="speech", anonymous=True)
    huggingface.export(taught, tmp_path / "hf", task="speech", anonymous=True)
    splits.export(taught, tmp_path / "manifests", task="speech", anonymous=True)
    annotations.export(taught, tmp_path / "annotations", anonymous=True)
    for name in ("vsr", "llm", "ls", "hf", "manifests", "annotations"):
        data = whole(tmp_path / name)
        assert [secret for secret in hidden if secret in data] == [], name
    assert (tmp_path / "vsr" / "clips" / "clip-000001.mp4").is_file()


def test_a_clip_whose_face_is_not_found_is_left_out_and_not_named(taught: Workspace, tmp_path: Path):
    speech = taught.store.answered("speech")[0].sample
    assert speech.media
    wall = np.full((16, 240, 320, 3), 127, np.uint8)  # nobody is to be seen
    write_video(taught.root / speech.media, wall, 25.0)
    found = dataset.export(taught, tmp_path / "a.tar", task="speech", anonymous=True)
    assert found.counts["answers"] == {"speech": 1}
    assert found.errors == [{"sample": "speech 1", "reason": "no face was found, so it is unknown what to blur"}]
    with tarfile.open(found.to, "r:") as tar:
        assert len([name for name in tar.getnames() if name.startswith("training_data/videos/")]) == 1


def test_the_mouth_of_an_anonymous_clip_can_be_read_where_it_is_brought_in(
    taught: Workspace, empty: Workspace, tmp_path: Path
):
    dataset.export(taught, tmp_path / "a.tar", task="speech", anonymous=True)
    pairs.export_vsr(taught, tmp_path / "vsr", anonymous=True)
    assert bringing.run(empty, tmp_path / "a.tar", consent=True).imported == 2
    speech = tasks.get("speech")
    brought = [features.of_sample(empty, speech, item.sample)["crops"] for item in empty.store.answered("speech")]
    pair = features.of_file(tmp_path / "vsr" / "clips" / "clip-000001.mp4", speech)["crops"]
    for item, crops in zip(taught.store.answered("speech"), brought, strict=True):
        before = features.of_sample(taught, speech, item.sample)["crops"]
        assert np.corrcoef(before.ravel(), crops.ravel())[0, 1] > 0.8
    assert np.array_equal(pair, brought[0])


def test_files_in_which_no_face_was_found_are_counted(taught: Workspace, tmp_path: Path):
    found = dataset.export(taught, tmp_path / "a.tar", task="scenes", anonymous=True)
    assert found.counts["without_face"] == 1  # the drawn talk shows a face
    assert found.notes == ["no face was found in 1 of 2 files, so nothing is blurred there: look before you share"]
    assert dataset.export(taught, tmp_path / "b.tar", task="scenes").notes == []
    labels = labelstudio.export(taught, tmp_path / "ls", task="scenes", anonymous=True)
    assert (labels.counts["without_face"], labels.notes) == (1, found.notes)


def test_versions_that_hold_words_of_answers_stay(taught: Workspace, tmp_path: Path):
    ratings, speech = taught.models / "ratings", taught.models / "speech"
    speech.mkdir(exist_ok=True)
    for name in ("model_v1.json", "model_v1.onnx"):
        (speech / name).write_bytes((ratings / name).read_bytes().replace(b"ratings", b"speech"))
    assert dataset.export(taught, tmp_path / "a.tar", task="speech").counts["versions"] == 1
    found = dataset.export(taught, tmp_path / "b.tar", task="speech", anonymous=True)
    assert found.counts["versions"] == 0
    assert found.notes == ["1 version of speech stays here: words of the answers are frozen into it"]


def test_versions_of_one_speaker_stay(taught: Workspace, tmp_path: Path):
    card = taught.models / "ratings" / "model_v1.json"
    said = json.loads(card.read_text())
    card.write_text(json.dumps(said | {"speaker": "Petra Muster"}))
    found = dataset.export(taught, tmp_path / "a.tar", task="ratings", light=True, anonymous=True)
    assert found.counts["versions"] == 0
    assert found.notes == ["1 version of ratings stays here: it is one person's, or nobody can tell"]
    card.write_text(json.dumps(said | {"name": "Petra Muster's", "data": "imported from petra.onnx"}))
    found = dataset.export(taught, tmp_path / "b.tar", task="ratings", light=True, anonymous=True)
    assert found.counts["versions"] == 1
    assert b"etra" not in Path(found.to).read_bytes()
    assert loop.registry.card(taught, "ratings", "v1").name == "Petra Muster's"
