"""The states of the package in which Ctrl-C may come, for the tests and for `benches/python_interrupts.py`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

#: A program that prints `ready` just before it does what its last argument says, and the time of the exception after it.
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
    # Of a text, `exec` marks the exception as one that nothing catches, which ends the process by the signal.
    exec(compile(sys.argv[3], "state", "exec"))
except KeyboardInterrupt:
    print(time.monotonic(), flush=True)
"""

#: A call that does not end by itself, in each state.
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


def start(guests: Path, folder: Path, work: str) -> subprocess.Popen[str]:
    """Starts a program, and waits until it is in its state.

    Args:
        guests: A folder that has the components, or in which one has them.
        folder: An empty folder for its files.
        work: One of `STATES`.

    Raises:
        RuntimeError: It ended before.
    """
    command = [sys.executable, "-c", PROGRAM, str(guests), str(folder), work]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    if process.stdout.readline() != "ready\n":
        raise RuntimeError(process.communicate()[1])
    return process
