"""The files of a version: where they lie, their card, their number. Which one answers is `core.registry`'s to say."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import ModelError, WrongUseError
from core.files import locked, private_dir, read_regular, write_atomic
from core.log import logger
from core.tasks.base import ModelSpec
from core.untrusted import MOST_BYTES
from core.workspace import Workspace

FACTORY = "factory"
FACTORY_FOLDER = Path(__file__).parent / "factory"
IMPORTED = "imported"  # a card's `base` where the file is somebody else's
JOB_ID = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}"  # the name of a folder, and no way out of the one it lies in
_NUMBERED = re.compile(r"model_v(\d+)\.onnx")


class Card(BaseModel):
    """What is known of a version. `held_out`: n, metric, value and the baseline it was compared with."""

    model_config = ConfigDict(extra="allow", frozen=True)

    schema_version: int = 1
    task: str
    version: str
    created_at: Annotated[float, Field(ge=0, lt=2.5e11)] = 0.0  # UTC seconds; calendars end there
    spec: ModelSpec
    sha256: dict[str, str] = {}
    metrics: dict[str, float] = {}
    held_out: dict[str, Any] = {}
    golden: dict[str, Any] = {}
    base: str | None = None
    job_id: Annotated[str, Field(pattern=f"^{JOB_ID}$")] | None = None
    verdict: str | None = None
    data: str = ""
    notes: tuple[str, ...] = ()
    evidence: dict[str, Any] = {}  # how it compared with the champion of its time
    speaker: str | None = None  # the version is for this speaker alone
    name: str | None = None  # what its maker called it, for an imported one


def folder(space: Workspace, task: str) -> Path:
    """Where a task's versions lie."""
    return space.models / task


def model_path(space: Workspace, task: str, version: str, suffix: str = ".onnx") -> Path:
    """The file of a version; `factory` lies in the program.

    Raises:
        WrongUseError: no such version.
    """
    if version == FACTORY:
        return FACTORY_FOLDER / f"{task}{suffix}"
    if not re.fullmatch(r"v\d+", version):
        raise WrongUseError(
            f"{version!r} is not a version", do=f"Versions of {task} look like v1; see: rushes models list"
        )
    return folder(space, task) / f"model_{version}{suffix}"


def require(space: Workspace, task: str, version: str) -> None:
    """Refuse a version that is not there.

    Raises:
        WrongUseError: it is not.
    """
    if not model_path(space, task, version).exists():
        raise WrongUseError(f"{task} has no version {version}", do=f"See: rushes models list -t {task}")


def numbers(space: Workspace, task: str) -> list[int]:
    """Version numbers on disk, ascending."""
    found = (_NUMBERED.fullmatch(path.name) for path in folder(space, task).glob("model_v*.onnx"))
    return sorted(int(match[1]) for match in found if match)


def card(space: Workspace, task: str, version: str) -> Card:
    """A version's card.

    Raises:
        ModelError: it is missing or damaged.
    """
    path = model_path(space, task, version, ".json")
    try:
        known = Card.model_validate_json(read_regular(path, MOST_BYTES))
    except OSError:
        raise ModelError(f"{task} {version} has no card", where=path) from None
    except ValidationError as error:
        raise ModelError(f"the card of {task} {version} has {error.error_count()} wrong fields", where=path) from None
    if (known.task, known.version) != (task, version):
        raise ModelError(f"the card of {task} {version} is another version's", where=path)
    return known


def cards(space: Workspace, task: str) -> list[Card]:
    """All readable cards, the factory's first."""
    found: list[Card] = []
    for version in (FACTORY, *(f"v{number}" for number in numbers(space, task))):
        try:
            found.append(card(space, task, version))
        except ModelError as error:
            logger.warning("%s", error)
    return found


def has_model(space: Workspace, task: str) -> bool:
    """Whether there is any version to answer or to start from; a new task may come without a factory model."""
    return bool(numbers(space, task)) or model_path(space, task, FACTORY).exists()


def claim_number(space: Workspace, task: str) -> int:
    """The next version number. Numbers are never reused: the highest ever given is remembered beside the versions."""
    private_dir(folder(space, task))
    last = folder(space, task) / "last_number"
    with locked(folder(space, task) / ".number.lock"):
        given = _given(last)
        number = max(given, *numbers(space, task), 0) + 1
        write_atomic(last, str(number))
    return number


def _given(last: Path) -> int:
    """The highest number ever given: what is remembered, or that of any file, where the memory is damaged."""
    found = (re.match(r"model_v(\d+)\.", path.name) for path in last.parent.glob("model_v*"))
    highest = max((int(match[1]) for match in found if match), default=0)
    try:
        return max(int(last.read_text()), highest)
    except FileNotFoundError:
        return highest
    except (ValueError, OSError):
        logger.error("%s is damaged, counting the versions' files", last)
        return highest


def to_json(known: Card) -> str:
    """A card as it is written: stable order, readable."""
    return json.dumps(known.model_dump(mode="json"), indent=1, ensure_ascii=False)
