"""Tasks for Label Studio, with what the model says and what was answered, and its own exports back.

Its JSON format: https://labelstud.io/guide/task_format
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import quoteattr

from core import fetching, manifest, registry, tasks, untrusted
from core.errors import StoreError, WrongUseError
from core.exporting import folder
from core.exporting.folder import Exported
from core.exporting.items import Item, Report, Stop, never, silent
from core.exporting.making import making
from core.files import inside
from core.manifest import BadRow, Row
from core.media.clip import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from core.store.records import Json, Value
from core.tasks.base import ModelSpec, Task
from core.workspace import Workspace

TASKS, CONFIG, MEDIA = "tasks.json", "label-config.xml", "media"
LOCAL = "/data/local-files/"  # how Label Studio names files of its document root
ANSWER = "answer"  # the control tag's name
TAGS = {"label": "choices", "text": "textarea", "score": "number"}


def export(
    space: Workspace,
    to: Path,
    *,
    task: str,
    anonymous: bool = False,
    report: Report = silent,
    stop: Stop = never,
) -> Exported:
    """`tasks.json`, the labelling set-up `label-config.xml`, and the media.

    The folder is Label Studio's document root (LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT).

    Raises:
        WrongUseError: something else is there.
        CancelledError: `stop` said so; nothing was written.
    """
    owner = tasks.get(task)
    spec = registry.current_spec(space, owner)
    with making(space, to, "label-studio", owner.name, anonymous=anonymous, report=report, stop=stop) as one:
        said = space.store.newest_of([item.origin for item in one.found.items], "model")
        there = [item for item in one.found.items if item.file]
        made_tasks: list[Json] = []
        for number, item in enumerate(there, start=1):
            if not (one.folder / MEDIA / item.name).exists() and item.file:
                folder.put(item.file, one.folder / MEDIA / item.name)
            made_tasks.append(_task(number, item, said.get(item.origin), owner, spec))
        (one.folder / TASKS).write_text(json.dumps(made_tasks, ensure_ascii=False, indent=1), encoding="utf-8")
        (one.folder / CONFIG).write_text(_config(owner, spec), encoding="utf-8")
        one.counts |= {"tasks": len(made_tasks), "predictions": sum(len(each["predictions"]) for each in made_tasks)}
    return one.exported()


def _task(number: int, item: Item, said: Any, owner: Task, spec: ModelSpec) -> Json:
    data: Json = {_medium(owner): f"{LOCAL}?d={MEDIA}/{item.name}", "sample": item.sample.id}
    if item.sample.start_s or item.sample.end_s is not None:
        data |= {"start_s": item.sample.start_s, "end_s": item.sample.end_s, "scene_id": item.sample.scene_id}
    annotation: Json = {"id": number, "result": [_result(number, item.correction.value, owner, spec)]}
    predictions: list[Json] = []
    if said and said.value is not None:
        prediction: Json = {"model_version": said.version, "result": [_result(number, said.value, owner, spec)]}
        predictions.append(prediction | ({} if said.confidence is None else {"score": said.confidence}))
    annotation |= {"was_cancelled": False, "ground_truth": True}
    return {"id": number, "data": data, "annotations": [annotation], "predictions": predictions}


def _result(number: int, value: Value, owner: Task, spec: ModelSpec) -> Json:
    low, high = spec.scale
    written: Json = {
        "label": {"choices": [value]},
        "text": {"text": [value]},
        "score": {"number": round(low + float(value) * (high - low), 9) if owner.kind == "score" else None},
    }[owner.kind]
    tag = TAGS[owner.kind]
    return {"id": f"r{number}", "from_name": ANSWER, "to_name": "media", "type": tag, "value": written}


def _medium(owner: Task) -> str:
    return "image" if owner.medium == "image" else "video"


def _config(owner: Task, spec: ModelSpec) -> str:
    medium, (low, high) = _medium(owner), spec.scale
    named = f'name="{ANSWER}" toName="media"'
    choices = "".join(f"<Choice value={quoteattr(label)}/>" for label in spec.labels)
    tag = {
        "label": f'<Choices {named} choice="single">{choices}</Choices>',
        "text": f"<TextArea {named}/>",
        "score": f'<Number {named} min="{low:g}" max="{high:g}" step="0.01"/>',
    }[owner.kind]
    return f'<View>\n  <{medium.title()} name="media" value="${medium}"/>\n  {tag}\n</View>\n'


def rows(source: Path, owner: Task) -> Iterator[Row | BadRow]:
    """The annotated tasks of one of its exports, numbered in their order; the last annotation of a task stands.

    Raises:
        WrongUseError: the file cannot be read or holds no tasks.
    """
    for number, task in enumerate(_tasks(source), start=1):
        if not isinstance(task, dict):
            yield BadRow(number, "is no task")
            continue
        said = cast("Json", task)
        data = said.get("data")
        value = _annotated(said.get("annotations"), owner)
        if not isinstance(data, dict):
            yield BadRow(number, "data is missing")
        elif value is None:
            yield BadRow(number, f"nobody has answered it with {TAGS[owner.kind]}")
        else:
            yield _row(number, cast("Json", data), value, owner, source.parent)


def _tasks(source: Path) -> list[Any]:
    try:
        found = untrusted.read(source)
    except OSError as error:
        raise WrongUseError(f"cannot be read ({error.strerror})", where=source) from None
    except ValueError as error:
        raise WrongUseError(str(error), where=source, do="Export it from Label Studio as JSON.") from None
    if not isinstance(found, list):
        raise WrongUseError("is no list of tasks", where=source, do="Export it from Label Studio as JSON.")
    return cast("list[Any]", found)


def _annotated(found: object, owner: Task) -> str | None:
    """The answer in the last annotation that was not cancelled, as written."""
    for one in reversed(_dicts(found)):
        if one.get("was_cancelled"):
            continue
        for result in _dicts(one.get("result")):
            if (value := _written(result, owner)) is not None:
                return value
    return None


def _written(result: Json, owner: Task) -> str | None:
    value = result.get("value")
    if not isinstance(value, dict):
        return None
    names = {"label": ("choices",), "text": ("text",), "score": ("number", "rating")}[owner.kind]
    for name in names:
        found: Any = cast("Json", value).get(name)
        if isinstance(found, list) and found:
            found = found[0]
        if isinstance(found, str | int | float) and not isinstance(found, bool) and str(found).strip():
            return str(found).strip()
    return None


def _dicts(found: object) -> list[Json]:
    if not isinstance(found, list):
        return []
    return [cast("Json", one) for one in cast("list[Any]", found) if isinstance(one, dict)]


def _row(number: int, data: Json, value: str, owner: Task, beside: Path) -> Row | BadRow:
    named = [text for name, text in data.items() if isinstance(text, str) and name != "sample" and _is_media(text)]
    sample = data.get("sample")
    known = sample if isinstance(sample, str) else None
    if not named and not known:
        return BadRow(number, "names no picture or clip")
    address = named[0] if named else ""
    scene = data.get("scene_id")
    cells = {"value": value, "scene_id": scene if isinstance(scene, str) else ""}
    if fetching.is_address(address):
        cells["url"] = address
    else:
        cells["file"] = str(_local(address, beside) or beside / (known or ""))
    found = manifest.row_of(number, cells, manifest.VALUE_COLUMN[owner.kind], [beside])
    if isinstance(found, BadRow):
        return found
    return replace(found, label_source="manual_seed", sample=known)


def _is_media(text: str) -> bool:
    return PurePosixPath(_path_of(text)).suffix.lower() in IMAGE_SUFFIXES | VIDEO_SUFFIXES


def _path_of(address: str) -> str:
    """The path in an address of Label Studio's own: below its document root, or of an uploaded file."""
    try:
        parts = urlsplit(address)
        if parts.path.startswith(LOCAL):
            wanted: Mapping[str, list[str]] = parse_qs(parts.query)
            return (wanted.get("d") or [""])[0]
        return unquote(parts.path)
    except ValueError:
        return ""


def _local(address: str, beside: Path) -> Path | None:
    """The file beside the export; an upload is called `<8 signs>-<name>` there, or as it was called before."""
    path = _path_of(address)
    last = PurePosixPath(path).name
    candidates = [path, last, last.partition("-")[2] or last, f"{MEDIA}/{last}"]
    for candidate in candidates:
        try:
            if (found := inside(beside, candidate)).is_file():
                return found
        except (StoreError, OSError):
            continue
    return beside / last if last else None
