from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core import loop, privacy, settings
from core.errors import RushesError
from core.files import write_atomic
from core.privacy.leaves import Way
from core.workspace import Workspace
from tests.conftest import Ran

SOURCES = Path(privacy.__file__).parents[2]
# Whatever can reach beyond this process. `urllib.parse` only takes addresses apart.
SPEAKING = ("httpx", "boto3", "botocore", "requests", "socket", "smtplib", "ftplib", "http", "websockets", "aiohttp",
            "urllib", "psycopg", "textual_serve", "pyperclip", "webbrowser", "subprocess", "torchvision", "paramiko",
            "xmlrpc", "telnetlib")  # fmt: skip
SILENT = ("urllib.parse", "http.HTTPStatus")
# Child processes of our own and tools of this machine: nothing goes out of it.
AT_HOME = {
    "core.training.estimate": "a training's first steps, in a child of our own",
    "core.training.control": "the worker, a child of our own",
    "core.schedule.children": "due jobs, children of our own",
    "core.schedule.systemd": "systemctl",
    "core.trial": "a model of somebody else's, tried in a child of our own",
}
# Drivers of a database that `database.url` names; its Way lists the modules that open the connection.
BY_SQLALCHEMY = ("create_engine",)


def modules() -> Iterator[tuple[str, ast.Module]]:
    for package in ("core", "tui"):
        for path in sorted((SOURCES / package).rglob("*.py")):
            name = ".".join(path.relative_to(SOURCES).with_suffix("").parts).removesuffix(".__init__")
            yield name, ast.parse(path.read_text())


def spoken(tree: ast.Module) -> set[str]:
    """What a module imports or calls that can reach beyond the process; imports for the type checker do not count."""
    blocks = [node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)]
    typed = {id(node) for block in blocks for node in ast.walk(block)}
    found: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in typed:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Attribute) and node.attr == "VideoCapture" and isinstance(node.value, ast.Name):
            found.add("subprocess.VideoCapture")
    return {
        name for name in found
        if (name.split(".")[0] in SPEAKING and not name.startswith(SILENT)) or name.endswith(BY_SQLALCHEMY)
    }  # fmt: skip


def test_whatever_can_speak_to_anybody_is_one_of_the_ways_out(tmp_path: Path) -> None:
    space = loop.open_workspace(tmp_path / "space")
    covered = {module for way in privacy.leaving(space) for module in way.modules}
    space.close()
    speaking = {name: spoken(tree) for name, tree in modules() if spoken(tree)}
    unknown = {name: what for name, what in speaking.items() if name not in covered and name not in AT_HOME}
    assert unknown == {}
    assert set(AT_HOME) <= set(speaking)
    assert "core.automation.hook" in speaking


def test_a_new_workspace_lets_nothing_out(tmp_path: Path, rushes: Callable[..., Ran]) -> None:
    rushes("init", "-w", tmp_path / "space")
    said = rushes("doctor", "--json", "-w", tmp_path / "space").json
    assert [way["name"] for way in said["leaves"] if way["open"]] == []
    assert {way["setting"] for way in said["leaves"]} >= {"database.url", "automation.webhook"}
    assert said["consent"] == {"speech": None}


def ways(space: Workspace) -> dict[str, Way]:
    return {way.name: way for way in privacy.leaving(space) if way.open}


def test_every_setting_that_opens_a_way_is_shown_with_its_place(tmp_path: Path) -> None:
    settings.user_file().parent.mkdir(parents=True, exist_ok=True)
    settings.user_file().write_text(
        """
        [llm]
        enabled = true
        url = "https://ada:secret@models.example/v1?key=hidden"
        [automation]
        webhook = "https://publish.example/hook"
        [sources.harbour]
        url = "rtsp://ada:secret@harbour.example/1"
        [backup]
        destinations = ["s3://bucket/rushes", "/mnt/disk"]
        [database]
        url = "postgresql://ada@db.example/rushes"
        [insights]
        metrics_in = "database"
        [recipe.scenes]
        weights = "imagenet"
        """
    )
    space = loop.open_workspace(tmp_path / "space")
    found = ways(space)
    space.close()
    assert set(found) == {"language model", "publishing webhook", "sources", "backups to a folder",
                          "backups to a server", "database", "weights"}  # fmt: skip
    assert all(way.said_by == "user" for way in found.values())
    assert found["language model"].where == "https://models.example/v1"
    assert found["backups to a server"].what == "everything, encrypted"
    assert found["backups to a folder"].what == "everything, NOT encrypted"
    shown = "\n".join(way.line() for way in found.values())
    assert "secret" not in shown
    assert "hidden" not in shown


