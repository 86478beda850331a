"""Python values as TOML and JSON."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

#: The deepest nesting of a value.
_DEEPEST = 50


def plain(given: Any, place: str, depth: int = 0) -> Any:
    """Returns a value as one of the types bool, int, float, str, list, dict, date and time. Numbers and arrays of NumPy, and
    paths, are converted.

    Raises:
        TypeError: A value, or the key of a dict, is of another type.
        ValueError: A text is not valid Unicode, or lists are nested too deeply.
    """
    if depth > _DEEPEST:
        raise ValueError(f"{place} is nested more than {_DEEPEST} levels deep")
    if given is None or isinstance(given, (bool, date, time)):
        return given
    if isinstance(given, int):
        return int(given)
    if isinstance(given, float):
        return float(given)
    if isinstance(given, os.PathLike):
        given = os.fspath(given)
    if isinstance(given, str):
        return _text(str(given), place)
    if isinstance(given, Mapping):
        for key in given:
            if not isinstance(key, str):
                raise TypeError(f"{place} has the key {key!r}, which is not a string")
        return {_text(key, place): plain(entry, f"{place}.{key}", depth + 1) for key, entry in given.items()}
    if isinstance(given, (list, tuple)):
        return [plain(entry, place, depth + 1) for entry in given]
    # Numbers and arrays of NumPy and its relatives.
    if callable(getattr(given, "tolist", None)):
        return plain(given.tolist(), place, depth + 1)
    raise TypeError(f"{place} is of type {type(given).__name__}: use strings, numbers, booleans, lists and dicts")


def parameters(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Returns the parameters of a step as values that JSON has."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise TypeError(f"`parameters` is a dict, not of type {type(given).__name__}")
    found: dict[str, Any] = plain(given, "parameters")
    _check_json(found, "parameters")
    return found


def _check_json(given: Any, place: str) -> None:
    if isinstance(given, dict):
        for key, entry in given.items():
            _check_json(entry, f"{place}.{key}")
    elif isinstance(given, list):
        for entry in given:
            _check_json(entry, place)
    elif isinstance(given, (date, time)):
        raise TypeError(f"{place} is a date or time: pass it as a string, such as {given.isoformat()!r}")
    elif isinstance(given, float) and not math.isfinite(given):
        raise ValueError(f"{place} is {given}, which is not a finite number: pass a string if the step takes it as text")
    elif isinstance(given, int) and not -(2**63) <= given < 2**64:
        raise ValueError(f"{place} is {given}, which does not fit into 64 bits: pass a string if the step takes it as text")


def value(given: Any) -> str:
    """Returns a value of `plain` as TOML in one line."""
    if isinstance(given, bool):
        return "true" if given else "false"
    if isinstance(given, int):
        return str(given)
    if isinstance(given, float):
        return repr(given)
    if isinstance(given, str):
        return _string(given)
    if isinstance(given, (datetime, date, time)):
        return given.isoformat()
    if isinstance(given, dict):
        return "{ " + ", ".join(f"{_string(key)} = {value(entry)}" for key, entry in given.items()) + " }"
    if isinstance(given, list):
        return "[" + ", ".join(value(entry) for entry in given) + "]"
    raise TypeError(f"{given!r} has no form in TOML: use strings, numbers, booleans, lists and dicts")


def settings(given: Mapping[str, Any]) -> str:
    """Returns settings as a TOML document, without those that are ``None``."""
    named = {key: plain(entry, f"`{key}`") for key, entry in given.items() if entry is not None}
    return "".join(f"{_string(key)} = {value(entry)}\n" for key, entry in named.items())


def assignments(name: str, given: Mapping[str, Any] | None) -> list[str]:
    """Returns ``STEP.NAME=VALUE`` for each entry, as options of the command have it."""
    if given is None:
        return []
    if not isinstance(given, Mapping):
        raise TypeError(f'`{name}` is a dict with keys such as "filter.min-words", not of type {type(given).__name__}')
    return [f"{key}={value(entry)}" for key, entry in plain(given, f"`{name}`").items()]


def _text(text: str, place: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{place} has the text {text!r}, which is not valid Unicode") from None
    return text


def _string(text: str) -> str:
    # A string of JSON is one of TOML, but for DEL, which TOML has escaped.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
