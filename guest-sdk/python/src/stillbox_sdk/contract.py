"""The contract's own types, as `wit/step.wit` has them.

A step's author has no need of them, beside `stillbox_sdk.testing`. Inside a component they are the bindings' classes, because
those are what the border takes; elsewhere they are the classes here, which have the same fields. A test holds the two
against each other.
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
        """Values of varying length: value `i` is `bytes[offsets[i]:offsets[i + 1]]`."""

        offsets: list[int]
        bytes: bytes

    @dataclass
    class Vectors:
        """Vectors of one width: value `i` is `elements[i * width:(i + 1) * width]`."""

        width: int
        elements: list[float]

    @dataclass
    class Values_Boolean:
        """One bit a row, the least significant bit of a byte first."""

        value: bytes

    @dataclass
    class Values_Integer:
        """One number of 64 bits a row."""

        value: list[int]

    @dataclass
    class Values_Float:
        """One number a row."""

        value: list[float]

    @dataclass
    class Values_Text:
        """One UTF-8 text a row."""

        value: Texts

    @dataclass
    class Values_Binary:
        """One string of bytes a row."""

        value: Texts

    @dataclass
    class Values_Json:
        """One JSON value a row, in UTF-8."""

        value: Texts

    @dataclass
    class Values_Vector:
        """One vector a row."""

        value: Vectors

    Values = Union[
        Values_Boolean, Values_Integer, Values_Float, Values_Text, Values_Binary, Values_Json, Values_Vector
    ]

    @dataclass
    class Column:
        """One column of a batch. A set bit of `validity` is a value; without one no row is null."""

        name: str
        validity: bytes | None
        values: Values

    @dataclass
    class Batch:
        """Some rows, in columns."""

        rows: int
        columns: list[Column]

    @dataclass
    class Location:
        """A place in the step's source, line and column from 1."""

        file: str
        line: int
        column: int | None

    class ErrorKind(Enum):
        """What went wrong, for the host to decide what to do."""

        PARAMETERS = 0
        INPUT = 1
        TRANSIENT = 2
        INTERNAL = 3

    @dataclass
    class StepError:
        """An error in the step's own words."""

        kind: ErrorKind
        message: str
        causes: list[str]
        location: Location | None
        trace: list[str]
        hint: str | None
        retry_after_ms: int | None

    @dataclass
    class Rejection:
        """A row that the step refuses."""

        row: int
        error: StepError

    @dataclass
    class Output:
        """What a step makes of a batch."""

        rows: int
        columns: list[Column]
        origins: list[int] | None
        rejections: list[Rejection]

    class Kind(Enum):
        """How the host drives a step."""

        SOURCE = 0
        TRANSFORM = 1
        AGGREGATE = 2

    @dataclass
    class Manifest:
        """What the step is."""

        name: str
        version: str
        summary: str
        kind: Kind
        parameters: str

    @dataclass
    class Signature:
        """The columns in and out of a step."""

        inputs: list[Field]
        outputs: list[Field]

else:
    globals().update({name: value for name, value in vars(_bindings).items() if name[0].isupper()})
