"""Steps that are functions: of a row, or of a whole batch."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Any

from . import contract, dropped
from .code import Code
from .columns import Columns
from .contract import ErrorKind, Field
from .decode import Unreadable, decode
from .errors import InternalError
from .failures import CAUGHT, describe, has_type
from .forms import REJECTED, Collect
from .hints import definition_error
from .output import OutputRows, OriginScope, output_from_rows, omit_identity_origins
from .rows import Batch


class RowFunction:
    """A function that is called for each row."""

    def __init__(self, function: Callable[..., Any], code: Code, inputs: Columns, outputs: Columns, collect: Collect) -> None:
        # The function that is called for each row, with its model if it takes one.
        self.call = function
        self._function = function
        self._code = code
        self._inputs = inputs
        self._outputs = outputs
        self._collect = collect
        self._make = row_constructor(inputs)

    def process(
        self, arguments: tuple[Any, ...], inputs: Sequence[Field], outputs: Sequence[Field], batch: contract.Batch
    ) -> contract.Output:
        """Calls the function for each row of a batch."""
        lists, unreadable = decode(self._inputs, inputs, batch)
        rejected: dict[int, contract.StepError] = {}
        reasons: list[tuple[int, object]] = []

        def reject(row: int, error: BaseException) -> None:
            if has_type(error, dropped.Drop):
                reasons.append((row, error))
            else:
                rejected[row] = describe(error, self._code, ErrorKind.INPUT, self._function)
            # Otherwise an exception that is raised again for another row would include this traceback.
            BaseException.with_traceback(error, None)

        values = zip(*lists) if lists else iter([()] * batch.rows)
        made = self._call(arguments, values, _checked(self._make) if unreadable else self._make, reject)
        rows, origins = self._collect(made, reject)
        dropped.explain(reasons)
        output = OutputRows(self._outputs, outputs, rows, origins, rejected).output(
            lambda error: describe(error, self._code, ErrorKind.INPUT, self._function)
        )
        return omit_identity_origins(output, batch.rows)

    def _call(
        self,
        arguments: tuple[Any, ...],
        values: Iterator[tuple[Any, ...]],
        make: Callable[..., Any],
        reject: Callable[[int, BaseException], None],
    ) -> list[Any]:
        """Calls the function for each row. Returns what it returned, with `REJECTED` in the place of exceptions, also of `Drop`."""
        made: list[Any] = []
        # Local names keep the loop fast: it contains only the two calls.
        append, function = made.append, self.call
        for row in values:
            try:
                append(function(*arguments, make(*row)))
            except MemoryError as error:
                raise OutOfMemory(len(made)) from error
            except CAUGHT as error:
                reject(len(made), error)
                append(REJECTED)
        return made


class BatchFunction:
    """A function that is called with a whole batch."""

    def __init__(self, function: Callable[..., Any], code: Code, inputs: Columns, outputs: Columns) -> None:
        # The function that is called with each batch, with its model if it takes one.
        self.call = function
        self._function = function
        self._code = code
        self._inputs = inputs
        self._outputs = outputs
        self._make = row_constructor(inputs)

    def process(
        self, arguments: tuple[Any, ...], inputs: Sequence[Field], outputs: Sequence[Field], batch: contract.Batch
    ) -> contract.Output:
        """Calls the function with a batch."""
        rows = self.call(*arguments, open_batch(self._inputs, self._make, inputs, batch))
        if rows is None:
            raise InternalError("the step returned None, but declares rows")
        return output_from_rows(
            rows,
            self._outputs,
            outputs,
            OriginScope.BATCH,
            batch.rows,
            lambda error: describe(error, self._code, ErrorKind.INPUT, self._function),
        )


class OutOfMemory(Exception):
    """The memory was exhausted while processing a row. The cause is the `MemoryError`."""

    def __init__(self, row: int) -> None:
        super().__init__(row)
        self.row = row


def current_row(frame: FrameType | None) -> int | None:
    """Returns the row whose function a frame is a part of, or `None`."""
    while frame is not None:
        if frame.f_code is RowFunction._call.__code__:
            return len(frame.f_locals["made"])
        if frame.f_code.co_qualname == "AsyncRowFunction._call.<locals>.take_rows":
            return frame.f_locals.get("index")
        frame = frame.f_back
    return None


def open_batch(columns: Columns, make: Callable[..., Any], fields: Sequence[Field], batch: contract.Batch) -> Batch[Any]:
    """Opens a batch as rows of a dataclass. Raises `InputError` for a value that does not fit its field."""
    lists, unreadable = decode(columns, fields, batch)
    if unreadable:
        for values in lists:
            for value in values:
                if type(value) is Unreadable:
                    raise value.error
    return Batch([spec.field for spec in columns.specs], lists, batch.rows, make)


def row_constructor(columns: Columns) -> Callable[..., Any]:
    """Returns a function that creates a row from its values in the order of the columns: the class itself, unless its arguments
    have another order."""
    names = [spec.field for spec in columns.specs]
    kind = columns.type
    arguments = inspect.signature(kind).parameters.values()
    # Other arguments are keyword-only, or not columns, such as an `InitVar` with a default.
    first = [argument.name for argument in arguments if argument.kind is argument.POSITIONAL_OR_KEYWORD][: len(names)]
    return kind if first == names else lambda *values: kind(**dict(zip(names, values)))


def _checked(make: Callable[..., Any]) -> Callable[..., Any]:
    def checked(*values: Any) -> Any:
        for value in values:
            if type(value) is Unreadable:
                raise value.error
        return make(*values)

    return checked


def return_type_error(function: Callable[..., Any], returned: str) -> Exception:
    """Returns the error for an unsupported return type."""
    return definition_error(
        function,
        f"`{function.__qualname__}` returns {returned}, which is not supported: return a dataclass, `bool`, `None`, a dataclass "
        "`| None`, or a `list` of one; a function of a `Batch` returns `Rows` of a dataclass or a `list` of one",
    )
