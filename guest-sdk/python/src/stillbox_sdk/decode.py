"""Converts the columns of a batch to lists of Python values, a whole column at a time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import chain
from typing import Any

from . import contract
from .columns import Columns, ColumnSpec
from .contract import Field
from .errors import InputError, InternalError
from .json import Json
from .problems import quoted

# The eight bits of every byte, least significant bit first.
_BITS = tuple(tuple(bool(byte >> bit & 1) for bit in range(8)) for byte in range(256))


class Unreadable:
    """A placeholder for a value that does not fit its field. The row is rejected."""

    __slots__ = ("error",)

    def __init__(self, error: Exception) -> None:
        self.error = error


def decode(columns: Columns, fields: Sequence[Field], batch: contract.Batch) -> tuple[list[list[Any]], bool]:
    """Returns the values of a step's input columns, in the order of its fields, and whether some are `Unreadable`."""
    sent = {column.name: column for column in batch.columns}
    lists, unreadable = [], False
    for spec, field in zip(columns.specs, fields):
        column = sent.get(field.name)
        if column is None:
            if not spec.optional:
                raise InternalError(f"the host sent no column `{field.name}`")
            lists.append([None] * batch.rows)
            continue
        values = _values(spec, column, batch.rows)
        if len(values) != batch.rows:
            raise InternalError(f"the host sent {len(values)} values for {batch.rows} rows in the column `{field.name}`")
        if column.validity is not None:
            valid = bits(column.validity, batch.rows)
            values = [value if there else None for value, there in zip(values, valid)]
        if spec.type.parsed or spec.type.width is not None or spec.type.choices:
            unreadable = unreadable or any(type(value) is Unreadable for value in values)
        lists.append(values)
    return lists, unreadable


def bits(bitmap: bytes, rows: int) -> list[bool]:
    """Returns the first `rows` bits of a bitmap."""
    return list(chain.from_iterable(map(_BITS.__getitem__, bitmap)))[:rows]


def _values(spec: ColumnSpec, column: contract.Column, rows: int) -> list[Any]:
    sent = column.values
    if isinstance(sent, (contract.Values_Integer, contract.Values_Float)):
        return sent.value
    if isinstance(sent, contract.Values_Text):
        texts = _texts(sent.value)
        return _chosen(spec, column.name, texts) if spec.type.choices else texts
    if isinstance(sent, contract.Values_Boolean):
        return bits(sent.value, rows)
    if isinstance(sent, contract.Values_Binary):
        data, offsets = sent.value.bytes, sent.value.offsets
        return [data[start:end] for start, end in zip(offsets, offsets[1:])]
    if isinstance(sent, contract.Values_Json):
        texts = _texts(sent.value)
        if not spec.type.parsed:
            return [Json(text) for text in texts]
        # A null row may have an empty text, which is ignored.
        return [_parsed(text, column.name) if text else None for text in texts]
    return _vectors(spec, column.name, sent.value)


def _texts(texts: contract.Texts) -> list[str]:
    data, offsets = texts.bytes, texts.offsets
    if data.isascii():
        # Every byte is a character, so one call can decode all texts.
        text = data.decode("ascii")
        return [text[start:end] for start, end in zip(offsets, offsets[1:])]
    return [data[start:end].decode() for start, end in zip(offsets, offsets[1:])]


def _chosen(spec: ColumnSpec, name: str, texts: list[str]) -> list[Any]:
    """Replaces texts that are not in the field's `Literal` with `Unreadable`."""
    choices = set(spec.type.choices)
    if choices.issuperset(texts):
        return texts

    def wrong(text: str) -> Unreadable:
        return Unreadable(InputError(f"the text in the column `{name}` must be {spec.type.words}, not {quoted(text)}"))

    return [text if text in choices else wrong(text) for text in texts]


def _parsed(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        wrong = InputError(f"cannot read the JSON in the column `{name}`")
        wrong.__cause__ = error
        return Unreadable(wrong)


def _vectors(spec: ColumnSpec, name: str, vectors: contract.Vectors) -> list[Any]:
    elements, width = vectors.elements, vectors.width
    wanted = spec.type.width
    if wanted is not None and wanted != width:
        wrong = InputError(f"the vectors in the column `{name}` have {width} elements instead of {wanted}")
        return [Unreadable(wrong)] * (len(elements) // width)
    return [elements[start : start + width] for start in range(0, len(elements), width)]
