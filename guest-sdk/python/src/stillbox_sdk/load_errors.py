"""Errors of the author's module when it is imported, and their text, which is the same in builds and in components for tests."""

from __future__ import annotations

from typing import Any

from .code import Code, located
from .contract import ErrorKind, Location
from .errors import DefinitionError
from .failures import describe, format_message
from .missing_modules import missing_hint


def load_error(error: BaseException, code: Code) -> dict[str, Any]:
    """Returns the error of the author's module, with its location."""
    location, trace = located(code, error.__traceback__)
    place = _place(location)
    message, hint = format_message(error), None
    if isinstance(error, SyntaxError) and error.filename is not None:
        location = Location(code.name(error.filename), error.lineno or 1, error.offset or None)
        place = _place(location) + (f":{location.column}" if location.column else "")
        message, trace = f"{type(error).__name__}: {error.msg}", [(error.text or "").strip()]
    elif isinstance(error, DefinitionError):
        message, trace = error.message, []
        if error.file is not None:
            location = Location(code.name(error.file), error.line or 1, None)
            place = _place(location)
    elif isinstance(error, ModuleNotFoundError):
        hint = missing_hint(error.name) if isinstance(error.name, str) else None
    # The first frames belong to the import.
    while trace and trace[0].startswith("importlib"):
        trace.pop(0)
    causes = describe(error, code, ErrorKind.INTERNAL).causes
    return {"location": location, "place": place, "message": message, "causes": causes, "trace": trace, "hint": hint}


def _place(location: Location | None) -> str:
    return "" if location is None else f"{location.file}:{location.line}"


def load_error_lines(error: dict[str, Any]) -> list[str]:
    """Formats an error in lines: the message, then the causes and the trace."""
    lines = [str(error["message"])]
    lines += [f"  caused by: {cause}" for cause in error["causes"]]
    lines += [f"  {line}" for line in error["trace"] if line]
    if error["hint"]:
        lines.append(f"  hint: {error['hint']}")
    return lines
