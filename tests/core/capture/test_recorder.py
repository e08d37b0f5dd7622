from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.capture.recorder import Recorder
from core.errors import MediaError
from core.media.clip import DecodeSpec, Frame
from core.media.decode import read_clip
from tests.core.media.drawn import centres, moving, tone


def feed(recorder: Recorder, times: list[float], width: int = 64) -> None:
    for time, image in zip(times, moving(len(times), width), strict=True):
        recorder.feed(Frame(image, time))


def test_sixteen_frames_a_second_are_recorded_at_true_speed(tmp_path: Path) -> None:
    path = tmp_path / "incoming" / "webcam1.avi"
    recorder = Recorder(path)
    feed(recorder, [100 + k / 16 for k in range(32)])
    recorded = recorder.finish(tone(2.0))
    assert recorded.path == path
    assert (recorded.seconds, recorded.frames) == (2.0, 50)
    assert recorded.measured_fps == pytest.approx(16)
    clip = read_clip(path, DecodeSpec(sound=True))
    np.testing.assert_allclose(clip.times, np.arange(50) / 25, atol=1e-6)
    where = np.arange(50) / 50
    assert np.abs(np.asarray(centres(clip.frames)) - where).max() < 0.06  # the disc moves evenly
    assert clip.sound is not None
    assert len(clip.sound.samples) == 32_000
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["webcam1.avi"]


def test_a_stall_shows_the_last_frame_meanwhile(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a.avi")
    feed(recorder, [0.0, 0.04, 1.04, 1.08])
    assert recorder.finish().frames == pytest.approx(36, abs=1)
    shown = centres(read_clip(tmp_path / "a.avi", DecodeSpec()).frames)
    assert shown[2:13] == [shown[1]] * 11


def test_a_faster_camera_loses_frames_not_time(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a.avi")
    feed(recorder, [k / 60 for k in range(120)])
    assert recorder.finish().seconds == 2.0


def test_clocks_that_stand_still_are_ignored(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a.avi")
    feed(recorder, [0.0, 0.04, 0.04, 0.02, 0.08])
    assert recorder.finish().frames == 3


def test_a_day_of_sleep_is_not_filled(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a.avi")
    feed(recorder, [0.0, 0.04, 86_400.0, 86_400.04])
    assert recorder.finish().frames == 4


def test_sound_is_cut_to_the_picture(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a.avi")
    feed(recorder, [k / 25 for k in range(25)])
    recorder.finish(tone(3.0))
    clip = read_clip(tmp_path / "a.avi", DecodeSpec(sound=True))
    assert clip.sound is not None
    assert len(clip.sound.samples) == 16_000


def test_aborting_leaves_nothing(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a.avi")
    feed(recorder, [0.0, 0.04, 0.08])
    recorder.abort()
    assert list(tmp_path.iterdir()) == []


def test_a_recording_without_a_frame_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no frame arrived"):
        Recorder(tmp_path / "a.avi").finish()
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.avi").mkdir()
    recorder = Recorder(tmp_path / "a.avi")
    with pytest.raises(MediaError, match="cannot be written"):
        feed(recorder, [0.0, 0.04, 0.08])


KILLED = """
import os, signal, sys
from pathlib import Path
from core.capture.recorder import Recorder
from core.media.clip import Frame
from tests.core.media.drawn import moving
recorder = Recorder(Path(sys.argv[1]))
for k, image in enumerate(moving(41)):
    recorder.feed(Frame(image, k / 16))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_recording_can_be_read_as_far_as_it_got(tmp_path: Path) -> None:
    path = tmp_path / "webcam1.avi"
    done = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False, env=dict(os.environ))
    assert done.returncode == -signal.SIGKILL
    clip = read_clip(path, DecodeSpec())
    # 40 intervals of 1/16 s are 2.5 s; the newest frame was still waiting for its successor.
    assert clip.duration == pytest.approx(2.5, abs=0.08)
    assert clip.fps == pytest.approx(25)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    # A kill in the middle of a write leaves half a picture at the end.
    path.write_bytes(path.read_bytes()[:-300])
    assert len(read_clip(path, DecodeSpec()).frames) >= clip.frames.shape[0] - 1
