"""Every way out of this machine: what would go, where to, whether it is open now, and the setting that says so.

A test holds this list against the program's imports: whatever talks to anything is named by one of these ways.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from core.backup.destinations import RCLONE, S3
from core.settings import Loaded
from core.workspace import Workspace

LOCAL = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Way:
    """One way out.

    Attributes:
        name: what it is, in a word or two.
        setting: the setting that names the place, or the command that must be given.
        open: whether something may go out now, without another word of the user.
        where: the place; None while none is named.
        what: what goes there.
        said_by: which settings decided: user, workspace, environment, flag; "default" where nobody said anything.
        modules: the modules that speak.
    """

    name: str
    setting: str
    open: bool
    where: str | None
    what: str
    said_by: str
    modules: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def line(self) -> str:
        """For a terminal."""
        if not self.open:
            return f"  closed  {self.name}: {self.setting}"
        return f"  OPEN    {self.name}: {self.what} -> {self.where} ({self.setting}, {self.said_by})"


def leaving(space: Workspace) -> list[Way]:
    """All ways out, the settings' first."""
    return [*_models(space.loaded), *_publishing(space.loaded), *_sources(space.loaded), *_backups(space),
            *_database(space.loaded), *_weights(space.loaded), *_asked()]  # fmt: skip


def lines(ways: list[Way]) -> list[str]:
    """For a terminal: the open ways first."""
    head = "leaves this machine:" if any(way.open for way in ways) else "leaves this machine: nothing"
    return [head, *(way.line() for way in sorted(ways, key=lambda way: not way.open))]


def _said(loaded: Loaded, name: str) -> str:
    return loaded.origin.get(name, "default")


def _models(loaded: Loaded) -> list[Way]:
    wanted = loaded.settings.llm
    outside = (urlsplit(wanted.url).hostname or "") not in LOCAL
    what = "what was read from lips, and up to llm.examples past corrections"
    return [
        Way("language model", "llm.enabled, llm.url", wanted.enabled and outside, _place(wanted.url), what,
            _said(loaded, "llm.url"), ("core.tasks.speech.llm",))
    ]  # fmt: skip


def _publishing(loaded: Loaded) -> list[Way]:
    wanted = loaded.settings.automation
    what = "a clip's path, answer, speaker and context, for each clip that is published"
    hook = ("core.automation.hook",)
    program = wanted.command[0] if wanted.command else None
    return [
        Way("publishing command", "automation.command", bool(wanted.command), program, what,
            _said(loaded, "automation.command"), hook),
        Way("publishing webhook", "automation.webhook", bool(wanted.webhook), _place(wanted.webhook), what,
            _said(loaded, "automation.webhook"), hook),
    ]  # fmt: skip


def _sources(loaded: Loaded) -> list[Way]:
    streams = {name: source.url for name, source in loaded.settings.sources.items() if "://" in source.url}
    where = ", ".join(f"{name}: {_place(url)}" for name, url in streams.items()) or None
    what = "a request for pictures, with the password of the address"
    said = _said(loaded, f"sources.{min(streams, default='')}")
    return [Way("sources", "[sources.NAME] url", bool(streams), where, what, said, ("core.capture.sources",))]


def _backups(space: Workspace) -> list[Way]:
    wanted = space.settings.backup
    remote = [one for one in wanted.destinations if one.startswith((S3, RCLONE))]
    folders = [one for one in wanted.destinations if one not in remote]
    said, found = _said(space.loaded, "backup.destinations"), list[Way]()
    for name, places, is_remote in (("backups to a folder", folders, False), ("backups to a server", remote, True)):
        sealed = wanted.encrypt == "always" or (wanted.encrypt == "remote" and is_remote)
        what = f"everything, {'encrypted' if sealed else 'NOT encrypted'}"
        modules = ("core.backup.s3", "core.backup.rclone") if is_remote else ("core.backup.folder",)
        place = ", ".join(places) or None
        found.append(Way(name, "backup.destinations, backup.encrypt", bool(places), place, what, said, modules))
    return found


def _database(loaded: Loaded) -> list[Way]:
    url = loaded.settings.database.url
    modules = ("core.insights.metrics.database", "core.embeddings.postgres")
    in_use = loaded.settings.insights.metrics_in == "database" or loaded.settings.embeddings.backend == "pgvector"
    outside = url is not None and (urlsplit(url).hostname or "localhost") not in LOCAL
    what = "metrics of published clips, or vectors of clips, as insights.metrics_in and embeddings.backend say"
    said = _said(loaded, "database.url")
    return [Way("database", "database.url", in_use and outside, _place(url), what, said, modules)]


def _weights(loaded: Loaded) -> list[Way]:
    tasks = sorted(name for name, recipe in loaded.settings.recipe.items() if recipe.get("weights") == "imagenet")
    where = "download.pytorch.org" if tasks else None
    said = _said(loaded, f"recipe.{tasks[0]}") if tasks else "default"
    what = "a request for torchvision's ImageNet weights, once"
    return [
        Way("weights", 'recipe.TASK.weights = "imagenet"', bool(tasks), where, what, said, ("core.tasks.backbone",))
    ]


def _asked() -> list[Way]:
    """Ways that open only while a command says so."""
    return [
        Way("pictures by address", "rushes import FILE, whose rows name addresses", False, None,
            "a request for each picture", "the command", ("core.fetching",)),
        Way("capture from an address", "rushes capture --source URL", False, None, "a request for pictures",
            "the command", ("core.capture.sources",)),
        Way("screens in a browser", "rushes web", False, None, "the screens, to this machine's browsers with its token",
            "the command", ("tui.web", "tui.commands.web")),
        Way("clipboard", "copying in the screens", False, None, "the copied text, to the terminal and the desktop",
            "a key", ("tui.clipboard",)),
    ]  # fmt: skip


def _place(url: str | None) -> str | None:
    """An address without user, password and query."""
    if not url:
        return None
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
