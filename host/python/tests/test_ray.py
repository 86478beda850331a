"""Pipelines and steps on a Ray cluster of three nodes on this machine."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from clusters import wait_for_end
from conftest import POISON, examples, own_component, poisoned_pipeline, prepare_examples
from ray_pipeline import counts, outputs, write_pipeline

import stillbox

ray = pytest.importorskip("ray")

import stillbox.ray  # noqa: E402

Guests = dict[str, Path]


def test_a_cluster_gives_the_same_bytes_as_one_machine(cluster: Any, guests: Guests, tmp_path: Path) -> None:
    pipeline = write_pipeline(tmp_path, guests, 5000)
    alone = stillbox.run(pipeline)
    expected = outputs(pipeline)
    report = stillbox.ray.run(pipeline)
    assert outputs(pipeline) == expected
    assert counts(report) == counts(alone)
    steps = {step.name: step for step in report.steps}
    assert report.bad_rows == 1
    assert steps["others"].rejected == 5
    assert steps["english"].dropped > 0
    assert steps["made"].rows_out == 500
    assert [sink.rows for sink in report.sinks] == [steps["marked"].rows_out, steps["groups"].rows_out, steps["left"].rows_out]


@pytest.mark.parametrize(
    "batch", [0, 20, *(pytest.param(number, marks=pytest.mark.long) for number in [1, 5, 60, 100, 140, 180])]
)
def test_a_lost_node_costs_a_retry_of_its_batches(cluster: Any, guests: Guests, tmp_path: Path, batch: int) -> None:
    pipeline = write_pipeline(tmp_path, guests, 10_000)
    alone = stillbox.run(pipeline)
    expected = outputs(pipeline)
    lost = cluster.add_node(num_cpus=2)
    executor = stillbox.ray.Workers(workers=4)
    start, result = executor.start, executor.result
    done = []

    def lose_node() -> None:
        threading.Thread(target=cluster.remove_node, args=(lost, False)).start()

    def start_and_lose(description: bytes, components: list[tuple[str, bytes]]) -> int:
        slots = start(description, components)
        # Workers load the steps.
        if batch == 0:
            lose_node()
        return slots

    def count(task: Any) -> bytes | None:
        answer = result(task)
        if answer is not None:
            done.append(1)
            if len(done) == batch:
                lose_node()
        return answer

    executor.start, executor.result = start_and_lose, count  # type: ignore[method-assign]
    plan = stillbox.Pipeline(pipeline)
    report = stillbox.Report._from_json(plan._native.run([], executor))
    assert len(done) > 100
    assert outputs(pipeline) == expected
    assert counts(report) == counts(alone)


def test_workers_that_are_always_lost_fail_the_run(
    cluster: Any, guests: Guests, tmp_path: Path, table: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Lost:
        def __init__(self, *_: object) -> None:
            os._exit(1)

        def ready(self) -> bool:
            return True

    monkeypatch.setattr(stillbox.ray, "_Worker", Lost)
    monkeypatch.setattr(stillbox.ray, "ATTEMPTS", 1)
    with pytest.raises(stillbox.Failure) as caught:
        stillbox.ray.run(poisoned_pipeline(tmp_path, guests["keep_long"], {}, reject=False), table, workers=1)
    assert caught.value.kind == "host"
    assert "2 workers in a row were lost" in str(caught.value)


@pytest.mark.parametrize(("guest", "kind", "limits"), POISON)
def test_poison_ends_a_run_once_or_loses_only_its_row(
    cluster: Any, guests: Guests, tmp_path: Path, table: pa.Table, guest: str, kind: str, limits: dict[str, str]
) -> None:
    path = poisoned_pipeline(tmp_path, guests[guest], limits, reject=True)
    report = stillbox.ray.run(path, table, workers=1)
    assert (report.rejected, report.sinks[0].rows) == (1, 5)
    rejects = [json.loads(line) for line in path.with_name("rejects.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(reject["row"]["id"], reject["failure"]["kind"]) for reject in rejects] == [(3, kind)]
    poisoned_pipeline(tmp_path, guests[guest], limits, reject=False)
    begun = time.monotonic()
    with pytest.raises(stillbox.Failure) as caught:
        stillbox.ray.run(path, table, workers=1)
    assert time.monotonic() - begun < 30
    assert caught.value.kind == kind
    assert caught.value.row is not None
    assert caught.value.row.row == 4
    assert len(caught.value.failures) == 1
    wait_for_end("ray::_Worker")


def test_too_many_rejects_fail_the_run(cluster: Any, guests: Guests, tmp_path: Path) -> None:
    pipeline = write_pipeline(tmp_path, guests, 5000)
    with pytest.raises(stillbox.Failure) as caught:
        stillbox.ray.run(pipeline, max_rejects=2)
    assert caught.value.limit == stillbox.LimitHit("max-rejects", "2")
    assert len(pipeline.with_name("rejects.jsonl").read_text().splitlines()) >= 3


def test_a_step_with_grants_runs_in_the_process_of_the_run(
    cluster: Any, guests: Guests, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Neither the folder nor the variable is on the nodes.
    monkeypatch.setenv("TEST_WORD", "only here")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "names.csv").write_text("id,name\n1,one\n2,two\n", encoding="utf-8")
    path = tmp_path / "pipeline.toml"
    path.write_text(
        f"""
