"""What the nodes and workers of a Ray cluster keep: compiled components and loaded steps."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import stillbox

ray = pytest.importorskip("ray")

import stillbox.ray  # noqa: E402

Guests = dict[str, Path]

#: Python imports it when it starts. In a worker, another program takes the place of the interpreter that would compile.
SITE = """
import os, sys
if "INTERPRETER" in os.environ:
    sys.executable = os.environ["INTERPRETER"]
"""

#: Counts the components that are compiled. The end of a run ends a worker that still compiles, which does not count.
INTERPRETER = """#!/bin/sh
case "$*" in *compile-component*) "{python}" "$@" && echo compiled >> "{counts}"; exit $?;; esac
exec "{python}" "$@"
"""

PROGRAM = """
import os, sys
import pyarrow as pa, ray
from ray.cluster_utils import Cluster
import stillbox, stillbox.ray

folder, guest = sys.argv[1:]
os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
for node in ["one", "two"]:
    own = {"STILLBOX_CACHE": f"{folder}/{node}", "INTERPRETER": f"{folder}/{node}.sh"}
    cluster.add_node(num_cpus=2, env_vars=own)
ray.init(address=cluster.address, log_to_driver=False, logging_level="error")
lines = lambda: [len(open(f"{folder}/{node}.txt").readlines()) for node in ["one", "two"]]
run = lambda name="pipeline": stillbox.ray.run(f"{folder}/{name}.toml", workers=4)
# Long enough that each node compiles before the other one has processed all rows.
run("warm")
while min(lines()) < 2:
    run("warm")
for _ in range(2):
    print(run().rows_in, lines(), flush=True)
table = pa.table({"id": list(range(400)), "text": ["a  b"] * 400})
def data():
    step = stillbox.Step(guest, parameters={"column": "text"})
    ds = ray.data.from_arrow(table).repartition(8)
    return len(stillbox.ray.map_batches(ds, step, concurrency=4, scheduling_strategy="SPREAD").take_all())
# One worker may process all rows while the others start.
while min(lines()) < 3:
    data()
for _ in range(2):
    print(data(), lines(), flush=True)
ray.shutdown()
cluster.shutdown()
"""


def test_components_are_compiled_once_on_each_node(guests: Guests, tmp_path: Path) -> None:
    for name, count in [("input", 400), ("warm", 20_000)]:
        rows = "".join(f'{{"id":{number},"text":"a  b c"}}\n' for number in range(count))
        (tmp_path / f"{name}.jsonl").write_text(rows, encoding="utf-8")
    steps = "".join(
        f"""
[[step]]
name = "step-{number}"
component = "{guests[guest]}"
parameters = {{ column = "text" }}
"""
        for number, guest in enumerate(["normalize_text", "text_features", "normalize_text"])
    )
    for name in ["input", "warm"]:
        pipeline = f"""
[pipeline]
name = "nodes"
batch-rows = 20
[[source]]
path = "{name}.jsonl"
{steps}
[[sink]]
path = "{name}-output.jsonl"
"""
        (tmp_path / f"{name.replace('input', 'pipeline')}.toml").write_text(pipeline, encoding="utf-8")
    (tmp_path / "sitecustomize.py").write_text(SITE, encoding="utf-8")
    for node in ["one", "two"]:
        interpreter, counts = tmp_path / f"{node}.sh", tmp_path / f"{node}.txt"
        counts.touch()
        interpreter.write_text(INTERPRETER.format(counts=counts, python=sys.executable), encoding="utf-8")
        interpreter.chmod(0o755)
    program = tmp_path / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    command = [sys.executable, str(program), str(tmp_path), str(guests["filter_text"])]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    first, second, data, again = [line for line in done.stdout.splitlines() if line.endswith("]")]
    # Two workers on each node, and two components in three steps.
    assert (first, second) == ("400 [2, 2]", "400 [2, 2]")
    assert (data, again) == ("400 [3, 3]", "400 [3, 3]")


def test_a_worker_keeps_a_bounded_number_of_steps(guests: Guests, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[weakref.ref[Any]] = []

    def load(_: Any) -> stillbox.Step:
        step = stillbox.Step(guests["normalize_text"], parameters={"column": "text"})
        loaded.append(weakref.ref(step))
        return step

    monkeypatch.setattr(stillbox.ray.ray, "get", load)
    stillbox.ray._loaded.cache_clear()
    batch = pa.table({"text": ["a  b"]})
    most = stillbox.ray.LOADED_STEPS
    for reference in [*range(most), 0, *range(most, most + 4), 0]:
        assert stillbox.ray._apply(batch, reference, None)["text"].to_pylist() == ["a b"]
    gc.collect()
    alive = [number for number, step in enumerate(loaded) if step() is not None]
    # The first was used in between, so the next ones were dropped.
    assert (len(loaded), alive) == (most + 4, [0, *range(5, most + 4)])
    stillbox.ray._loaded.cache_clear()
