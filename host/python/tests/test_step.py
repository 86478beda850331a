"""Steps on tables."""

from __future__ import annotations

import http.server
import pickle
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from conftest import own_component

import stillbox

Guests = dict[str, Path]


def test_a_step_adds_and_drops_rows_of_a_table_of_pyarrow(guests: Guests, table: pa.Table) -> None:
    keep = stillbox.Step(guests["keep_long"], parameters={"min-bytes": 4})
    out = keep(table)
    assert isinstance(out, pa.Table)
    assert out.equals(table)
    result = stillbox.Step(guests["keep_long"], parameters={"min-bytes": 7}).apply(table)
    assert (result.table.num_rows, result.dropped, result.table.schema) == (0, 6, table.schema)


def test_a_batch_gives_a_batch(guests: Guests, table: pa.Table) -> None:
    batch = table.to_batches()[0].replace_schema_metadata({"key": "value"})
    out = stillbox.Step(guests["keep_long"])(batch)
    assert isinstance(out, pa.RecordBatch)
    assert out.schema.metadata == {b"key": b"value"}
    assert out.num_rows == 6


def test_rows_of_a_large_table_keep_their_order(guests: Guests) -> None:
    rows = pa.table({"id": pa.array(range(25_500), pa.int64()), "text": ["a word"] * 25_500})
    out = stillbox.Step(guests["keep_long"])(rows)
    assert out["id"].to_pylist() == list(range(25_500))


def test_an_empty_table_gives_an_empty_table_with_the_new_columns(guests: Guests, table: pa.Table) -> None:
    out = stillbox.Step(guests["text_features"], parameters={"column": "text"})(table.slice(0, 0))
    assert out.num_rows == 0
    assert "n_words" in out.column_names


def test_an_aggregate_sees_all_rows(guests: Guests) -> None:
    rows = pa.table({"text": ["b", "a", "b"] * 1000})
    step = stillbox.Step(guests["count_texts"])
    assert step.kind == "aggregate"
    out = step(rows)
    assert dict(zip(out["text"].to_pylist(), out["count"].to_pylist(), strict=True)) == {"a": 1000, "b": 2000}


def test_a_step_describes_itself(guests: Guests) -> None:
    step = stillbox.Step(guests["normalize_text"], parameters={"column": "text"})
    assert step.kind == "transform"
    assert step.digest.startswith("sha256:")
    assert [column.name for column in step.inputs] == ["text"]
    assert step.outputs == [stillbox.Column("text", "text", nullable=False, optional=False)]
    assert repr(step).startswith("<stillbox.Step ")


def test_a_failure_has_the_whole_record(guests: Guests, table: pa.Table) -> None:
    with pytest.raises(stillbox.Failure) as caught:
        stillbox.Step(guests["bad_error"])(table)
    failure = caught.value
    assert (failure.kind, failure.message, failure.step) == ("guest-error", "the row cannot be used", "bad_error") or (
        failure.kind,
        failure.message,
    ) == ("guest-error", "the row cannot be used")
    assert failure.causes[0] == "the number is unreadable"
    assert failure.hint == "write digits"
    assert failure.row is not None
    assert (failure.row.index, failure.row.row, failure.row.file) == (3, 4, "the input")
    text = str(failure)
    assert text.startswith("guest-error in step ")
    assert "the input, row 4" in text
    assert "hint: write digits" in text
    assert failure.failures == [failure]


def test_failures_and_config_errors_can_be_pickled(guests: Guests, table: pa.Table) -> None:
    with pytest.raises(stillbox.Failure) as caught:
        stillbox.Step(guests["bad_unreachable"])(table)
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (copy.record, str(copy), copy.kind) == (caught.value.record, str(caught.value), "trap")
    assert copy.backtrace == caught.value.backtrace
    with pytest.raises(stillbox.ConfigError) as wrong:
        stillbox.Step(guests["keep_long"], limits={"tme": "5s"})
    again = pickle.loads(pickle.dumps(wrong.value))
    assert (str(again), again.messages) == (str(wrong.value), wrong.value.messages)


def test_wrong_settings_name_the_key(guests: Guests) -> None:
    with pytest.raises(stillbox.ConfigError, match="tme"):
        stillbox.Step(guests["keep_long"], limits={"tme": "5s"})
    with pytest.raises(stillbox.ConfigError, match="rejects"):
        stillbox.Step(guests["keep_long"], on_failure="rejects")
    with pytest.raises(stillbox.Failure) as caught:
        stillbox.Step(guests["keep_long"], parameters={"min-byte": 4})
    assert caught.value.kind == "parameters"
    assert "min-byte" in str(caught.value)


def test_wrong_columns_and_files_are_failures(guests: Guests, tmp_path: Path) -> None:
    step = stillbox.Step(guests["normalize_text"], parameters={"column": "text"})
    with pytest.raises(stillbox.Failure, match="text") as caught:
        step(pa.table({"txt": ["a"]}))
    assert caught.value.kind == "incompatible"
    assert "did you mean" in str(caught.value)
    with pytest.raises(stillbox.Failure) as missing:
        stillbox.Step(tmp_path / "missing.wasm")
    assert missing.value.kind == "incompatible"
    with pytest.raises(TypeError, match="__arrow_c_stream__"):
        step([1, 2])


