"""Converts lists of Python values to the columns of an output, a whole column at a time.

Values are checked in bulk, because the bindings end the instance for a value of the wrong type or range. Only if the check fails
are they checked one by one, to find the rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate, chain
from typing import Any

from . import contract
from .columns import ColumnSpec, ColumnType
from .contract import DataType
from .errors import InputError
from .json import Json, dumps
from .problems import found

_SMALLEST, _LARGEST = -(2**63), 2**63 - 1
_NONE = type(None)
_PLACEHOLDERS: dict[DataType, Any] = {
    DataType.BOOLEAN: False,
    DataType.INTEGER: 0,
    DataType.FLOAT: 0.0,
    DataType.TEXT: "",
    DataType.BINARY: b"",
    DataType.JSON: "null",
}
# These types have a length and can contain numbers, but are unordered or have another meaning.
_NO_VECTORS = (bytes, bytearray, dict, frozenset, set, str)
_DIGITS = bytes([48, 49]) + bytes(254)


def encode(spec: ColumnSpec, name: str, values: Sequence[Any]) -> contract.Column | dict[int, InputError]:
    """Returns a column of the values, or the errors of the values that do not fit, by their indexes."""
    validity = None
    if spec.nullable and None in values:
        validity = bitmap([value is not None for value in values])
        values = _without_nulls(spec.type, values)
    try:
        return contract.Column(name, validity, _encoded(spec, values))
    except (_Unfit, TypeError, ValueError, OverflowError, RecursionError, UnicodeError) as error:
        wrong = {}
        for place, value in enumerate(values):
            why = _why(spec, value)
            if why is not None:
                wrong[place] = why
        if not wrong:
            # Each value fits alone: they are vectors of several widths, or exceed 4 GiB of text.
            wrong = _uneven(spec, values) or {place: InputError(str(error)) for place in range(len(values))}
        return wrong


def bitmap(bits: Iterable[bool]) -> bytes:
    """Returns a bitmap: one bit per row, least significant bit first."""
    digits = bytes(bits)
    if not digits:
        return b""
    return int(digits.translate(_DIGITS)[::-1], 2).to_bytes((len(digits) + 7) // 8, "little")


class _Unfit(Exception):
    """A value does not fit its column."""


def _encoded(spec: ColumnSpec, values: Sequence[Any]) -> contract.Values:
    kind = spec.type.data_type
    types = set(map(type, values))
    if kind is DataType.TEXT:
        if types - {str}:
            values = _exact(values, str)
        if spec.type.choices and not set(values) <= set(spec.type.choices):
            raise _Unfit
        return contract.Values_Text(_texts(values))
    if kind is DataType.INTEGER:
        if types - {int}:
            values = _exact(values, int)
        if values and not (_SMALLEST <= min(values) and max(values) <= _LARGEST):
            raise _Unfit
        return contract.Values_Integer(list(values))
    if kind is DataType.FLOAT:
        if types - {float}:
            values = _floats(values)
        return contract.Values_Float(list(values))
    if kind is DataType.BOOLEAN:
        if types - {bool}:
            raise _Unfit
        return contract.Values_Boolean(bitmap(values))
    if kind is DataType.BINARY:
        if types - {bytes}:
            if any(not isinstance(value, (bytes, bytearray, memoryview)) for value in values):
                raise _Unfit
            values = [bytes(value) for value in values]
        return contract.Values_Binary(_joined(values))
    if kind is DataType.JSON:
        return contract.Values_Json(_texts(_json(spec.type, values)))
    return contract.Values_Vector(_vectors(spec.type, values))


def _exact(values: Sequence[Any], kind: type) -> list[Any]:
    """Converts values of a class or its subclasses to the class itself. `bool` does not count as a subclass of `int`."""
    if any(not isinstance(value, kind) or isinstance(value, bool) for value in values):
        raise _Unfit
    return ["".join([value]) for value in values] if kind is str else [int.__int__(value) for value in values]


def _floats(values: Sequence[Any]) -> list[float]:
    if any(not isinstance(value, (int, float)) or isinstance(value, bool) for value in values):
        raise _Unfit
    return [float(value) for value in values]


def _texts(values: Sequence[str]) -> contract.Texts:
    joined = "".join(values)
    if joined.isascii():
        return contract.Texts(_offsets(map(len, values)), joined.encode("ascii"))
    return _joined([value.encode() for value in values])


def _joined(values: Sequence[bytes]) -> contract.Texts:
    return contract.Texts(_offsets(map(len, values)), b"".join(values))


def _offsets(lengths: Iterable[int]) -> list[int]:
    offsets = list(accumulate(lengths, initial=0))
    if offsets[-1] >= 2**32:
        raise ValueError("a column of a batch has reached 4 GiB")
    return offsets


def _json(kind: ColumnType, values: Sequence[Any]) -> list[str]:
    if kind.parsed:
        return [dumps(value) for value in values]
    if any(not isinstance(value, Json) for value in values):
        raise _Unfit
    return ["".join([value]) for value in values]


def _vectors(kind: ColumnType, values: Sequence[Any]) -> contract.Vectors:
    if not values:
        return contract.Vectors(kind.width or 1, [])
    if any(isinstance(value, _NO_VECTORS) for value in values):
        raise _Unfit
    width = kind.width or len(values[0])
    if width == 0 or set(map(len, values)) != {width}:
        raise _Unfit
    elements = list(chain.from_iterable(values))
    if set(map(type, elements)) - {float}:
        elements = _floats(elements)
    return contract.Vectors(width, elements)


def _without_nulls(kind: ColumnType, values: Sequence[Any]) -> list[Any]:
    """Replaces the nulls among the values with placeholders."""
    if kind.data_type is DataType.VECTOR:
        widths = (len(value) for value in values if isinstance(value, (list, tuple)))
        placeholder: Any = [0.0] * (kind.width or next(filter(None, widths), 1))
    elif kind.parsed:
        placeholder = None
    elif kind.data_type is DataType.JSON:
        placeholder = Json("null")
    elif kind.choices:
        placeholder = kind.choices[0]
    else:
        placeholder = _PLACEHOLDERS[kind.data_type]
    return [placeholder if value is None else value for value in values]


def _why(spec: ColumnSpec, value: Any) -> InputError | None:
    """Returns the error of a value that does not fit its column, or `None`."""
    try:
        _encoded(spec, [value])
        return None
    except (_Unfit, TypeError, ValueError, OverflowError, RecursionError) as error:
        at = f"`{spec.field}`"
        if isinstance(error, UnicodeEncodeError):
            return InputError(f"{at} contains a lone surrogate at index {error.start}, which cannot be encoded as UTF-8")
        if value is None:
            return InputError(f"{at} must be {spec.type.words}, not None", hint="a column with nulls has a type with `| None`")
        integer = isinstance(value, int) and not isinstance(value, bool)
        if spec.type.data_type is DataType.INTEGER and integer:
            return InputError(f"{at} must be from {_SMALLEST} to {_LARGEST}, not {found(value)[:40]}")
        if spec.type.data_type is DataType.VECTOR and isinstance(value, (list, tuple)):
            if spec.type.width is not None and len(value) != spec.type.width:
                return InputError(f"{at} must have {spec.type.width} elements, not {len(value)}")
            if not value:
                return InputError(f"{at} is an empty vector, but must have at least one element")
        wrong = InputError(f"{at} must be {spec.type.words}, not {_found(value)}")
        if spec.type.parsed:
            wrong.__cause__ = error
        return wrong


def _found(value: Any) -> str:
    if isinstance(value, bool):
        return str(value)
    return found(value) if isinstance(value, (str, int, float)) else f"a {type(value).__qualname__}"


def _uneven(spec: ColumnSpec, values: Sequence[Any]) -> dict[int, InputError]:
    if spec.type.data_type is not DataType.VECTOR:
        return {}
    width = len(values[0])
    message = f"`{spec.field}`: a vector has {{}} elements, but the first of its column has {width}"
    return {
        place: InputError(message.format(len(value))) for place, value in enumerate(values) if len(value) != width
    }
