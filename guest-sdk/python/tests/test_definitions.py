"""Mistakes in the definition of a step. Each message names the author's file and line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import pytest

from stillbox_sdk import Aggregate, Batch, DefinitionError, Rows, Source, column, parameter, step


@dataclass
class Row:
    text: str


@dataclass
class Complex:
    text: str
    number: complex


@dataclass
class Parameters:
    when: bytes


@dataclass
class Renamed:
    text: Annotated[str, column(from_parameter="min_words")]


@dataclass
class Missing:
    text: Annotated[str, column(optional=True)]


@dataclass
class Hidden:
    text: str = field(init=False, default="")


def diagnostic(target: Any) -> tuple[str, int | None]:
    with pytest.raises(DefinitionError) as raised:
        step(target)
    error = raised.value
    assert error.file is None or error.file.endswith("test_definitions.py")
    return error.message, error.line


def line_of(text: str) -> int:
    with open(__file__, encoding="utf-8") as file:
        return next(number for number, line in enumerate(file, 1) if line.strip().startswith(text))


def test_a_field_that_is_not_a_column_type_is_reported():
    def wrong(row: Complex) -> bool: ...

    assert diagnostic(wrong) == (
        "the field `number` has the type complex, which is not a column type: use bool, int, float, str, bytes, list[float] for "
        "a vector, Json or Any for JSON, or one of them with `| None` for a column with nulls",
        line_of("number: complex"),
    )


def test_a_field_that_is_not_a_parameter_type_is_reported():
    def wrong(parameters: Parameters, row: Row) -> bool: ...

    message, line = diagnostic(wrong)
    assert message.startswith("the field `when` has the type bytes, which is not a parameter type: use bool, int, ")
    assert line == line_of("when: bytes")


@dataclass
class Tree:
    branches: list[Tree]


def test_parameters_that_contain_themselves_are_rejected():
    def wrong(parameters: Tree, row: Row) -> bool: ...

    message, line = diagnostic(wrong)
    assert (message, line) == ("`Tree` contains itself, which is not supported for parameters", line_of("class Tree") - 1)


def test_a_column_name_from_an_unknown_parameter_is_rejected():
    def wrong(row: Renamed) -> bool: ...

    assert diagnostic(wrong) == (
        "the column of `text` takes its name from the parameter `min_words`, which does not exist; write its name in kebab-case",
        line_of("text: Annotated[str, column(from_parameter"),
    )


def test_an_optional_column_without_none_in_its_type_is_rejected():
    def wrong(row: Missing) -> bool: ...

    assert diagnostic(wrong)[0] == "the column of `text` may be missing, so its type must have `| None`"


def test_an_output_field_that_is_not_an_argument_is_rejected():
    def wrong(row: Row) -> Hidden: ...

    assert diagnostic(wrong)[0] == "the field `text` has `init=False`, but every field of an output must be an argument"


def test_a_mistake_in_the_signature_of_a_function_is_reported():
    def untyped(row) -> bool: ...

    def silent(row: Row): ...

    def nothing() -> bool: ...

    def text(row: str) -> bool: ...

    def number(row: Row) -> int: ...

    def unknown(row: Unknown) -> bool: ...  # type: ignore[name-defined]  # noqa: F821

    async def later(batch: Batch[Row]) -> Rows[None]: ...

    def generated(row: Row) -> bool:
        yield

    line = untyped.__code__.co_firstlineno
    assert diagnostic(untyped) == (f"`{untyped.__qualname__}` has no type annotation for `row`", line)
    assert diagnostic(silent)[0].endswith("has no type annotation for the return value")
    assert diagnostic(nothing)[0].endswith("must take a row, or parameters and a row, not 0 arguments")
    assert diagnostic(text)[0] == "`row` must be a row, which is a dataclass, or a `Batch` of one, not str"
    assert "returns int, which is not supported: return a dataclass, `bool`, " in diagnostic(number)[0]
    assert diagnostic(unknown)[0].startswith("cannot read the annotations of ")
    assert diagnostic(unknown)[0].endswith(": NameError: name 'Unknown' is not defined")
    assert diagnostic(later)[0] == "a step that takes a whole batch is not `async`; take a row instead"
    assert diagnostic(generated)[0].endswith("must be an ordinary function, without `yield`")


def test_a_mistake_in_the_definition_of_a_class_is_reported():
    class Neither:
        pass

    class Half(Source[None, Row]):
        pass

    class Odd(Aggregate[Literal["a"], Row, Row]):  # type: ignore[type-var]
        def process(self, batch: Any) -> None: ...

        def finish(self) -> None: ...

    assert diagnostic(Neither)[0].endswith(
        "must be a `Source[Parameters, Output]` or an `Aggregate[Parameters, Input, Output]`"
    )
    assert diagnostic(Half)[0].endswith("lacks `next`")
    assert diagnostic(Odd)[0] == "`the first type` must be the parameters, which are a dataclass, not Literal['a']"


def test_arguments_that_are_not_positional_are_rejected():
    def many(*rows: Row) -> bool: ...

    def named(*, row: Row) -> bool: ...

    def others(row: Row, **more: Row) -> bool: ...

    for target in (many, named, others):
        assert diagnostic(target)[0].endswith("must take positional arguments only, without `*`")


@dataclass
class OutOfRange:
    width: Annotated[int, parameter(min=1, max=9)] = 0


@dataclass
class NoChoice:
    kind: Literal["a", "b"] = "c"  # type: ignore[assignment]


@dataclass
class InRange:
    width: Annotated[int | None, parameter(min=1)] = None
    parts: Annotated[list[int], parameter(min=1)] = field(default_factory=lambda: [1, 2])


def test_an_invalid_default_is_rejected():
    def out_of_range(parameters: OutOfRange, row: Row) -> bool: ...

    def no_choice(parameters: NoChoice, row: Row) -> bool: ...

    def in_range(parameters: InRange, row: Row) -> bool: ...

    assert diagnostic(out_of_range) == (
        "the default of `width` is invalid: `width` must be from 1 to 9, not 0",
        line_of("width: Annotated[int, parameter(min=1, max=9)]"),
    )
    assert diagnostic(no_choice)[0].startswith("the default of `kind` is invalid: `kind` cannot be \"c\"")
    step(in_range)
