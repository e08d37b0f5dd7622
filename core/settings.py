"""Every setting, documented in place. A flag beats the environment, then the workspace, the user's file, the default.

Environment names are `RUSHES_<SECTION>__<FIELD>`, for instance `RUSHES_TRAIN__EVERY=100`. What sends anything
anywhere counts only from the user's own file, or from a workspace the user trusted once; what forbids it, from any.
"""

from __future__ import annotations

import errno
import json
import tomllib
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

from platformdirs import user_config_path
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict, SettingsError

from core import untrusted
from core.errors import RushesError, WrongUseError
from core.files import private_dir, read_regular, write_atomic

Layer = Literal["default", "user", "workspace", "environment", "flag"]
# A workspace may come from somebody else: these decide what leaves the machine.
MOST_TOML = 1 << 20  # bytes; tomllib takes seconds for more
SENDING = frozenset({"llm", "sources", "automation", "backup", "database"})
# What lets less out, or publishes and removes less, counts from any workspace: the greater, the stricter.
STRICTNESS: dict[str, Callable[[Any], float]] = {
    "backup.encrypt": ("never", "remote", "always").index,
    "backup.destinations": lambda places: places == [],
    "backup.keep": lambda count: count,
    "llm.enabled": lambda on: on is False,
    "llm.examples": lambda count: -count,
    "automation.command": lambda words: words == [],
    "automation.max_override_rate": lambda share: -share,
    "automation.min_hook_confidence": lambda share: share,
    "automation.min_system_rating": lambda rating: rating,
    "automation.min_videos": lambda count: count,
}


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class CaptureSettings(Section):
    """How clips come in."""

    clip_seconds: float = Field(
        default=3.0, gt=0.2, le=30, description="Length of a clip cut from a live source, seconds."
    )
    pending_limit: int = Field(default=500, ge=1, description="Judged but unanswered clips kept; the oldest go first.")
    pending_days: float = Field(default=30.0, gt=0, description="Days an unanswered clip is kept.")
    keep_confirmed: bool = Field(default=True, description="Keep the clip also when the model was right.")
    max_seconds: float = Field(default=7200.0, gt=1, description="Longest video that is looked at, seconds.")


class TrainSettings(Section):
    """When and how a better model is made."""

    every: int = Field(default=50, ge=1, description="Answered samples since the last run that queue a training.")
    minimum: int = Field(default=20, ge=2, description="Fewer answered samples than this are refused.")
    auto_deploy: Literal["unless_revert", "accept", "always", "never"] = Field(
        default="unless_revert", description="When a new version replaces the champion by itself."
    )
    automatic: bool = Field(default=True, description="Queue trainings by themselves; off = only when asked.")
    threads: int = Field(default=0, ge=0, description="CPU threads of a training; 0 = half of the cores, at least one.")
    folds: int = Field(default=4, ge=2, le=20, description="Cross-validation folds while there are few groups.")
    split_seed: int = Field(default=7, description="Decides which groups are held out; changing it mixes the sides.")
    processes: int = Field(default=1, ge=1, le=64, description="Processes of one training, started by torchrun.")


class PreflightSettings(Section):
    """What a training needs; seed 002's thresholds."""

    ram_gb: float = Field(default=8.0, ge=0, description="Least memory, GB; less blocks a training.")
    disk_gb: float = Field(default=2.0, ge=0, description="Least free disk, GB; less blocks a training.")
    vram_gb: float = Field(default=2.0, ge=0, description="Recommended GPU memory, GB; less is only warned of.")
    recommended: int = Field(default=100, ge=1, description="Answers from which a training is well fed.")


class DatasetSettings(Section):
    """What may be learnt from."""

    min_rating_count: int = Field(default=1, ge=1, description="Ratings a picture needs to count (seed 004).")
    good_at: float = Field(default=0.8, ge=0, le=1, description="is_good from this score on, on 0..1 (4.0 of 5).")
    max_image_mb: float = Field(default=32.0, gt=0, description="Largest image fetched from a URL, MB.")
    fetch_timeout_s: float = Field(default=20.0, gt=0, description="Seconds to wait for an image behind a URL.")


