"""Whole batches: the rows that a step reads, and the rows that it returns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar, overload

from .errors import InternalError, StepError

R = TypeVar("R")
O = TypeVar("O")  # noqa: E741


class Batch(Sequence[R]):
    """All rows of a batch, for a step that processes more than one row at a time: a sequence of `R`.

    `column` returns all values of a field, which is faster than reading row by row.
    """

    def __init__(self, names: Sequence[str], lists: Sequence[list[Any]], length: int, make: Callable[..., R]) -> None:
        self._lists = dict(zip(names, lists))
        self._length = length
        self._make = make

    def __len__(self) -> int:
        return self._length

    def column(self, field: str) -> list[Any]:
        """Returns the values of a field, one per row. The list is not a copy: do not change it.

        Raises `KeyError` for an unknown field.
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
    """The output rows of a step for a whole batch, or of a source.

    Either every output row names the input row that it comes from (`push_from`), in any order and with repetitions, or no row
    does (`push`): then there is one output row for each input row, in the same order. An input row without output rows that is
    not rejected is dropped.
    """

    def __init__(self, rows: Iterable[O] = (), origins: Iterable[int] | None = None) -> None:
        self._rows = list(rows)
        self._columns: dict[str, Sequence[Any]] | None = None
        self._origins = None if origins is None else list(origins)
        self._rejections: dict[int, BaseException] = {}
        self._drops: list[tuple[int, object]] = []
        if self._origins is not None and len(self._origins) != len(self._rows):
            raise InternalError(f"there are {len(self._rows)} rows, but {len(self._origins)} origins")

    @classmethod
    def from_columns(cls, columns: Mapping[str, Sequence[Any]], origins: Iterable[int] | None = None) -> Rows[O]:
        """Creates rows from columns, by field, which is faster than adding many rows. A step that only filters rows has no columns,
        and lists the rows to keep in `origins`."""
        rows = cls()
        rows._columns = dict(columns)
        rows._origins = None if origins is None else list(origins)
        if not rows._columns and rows._origins is None:
            raise InternalError("rows without columns need origins")
        lengths = {len(values) for values in rows._columns.values()}
        if rows._origins is not None:
            lengths.add(len(rows._origins))
        if len(lengths) > 1:
            raise InternalError(f"the columns and origins differ in length: {sorted(lengths)}")
        return rows

    def push(self, row: O) -> None:
        """Adds a row without naming its input row."""
        if self._columns is not None or self._origins is not None:
            raise _mixed()
        self._rows.append(row)

    def push_from(self, origin: int, row: O) -> None:
        """Adds a row that comes from the input row with the index `origin`: in the batch, or in an aggregate's `finish` in all
        batches."""
        if self._columns is not None or (self._origins is None and self._rows):
            raise _mixed()
        if self._origins is None:
            self._origins = []
        self._rows.append(row)
        self._origins.append(origin)

    def reject(self, row: int, error: BaseException | str) -> None:
        """Rejects an input row. No output row may come from it."""
        if row in self._rejections:
            raise InternalError(f"row {row} is rejected twice")
        self._rejections[row] = StepError(error) if isinstance(error, str) else error

    def drop(self, row: int, reason: str) -> None:
        """Gives the reason for which an input row is dropped: no output row comes from it, and it is not rejected."""
        self._drops.append((row, reason))

    def __len__(self) -> int:
        if self._columns is None:
            return len(self._rows)
        if self._origins is not None:
            return len(self._origins)
        return len(next(iter(self._columns.values())))


def _mixed() -> InternalError:
    return InternalError(
        "some rows name the input row that they come from, and some do not",
        hint="call `push` for every row, or `push_from` for every row",
    )
