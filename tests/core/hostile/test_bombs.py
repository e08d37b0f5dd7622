"""Files of a few bytes that ask for gigabytes or for ever are refused before anything is given to them."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
import time
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from core import foreign, inference, limits, loop, settings, trial, untrusted
from core.arrays import load_npz
from core.errors import MediaError, ModelError, RushesError
from core.foreign import Agreement
from core.limits import Limits
from core.media.clip import DecodeSpec
from core.media.decode import check_media, probe, read_clip, stream_frames
from core.media.encode import write_video
from core.media.sound import read_sound
from core.workspace import Workspace
from tests.core.onnx_files import brightness

MOST_MB = 250  # that looking at a bomb may cost; what they claim is thousands


@pytest.fixture
def space(tmp_path: Path) -> Iterator[Workspace]:
    found = loop.open_workspace(tmp_path / "w")
    yield found
    found.close()
    limits.use(Limits())


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\0" * 1_000_000)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def jpeg(side: int) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (16, 16)).save(out, "JPEG")
    data = bytearray(out.getvalue())
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", side, side)
    return bytes(data)


def bitmap(side: int) -> bytes:
    body = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 24, 0, 0, 0, 0, 0, 0) + b"\0" * 64
    return b"BM" + struct.pack("<IHHI", 14 + len(body), 0, 0, 54) + body


def gif(side: int) -> bytes:
    return (
        b"GIF89a"
        + struct.pack("<HHBBB", side, side, 0x80, 0, 0)
        + b"\0" * 6
        + b",\0\0\0\0"
        + struct.pack("<HHB", side, side, 0)
        + b"\x02\x02D\x01\0;"
    )


def film(path: Path, frames: int = 50) -> Path:
    rng = np.random.default_rng(1)
    write_video(path, [rng.integers(0, 255, (48, 64, 3), dtype=np.uint8) for _ in range(frames)], 25.0)
    return path


def large_film(path: Path, side: int) -> Path:
    data = bytearray(film(path, 10).read_bytes())
    at = data.index(b"strf") + 8
    data[at + 4 : at + 12] = struct.pack("<ii", side, side)
    path.write_bytes(data)
    return path


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("bombs")
    made = {"a.png": png(100_000, 100_000), "b.jpg": jpeg(65_500), "c.bmp": bitmap(30_000), "d.gif": gif(65_535),
            "e.png": png(2**31 - 1, 1), "f.png": png(20_000, 6_000)}  # fmt: skip
    for name, content in made.items():
        (folder / name).write_bytes(content)
    return [
        *(folder / name for name in made),
        large_film(folder / "g.avi", 12_000),
        large_film(folder / "h.avi", 16_000),
    ]


def test_pictures_and_films_that_claim_to_be_huge_are_refused_before_memory_is_used(pictures: list[Path]):
    code = """
import json, resource, sys, time
from pathlib import Path
from core.errors import MediaError
from core.media.clip import DecodeSpec
from core.media.decode import check_media, probe, read_clip
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before, said = peak(), {}
for name in sys.argv[1:]:
    for look in (probe, check_media, lambda path: read_clip(path, DecodeSpec(max_side=64))):
        begin = time.process_time()
        try:
            look(Path(name))
        except MediaError as error:
            said[Path(name).name] = error.what
        assert time.process_time() - begin < 1, name
