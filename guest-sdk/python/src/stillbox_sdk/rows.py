"""Whole batches: the rows that a step sees, and those that it makes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar, overload

from .errors import InternalError, StepError

R = TypeVar("R")
O = TypeVar("O")  # noqa: E741


class Batch(Sequence[R]):
    """All rows of a batch, for a step that looks at more than one of them at a time: a sequence of `R`.

    `column` gives the values of one field at once, which is faster than reading row by row.
    """

    def __init__(self, names: Sequence[str], lists: Sequence[list[Any]], length: int, make: Callable[..., R]) -> None:
        self._lists = dict(zip(names, lists))
        self._length = length
        self._make = make

    def __len__(self) -> int:
        return self._length

    def column(self, field: str) -> list[Any]:
        """The values of a field, one a row. The list is the batch's own: don't change it.

        Raises `KeyError` for a field that there isn't.
        """
        return self._lists[field]

    @overload
    def __getitem__(self, at: int) -> R: ...

    @overload
    def __getitem__(self, at: slice) -> list[R]: ...

    def __getitem__(self, at: int | slice) -> R | list[R]:
        if isinstance(at, slice):
            return [self[i] for i in range(*at.indices(self._length))]
        place = range(self._length)[at]
        return self._make(*[values[place] for values in self._lists.values()])

    def __iter__(self) -> Iterator[R]:
        if not self._lists:
            return iter([self._make() for _ in range(self._length)])
        return map(self._make, *self._lists.values())


class Rows(Generic[O]):
    """The rows that a step makes of a whole batch, or of nothing.

    Each row says which row of the batch it is made of (`push_from`), in any order and as often as the step likes, or none does
    (`push`): then the rows are those of the batch, one for one. Rows that are neither made anything of nor rejected are
    dropped.
    """

    def __init__(self, rows: Iterable[O] = (), origins: Iterable[int] | None = None) -> None:
        self._rows = list(rows)
        self._columns: dict[str, Sequence[Any]] | None = None
        self._origins = None if origins is None else list(origins)
        self._rejections: dict[int, BaseException] = {}
        if self._origins is not None and len(self._origins) != len(self._rows):
            raise InternalError(f"there are {len(self._rows)} rows, and {len(self._origins)} origins")

    @classmethod
    def from_columns(cls, columns: Mapping[str, Sequence[Any]], origins: Iterable[int] | None = None) -> Rows[O]:
        """Rows in columns, by field, which is the fastest way to make many. A step that only keeps or drops rows has no
        columns, and says which rows it keeps in `origins`."""
        rows = cls()
        rows._columns = dict(columns)
        rows._origins = None if origins is None else list(origins)
        if not rows._columns and rows._origins is None:
            raise InternalError("rows without columns are known by their origins")
        lengths = {len(values) for values in rows._columns.values()}
        if rows._origins is not None:
            lengths.add(len(rows._origins))
        if len(lengths) > 1:
            raise InternalError(f"the columns and origins are not of one length, but of {sorted(lengths)}")
        return rows

    def push(self, row: O) -> None:
        """Adds a row that doesn't say what it is made of."""
        if self._columns is not None or self._origins is not None:
            raise _mixed()
        self._rows.append(row)

    def push_from(self, origin: int, row: O) -> None:
        """Adds a row that is made of the row `origin` of the batch, or, at the end of an aggregate, of all rows."""
        if self._columns is not None or (self._origins is None and self._rows):
            raise _mixed()
        if self._origins is None:
            self._origins = []
        self._rows.append(row)
        self._origins.append(origin)

    def reject(self, row: int, error: BaseException | str) -> None:
        """Rejects a row of the batch. No row may be made of it."""
        if row in self._rejections:
            raise InternalError(f"the row {row} is rejected twice")
        self._rejections[row] = StepError(error) if isinstance(error, str) else error

    def __len__(self) -> int:
        if self._columns is None:
            return len(self._rows)
        if self._origins is not None:
            return len(self._origins)
        return len(next(iter(self._columns.values())))


def _mixed() -> InternalError:
    return InternalError(
        "some rows say which row they are made of, and some don't",
        hint="call `push` for all of them, or `push_from` for all of them",
    )
