"""Reading and writing columns of every type, with and without nulls."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, InitVar, dataclass, replace
from typing import Annotated, Any, Literal

import pytest

from stillbox_sdk import Json, column, step
from stillbox_sdk import contract
from stillbox_sdk.columns import read_columns
from stillbox_sdk.contract import DataType
from stillbox_sdk.encode import bitmap
from stillbox_sdk.decode import bits
from stillbox_sdk.output import OutputRows
from stillbox_sdk.testing import bind, values


@dataclass
class Everything:
    boolean: bool
    integer: int
    float: float
    text: str
    binary: bytes
    raw: Json
    parsed: dict[str, Any]
    vector: list[float]


@step
def same(row: Everything) -> Everything:
    """Returns its input."""
    return row


@dataclass
class Digits:
    raw: Json
    decimal: str
    parsed: Any


@step
def same_digits(row: Digits) -> Digits:
    """Returns its input."""
    return row


@dataclass
class Nulls:
    boolean: bool | None
    integer: int | None
    float: float | None
    text: str | None
    binary: bytes | None
    raw: Json | None
    parsed: Any | None
    vector: list[float] | None


@step
def same_nulls(row: Nulls) -> Nulls:
    """Returns its input."""
    return row


COLUMNS: dict[str, list[Any]] = {
    "boolean": [True, False, True],
    "integer": [0, -(2**63), 2**63 - 1],
    "float": [0.5, -1e300, float("inf")],
    "text": ["", "ä€😀", "plain"],
    "binary": [b"", b"\xff\x00", b"a"],
    "raw": [Json("[1, 2]"), Json("null"), Json('"ä"')],
    "parsed": [{}, {"a": [1, None]}, {"ä": "b"}],
    "vector": [[0.5, 1.0], [2.0, 3.0], [-1.0, 0.0]],
}
WRITTEN = {**COLUMNS, "parsed": ["{}", '{"a":[1,null]}', '{"ä":"b"}']}


def test_values_of_every_type_are_read_and_written_unchanged():
    bound = bind(same)
    kinds = [field.data_type for field in bound.signature.inputs]
    assert kinds == [*DataType.__members__.values()][:6] + [DataType.JSON, DataType.VECTOR]
    assert not any(field.nullable or field.optional for field in bound.signature.inputs)
    output = bound.process(COLUMNS)
    assert {name: values(output, name) for name in COLUMNS} == WRITTEN
    assert all(column.validity is None for column in output.columns)


def test_nulls_of_every_type_are_read_and_written_unchanged():
    bound = bind(same_nulls)
    assert all(field.nullable for field in bound.signature.inputs)
    sent = {name: [None, *listed[1:], None] for name, listed in COLUMNS.items()}
    output = bound.process(sent)
    assert {name: values(output, name) for name in sent} == {
        name: [None, *listed[1:], None] for name, listed in WRITTEN.items()
    }
    nothing = bound.process({name: [None, None] for name in COLUMNS})
    assert all(values(nothing, name) == [None, None] for name in COLUMNS)


def test_an_empty_batch_returns_no_rows():
    output = bind(same).process({name: [] for name in COLUMNS})
    assert output.rows == 0 and all(values(output, name) == [] for name in COLUMNS)


def test_json_and_texts_keep_all_digits():
    number = "12345678901234567890.123456789012345678"
    output = bind(same_digits).process({"raw": [Json(number)], "decimal": [number], "parsed": [2**200]})
    assert [values(output, name) for name in ("raw", "decimal", "parsed")] == [[number], [number], [str(2**200)]]


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 1000])
def test_bitmaps_have_the_least_significant_bit_first(count):
    wanted = [i % 3 == 0 for i in range(count)]
    packed = bitmap(wanted)
    assert len(packed) == (count + 7) // 8
    assert [bool(packed[i // 8] >> (i % 8) & 1) for i in range(count)] == wanted
    assert bits(packed, count) == wanted


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("boolean", 1, "`boolean` must be true or false, not 1"),
        ("integer", True, "`integer` must be an integer, not True"),
        ("integer", 1.0, "`integer` must be an integer, not 1.0"),
        ("integer", 2**63, f"`integer` must be from {-(2**63)} to {2**63 - 1}, not {2**63}"),
        ("float", "x", '`float` must be a number, not the text "x"'),
        ("text", b"x", "`text` must be a text, not a bytes"),
        ("text", "a\ud800", "`text` contains a lone surrogate at index 1, which cannot be encoded as UTF-8"),
        ("text", None, "`text` must be a text, not None"),
        ("binary", "x", '`binary` must be bytes, not the text "x"'),
        ("raw", "[]", '`raw` must be JSON, not the text "[]"'),
        ("parsed", {1, 2}, "`parsed` must be a JSON value, not a set"),
        ("parsed", {"a": float("nan")}, "`parsed` must be a JSON value, not a dict"),
        ("vector", [], "`vector` is an empty vector, but must have at least one element"),
        ("vector", [1.0], "`vector`: a vector has 1 elements, but the first of its column has 2"),
        ("vector", ["x", "y"], "`vector` must be a list of numbers, not a list"),
        ("vector", {1.0, 2.0}, "`vector` must be a list of numbers, not a set"),
        ("vector", b"ab", "`vector` must be a list of numbers, not a bytes"),
    ],
)
def test_a_value_that_does_not_fit_rejects_only_its_row(name, value, message):
    @step
    def spoil(row: Everything) -> Everything:
        if row.integer == 2:
            setattr(row, name, value)
        return row

    columns = {key: [listed[0], listed[1], listed[0]] for key, listed in COLUMNS.items()} | {"integer": [1, 2, 3]}
    output = bind(spoil).process(columns)
    assert (output.rows, output.origins) == (2, [0, 2])
    (rejection,) = output.rejections
    assert (rejection.row, rejection.error.message) == (1, message)


def test_the_conversion_to_an_output_does_not_change_the_rows():
    @dataclass
    class Row:
        n: int

    def describe(error: BaseException) -> contract.StepError:
        return contract.StepError(contract.ErrorKind.INPUT, str(error), [], None, [], None, None)

    columns = read_columns(Row, {}, "output")
    made = OutputRows(columns, columns.resolve({}, "output"), [Row(1), Row("two"), Row(3)], [0, 1, 2], {})  # type: ignore[arg-type]
    output = made.output(describe)
    assert (output.rows, output.origins, [rejection.row for rejection in output.rejections]) == (2, [0, 2], [1])
    assert made.output(describe) == output
    assert len(made.rows) == 3 and not made.rejected
    with pytest.raises(FrozenInstanceError):
        made.rows = []  # type: ignore[misc]


def test_an_integer_that_python_cannot_format_rejects_only_its_row():
    @step
    def spoil(row: Everything) -> Everything:
        huge = 2**20_000
        return {0: row, 1: replace(row, integer=huge), 2: replace(row, float=huge), 3: replace(row, parsed=[huge])}[row.integer]

    columns = {name: [listed[0]] * 4 for name, listed in COLUMNS.items()} | {"integer": [0, 1, 2, 3]}
    output = bind(spoil).process(columns)
    assert (output.rows, output.origins) == (1, [0])
    assert [rejection.error.message for rejection in output.rejections] == [
        f"`integer` must be from {-(2**63)} to {2**63 - 1}, not an integer of 20001 bits",
        "`float` must be a number, not an integer of 20001 bits",
        "`parsed` must be a JSON value, not a list",
    ]


@pytest.mark.parametrize("value", [7, [], "ab", {1.0: 2.0}])
def test_a_value_that_is_not_a_vector_does_not_affect_nulls(value):
    @dataclass
    class Row:
        text: str

    @dataclass
    class Made:
        vector: list[float] | None

    @step
    def make(row: Row) -> Made:
        return Made({"null": None, "wrong": value, "two": [1.0, 2.0]}[row.text])

    output = bind(make).process({"text": ["null", "wrong", "two"]})
    assert (values(output, "vector"), output.origins) == ([None, [1.0, 2.0]], [0, 2])
    assert [rejection.row for rejection in output.rejections] == [1]


def test_rows_are_created_by_name_if_other_arguments_are_between_the_columns():
    @dataclass
    class Row:
        first: str
        scale: InitVar[int] = 1
        second: str = "none"

    @step
    def keep(row: Row) -> Row:
        return row

    output = bind(keep).process({"first": ["a"], "second": ["b"]})
    assert (values(output, "first"), values(output, "second")) == (["a"], ["b"])


def test_values_of_subclasses_and_compatible_types_are_converted():
    class Name(str):
        pass

    @dataclass
    class Row:
        text: str

    @dataclass
    class Made:
        text: str
        float: float
        binary: bytes
        vector: list[float]
        mode: Literal["a", "b"]

    @step
    def make(row: Row) -> Made:
        return Made(Name(row.text), 3, bytearray(b"x"), (1, 2), "a")  # type: ignore[arg-type]

    output = bind(make).process({"text": ["a", "b"]})
    assert (values(output, "text"), values(output, "float")) == (["a", "b"], [3.0, 3.0])
    assert values(output, "vector") == [[1.0, 2.0]] * 2
    assert all(type(value) is float for value in values(output, "float"))


def test_columns_can_have_other_names_and_can_be_optional():
    @dataclass
    class Parameters:
        column: str
        target: str | None = None

    @dataclass
    class Row:
        text: Annotated[str, column(from_parameter="column")]
        full: Annotated[str, column(name="Full Name")]
        score: Annotated[float | None, column(optional=True)]

    @dataclass
    class Made:
        joined: Annotated[str, column(from_parameter="target")]

    @step
    def join(parameters: Parameters, row: Row) -> Made:
        return Made(f"{row.text} {row.full} {row.score}")

    bound = bind(join, {"column": "body"})
    assert [(field.name, field.optional) for field in bound.signature.inputs] == [
        ("body", False),
        ("Full Name", False),
        ("score", True),
    ]
    assert [field.name for field in bound.signature.outputs] == ["joined"]
    assert values(bound.process({"body": ["a"], "Full Name": ["b"]}), "joined") == ["a b None"]
    assert values(bound.process({"body": ["a"], "Full Name": ["b"], "score": [None]}), "joined") == ["a b None"]
    assert bind(join, {"column": "body", "target": "new"}).signature.outputs[0].name == "new"
    with pytest.raises(ValueError, match=r"\['Full Name'\] are missing"):
        bound.process({"body": ["a"]})


def test_an_input_value_that_cannot_be_read_rejects_its_row():
    @dataclass
    class Row:
        parsed: Any
        vector: Annotated[list[float], column(width=3)]

    @step
    def look(row: Row) -> bool:
        return True

    texts = contract.Texts([0, 1, 2], b"1{")
    sent = [
        contract.Column("parsed", None, contract.Values_Json(texts)),
        contract.Column("vector", None, contract.Values_Vector(contract.Vectors(3, [0.0] * 6))),
    ]
    output = bind(look).process(contract.Batch(2, sent))
    assert output.origins == [0]
    error = output.rejections[0].error
    assert error.message == "cannot read the JSON in the column `parsed`"
    assert error.causes[0].startswith("json.decoder.JSONDecodeError: ")
    sent[1] = contract.Column("vector", None, contract.Values_Vector(contract.Vectors(1, [0.0] * 2)))
    output = bind(look).process(contract.Batch(2, sent))
    assert output.rejections[0].error.message == "the vectors in the column `vector` have 1 elements instead of 3"
    assert len(output.rejections) == 2


@dataclass
class Chosen:
    size: Literal["small", "large"]


@dataclass
class MaybeChosen:
    size: Literal["small", "large"] | None


@step
def keep_choice(row: Chosen) -> Chosen:
    """Returns its input."""
    return row


@step
def make_choice(row: MaybeChosen) -> MaybeChosen:
    """Returns a text that is not one of the choices."""
    return replace(row, size="huge" if row.size == "large" else row.size)  # type: ignore[arg-type]


def test_a_text_that_is_not_in_the_literal_rejects_its_row():
    output = bind(keep_choice).process(contract.Batch(3, [_texts("size", ["small", "tiny", "large"])]))
    assert values(output, "size") == ["small", "large"]
    [rejection] = output.rejections
    assert rejection.row == 1
    assert rejection.error.message == 'the text in the column `size` must be one of "small", "large", not "tiny"'

    output = bind(make_choice).process({"size": ["small", None, "large"]})
    assert values(output, "size") == ["small", None]
    [rejection] = output.rejections
    assert rejection.row == 2
    assert rejection.error.message == '`size` must be one of "small", "large", not the text "huge"'


def _texts(name: str, texts: list[str]) -> contract.Column:
    data = "".join(texts).encode()
    offsets = [0]
    for text in texts:
        offsets.append(offsets[-1] + len(text.encode()))
    return contract.Column(name, None, contract.Values_Text(contract.Texts(offsets, data)))
