"""What a workspace must hold after what was said to the user: nothing said is lost, at most one thing more is there."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
Answers = dict[str, list[Any]]  # sample -> state, value


@dataclass(slots=True)
class Kept:
    """What a user would count: answers by sample, who answers, a setting, versions with their hashes, backups.

    Attributes:
        batches: the actions that can be taken back, newest first, as far as asked.
    """

    answers: Answers = field(default_factory=Answers)
    champion: str = ""
    every: int = 0
    versions: dict[str, str] = field(default_factory=dict[str, str])
    backups: list[str] = field(default_factory=list[str])
    batches: list[str] = field(default_factory=list[str])


class Expected:
    """Follows what is said, and compares."""

    def __init__(self, start: Kept) -> None:
        self.kept = start
        self.before: dict[str, Answers] = {}  # batch -> the answers before it

    def hear(self, lines: Iterable[bytes], *, unsure: bool = False) -> Json | None:
        """Take in what a process sent; returns what it had begun and not finished.

        Args:
            unsure: what was refused may still have happened: a folder's fsync failed after the rename.
        """
        begun: Json | None = None
        for line in lines:
            said: Json = json.loads(line)
            if not (unsure and "refused" in said):
                begun = said.get("start")
            if done := said.get("done"):
                self._done(done)
        return begun

    def _done(self, done: Json) -> None:
        before = copy.deepcopy(self.kept.answers)
        _apply(self.kept, done, self.before)
        if batch := done.get("batch"):
            self.before[batch] = before

    def wrong(self, found: Kept, begun: Json | None) -> list[str]:
        """What is missing or too much in what was found; that is what is expected from then on."""
        allowed = [self.kept]
        if begun:
            after = copy.deepcopy(self.kept)
            _apply(after, begun, self.before)
            allowed.append(after)
            if begun["do"] == "capture":
                new = found.answers.keys() - after.answers.keys()
                after.answers |= {sample: ["pending", None] for sample in list(new)[:1]}
        said = [
            f"{name}: {getattr(found, name)} instead of {[getattr(one, name) for one in allowed]}"
            for name in ("answers", "champion", "every")
            if all(getattr(found, name) != getattr(one, name) for one in allowed)
        ]
        for version, sha in self.kept.versions.items():
            if version not in found.versions or sha not in ("", found.versions[version]):
                said.append(f"version {version} is gone or changed")
        kept = self.kept.backups[-begun["keep"] :] if begun and begun["do"] == "prune" else self.kept.backups
        said += [f"backup {one} is gone" for one in kept if one not in found.backups]
        if found.batches and found.batches[0] not in self.before:
            self.before[found.batches[0]] = self.kept.answers
        self.kept = found
        return said


def _apply(kept: Kept, what: Json, before: dict[str, Answers]) -> None:
    match what["do"]:
        case "correct":
            kept.answers[what["sample"]] = ["answered", what["value"]]
        case "correct_many":
            kept.answers |= {sample: ["answered", value] for sample, value in what["values"].items()}
        case "delete":
            kept.answers[what["sample"]] = ["deleted", None]
        case "skip":
            kept.answers[what["sample"]] = ["skipped" if what["aside"] else "pending", None]
        case "undo":
            kept.answers = _undone(kept.answers, before[what["of"]])
        case "capture" if "sample" in what:
            kept.answers[what["sample"]] = ["pending", None]
        case "deploy":
            kept.champion = what["champion"]
        case "setting":
            kept.every = what["every"]
        case "version" if "version" in what:
            kept.versions[what["version"]] = ""  # its hash is what is found
        case "backup" if "id" in what:
            kept.backups.append(what["id"])
        case "prune":
            kept.backups = kept.backups[-what["keep"] :]
        case _:
            pass


def _undone(now: Answers, before: Answers) -> Answers:
    """The answers before an action, but skipped, captured and put back are events that no undo takes back."""
    back: Answers = {}
    for sample, (state, value) in now.items():
        was = before.get(sample, ["pending", None])
        back[sample] = [state, value] if state in ("pending", "skipped") else was
    return back
