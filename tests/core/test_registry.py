"""Which version answers: the pointer, the environment, the speaker; and the way back from everything."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core import foreign, loop, registry, tasks
from core.errors import ModelError, WrongUseError
from core.foreign import Agreement
from core.media.encode import write_image
from core.workspace import Workspace
from tests.conftest import Once
from tests.core.onnx_files import brightness

Run = Callable[..., Any]
TASK = "ratings"


@pytest.fixture
def space(once: Once, tmp_path: Path) -> Iterator[Workspace]:
    """A workspace with two versions of ratings beside the factory's, which answers."""

    def fill(folder: Path) -> None:
        space = loop.open_workspace(folder / "w")
        for name in ("first", "second"):
            foreign.import_model(space, brightness(folder / f"{name}.onnx"), TASK, Agreement())
        space.close()

    shutil.copytree(once("first-and-second", fill), tmp_path, dirs_exist_ok=True)
    found = loop.open_workspace(tmp_path / "w")
    yield found
    found.close()


def answering(space: Workspace, speaker: str | None = None) -> str:
    return registry.serving(space, TASK, speaker).predictor.version


def for_speaker(space: Workspace, version: str, speaker: str) -> None:
    """Make a version one speaker's own, as a training for that speaker does."""
    path = registry.model_path(space, TASK, version, ".json")
    path.write_text(registry.to_json(registry.card(space, TASK, version).model_copy(update={"speaker": speaker})))


def damage(space: Workspace, version: str) -> None:
    registry.model_path(space, TASK, version).write_bytes(b"torn")


@pytest.mark.parametrize("wanted", ["v2", "ratings/v2", "second"])
@pytest.mark.parametrize("variable", ["RUSHES_MODEL_VERSION_RATINGS", "AI_MODEL_VERSION"])
def test_the_environment_chooses_the_version(
    space: Workspace, monkeypatch: pytest.MonkeyPatch, variable: str, wanted: str
):
    monkeypatch.setenv(variable, wanted)
    served = registry.serving(space, TASK)
    assert served.predictor.version == "v2"
    assert served.override == f"{variable}=v2"
    assert registry.serving_spec(space, TASK).version == "v2"
    assert registry.pointer(space, TASK).champion == "factory"
    assert registry.serving(space, "scenes").override is None


def test_ours_wins_over_seed_004s_variable_and_factory_is_a_choice_too(
    space: Workspace, monkeypatch: pytest.MonkeyPatch
):
    registry.deploy(space, TASK, "v1", reason="test")
    monkeypatch.setenv("AI_MODEL_VERSION", "v2")
    monkeypatch.setenv("RUSHES_MODEL_VERSION_RATINGS", "factory")
    assert answering(space) == "factory"


@pytest.mark.parametrize("wanted", ["v9", "sunset_v3", "../v1"])
def test_a_version_that_is_missing_is_an_error_not_another_version(
    space: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rushes: Run, wanted: str
):
    monkeypatch.setenv("RUSHES_MODEL_VERSION_RATINGS", wanted)
    for ask in (registry.serving, registry.serving_spec):
        with pytest.raises(ModelError, match="RUSHES_MODEL_VERSION_RATINGS: there is no version"):
            ask(space, TASK)
    picture = tmp_path / "p.png"
    write_image(picture, np.zeros((8, 8, 3), dtype=np.uint8))
    ran = rushes("predict", picture, "-t", TASK, "-w", space.root)
    assert (ran.code, ran.out) == (1, "")
    assert "Unset it" in ran.err


def test_a_damaged_version_the_environment_asks_for_is_an_error(space: Workspace, monkeypatch: pytest.MonkeyPatch):
    damage(space, "v2")
    monkeypatch.setenv("RUSHES_MODEL_VERSION_RATINGS", "v2")
    with pytest.raises(ModelError, match=r"RUSHES_MODEL_VERSION_RATINGS: ratings v2 is damaged.*Unset it"):
        registry.serving(space, TASK)


@pytest.mark.parametrize(
    ("scale", "given", "bar"), [((0.0, 1.0), "0.6", 0.6), ((0.0, 5.0), "4.0", 0.8), ((1.0, 5.0), "4", 0.75)]
)
def test_the_threshold_of_the_environment_counts_on_the_workspaces_scale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scale: tuple[float, float], given: str, bar: float
):
    space = loop.open_workspace(tmp_path / "scaled", flags={"ratings": {"scale": scale}})
    monkeypatch.setenv("RUSHES_THRESHOLD", given)
    served = registry.serving(space, TASK)
    assert served.predictor.spec.threshold == pytest.approx(bar)
    assert served.override == f"RUSHES_THRESHOLD={bar:g} on 0..1"
    assert registry.serving_spec(space, TASK).threshold == pytest.approx(bar)
    assert registry.current_spec(space, tasks.get(TASK)).threshold == pytest.approx(bar)
    assert registry.serving(space, "scenes").override is None
    space.close()


