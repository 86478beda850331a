"""Parameters: their types, their schema, the messages for mistakes, and the columns that they name. The messages equal those of the
SDK for Rust."""

from __future__ import annotations

import enum
import importlib
import json
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import pytest

from stillbox_sdk import column, parameter, step
from stillbox_sdk.contract import DataType, ErrorKind, Kind
from stillbox_sdk.testing import Failed, bind, manifest, values


class Mode(enum.Enum):
    FAST = 1
    VERY_SLOW = 2


@dataclass
class Nested:
    name: str
    depth: Annotated[int, parameter(min=0, max=255)] = 1
    """The depth."""

    def __post_init__(self) -> None:
        if self.name == "wrong":
            raise ValueError("the name is wrong")


@dataclass
class Everything:
    column: str
    """The column to read,
    and to write.

    It "must" be a text.
    """
    other_column: str | None = None
    language: str = "de"
    min_words: Annotated[int, parameter(min=1)] = 5
    max_words: Annotated[int | None, parameter(max=100)] = None
    share: Annotated[float, parameter(min=0, max=1)] = 0.5
    strict: bool = False
    mode: Mode = Mode.VERY_SLOW
    tone: Literal["loud", "low"] = "low"
    numbers: Annotated[list[int], parameter(max=9)] = field(default_factory=lambda: [1, 2])
    kind: Annotated[Nested | None, parameter(name="type")] = None
    weights: dict[str, float] = field(default_factory=dict)
    anything: Any | None = None

    def __post_init__(self) -> None:
        if self.max_words is not None and self.min_words > self.max_words:
            raise ValueError("`min-words` is above `max-words`")


@dataclass
class Row:
    text: Annotated[str, column(from_parameter="column")]


@dataclass
class Written:
    text: Annotated[str, column(from_parameter="column")]
    other: Annotated[str, column(from_parameter="other-column")]
    parameters: Annotated[str, column(name="parameters as read")]


@step
def everything(parameters: Everything, row: Row) -> Written:
    """Does nothing
    of use.

    Not part of the summary.
    """
    return Written(row.text.upper(), "", repr(parameters))


@dataclass
class Plain:
    text: str


@step
def without(row: Plain) -> bool:
    return True


def message(parameters: dict[str, Any] | str, target: object = everything) -> str:
    with pytest.raises(Failed) as failed:
        bind(target, parameters)
    assert failed.value.error.kind is ErrorKind.PARAMETERS
    return failed.value.error.message


def test_parameters_are_read_from_json():
    given = {
        "column": "body",
        "other-column": "new",
        "language": "\u00e4",
        "min-words": 7,
        "max-words": 100,
        "share": 1,
        "strict": True,
        "mode": "fast",
        "tone": "loud",
        "numbers": [],
        "type": {"name": "x"},
        "weights": {"a": 1},
        "anything": [None],
    }
    output = bind(everything, given).process({"body": ["text"]})
    assert values(output, "body") == ["TEXT"]
    assert values(output, "parameters as read") == [
        repr(
            Everything(
                "body", "new", "ä", 7, 100, 1.0, True, Mode.FAST, "loud", [], Nested("x", 1), {"a": 1.0}, [None]
            )
        )
    ]
    output = bind(everything, {"column": "a"}).process({"a": ["text"]})
    assert values(output, "parameters as read") == [repr(Everything("a"))]


def test_two_columns_with_the_same_name_are_rejected():
    assert message({"column": "same", "other-column": "same"}) == (
        "two output columns have the name `same`, set by the parameter `column` and the parameter `other-column`"
    )
    assert message({"column": "other"}) == (
        "two output columns have the name `other`, set by the parameter `column` and the field `other`"
    )


@pytest.mark.parametrize(
    ("parameters", "wanted"),
    [
        ({}, "`column` is missing, and there is no default"),
        ("", "`column` is missing, and there is no default"),
        ("[]", "the parameters must be an object, not a list"),
        ("{", "the parameters are not JSON"),
        ('{"column": NaN}', "the parameters are not JSON"),
        ("[" * 100_000, "the parameters are not JSON"),
    ],
)
def test_parameters_that_are_missing_or_not_an_object_are_rejected(parameters, wanted):
    assert message(parameters) == wanted


