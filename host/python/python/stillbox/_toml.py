"""Python values as TOML."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any


def value(given: Any) -> str:
    """Returns a value as TOML in one line."""
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
    if isinstance(given, Mapping):
        return "{ " + ", ".join(f"{_string(str(key))} = {value(entry)}" for key, entry in given.items()) + " }"
    if isinstance(given, (list, tuple)):
        return "[" + ", ".join(value(entry) for entry in given) + "]"
    raise TypeError(f"{given!r} has no form in TOML: use strings, numbers, booleans, lists and dicts")


def settings(given: Mapping[str, Any]) -> str:
    """Returns settings as a TOML document, without those that are ``None``."""
    return "".join(f"{_string(key)} = {value(entry)}\n" for key, entry in given.items() if entry is not None)


def assignments(given: Mapping[str, Any] | None) -> list[str]:
    """Returns ``STEP.NAME=VALUE`` for each entry, as options of the command have it."""
    return [f"{key}={value(entry)}" for key, entry in (given or {}).items()]


def _string(text: str) -> str:
    # A string of JSON is one of TOML, but for DEL, which TOML has escaped, and halves of surrogate pairs, which it has not.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
