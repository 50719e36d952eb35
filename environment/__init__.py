"""Settings from the environment: a frozen class of typed fields, each with a variable `QUORATE_<NAME>`.

msgspec, because the processes have it anyway: pydantic-settings costs a process that needs nothing else of pydantic a
tenth of a second and 9 MB.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

import msgspec

PREFIX = "QUORATE_"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What a process reads once, in its `app`. Variables that no field asks for are somebody else's."""


class SettingsError(ValueError):
    """What is wrong, a line for each variable."""


S = TypeVar("S", bound=Settings)


def read_environment(kind: type[S], environment: Mapping[str, str], **given: Any) -> S:
    """`kind` from the variables, except for what is `given`. Raises SettingsError, which names every wrong one."""
    values: dict[str, Any] = {}
    wrong: list[str] = []
    for field in msgspec.structs.fields(kind):
        variable = PREFIX + field.name.upper()
        if field.name in given:
            values[field.name] = given[field.name]
        elif variable in environment:
            try:
                values[field.name] = msgspec.convert(
                    environment[variable], field.type, strict=False, dec_hook=_from_text
                )
            except msgspec.ValidationError:
                wrong.append(f"{variable}: {environment[variable]!r} is not {_wanted(field.type)}")
    if wrong:
        raise SettingsError("\n".join(wrong))
    try:
        return kind(**values)
    except ValueError as error:
        raise SettingsError(str(error)) from None


def read_settings(kind: type[S], **given: Any) -> S:
    """`kind` from this process's environment, except for what is `given`; or end it, naming all that is wrong."""
    try:
        return read_environment(kind, os.environ, **given)
    except SettingsError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None


def _wanted(kind: Any) -> str:
    choice = get_args(kind)
    return f"one of {', '.join(map(str, choice))}" if choice else f"of the kind {kind.__name__}"


def _from_text(kind: type, text: Any) -> Any:
    if kind is Path:
        return Path(text)
    raise NotImplementedError(kind)  # so msgspec wants it: a class has a field of a kind that no text can become