@pytest.mark.parametrize(
    ("key", "value", "wanted"),
    [
        ("min_words", 1, "unknown parameter `min_words`, did you mean `min-words`?"),
        ("type", {"name": "x", "dept": 1}, "unknown parameter `type.dept`, did you mean `depth`?"),
        ("type", {"name": "x", "colour": 1}, "unknown parameter `type.colour`; expected one of `name`, `depth`"),
        ("language", 1, "`language` must be a text, not 1"),
        ("min-words", "five", '`min-words` must be an integer, not the text "five"'),
        ("min-words", 1.0, "`min-words` must be an integer, not 1.0"),
        ("min-words", 5.5, "`min-words` must be an integer, not 5.5"),
        ("min-words", True, "`min-words` must be an integer, not true"),
        ("min-words", None, "`min-words` must be an integer, not null"),
        ("min-words", 0, "`min-words` must be at least 1, not 0"),
        ("min-words", 2**63, f"`min-words` must be from {-(2**63)} to {2**63 - 1}, not {2**63}"),
        ("max-words", 101, "`max-words` must be at most 100, not 101"),
        ("share", True, "`share` must be a number, not true"),
        ("share", 1.5, "`share` must be from 0 to 1, not 1.5"),
        ("share", 10**400, f"`share` must be a number in range, not {10**400}"),
        ("strict", "true", '`strict` must be true or false, not the text "true"'),
        ("numbers", {}, "`numbers` must be a list, not an object"),
        ("numbers", [1, "a"], '`numbers[1]` must be an integer, not the text "a"'),
        ("numbers", [1, 10], "`numbers[1]` must be at most 9, not 10"),
        ("weights", {"a": "b"}, '`weights.a` must be a number, not the text "b"'),
        ("type", [], "`type` must be an object, not a list"),
        ("type", {"name": "wrong"}, "`type`: the name is wrong"),
        ("mode", 1, "`mode` must be a text, not 1"),
        ("mode", "quick", '`mode` cannot be "quick"; expected one of `fast`, `very-slow`'),
        ("mode", "fats", '`mode` cannot be "fats", did you mean `fast`?'),
        ("tone", "lowd", '`tone` cannot be "lowd", did you mean `loud`?'),
        ("language", ["ä" * 50], "`language` must be a text, not a list"),
        ("strict", "ä" * 50, f'`strict` must be true or false, not the text "{"ä" * 40}"...'),
    ],
)
def test_an_invalid_parameter_is_reported(key, value, wanted):
    assert message({"column": "a", key: value}) == wanted


def test_all_problems_are_reported_at_once():
    given = {"colum": "a", "min-words": "x", "numbers": ["y", 1, 11], "type": {"depth": 256}}
    assert message(given) == (
        "unknown parameter `colum`, did you mean `column`?; `column` is missing, and there is no default; "
        '`min-words` must be an integer, not the text "x"; `numbers[0]` must be an integer, not the text "y"; '
        "`numbers[2]` must be at most 9, not 11; `type.name` is missing, and there is no default; "
        "`type.depth` must be from 0 to 255, not 256"
    )


@dataclass
class Common:
    column: str
    """The column to read."""


def test_inherited_parameters_have_their_descriptions():
    @dataclass
    class Parameters(Common):
        count: int = 1
        """The number."""

    @step
    def inherited(parameters: Parameters, row: Row) -> bool:
        return True

    properties = json.loads(manifest(inherited).parameters)["properties"]
    assert [known["description"] for known in properties.values()] == ["The column to read.", "The number."]


def test_annotations_are_resolved_in_their_own_module(tmp_path, monkeypatch):
    (tmp_path / "own_rows.py").write_text(
        "from __future__ import annotations\nfrom dataclasses import dataclass\n\nValue = str\n\n\n"
        "@dataclass\nclass Row:\n    value: Value\n"
    )
    (tmp_path / "own_step.py").write_text(
        "from __future__ import annotations\nfrom own_rows import Row\nfrom stillbox_sdk import step\n\nValue = 7\n\n\n"
        "@step\ndef keep(row: Row) -> bool:\n    return True\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert bind(importlib.import_module("own_step").keep).signature.inputs[0].data_type is DataType.TEXT


def test_the_check_of_several_parameters_runs_last():
    with pytest.raises(Failed) as failed:
        bind(everything, {"column": "a", "min-words": 9, "max-words": 8})
    error = failed.value.error
    assert (error.kind, error.message) == (ErrorKind.PARAMETERS, "ValueError: `min-words` is above `max-words`")
    assert error.location is not None and error.location.file.endswith("test_parameters.py")


def test_a_step_without_parameters_rejects_any_parameter():
    assert message({"column": "a"}, without) == "unknown parameter `column`; no parameters are expected"
    assert json.loads(manifest(without).parameters) == {"type": "object", "properties": {}, "additionalProperties": False}


def test_the_manifest_describes_every_parameter_in_order():
    described = manifest(everything)
    assert (described.name, described.kind, described.summary) == ("everything", Kind.TRANSFORM, "Does nothing of use.")
    schema = json.loads(described.parameters)
    assert schema == {
        "type": "object",
        "properties": {
            "column": {"description": 'The column to read,\nand to write.\n\nIt "must" be a text.', "type": "string"},
            "other-column": {"type": "string"},
            "language": {"type": "string", "default": "de"},
            "min-words": {"type": "integer", "minimum": 1, "maximum": 2**63 - 1, "default": 5},
            "max-words": {"type": "integer", "minimum": -(2**63), "maximum": 100},
            "share": {"type": "number", "minimum": 0, "maximum": 1, "default": 0.5},
            "strict": {"type": "boolean", "default": False},
            "mode": {"type": "string", "enum": ["fast", "very-slow"], "default": "very-slow"},
            "tone": {"type": "string", "enum": ["loud", "low"], "default": "low"},
            "numbers": {
                "type": "array",
                "items": {"type": "integer", "minimum": -(2**63), "maximum": 9},
                "default": [1, 2],
            },
            "type": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "depth": {"description": "The depth.", "type": "integer", "minimum": 0, "maximum": 255, "default": 1},
                },
                "required": ["name"],
                "additionalProperties": False,
            },
            "weights": {"type": "object", "additionalProperties": {"type": "number"}, "default": {}},
            "anything": {},
        },
        "required": ["column"],
        "additionalProperties": False,
    }
    assert list(schema["properties"])[:3] == ["column", "other-column", "language"]