class ReviewSettings(Section):
    """In which order clips are asked about."""

    random_share: float = Field(
        default=0.2, ge=0.2, le=1, description="Part of the queue drawn at random, the only unbiased sample."
    )
    boundary: tuple[float, float] = Field(default=(0.74, 0.86), description="Scores called borderline (3.7-4.3 of 5).")
    disagreements: int = Field(default=20, ge=1, description="Largest disagreements taken into a review set.")


class SourceSettings(Section):
    """A source the scheduler captures from: `[sources.NAME]`."""

    url: str = Field(description="Camera number, file, folder or stream address.")
    task: str = Field(default="ratings", description="Which task judges what is captured.")
    every: str = Field(default="15m", pattern=r"^\d+[smhd]$", description="How often: 30s, 15m, 2h, 1d.")
    region: str | None = Field(default=None, description="Where it looks at, for reports.")
    latitude: float | None = Field(default=None, ge=-90, le=90, description="Degrees north, for sunrise and sunset.")
    longitude: float | None = Field(default=None, ge=-180, le=180, description="Degrees east.")
    gate: bool = Field(default=True, description="Keep only what the capture gate passes.")


class AutomationSettings(Section):
    """When clips may be published without asking, and how (seed 000)."""

    max_override_rate: float = Field(default=0.2, ge=0, le=1, description="Highest override rate that unlocks.")
    min_hook_confidence: float = Field(
        default=0.75, ge=0, le=1, description="Lowest mean hook confidence that unlocks."
    )
    min_system_rating: float = Field(default=8.5, ge=0, le=10, description="Lowest self-assessed rating that unlocks.")
    min_videos: int = Field(
        default=20, ge=1, le=100, description="Fewer judged videos than this, of the last 100, never unlock."
    )
    command: list[str] = Field(
        default_factory=list[str], description="Program and arguments that publish; JSON comes on standard input."
    )
    webhook: str | None = Field(default=None, description="Address that publishes; gets the JSON as a POST.")
    timeout_s: float = Field(default=60.0, gt=0, description="Seconds the command or webhook may take.")


class ScheduleSettings(Section):
    """What the scheduler does by itself."""

    training_check: str = Field(
        default="10m", pattern=r"^\d+[smhd]$", description="How often a training is looked for."
    )
    backup_day: Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"] = Field(
        default="sun", description="Weekday of the weekly backup."
    )
    in_app: bool = Field(default=True, description="The screens run what is due while they are open.")
    timeout_s: float = Field(default=6 * 3600.0, gt=0, description="Seconds after which a due job is stopped.")


class BackupSettings(Section):
    """Where copies of everything go. Passwords and keys have no place here."""

    destinations: list[str] = Field(
        default_factory=list[str],
        description="Folders, s3://bucket/prefix, rclone:remote:path; none = `backups/` in the workspace.",
    )
    endpoint_url: str | None = Field(default=None, description="Server of the buckets, where it is not Amazon's.")
    timeout_s: float = Field(
        default=60.0, gt=0, le=3600, description="Seconds of silence after which a bucket's server counts as gone."
    )
    keep: int = Field(default=12, ge=1, description="Backups that `rushes backup prune` keeps, the newest.")
    encrypt: Literal["remote", "always", "never"] = Field(
        default="remote", description="What is encrypted: what leaves the machine, everything, or nothing."
    )


class DatabaseSettings(Section):
    """A database server, where one machine's files are too small."""

    url: str | None = Field(
        default=None,
        description="postgresql://user@host/name for metrics and vectors (its password: ~/.pgpass or PGPASSWORD).",
    )


class EmbeddingsSettings(Section):
    """Where vectors are searched."""

    backend: Literal["faiss", "pgvector"] = Field(
        default="faiss", description="faiss: in this workspace; pgvector: in the database of database.url."
    )