pipeline = {{ name = "granted" }}
source = [{{ path = "unused.jsonl" }}]
sink = [{{ path = "output.jsonl" }}]
[[step]]
name = "clean"
component = "{guests["normalize_text"]}"
parameters = {{ column = "text" }}
[[step]]
name = "look-up"
component = "{guests["look_up"]}"
parameters = {{ file = "/data/names.csv", column = "id", key = "id", columns = ["name"] }}
[[step.allow.dir]]
path = "data"
[step.allow.env]
WORD = {{ env = "TEST_WORD" }}
""",
        encoding="utf-8",
    )
    stillbox.ray.run(path, {"id": ["1", "2"], "text": ["a  b", "c"]})
    rows = [json.loads(line) for line in path.with_name("output.jsonl").read_text().splitlines()]
    assert [(row["text"], row["name"]) for row in rows] == [("a b", "one"), ("c", "two")]


def test_a_component_is_downloaded_once_for_a_cluster(
    cluster: Any, guests: Guests, tmp_path: Path, serve: Callable[[Path], tuple[str, list[str]]]
) -> None:
    reference, seen = serve(own_component(guests, tmp_path, f"ray-{time.time_ns()}"))
    path = tmp_path / "pipeline.toml"
    path.write_text(
        f"""
pipeline = {{ name = "shared" }}
source = [{{ path = "unused.jsonl" }}]
sink = [{{ path = "output.jsonl" }}]
step = [{{ name = "keep", component = "{reference}" }}]
""",
        encoding="utf-8",
    )
    stillbox.ray.run(path, {"id": [1, 2], "text": ["one", "two"]})
    assert len(path.with_name("output.jsonl").read_text().splitlines()) == 2
    assert len(seen) == 1


def test_a_component_that_cannot_be_loaded_fails_the_run(cluster: Any) -> None:
    workers = stillbox.ray.Workers(workers=1)
    assert workers.start(b"{}", []) == 1
    task = workers.submit(b"")
    with pytest.raises(RuntimeError, match="cannot load the steps"):
        while workers.result(task) is None:
            pass
    workers.end()


def test_wrong_numbers_of_workers_and_a_missing_ray_are_errors(run_python: Any) -> None:
    with pytest.raises(ValueError, match="`workers` is 0"):
        stillbox.ray.Workers(workers=0)
    done = run_python("import sys; sys.modules['ray'] = None; import stillbox.ray")
    assert 'Ray is not installed: pip install "stillbox[ray]"' in done.stderr


def test_the_examples_of_the_page_on_ray_run(
    cluster: Any, guests: Guests, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare_examples(tmp_path, guests, monkeypatch)
    names: dict[str, Any] = {
        "ds": ray.data.from_items([{"text": "a text of five words"}, {"text": "short"}]),
        "step": stillbox.Step("filter_text.wasm", parameters={"column": "text", "min-words": 5}),
        "stillbox": stillbox,
    }
    found = examples("ray.md")
    assert len(found) == 2
    for example in found:
        exec(compile(example, "docs/ray.md", "exec"), names)  # noqa: S102
    assert names["report"].rows_in == 2
    assert [row["text"] for row in names["rows"]] == ["a text of five words"]