def test_a_language_model_on_this_machine_is_no_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUSHES_LLM__ENABLED", "true")
    space = loop.open_workspace(tmp_path / "space")
    assert ways(space) == {}
    space.close()


def test_consent_can_be_seen_given_and_withdrawn(tmp_path: Path, rushes: Callable[..., Ran]) -> None:
    from core.capture.consent import require_consent

    root = tmp_path / "space"
    rushes("init", "-w", root)
    assert rushes("consent", "--json", "-w", root).json == {"consent": {"speech": None}}
    assert rushes("consent", "--give", "--json", "-w", root).json["consent"]["speech"]["given"] is True
    space = loop.open_workspace(root)
    require_consent(space, "speech")
    space.close()
    said = rushes("consent", "--withdraw", "--json", "-w", root).json["consent"]["speech"]
    assert said["given"] is False
    assert said["by"] == "rushes consent"
    space = loop.open_workspace(root)
    with pytest.raises(RushesError, match="no consent"):
        require_consent(space, "speech")
    space.close()
    assert rushes("consent", "--give", "-t", "ratings", "-w", root).code == 2


def test_what_a_workspace_forbids_itself_counts_without_being_trusted(
    small: Workspace, rushes: Callable[..., Ran], tmp_path: Path
) -> None:
    where = ("-w", small.root)
    small.close()
    assert rushes("backup", "key", "--json").code == 0
    assert rushes("config", "backup.encrypt", "always", *where).code == 0
    ran = rushes("backup", "now", "--to", tmp_path / "disk", "--json", *where)
    assert (ran.json["encrypted"], ran.err) == (True, "")


@pytest.mark.parametrize(
    ("users", "workspaces", "counts"),
    [
        ('[backup]\nencrypt = "never"', '[backup]\nencrypt = "remote"', True),
        ('[backup]\nencrypt = "always"', '[backup]\nencrypt = "remote"', False),
        ("", '[backup]\nencrypt = "sometimes"', False),
        ("", "[backup]\nencrypt = 7", False),
        ('[backup]\ndestinations = ["s3://b"]', "[backup]\ndestinations = []", True),
        ('[backup]\ndestinations = ["s3://b", "/c"]', '[backup]\ndestinations = ["/evil"]', False),
        ("", "[backup]\nkeep = 50", True),
        ("", "[backup]\nkeep = 1", False),
        ("[llm]\nenabled = true", "[llm]\nenabled = false", True),
        ("", "[llm]\nexamples = 0", True),
        ("", "[automation]\nmax_override_rate = 0.1\nmin_videos = 50", True),
        ("", "[automation]\nmin_system_rating = 3.0", False),
        ('[automation]\ncommand = ["publish"]', "[automation]\ncommand = []", True),
    ],
)
def test_a_foreign_workspace_may_only_be_stricter(users: str, workspaces: str, counts: bool, tmp_path: Path) -> None:
    write_atomic(settings.user_file(), users)
    before = settings.load(None).settings
    write_atomic(tmp_path / "rushes.toml", workspaces)
    loaded = settings.load(tmp_path)
    assert (loaded.settings != before) is counts
    assert [("--trust" in note) for note in loaded.notes] == ([] if counts else [True])


def test_of_a_foreign_section_only_what_is_not_stricter_is_left_out(tmp_path: Path) -> None:
    write_atomic(tmp_path / "rushes.toml", '[backup]\nencrypt = "always"\ndestinations = ["/evil"]\nkeep = 1\n')
    loaded = settings.load(tmp_path)
    assert (loaded.settings.backup.encrypt, loaded.settings.backup.destinations) == ("always", [])
    assert loaded.notes == (
        "[backup] destinations, keep in this workspace's rushes.toml is ignored until you run: rushes config --trust",
    )
