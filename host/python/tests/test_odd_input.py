"""Tables and values that are unusual, wrong or hostile."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import stillbox

Guests = dict[str, Path]

TEXT = pa.schema([("text", pa.string())])


@pytest.fixture
def step(guests: Guests) -> stillbox.Step:
    return stillbox.Step(guests["normalize_text"], parameters={"column": "text"})


def invalid_text() -> pa.Array:
    """One text that is not UTF-8."""
    return pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\2\0\0\0"), pa.py_buffer(b"\xff\xfe")])


class Mixed:
    """Rows with the schema of other rows."""

    def __init__(self, schema: pa.RecordBatch, rows: pa.RecordBatch) -> None:
        self.schema, self.rows = schema, rows

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
        return self.schema.__arrow_c_array__()[0], self.rows.__arrow_c_array__()[1]


def stream(*batches: pa.RecordBatch | Exception) -> pa.RecordBatchReader:
    """A stream of texts, one of which may be an exception."""

    def rows() -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if isinstance(batch, Exception):
                raise batch
            yield batch

    return pa.RecordBatchReader.from_batches(TEXT, rows())


NESTED = {"text": ["a  b", "c  d", "e  f"], "l": [[1], [2, 3], None], "s": [{"a": 1}, None, {"a": 3}], "b": [True, None, False]}


@pytest.mark.parametrize(
    ("rows", "texts"),
    [
        (pa.table({"text": pa.chunked_array([], pa.string())}), []),
        (pa.Table.from_batches([], schema=TEXT), []),
        (pa.table({"text": pa.chunked_array([[], ["a  b"], [], ["c"]], pa.string())}), ["a b", "c"]),
        (pa.table(NESTED).slice(1, 2), ["c d", "e f"]),
        (pa.table({"text": pa.array(["a  b", "c", "a  b"]).dictionary_encode()}), ["a b", "c", "a b"]),
        (
            pa.table({"text": pa.chunked_array([pa.array([text]).dictionary_encode() for text in ["a  b", "c"]])}),
            ["a b", "c"],
        ),
        (pa.table({"text": pa.array(["a  b"], pa.large_string())}), ["a b"]),
        (pa.table({"text": pa.array(["a  b"], pa.string_view())}), ["a b"]),
        (pa.table({"text": pa.RunEndEncodedArray.from_arrays([2], ["a  b"])}), ["a b", "a b"]),
        (pa.table({"text": ["a"], "json": pa.array(["{}"], pa.json_()), "id": pa.array([bytes(16)], pa.uuid())}), ["a"]),
        (pa.table({"text": ["x" * 20_000_000]}), ["x" * 20_000_000]),
        # A table of pandas without rows has columns without a type.
        (pa.table({"text": pa.nulls(0)}), []),
        (pa.array([{"text": "a  b"}]), ["a b"]),
    ],
    ids=lambda value: "" if isinstance(value, list) else None,
)
def test_every_layout_of_the_same_texts_is_accepted(step: stillbox.Step, rows: Any, texts: list[str]) -> None:
    out = step(rows)
    assert out.column("text").to_pylist() == texts
    # The other columns are as they were.
    for name in getattr(rows, "column_names", []):
        if name != "text":
            assert out.column(name).to_pylist() == rows.column(name).to_pylist()
            assert out.schema.field(name).type == rows.schema.field(name).type


@pytest.mark.parametrize(
    ("rows", "error", "text"),
    [
        (lambda: pa.table({"text": invalid_text()}), ValueError, "column `text` is not valid: Invalid UTF8"),
        (lambda: pa.table({"text": ["a"], "x": invalid_text()}), ValueError, "column `x` is not valid: Invalid UTF8"),
        (lambda: Mixed(pa.record_batch({"text": ["a"]}), pa.record_batch({"text": [1]})), ValueError, "its schema"),
        (lambda: Mixed(pa.record_batch({"text": ["a"], "x": [1]}), pa.record_batch({"text": ["a"]})), ValueError, "its schema"),
        (lambda: Mixed(pa.record_batch({"text": ["a"]}), pa.record_batch({"text": ["a"], "x": [1]})), ValueError, "its schema"),
        (lambda: stream(pa.record_batch({"text": [1]})), ValueError, "its schema"),
        (lambda: stream(pa.record_batch({"text": ["a"]}), KeyError("middle")), ValueError, "KeyError: 'middle'"),
        (lambda: pa.array(["a"]), ValueError, "the array is of type Utf8, not a table"),
        (lambda: pa.chunked_array([["a"]]), ValueError, "pass a table, not a single column"),
        (lambda: pa.array([{"text": "a"}, None]), ValueError, "null as a whole"),
        (lambda: pa.table([["a"], ["b"]], names=["text", "text"]), stillbox.Failure, 'two columns "text"'),
        (lambda: pa.table({"text": pa.nulls(2)}), stillbox.Failure, "is null, and the step does not take null"),
        (lambda: pa.table({}), stillbox.Failure, 'reads the column "text"'),
        (lambda: {"text": ["a"], "other": [1, 2]}, pa.ArrowInvalid, "expected length 1"),
        (lambda: {1: ["a"]}, TypeError, "names of columns are strings, not 1"),
        (lambda: "text", TypeError, "str has no `__arrow_c_stream__`"),
    ],
)
def test_rows_that_are_no_table_are_errors_with_a_reason(
    step: stillbox.Step, capfd: pytest.CaptureFixture[str], rows: Callable[[], Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(error) as caught:
        step(rows())
    assert text in str(caught.value)
    # A panic on the way is not printed.
    assert capfd.readouterr().err == ""
    assert step({"text": ["a  b"]}).to_pydict() == {"text": ["a b"]}


def test_a_stream_that_fails_or_lies_fails_the_run(guests: Guests, tmp_path: Path) -> None:
    path = tmp_path / "pipeline.toml"
    path.write_text(
        f"""
