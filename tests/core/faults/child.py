"""The process that breaks things: `python -m tests.core.faults.child FOLDER`, one JSON request a line, one answer each.

It is warm (everything imported, nothing opened, no threads), so a fork that is killed costs some tens of milliseconds.
Requests: {"sweep": action, "how": [...], "most": n, "seed": n} kills or fails at the action's write points;
{"calls": action} lists them; {"random": n, "seed": n} kills a chain of random actions.
"""

from __future__ import annotations

import copy
import json
import os
import random
import select
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import onnxruntime as onnxruntime  # warm
import sqlite_utils as sqlite_utils
import tomlkit as tomlkit

from core import loop
from core.errors import RushesError
from tests.core.faults import actions, checking, tracing
from tests.core.faults.expecting import Expected, Kept
from tests.core.faults.syscalls import GROWING, SYNCING
from tests.core.faults.tracing import Fault, Run

Json = dict[str, Any]
CHAIN = 25  # kills of one workspace before the next is begun
CHECK_S = 60.0  # a look that takes longer hangs
POINTS = 400  # a random write point is drawn below this; a process makes them within a second or two


class Suite:
    """A base workspace and what is expected of it; experiments work on copies."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.base = folder / "base"
        self.base.mkdir(parents=True)
        self.count = 0
        _forked(lambda: actions.make(self.base) and None)
        self.start = Expected(self._kept()[0])
        for seed, name in enumerate(("correct", "correct", "correct_many", "delete", "skip", "deploy", "backup")):
            run = self._untraced(self.base, name, seed)
            self.start.hear(run.sent.splitlines())
            found, said = self._kept()
            said += self.start.wrong(found, None)
            if said or run.exit:
                raise AssertionError(f"without any fault: {name} {run.exit} {said}")

    def _kept(self) -> tuple[Kept, list[str]]:
        found, said, _ = _forked(lambda: checking.look_and_work(self.base / "ws", None))
        return Kept(**found), said

    def _untraced(self, place: Path, name: str, seed: int) -> Run:
        return tracing.run(_work(place, [name], seed), _watched(place), None)

    def copy(self) -> tuple[Path, Expected]:
        """A fresh workspace."""
        self.count += 1
        place = self.folder / f"copy{self.count}"
        shutil.copytree(self.base, place)
        return place, copy.deepcopy(self.start)

    def calls(self, name: str) -> list[Json]:
        """The write points of an action."""
        place, _ = self.copy()
        run = self._untraced(place, name, 99)
        shutil.rmtree(place)
        assert run.exit == 0
        return [asdict(call) | {"place": str(place)} for call in run.calls]

    def sweep(self, name: str, how: list[str], most: int, seed: int) -> Json:
        """Let each kind of fault happen at each write point of an action, or at a seeded choice of them."""
        points = self.calls(name)
        cases = [(number, kind) for number in range(1, len(points) + 1) for kind in how
                 if _can_be(kind, points[number - 1])]  # fmt: skip
        rng = random.Random(f"{name} {seed}")
        chosen = cases if len(cases) <= most else rng.sample(cases, most)
        wrong: list[str] = []
        for number, kind in chosen:
            place, expected = self.copy()
            run = tracing.run(_work(place, [name], 99), _watched(place), Fault(number, kind))  # type: ignore[arg-type]
            said = self._after(place / "ws", expected, run.sent, number, with_backup=name in ("backup", "prune"),
                               unsure=kind == "error" and points[number - 1]["name"] in SYNCING)  # fmt: skip
            killed = kind in ("before", "half", "after")
            if killed and run.exit != -signal.SIGKILL:
                said.append(f"was not killed but ended with {run.exit}")
            if not killed and run.exit not in (0, REFUSED):
                said.append(f"ended with {run.exit}")
            where = f"{name} {kind} {number} {points[number - 1]['name']} {points[number - 1]['paths']}"
            wrong += [f"{where}: {one} {_refusal(run)}" for one in said]
            shutil.rmtree(place)
        return {"points": len(points), "cases": len(cases), "tried": len(chosen), "wrong": wrong}

    def random(self, count: int, seed: int) -> Json:
        """Kill chains of random actions at random write points or random times."""
        rng, begin = random.Random(seed), time.monotonic()
        kills = lost = unreadable = 0
        wrong: list[str] = []
        while kills < count:
            place, expected = self.copy()
            for _ in range(min(CHAIN, count - kills)):
                names = [actions.mixture(rng) for _ in range(30)]
                work, drawn = _work(place, names, rng.randrange(1 << 30)), rng.random()
                if rng.random() < 0.5:
                    how = rng.choice(("before", "half", "after"))
                    run = tracing.run(work, _watched(place), Fault(1 + int(POINTS * drawn), how))
                else:
                    run = _killed_after(work, drawn)
                if run.exit == 0:  # it was done before the fault came
                    expected.hear(run.sent.splitlines())
                    continue
                kills += 1
                said = self._after(place / "ws", expected, run.sent, kills, with_backup=rng.random() < 0.1)
                if run.exit != -signal.SIGKILL:
                    said.append(f"ended with {run.exit} {_refusal(run)}")
                if said:
                    lost += any(" instead of " in one or " is gone" in one for one in said)
                    unreadable += any(one.startswith("unreadable") for one in said)
                    wrong += [f"kill {kills} of seed {seed}: {one}" for one in said]
                    break
            shutil.rmtree(place)
        spent = round(time.monotonic() - begin, 1)
        return {"kills": kills, "lost": lost, "unreadable": unreadable, "wrong": wrong, "seconds": spent}

    def _after(
        self, root: Path, expected: Expected, sent: bytes, seed: int, *, with_backup: bool, unsure: bool = False
    ) -> list[str]:  # fmt: skip
        begun = expected.hear(sent.splitlines(), unsure=unsure)
        try:
            found, said, lines = _forked(lambda: checking.look_and_work(root, seed, with_backup=with_backup))
        except AssertionError as error:
            return [f"unreadable: {error}"]
        said += expected.wrong(Kept(**found), begun)
        expected.hear(line.encode() for line in lines)
        return said


REFUSED = 3  # a sentence was said instead
WATCHED = (
    "ws/training_data",
    "ws/models",
    "ws/backups",
    "ws/cache",
    "ws/jobs",
    "ws/rushes",
    "ws/.",
    "disk",
)  # not the log


def _watched(place: Path) -> list[Path]:
    return [place / name for name in WATCHED]


def _work(place: Path, names: list[str], seed: int) -> Callable[[Callable[[bytes], object]], None]:
    def work(send: Callable[[bytes], object]) -> None:
        rng = random.Random(seed)

        def announce(line: bytes) -> None:
            tracing.begin()
            send(line)

        try:
            if len(names) != 1 or names[0] == "reopen":
                tracing.begin()
            space = loop.open_workspace(place / "ws", create=False)
            if names != ["reopen"]:
                space.store.refresh()
            for name in names:
                actions.ACTIONS[name](space, rng, announce)
        except (RushesError, OSError) as error:
            send(json.dumps({"refused": str(error)}).encode())
            os._exit(REFUSED)

    return work


def _can_be(kind: str, call: Json) -> bool:
    """Whether that fault can happen at such a call: half of some bytes, no room where room is needed."""
    if kind == "half":
        return call["size"] > 1
    return kind in ("before", "after") or call["name"] in (*GROWING, *SYNCING, "rename")


def _refusal(run: Run) -> str:
    last = run.sent.splitlines()[-1:]
    return last[0].decode() if last and b"refused" in last[0] else ""


def _forked(look: Callable[[], Any], limit: float = CHECK_S) -> Any:
    """What a function returns, as JSON, from a process of its own.

    Raises:
        AssertionError: it raised, died or hung.
    """
    reader, writer = os.pipe()
    if (pid := os.fork()) == 0:
        code = 1
        try:
            found: Any = look()
            with os.fdopen(writer, "w") as file:
                json.dump(found, file)
            code = 0
        except BaseException:  # a forked process must never return
            with os.fdopen(writer, "w") as file:
                json.dump(traceback.format_exc()[-2000:], file)
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        if not select.select([file], [], [], limit)[0]:
            os.kill(pid, signal.SIGKILL)
        text = file.read()
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code:
        raise AssertionError(f"the look ended with {code}: {json.loads(text) if text else 'hung'}")
    return json.loads(text)


def _killed_after(work: Callable[[Callable[[bytes], object]], None], drawn: float) -> Run:
    """Kill the work at some moment of its first half second, wherever it is then."""
    reader, writer = os.pipe()
    if (pid := os.fork()) == 0:
        code = 1
        try:
            work(lambda line: os.write(writer, line + b"\n"))
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(writer)
    time.sleep(drawn * 0.5)  # the moment of the kill is what is drawn; nothing is waited for
    os.kill(pid, signal.SIGKILL)
    with os.fdopen(reader, "rb") as file:
        sent = file.read()
    return Run(exit=os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), sent=sent)


def main() -> None:
    suite = Suite(Path(sys.argv[1]))
    print(json.dumps({"ready": tracing.works()}), flush=True)
    for line in sys.stdin:
        wanted = json.loads(line)
        if "sweep" in wanted:
            found: Any = suite.sweep(wanted["sweep"], wanted["how"], wanted["most"], wanted["seed"])
        elif "calls" in wanted:
            found = suite.calls(wanted["calls"])
        else:
            found = suite.random(wanted["random"], wanted["seed"])
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
