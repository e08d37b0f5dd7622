from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from threading import Event, Thread
from time import monotonic

import numpy as np
import pytest

from core.capture.sources import POLL, FolderSource, Source, open_source, safe_address
from core.errors import MediaError, WrongUseError
from core.media.clip import Frame
from core.media.encode import write_image, write_video
from tests.core.capture.camera import camera
from tests.core.media.drawn import centres, moving


def take(source: Source, count: int) -> list[Frame]:
    stop, taken = Event(), list[Frame]()
    for frame in source.frames(stop):
        taken.append(frame)
        if len(taken) == count:
            stop.set()
    source.close()
    return taken


def test_a_file_plays_at_its_own_pace(tmp_path: Path) -> None:
    write_video(tmp_path / "a.avi", moving(10), 25)
    source = open_source(str(tmp_path / "a.avi"))
    begin = monotonic()
    frames = list(source.frames(Event()))
    assert (source.kind, source.live, source.name) == ("file", False, "a.avi")
    assert len(frames) == 10
    assert monotonic() - begin >= 9 / 25
    np.testing.assert_allclose([f.time for f in frames], np.arange(10) / 25, atol=1e-6)
    assert list(source.files(Event())) == [tmp_path / "a.avi"]


def test_stopping_ends_a_file_at_once(tmp_path: Path) -> None:
    write_video(tmp_path / "slow.mkv", moving(3), 0.01)  # a frame every 100 s
    stop = Event()
    frames = open_source(str(tmp_path / "slow.mkv")).frames(stop)
    next(frames)
    begin = monotonic()
    Thread(target=stop.set).start()
    assert next(frames, None) is None
    assert monotonic() - begin < 60


def test_a_looped_file_goes_on_with_rising_times(tmp_path: Path) -> None:
    write_video(tmp_path / "a.avi", moving(4), 100)
    times = [frame.time for frame in take(open_source(str(tmp_path / "a.avi"), loop=True), 10)]
    assert len(times) == 10
    assert all(a < b for a, b in pairwise(times))


def test_a_folder_plays_its_files_in_order_with_rising_times(tmp_path: Path) -> None:
    write_video(tmp_path / "2.avi", moving(3, 32, 32), 50)
    write_video(tmp_path / "1.avi", moving(3, 64, 48), 50)
    source = open_source(str(tmp_path))
    frames = list(source.frames(Event()))
    assert [f.image.shape[1] for f in frames] == [64, 64, 64, 32, 32, 32]
    times = [f.time for f in frames]
    assert all(a < b for a, b in pairwise(times))


def test_a_folder_without_clips_names_the_folders_inside_it_that_hold_some(tmp_path: Path) -> None:
    for name in ("a/1.avi", "b/deep/2.png", "c/words.txt"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(b"x")
    source = open_source(str(tmp_path))
    for read in (source.files, source.frames):
        with pytest.raises(WrongUseError, match=r"holds no clip or picture itself\. There are some in: a, b/deep$"):
            list(read(Event()))
    with pytest.raises(WrongUseError, match="Name a folder that does"):
        list(open_source(str(tmp_path / "c")).files(Event()))


def test_a_folder_plays_on_behind_a_file_that_cannot_be_played(tmp_path: Path) -> None:
    (tmp_path / "1.avi").write_text("not a clip")
    with pytest.raises(MediaError):
        list(open_source(str(tmp_path)).frames(Event()))
    write_video(tmp_path / "2.avi", moving(3, 32, 32), 50)
    assert len(list(open_source(str(tmp_path)).frames(Event()))) == 3


def test_a_folder_skips_what_is_hidden_unfinished_or_no_media(tmp_path: Path) -> None:
    for name in (".a.mp4", "b.mp4.part", "c.txt", "~d.mp4", "e.mp4~"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "f.mp4").mkdir()
    write_image(tmp_path / "g.PNG", moving(1)[0])
    assert [p.name for p in open_source(str(tmp_path)).files(Event())] == ["g.PNG"]


class Looks(Event):
    """Between two looks at the folder, does the next thing on a list instead of waiting; then stops."""

    def __init__(self, *between: Callable[[], object]) -> None:
        super().__init__()
        self.between = list(between)

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout == POLL
        if self.between:
            self.between.pop(0)()
        else:
            self.set()
        return self.is_set()


def test_a_watched_folder_yields_a_file_once_it_stopped_growing(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    log: list[str] = []

    def grow() -> None:
        with path.open("ab") as file:
            file.write(b"12345678")
        log.append("grew")

    def rest() -> None:
        log.append("rested")

    stop = Looks(grow, grow, grow, rest, rest, rest, grow, rest, rest)
    log_found = FolderSource(tmp_path, watch=True).files(stop)
    log.extend(found.name for found in log_found)
    assert log == ["grew", "grew", "grew", "rested", "a.mp4", "rested", "rested", "grew", "rested", "a.mp4", "rested"]


def test_stopping_ends_a_watched_folder_at_once(tmp_path: Path) -> None:
    stop = Event()
    thread = Thread(target=lambda: list(FolderSource(tmp_path, watch=True, poll=600).files(stop)))
    thread.start()
    stop.set()
    thread.join(timeout=60)
    assert not thread.is_alive()


def test_a_stream_sends_pictures_with_the_times_they_came() -> None:
    frames = moving(8, 96, 64)
    with camera(frames) as url:
        source = open_source(url)
        taken = take(source, 8)
    assert (source.kind, source.live) == ("stream", True)
    assert [f.image.shape for f in taken] == [(64, 96, 3)] * 8
    seen = centres(np.stack([f.image for f in taken]))
    assert any(abs(a - b) > 0.05 for a, b in pairwise(seen))
    times = [f.time for f in taken]
    assert all(a < b for a, b in pairwise(times))
    assert list(source.files(Event())) == []


def test_a_stream_that_hangs_up_says_so_and_can_be_called_again() -> None:
    with camera(moving(4, 96, 64), pictures=12, fps=100) as url:
        source = open_source(url)
        for _ in range(2):
            with pytest.raises(MediaError, match="stopped sending pictures"):
                list(source.frames(Event()))
        source.close()


def test_a_dead_address_is_reported_within_seconds() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://user:secret@127.0.0.1:{unused.getsockname()[1]}/x"
        begin = monotonic()
        with pytest.raises(MediaError, match="does not answer") as caught:
            list(open_source(url).frames(Event()))
    assert monotonic() - begin < 8
    assert "secret" not in str(caught.value)


def test_a_missing_camera_is_one_sentence(capfd: pytest.CaptureFixture[str]) -> None:
    source = open_source("97")
    assert (source.kind, source.live, source.name) == ("camera", True, "camera 97")
    with pytest.raises(MediaError, match="no such camera"):
        list(source.frames(Event()))
    assert capfd.readouterr().err == ""


def test_what_is_no_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="does not exist"):
        open_source(str(tmp_path / "no.mp4"))
    with pytest.raises(WrongUseError, match="no kind of stream"):
        open_source("gopher://x/y")
    with pytest.raises(WrongUseError, match="only a folder can be watched"):
        open_source("0", watch=True)


def test_a_damaged_file_is_a_reason_not_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("no film")
    with pytest.raises(MediaError, match="is not a video"):
        list(open_source(str(tmp_path / "a.mp4")).frames(Event()))


def test_passwords_are_not_shown() -> None:
    assert safe_address("rtsp://me:secret@10.0.0.2/live") == "rtsp://10.0.0.2/live"


def test_importing_sources_loads_no_decoder() -> None:
    code = "import sys, core.capture.sources; print([m for m in ('cv2', 'av', 'sounddevice') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
