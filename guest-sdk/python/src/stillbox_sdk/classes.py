"""Steps that are classes: sources, which create rows, and aggregates, which see all rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from . import contract
from .code import Code
from .columns import Columns
from .contract import ErrorKind, Field
from .failures import describe
from .function import row_constructor, open_batch
from .output import OriginScope, output_from_rows
from .rows import Batch, Rows

P = TypeVar("P")
I = TypeVar("I")  # noqa: E741
O = TypeVar("O")  # noqa: E741


class Source(ABC, Generic[P, O]):
    """A step that creates rows from its parameters alone.

    `P` is the type of the parameters, or `None`; `O` is a dataclass, the type of an output row.
    """

    def __init__(self, parameters: P) -> None:
        """Creates the step. An exception here is reported as an error in the parameters."""
        self.parameters = parameters

    @abstractmethod
    def next(self) -> Rows[O] | list[O] | None:
        """Returns the next rows, or `None` after the last ones."""


class Aggregate(ABC, Generic[P, I, O]):
    """A step that sees all rows of the input, batch by batch.

    `P` is the type of the parameters, or `None`; `I` and `O` are dataclasses, the types of an input row and an output row.
    """

    def __init__(self, parameters: P) -> None:
        """Creates the step. An exception here is reported as an error in the parameters."""
        self.parameters = parameters

    @abstractmethod
    def process(self, batch: Batch[I]) -> Rows[O] | None:
        """Processes the next batch. Rows that are returned here come from rows of this batch; most aggregates return `None`."""

    @abstractmethod
    def finish(self) -> Rows[O] | list[O] | None:
        """Returns the next rows after the last batch, or `None` after the last ones.

        An origin (`Rows.push_from`) is an index into the rows of all batches, from 0. Rows without an origin are new.
        """


class BoundSource:
    """A source that is bound to its parameters."""

    def __init__(self, source: Source[Any, Any], code: Code, columns: Columns, fields: Sequence[Field]) -> None:
        self._source = source
        self._code = code
        self._columns = columns
        self._fields = fields

    def finish(self) -> contract.Output | None:
        """Returns the next output, or `None` after the last one."""
        rows = self._source.next()
        if rows is None:
            return None
        describe_error = describer(self._code, type(self._source))
        return output_from_rows(rows, self._columns, self._fields, OriginScope.NO_ROWS, 0, describe_error)


class BoundAggregate:
    """An aggregate that is bound to its parameters."""

    def __init__(
        self,
        aggregate: Aggregate[Any, Any, Any],
        code: Code,
        columns: tuple[Columns, Columns],
        fields: tuple[Sequence[Field], Sequence[Field]],
    ) -> None:
        self._aggregate = aggregate
        self._inputs, self._outputs = columns
        self._fields = fields
        self._make = row_constructor(self._inputs)
        self._seen = 0
        self._describe = describer(code, type(aggregate))

    def process(self, batch: contract.Batch) -> contract.Output:
        """Processes the next batch."""
        rows = self._aggregate.process(open_batch(self._inputs, self._make, self._fields[0], batch))
        self._seen += batch.rows
        if rows is None:
            rows = Rows([], origins=[])
        return output_from_rows(rows, self._outputs, self._fields[1], OriginScope.BATCH, batch.rows, self._describe)

    def finish(self) -> contract.Output | None:
        """Returns the next output after the last batch, or `None` after the last one."""
        rows = self._aggregate.finish()
        if rows is None:
            return None
        return output_from_rows(rows, self._outputs, self._fields[1], OriginScope.ALL_ROWS, self._seen, self._describe)


def describer(code: Code, target: type) -> Callable[[BaseException], contract.StepError]:
    """Returns a function that converts the exception of a row to an error of the contract."""
    return lambda error: describe(error, code, ErrorKind.INPUT, target)
