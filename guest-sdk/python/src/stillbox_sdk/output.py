"""From the rows that a step made to an output of the contract."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import compress
from operator import attrgetter
from typing import Any, Self

from . import contract
from .columns import Columns
from .contract import Field
from .encode import encode
from .errors import InternalError
from .rows import Rows

# Makes an error of the contract of an exception.
Describe = Callable[[BaseException], contract.StepError]


class MadeOf(Enum):
    """What rows are made of."""

    BATCH = "the batch"
    EVERYTHING = "all rows"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Made:
    """Rows on their way to an output: as objects or in columns, and which row of the batch each is made of."""

    columns: Columns
    fields: Sequence[Field]
    rows: Sequence[Any]
    origins: list[int] | None
    rejected: dict[int, contract.StepError]
    rejects: bool = True

    def output(self, describe: Describe) -> contract.Output:
        """The output. A row with a value that doesn't fit its column rejects the row that it is made of.

        Raises what is wrong with it where it is made of none, or no row can be rejected any more.
        """
        made = self
        while True:
            wrong: dict[int, BaseException] = made._wrong_types()
            encoded = []
            if not wrong:
                for spec, field in zip(made.columns.specs, made.fields):
                    column = encode(spec, field.name, made._values(spec.field))
                    if isinstance(column, dict):
                        wrong.update({place: error for place, error in column.items() if place not in wrong})
                    else:
                        encoded.append(column)
            if not wrong:
                break
            made = made._without(wrong, describe)
        rejections = [contract.Rejection(row, error) for row, error in sorted(made.rejected.items())]
        return contract.Output(len(made.rows), encoded, made.origins, rejections)

    def _values(self, field: str) -> list[Any]:
        return list(map(attrgetter(field), self.rows))

    def _wrong_types(self) -> dict[int, BaseException]:
        wanted = self.columns.type
        if set(map(type, self.rows)) <= {wanted}:
            return {}
        return {
            place: InternalError(f"the step returned {_words(row)} where it says that it returns {_words_of(wanted)}")
            for place, row in enumerate(self.rows)
            if not isinstance(row, wanted)
        }

    def _without(self, wrong: dict[int, BaseException], describe: Describe) -> Self:
        """The same without the rows that are made of what these are made of, which is rejected."""
        origins = self.origins
        rejected = dict(self.rejected)
        for place, error in sorted(wrong.items()):
            if origins is None or not self.rejects:
                raise error
            if origins[place] not in rejected:
                rejected[origins[place]] = describe(error)
        origins = origins or []
        kept = [origin not in rejected for origin in origins]
        rows = list(compress(self.rows, kept))
        return replace(self, rows=rows, origins=list(compress(origins, kept)), rejected=rejected)


@dataclass(frozen=True, kw_only=True)
class _InColumns(Made):
    """Rows in columns, by field. The rows are their own places then."""

    lists: Mapping[str, Sequence[Any]]

    def _values(self, field: str) -> list[Any]:
        values = self.lists[field]
        return list(values) if len(self.rows) == len(values) else [values[place] for place in self.rows]

    def _wrong_types(self) -> dict[int, BaseException]:
        return {}


def of_rows(
    rows: object, columns: Columns, fields: Sequence[Field], made_of: MadeOf, all_: int, describe: Describe
) -> contract.Output:
    """The output for what a function made of a whole batch, or of nothing: `Rows`, or a list with a row for each.

    Raises `InternalError` where the rows break the contract's rules.
    """
    if isinstance(rows, list):
        rows = Rows(rows)
    if not isinstance(rows, Rows):
        raise InternalError(f"the step returned {_words(rows)} where it says that it returns rows")
    _check(rows, made_of, all_)
    rejected = {row: describe(error) for row, error in rows._rejections.items()}
    origins = rows._origins
    if origins is None and made_of is MadeOf.BATCH:
        origins = list(range(all_))
    rejects = made_of is MadeOf.BATCH
    if rows._columns is None:
        made = Made(columns, fields, rows._rows, origins, rejected, rejects)
    else:
        wanted = [spec.field for spec in columns.specs]
        if sorted(wanted) != sorted(rows._columns):
            raise InternalError(f"the rows have the columns {sorted(rows._columns)}, and the step says {sorted(wanted)}")
        as_rows = range(len(rows))
        made = _InColumns(columns, fields, as_rows, origins, rejected, rejects, lists=rows._columns)
    return same_rows(made.output(describe), all_ if rejects else None)


def same_rows(output: contract.Output, all_: int | None) -> contract.Output:
    """The output, without origins where they say nothing: each row is made of the one in its place."""
    if all_ is not None and output.rows == all_ and not output.rejections and output.origins == list(range(all_)):
        return contract.Output(output.rows, output.columns, None, output.rejections)
    return output


def _check(rows: Rows[Any], made_of: MadeOf, all_: int) -> None:
    """Holds rows against the contract's rules, so that the message has the author's words for them."""
    origins, rejected = rows._origins, rows._rejections
    if made_of is MadeOf.NOTHING:
        if origins is not None or rejected:
            raise InternalError("a source has no rows to make others of, or to reject")
        return
    if made_of is MadeOf.EVERYTHING and rejected:
        raise InternalError("an aggregate rejects rows in `process`: in `finish` there is no batch any more")
    for row in (*(origins or ()), *rejected):
        if not isinstance(row, int) or not 0 <= row < all_:
            raise InternalError(f"there is no row {row} in {all_}")
    for row in origins or ():
        if row in rejected:
            raise InternalError(f"the row {row} is both rejected and made a row of")
    if origins is None and made_of is MadeOf.BATCH and (len(rows) != all_ or rejected):
        if not len(rows):
            rows._origins = []
            return
        raise InternalError(
            f"{len(rows)} rows were made of {all_}, and {len(rejected)} rejected, without saying which",
            hint="call `push_from` with the row that each is made of",
        )


def _words(value: object) -> str:
    return "None" if value is None else f"`{type(value).__qualname__}`"


def _words_of(wanted: type) -> str:
    return "None" if wanted is type(None) else f"`{wanted.__qualname__}`"
