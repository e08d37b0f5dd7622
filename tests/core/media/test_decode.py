from __future__ import annotations

import os
import stat
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from core.errors import MediaError
from core.media import decode
from core.media.clip import DecodeSpec, Sound
from core.media.decode import probe, read_clip, read_sound, stream_frames
from core.media.encode import write_image, write_video
from tests.core.media.drawn import centres, moving, tone

SUFFIXES = [".avi", ".mp4", ".mkv", ".mpg", ".webm", ".mov"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_was_written_comes_back_with_its_times_and_sound(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"clip{suffix}"
    frames = moving(30)
    write_video(path, frames, 25, tone(1.2))
    clip = read_clip(path, DecodeSpec(sound=True))
    assert clip.frames.shape == frames.shape
    assert np.abs(clip.frames.astype(int) - frames).mean() < 4
    np.testing.assert_allclose(clip.times, np.arange(30) / 25, atol=0.002)
    assert clip.native == (64, 48)
    assert clip.sound is not None
    assert abs(len(clip.sound.samples) / 16_000 - 1.2) < 0.06
    assert 0.3 < float(np.sqrt(np.mean(clip.sound.samples**2))) < 0.4
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    info = probe(path)
    assert (info.kind, info.width, info.height, info.has_sound) == ("video", 64, 48, True)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_truncated_video_is_refused(tmp_path: Path, suffix: str, share: float) -> None:
    whole, cut = tmp_path / f"whole{suffix}", tmp_path / f"cut{suffix}"
    write_video(whole, moving(75, 160, 120), 25, tone(3))
    data = whole.read_bytes()
    cut.write_bytes(data[: int(len(data) * share)])
    for spec in (DecodeSpec(), DecodeSpec(still=True)):
        with pytest.raises(MediaError, match=r"cut short|no frames"):
            read_clip(cut, spec)


def test_lost_frames_are_counted_in_the_reason(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.avi", tmp_path / "cut.avi"
    write_video(whole, moving(75), 25)
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 4])
    with pytest.raises(MediaError, match=r"is cut short \(\d+ of 75 frames\)"):
        read_clip(cut, DecodeSpec())


def test_text_named_mp4_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "notes.mp4"
    path.write_text("this is not a film\n" * 50)
    with pytest.raises(MediaError, match="is not a video or an image"):
        read_clip(path, DecodeSpec())


def test_a_playlist_named_mp4_opens_nothing_else(tmp_path: Path) -> None:
    write_video(tmp_path / "other.mp4", moving(5), 25)
    path = tmp_path / "list.mp4"
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nother.mp4\n#EXT-X-ENDLIST\n")
    with pytest.raises(MediaError, match="is not a video or an image"):
        probe(path)


@pytest.mark.parametrize("name", ["x.mp4", "x.png"])
def test_empty_missing_and_folder_are_told_apart(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with pytest.raises(MediaError, match="does not exist"):
        read_clip(path, DecodeSpec())
    path.touch()
    with pytest.raises(MediaError, match="is empty"):
        read_clip(path, DecodeSpec())
    path.unlink()
    path.mkdir()
    with pytest.raises(MediaError, match="is a folder"):
        read_clip(path, DecodeSpec())


def test_a_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "pipe.mp4"
    os.mkfifo(path)
    with pytest.raises(MediaError, match="not a regular file"):
        read_clip(path, DecodeSpec())


def test_sound_alone_is_no_clip(tmp_path: Path) -> None:
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16_000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16_000), np.int16), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 16_000, 0, Fraction(1, 16_000)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(MediaError, match="sound but no picture"):
        read_clip(path, DecodeSpec())
    assert isinstance(read_sound(path), Sound)


def test_control_characters_of_a_name_do_not_reach_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "a\x1b[31m\nb.mp4"
    path.write_text("no")
    with pytest.raises(MediaError) as caught:
        read_clip(path, DecodeSpec())
    assert "\x1b" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert r"a\x1b[31m\nb.mp4" in str(caught.value)


