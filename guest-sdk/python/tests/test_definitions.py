"""Steps that are not written as they have to be: each message names the author's file and line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import pytest

from stillbox_sdk import Aggregate, DefinitionError, Source, column, parameter, step


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


def complaint(target: Any) -> tuple[str, int | None]:
    with pytest.raises(DefinitionError) as raised:
        step(target)
    error = raised.value
    assert error.file is None or error.file.endswith("test_definitions.py")
    return error.message, error.line


def line_of(text: str) -> int:
    with open(__file__, encoding="utf-8") as file:
        return next(number for number, line in enumerate(file, 1) if line.strip().startswith(text))


def test_a_field_that_is_no_column_is_named():
    def wrong(row: Complex) -> bool: ...

    assert complaint(wrong) == (
        "the field `number` is of type complex, which is no column: use bool, int, float, str, bytes, list[float] for a vector, "
        "Json or Any for JSON, or `| None` with one of them for a column with nulls",
        line_of("number: complex"),
    )


def test_a_field_that_is_no_parameter_is_named():
    def wrong(parameters: Parameters, row: Row) -> bool: ...

    message, line = complaint(wrong)
    assert message.startswith("the field `when` is of type bytes, which is no parameter: use bool, int, ")
    assert line == line_of("when: bytes")


@dataclass
class Tree:
    branches: list[Tree]


def test_parameters_that_never_end_are_refused():
    def wrong(parameters: Tree, row: Row) -> bool: ...

    message, line = complaint(wrong)
    assert (message, line) == ("`Tree` is a parameter of itself, which never ends", line_of("class Tree") - 1)


def test_columns_take_names_from_parameters_that_there_are():
    def wrong(row: Renamed) -> bool: ...

    assert complaint(wrong) == (
        "the column of `text` has its name from a parameter: `min_words`, which isn't there; write its name in kebab-case",
        line_of("text: Annotated[str, column(from_parameter"),
    )


def test_optional_columns_may_be_none():
    def wrong(row: Missing) -> bool: ...

    assert complaint(wrong)[0] == "the column of `text` may be missing, so its type must have `| None`"


def test_outputs_are_made_of_all_their_fields():
    def wrong(row: Row) -> Hidden: ...

    assert complaint(wrong)[0] == "the field `text` is no argument, but all fields of a step's output are"


def test_what_a_function_takes_and_returns_is_checked():
    def untyped(row) -> bool: ...

    def silent(row: Row): ...

    def nothing() -> bool: ...

    def text(row: str) -> bool: ...

    def number(row: Row) -> int: ...

    def unknown(row: Unknown) -> bool: ...  # type: ignore[name-defined]  # noqa: F821

    async def later(row: Row) -> bool: ...

    def generated(row: Row) -> bool:
        yield

    line = untyped.__code__.co_firstlineno
    assert complaint(untyped) == (f"`{untyped.__qualname__}` doesn't say of what type is: `row`", line)
    assert complaint(silent)[0].endswith("doesn't say of what type is: what it returns")
    assert complaint(nothing)[0].endswith("must take a row, or parameters and a row, not 0 arguments")
    assert complaint(text)[0] == "`row` must be a row, which is a dataclass, or a `Batch` of one, not str"
    assert "returns int, which a step cannot: return a dataclass, `bool`, " in complaint(number)[0]
    assert complaint(unknown)[0].endswith("cannot be read: NameError: name 'Unknown' is not defined")
    assert complaint(later)[0].endswith("must be an ordinary function, without `async` and `yield`")
    assert complaint(generated)[0].endswith("must be an ordinary function, without `async` and `yield`")


def test_what_a_class_lacks_is_told():
    class Neither:
        pass

    class Half(Source[None, Row]):
        pass

    class Odd(Aggregate[Literal["a"], Row, Row]):  # type: ignore[type-var]
        def process(self, batch: Any) -> None: ...

        def finish(self) -> None: ...

    assert complaint(Neither)[0].endswith(
        "must be a `Source[Parameters, Output]` or an `Aggregate[Parameters, Input, Output]`"
    )
    assert complaint(Half)[0].endswith("lacks `next`")
    assert complaint(Odd)[0] == "`the first type` must be the parameters, which are a dataclass, not Literal['a']"


def test_arguments_come_by_their_places():
    def many(*rows: Row) -> bool: ...

    def named(*, row: Row) -> bool: ...

    def others(row: Row, **more: Row) -> bool: ...

    for target in (many, named, others):
        assert complaint(target)[0].endswith("must take its arguments by their places, without `*`")


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


def test_defaults_are_held_against_what_is_asked_of_values():
    def out_of_range(parameters: OutOfRange, row: Row) -> bool: ...

    def no_choice(parameters: NoChoice, row: Row) -> bool: ...

    def in_range(parameters: InRange, row: Row) -> bool: ...

    assert complaint(out_of_range) == (
        "the default of `width` would be refused: `width` must be from 1 to 9, not 0",
        line_of("width: Annotated[int, parameter(min=1, max=9)]"),
    )
    assert complaint(no_choice)[0].startswith("the default of `kind` would be refused: `kind` cannot be \"c\"")
    step(in_range)
