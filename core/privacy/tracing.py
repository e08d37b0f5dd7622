"""What the journals hold of samples, read line by line from the files: hidden, deleted and half-erased ones too."""

from __future__ import annotations

import math
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, cast

from core import tasks
from core.errors import WrongUseError
from core.gone import Gone
from core.media.clip import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from core.store import erasing, lines
from core.store.forgotten import Forgotten
from core.store.places import Places
from core.store.records import Json, Sample
from core.store.store import EVENTS
from core.workspace import Workspace

# Of a seed's line.
SAID = ("ground_truth", "raw_output", "llm_correction", "correctedLabel", "originalLabel", "context")
MEDIA = ("video_path", "framePath")
SHORTEST = 3  # signs; a shorter word is nobody's own
_WORD = re.compile(r"\w+(?:['’]\w+)*")


@dataclass(slots=True)
class Trace:
    """Everything the lines of one sample name.

    Attributes:
        since: when something was first said of it, UTC seconds; 0 where nobody can tell.
        names: what a seed's journal calls it.
    """

    task: str = ""
    media: set[str] = field(default_factory=set[str])
    files: set[str] = field(default_factory=set[str])
    hashes: set[str] = field(default_factory=set[str])
    speakers: set[str] = field(default_factory=set[str])
    sources: set[str] = field(default_factory=set[str])
    texts: set[str] = field(default_factory=set[str])
    names: set[str] = field(default_factory=set[str])
    since: float = math.inf


def traces(space: Workspace) -> dict[str, Trace]:
    """Every sample that a journal knows, by id."""
    found: dict[str, Trace] = defaultdict(Trace)
    for line in space.store.journals[EVENTS].read():
        if line.data is not None:
            _event(found, line.data)
    for codec in space.store.codecs.values():
        for line in space.store.journals[codec.journal].read():
            if line.data is None or (sample := erasing.about(codec, line.data)) is None:
                continue
            trace = found[sample]
            trace.task = codec.task
            trace.names |= {" ".join(names) for names in erasing.seed_names(line.data)}
            _facts(trace, line.data)
            if line.data.get("op", "set") == "set":
                trace.since = min(trace.since, _past(_answer(trace, codec, line.data)))
    # One file may stand under several names: the lines of each sample made of it may know another.
    names: dict[str, set[str]] = defaultdict(set)
    for trace in found.values():
        for digest in trace.hashes:
            names[digest] |= trace.media
    for trace in found.values():
        trace.media |= {name for digest in trace.hashes for name in names[digest]}
        trace.since = trace.since if math.isfinite(trace.since) else 0.0
    return dict(found)


def _event(found: dict[str, Trace], line: Json) -> None:
    kind = line.get("kind")
    sample = line.get("id") if kind == "sample" else line.get("sample")
    if not isinstance(sample, str):
        return
    if kind == "sample":
        trace = found[sample]
        trace.task = str(line.get("task") or trace.task)
        _facts(trace, line)
    elif kind == "prediction":
        trace = found[sample]
        trace.task = trace.task or str(line.get("task", ""))
        _facts(trace, line)
        trace.since = min(trace.since, _past(line.get("at")))
        trace.texts |= {line["value"]} if isinstance(line.get("value"), str) else set()


def _facts(trace: Trace, line: Json) -> None:
    for name, into in (("media", trace.media), ("media_hash", trace.hashes), ("speaker", trace.speakers),
                       ("source", trace.sources), ("context", trace.texts)):  # fmt: skip
        if isinstance(line.get(name), str) and line[name]:
            into.add(line[name])
    extra: Any = line.get("extra")
    if isinstance(extra, dict):
        named = [cast("Json", extra).get(name) for name in ("file", "url")]
        trace.files |= {name for name in named if isinstance(name, str) and name}


def _past(at: object) -> float:
    """A time a line gives, UTC seconds; 0 where it gives none, or none that is past."""
    return float(at) if isinstance(at, int | float) and 0 < at <= time.time() else 0.0


