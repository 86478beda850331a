"""The parameters of a step: a JSON object, read into a dataclass."""

from __future__ import annotations

import dataclasses
import enum
import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass
from typing import Any, Literal, get_args, get_origin

from .errors import DefinitionError, ParameterError, StepError
from .failures import CAUGHT, format_message
from .hints import descriptions, definition_error, resolve_hints, is_dataclass, marker, optional, shown, split
from .json import dumps
from .problems import Problems, suggestion
from .values import INVALID, Anything, Boolean, Choice, Items, Mapped, Nullable, Number, Text, ValueType

_KINDS = (
    "bool, int, float, str, a Literal of strings, an Enum, list, dict[str, ...], another dataclass, Any for any JSON, or one of "
    "them with `| None`"
)


@dataclass(frozen=True)
class parameter:
    """The settings of a parameter in `Annotated`, as in `min_words: Annotated[int, parameter(min=1)] = 5`.

    - `min`, `max`: the smallest and the largest value of a number;
    - `name`: the parameter's name, if it differs from the field's name in kebab-case;
    - `doc`: the description, instead of the string below the field.
    """

    min: float | None = None
    max: float | None = None
    name: str | None = None
    doc: str | None = None


@dataclass(frozen=True)
class _Property:
    """The parameter that a field declares."""

    field: str
    type: ValueType
    description: str
    default: Any
    required: bool

    def schema(self) -> dict[str, Any]:
        described = {"description": self.description} if self.description else {}
        members = {**described, **self.type.schema()}
        if self.default is not MISSING and self.default is not None:
            members["default"] = self.type.write(self.default)
        return members


@dataclass(frozen=True)
class ParametersType(ValueType):
    """The parameters that a dataclass declares: those of a step, or of an object inside the parameters."""

    target: type
    properties: dict[str, _Property]

    def read(self, value: object, at: str, problems: Problems) -> Any:
        if not isinstance(value, dict):
            problems.wrong(at, "an object", value)
            return INVALID
        for key in value:
            if key not in self.properties:
                problems.add(f"unknown parameter `{_path(at, key)}`{suggestion(key, self.properties)}")
        read = {}
        for key, known in self.properties.items():
            if key in value:
                read[known.field] = known.type.read(value[key], _path(at, key), problems)
            elif known.required:
                problems.add(f"`{_path(at, key)}` is missing, and there is no default")
                read[known.field] = INVALID
            elif known.default is MISSING:
                read[known.field] = None
        if any(item is INVALID for item in read.values()):
            return INVALID
        if not at:
            # The outermost dataclass is created later, if there are no problems.
            return read
        try:
            return self.target(**read)
        except CAUGHT as error:
            # `__post_init__` checks parameters against each other.
            problems.add(f"`{at}`: {_check_message(error)}")
            return INVALID

    def schema(self) -> dict[str, Any]:
        required = [key for key, known in self.properties.items() if known.required]
        return {
            "type": "object",
            "properties": {key: known.schema() for key, known in self.properties.items()},
            **({"required": required} if required else {}),
            "additionalProperties": False,
        }

    def write(self, value: Any) -> Any:
        return {key: known.type.write(getattr(value, known.field)) for key, known in self.properties.items()}

    def texts(self) -> dict[str, bool]:
        """Returns the names of the parameters, and whether each is a text, which can name a column."""
        return {key: _is_text(known.type) for key, known in self.properties.items()}

    def text_values(self, parameters: object) -> dict[str, str]:
        """Returns the text parameters that have a value."""
        values = {key: getattr(parameters, known.field) for key, known in self.properties.items() if _is_text(known.type)}
        return {key: value for key, value in values.items() if isinstance(value, str)}


