"""Running a whole step on the desk, in unit tests.

A step's function is called like any other. To test what is around it as well (parameters, names of columns, which rows come
out), `bind` the step and `process` columns:

    bound = bind(count_words, {"column": "body"})
    output = bound.process({"body": ["two words", "one"]})
    assert values(output, "n_words") == [2, 1]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from . import contract
from .columns import TYPES, Columns, ColumnSpec, ColumnType
from .contract import DataType, ErrorKind
from .decode import decode
from .encode import encode
from .failures import CAUGHT, describe
from .json import dumps
from .step import Instance, Step, step_of

_VECTOR = ColumnType(DataType.VECTOR, "a list of numbers")
_BY_DATA_TYPE = {kind.data_type: kind for kind in TYPES.values()} | {DataType.VECTOR: _VECTOR}


class Failed(Exception):
    """A step failed as a whole: `error` is what the host would learn of it."""

    def __init__(self, error: contract.StepError) -> None:
        super().__init__(": ".join([error.message, *error.causes]))
        self.error = error


class Bound:
    """A step, bound to its parameters."""

    def __init__(self, step: Step, signature: contract.Signature, instance: Instance) -> None:
        self.signature = signature
        self._step = step
        self._instance = instance

    def process(self, columns: Mapping[str, Sequence[object]] | contract.Batch) -> contract.Output:
        """Turns a batch into an output. The columns are those of the signature, by name, with the values in Python; columns
        that may be missing can be left out.

        Raises `Failed` with what the step says of the whole batch; the rows that it rejects are in the output. Raises
        `ValueError` for columns that the step doesn't read.
        """
        batch = columns if isinstance(columns, contract.Batch) else self._batch(columns)
        try:
            return self._instance.process(batch)
        except CAUGHT as error:
            raise Failed(describe(error, self._step.code, ErrorKind.INPUT, self._step.target)) from error

    def finish(self) -> contract.Output | None:
        """Makes the next output of a source or an aggregate. Raises `Failed` with what the step says."""
        try:
            return self._instance.finish()
        except CAUGHT as error:
            raise Failed(describe(error, self._step.code, ErrorKind.INTERNAL, self._step.target)) from error

    def _batch(self, columns: Mapping[str, Sequence[object]]) -> contract.Batch:
        lengths = {len(values) for values in columns.values()}
        if len(lengths) != 1:
            raise ValueError(f"the columns of a batch have one length, not {sorted(lengths)}")
        known = {field.name: field for field in self.signature.inputs}
        unknown = [name for name in columns if name not in known]
        missing = [field.name for field in known.values() if field.name not in columns and not field.optional]
        if unknown or missing:
            raise ValueError(f"the step reads {list(known)}: {unknown} are not among them, and {missing} are missing")
        sent = []
        for spec, field in zip(self._step.inputs.specs, self.signature.inputs):
            if field.name not in columns:
                continue
            column = encode(spec, field.name, list(columns[field.name]))
            if isinstance(column, dict):
                raise ValueError(f"the column `{field.name}`: " + "; ".join(map(str, column.values())))
            sent.append(column)
        return contract.Batch(lengths.pop(), sent)


def bind(step: object, parameters: Mapping[str, object] | str = "{}") -> Bound:
    """Binds a step, which is the function or class itself, to parameters: a dictionary or the text of a JSON object.

    Raises `Failed` with everything that is wrong with the parameters.
    """
    made = _step(step)
    try:
        return Bound(made, *made.bind(parameters if isinstance(parameters, str) else dumps(dict(parameters))))
    except CAUGHT as error:
        raise Failed(describe(error, made.code, ErrorKind.PARAMETERS, made.target)) from error


def manifest(step: object) -> contract.Manifest:
    """What the host learns of a step. The name and the version are those of the project only in a component."""
    return _step(step).manifest()


def values(output: contract.Output, name: str) -> list[Any]:
    """The values of an output's column; those of a JSON column are texts.

    Raises `KeyError` where there is no such column.
    """
    by_name = {column.name: column for column in output.columns}
    if name not in by_name:
        raise KeyError(f"the output has no column `{name}`, but {list(by_name)}")
    column = by_name[name]
    kind = _BY_DATA_TYPE[DataType[type(column.values).__name__.removeprefix("Values_").upper()]]
    spec = ColumnSpec(name, name, None, kind, True, False)
    fields = [contract.Field(name, kind.data_type, True, False)]
    return decode(Columns(object, (spec,)), fields, contract.Batch(output.rows, [column]))[0][0]


def _step(target: object) -> Step:
    made = step_of(target)
    if made is None:
        raise TypeError(f"{target!r} is no step: it lacks `@step`")
    return made
