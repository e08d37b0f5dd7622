"""Scene corrections as seed 000 writes them, one JSON object a line in corrections.jsonl."""

from __future__ import annotations

import datetime as dt
import math

from core.store.identity import derived_id
from core.store.records import Correction, Json, Sample

TASK = "scenes"


class ScenesCodec:
    """Seed 000's fields: videoId, sceneId, timestamp, originalLabel, correctedLabel, confidence, audioFeatures,
    correctedAt."""

    task = TASK
    journal = "corrections.jsonl"

    def encode(self, sample: Sample, correction: Correction) -> Json:
        """The seed's fields; null where nothing was predicted or measured, or no time is known."""
        return {
            "videoId": sample.video_id or sample.group,
            "sceneId": sample.scene_id or "scene-1",
            "timestamp": minutes(sample.start_s),
            "originalLabel": correction.predicted,
            "correctedLabel": correction.value,
            "confidence": correction.confidence,
            "audioFeatures": sample.extra.get("audioFeatures"),
            "correctedAt": _written(correction.at),
        }

    def decode(self, line: Json) -> tuple[Sample, Correction]:
        """A line of ours or of the seed's own system.

        Raises:
            ValueError: naming the field that is missing or of the wrong type.
        """
        label = line.get("correctedLabel")
        if not isinstance(label, str) or not label.strip():
            raise ValueError("correctedLabel is missing")
        video, scene = _name(line, "videoId"), _name(line, "sceneId")
        original, sure = line.get("originalLabel"), line.get("confidence")
        features = line.get("audioFeatures")
        sample = Sample(
            id=derived_id(TASK, video, scene),
            task=TASK,
            group=video,
            video_id=video,
            scene_id=scene,
            start_s=seconds(line.get("timestamp")),
            extra={"audioFeatures": features} if isinstance(features, dict) else {},
        )
        known = original if isinstance(original, str) and original else None
        right = None if known is None else known == label
        correction = Correction(
            id="",
            sample=sample.id,
            task=TASK,
            value=label,
            at=_instant(line.get("correctedAt")),
            batch="",
            predicted=known,
            confidence=_share(sure),
            was_correct=right,
            raw_correct=right,
        )
        return sample, correction


def minutes(start_s: float) -> str:
    """Seconds as "m:ss"."""
    return f"{int(start_s) // 60}:{int(start_s) % 60:02d}"


def seconds(text: object) -> float:
    """ "m:ss" (or "h:mm:ss") as seconds; 0 for anything else."""
    parts = text.split(":") if isinstance(text, str) else []
    if not parts or not all(part.isascii() and part.isdigit() for part in parts):
        return 0.0
    total = 0
    for part in parts[-3:]:
        total = total * 60 + int(part[:9])
    return float(total)


def _name(line: Json, field: str) -> str:
    value = line.get(field)
    if not isinstance(value, (str, int)) or isinstance(value, bool) or value == "":
        raise ValueError(f"{field} is missing")
    return str(value)


def _share(found: object) -> float | None:
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, (int, float)) or not abs(found) < math.inf:
        raise ValueError("confidence is not a number")
    return float(found)


def _written(at: float) -> str | None:
    """UTC seconds as an ISO time; None where they are not known, or of a year that calendars do not have."""
    try:
        return dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else None
    except (ValueError, OverflowError, OSError):
        return None


def _instant(text: object) -> float:
    if not isinstance(text, str):
        return 0.0
    try:
        when = dt.datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"correctedAt {text[:40]!r} is not a time") from None
    return (when if when.tzinfo else when.replace(tzinfo=dt.UTC)).timestamp()


CODEC = ScenesCodec()
