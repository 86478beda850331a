"""Converts the rows that a step returns to an output of the contract."""

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

# Converts an exception to an error of the contract.
Describe = Callable[[BaseException], contract.StepError]


class MadeOf(Enum):
    """The input rows that origins refer to."""

    BATCH = "the rows of a batch"
    EVERYTHING = "all rows that an aggregate has seen"
    NOTHING = "no rows"


@dataclass(frozen=True)
class Made:
    """Output rows, as objects or in columns, with their origins."""

    columns: Columns
    fields: Sequence[Field]
    rows: Sequence[Any]
    origins: list[int] | None
    rejected: dict[int, contract.StepError]
    rejects: bool = True

    def output(self, describe: Describe) -> contract.Output:
        """Returns the output. An output row with a value that does not fit its column rejects the input row that it comes from.

        Raises the error of the value if the row has no origin, or if no row can be rejected.
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
            place: InternalError(f"the step returned {_words(row)}, but declares {_words_of(wanted)}")
            for place, row in enumerate(self.rows)
            if not isinstance(row, wanted)
        }

    def _without(self, wrong: dict[int, BaseException], describe: Describe) -> Self:
        """Rejects the origins of the wrong rows, and removes all output rows that come from them."""
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
    """Output rows in columns, by field. `rows` contains the indexes into the columns."""

    lists: Mapping[str, Sequence[Any]]

    def _values(self, field: str) -> list[Any]:
        values = self.lists[field]
        return list(values) if len(self.rows) == len(values) else [values[place] for place in self.rows]

    def _wrong_types(self) -> dict[int, BaseException]:
        return {}


def of_rows(
    rows: object, columns: Columns, fields: Sequence[Field], made_of: MadeOf, all_: int, describe: Describe
) -> contract.Output:
    """Returns the output for the result of a batch function, a source or an aggregate: `Rows`, or a list of rows.

    Raises `InternalError` if the rows break the rules of the contract.
    """
    if isinstance(rows, list):
        rows = Rows(rows)
    if not isinstance(rows, Rows):
        raise InternalError(f"the step returned {_words(rows)}, but declares rows")
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
            raise InternalError(f"the rows have the columns {sorted(rows._columns)}, but the step declares {sorted(wanted)}")
        as_rows = range(len(rows))
        made = _InColumns(columns, fields, as_rows, origins, rejected, rejects, lists=rows._columns)
    return same_rows(made.output(describe), all_ if rejects else None)


def same_rows(output: contract.Output, all_: int | None) -> contract.Output:
    """Removes the origins of an output if each row comes from the input row with the same index."""
    if all_ is not None and output.rows == all_ and not output.rejections and output.origins == list(range(all_)):
        return contract.Output(output.rows, output.columns, None, output.rejections)
    return output


def _check(rows: Rows[Any], made_of: MadeOf, all_: int) -> None:
    """Checks the rules of the contract here, so that the message uses the terms of the SDK."""
    origins, rejected = rows._origins, rows._rejections
    if made_of is MadeOf.NOTHING:
        if origins is not None or rejected:
            raise InternalError("a source has no input rows, but the output names or rejects some")
        return
    if made_of is MadeOf.EVERYTHING and rejected:
        raise InternalError("an aggregate can reject rows only in `process`: `finish` has no batch")
    for row in (*(origins or ()), *rejected):
        if not isinstance(row, int) or not 0 <= row < all_:
            raise InternalError(f"row {row} is out of range: there are {all_} input rows")
    for row in origins or ():
        if row in rejected:
            raise InternalError(f"row {row} is rejected, but an output row comes from it")
    if origins is None and made_of is MadeOf.BATCH and (len(rows) != all_ or rejected):
        if not len(rows):
            rows._origins = []
            return
        raise InternalError(
            f"the step returned {len(rows)} rows for {all_} input rows and rejected {len(rejected)}, without naming the input row "
            "of each",
            hint="call `push_from` with the input row that each row comes from",
        )


def _words(value: object) -> str:
    return "None" if value is None else f"`{type(value).__qualname__}`"


def _words_of(wanted: type) -> str:
    return "None" if wanted is type(None) else f"`{wanted.__qualname__}`"
