"""Numbers over the answers of a task, in seed 002's and 003's names."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from core.store.queries import located
from core.store.records import Answered, Json


def statistics(root: Path, task: str, answered: Sequence[Answered]) -> Json:
    """Counts, spread and dates; scores as seed 002's AnnotationStats, labels counted, right answers where known."""
    times = [item.correction.at for item in answered if item.correction.at]
    known = [item.correction.was_correct for item in answered if item.correction.was_correct is not None]
    raw = [item.correction.raw_correct for item in answered if item.correction.raw_correct is not None]
    scores = [item.correction.value for item in answered if isinstance(item.correction.value, (int, float))]
    labels = Counter(str(item.correction.value) for item in answered) if not scores else Counter[str]()
    result: Json = {
        "task": task,
        "totalAnnotations": len(answered),
        "withoutMedia": sum(located(root, item.sample.media) is None for item in answered),
        "oldestAnnotation": _utc(min(times)) if times else None,
        "newestAnnotation": _utc(max(times)) if times else None,
        "wasCorrect": _share(known),
        "rawCorrect": _share(raw),
        "judged": len(known),
    }
    if scores:
        result["averageRating"] = sum(scores) / len(scores)
    elif task != "speech":
        result["labels"] = dict(sorted(labels.items()))
    else:
        result["words"] = dict(Counter(word for text in labels for word in text.lower().split()).most_common(20))
    return result


def _share(flags: Sequence[bool]) -> float | None:
    return sum(flags) / len(flags) if flags else None


def _utc(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
