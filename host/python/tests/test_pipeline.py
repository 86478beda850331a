"""Pipelines."""

from __future__ import annotations

import itertools
import pickle
from pathlib import Path

import pyarrow as pa
import pytest

import stillbox

Guests = dict[str, Path]


@pytest.fixture
def pipeline(guests: Guests, tmp_path: Path) -> Path:
    path = tmp_path / "pipeline.toml"
    path.write_text(
        f"""
[pipeline]
name = "keep"
batch-rows = 10
[[source]]
path = "input.jsonl"
[[step]]
name = "keep"
component = "{guests["keep_long"]}"
[[step]]
name = "error"
component = "{guests["bad_error"]}"
on-failure = "reject"
[[sink]]
path = "output.jsonl"
[rejects]
path = "rejects.jsonl"
""",
        encoding="utf-8",
    )
    (tmp_path / "input.jsonl").write_text(
        "".join(f'{{"id":{number},"text":"text {number}"}}\n' for number in range(25)), encoding="utf-8"
    )
    return path


def test_a_run_has_a_report(pipeline: Path) -> None:
    report = stillbox.run(pipeline)
    assert (report.rows_in, report.rejected, report.batches) == (25, 1, 3)
    assert [(step.name, step.rows_out) for step in report.steps] == [("keep", 25), ("error", 24)]
    assert [(sink.name, sink.rows) for sink in report.sinks] == [("sink", 24)]
    assert len(pipeline.with_name("output.jsonl").read_text().splitlines()) == 24


def test_parameters_limits_and_paths_can_be_replaced(pipeline: Path) -> None:
    other = pipeline.with_name("other.csv")
    report = stillbox.run(pipeline, set={"keep.min-bytes": 7}, limit={"keep.time": "5s"}, output=other)
    assert report.steps[0].rows_out == 15
    assert other.exists()
    with pytest.raises(stillbox.ConfigError, match="kep"):
        stillbox.Pipeline(pipeline, set={"kep.min-bytes": 7})


def test_a_wrong_pipeline_file_is_an_error_with_its_place(pipeline: Path, tmp_path: Path) -> None:
    pipeline.write_text(pipeline.read_text().replace("[[sink]]", "[[snk]]"), encoding="utf-8")
    with pytest.raises(stillbox.ConfigError) as caught:
        stillbox.Pipeline(pipeline)
    assert "pipeline.toml:" in str(caught.value)
    assert "snk" in str(caught.value)
    with pytest.raises(FileNotFoundError):
        stillbox.Pipeline(tmp_path / "missing.toml")


def test_a_run_that_fails_has_all_failures_and_its_numbers(pipeline: Path) -> None:
    text = pipeline.read_text().replace('on-failure = "reject"\n', "")
    pipeline.write_text(text.replace('[rejects]\npath = "rejects.jsonl"\n', ""), encoding="utf-8")
    with pytest.raises(stillbox.Failure) as caught:
        stillbox.run(pipeline)
    failure = caught.value
    assert (failure.step, failure.kind) == ("error", "guest-error")
    assert failure.row is not None
    assert failure.row.line == 4
    assert str(failure.row.file).endswith("input.jsonl")
    assert failure.report is not None
    assert failure.run
    copy = pickle.loads(pickle.dumps(failure))
    assert (copy.report, copy.record) == (failure.report, failure.record)


def test_more_rejects_than_allowed_fail_the_run(pipeline: Path) -> None:
    with pytest.raises(stillbox.Failure) as caught:
        stillbox.run(pipeline, max_rejects=0)
    assert caught.value.limit == stillbox.LimitHit("max-rejects", "0")


def test_a_table_replaces_a_source_and_batches_a_sink(pipeline: Path, table: pa.Table) -> None:
    plan = stillbox.Pipeline(pipeline)
    assert (plan.name, plan.sources, plan.sinks) == ("keep", ["source"], ["sink"])
    batches = list(plan.stream(table))
    assert pa.Table.from_batches(batches)["id"].to_pylist() == [0, 1, 2, 4, 5]
    assert not pipeline.with_name("output.jsonl").exists()
    assert plan.run({"source": table}).rows_in == 6


def test_a_stream_waits_for_its_reader_and_ends_when_it_is_closed(pipeline: Path) -> None:
    read = []

    def endless() -> pa.RecordBatchReader:
        schema = pa.schema([("id", pa.int64()), ("text", pa.string())])

        def batches() -> "itertools.Iterator[pa.RecordBatch]":  # type: ignore[name-defined]
            for number in itertools.count(100):
                read.append(number)
                yield pa.record_batch([pa.array([number] * 10, pa.int64()), ["some text"] * 10], schema=schema)

        return pa.RecordBatchReader.from_batches(schema, batches())

    stream = stillbox.Pipeline(pipeline).stream(endless())
    first = [next(stream) for _ in range(3)]
    assert [batch.num_rows for batch in first] == [10, 10, 10]
    stream.close()
    assert 3 <= len(read) < 60
    with pytest.raises(StopIteration):
        next(stream)


def test_a_check_returns_the_nodes_with_their_columns(pipeline: Path) -> None:
    outline = stillbox.Pipeline(pipeline).check()
    assert [node["name"] for node in outline["nodes"]] == ["source", "keep", "error", "sink"]
