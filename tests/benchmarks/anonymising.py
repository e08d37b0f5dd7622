"""What blurring faces takes, and whether another detector still finds one in the copies.

    python -m tests.benchmarks.anonymising FOLDER [--keep-mouth] [--most 60] [--every 5] [--into DIR] [--json]

Every clip and picture under the folder is copied with blurred faces, with `--keep-mouth` as for lip reading. Another
cascade than the two that blur looks for faces in every fifth frame of the original, at its full size; one counts as
left when the copy still shows the detail of its upper half.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from core import features, tasks
from core.errors import MediaError
from core.media.anonymise import anonymise
from core.media.clip import IMAGE_SUFFIXES, VIDEO_SUFFIXES, Image
from core.media.container import is_image
from core.media.decode import stream_frames
from core.media.images import read_image

OTHER = "haarcascade_frontalface_default.xml"
SURE = 6  # neighbouring hits; with fewer it takes walls for faces
SMALLEST = 24  # pixels
ALIKE = 0.6  # correlation of what is finer than a twelfth of the face; blurred ones stay below 0.2


@dataclass
class Result:
    """Sums over all files; seconds are those of one core."""

    files: int = 0
    frames: int = 0
    seconds: float = 0.0
    refused: int = 0
    without_face: int = 0
    frames_checked: int = 0
    frames_with_a_face: int = 0
    frames_with_a_face_left: int = 0
    left: list[str] = field(default_factory=list[str])
    mouths: list[float] = field(default_factory=list[float])

    def to_json(self) -> dict[str, Any]:
        said = asdict(self)
        alike = said.pop("mouths")
        said["seconds_per_file"] = round(self.seconds / max(1, self.files), 3)
        said["seconds_per_75_frames"] = round(75 * self.seconds / max(1, self.frames), 3)
        said["seconds"] = round(self.seconds, 1)
        if alike:
            said["mouth_alike"] = {"lowest": round(min(alike), 3), "median": round(float(np.median(alike)), 3)}
        return said


def pictures(path: Path) -> Iterator[Image]:
    """The frames of a clip, or the one picture."""
    if is_image(path):
        yield read_image(path)
        return
    for _, image in stream_frames(path):
        yield image


def detail(image: Image) -> NDArray[np.float32]:
    """What is finer than a twelfth of the picture's width."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return grey - cv2.GaussianBlur(grey, (0, 0), max(1.0, image.shape[1] / 12))


def is_left(before: Image, after: Image, box: NDArray[np.int_]) -> bool:
    """Whether the copy shows the upper half of a face as the original does."""
    x, y, w, h = (int(part) for part in box)
    place = np.s_[y : y + int(0.55 * h), x : x + w]
    one, other = detail(before[place]).ravel(), detail(after[place]).ravel()
    return float(one @ other) > ALIKE * float(np.linalg.norm(one) * np.linalg.norm(other) + 1e-6)


def check(path: Path, copy: Path, every: int, other: cv2.CascadeClassifier, result: Result) -> None:
    """Count the frames of one copy in which a face of the original is left."""
    left = 0
    for index, (before, after) in enumerate(zip(pictures(path), pictures(copy), strict=False)):
        result.frames += 1
        if index % every:
            continue
        high, wide = after.shape[:2]
        before = before[:high, :wide]  # the codec may have dropped an odd edge
        grey = cv2.cvtColor(before, cv2.COLOR_RGB2GRAY)
        boxes = np.asarray(other.detectMultiScale(grey, 1.1, SURE, minSize=(SMALLEST, SMALLEST))).reshape(-1, 4)
        result.frames_checked += 1
        result.frames_with_a_face += len(boxes) > 0
        left += any(is_left(before, after, box) for box in boxes)
    result.frames_with_a_face_left += left
    if left:
        result.left.append(f"{path.name}: {left}")


def mouth_alike(path: Path, copy: Path) -> float:
    """Correlation of what the lip reader sees of the original and of the copy."""
    one, other = (features.of_file(name, tasks.get("speech"))["crops"].astype(float) for name in (path, copy))
    count = min(len(one), len(other))
    return float(np.corrcoef(one[:count].ravel(), other[:count].ravel())[0, 1])


def measure(folder: Path, into: Path, *, keep_mouth: bool, most: int, every: int) -> Result:
    """Blur all files under a folder, one by one."""
    cv2.setNumThreads(1)
    other, result = cv2.CascadeClassifier(str(Path(cv2.__file__).parent / "data" / OTHER)), Result()
    known = IMAGE_SUFFIXES | VIDEO_SUFFIXES
    for path in sorted(one for one in folder.rglob("*") if one.suffix.lower() in known)[:most]:
        copy = into / f"{result.files:04d}-{path.stem}{path.suffix.lower() if is_image(path) else '.mp4'}"
        begun = time.process_time()
        try:
            blurred = anonymise(path, copy, keep_mouth=keep_mouth)
        except MediaError as error:
            print(error)
            result.refused += 1
            continue
        result.seconds += time.process_time() - begun
        result.files += 1
        result.without_face += blurred == 0
        check(path, copy, every, other, result)
        if keep_mouth:
            result.mouths.append(mouth_alike(path, copy))
    return result


def main() -> None:
    """Print the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--keep-mouth", action="store_true")
    parser.add_argument("--most", type=int, default=1000, help="files, at most")
    parser.add_argument("--every", type=int, default=5, help="frames from one that is checked to the next")
    parser.add_argument("--into", type=Path, help="where the copies stay, to be looked at")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        into = asked.into or Path(scratch)
        into.mkdir(parents=True, exist_ok=True)
        found = measure(asked.folder, into, keep_mouth=asked.keep_mouth, most=asked.most, every=asked.every)
    said = found.to_json()
    print(json.dumps(said) if asked.json else "\n".join(f"{name}: {value}" for name, value in said.items()))


if __name__ == "__main__":
    main()