print(json.dumps([peak() - before, said]))
"""
    ran = subprocess.run([sys.executable, "-c", code, *map(str, pictures)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    grown, said = json.loads(ran.stdout)
    assert set(said) == {path.name for path in pictures}
    assert grown < MOST_MB
    assert "65500x65500" in said["b.jpg"]
    assert "100 megapixels" in said["a.png"]


def test_the_limit_is_the_setting(space: Workspace, tmp_path: Path):
    (tmp_path / "a.png").write_bytes(png(640, 480))
    assert probe(film(tmp_path / "f.avi")).width == 64
    (space.root / "rushes.toml").write_text("[limits]\npicture_megapixels = 0.003\n")
    loop.open_workspace(space.root).close()
    for name in ("a.png", "f.avi"):
        with pytest.raises(MediaError, match=r"0\.003 megapixels"):
            check_media(tmp_path / name)


def test_a_film_that_never_ends_is_left_when_it_is_longer_than_the_setting(tmp_path: Path):
    path = film(tmp_path / "f.avi", 100)
    limits.use(Limits(seconds=1.0))
    try:
        with pytest.raises(MediaError, match="longer than 1 s"):
            check_media(path)
        taken: list[float] = []
        with pytest.raises(MediaError, match="longer than 1 s"):
            taken.extend(time for time, _ in stream_frames(path))
        with pytest.raises(MediaError, match="longer than 1 s"):
            read_clip(path, DecodeSpec())
    finally:
        limits.use(Limits())


def test_sound_that_begins_in_a_hundred_years_is_refused(tmp_path: Path):
    import av

    path = tmp_path / "late.mkv"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=16000, layout="mono")
        for start in (0, 10**10):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1600), np.int16), format="s16", layout="mono")
            frame.sample_rate, frame.pts = 16000, start
            out.mux(stream.encode(frame))
    with pytest.raises(MediaError, match="s of sound"):
        read_sound(path, 100.0)


def test_arrays_that_claim_more_than_they_hold_are_not_read(tmp_path: Path):
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "<f8", "fortran_order": False, "shape": (10**12,)})
    with zipfile.ZipFile(tmp_path / "lie.npz", "w") as archive:
        archive.writestr("a.npy", head.getvalue() + b"\0" * 80)
    assert load_npz(tmp_path / "lie.npz") is None
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", b"\0" * (300 << 20))
    assert load_npz(tmp_path / "bomb.npz") is None
    objects = np.empty(1, dtype=object)
    np.savez(tmp_path / "object.npz", a=objects)
    assert load_npz(tmp_path / "object.npz") is None
    np.savez(tmp_path / "good.npz", a=np.arange(3))
    good = load_npz(tmp_path / "good.npz")
    assert good is not None
    assert good["a"].tolist() == [0, 1, 2]


def _loop_for_ever(path: Path) -> Path:
    """A picture model with a Loop whose condition is always true."""
    number = TensorProto.INT64
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["more"]), helper.make_node("Add", ["sum", "sum"], ["next"])], "body",
        [helper.make_tensor_value_info("i", number, []), helper.make_tensor_value_info("go", TensorProto.BOOL, []),
         helper.make_tensor_value_info("sum", TensorProto.FLOAT, ["N", 1])],
        [helper.make_tensor_value_info("more", TensorProto.BOOL, []),
         helper.make_tensor_value_info("next", TensorProto.FLOAT, ["N", 1])],
    )  # fmt: skip
    model = onnx.load_model(brightness(path))
    model.graph.output[0].name = "looped"
    model.graph.initializer.append(helper.make_tensor("trips", number, [], [2**62]))
    model.graph.initializer.append(helper.make_tensor("yes", TensorProto.BOOL, [], [True]))
    model.graph.node.append(helper.make_node("Loop", ["trips", "yes", "answer"], ["looped"], body=body))
    onnx.save_model(model, path)
    return path


def _ask_for_memory(path: Path) -> Path:
    """A picture model that fills 400 GB on the way."""
    model = onnx.load_model(brightness(path))
    model.graph.output[0].name = "full"
    model.graph.initializer.append(helper.make_tensor("shape", TensorProto.INT64, [2], [10**6, 10**5]))
    model.graph.node.append(helper.make_node("ConstantOfShape", ["shape"], ["vast"]))
    model.graph.node.append(helper.make_node("ReduceMax", ["vast"], ["most"], keepdims=0))
    model.graph.node.append(helper.make_node("Add", ["answer", "most"], ["full"]))
    onnx.save_model(model, path)
    return path


@pytest.mark.parametrize("bomb", [_loop_for_ever, _ask_for_memory])
def test_a_model_that_never_ends_or_takes_all_memory_is_refused(
    space: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bomb: Any
):
    monkeypatch.setattr(trial, "SECONDS", 3)
    begin = time.monotonic()
    with pytest.raises(ModelError):
        foreign.import_model(space, bomb(tmp_path / "m.onnx"), "ratings", Agreement(norm="unit"))
    assert time.monotonic() - begin < 6 * trial.SECONDS
    assert [path for path in space.models.rglob("*") if path.suffix] == []


def test_an_imported_model_that_loops_only_later_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from core import adapters

    monkeypatch.setattr(adapters, "LONGEST_S", 0.5)
    path = _loop_for_ever(tmp_path / "m.onnx")
    session = inference.open_session(path.read_bytes(), path, 1)
    agreed = adapters.Adapter(kind="features", inputs={"picture": "image"}, output="looped", ours="score", width=1)
    with pytest.raises(ModelError, match="cannot answer"):
        agreed.run(session, {"image": np.zeros((1, 3, 64, 64), np.float32)})


@pytest.mark.parametrize("place", ["weights.bin", "../weights.bin", "/etc/passwd"])
def test_weights_in_another_file_are_refused_wherever_it_is(space: Workspace, tmp_path: Path, place: str):
    path = brightness(tmp_path / "m.onnx")
    (tmp_path / "weights.bin").write_bytes(np.ones(3, np.float32).tobytes())
    model = onnx.load_model(path)
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=place)
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="another file"):
        foreign.import_model(space, path, "ratings", Agreement(norm="unit"))
    with pytest.raises(ModelError, match="another file"):
        inference.load(path)


def test_weights_with_a_lying_header_start_no_training(tmp_path: Path):
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    for size, head in (
        (2**62, b"{}"),
        (60, b'{"a":{"dtype":"F32","shape":[1000000000],"data_offsets":[0,4000000000]}}'),
    ):
        path = tmp_path / "w.safetensors"
        path.write_bytes(struct.pack("<Q", size if head == b"{}" else len(head)) + head)
        with pytest.raises(SafetensorError):
            load_file(path)


@pytest.mark.parametrize("text", ["a = " + "[" * 20_000, "x = 1\n" * 400_000, "a = " + "9" * 10_000])
def test_settings_of_any_size_and_depth_end_in_a_sentence(space: Workspace, text: str):
    (space.root / "rushes.toml").write_text(text)
    begin = time.process_time()
    with pytest.raises(RushesError):
        settings.load(space.root)
    assert time.process_time() - begin < 1


def test_a_name_of_five_thousand_parts_is_only_an_unknown_section(space: Workspace):
    (space.root / "rushes.toml").write_text("[a" + ".a" * 5000 + "]")
    assert "unknown section [a]" in settings.load(space.root).notes[0]


def test_a_document_beyond_all_measure_is_not_read(tmp_path: Path):
    path = tmp_path / "big.json"
    with path.open("wb") as file:
        file.truncate(10 << 30)  # 10 GB, sparse
    begin = time.process_time()
    with pytest.raises(ValueError, match="larger than 64 MB"):
        untrusted.read(path)
    assert time.process_time() - begin < 1