class InsightsSettings(Section):
    """How published clips did, and what learning from them may cost."""

    metrics_in: Literal["workspace", "database"] = Field(
        default="workspace",
        description="Where metrics are kept: in this workspace, or in the database of database.url.",
    )
    timezone: str = Field(
        default="local", description="Zone in which times are shown: local, UTC, or a name such as Europe/Berlin."
    )
    storage_budget_eur: float = Field(default=3.0, ge=0, description="Most that vectors may cost a month (seed 001).")
    metrics_budget_eur: float = Field(default=5.0, ge=0, description="Most that metrics may cost a month (seed 001).")
    compute_budget_eur: float = Field(default=2.0, ge=0, description="Most that learning may cost a month (seed 001).")
    eur_per_gb_month: float = Field(default=0.02, ge=0, description="What a GB kept for a month costs.")
    eur_per_compute_hour: float = Field(default=0.05, ge=0, description="What an hour of computing costs.")


class LimitsSettings(Section):
    """How much of what comes from outside is read before it is refused."""

    archive_gb: float = Field(default=100.0, gt=0, description="Largest unpacked size of an archive, GB.")
    archive_files: int = Field(default=1_000_000, ge=1, description="Most files in an archive.")
    picture_megapixels: float = Field(default=100.0, gt=0, description="Largest picture or video frame, megapixels.")
    line_mb: float = Field(default=16.0, gt=0, description="Longest line of a journal or import file, MB.")


class RatingsSettings(Section):
    """How scores are shown; stored scores are always 0..1."""

    scale: tuple[float, float] = Field(
        default=(0.0, 1.0), description="Lowest and highest score; seed 004 uses [0, 5]."
    )
    threshold: float = Field(default=0.8, ge=0, le=1, description="Good at or above, on 0..1 (0.8 = 4.0 of 5).")


class LlmSettings(Section):
    """Speech's optional second step: a local language model mends the raw text."""

    enabled: bool = Field(default=False, description="Ask the language model after each lip reading.")
    url: str = Field(
        default="http://127.0.0.1:11434/v1", description="OpenAI-compatible base address; Ollama's by default."
    )
    model: str = Field(default="qwen3:4b", description="The model's name at that address.")
    timeout_s: float = Field(default=20.0, gt=0, description="Seconds to wait before the raw text stands alone.")
    examples: int = Field(default=8, ge=0, le=50, description="Past corrections shown to it; training side only.")


class InferenceSettings(Section):
    """How the ONNX files are run."""

    threads: int = Field(default=0, ge=0, description="Threads per model; 0 = a short self-test decides.")


class ScreenSettings(Section):
    """How the screens look."""

    theme: str = Field(default="textual-dark", description="Colours; `textual-ansi` uses the terminal's own sixteen.")
    colour: Literal["auto", "true", "256", "none"] = Field(
        default="auto", description="Colours of the preview: what the terminal says, 24 bits, 256, or none."
    )
    fps: int = Field(default=0, ge=0, le=30, description="Pictures a second in the preview; 0 = 15, over SSH 10.")


class Settings(Section):
    """All settings of a workspace."""

    capture: CaptureSettings = Field(default_factory=CaptureSettings)
    train: TrainSettings = Field(default_factory=TrainSettings)
    ratings: RatingsSettings = Field(default_factory=RatingsSettings)
    llm: LlmSettings = Field(default_factory=LlmSettings)
    inference: InferenceSettings = Field(default_factory=InferenceSettings)
    preflight: PreflightSettings = Field(default_factory=PreflightSettings)
    dataset: DatasetSettings = Field(default_factory=DatasetSettings)
    review: ReviewSettings = Field(default_factory=ReviewSettings)
    automation: AutomationSettings = Field(default_factory=AutomationSettings)
    schedule: ScheduleSettings = Field(default_factory=ScheduleSettings)
    backup: BackupSettings = Field(default_factory=BackupSettings)
    database: DatabaseSettings = Field(default_factory=DatabaseSettings)
    embeddings: EmbeddingsSettings = Field(default_factory=EmbeddingsSettings)
    insights: InsightsSettings = Field(default_factory=InsightsSettings)
    limits: LimitsSettings = Field(default_factory=LimitsSettings)
    screen: ScreenSettings = Field(default_factory=ScreenSettings)
    keys: dict[str, str] = Field(
        default_factory=dict[str, str],
        description='Other keys for actions, by the ids of `rushes keys`: [keys] "review.yes" = "y,enter".',
    )
    sources: dict[str, SourceSettings] = Field(
        default_factory=dict[str, SourceSettings],
        description='What the scheduler captures, for instance [sources.harbour] url = ... every = "15m".',
    )
    recipe: dict[str, dict[str, Any]] = Field(
        default_factory=dict[str, dict[str, Any]],
        description="Training recipe per task, for instance [recipe.scenes] epochs = 60.",
    )