pipeline = {{ name = "odd" }}
source = [{{ path = "unused.jsonl" }}]
step = [{{ name = "clean", component = "{guests["normalize_text"]}", parameters = {{ column = "text" }} }}]
sink = [{{ path = "output.jsonl" }}]
""",
        encoding="utf-8",
    )
    good = pa.record_batch({"text": ["a  b"]})
    for bad, text in [(KeyError("middle"), "KeyError: 'middle'"), (pa.record_batch({"text": [1]}), "its schema")]:
        with pytest.raises(stillbox.Failure) as caught:
            stillbox.run(path, stream(good, bad))
        assert text in str(caught.value)
        assert sorted(entry.name for entry in tmp_path.iterdir()) == ["pipeline.toml"]


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (float("nan"), ValueError, "parameters.min-bytes is nan"),
        (float("-inf"), ValueError, "parameters.min-bytes is -inf"),
        (2**64, ValueError, "does not fit into 64 bits"),
        (-(2**63) - 1, ValueError, "does not fit into 64 bits"),
        ("\ud800", ValueError, "not valid Unicode"),
        (b"x", TypeError, "of type bytes"),
        ({1: 2}, TypeError, "the key 1"),
        (-1, stillbox.Failure, "must be from 0 to"),
    ],
)
def test_parameters_that_cannot_be_passed_are_named(guests: Guests, value: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        stillbox.Step(guests["keep_long"], parameters={"min-bytes": value})
    assert text in str(caught.value)


def test_numbers_of_numpy_and_paths_are_parameters(guests: Guests, table: pa.Table) -> None:
    numpy = pytest.importorskip("numpy")
    assert stillbox.Step(guests["keep_long"], parameters={"min-bytes": numpy.int64(7)})(table).num_rows == 0
    columns = numpy.array(["text", "id"])
    step = stillbox.Step(guests["concat_columns"], parameters={"columns": columns, "into": Path("both")})
    assert "both" in step({"id": ["1"], "text": ["a"]}).column_names


def test_settings_of_a_wrong_form_are_named(guests: Guests) -> None:
    with pytest.raises(TypeError, match="`parameters` is a dict, not of type list"):
        stillbox.Step(guests["keep_long"], parameters=[1])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="`limits`.time has the text"):
        stillbox.Step(guests["keep_long"], limits={"time": "\ud800"})
    with pytest.raises(stillbox.ConfigError, match="expected a duration"):
        stillbox.Step(guests["keep_long"], limits={"time": float("nan")})
    with pytest.raises(TypeError, match='`set` is a dict with keys such as "filter.min-words"'):
        stillbox.Pipeline("pipeline.toml", set="filter.min-words=5")  # type: ignore[arg-type]


def test_paths_need_not_be_unicode(guests: Guests, tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    folder.mkdir()
    shutil.copy(guests["keep_long"], folder / "step.wasm")
    assert stillbox.Step(folder / "step.wasm")({"id": [1], "text": ["some text"]}).num_rows == 1
    text = 'pipeline = { name = "p" }\nsource = [{ path = "i.jsonl" }]\nsink = [{ path = "o.jsonl" }]\n'
    (folder / "pipeline.toml").write_text(text + 'step = [{ name = "keep", component = "step.wasm" }]\n', encoding="utf-8")
    rows = {"id": [1], "text": ["some text"]}
    assert stillbox.run(folder / "pipeline.toml", rows).rows_in == 1
    assert (folder / "o.jsonl").exists()
    assert stillbox.Pipeline(os.fsencode(folder / "pipeline.toml"), output=os.fsencode(folder / "b.jsonl")).run(rows)
    assert (folder / "b.jsonl").exists()
