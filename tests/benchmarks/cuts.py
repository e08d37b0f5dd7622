"""How well scene cuts are found: `python -m tests.benchmarks.cuts FOLDER`.

FOLDER holds `videos/` and `golden_cuts/<video>.<detector>.<setting>.json` ({"cuts": [frame, ...]}), other detectors'
answers. Each is compared with ours within 2 frames and within 0.5 s; then the scenes and the time taken are printed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from time import perf_counter

import numpy as np

from core.media.cuts import SIDE, detect, scenes
from core.media.decode import stream_frames


def matched(ours: list[float], theirs: list[float], slack: float) -> int:
    """Pairs of cuts no further apart than `slack` seconds, each cut used once."""
    left = sorted(theirs)
    pairs = 0
    for cut in sorted(ours):
        near = [other for other in left if abs(other - cut) <= slack + 1e-6]
        if near:
            left.remove(min(near, key=lambda other: abs(other - cut)))
            pairs += 1
    return pairs


def scores(ours: list[float], theirs: list[float], slack: float) -> str:
    """Precision, recall and F1; "-" where one is not defined."""
    pairs = matched(ours, theirs, slack)
    precision = pairs / len(ours) if ours else None
    recall = pairs / len(theirs) if theirs else None
    total = len(ours) + len(theirs)
    f1 = 2 * pairs / total if total else None
    return " ".join("   -" if value is None else f"{value:.2f}" for value in (precision, recall, f1))


def main(folder: Path) -> None:
    for video in sorted((folder / "videos").iterdir()):
        begin = perf_counter()
        times: list[float] = []
        frames = stream_frames(video, max_side=SIDE)
        cuts, end = detect((times.append(time) or time, image) for time, image in frames)
        took = perf_counter() - begin
        numbers = [int(np.searchsorted(times, cut - 1e-6)) for cut in cuts]
        print(f"{video.name}: {len(times)} frames, {end:.1f} s, found in {took:.2f} s; cuts at frames {numbers}")
        found = [f"{scene.timestamp}+{scene.end_s - scene.start_s:.1f}" for scene in scenes(cuts, end)]
        print(f"  {len(found)} scenes: {' '.join(found)}")
        for golden in sorted((folder / "golden_cuts").glob(f"{video.name}.*.json")):
            listed: list[int] = json.loads(golden.read_text())["cuts"]
            theirs = [times[frame] for frame in listed if frame < len(times)]
            step = end / len(times)
            name = golden.name[len(video.name) + 1 : -5]
            near, wide = scores(cuts, theirs, 2 * step), scores(cuts, theirs, 0.5)
            print(f"  {name:28} {len(theirs):3} cuts | P R F1 within 2 frames {near} | within 0.5 s {wide}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} FOLDER")
    main(Path(sys.argv[1]))
