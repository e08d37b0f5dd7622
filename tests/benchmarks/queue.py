"""python -m tests.benchmarks.queue [--pending 100000] [--json]: how long opening the review queue takes."""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
import uuid
from pathlib import Path

from core import loop
from core.review.queue import queue
from core.store.records import Prediction, Sample
from core.workspace import Workspace

MEDIA = "training_data/videos/shared.avi"
BLOCK = 20_000
LABELS = ("action", "dialogue", "suspense", "atmosphere", "transition")


def fill(space: Workspace, count: int) -> None:
    """So many unanswered scenes with a prediction each, and a shadow prediction on every third."""
    (space.root / MEDIA).write_bytes(b"RIFF")
    rng = random.Random(1)
    for start in range(0, count, BLOCK):
        samples: list[Sample] = []
        said: list[Prediction] = []
        for number in range(start, min(start + BLOCK, count)):
            name = str(uuid.UUID(int=rng.getrandbits(128)))
            group, at, source = f"video-{number // 5}", float(number), f"camera-{number % 7}"
            samples.append(Sample(name, "scenes", group, media=MEDIA, captured_at=at, source=source))
            parts = sorted((rng.random() for _ in LABELS), reverse=True)
            shares = [part / sum(parts) for part in parts]
            first = Prediction(
                id=str(number), sample=name, task="scenes", version="v1", kind="model", value=LABELS[0],
                confidence=shares[0], calibrated=True, raw={}, latency_ms=1.0, at=1.0,
                runner_ups=tuple(zip(LABELS[1:], shares[1:], strict=True)),
            )  # fmt: skip
            said.append(first)
            if number % 3 == 0:
                said.append(
                    Prediction(f"s{number}", name, "scenes", "v2", "shadow", LABELS[1], 0.5, True, {}, (), 1.0, 1.0)
                )
        space.store.add_samples(samples)
        space.store.add_predictions(said)


def main() -> None:
    """Print wall and processor seconds of opening the queue, the best of five."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pending", type=int, default=100_000)
    parser.add_argument("--json", action="store_true")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        space = loop.open_workspace(Path(folder) / "workspace")
        fill(space, wanted.pending)
        found: list[tuple[float, float]] = []
        for _ in range(5):
            wall, busy = time.perf_counter(), time.process_time()
            queue(space, "scenes", 50)
            found.append((time.perf_counter() - wall, time.process_time() - busy))
        space.close()
    wall, busy = min(found)
    payload = {"pending": wanted.pending, "limit": 50, "seconds": round(wall, 3), "cpu_seconds": round(busy, 3)}
    print(json.dumps(payload) if wanted.json else f"{wanted.pending} pending: {wall:.2f} s ({busy:.2f} s CPU)")


if __name__ == "__main__":
    main()
