"""The types of the contract in `wit/step.wit`.

Authors of steps need them only for unit tests with `stillbox_sdk.testing`. Inside a component they are the classes of the
generated bindings; elsewhere they are the classes in this module, which have the same fields. A test compares the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Union

try:
    from wit_world.imports import types as _bindings  # noqa: F401

    IN_COMPONENT = True
except ImportError:
    IN_COMPONENT = False

if TYPE_CHECKING or not IN_COMPONENT:

    class DataType(Enum):
        """The type of a column."""

        BOOLEAN = 0
        INTEGER = 1
        FLOAT = 2
        TEXT = 3
        BINARY = 4
        JSON = 5
        VECTOR = 6

    @dataclass
    class Field:
        """A column of a signature."""

        name: str
        data_type: DataType
        nullable: bool
        optional: bool

    @dataclass
    class Texts:
        """Values of varying length. Value `i` is `bytes[offsets[i]:offsets[i + 1]]`."""

        offsets: list[int]
        bytes: bytes

    @dataclass
    class Vectors:
        """Vectors of one width. Value `i` is `elements[i * width:(i + 1) * width]`."""

        width: int
        elements: list[float]

    @dataclass
    class Values_Boolean:
        """One bit per row, least significant bit first."""

        value: bytes

    @dataclass
    class Values_Integer:
        """One 64-bit number per row."""

        value: list[int]

    @dataclass
    class Values_Float:
        """One number per row."""

        value: list[float]

    @dataclass
    class Values_Text:
        """One UTF-8 text per row."""

        value: Texts

    @dataclass
    class Values_Binary:
        """One byte string per row."""

        value: Texts

    @dataclass
    class Values_Json:
        """One JSON value per row, in UTF-8."""

        value: Texts

    @dataclass
    class Values_Vector:
        """One vector per row."""

        value: Vectors

    Values = Union[
        Values_Boolean, Values_Integer, Values_Float, Values_Text, Values_Binary, Values_Json, Values_Vector
    ]

    @dataclass
    class Column:
        """One column of a batch. A set bit of `validity` is a value, a clear bit is a null; `None` means no nulls."""

        name: str
        validity: bytes | None
        values: Values

    @dataclass
    class Batch:
        """A number of rows, by column."""

        rows: int
        columns: list[Column]

    @dataclass
    class Location:
        """A place in the step's source, line and column from 1."""

        file: str
        line: int
        column: int | None

    class ErrorKind(Enum):
        """The kind of an error. The host decides by it whether to retry, to reject the row or to stop."""

        PARAMETERS = 0
        INPUT = 1
        TRANSIENT = 2
        INTERNAL = 3

    @dataclass
    class StepError:
        """An error of the step."""

        kind: ErrorKind
        message: str
        causes: list[str]
        location: Location | None
        trace: list[str]
        hint: str | None
        retry_after_ms: int | None

    @dataclass
    class Rejection:
        """A row that the step rejects."""

        row: int
        error: StepError

    @dataclass
    class Output:
        """The output of a step for a batch."""

        rows: int
        columns: list[Column]
        origins: list[int] | None
        rejections: list[Rejection]

    class Kind(Enum):
        """The order in which the host calls a step."""

        SOURCE = 0
        TRANSFORM = 1
        AGGREGATE = 2

    @dataclass
    class Manifest:
        """The description of a step."""

        name: str
        version: str
        summary: str
        kind: Kind
        parameters: str

    @dataclass
    class Signature:
        """The input and output columns of a step."""

        inputs: list[Field]
        outputs: list[Field]

else:
    globals().update({name: value for name, value in vars(_bindings).items() if name[0].isupper()})