def test_a_name_that_is_no_unicode_is_read_or_refused_politely(tmp_path: Path) -> None:
    plain = tmp_path / "plain.avi"
    write_video(plain, moving(5), 25)
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.avi"))
    plain.rename(odd)
    assert len(read_clip(odd, DecodeSpec()).frames) == 5


def test_uneven_times_are_kept_as_measured(tmp_path: Path) -> None:
    path = tmp_path / "vfr.mkv"
    times = [0.0, 0.04, 0.08, 0.3, 0.34, 0.9, 1.0]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=1000)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "bgr0"
        for time, image in zip(times, moving(len(times)), strict=True):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = round(time * 1000), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    np.testing.assert_allclose(read_clip(path, DecodeSpec()).times, times, atol=0.0011)
    resampled = read_clip(path, DecodeSpec(fps=10))
    assert np.allclose(resampled.times, np.arange(len(resampled.times)) / 10)
    where = centres(moving(len(times)))
    # Ticks 0.0, 0.1 ... 0.9: the nearest of the measured times.
    assert centres(resampled.frames)[:10] == [where[k] for k in (0, 2, 3, 3, 4, 4, 4, 5, 5, 5)]


def test_frames_are_scaled_while_decoding_and_never_up(tmp_path: Path) -> None:
    path = tmp_path / "wide.avi"
    write_video(path, moving(3, 320, 120), 25)
    small = read_clip(path, DecodeSpec(max_side=80))
    assert small.frames.shape[1:] == (30, 80, 3)
    assert small.native == (320, 120)
    assert read_clip(path, DecodeSpec(max_side=999)).frames.shape[1:] == (120, 320, 3)


