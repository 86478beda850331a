"""The columns of a signature: what the fields of a dataclass say of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from .contract import DataType, Field
from .errors import ParameterError
from .hints import failed, hints_of, marker, optional, shown, split
from .json import Json, dumps

if TYPE_CHECKING:
    from .parameters import ParametersType


@dataclass(frozen=True)
class column:
    """What `Annotated` says of a column, as in `text: Annotated[str, column(name="Full Name")]`.

    - `name`: the column has another name than the field;
    - `from_parameter`: a parameter, whose value is a text, gives the column's name; without a value for it the column has the
      name of the field;
    - `optional`: the column may be missing. The field is `None` then, in every row;
    - `width`: the elements of each vector, where another width rejects the row.
    """

    name: str | None = None
    from_parameter: str | None = None
    optional: bool = False
    width: int | None = None


@dataclass(frozen=True)
class ColumnType:
    """How the values of a column are read and written."""

    data_type: DataType
    # What stands for a value in Python, for messages.
    words: str
    # Parsed JSON, and not its text.
    parsed: bool = False
    width: int | None = None
    # The only texts that there may be; all, where there are none.
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
    "bool, int, float, str, bytes, list[float] for a vector, Json or Any for JSON, or `| None` with one of them for a column "
    "with nulls"
)


@dataclass(frozen=True)
class ColumnSpec:
    """What a field says of its column."""

    field: str
    name: str
    from_parameter: str | None
    type: ColumnType
    nullable: bool
    optional: bool

    def resolve(self, texts: Mapping[str, str]) -> Field:
        """The column, once the parameters that are texts may have named it."""
        name = texts.get(self.from_parameter or "", self.name)
        return Field(name, self.type.data_type, self.nullable, self.optional)

    def origin(self, texts: Mapping[str, str]) -> str:
        """Where the column has its name from, for a message."""
        given = self.from_parameter in texts
        return f"the parameter `{self.from_parameter}`" if given else f"the field `{self.field}`"


@dataclass(frozen=True)
class Columns:
    """The columns of a dataclass: a step's input, or its output."""

    type: type
    specs: tuple[ColumnSpec, ...]

    def resolve(self, texts: Mapping[str, str], side: str) -> list[Field]:
        """The columns, once the parameters that are texts have named them.

        Raises `ParameterError` where two have the same name.
        """
        fields = [spec.resolve(texts) for spec in self.specs]
        first: dict[str, int] = {}
        for i, field in enumerate(fields):
            if field.name in first:
                one, other = (self.specs[at].origin(texts) for at in (first[field.name], i))
                raise ParameterError(f"two {side} columns have the name `{field.name}`: {one} and {other} give it")
            first[field.name] = i
        return fields


# The columns of a step that adds none.
NOTHING = Columns(type(None), ())


def columns_of(target: Any, names: Mapping[str, Any], side: Literal["input", "output"]) -> Columns:
    """Reads the columns of a dataclass.

    Raises `DefinitionError` for a field that cannot be one.
    """
    hints = hints_of(target, names)
    specs = []
    for field in dataclasses.fields(target):
        if not field.init:
            if side == "input":
                continue
            raise failed(target, f"the field `{field.name}` is no argument, but all fields of a step's output are", field.name)
        spec = _spec(target, field.name, hints[field.name])
        if spec.optional and side == "output":
            raise failed(target, f"the field `{field.name}` is optional, but an output column never is", field.name)
        specs.append(spec)
    return Columns(target, tuple(specs))


def check_names(columns: Columns, parameters: ParametersType | None) -> None:
    """Checks that columns take their names from parameters that there are.

    Raises `DefinitionError` where one doesn't.
    """
    known = {} if parameters is None else parameters.texts()
    for spec in columns.specs:
        if spec.from_parameter is None or known.get(spec.from_parameter, False):
            continue
        why = "is no text" if spec.from_parameter in known else "isn't there; write its name in kebab-case"
        message = f"the column of `{spec.field}` has its name from a parameter: `{spec.from_parameter}`, which {why}"
        raise failed(columns.type, message, spec.field)


def _spec(target: type, name: str, annotation: Any) -> ColumnSpec:
    inner, extras = split(annotation)
    inner, nullable = optional(inner)
    inner, more = split(inner)
    options = marker((*extras, *more), column) or column()
    found = _type(inner, options)
    if found is None:
        raise failed(target, f"the field `{name}` is of type {shown(inner)}, which is no column: use {_KINDS}", name)
    if options.optional and not nullable:
        raise failed(target, f"the column of `{name}` may be missing, so its type must have `| None`", name)
    if options.name is not None and options.from_parameter is not None:
        raise failed(target, f"the column of `{name}` has two names: give `name` or `from_parameter`", name)
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