def _answer(trace: Trace, codec: Any, line: Json) -> float | None:
    """Take in what an answer says; returns when it was given, if it can be read."""
    try:
        entry = lines.undress(codec, line)
    except ValueError:  # passed over; what it says is to be found all the same
        about: Any = line.get("metadata")
        said = line | (cast("Json", about) if isinstance(about, dict) else {})
        for names, into in ((SAID, trace.texts), (("speaker", "speaker_id"), trace.speakers), (MEDIA, trace.media)):
            into.update(text for name in names if isinstance(text := said.get(name), str) and text)
        return None
    if entry.said is None:
        return None
    sample, truth = entry.said
    _sample(trace, sample)
    trace.texts |= {text for text in (truth.value, truth.predicted, truth.llm) if isinstance(text, str)}
    return truth.at


def _sample(trace: Trace, sample: Sample) -> None:
    for text, into in ((sample.media, trace.media), (sample.media_hash, trace.hashes), (sample.speaker, trace.speakers),
                       (sample.source, trace.sources), (sample.context, trace.texts)):  # fmt: skip
        if text:
            into.add(text)


def chosen(
    known: dict[str, Trace], starts: Iterable[str], speaker: str | None, source: str | None, listed: Forgotten
) -> dict[str, Trace]:
    """The samples that are meant.

    Args:
        starts: ids, unique beginnings of ids, or what a seed's journal calls a sample.
        listed: what was forgotten already.

    Raises:
        WrongUseError: nothing is meant, an id is unknown, forgotten or not unique, or nobody is called so.
    """
    found: dict[str, Trace] = {}
    for start in starts:
        like = [start] if start in known else [one for one in known if start and one.startswith(start)]
        like = like or [one for one, trace in known.items() if start in trace.names]
        if not like and listed.has(start):
            raise WrongUseError("was forgotten here already; nothing was done", where=start)
        if len(like) != 1:
            what = "no sample has" if not like else f"{len(like)} samples have"
            raise WrongUseError(f"{what} an id that begins with {start!r}", do="See: rushes review list")
        found[like[0]] = known[like[0]]
    for what, name, of in (("speaker", speaker, _speakers), ("source", source, _sources)):
        if name is None:
            continue
        theirs = {one: trace for one, trace in known.items() if name in of(trace)}
        if not theirs:
            raise WrongUseError(f"no sample has the {what} {name!r}")
        found |= theirs
    if not found:
        raise WrongUseError("nothing to forget was named", do="Give ids, --speaker or --source.")
    return found


def _speakers(trace: Trace) -> set[str]:
    return trace.speakers


def _sources(trace: Trace) -> set[str]:
    return trace.sources


def gone(space: Workspace, known: dict[str, Trace], which: Iterable[str]) -> Gone:
    """What goes with these samples: whatever no other sample has too."""
    ids = frozenset(which)
    go, stay = [known[one] for one in ids], [trace for one, trace in known.items() if one not in ids]
    places = Places(space.root)

    def only(of: Callable[[Trace], Iterable[str]]) -> set[str]:
        theirs = {part for trace in stay for part in of(trace)}
        return {part for trace in go for part in of(trace)} - theirs

    hashes = only(lambda trace: trace.hashes)
    media = only(lambda trace: trace.media)
    media |= {found for name in media if (found := places.locate(name))}
    names = only(lambda trace: set(_names(trace)))
    words = only(lambda trace: set(_said(trace)))
    return Gone(ids, frozenset(media | names), frozenset(hashes), frozenset(words))


def _names(trace: Trace) -> Iterator[str]:
    """Addresses, and names of files; what does not look like one ("image") may be anybody's word."""
    for name in (*trace.media, *trace.files):
        file = PurePosixPath(name)
        if "://" in name:
            yield name
        if file.suffix.lower() in IMAGE_SUFFIXES | VIDEO_SUFFIXES and len(file.stem) >= SHORTEST:
            yield file.name


def _said(trace: Trace) -> Iterator[str]:
    """Texts, and for tasks with texts their single words; labels are a vocabulary of the workspace, not of a sample."""
    yield from (name for name in trace.speakers | trace.sources if len(name) >= SHORTEST)
    kind = tasks.get(trace.task).kind if trace.task in tasks.names() else "text"
    for text in trace.texts:
        if kind == "label" and " " not in text:
            continue
        if len(text.strip()) >= SHORTEST:
            yield text.strip()
        yield from (word.lower() for word in _WORD.findall(text) if len(word) >= SHORTEST)