def test_the_first_failure_of_many_batches_is_raised(guests: Guests) -> None:
    ids = [number % 5000 for number in range(20_000)]
    rows = pa.table({"id": pa.array(ids, pa.int64()), "text": ["a"] * 20_000})
    with pytest.raises(stillbox.Failure) as caught:
        stillbox.Step(guests["bad_error"])(rows)
    assert caught.value.row is not None
    assert caught.value.row.row in (4, 5004, 10_004)
    step = stillbox.Step(guests["bad_error"], on_failure="reject")
    assert step(rows).num_rows == 19_996
    assert [reject.row for reject in step.rejects] == [3, 5003, 10_003, 15_003]


def test_a_step_pickles_with_its_component(guests: Guests, table: pa.Table, tmp_path: Path) -> None:
    path = tmp_path / "step.wasm"
    shutil.copy(guests["bad_error"], path)
    step = stillbox.Step(path, limits={"time": "7s"}, on_failure="reject")
    pickled = pickle.dumps(step)
    path.unlink()
    copy = pickle.loads(pickled)
    assert copy.digest == step.digest
    assert copy(table).num_rows == 5
    assert len(copy.rejects) == 1
    shutil.copy(guests["keep_long"], path)
    with pytest.raises(ValueError, match="has changed"):
        pickle.dumps(step)


def test_a_component_may_be_bytes(guests: Guests, table: pa.Table) -> None:
    step = stillbox.Step(guests["keep_long"].read_bytes(), parameters={"min-bytes": 1})
    assert step(table).num_rows == 6


def test_a_step_is_called_from_several_threads(guests: Guests, table: pa.Table) -> None:
    step = stillbox.Step(guests["keep_long"])
    counts: list[int] = []
    threads = [threading.Thread(target=lambda: counts.append(step(table).num_rows)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [6] * 8


def test_without_pyarrow_a_result_is_an_object_of_the_interface(guests: Guests, run_python: Any) -> None:
    program = """
import sys
import polars
import stillbox

frame = polars.DataFrame({"id": [1, 2], "text": ["a", "bb"]})
sys.modules["pyarrow"] = None
out = stillbox.Step(sys.argv[1], parameters={"min-bytes": 2})(frame)
assert type(out) is stillbox.Batches, out
assert len(out) == 1
assert polars.DataFrame(out).to_dict(as_series=False) == {"id": [2], "text": ["bb"]}
"""
    done = run_python(program, str(guests["keep_long"]))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("calls", [2000, pytest.param(10_000, marks=pytest.mark.long)])
def test_memory_does_not_grow_with_the_number_of_calls(guests: Guests, table: pa.Table, calls: int) -> None:
    step = stillbox.Step(guests["keep_long"])
    batch = table.to_batches()[0]

    def resident() -> int:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))

    for _ in range(500):
        step(batch)
    before = resident()
    for _ in range(calls):
        step(batch)
    assert resident() - before < 2048


def test_grants_let_a_step_reach_out(guests: Guests, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "names.csv").write_text("id,name\n1,one\n2,two\n", encoding="utf-8")
    parameters = {"file": "/data/names.csv", "column": "id", "key": "id", "columns": ["name"], "type": "text"}
    ids = {"id": ["1", "2"]}
    denied = stillbox.Step(guests["look_up"], parameters=parameters)
    with pytest.raises(stillbox.Failure):
        denied(ids)
    step = stillbox.Step(guests["look_up"], parameters=parameters, allow={"dir": [{"path": str(tmp_path / "data")}]})
    assert step(ids).to_pydict()["name"] == ["one", "two"]
    assert pickle.loads(pickle.dumps(step))(ids).to_pydict()["name"] == ["one", "two"]


def test_a_secret_goes_to_the_granted_server_alone(
    guests: Guests, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append((self.path, self.headers["authorization"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"page")

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    host = f"127.0.0.1:{server.server_address[1]}"
    monkeypatch.setenv("TEST_KEY", "a-long-secret")
    grant = {
        "url": f"http://{host}/open/",
        "addresses": [host],
        "secret": {"header": "authorization", "value": "Bearer {key}"},
    }
    step = stillbox.Step(
        guests["fetch_url"],
        parameters={"column": "url", "into": "page"},
        allow={"http": [grant]},
        secrets={"key": {"env": "TEST_KEY"}},
    )
    assert step({"url": [f"http://{host}/open/a"]}).to_pydict()["page"] == ["page"]
    assert b"a-long-secret" not in pickle.dumps(step)
    with pytest.raises(stillbox.Failure) as caught:
        step({"url": [f"http://{host}/closed"]})
    assert caught.value.kind == "denied"
    assert "a-long-secret" not in str(caught.value)
    assert seen == [("/open/a", "Bearer a-long-secret")]
    server.shutdown()
    with pytest.raises(stillbox.ConfigError, match="unknown key"):
        stillbox.Step(guests["fetch_url"], parameters={"column": "url", "into": "page"}, allow={"htp": []})


def test_a_step_is_downloaded_by_its_reference(
    guests: Guests, table: pa.Table, tmp_path: Path, serve: Callable[[Path], tuple[str, list[str]]]
) -> None:
    component = own_component(guests, tmp_path, f"step-{time.time_ns()}")
    reference, seen = serve(component)
    step = stillbox.Step(reference, parameters={"min-bytes": 4})
    assert step(table).equals(table)
    assert stillbox.Step(reference).digest == step.digest
    assert pickle.loads(pickle.dumps(step))(table).equals(table)
    assert len(seen) == 1
    with pytest.raises(stillbox.Failure) as caught:
        stillbox.Step(reference.split("#")[0])
    assert caught.value.hint is not None
    assert f"add `#{reference.split('#')[1]}`" in caught.value.hint
    with pytest.raises(stillbox.Failure, match="the file has the digest"):
        stillbox.Step(reference[:-64] + "0" * 64)
