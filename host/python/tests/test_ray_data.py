"""Steps in datasets of Ray, on a cluster of three nodes on this machine."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from clusters import wait_for_end, workers_alive
from conftest import POISON

import stillbox

ray = pytest.importorskip("ray")

import stillbox.ray  # noqa: E402

Guests = dict[str, Path]


def test_map_batches_applies_a_step(cluster: Any, guests: Guests) -> None:
    step = stillbox.Step(guests["normalize_text"], parameters={"column": "text"})
    ds = ray.data.from_arrow(pa.table({"id": list(range(3000)), "text": ["a  b"] * 3000}))
    out = stillbox.ray.map_batches(ds, step, concurrency=2).take_all()
    assert sorted(row["id"] for row in out) == list(range(3000))
    assert {row["text"] for row in out} == {"a b"}


@pytest.mark.parametrize(("guest", "kind", "limits"), POISON)
def test_poison_ends_a_dataset_once_or_loses_only_its_row(
    cluster: Any, guests: Guests, tmp_path: Path, table: pa.Table, guest: str, kind: str, limits: dict[str, str]
) -> None:
    step = stillbox.Step(guests[guest], limits=limits)
    with pytest.raises(stillbox.Failure) as caught, stillbox.ray.failures():
        stillbox.ray.map_batches(ray.data.from_arrow(table), step, concurrency=1).take_all()
    assert caught.value.kind == kind
    assert caught.value.row is not None
    assert caught.value.row.row == 4
    step = stillbox.Step(guests[guest], limits=limits, on_failure="reject")
    ds = stillbox.ray.map_batches(ray.data.from_arrow(table), step, concurrency=1, rejects=tmp_path)
    assert [row["id"] for row in ds.take_all()] == [0, 1, 2, 4, 5]
    lines = [line for path in tmp_path.glob("*.jsonl") for line in path.read_text(encoding="utf-8").splitlines()]
    rejects = [json.loads(line) for line in lines]
    assert [(reject["row"], reject["failure"]["kind"]) for reject in rejects] == [({"id": 3, "text": "text 3"}, kind)]


def test_map_batches_needs_a_folder_for_rejected_rows(cluster: Any, guests: Guests, table: pa.Table) -> None:
    step = stillbox.Step(guests["bad_unreachable"], on_failure="reject")
    with pytest.raises(ValueError, match="rejects="):
        stillbox.ray.map_batches(ray.data.from_arrow(table), step)
    step = stillbox.Step(guests["count_texts"])
    with pytest.raises(ValueError, match="is of kind aggregate"):
        stillbox.ray.map_batches(ray.data.from_arrow(table), step)


def test_ctrl_c_ends_map_batches(cluster: Any, guests: Guests, tmp_path: Path) -> None:
    program = f"""
import ray, stillbox.ray
ray.init(address={cluster.address!r}, log_to_driver=False, logging_level="error")
step = stillbox.Step({str(guests["bad_loop"])!r}, limits={{"time": "10m"}})
ds = stillbox.ray.map_batches(ray.data.from_items([{{"id": 3}}]), step, concurrency=1)
try:
    ds.take_all()
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""
    script = tmp_path / "program.py"
    script.write_text(program, encoding="utf-8")
    process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    name = "ray::MapBatches(_apply)"
    while not workers_alive(name):
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert out.splitlines()[-1:] == ["interrupted"]
    wait_for_end(name)