class _Environment(BaseSettings, Settings):  # pyright: ignore[reportIncompatibleVariableOverride]
    """Only reads the variables; `Settings` checks them after merging."""

    # The settings class adds the prefix to what it inherits.
    model_config = SettingsConfigDict(env_prefix="RUSHES_", env_nested_delimiter="__", extra="ignore")


class Loaded(BaseModel):
    """The settings with where each came from: `origin["train.every"] = "workspace"`, and notes for the user."""

    model_config = ConfigDict(arbitrary_types_allowed=True, frozen=True)

    settings: Settings
    origin: dict[str, Layer]
    notes: tuple[str, ...] = ()


def user_file() -> Path:
    """The user's own settings file."""
    return user_config_path("rushes") / "config.toml"


def _trusted_file() -> Path:
    return user_config_path("rushes") / "trusted.json"


def _trusted() -> list[str]:
    try:
        found: Any = untrusted.read(_trusted_file())
    except (OSError, ValueError):
        return []
    return [path for path in found if isinstance(path, str)] if isinstance(found, list) else []


def trusted(root: Path) -> bool:
    """Whether the user said that this workspace may name addresses."""
    try:
        return str(root.resolve()) in _trusted()
    except OSError:
        return False


def trust(root: Path) -> None:
    """Let this workspace's settings name addresses from now on."""
    write_atomic(_trusted_file(), json.dumps(sorted({*_trusted(), str(root.resolve())}), indent=1))


def load(root: Path | None, flags: dict[str, Any] | None = None) -> Loaded:
    """Read all layers for the workspace in `root` (None = no workspace).

    Raises:
        RushesError: a file is not TOML, or a field has a wrong value; the message names file and field.
    """
    notes: list[str] = []
    workspace = _toml(root / "rushes.toml") if root else {}
    user = _toml(user_file())
    if root and SENDING & workspace.keys() and not trusted(root):
        for name in sorted(SENDING & workspace.keys()):
            notes += _restricted(workspace, name, user.get(name))
    layers: list[tuple[Layer, dict[str, Any]]] = [
        ("user", user),
        ("workspace", workspace),
        ("environment", _environment()),
        ("flag", flags or {}),
    ]
    merged: dict[str, Any] = {}
    origin: dict[str, Layer] = {}
    for layer, values in layers:
        for section, fields in values.items():
            if section not in Settings.model_fields:
                notes.append(f"unknown section [{section}] in the {layer} settings is ignored")
            elif not isinstance(fields, dict):
                raise RushesError(f"{section} must be a section with fields", where=f"{layer} settings")
            else:
                merged.setdefault(section, {}).update(fields)
                origin.update({f"{section}.{name}": layer for name in fields})
    try:
        settings = Settings.model_validate(merged)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        message = f"{name}: {first['msg'].lower()}"
        raise RushesError(message, where=f"{origin.get(name, 'merged')} settings", do="See: rushes config") from None
    return Loaded(settings=settings, origin=origin, notes=tuple(notes))


def _restricted(workspace: dict[str, Any], section: str, user: object) -> list[str]:
    """Leave of a section what is stricter than the user's own settings; says what is left out."""
    said: dict[str, Any] = workspace[section] if isinstance(workspace[section], dict) else {}
    own = cast("dict[str, Any]", user) if isinstance(user, dict) else {}
    workspace[section] = {name: value for name, value in said.items() if _is_stricter(section, name, value, own)}
    left_out = [name for name in said if name not in workspace[section]]
    if workspace[section] and not left_out:
        return []
    what = f"[{section}]{' ' if workspace[section] else ''}{', '.join(left_out if workspace[section] else ())}"
    return [f"{what} in this workspace's rushes.toml is ignored until you run: rushes config --trust"]


