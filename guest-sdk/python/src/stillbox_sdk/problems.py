"""Everything that is wrong with the parameters, in words."""

from __future__ import annotations

from collections.abc import Iterable

from .errors import ParameterError
from .json import dumps

# Nobody looks for the fault at the end of a long text.
_LONGEST = 40


class Problems:
    """Collects what is wrong, so that all of it is told at once."""

    def __init__(self) -> None:
        self._found: list[str] = []

    def add(self, problem: str) -> None:
        """Adds one."""
        self._found.append(problem)

    def wrong(self, at: str, expected: str, value: object) -> None:
        """Adds that a parameter has a value of another type."""
        what = f"`{at}`" if at else "the parameters"
        self.add(f"{what} must be {expected}, not {found(value)}")

    def raise_if_any(self) -> None:
        """Raises `ParameterError` with all of them, if there are any."""
        if self._found:
            raise ParameterError("; ".join(self._found))


def found(value: object) -> str:
    """A value in words, short enough for a message."""
    if isinstance(value, str):
        cut = "..." if len(value) > _LONGEST else ""
        return f"the text {quoted(value[:_LONGEST])}{cut}"
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
    """A text in quotes."""
    return dumps(text)


def number(value: float) -> str:
    """A number, without a fraction where there is none."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e16:
        return str(int(value))
    try:
        return str(value)
    except ValueError:
        # Python writes out no integer of more than some thousand digits.
        return f"an integer of {int(value).bit_length()} bits"


def suggestion(name: str, known: Iterable[str]) -> str:
    """What to add to a message about a name that isn't among those there are."""
    names = list(known)
    if not names:
        return "; there is none at all"
    distance, nearest = min((_distance(name, other), other) for other in names)
    if distance <= 1 + len(nearest) // 4:
        return f", did you mean `{nearest}`?"
    return "; there is " + ", ".join(f"`{other}`" for other in names)


def _distance(one: str, other: str) -> int:
    """How many characters to insert, delete or replace to come from one name to the other (Levenshtein's distance)."""
    row = list(range(len(other) + 1))
    for i, left in enumerate(one):
        diagonal, row[0] = row[0], i + 1
        for j, right in enumerate(other):
            replaced = diagonal + (left != right)
            diagonal = row[j + 1]
            row[j + 1] = min(replaced, row[j] + 1, diagonal + 1)
    return row[-1]
