"""What every command shares: its workspace, its output, its exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.errors import RushesError, WrongUseError
from core.visible import json_safe, visible

if TYPE_CHECKING:
    from core.workspace import Workspace

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]
InWorkspace = Annotated[
    Path | None, typer.Option("--workspace", "-w", help="The workspace folder; see README for how it is found.")
]
OfTask = Annotated[str, typer.Option("--task", "-t", help="scenes, speech or ratings.")]
Consent = Annotated[bool, typer.Option("--consent", help="Agree that clips of faces are kept in this workspace.")]

Map = Annotated[list[str] | None, typer.Option("--map", help="ours=theirs: their name of one of our columns.")]

FAILED, WRONG_USE = 1, 2


def plain(text: object) -> str:
    """Text from outside as one line that may reach a terminal; see `core.visible`."""
    return visible(text)


def say(text: object) -> None:
    """A message for the person: standard error, so that standard output stays one document."""
    print(plain(text), file=sys.stderr, flush=True)


def emit(payload: Any, as_json: bool, lines: list[str] | None = None) -> None:
    """The command's result: the JSON document, or the lines for people."""
    if as_json:
        print(json_safe(json.dumps(payload, ensure_ascii=False, default=str)))
    elif lines is None:
        print(json_safe(json.dumps(payload, ensure_ascii=False, indent=1, default=str)))
    else:
        for line in lines:
            print(plain(line))


@contextmanager
def workspace(path: Path | None, *, create: bool = True, consent: str | None = None) -> Generator[Workspace]:
    """The open workspace of a command; its notes and its journals' problems are said once.

    Args:
        create: make it if it was named and is missing; an unnamed place is only made for commands that write.
        consent: record consent for this task's faces first.
    """
    from core import loop
    from core.workspace import find_root

    root, _ = find_root(path)
    space = loop.open_workspace(root, create=create)
    try:
        for note in space.loaded.notes:
            say(f"! {note}")
        if space.forgetting.exists():
            from core.privacy import resume

            say("finishing what was being forgotten")
            if problem := resume(space):
                say(f"! {problem}")
        if consent:
            from core.capture.consent import give_consent

            give_consent(space, consent, by="--consent")
        yield space
        for problem in space.store.problems() if "store" in space.__dict__ else ():
            say(f"! {problem}")
    finally:
        space.close()


def fail(message: str, code: int = FAILED) -> typer.Exit:
    """Say what went wrong and give the exit to raise."""
    say(f"✗ {message}")
    return typer.Exit(code)


def guarded(run: Any) -> int:
    """Run the program; every error becomes a sentence and an exit code, never a traceback."""
    try:
        return int(run() or 0)
    except WrongUseError as error:
        say(f"✗ {error.sentence()}")
        return WRONG_USE
    except RushesError as error:
        say(f"✗ {error.sentence()}")
        return FAILED
    except BrokenPipeError:
        # The reader went away, as `| head` does; the interpreter must not complain about it at exit.
        sys.stderr.close()
        return FAILED
    except OSError as error:
        say(f"✗ {error.filename or 'a file'}: {error.strerror or error}. Check the disk and who may write there.")
        return FAILED
    except typer.TyperException as error:
        for line in error.format_message().splitlines():
            say(f"✗ {line}")
        return WRONG_USE
    except (KeyboardInterrupt, typer.Abort):
        say("stopped")
        return 130
    except Exception as error:  # the outermost door: a bug is logged with an id, the user sees the id
        from core.log import bug

        say(f"✗ an unexpected error ({type(error).__name__}); the log has it under {bug(error)}")
        return FAILED


Step = Callable[[int, str], None]


@contextmanager
def counted(what: str, unit: str = "rows") -> Generator[Step]:
    """A function to call with the number of rows done: a counter on a terminal, silence elsewhere."""
    if not sys.stderr.isatty():
        yield _silent
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn(what), TextColumn(f"{{task.completed}} {unit}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, name: bar.update(task, completed=done, description=name)


def _silent(done: int, name: str) -> None:
    del done, name


def mapping(pairs: list[str]) -> dict[str, str]:
    """`--map ours=theirs` as a dictionary.

    Raises:
        WrongUseError: a pair has no "=", or one of ours is said twice.
    """
    if wrong := [pair for pair in pairs if "=" not in pair]:
        raise WrongUseError(f"--map {wrong[0]!r} is not of the form ours=theirs")
    found: dict[str, str] = {}
    for ours, _, theirs in (pair.partition("=") for pair in pairs):
        if ours in found:
            raise WrongUseError(f"--map says {ours} twice: {found[ours]!r} and {theirs!r}", do="Say it once.")
        found[ours] = theirs
    return found
