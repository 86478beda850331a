"""The columns of a signature, which the fields of a dataclass declare."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from .contract import DataType, Field
from .errors import ParameterError
from .hints import definition_error, resolve_hints, marker, optional, shown, split
from .json import Json, dumps

if TYPE_CHECKING:
    from .parameters import ParametersType


@dataclass(frozen=True)
class column:
    """The settings of a column in `Annotated`, as in `text: Annotated[str, column(name="Full Name")]`.

    - `name`: the column's name, if it differs from the name of the field;
    - `from_parameter`: the text parameter that sets the column's name. Without a value, the column has the name of the field;
    - `optional`: the column may be missing. The field is then `None` in every row;
    - `width`: the number of elements in each vector. Another width rejects the row.
    """

    name: str | None = None
    from_parameter: str | None = None
    optional: bool = False
    width: int | None = None


@dataclass(frozen=True)
class ColumnType:
    """The type of a column, and its representation in Python."""

    data_type: DataType
    # The description of a value, for messages.
    words: str
    # Whether JSON is parsed.
    parsed: bool = False
    width: int | None = None
    # The allowed texts; empty if all texts are allowed.
    choices: tuple[str, ...] = ()


TYPES = {
    bool: ColumnType(DataType.BOOLEAN, "true or false"),
    int: ColumnType(DataType.INTEGER, "an integer"),
    float: ColumnType(DataType.FLOAT, "a number"),
    str: ColumnType(DataType.TEXT, "a text"),
    bytes: ColumnType(DataType.BINARY, "bytes"),
    Json: ColumnType(DataType.JSON, "JSON"),
}
_PARSED = ColumnType(DataType.JSON, "a JSON value", parsed=True)
_KINDS = (
    "bool, int, float, str, bytes, list[float] for a vector, Json or Any for JSON, or one of them with `| None` for a column "
    "with nulls"
)


@dataclass(frozen=True)
class ColumnSpec:
    """The column that a field declares."""

    field: str
    name: str
    from_parameter: str | None
    type: ColumnType
    nullable: bool
    optional: bool

    def resolve(self, texts: Mapping[str, str]) -> Field:
        """Returns the column, with the name that a text parameter sets."""
        name = texts.get(self.from_parameter or "", self.name)
        return Field(name, self.type.data_type, self.nullable, self.optional)

    def origin(self, texts: Mapping[str, str]) -> str:
        """Describes the origin of the column's name, for a message."""
        given = self.from_parameter in texts
        return f"the parameter `{self.from_parameter}`" if given else f"the field `{self.field}`"


@dataclass(frozen=True)
class Columns:
    """The columns of a dataclass: a step's input, or its output."""

    type: type
    specs: tuple[ColumnSpec, ...]

    def resolve(self, texts: Mapping[str, str], side: str) -> list[Field]:
        """Returns the columns, with the names that text parameters set.

        Raises `ParameterError` if two columns have the same name.
        """
        fields = [spec.resolve(texts) for spec in self.specs]
        first: dict[str, int] = {}
        for i, field in enumerate(fields):
            if field.name in first:
                one, other = (self.specs[at].origin(texts) for at in (first[field.name], i))
                raise ParameterError(f"two {side} columns have the name `{field.name}`, set by {one} and {other}")
            first[field.name] = i
        return fields


# The columns of a step that reads or writes no columns.
NO_COLUMNS = Columns(type(None), ())


def read_columns(target: Any, names: Mapping[str, Any], side: Literal["input", "output"]) -> Columns:
    """Reads the columns of a dataclass.

    Raises `DefinitionError` for a field that is not a valid column.
    """
    hints = resolve_hints(target, names)
    specs = []
    for field in dataclasses.fields(target):
        if not field.init:
            if side == "input":
                continue
            message = f"the field `{field.name}` has `init=False`, but every field of an output must be an argument"
            raise definition_error(target, message, field.name)
        spec = _spec(target, field.name, hints[field.name])
        if spec.optional and side == "output":
            raise definition_error(target, f"the field `{field.name}` is optional, but an output column cannot be", field.name)
        specs.append(spec)
    return Columns(target, tuple(specs))


def check_names(columns: Columns, parameters: ParametersType | None) -> None:
    """Checks that columns take their names from known text parameters.

    Raises `DefinitionError` for an unknown parameter, or one that is not a text.
    """
    known = {} if parameters is None else parameters.texts()
    for spec in columns.specs:
        if spec.from_parameter is None or known.get(spec.from_parameter, False):
            continue
        why = "is not a text" if spec.from_parameter in known else "does not exist; write its name in kebab-case"
        message = f"the column of `{spec.field}` takes its name from the parameter `{spec.from_parameter}`, which {why}"
        raise definition_error(columns.type, message, spec.field)


def _spec(target: type, name: str, annotation: Any) -> ColumnSpec:
    inner, extras = split(annotation)
    inner, nullable = optional(inner)
    inner, more = split(inner)
    options = marker((*extras, *more), column) or column()
    found = _type(inner, options)
    if found is None:
        message = f"the field `{name}` has the type {shown(inner)}, which is not a column type: use {_KINDS}"
        raise definition_error(target, message, name)
    if options.optional and not nullable:
        raise definition_error(target, f"the column of `{name}` may be missing, so its type must have `| None`", name)
    if options.name is not None and options.from_parameter is not None:
        raise definition_error(target, f"the column of `{name}` has two names: set either `name` or `from_parameter`", name)
    return ColumnSpec(name, options.name or name, options.from_parameter, found, nullable, options.optional)


def _type(annotation: Any, options: column) -> ColumnType | None:
    if isinstance(annotation, type) and annotation in TYPES:
        return TYPES[annotation]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (list, Sequence) and arguments == (float,):
        return ColumnType(DataType.VECTOR, "a list of numbers", width=options.width)
    if annotation in (Any, object, dict, list) or origin in (dict, list):
        return _PARSED
    if origin is Literal and all(isinstance(value, str) for value in arguments):
        words = "one of " + ", ".join(map(dumps, arguments))
        return ColumnType(DataType.TEXT, words, choices=arguments)
    return None
