from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from core import tasks
from core.demo.faces import draw_sentence, speaker_of_user
from core.errors import MediaError
from core.features import of_file
from core.media import mouths
from core.media.anonymise import anonymise, blurred
from core.media.clip import DecodeSpec, Frames
from core.media.decode import probe, read_clip
from core.media.encode import write_image, write_video
from core.media.faces import every_face, found
from tests.core.media.drawn import moving, tone


@pytest.fixture(scope="module")
def talking() -> Frames:
    return draw_sentence(speaker_of_user(3), "lay green", 5)[0][:30]


def faces_in(frames: Frames) -> int:
    greys = [np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), dtype=np.uint8) for frame in frames]
    return sum(len(found("frontalface_alt2", grey, 40)) > 0 for grey in greys)


def test_no_face_is_left_in_any_frame(talking: Frames, tmp_path: Path) -> None:
    write_video(tmp_path / "in.avi", talking, 25, tone(1.2))
    assert faces_in(talking) == len(talking)
    assert anonymise(tmp_path / "in.avi", tmp_path / "out.mp4", keep_mouth=False) == len(talking)
    out = read_clip(tmp_path / "out.mp4", DecodeSpec()).frames
    assert len(out) == len(talking)
    assert faces_in(out) == 0


def test_the_mouth_stays_readable_and_the_eyes_do_not(talking: Frames, tmp_path: Path) -> None:
    write_video(tmp_path / "in.avi", talking, 25)
    anonymise(tmp_path / "in.avi", tmp_path / "out.mkv", keep_mouth=True)
    before = read_clip(tmp_path / "in.avi", DecodeSpec()).frames[10].astype(float)
    after = read_clip(tmp_path / "out.mkv", DecodeSpec()).frames[10].astype(float)
    grey = np.asarray(cv2.cvtColor(talking[10], cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    x, y, w, h = every_face(grey, 40)[0][0].astype(int)
    mouth = np.s_[y + int(0.72 * h) : y + int(0.88 * h), x + int(0.3 * w) : x + int(0.7 * w)]
    eyes = np.s_[y + int(0.25 * h) : y + int(0.5 * h), x : x + w]
    assert np.abs(before[mouth] - after[mouth]).mean() < 1.0
    assert np.abs(before[eyes] - after[eyes]).mean() > 8.0


def test_a_face_lost_for_a_moment_stays_blurred(talking: Frames, tmp_path: Path) -> None:
    frames = talking.copy()
    grey = np.asarray(cv2.cvtColor(talking[15], cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    x, y, w, h = every_face(grey, 40)[0][0].astype(int)
    frames[10:20, y + h // 2 : y + h, x : x + w] = 90  # a hand before the lower half: no cascade finds this
    write_video(tmp_path / "in.avi", frames, 25)
    assert faces_in(frames[12:18]) == 0
    assert anonymise(tmp_path / "in.avi", tmp_path / "out.mkv", keep_mouth=False) == len(frames)
    before, after = (
        read_clip(tmp_path / name, DecodeSpec()).frames[15].astype(float) for name in ("in.avi", "out.mkv")
    )
    eyes = np.s_[y + int(0.25 * h) : y + int(0.5 * h), x : x + w]
    assert np.abs(before[eyes] - after[eyes]).mean() > 8.0


def test_sound_is_dropped_unless_asked_for(talking: Frames, tmp_path: Path) -> None:
    write_video(tmp_path / "in.avi", talking, 25, tone(1.2))
    anonymise(tmp_path / "in.avi", tmp_path / "silent.avi", keep_mouth=True)
    anonymise(tmp_path / "in.avi", tmp_path / "loud.avi", keep_mouth=True, keep_sound=True)
    assert not probe(tmp_path / "silent.avi").has_sound
    assert probe(tmp_path / "loud.avi").has_sound


def test_a_clip_of_lips_without_a_face_is_refused(tmp_path: Path) -> None:
    write_video(tmp_path / "in.avi", moving(12), 25)
    with pytest.raises(MediaError, match="no face was found"):
        anonymise(tmp_path / "in.avi", tmp_path / "out.avi", keep_mouth=True)
    assert not (tmp_path / "out.avi").exists()
    assert anonymise(tmp_path / "in.avi", tmp_path / "out.avi", keep_mouth=False) == 0


def test_a_picture_loses_its_faces_and_what_its_file_said(talking: Frames, tmp_path: Path) -> None:
    from PIL import Image

    exif = Image.Exif()
    exif[0x013B] = "Ada Camerawoman"  # artist
    Image.fromarray(talking[0]).save(tmp_path / "in.jpg", exif=exif, quality=95)
    assert b"Ada Camerawoman" in (tmp_path / "in.jpg").read_bytes()
    assert anonymise(tmp_path / "in.jpg", tmp_path / "out.jpg", keep_mouth=False) == 1
    assert b"Ada Camerawoman" not in (tmp_path / "out.jpg").read_bytes()
    assert faces_in(read_clip(tmp_path / "out.jpg", DecodeSpec()).frames) == 0
    write_image(tmp_path / "plain.png", moving(1)[0])
    assert anonymise(tmp_path / "plain.png", tmp_path / "out.png", keep_mouth=False) == 0


def test_a_lip_reader_sees_the_same_mouth_in_the_copy(talking: Frames, tmp_path: Path) -> None:
    speech = tasks.get("speech")
    write_video(tmp_path / "in.avi", talking, 25)
    anonymise(tmp_path / "in.avi", tmp_path / "out.mp4", keep_mouth=True)
    before, after = (of_file(tmp_path / name, speech)["crops"].astype(float) for name in ("in.avi", "out.mp4"))
    assert after.shape == before.shape
    assert np.corrcoef(before.ravel(), after.ravel())[0, 1] > 0.9
    # A part of the clip is read at its own place.
    late = of_file(tmp_path / "out.mp4", speech, 0.4)["crops"].astype(float)
    assert np.abs(late - after[10:]).mean() < 1.0


def test_a_copy_without_a_mouth_says_nothing_of_one(talking: Frames, tmp_path: Path) -> None:
    write_video(tmp_path / "in.avi", talking, 25)
    anonymise(tmp_path / "in.avi", tmp_path / "out.mp4", keep_mouth=False)
    assert mouths.noted(tmp_path / "out.mp4", [0.0]) is None
    with pytest.raises(MediaError, match="no face was found"):
        of_file(tmp_path / "out.mp4", tasks.get("speech"))


def test_a_face_that_comes_and_goes_between_two_searches_is_blurred(talking: Frames, tmp_path: Path) -> None:
    frames = np.full_like(np.concatenate([talking, talking]), 120)
    frames[20:42] = talking[:22]
    write_video(tmp_path / "in.avi", frames, 25)
    assert anonymise(tmp_path / "in.avi", tmp_path / "out.mkv", keep_mouth=False) >= 22
    out = read_clip(tmp_path / "out.mkv", DecodeSpec()).frames
    assert faces_in(out) == 0


def test_a_walking_face_is_followed(talking: Frames, tmp_path: Path) -> None:
    high, wide = talking.shape[1:3]
    frames = np.full((len(talking), high, 2 * wide, 3), 120, np.uint8)
    for index, image in enumerate(talking):
        left = index * wide // len(talking)
        frames[index, :, left : left + wide] = image
    write_video(tmp_path / "in.avi", frames, 25)
    assert anonymise(tmp_path / "in.avi", tmp_path / "out.mkv", keep_mouth=False) == len(frames)
    assert faces_in(frames) == len(frames)
    assert faces_in(read_clip(tmp_path / "out.mkv", DecodeSpec()).frames) == 0


def test_of_two_people_as_near_as_each_other_one_mouth_stays_readable(talking: Frames, tmp_path: Path) -> None:
    high, wide = talking.shape[1:3]
    frames = np.full((len(talking), high, 2 * wide, 3), 120, np.uint8)
    for index, image in enumerate(talking):
        for left, is_nearer in ((0, index // 9 % 2 == 0), (wide, index // 9 % 2 == 1)):  # they lean in by turns
            size = (round(wide * 1.05), round(high * 1.05)) if is_nearer else (wide, high)
            frames[index, :, left : left + wide] = cv2.resize(image, size)[:high, :wide]
    write_video(tmp_path / "in.avi", frames, 25)
    anonymise(tmp_path / "in.avi", tmp_path / "out.mp4", keep_mouth=True)
    track = mouths.noted(tmp_path / "out.mp4", np.arange(len(frames)) / 25)
    assert track is not None
    assert np.ptp(track[:, 0]) < 0.05
    before, after = (read_clip(tmp_path / name, DecodeSpec()).frames.astype(float) for name in ("in.avi", "out.mp4"))
    for index, (x, y, width) in enumerate(track * (2 * wide, high, 2 * wide)):
        mouth = np.s_[index, int(y - width / 8) : int(y + width / 8), int(x - width / 3) : int(x + width / 3)]
        assert np.abs(before[mouth] - after[mouth]).mean() < 6.0


def test_a_small_thing_taken_for_a_face_does_not_show_the_eyes(talking: Frames) -> None:
    grey = np.asarray(cv2.cvtColor(talking[0], cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    x, y, w, h = every_face(grey, 40)[0][0]
    high, wide = grey.shape
    size = np.array([wide, high, wide, high])
    face, eye = np.array([x, y, w, h]) / size, np.array([x + 0.2 * w, y + 0.3 * h, 0.2 * w, 0.2 * h]) / size
    alone = blurred(talking[0], face[None], None)
    assert np.array_equal(alone, blurred(talking[0], np.stack([face, eye]), None))
    assert np.array_equal(alone, blurred(talking[0], np.stack([eye, face]), None))
