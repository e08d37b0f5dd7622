"""Clips on their way out: asked for, waiting for approval, published. Every step is an event.

A hook runs at most once for one approval: "publishing" is written before it, its outcome after it, and an entry found
between the two is never run again by itself.
"""

from __future__ import annotations

from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast

from core.automation import gate, hook
from core.errors import MediaError, RushesError, WrongUseError
from core.files import locked
from core.insights.platforms import one_name
from core.store.identity import new_id
from core.store.records import Sample
from core.workspace import Workspace

Json = dict[str, Any]
State = Literal["waiting", "publishing", "published", "failed", "unknown", "rejected"]
EVENT = "publish"
CUT_OFF = "it was cut off while publishing; check the platform"
_STATES: dict[str, State] = {
    "asked": "waiting", "publishing": "publishing", "published": "published", "failed": "failed",
    "unknown": "unknown", "rejected": "rejected",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """One clip for one platform.

    Attributes:
        request: what the hook gets, as it was when the user asked: who approves it approves exactly this.
        why: why it waits, or why it went out without asking.
        detail: what the hook said, or what went wrong.
        at: when it last changed, UTC seconds since 1970.
    """

    id: str
    sample: str
    platform: str
    state: State
    request: Json
    why: str
    asked_at: float
    at: float
    detail: str = ""

    def to_json(self) -> Json:
        return asdict(self)


def entries(space: Workspace) -> list[Entry]:
    """Everything that was ever asked to be published, oldest first.

    An entry that is being published by nobody was cut off, and nobody knows how far it got: "unknown".
    """
    found = _told(space)
    dead = {entry.id for entry in found if entry.state == "publishing" and not _alive(space, entry.id)}
    if not dead:
        return found
    # Whoever publishes writes the outcome before letting go, so a second look tells "done" from "cut off".
    return [
        replace(entry, state="unknown", detail=CUT_OFF) if entry.id in dead and entry.state == "publishing" else entry
        for entry in _told(space)
    ]


def _told(space: Workspace) -> list[Entry]:
    space.store.refresh()
    found: dict[str, Entry] = {}
    for event in space.store.events(EVENT):
        identity, step, at = str(event.get("id")), str(event.get("step")), float(event.get("at") or 0.0)
        if step == "asked" and _is_request(event.get("request")):
            request: Json = event["request"]
            why = str(event.get("why", ""))
            found[identity] = Entry(
                identity, request["sample_id"], request["platform"], "waiting", request, why, at, at
            )
        elif identity in found and step in _STATES:
            detail = str(event.get("detail", ""))
            found[identity] = replace(found[identity], state=_STATES[step], at=at, detail=detail)
    return list(found.values())


def _is_request(found: object) -> bool:
    """The journal may have been written to by anybody."""
    if not isinstance(found, dict):
        return False
    known = cast("Json", found)
    return all(isinstance(known.get(name), str) for name in ("id", "sample_id", "platform"))


def publish(space: Workspace, sample: Sample, platform: str, *, again: bool = False) -> Entry:
    """Publish a sample now if the gate is unlocked, else put it into the approval queue.

    Args:
        again: also when it is on that platform already, or was cut off on its way.

    Raises:
        WrongUseError: no platform, or it is published, or on its way there, already.
        MediaError: its file is gone.
        RushesError: no way to publish is set, or two are.
    """
    name = one_name(platform)
    if not name:
        raise WrongUseError("the platform has no name")
    measured = gate.refresh(space)
    if measured["unlocked"] and hook.kind(space) is None:
        raise hook.no_hook()
    request = _request(space, sample, name)
    reasons = [f"{name} is not met" for name, one in measured.items() if isinstance(one, dict) and not one["ok"]]
    with locked(_queue_lock(space)):
        same = [one for one in entries(space) if (one.sample, one_name(one.platform)) == (sample.id, name)]
        if waiting := [one for one in same if one.state in ("waiting", "failed")]:
            entry = waiting[-1]
        else:
            _require_new(same, again)
            why = "the gate is unlocked" if measured["unlocked"] else "the gate is locked: " + ", ".join(reasons)
            space.store.note(EVENT, {"id": request["id"], "step": "asked", "request": request, "why": why})
            entry = find(space, request["id"])
    return approve(space, entry.id, by="gate") if measured["unlocked"] else entry


def _require_new(same: list[Entry], again: bool) -> None:
    live = [entry for entry in same if entry.state != "rejected"]
    if live and (live[-1].state == "publishing" or not again):
        what = {"published": "was published there already", "publishing": "is being published there"}
        said = what.get(live[-1].state, CUT_OFF)
        raise WrongUseError(said, where=live[-1].sample, do="To publish it once more: --again")


def _request(space: Workspace, sample: Sample, platform: str) -> Json:
    if sample.media is None or not (space.root / sample.media).is_file():
        raise MediaError("the clip's file is gone, there is nothing to publish", where=sample.id)
    said = space.store.latest(sample.id)
    answer = next((one.correction for one in space.store.answered(sample.task) if one.sample.id == sample.id), None)
    return {
        "id": new_id(),
        "sample_id": sample.id,
        "platform": platform,
        "task": sample.task,
        "media": sample.media,
        "value": answer.value if answer else said.value if said else None,
        "corrected": answer is not None,
        "predicted": said.value if said else None,
        "confidence": said.confidence if said else None,
        "calibrated": said.calibrated if said else False,
        "model_version": said.version if said else None,
        "caption": sample.context,
        "speaker": sample.speaker,
        "source": sample.source,
        "video_id": sample.video_id,
        "scene_id": sample.scene_id,
        "start_s": sample.start_s,
        "end_s": sample.end_s,
        "duration_s": sample.duration_s,
        "captured_at": sample.captured_at,
    }


def find(space: Workspace, start: str) -> Entry:
    """The entry whose id begins like this.

    Raises:
        WrongUseError: none or several do.
    """
    found = [entry for entry in entries(space) if start and entry.id.startswith(start)]
    if len(found) == 1:
        return found[0]
    count = "no entry has" if not found else "several entries have"
    raise WrongUseError(f"{count} an id that begins with {start!r}", do="See: rushes automation queue")


def approve(space: Workspace, start: str, *, again: bool = False, by: str = "user") -> Entry:
    """Run the hook for an entry, once; returns it as it ended. A failed one may be approved again.

    Args:
        again: also an entry of which nobody knows whether it was published.

    Raises:
        WrongUseError: there is no such entry, or it does not wait.
        RushesError: no way to publish is set, or two are; or the clip was forgotten meanwhile.
    """
    if hook.kind(space) is None:
        raise hook.no_hook()
    with ExitStack() as held:
        with locked(_queue_lock(space)):
            entry = _approvable(find(space, start), again)
            held.enter_context(locked(_alive_lock(space, entry.id)))
            space.store.note(EVENT, {"id": entry.id, "step": "publishing", "by": by})
        ended = hook.run(space, entry.request)
        with locked(_queue_lock(space)):
            is_forgotten = space.store.forgot(entry.sample)
            if not is_forgotten:  # what the hook said may name it
                space.store.note(EVENT, {"id": entry.id, "step": ended.state, "detail": ended.detail})
            _alive_lock(space, entry.id).unlink(missing_ok=True)
            held.close()
    if is_forgotten:
        raise RushesError(f"the clip was forgotten while it was published; the hook's end: {ended.state}")
    if ended.state == "published":
        from core.insights.metrics import linking

        linking.published(space, entry.request, ended.detail)
    return find(space, entry.id)


def _approvable(entry: Entry, again: bool) -> Entry:
    if entry.state in ("waiting", "failed") or (again and entry.state == "unknown"):
        return entry
    if entry.state == "unknown":
        raise WrongUseError(
            entry.detail, where=entry.id, do="If it is not there: --again. If it is: rushes automation reject."
        )
    raise WrongUseError(f"is {entry.state} already", where=entry.id)


def reject(space: Workspace, start: str, *, reason: str = "") -> Entry:
    """Take an entry out of the queue without publishing it.

    Raises:
        WrongUseError: there is no such entry, or it is published or on its way.
    """
    with locked(_queue_lock(space)):
        entry = find(space, start)
        if entry.state in ("published", "publishing", "rejected"):
            raise WrongUseError(f"is {entry.state} already", where=entry.id)
        space.store.note(EVENT, {"id": entry.id, "step": "rejected", "detail": reason})
    return find(space, entry.id)


def _queue_lock(space: Workspace) -> Path:
    return space.jobs / "publishing.lock"


def _alive_lock(space: Workspace, entry: str) -> Path:
    return space.jobs / f"publishing-{entry}.lock"


def _alive(space: Workspace, entry: str) -> bool:
    path = _alive_lock(space, entry)
    if not path.exists():
        return False
    with suppress(BlockingIOError), locked(path, blocking=False):
        return False
    return True
