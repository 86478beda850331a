"""Measures the Python package: `python benches/python_package.py COMMAND TIME_CALLS INPUT.jsonl FOLDER_OF_COMPONENTS`.

COMMAND is the command `stillbox`, against which pipelines and steps on a whole table are measured; each of these figures is the best of
several rounds. TIME_CALLS is the example `time_calls` of the library, against which single calls are measured: rounds of Python and of
Rust in turn, and the median of their differences. The input is that of the text benchmark.
"""

from __future__ import annotations

import json
import statistics
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
#: Rounds of calls in turn, and calls in each.
TURNS = 300
CALLS = 10
RANGES = {"column": "text", "min-words": 5, "max-words": 60, "min-bytes": 40, "max-bytes": 400}


def best(work: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return min(times)


def single_calls(time_calls: str, component: Path, source: Path, batch: pa.RecordBatch) -> None:
    """Prints the time of a call in Python and in Rust, on the rows of a file, of which both take the first 1,000."""
    step = stillbox.Step(component, parameters={"column": "text"})

    def in_python() -> float:
        begun = time.perf_counter()
        for _ in range(CALLS):
            step(batch)
        return (time.perf_counter() - begun) / CALLS * 1e6

    command = [time_calls, str(component), str(source)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as rust:
        assert rust.stdin is not None and rust.stdout is not None

        def in_rust() -> float:
            print(CALLS, file=rust.stdin)
            return float(rust.stdout.readline())

        in_python(), in_rust()
        pairs = [(in_python(), in_rust()) for _ in range(TURNS)]
        rust.stdin.close()
    python, native = (statistics.median(times) for times in zip(*pairs, strict=True))
    over = statistics.quantiles([one - other for one, other in pairs], n=4)
    calls = f"step(batch), rows: {batch.num_rows:,}"
    print(f"{calls:40} {python:8.1f} us")
    print(f"the same call in Rust                    {native:8.1f} us")
    print(f"difference, median (middle half)         {over[1]:8.1f} us ({over[0]:.1f} to {over[2]:.1f})")


def main(command: str, time_calls: str, source: Path, components: Path) -> None:
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
        # What a call costs in Python shows best where the step does little.
        one = Path(folder) / "one.jsonl"
        with source.open(encoding="utf-8") as lines:
            one.write_text(next(lines), encoding="utf-8")
        single_calls(time_calls, components / "filter_text.wasm", one, batch.slice(0, 1))
        single_calls(time_calls, components / "filter_text.wasm", source, batch)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
