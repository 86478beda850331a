"""Converts the rows that a step returns to an output of the contract."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import compress
from operator import attrgetter
from typing import Any, Self

from . import contract, dropped
from .columns import Columns
from .contract import Field
from .encode import encode
from .errors import InternalError
from .rows import Rows

# Converts an exception to an error of the contract.
Describe = Callable[[BaseException], contract.StepError]


class OriginScope(Enum):
    """The input rows that origins refer to."""

    BATCH = "the rows of a batch"
    ALL_ROWS = "all rows that an aggregate has seen"
    NO_ROWS = "no rows"


@dataclass(frozen=True)
class OutputRows:
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
        current = self
        while True:
            wrong: dict[int, BaseException] = current._wrong_types()
            encoded = []
            if not wrong:
                for spec, field in zip(current.columns.specs, current.fields):
                    column = encode(spec, field.name, current._values(spec.field))
                    if isinstance(column, dict):
                        wrong.update({place: error for place, error in column.items() if place not in wrong})
                    else:
                        encoded.append(column)
            if not wrong:
                break
            current = current._without(wrong, describe)
        rejections = [contract.Rejection(row, error) for row, error in sorted(current.rejected.items())]
        return contract.Output(len(current.rows), encoded, current.origins, rejections)

    def _values(self, field: str) -> list[Any]:
        return list(map(attrgetter(field), self.rows))

    def _wrong_types(self) -> dict[int, BaseException]:
        wanted = self.columns.type
        if set(map(type, self.rows)) <= {wanted}:
            return {}
        return {
            place: InternalError(f"the step returned {_type_name(row)}, but declares {_declared_name(wanted)}")
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
class _ColumnRows(OutputRows):
    """Output rows in columns, by field. `rows` contains the indexes into the columns."""

    lists: Mapping[str, Sequence[Any]]

    def _values(self, field: str) -> list[Any]:
        values = self.lists[field]
        return list(values) if len(self.rows) == len(values) else [values[place] for place in self.rows]

    def _wrong_types(self) -> dict[int, BaseException]:
        return {}


def output_from_rows(
    rows: object, columns: Columns, fields: Sequence[Field], scope: OriginScope, input_rows: int, describe: Describe
) -> contract.Output:
    """Returns the output for the result of a batch function, a source or an aggregate: `Rows`, or a list of rows.

    Raises `InternalError` if the rows break the rules of the contract.
    """
    if isinstance(rows, list):
        rows = Rows(rows)
    if not isinstance(rows, Rows):
        raise InternalError(f"the step returned {_type_name(rows)}, but declares rows")
    _check(rows, scope, input_rows)
    if scope is OriginScope.BATCH:
        dropped.explain([(row, reason) for row, reason in rows._drops if isinstance(row, int) and 0 <= row < input_rows])
    rejected = {row: describe(error) for row, error in rows._rejections.items()}
    origins = rows._origins
    if origins is None and scope is OriginScope.BATCH:
        origins = list(range(input_rows))
    rejects = scope is OriginScope.BATCH
    if rows._columns is None:
        made = OutputRows(columns, fields, rows._rows, origins, rejected, rejects)
    else:
        wanted = [spec.field for spec in columns.specs]
        if sorted(wanted) != sorted(rows._columns):
            raise InternalError(f"the rows have the columns {sorted(rows._columns)}, but the step declares {sorted(wanted)}")
        as_rows = range(len(rows))
        made = _ColumnRows(columns, fields, as_rows, origins, rejected, rejects, lists=rows._columns)
    return omit_identity_origins(made.output(describe), input_rows if rejects else None)


def omit_identity_origins(output: contract.Output, input_rows: int | None) -> contract.Output:
    """Removes the origins of an output if each row comes from the input row with the same index."""
    if input_rows is not None and output.rows == input_rows and not output.rejections and output.origins == list(range(input_rows)):
        return contract.Output(output.rows, output.columns, None, output.rejections)
    return output


def _check(rows: Rows[Any], scope: OriginScope, input_rows: int) -> None:
    """Checks the rules of the contract here, so that the message uses the terms of the SDK."""
    origins, rejected = rows._origins, rows._rejections
    if scope is OriginScope.NO_ROWS:
        if origins is not None or rejected:
            raise InternalError("a source has no input rows, but the output names or rejects some")
        return
    if scope is OriginScope.ALL_ROWS and rejected:
        raise InternalError("an aggregate can reject rows only in `process`: `finish` has no batch")
    for row in (*(origins or ()), *rejected):
        if not isinstance(row, int) or not 0 <= row < input_rows:
            raise InternalError(f"row {row} is out of range: there are {input_rows} input rows")
    for row in origins or ():
        if row in rejected:
            raise InternalError(f"row {row} is rejected, but an output row comes from it")
    if origins is None and scope is OriginScope.BATCH and (len(rows) != input_rows or rejected):
        if not len(rows):
            rows._origins = []
            return
        raise InternalError(
            f"the step returned {len(rows)} rows for {input_rows} input rows and rejected {len(rejected)}, without naming the input row "
            "of each",
            hint="call `push_from` with the input row that each row comes from",
        )


def _type_name(value: object) -> str:
    return "None" if value is None else f"`{type(value).__qualname__}`"


def _declared_name(wanted: type) -> str:
    return "None" if wanted is type(None) else f"`{wanted.__qualname__}`"
