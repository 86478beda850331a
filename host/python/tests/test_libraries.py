"""Tables of other libraries. Each test is an example of docs/python.md."""

from __future__ import annotations

from pathlib import Path

import pytest

import stillbox

Guests = dict[str, Path]


@pytest.fixture
def step(guests: Guests) -> stillbox.Step:
    return stillbox.Step(guests["normalize_text"], parameters={"column": "text"})


def test_pandas(step: stillbox.Step) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"id": [1, 2], "text": ["a  b", " c "]})
    out = step(frame).to_pandas()
    assert out.to_dict("list") == {"id": [1, 2], "text": ["a b", "c"]}


def test_polars(step: stillbox.Step) -> None:
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"id": [1, 2], "text": ["a  b", " c "]})
    out = polars.from_arrow(step(frame))
    assert out.to_dict(as_series=False) == {"id": [1, 2], "text": ["a b", "c"]}


def test_duckdb(step: stillbox.Step) -> None:
    duckdb = pytest.importorskip("duckdb")
    relation = duckdb.sql("select * from (values (1, 'a  b'), (2, ' c ')) t(id, text) order by id")
    cleaned = step(relation)  # noqa: F841
    assert duckdb.sql("select id, text from cleaned order by id").fetchall() == [(1, "a b"), (2, "c")]


def test_datasets(step: stillbox.Step) -> None:
    datasets = pytest.importorskip("datasets")
    ds = datasets.Dataset.from_dict({"id": [1, 2], "text": ["a  b", " c "]})
    out = ds.with_format("arrow").map(step, batched=True, batch_size=1000)
    assert out.with_format(None)[:] == {"id": [1, 2], "text": ["a b", "c"]}
    # Without the format the batches are dicts.
    assert ds.map(step, batched=True)["text"][:] == ["a b", "c"]
    # Worker processes, which are forks on Linux.
    out = ds.with_format("arrow").map(step, batched=True, batch_size=1, num_proc=2)
    assert out.with_format(None)[:] == {"id": [1, 2], "text": ["a b", "c"]}


def test_a_dict_of_columns(step: stillbox.Step) -> None:
    assert step({"text": ["a  b"]}).to_pydict() == {"text": ["a b"]}
