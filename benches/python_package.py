"""Measures the Python package against the command: `python benches/python_package.py COMMAND INPUT.jsonl FOLDER_OF_COMPONENTS`.

The input is that of the text benchmark. Each figure is the best of several rounds.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.feather
import pyarrow.json

import stillbox

ROUNDS = 5
CALLS = 3000
RANGES = {"column": "text", "min-words": 5, "max-words": 60, "min-bytes": 40, "max-bytes": 400}


def best(work: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return min(times)


def main(command: str, source: Path, components: Path) -> None:
    table = pa.json.read_json(source)
    with tempfile.TemporaryDirectory() as folder:
        pa.feather.write_feather(table, f"{folder}/input.arrow", compression="uncompressed")
        pipeline = Path(folder) / "pipeline.toml"
        steps = [("normalize_text", {"column": "text"}), ("filter_text", RANGES), ("text_features", {"column": "text"})]
        text = '[pipeline]\nname = "text"\n[[source]]\npath = "input.arrow"\n'
        for name, parameters in steps:
            values = ", ".join(f"{key} = {value!r}" for key, value in parameters.items())
            text += f'[[step]]\nname = "{name.replace("_", "-")}"\ncomponent = "{components / name}.wasm"\nparameters = {{ {values} }}\n'
        pipeline.write_text(text + '[[sink]]\npath = "output.arrow"\n', encoding="utf-8")

        def run() -> float:
            done = subprocess.run([command, "run", str(pipeline), "--message-format", "json"], check=True, capture_output=True)
            return float(json.loads(done.stdout.splitlines()[-1])["report"]["elapsed"])

        elapsed = min(run() for _ in range(ROUNDS))
        process = best(lambda: run())
        plan = stillbox.Pipeline(pipeline)
        stream = best(lambda: list(plan.stream(table)))
        chain = [stillbox.Step(components / f"{name}.wasm", parameters=parameters) for name, parameters in steps]

        def apply() -> None:
            rows = table
            for step in chain:
                rows = step(rows)

        three = best(apply)
        print(f"rows                                     {table.num_rows:,}")
        print(f"command, its own time of the run         {elapsed * 1e3:8.1f} ms")
        print(f"command, whole process                   {process * 1e3:8.1f} ms")
        print(f"Pipeline.stream(table)                   {stream * 1e3:8.1f} ms")
        print(f"three steps, table in memory             {three * 1e3:8.1f} ms")
        batch = table.combine_chunks().to_batches(max_chunksize=1000)[0]
        step = stillbox.Step(components / "normalize_text.wasm", parameters={"column": "text"})

        def calls(work: Callable[[], object]) -> float:
            work()
            begun = time.perf_counter()
            for _ in range(CALLS):
                work()
            return (time.perf_counter() - begun) / CALLS * 1e6

        print(f"step(batch) of 1,000 rows                {calls(lambda: step(batch)):8.1f} us")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
