"""Steps that are classes: those that make rows, and those that need to see all of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from . import contract
from .code import Code
from .columns import Columns
from .contract import ErrorKind, Field
from .failures import describe
from .function import maker, opened
from .output import MadeOf, of_rows
from .rows import Batch, Rows

P = TypeVar("P")
I = TypeVar("I")  # noqa: E741
O = TypeVar("O")  # noqa: E741


class Source(ABC, Generic[P, O]):
    """A step that makes rows of nothing but its parameters: `P`, or `None` for none. `O` is a dataclass: a row."""

    def __init__(self, parameters: P) -> None:
        """Makes the step ready. An exception here is about the parameters."""
        self.parameters = parameters

    @abstractmethod
    def next(self) -> Rows[O] | list[O] | None:
        """Makes the next rows, or `None` when there are no more."""


class Aggregate(ABC, Generic[P, I, O]):
    """A step that sees all rows, batch after batch, before it is done.

    `P` are its parameters, or `None`; `I` and `O` are dataclasses: the rows it reads and makes.
    """

    def __init__(self, parameters: P) -> None:
        """Makes the step ready. An exception here is about the parameters."""
        self.parameters = parameters

    @abstractmethod
    def process(self, batch: Batch[I]) -> Rows[O] | None:
        """Takes the next batch. The rows it makes already, if any, are made of rows of this batch: most return `None`."""

    @abstractmethod
    def finish(self) -> Rows[O] | list[O] | None:
        """Makes the next rows, after the last batch, or `None` when there are no more.

        Rows that say what they are made of (`Rows.push_from`) count the rows of all batches, from 0; others are new.
        """


class RunningSource:
    """A source at work."""

    def __init__(self, source: Source[Any, Any], code: Code, columns: Columns, fields: Sequence[Field]) -> None:
        self._source = source
        self._code = code
        self._columns = columns
        self._fields = fields

    def finish(self) -> contract.Output | None:
        """Makes the next output."""
        rows = self._source.next()
        if rows is None:
            return None
        return of_rows(rows, self._columns, self._fields, MadeOf.NOTHING, 0, describer(self._code, type(self._source)))


class RunningAggregate:
    """An aggregate at work."""

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
        self._make = maker(self._inputs)
        self._seen = 0
        self._describe = describer(code, type(aggregate))

    def process(self, batch: contract.Batch) -> contract.Output:
        """Takes the next batch."""
        rows = self._aggregate.process(opened(self._inputs, self._make, self._fields[0], batch))
        self._seen += batch.rows
        if rows is None:
            rows = Rows([], origins=[])
        return of_rows(rows, self._outputs, self._fields[1], MadeOf.BATCH, batch.rows, self._describe)

    def finish(self) -> contract.Output | None:
        """Makes the next output after the last batch."""
        rows = self._aggregate.finish()
        if rows is None:
            return None
        return of_rows(rows, self._outputs, self._fields[1], MadeOf.EVERYTHING, self._seen, self._describe)


def describer(code: Code, target: type) -> Callable[[BaseException], contract.StepError]:
    """What makes an error of the contract of a row's exception."""
    return lambda error: describe(error, code, ErrorKind.INPUT, target)
