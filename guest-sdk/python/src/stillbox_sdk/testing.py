"""Runs a whole step natively, in unit tests.

A test can call a step's function directly. To test parameters, column names and origins as well, `bind` the step and `process`
columns:

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
from .dropped import take_sent
from .encode import encode
from .failures import CAUGHT, describe
from .json import dumps
from .step import Instance, Step, find_step

_VECTOR = ColumnType(DataType.VECTOR, "a list of numbers")
_BY_DATA_TYPE = {kind.data_type: kind for kind in TYPES.values()} | {DataType.VECTOR: _VECTOR}


class Failed(Exception):
    """A step definition_error as a whole. `error` is the error that the host would receive."""

    def __init__(self, error: contract.StepError) -> None:
        super().__init__(": ".join([error.message, *error.causes]))
        self.error = error


class Bound:
    """A step that is bound to its parameters."""

    def __init__(self, step: Step, signature: contract.Signature, instance: Instance) -> None:
        self.signature = signature
        self._step = step
        self._instance = instance

    def process(self, columns: Mapping[str, Sequence[object]] | contract.Batch) -> contract.Output:
        """Turns a batch into an output. The argument contains the columns of the signature by name, as Python values. Optional
        columns can be left out.

        Raises `Failed` if the step fails for the whole batch; rejected rows are part of the output. Raises `ValueError` for columns
        that the step does not read.
        """
        batch = columns if isinstance(columns, contract.Batch) else self._batch(columns)
        try:
            return self._instance.process(batch)
        except CAUGHT as error:
            raise Failed(describe(error, self._step.code, ErrorKind.INPUT, self._step.target)) from error

    def finish(self) -> contract.Output | None:
        """Returns the next output of a source or an aggregate, or `None` after the last one. Raises `Failed` if the step fails."""
        try:
            return self._instance.finish()
        except CAUGHT as error:
            raise Failed(describe(error, self._step.code, ErrorKind.INTERNAL, self._step.target)) from error

    def _batch(self, columns: Mapping[str, Sequence[object]]) -> contract.Batch:
        lengths = {len(values) for values in columns.values()}
        if len(lengths) != 1:
            raise ValueError(f"the columns of a batch must have the same length, not {sorted(lengths)}")
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
    """Binds a step, given as its function or class, to parameters: a dictionary or the text of a JSON object.

    Raises `Failed` with all mistakes in the parameters.
    """
    made = _step(step)
    try:
        return Bound(made, *made.bind(parameters if isinstance(parameters, str) else dumps(dict(parameters))))
    except CAUGHT as error:
        raise Failed(describe(error, made.code, ErrorKind.PARAMETERS, made.target)) from error


def drop_reasons() -> list[tuple[int, str]]:
    """Returns the reasons that steps have given for dropped rows since the last call, with the index of each row."""
    return take_sent()


def manifest(step: object) -> contract.Manifest:
    """Returns the manifest of a step. Only in a component does it have the name and the version of the project."""
    return _step(step).manifest()


def values(output: contract.Output, name: str) -> list[Any]:
    """Returns the values of an output's column. The values of a JSON column are unparsed.

    Raises `KeyError` for an unknown column.
    """
    by_name = {column.name: column for column in output.columns}
    if name not in by_name:
        raise KeyError(f"the output has no column `{name}`; its columns are {list(by_name)}")
    column = by_name[name]
    kind = _BY_DATA_TYPE[DataType[type(column.values).__name__.removeprefix("Values_").upper()]]
    spec = ColumnSpec(name, name, None, kind, True, False)
    fields = [contract.Field(name, kind.data_type, True, False)]
    return decode(Columns(object, (spec,)), fields, contract.Batch(output.rows, [column]))[0][0]


def _step(target: object) -> Step:
    made = find_step(target)
    if made is None:
        raise TypeError(f"{target!r} is not a step: it lacks `@step`")
    return made