@pytest.mark.parametrize("suffix", [".avi", ".mp4", ".mkv", ".webm", ".mpg"])
def test_a_part_is_the_same_frames_as_in_the_whole(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"long{suffix}"
    write_video(path, moving(150), 25, tone(6))
    whole = read_clip(path, DecodeSpec())
    part = read_clip(path, DecodeSpec(sound=True), start_s=4.0, end_s=5.0)
    np.testing.assert_array_equal(part.frames, whole.frames[100:125])
    assert part.times[0] == 0.0
    assert part.sound is not None
    assert abs(len(part.sound.samples) - 16_000) <= 160
    with pytest.raises(MediaError, match=r"has no frames from 60\.00 s"):
        read_clip(path, DecodeSpec(), start_s=60.0, end_s=61.0)


def test_a_still_is_the_middle_frame(tmp_path: Path) -> None:
    for suffix in (".avi", ".mp4", ".mkv", ".mpg"):
        path = tmp_path / f"clip{suffix}"
        write_video(path, moving(75), 25)
        still = read_clip(path, DecodeSpec(still=True))
        assert still.frames.shape == (1, 48, 64, 3)
        np.testing.assert_array_equal(still.frames[0], read_clip(path, DecodeSpec()).frames[37])


def test_too_long_for_memory_is_refused_while_decoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "clip.avi"
    write_video(path, moving(75), 25)
    with pytest.raises(MediaError, match=r"is too long \(more than 50 frames\)"):
        read_clip(path, DecodeSpec(), max_frames=50)
    assert len(read_clip(path, DecodeSpec(fps=10), max_frames=50).frames) == 30
    monkeypatch.setattr(decode, "MAX_BYTES", 64 * 48 * 3 * 20)
    with pytest.raises(MediaError, match=r"is too long \(more than 20 frames\)"):
        read_clip(path, DecodeSpec())


def test_a_long_video_streams_past_the_memory_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "clip.avi"
    write_video(path, moving(75), 25)
    monkeypatch.setattr(decode, "MAX_BYTES", 1)
    assert sum(1 for _ in stream_frames(path, max_side=16)) == 75


def test_a_damaged_middle_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    write_video(path, moving(75, 160, 120), 25)
    data = bytearray(path.read_bytes())
    begin = data.find(b"mdat") + 200
    data[begin : begin + 3000] = bytes(3000)
    path.write_bytes(bytes(data))
    with pytest.raises(MediaError, match=r"is damaged \(\d+ of 75 frames cannot be decoded\)"):
        read_clip(path, DecodeSpec())


def test_turned_phone_video_stands_upright(tmp_path: Path) -> None:
    path, turned = tmp_path / "clip.mp4", tmp_path / "turned.mp4"
    write_video(path, moving(5, 64, 32), 25)
    data = bytearray(path.read_bytes())
    one = (1 << 16).to_bytes(4, "big")
    matrix = one + bytes(12) + one + bytes(12)
    at = data.find(matrix, data.find(b"tkhd"))
    minus = (-(1 << 16)).to_bytes(4, "big", signed=True)
    data[at : at + 32] = bytes(4) + one + bytes(4) + minus + bytes(16)  # 90 degrees clockwise
    turned.write_bytes(bytes(data))
    upright = read_clip(turned, DecodeSpec())
    assert upright.native == (32, 64)
    expected = np.rot90(read_clip(path, DecodeSpec()).frames, -1, axes=(1, 2))
    np.testing.assert_array_equal(upright.frames, expected)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp"])
def test_images_are_clips_of_one_frame(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"photo{suffix}"
    image = moving(1, 200, 100)[0]
    write_image(path, image)
    clip = read_clip(path, DecodeSpec(max_side=100))
    assert clip.frames.shape == (1, 50, 100, 3)
    assert clip.native == (200, 100)
    assert clip.duration == 0
    assert np.abs(read_clip(path, DecodeSpec()).frames[0].astype(int) - image).mean() < 3
    assert probe(path).kind == "image"
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
    with pytest.raises(MediaError, match="is cut short"):
        read_clip(path, DecodeSpec())


def test_text_named_jpg_is_no_image(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_text("no")
    with pytest.raises(MediaError, match="is not a video or an image"):
        read_clip(path, DecodeSpec())


def test_grey_images_have_three_channels(tmp_path: Path) -> None:
    path = tmp_path / "grey.png"
    cv2.imwrite(str(path), np.full((20, 30), 99, np.uint8))
    assert read_clip(path, DecodeSpec()).frames.shape == (1, 20, 30, 3)


def test_sound_keeps_its_place_beside_the_picture(tmp_path: Path) -> None:
    path = tmp_path / "clip.mkv"
    sound = tone(4)
    sound.samples[: 16_000 * 3] = 0
    write_video(path, moving(100), 25, sound)
    part = read_sound(path, 2.5, 3.5)
    assert part is not None
    loud = np.flatnonzero(np.abs(part.samples) > 0.1)
    assert abs(loud[0] / 16_000 - 0.5) < 0.02


def test_a_photo_taken_sideways_stands_upright(tmp_path: Path) -> None:
    image = Pillow.fromarray(moving(1, 40, 20)[0])
    exif = Pillow.Exif()
    exif[0x0112] = 6  # turn 90 degrees clockwise
    image.save(tmp_path / "a.jpg", exif=exif)
    assert read_clip(tmp_path / "a.jpg", DecodeSpec()).frames.shape == (1, 40, 20, 3)


def test_an_image_of_absurd_size_is_refused_before_it_fills_memory(tmp_path: Path) -> None:
    Pillow.new("1", (12_000, 12_000)).save(tmp_path / "a.png")
    with pytest.raises(MediaError, match="too large"):
        read_clip(tmp_path / "a.png", DecodeSpec())


def test_sixteen_bit_images_keep_their_brightness(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.full((8, 8), 128 << 8, np.uint16))
    assert read_clip(tmp_path / "a.png", DecodeSpec()).frames.mean() == 128


def test_a_damaged_image_writes_nothing_over_the_screen(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for suffix in (".png", ".jpg"):
        path = tmp_path / f"a{suffix}"
        write_image(path, moving(1)[0])
        data = bytearray(path.read_bytes())
        data[len(data) // 2 : len(data) // 2 + 40] = b"\xff" * 40
        path.write_bytes(data)
        try:
            read_clip(path, DecodeSpec())
        except MediaError as error:
            print(error)
    assert capfd.readouterr().err == ""