@pytest.mark.parametrize("given", ["good", "nan", "-0.1", "4.0"])
def test_a_senseless_threshold_is_refused_with_a_sentence(
    space: Workspace, monkeypatch: pytest.MonkeyPatch, given: str
):
    monkeypatch.setenv("RUSHES_THRESHOLD", given)
    with pytest.raises(WrongUseError, match=r"RUSHES_THRESHOLD.*from 0 to 1"):
        registry.serving(space, TASK)


def test_a_speakers_version_answers_only_while_that_speaker_is_set(space: Workspace):
    for_speaker(space, "v2", "ann")
    registry.deploy(space, TASK, "v1", reason="test")
    registry.deploy(space, TASK, "v2", reason="test")
    assert registry.pointer(space, TASK).champion == "v1"
    assert [answering(space, who) for who in (None, "ann", "bob")] == ["v1", "v2", "v1"]
    assert registry.serving_spec(space, TASK, "ann").version == "v2"


def test_a_damaged_speakers_version_leaves_the_champion_answering_with_a_word(space: Workspace):
    for_speaker(space, "v2", "ann")
    registry.deploy(space, TASK, "v1", reason="test")
    registry.deploy(space, TASK, "v2", reason="test")
    damage(space, "v2")
    served = registry.serving(space, TASK, "ann")
    assert served.predictor.version == "v1"
    assert served.problem is not None
    assert served.problem.startswith("v2 is damaged")
    assert registry.serving(space, TASK).problem is None


def test_a_speaker_rolls_back_to_the_version_before_then_to_the_champion(space: Workspace, rushes: Run):
    for version in ("v1", "v2"):
        for_speaker(space, version, "ann")
        registry.deploy(space, TASK, version, reason="test")
    back = ("models", "rollback", "-t", TASK, "--speaker", "ann", "-w", space.root)
    assert rushes(*back, "--json").json["speakers"] == {"ann": "v1"}
    assert "factory answers ann too" in rushes(*back).out
    assert answering(space, "ann") == "factory"
    ran = rushes(*back)
    assert ran.code == 2
    assert "no version for speaker 'ann'" in ran.err


def test_reverting_goes_back_to_the_factory_for_everybody_and_can_be_rolled_back(space: Workspace):
    for_speaker(space, "v2", "ann")
    registry.deploy(space, TASK, "v1", reason="test")
    registry.deploy(space, TASK, "v2", reason="test")
    registry.revert(space, TASK)
    assert [answering(space, who) for who in (None, "ann")] == ["factory", "factory"]
    registry.rollback(space, TASK)
    assert answering(space) == "v1"


def test_restore_backup_is_seed_002s_word_for_rollback(space: Workspace, rushes: Run):
    registry.deploy(space, TASK, "v1", reason="test")
    registry.deploy(space, TASK, "v2", reason="test")
    assert rushes("models", "restore-backup", "-t", TASK, "-w", space.root, "--json").json["champion"] == "v1"


def test_the_list_says_who_answers_whom(space: Workspace, rushes: Run, monkeypatch: pytest.MonkeyPatch):
    for_speaker(space, "v2", "ann")
    registry.deploy(space, TASK, "v2", reason="test")
    registry.challenge(space, TASK, "v1", reason="test")
    monkeypatch.setenv("AI_MODEL_VERSION", "first")
    rows = {row["version"]: row for row in rushes("models", "list", "-t", TASK, "-w", space.root, "--json").json}
    assert [name for name, row in rows.items() if row["champion"]] == ["factory"]
    assert [name for name, row in rows.items() if row["challenger"]] == ["v1"]
    assert (rows["v2"]["speaker"], rows["v2"]["answers_speakers"]) == ("ann", ["ann"])
    assert rows["v1"]["override"] == "AI_MODEL_VERSION"
    shown = rushes("models", "list", "-t", TASK, "-w", space.root).out.splitlines()
    assert shown[0].startswith("▶ factory")
    assert "challenger" in shown[1]
    assert "imported: first" in shown[1]
    assert "answers speaker ann" in shown[2]
    assert shown[3] == "! AI_MODEL_VERSION is set: v1 answers in this environment"


