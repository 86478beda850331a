"""The return types of a step for one row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import compress
from typing import Any, get_args, get_origin

from .columns import NO_COLUMNS, Columns, read_columns
from .errors import InternalError
from .hints import is_dataclass, optional, split


class _Rejected:
    """A placeholder for the result of a row that is rejected, or dropped by an exception."""


REJECTED: Any = _Rejected()

# Takes the results for all rows of a batch, and returns the output rows and their origins. For a result of the wrong type it
# calls the function with the row's index and the error, to reject the row.
Collect = Callable[[Sequence[Any], Callable[[int, BaseException], None]], "tuple[list[Any], list[int]]"]


def return_form(annotation: Any, names: Mapping[str, Any]) -> tuple[Columns, Collect] | None:
    """Returns the columns of a return type and the function that collects the results, or `None` for an unsupported type."""
    annotation, _ = split(annotation)
    if annotation is bool:
        return NO_COLUMNS, _filter
    if annotation in (None, type(None)):
        return NO_COLUMNS, _keep
    if is_dataclass(annotation):
        return read_columns(annotation, names, "output"), _replace
    inner, nullable = optional(annotation)
    if nullable and is_dataclass(inner):
        return read_columns(inner, names, "output"), _drop
    origin, arguments = get_origin(annotation), get_args(annotation)
    if isinstance(origin, type) and issubclass(list, origin) and issubclass(origin, Iterable):
        if len(arguments) == 1 and is_dataclass(arguments[0]):
            return read_columns(arguments[0], names, "output"), _expand
    return None


def _replace(made: Sequence[Any], reject: Callable[[int, BaseException], None]) -> tuple[list[Any], list[int]]:
    if _Rejected not in set(map(type, made)):
        return list(made), list(range(len(made)))
    kept = [row is not REJECTED for row in made]
    return list(compress(made, kept)), list(compress(range(len(made)), kept))


def _drop(made: Sequence[Any], reject: Callable[[int, BaseException], None]) -> tuple[list[Any], list[int]]:
    kept = [row is not None and row is not REJECTED for row in made]
    return list(compress(made, kept)), list(compress(range(len(made)), kept))


def _filter(made: Sequence[Any], reject: Callable[[int, BaseException], None]) -> tuple[list[Any], list[int]]:
    if set(map(type, made)) - {bool}:
        for place, row in enumerate(made):
            if not isinstance(row, bool) and row is not REJECTED:
                reject(place, _wrong(row, "True or False"))
    origins = [place for place, row in enumerate(made) if row is True]
    return [None] * len(origins), origins


def _keep(made: Sequence[Any], reject: Callable[[int, BaseException], None]) -> tuple[list[Any], list[int]]:
    for place, row in enumerate(made):
        if row is not None and row is not REJECTED:
            reject(place, _wrong(row, "None"))
    origins = [place for place, row in enumerate(made) if row is None]
    return [None] * len(origins), origins


def _expand(made: Sequence[Any], reject: Callable[[int, BaseException], None]) -> tuple[list[Any], list[int]]:
    rows: list[Any] = []
    origins: list[int] = []
    for place, some in enumerate(made):
        if type(some) in (list, tuple):
            rows += some
            origins += [place] * len(some)
        elif some is not REJECTED:
            reject(place, _wrong(some, "a list"))
    return rows, origins


def _wrong(value: object, wanted: str) -> InternalError:
    found = "None" if value is None else f"`{type(value).__qualname__}`"
    return InternalError(f"the step returned {found}, but declares {wanted}")