def read_parameters(target: Any, names: Mapping[str, Any], within: tuple[type, ...] = ()) -> ParametersType:
    """Reads the parameters of a dataclass. `within` are the dataclasses that contain it.

    Raises `DefinitionError` for a field that is not a valid parameter.
    """
    if target in within:
        raise definition_error(target, f"`{target.__qualname__}` contains itself, which is not supported for parameters")
    within = (*within, target)
    hints = resolve_hints(target, names)
    texts = descriptions(target)
    properties: dict[str, _Property] = {}
    for field in dataclasses.fields(target):
        if not field.init:
            continue
        inner, extras = split(hints[field.name])
        options = marker(extras, parameter) or parameter()
        kind = _type(inner, options, names, within)
        if kind is None:
            message = f"the field `{field.name}` has the type {shown(inner)}, which is not a parameter type: use {_KINDS}"
            raise definition_error(target, message, field.name)
        key = options.name or field.name.strip("_").replace("_", "-")
        if key in properties:
            raise definition_error(target, f"two parameters have the name `{key}`", field.name)
        default = field.default
        if field.default_factory is not MISSING:
            default = field.default_factory()
        _check_default(target, field.name, kind, key, default)
        required = default is MISSING and not isinstance(kind, Nullable)
        description = options.doc or texts.get(field.name, "")
        properties[key] = _Property(field.name, kind, description, default, required)
    return ParametersType(target, properties)


def _check_default(target: type, name: str, kind: ValueType, key: str, default: Any) -> None:
    """Applies the checks for values, such as the range, to a default.

    Raises `DefinitionError` for an invalid default.
    """
    if default is MISSING or default is None:
        return
    problems = Problems()
    try:
        kind.read(kind.write(default), key, problems)
        problems.raise_if_any()
    except ParameterError as error:
        raise definition_error(target, f"the default of `{name}` is invalid: {error}", name) from None
    except CAUGHT as error:
        message = f"the default of `{name}` does not have the type of the field: {format_message(error)}"
        raise definition_error(target, message, name) from error


def read(kind: ParametersType | None, text: str) -> Any:
    """Reads a step's parameters from a JSON object. An empty text counts as an empty object.

    Raises `ParameterError` with all mistakes.
    """
    try:
        value = json.loads(text if text.strip() else "{}", parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ParameterError("the parameters are not JSON") from error
    problems = Problems()
    found = (kind or _NO_PARAMETERS).read(value, "", problems)
    problems.raise_if_any()
    if kind is None:
        return None
    return kind.target(**found)


def schema(kind: ParametersType | None) -> str:
    """Returns the JSON Schema of a step's parameters."""
    try:
        return dumps((kind or _NO_PARAMETERS).schema())
    except (TypeError, ValueError) as error:
        raise DefinitionError(f"the default of a parameter cannot be converted to JSON: {error}") from error


def _check_message(error: BaseException) -> str:
    """Returns the message of an exception, without the type for a `StepError` or `ValueError`."""
    plain = isinstance(error, (StepError, ValueError)) and type(error).__str__ is Exception.__str__
    return str(error) if plain else format_message(error)


_NO_PARAMETERS = ParametersType(type(None), {})


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _path(at: str, key: str) -> str:
    return f"{at}.{key}" if at else key


def _is_text(kind: ValueType) -> bool:
    return isinstance(kind.inner if isinstance(kind, Nullable) else kind, Text)


def _type(
    annotation: Any, options: parameter, names: Mapping[str, Any], within: tuple[type, ...]
) -> ValueType | None:
    annotation, extras = split(annotation)
    options = marker(extras, parameter) or options
    inner, nullable = optional(annotation)
    if nullable:
        known = _type(inner, options, names, within)
        return None if known is None else Nullable(known)
    if annotation is bool:
        return Boolean()
    if annotation in (int, float):
        return Number(annotation is int, options.min, options.max)
    if annotation is str:
        return Text()
    if annotation in (Any, object):
        return Anything()
    if is_dataclass(annotation):
        return read_parameters(annotation, names, within)
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return Choice.from_members(annotation)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal and all(isinstance(value, str) for value in arguments):
        return Choice.from_members(arguments)
    if annotation in (list, dict):
        return Items(Anything()) if annotation is list else Mapped(Anything())
    if origin is list or (origin is dict and arguments[0] is str):
        item = _type(arguments[-1], options, names, within)
        return None if item is None else Items(item) if origin is list else Mapped(item)
    return None
