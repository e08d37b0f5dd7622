"""The command line: `rushes` opens the screens, everything they do exists as a command too.

Only what a plain start needs is imported here; the commands come when one is asked for.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NoReturn

from tui.start import plain

if TYPE_CHECKING:
    from tui.commands.program import app

__all__ = ["app", "main"]


def __getattr__(name: str) -> Any:
    if name != "app":
        raise AttributeError(name)
    from tui.commands.program import app

    return app


def main() -> NoReturn:
    """The console script."""
    start = plain(sys.argv[1:])
    if start is None:
        _end(lambda: __getattr__("app")(standalone_mode=False))
    try:
        code = start.run()
    except BaseException as error:  # worded as the commands' errors are
        problem = error
        _end(lambda: _again(problem))
    sys.exit(code)


def _end(run: Any) -> NoReturn:
    from tui.commands.common import guarded

    sys.exit(guarded(run))


def _again(error: BaseException) -> NoReturn:
    raise error


if __name__ == "__main__":
    main()
