"""Numbers over the answers of a task, in the words of seeds 002 (AnnotationStats) and 003."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from math import fsum

from core.store.records import Answered, Json

MOST_LABELS = 50  # more different answers than this are texts, not labels


def statistics(task: str, answered: Sequence[Answered], *, without_media: int, pending: int, skipped: int) -> Json:
    """Counts, mean score, label counts, dates (UTC, where known) and shares of right answers among the judged."""
    times = [item.correction.at for item in answered if item.correction.at > 0]
    scores = [item.correction.value for item in answered if not isinstance(item.correction.value, str)]
    labels = Counter(item.correction.value for item in answered if isinstance(item.correction.value, str))
    right = [item.correction.was_correct for item in answered if item.correction.was_correct is not None]
    raw = [item.correction.raw_correct for item in answered if item.correction.raw_correct is not None]
    return {
        "task": task,
        "totalAnnotations": len(answered),
        "averageRating": round(fsum(scores) / len(scores), 6) if scores else None,
        "oldestAnnotation": _utc(min(times)) if times else None,
        "newestAnnotation": _utc(max(times)) if times else None,
        "labels": dict(labels.most_common()) if len(labels) <= MOST_LABELS else {},
        "differentAnswers": len(labels) + len(set(scores)),
        "judged": len(right),
        "wasCorrect": _share(right),
        "rawCorrect": _share(raw),
        "withoutMedia": without_media,
        "pending": pending,
        "skipped": skipped,
    }


def _share(flags: Sequence[bool]) -> float | None:
    return sum(flags) / len(flags) if flags else None


def _utc(seconds: float) -> str | None:
    try:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
    except (OverflowError, ValueError, OSError):
        return None
