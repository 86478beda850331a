"""Messages for mistakes in the parameters."""

from __future__ import annotations

from collections.abc import Iterable

from .errors import ParameterError
from .json import dumps

# Longer texts are truncated in messages, in characters.
_MAX_LENGTH = 40


class Problems:
    """Collects mistakes, to report them all at once."""

    def __init__(self) -> None:
        self._found: list[str] = []

    def add(self, problem: str) -> None:
        """Adds a problem."""
        self._found.append(problem)

    def wrong(self, at: str, expected: str, value: object) -> None:
        """Adds a value of the wrong type."""
        subject = f"`{at}`" if at else "the parameters"
        self.add(f"{subject} must be {expected}, not {found(value)}")

    def raise_if_any(self) -> None:
        """Raises `ParameterError` with all problems, if there are any."""
        if self._found:
            raise ParameterError("; ".join(self._found))


def found(value: object) -> str:
    """Describes a value, short enough for a message."""
    if isinstance(value, str):
        cut = "..." if len(value) > _MAX_LENGTH else ""
        return f"the text {quoted(value[:_MAX_LENGTH])}{cut}"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, dict):
        return "an object"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(value)
    if isinstance(value, int):
        return number(value)
    return f"a {type(value).__qualname__}"


def quoted(text: str) -> str:
    """Quotes a text."""
    return dumps(text)


def number(value: float) -> str:
    """Formats a number, without a fraction if it is whole."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e16:
        return str(int(value))
    try:
        return str(value)
    except ValueError:
        # Python refuses to format integers of more than 4300 digits.
        return f"an integer of {int(value).bit_length()} bits"


def suggestion(name: str, known: Iterable[str]) -> str:
    """Returns the end of a message about an unknown name: the most similar name, or all known names."""
    names = list(known)
    if not names:
        return "; no parameters are expected"
    distance, nearest = min((_distance(name, other), other) for other in names)
    if distance <= 1 + len(nearest) // 4:
        return f", did you mean `{nearest}`?"
    return "; expected " + ("one of " if len(names) > 1 else "") + ", ".join(f"`{other}`" for other in names)


def _distance(one: str, other: str) -> int:
    """Returns the Levenshtein distance: the number of characters to insert, delete or replace to turn one name into the other."""
    row = list(range(len(other) + 1))
    for i, left in enumerate(one):
        diagonal, row[0] = row[0], i + 1
        for j, right in enumerate(other):
            replaced = diagonal + (left != right)
            diagonal = row[j + 1]
            row[j + 1] = min(replaced, row[j] + 1, diagonal + 1)
    return row[-1]
