"""Measures the time from Ctrl-C to `KeyboardInterrupt` in each state: `python benches/python_interrupts.py FOLDER_OF_COMPONENTS`.

The folder, or one in it, has the components of `tests/guests`, such as `bad_loop.wasm`. Each state is a process of its own, which is
interrupted `ROUNDS` times at other moments; the figure is the longest time.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 5

PROGRAM = """
import os, sys, tempfile, threading, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import pyarrow
import stillbox

guests, folder = Path(sys.argv[1]), Path(sys.argv[2])
table = pyarrow.table({"id": pyarrow.array(range(6), pyarrow.int64()), "text": ["a"] * 6})

def guest(name):
    return next(guests.rglob(f"{name}.wasm"))

def step(name, **settings):
    return stillbox.Step(guest(name), **settings)

def pipeline(name, path="unused.jsonl", limits="time = '10m'"):
    text = f'''
pipeline = {{ name = "loop" }}
source = [{{ path = "{path}" }}]
step = [{{ name = "loop", component = "{guest(name)}", limits = {{ {limits} }} }}]
sink = [{{ path = "output.jsonl" }}]
'''
    path = folder / "pipeline.toml"
    path.write_text(text)
    return stillbox.Pipeline(path)

def go():
    print("ready", flush=True)

def slow(seconds=60):
    def batches():
        time.sleep(seconds)
        yield table.to_batches()[0]
    return pyarrow.RecordBatchReader.from_batches(table.schema, batches())

def endless():
    def batches():
        while True:
            yield table.to_batches()[0]
    return pyarrow.RecordBatchReader.from_batches(table.schema, batches())

def fifo():
    os.mkfifo(folder / "input.jsonl")
    return "input.jsonl"

try:
    exec(sys.argv[3])
except KeyboardInterrupt:
    print(time.monotonic(), flush=True)
"""

STATES = {
    "compilation": "os.environ['STILLBOX_CACHE'] = str(folder); go(); step('match_texts')",
    "compilation of a pipeline": "os.environ['STILLBOX_CACHE'] = str(folder); p = pipeline('match_texts', limits=''); go(); p.run(table)",
    "check": "os.environ['STILLBOX_CACHE'] = str(folder); p = pipeline('match_texts', limits=''); go(); p.check(table)",
    "step: a guest that computes": "s = step('bad_loop', limits={'time': '10m'}); go(); s(table)",
    "step: a guest that waits": "s = step('bad_sleep', limits={'time': '10m'}); go(); s(table)",
    "step: many batches": "s = step('bad_loop', limits={'time': '10m'}); m = pyarrow.concat_tables([table] * 5000).combine_chunks(); go(); s(m)",
    "step: search for the row": "s = step('bad_loop', limits={'time': '1m'}, on_failure='reject'); go(); s(table)",
    "step: a source that computes": "s = step('keep_long'); go(); s(endless())",
    "step: a source that waits": "s = step('keep_long'); go(); s(slow())",
    "step: on another thread": "s = step('bad_loop', limits={'time': '10m'}); t = ThreadPoolExecutor(1); go(); t.submit(s, table).result()",
    "run: a guest that computes": "p = pipeline('bad_loop'); go(); p.run(table)",
    "run: a guest that waits": "p = pipeline('bad_sleep'); go(); p.run(table)",
    "run: a source that computes": "p = pipeline('keep_long'); go(); p.run(endless())",
    "run: a source that waits": "p = pipeline('keep_long'); go(); p.run(slow())",
    "run: a file that waits": "p = pipeline('keep_long', fifo()); go(); p.run()",
    "stream: a guest that computes": "s = pipeline('bad_loop').stream(table); go(); next(s)",
    "stream: a source that waits": "s = pipeline('keep_long').stream(slow()); go(); next(s)",
    "stream: held by the caller": "s = pipeline('keep_long').stream(endless()); next(s); go(); time.sleep(60)",
}


def measure(guests: Path, work: str, wait: float) -> tuple[float, float]:
    """Returns the times until the exception, and until the end of the process."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", PROGRAM, str(guests), folder, work]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stdout is not None
        if process.stdout.readline() != "ready\n":
            raise RuntimeError(process.communicate()[1])
        time.sleep(wait)
        sent = time.monotonic()
        process.send_signal(signal.SIGINT)
        try:
            out, err = process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            return (float(out) - sent if out else float("inf")), float("inf")
        ended = time.monotonic()
        if not out:
            raise RuntimeError(err or "the call has ended before the signal")
        return float(out) - sent, ended - sent


def main(guests: Path, names: list[str]) -> None:
    print(f"{'state':34} exception   process")
    for name, work in STATES.items():
        if names and name not in names:
            continue
        times = [measure(guests, work, 0.03 + 0.06 * number) for number in range(ROUNDS)]
        raised, ended = (max(values) * 1e3 for values in zip(*times, strict=True))
        print(f"{name:34} {raised:6.0f} ms {ended:6.0f} ms", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), sys.argv[2:])
