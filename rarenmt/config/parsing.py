"""Dataclasses of settings from JSON, with every value checked."""

import dataclasses
import json
from typing import Any, TypeVar, get_args, get_origin

from rarenmt.errors import SettingError

T = TypeVar("T")

WORDS = {int: "a whole number", float: "a number", str: "a string", bool: "true or false"}
"""What the value of a setting is called."""


def require(condition: bool, sentence: str) -> None:
    """Raise SettingError with this sentence unless the condition is true."""
    if not condition:
        raise SettingError(sentence)


def parse(kind: type[T], data: Any, name: str = "it") -> T:
    """A dataclass from the JSON object called `name`; each value must have the type of its field.

    Values with a default may be missing, but not whole parts. SettingError for anything else.
    """
    require(isinstance(data, dict), f"{name} must be an object, not {_show(data)}")
    known = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    needed = {key for key, field in known.items() if _needed(field)}
    unknown, missing = sorted(data.keys() - known), sorted(needed - data.keys())
    require(not unknown, f"{name} has an unknown setting {_show(', '.join(unknown))}")
    require(not missing, f"{name} lacks {', '.join(missing)}")
    return kind(**{key: _parse_value(known[key].type, data[key], key) for key in data})


def _needed(field: dataclasses.Field[Any]) -> bool:
    default = (field.default, field.default_factory) != (dataclasses.MISSING, dataclasses.MISSING)
    return not default or dataclasses.is_dataclass(field.type)


def _parse_value(kind: Any, value: Any, name: str) -> Any:
    """A value from JSON, as one of this type."""
    choices = get_args(kind)
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return parse(kind, value, name)
    if get_origin(kind) is tuple:
        require(isinstance(value, list | tuple), f"{name} must be a list, not {_show(value)}")
        return tuple(_parse_value(choices[0], part, name) for part in value)
    if choices:  # a Literal
        wanted, right = f"one of {', '.join(choices)}", value in choices
    else:  # in Python, though not in JSON, true is a whole number
        wanted, right = WORDS[kind], type(value) in ((int, float) if kind is float else (kind,))
    require(right, f"{name} must be {wanted}, not {_show(value)}")
    return value


def _show(value: Any) -> str:
    """A value as JSON, truncated if it is long."""
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:60] + "…"
