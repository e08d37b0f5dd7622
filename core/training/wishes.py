"""What a user may ask of one training, as its job's `params` keep it."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from core.errors import WrongUseError
from core.tasks.recipe import Recipe, complaint


def params(*, speaker: str | None = None, recipe: dict[str, Any] | None = None) -> dict[str, Any]:
    """The params of a job; what was not asked for is not in them.

    Raises:
        WrongUseError: the recipe names a field there is not, or a value that is wrong there.
    """
    try:
        Recipe.model_validate(recipe or {})
    except ValidationError as error:
        raise WrongUseError(complaint(error), where="the recipe asked for") from None
    asked = {"speaker": speaker, "recipe": recipe}
    return {name: value for name, value in asked.items() if value}


def recipe(pairs: Iterable[str]) -> dict[str, Any]:
    """`key=value` texts as recipe fields; values are read as TOML, a bare word is a text.

    Raises:
        WrongUseError: one has no "=", or its key is no name.
    """
    found: dict[str, Any] = {}
    for pair in pairs:
        key, sign, value = pair.partition("=")
        key = key.strip()
        if not sign or not key.isidentifier():
            raise WrongUseError(f"--recipe {pair!r} is not of the form key=value", do="For instance: epochs=20")
        found[key] = _parsed(value.strip())
    return found


def _parsed(text: str) -> Any:
    try:
        value = tomllib.loads(f"value = {text}")["value"]
        json.dumps(value)  # a date would not come through the job's params
    except (tomllib.TOMLDecodeError, TypeError):
        return text
    return value
