"""Settings whose names are the user's own, keys.ID and recipe.TASK.FIELD: looked at before one is written down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.errors import WrongUseError

if TYPE_CHECKING:
    from core.settings import Loaded


def checked(name: str, value: str, loaded: Loaded) -> str:
    """The value to write; other settings are checked by their schema.

    Raises:
        WrongUseError: there is no such action, task or field, or it cannot have this value.
    """
    section, _, own = name.partition(".")
    if section == "keys" and own:
        from tui import keymap

        return keymap.checked(own, value, loaded.settings.keys)
    if section == "recipe":
        _check_recipe(own, value)
    return value


def _check_recipe(own: str, value: str) -> None:
    from core import tasks
    from core.training import wishes

    task, _, field = own.partition(".")
    if not field or "." in field:
        raise WrongUseError(
            f"there is no setting 'recipe.{own}'", do="For instance: rushes config recipe.scenes.epochs 60"
        )
    if task not in tasks.names():
        raise WrongUseError(
            f"there is no task {task!r}", where=f"recipe.{own}", do=f"One of: {', '.join(tasks.names())}."
        )
    wishes.params(recipe=wishes.recipe([f"{field}={value}"]))