def test_the_list_says_that_the_version_that_should_answer_is_gone(space: Workspace, rushes: Run):
    registry.deploy(space, TASK, "v2", reason="test")
    registry.model_path(space, TASK, "v2").unlink()
    shown = rushes("models", "list", "-t", TASK, "-w", space.root)
    assert (shown.code, shown.out.splitlines()[-1]) == (
        0,
        "! v2 should answer, but is missing or damaged; an older version does",
    )


def test_a_version_is_shown_whole(space: Workspace, rushes: Run):
    shown = rushes("models", "show", "v1", "-t", TASK, "--json", "-w", space.root).json
    assert shown["spec"]["params"]["adapter"]["kind"] == "image"
    assert len(shown["sha256"]["source"]) == 64


@pytest.mark.parametrize("command", [["show", "v7"], ["deploy", "v7"], ["compare", "v1", "v7"]])
def test_a_version_that_never_was_is_wrong_use(space: Workspace, rushes: Run, command: list[str]):
    ran = rushes("models", *command, "-t", TASK, "--json", "-w", space.root)
    assert (ran.code, ran.out) == (2, "")
    assert "ratings has no version v7. See: rushes models list -t ratings" in ran.err


def test_a_wrong_choice_of_the_environment_hides_neither_the_list_nor_what_was_done(
    space: Workspace, rushes: Run, monkeypatch: pytest.MonkeyPatch
):
    registry.deploy(space, TASK, "v1", reason="test")
    monkeypatch.setenv("RUSHES_MODEL_VERSION_RATINGS", "v9")
    shown = rushes("models", "list", "-t", TASK, "-w", space.root, "--json")
    assert (shown.code, [row["version"] for row in shown.json]) == (0, ["factory", "v1", "v2"])
    assert "there is no version 'v9' of ratings" in shown.err
    back = rushes("models", "rollback", "-t", TASK, "-w", space.root, "--json")
    assert (back.code, back.json["champion"]) == (0, "factory")
    assert "there is no version 'v9' of ratings" in back.err


def test_a_damaged_pointer_means_what_was_deployed_last_not_what_was_imported_last(space: Workspace):
    registry.deploy(space, TASK, "v1", reason="test")
    (registry.folder(space, TASK) / "active.json").write_text('{"champion": ')
    assert answering(space) == "v1"


def test_a_deployed_file_that_was_changed_is_not_brought_back(space: Workspace):
    registry.deploy(space, TASK, "v1", reason="test")
    registry.deploy(space, TASK, "v2", reason="test")
    damage(space, "v1")
    with pytest.raises(ModelError):
        registry.rollback(space, TASK)
    assert answering(space) == "v2"


KILLER = """
import json, os, signal, sys
from pathlib import Path
from core import inference, loop, registry
root, last = Path(sys.argv[1]), int(sys.argv[2])
active = root / "models" / "ratings" / "active.json"

def child(work, kill_at=None):
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    seen = []
    def look(event, arguments):
        # Between any two of these, once the pointer is locked, a process can die.
        if event in ("open", "os.rename", "os.remove", "os.chmod", "tempfile.mkstemp"):
            if seen or str(arguments[0]).endswith(".active.lock"):
                seen.append(event)
            if len(seen) == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
    space = loop.open_workspace(root)
    sys.addaudithook(look)
    work(space)
    os._exit(0)

def deploy(space):
    now = registry.pointer(space, "ratings").champion
    registry.deploy(space, "ratings", "v2" if now == "v1" else "v1", reason="killed")

def prove(space):
    registry.prove(space, "ratings", registry.pointer(space, "ratings").champion)

killed, named = 0, set()
for point in range(1, last + 1):
    killed += child(deploy, point) == -signal.SIGKILL
    named.add(json.loads(active.read_text())["champion"] if active.exists() else "factory")
assert child(deploy) == 0 and child(prove) == 0
print(killed, *sorted(named))
"""


def test_a_deployment_killed_at_any_moment_leaves_a_version_that_answers(space: Workspace):
    registry.deploy(space, TASK, "v1", reason="test")
    space.close()
    ended = subprocess.run(
        [sys.executable, "-c", KILLER, str(space.root), "12"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"RUSHES_INFERENCE__THREADS": "1"},
    )
    assert ended.returncode == 0, ended.stderr
    # Some died before the pointer was swapped and some after; never was it anything but a whole version.
    assert ended.stdout.split() == ["12", "v1", "v2"]
    again = loop.open_workspace(space.root)
    assert answering(again) == json.loads((registry.folder(again, TASK) / "active.json").read_text())["champion"]
    again.close()
