"""Measures runs on a Ray cluster against one machine: `python benches/ray_cluster.py FOLDER_OF_COMPONENTS [ADDRESS] [ROWS]`.

The folder, or one in it, has the components of the text benchmark. Without an address a cluster is started
on this machine. Each figure is the best of several rounds.

The light pipeline has the three steps of the text benchmark, the heavy one has `normalize-text` twenty times. The overhead of a
batch is the time of the workers that is not spent in steps, without that of a run of one row, in which the workers start.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import ray

import stillbox
import stillbox.ray

ROUNDS = 3
BATCH_ROWS = 1000
RANGES = '{ column = "text", min-words = 5, max-words = 60, min-bytes = 40, max-bytes = 400 }'
COLUMN = '{ column = "text" }'
#: Steps in a row that make a batch of the heavy pipeline slow.
REPEATS = 20


def best(work: Callable[[], stillbox.Report]) -> tuple[float, stillbox.Report]:
    """Returns the shortest time, with everything that belongs to the call, and its report."""
    measured = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        report = work()
        measured.append((time.perf_counter() - begun, report))
    return min(measured, key=lambda pair: pair[0])


def write(folder: Path, name: str, steps: list[tuple[Path, str]]) -> Path:
    text = f'[pipeline]\nname = "{name}"\nbatch-rows = {BATCH_ROWS}\n[[source]]\npath = "unused.arrow"\n'
    for number, (component, parameters) in enumerate(steps):
        text += f'[[step]]\nname = "step-{number}"\ncomponent = "{component}"\nparameters = {parameters}\n'
    path = folder / f"{name}.toml"
    path.write_text(text + f'[[sink]]\npath = "{name}.arrow"\n', encoding="utf-8")
    return path


def pipelines(components: Path, folder: Path) -> dict[str, Path]:
    def component(name: str) -> Path:
        return next(components.rglob(f"{name}.wasm"))

    light = [(component("normalize_text"), COLUMN), (component("filter_text"), RANGES), (component("text_features"), COLUMN)]
    return {
        "light": write(folder, "light", light),
        "heavy": write(folder, "heavy", [(component("normalize_text"), COLUMN)] * REPEATS),
    }


def table(rows: int) -> pa.Table:
    words = "the quick brown fox jumps over a lazy dog while seven wizards quietly judge my vow".split()
    texts = [" ".join(words[(number * 7 + offset) % len(words)] for offset in range(10 + number % 20)) for number in range(rows)]
    return pa.table({"id": pa.array(range(rows), pa.int64()), "text": texts})


def main(components: Path, address: str | None, rows: int) -> None:
    source = table(rows)
    with tempfile.TemporaryDirectory() as folder:
        found = pipelines(components, Path(folder))
        stillbox.run(found["light"], source.slice(0, 1))
        begun = time.perf_counter()
        stillbox.ray.connect(address)
        connected = time.perf_counter() - begun
        begun = time.perf_counter()
        stillbox.ray.run(found["light"], source.slice(0, 1), workers=1)
        first = time.perf_counter() - begun
        again, _ = best(lambda: stillbox.ray.run(found["light"], source.slice(0, 1), workers=1))
        cpus = int(ray.cluster_resources()["CPU"])
        print(f"connecting, or starting a cluster           {connected:8.2f} s")
        print(f"the first run, of one row                   {first:8.2f} s")
        print(f"a later run, of one row                     {again:8.2f} s")
        print(f"{rows:,} rows in batches of {BATCH_ROWS:,}; {cpus} CPUs in the cluster")
        print("pipeline   where       whole call    the run      rows/s   overhead per batch")
        for name, path in found.items():
            whole, report = best(lambda path=path: stillbox.run(path, source))  # type: ignore[misc]
            print(f"{name:9}  one machine {whole:8.2f} s {report.elapsed:8.2f} s {rows / report.elapsed:10,.0f}")
            workers = 1
            while workers <= cpus:
                def on_cluster(given: pa.Table, path: Path = path, workers: int = workers) -> stillbox.Report:
                    return stillbox.ray.run(path, given, workers=workers)

                _, single = best(lambda: on_cluster(source.slice(0, 1)))
                whole, report = best(lambda: on_cluster(source))
                busy = sum(step.busy for step in report.steps)
                overhead = ((report.elapsed - single.elapsed) * workers - busy) / report.batches * 1e3
                print(
                    f"{name:9}  {workers:3} workers {whole:8.2f} s {report.elapsed:8.2f} s {rows / report.elapsed:10,.0f}"
                    f" {overhead:12.1f} ms"
                )
                workers *= 2


if __name__ == "__main__":
    arguments = [*sys.argv[1:], "", ""]
    main(Path(arguments[0]).resolve(), arguments[1] or None, int(arguments[2] or 100_000))