def _is_stricter(section: str, name: str, value: object, user: dict[str, Any]) -> bool:
    strictness = STRICTNESS.get(f"{section}.{name}")
    if strictness is None:
        return False
    try:
        return strictness(value) > strictness(user.get(name, getattr(getattr(Settings(), section), name)))
    except (TypeError, ValueError):
        return False


def _environment() -> dict[str, Any]:
    try:
        return EnvSettingsSource(_Environment)()
    except (SettingsError, RecursionError) as error:
        raise RushesError(f"a RUSHES_ variable makes no sense ({error})", where="environment settings") from None


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_regular(path, MOST_TOML).decode())
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        if isinstance(error, OSError) and error.errno == errno.EFBIG:
            raise RushesError(f"is larger than {MOST_TOML >> 20} MB", where=path, do="Mend or remove it.") from None
        reason = error.strerror if isinstance(error, OSError) else error
        raise RushesError(f"cannot be read ({reason})", where=path, do="Mend or remove it.") from None
    except RecursionError:
        raise RushesError("is nested too deeply", where=path, do="Mend or remove that line.") from None
    except ValueError as error:  # TOMLDecodeError, and numbers with more digits than Python reads
        raise RushesError(f"is not valid TOML ({error})", where=path, do="Mend or remove that line.") from None


class Row(NamedTuple):
    """One setting as `rushes config` shows it; `origin` is the layer that won."""

    name: str
    value: Any
    origin: Layer
    meaning: str


def describe(loaded: Loaded) -> list[Row]:
    """All settings, in the order of the schema."""
    rows: list[Row] = []
    for section, field in Settings.model_fields.items():
        value = getattr(loaded.settings, section)
        if isinstance(value, BaseModel):
            for name, inner in type(value).model_fields.items():
                key = f"{section}.{name}"
                rows.append(Row(key, getattr(value, name), loaded.origin.get(key, "default"), inner.description or ""))
        else:
            rows.append(Row(section, value, "workspace" if value else "default", field.description or ""))
    return rows


NAMED = ("recipe", "sources", "keys")  # sections whose fields have names of the user's own


def place(name: str) -> list[str]:
    """A setting's place in the file; the ids of actions have dots of their own."""
    section, _, key = name.partition(".")
    return [section, key] if section == "keys" and key else name.split(".")


def write(root: Path | None, name: str, value: str) -> None:
    """Set one setting in the workspace's rushes.toml (None: in the user's own file), keeping comments and order.

    Raises:
        RushesError: there is no such setting, or the value is wrong; the file stays as it was.
    """
    import tomlkit

    section, *parts = place(name)
    if not all(parts) or (name not in {row.name for row in describe(load(None))} and section not in NAMED) or not parts:
        raise WrongUseError(f"there is no setting {name!r}", do="List them with: rushes config")
    path, document = document_of(root)
    try:
        parsed = value if section == "keys" else tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value  # a bare word is a text
    table: Any = document
    for part in (section, *parts[:-1]):
        table = table.setdefault(part, tomlkit.table())
        if not isinstance(table, MutableMapping):
            raise RushesError(f"{part} has no fields of its own", where=name)
    table[parts[-1]] = parsed
    keep(path, document, section, name)


def document_of(root: Path | None) -> tuple[Path, Any]:
    """The file and what is in it, for a change that keeps comments and order."""
    import tomlkit

    path = root / "rushes.toml" if root else user_file()
    _toml(path)  # says what is wrong with it
    return path, tomlkit.parse(path.read_text() if path.exists() else "")


def keep(path: Path, document: Any, section: str, name: str) -> None:
    """Write the file, if the section is right."""
    import tomlkit

    try:
        Settings.model_validate({section: document[section].unwrap()})
    except ValidationError as error:
        raise RushesError(f"{name}: {error.errors()[0]['msg'].lower()}") from None
    private_dir(path.parent)
    write_atomic(path, tomlkit.dumps(document))
