"""Which sample a published post came from: linked by the user, or when the publishing hook says the post's id."""

from __future__ import annotations

import json
import time
from typing import Any, cast

from core.errors import RushesError, WrongUseError
from core.insights.metrics.requests import ReadRequest, WriteRequest
from core.insights.metrics.store import MetricsStore
from core.log import logger
from core.workspace import Workspace

NAMES = ("content_id", "post_id", "video_id", "media_id", "id")  # what platforms call it, in the order of choice
LONGEST = 500


def content_id(detail: str) -> str | None:
    """The post's id in what a hook said: the last line that is a JSON object with one of `NAMES`."""
    for line in reversed(detail.splitlines()):
        try:
            said = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(said, dict):
            known = cast("dict[str, Any]", said)
            found = next((known[name] for name in NAMES if isinstance(known.get(name), str | int)), None)
            return str(found) if found not in (None, "") and len(str(found)) <= LONGEST else None
    return None


def published(space: Workspace, request: dict[str, Any], detail: str) -> str | None:
    """Link a post that was just published to its sample; returns its content_id where the hook said one.

    `request` is what the hook was given. A post that is published stays published: what fails here is only logged.
    """
    found = content_id(detail)
    if found is None:
        return None
    said = {
        "sample_id": request.get("sample_id"),
        "posted_at": time.time(),
        "duration_s": request.get("duration_s"),
        "caption": request.get("caption"),
    }
    try:
        with MetricsStore(space) as store:
            store.write(WriteRequest(found, str(request["platform"]), "content", said))
    except RushesError as error:
        logger.warning("published, but not linked to its sample: %s", error)
        return None
    return found


def link(
    space: Workspace, store: MetricsStore, content: str, sample: str | None, platform: str | None
) -> dict[str, Any]:
    """Link a post to a sample, by the beginning of the sample's id; None takes the link away.

    Returns:
        The content as it is known now.

    Raises:
        WrongUseError: there is no such post or sample, or it is not clear which.
    """
    known = store.read(ReadRequest("content", content_id=content, platform=platform, limit=None))
    if not known:
        raise WrongUseError("there is no such post", where=content, do="See: rushes metrics list")
    if len(known) > 1:
        where = ", ".join(str(one["platform"]) for one in known)
        raise WrongUseError(f"is on several platforms ({where})", where=content, do="Name one with --platform.")
    store.link(content, str(known[0]["platform"]), None if sample is None else _sample(space, sample))
    return store.read(ReadRequest("content", content_id=content, platform=str(known[0]["platform"])))[0]


def _sample(space: Workspace, start: str) -> str:
    found = space.store.samples_like(start) if start else []
    exact = [one for one in found if one.id == start] or found
    if len(exact) == 1:
        return exact[0].id
    what = "no sample has" if not exact else "several samples have"
    raise WrongUseError(f"{what} an id that begins with {start!r}", do="See: rushes review list")
