"""Ctrl-C, forks, and handlers of signals."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from interrupt_states import STATES, start

Guests = dict[str, Path]


@pytest.fixture
def template(guests: Guests) -> str:
    return str(guests["bad_loop"]).replace("bad_loop", "NAME")


def started(tmp_path: Path, program: str, *arguments: str) -> subprocess.Popen[str]:
    path = tmp_path / "program.py"
    path.write_text(program, encoding="utf-8")
    process = subprocess.Popen([sys.executable, str(path), *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def interrupt(process: subprocess.Popen[str]) -> None:
    """Sends Ctrl-C to a program, which prints that it was interrupted, and ends."""
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=20)
    assert (out, process.returncode) == ("interrupted\n", 0)


@pytest.fixture
def components(guests: Guests) -> Path:
    """The folder of all guests and steps."""
    return guests["bad_loop"].parents[1]


@pytest.mark.parametrize("state", STATES)
def test_ctrl_c_interrupts(state: str, components: Path, tmp_path: Path) -> None:
    process = start(components, tmp_path, STATES[state])
    # The guest may not have begun yet; every moment has to be right.
    time.sleep(0.3)
    sent = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, bool(out)) == (0, True), err
    # 100 ms on an idle machine. Tests run beside other load.
    assert float(out) - sent < 1.0


def test_a_step_can_be_used_after_an_interrupt(components: Path, tmp_path: Path) -> None:
    work = (
        "s = step('bad_loop', limits={'time': '10m'}); "
        "exec('try:\\n go(); s(table)\\nexcept KeyboardInterrupt: pass'); "
        "assert s(table.slice(0, 3)).num_rows == 3; print('used')"
    )
    process = start(components, tmp_path, work)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (out, process.returncode) == ("used\n", 0), err


def test_an_exception_for_another_thread_ends_its_call(template: str, run_python: Any) -> None:
    program = """
import ctypes, sys, threading, time
import pyarrow
import stillbox

table = pyarrow.table({"id": pyarrow.array(range(6), pyarrow.int64()), "text": ["a"] * 6})
step = stillbox.Step(sys.argv[1], limits={"time": "10m"})
raised = []

def work():
    try:
        step(table)
    except BaseException as error:
        raised.append(type(error))

thread = threading.Thread(target=work)
thread.start()
while thread.is_alive():
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(KeyboardInterrupt))
    thread.join(0.1)
assert raised == [KeyboardInterrupt], raised
"""
    done = run_python(program, template.replace("NAME", "bad_loop"))
    assert done.returncode == 0, done.stderr


def test_ctrl_c_ends_the_calls_of_other_threads(template: str, tmp_path: Path) -> None:
    program = """
import sys
from concurrent.futures import ThreadPoolExecutor
import pyarrow
import stillbox

table = pyarrow.table({"id": pyarrow.array(range(6), pyarrow.int64()), "text": ["a"] * 6})
step = stillbox.Step(sys.argv[1], limits={"time": "10m"})
try:
    # The executor waits for its threads.
    with ThreadPoolExecutor(2) as threads:
        calls = [threads.submit(step, table) for _ in range(2)]
        print("ready", flush=True)
        calls[0].result()
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""
    process = started(tmp_path, program, template.replace("NAME", "bad_loop"))
    time.sleep(0.2)
    interrupt(process)


def test_ctrl_c_ends_a_call_that_a_task_of_asyncio_waits_for(guests: Guests, tmp_path: Path) -> None:
    program = """
import asyncio, sys, time
import pyarrow
import stillbox

step = stillbox.Step(sys.argv[1], parameters={"column": "text"})

def rows():
    print("ready", flush=True)
    time.sleep(600)
    yield pyarrow.record_batch({"text": ["a"]})

async def main():
    schema = pyarrow.schema({"text": pyarrow.string()})
    await asyncio.to_thread(step, pyarrow.RecordBatchReader.from_batches(schema, rows()))

try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""
    process = started(tmp_path, program, str(guests["normalize_text"]))
    interrupt(process)


def test_another_thread_runs_while_a_step_does(template: str, run_python: Any) -> None:
    program = """
import sys, threading
import pyarrow
import stillbox

table = pyarrow.table({"id": pyarrow.array(range(6), pyarrow.int64()), "text": ["a"] * 6})
step = stillbox.Step(sys.argv[1], limits={"time": "1s"})
ticks = []
ended = threading.Event()

def work():
    while not ended.wait(0.01):
        ticks.append(1)

thread = threading.Thread(target=work)
thread.start()
try:
    step(table)
except stillbox.Failure as failure:
    assert failure.kind == "timeout"
ended.set()
thread.join()
assert len(ticks) > 10, len(ticks)
"""
    done = run_python(program, template.replace("NAME", "bad_loop"))
    assert done.returncode == 0, done.stderr


FORK = """
import multiprocessing, sys, threading
import pyarrow
import stillbox

table = pyarrow.table({"id": pyarrow.array(range(2), pyarrow.int64()), "text": ["some text"] * 2})
step = stillbox.Step(sys.argv[1])
step(table)

def child(queue):
    try:
        queue.put([step(table).num_rows, stillbox.Step(sys.argv[1])(table).num_rows])
    except Exception as error:
        queue.put(f"{type(error).__name__}: {error}")

def fork():
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    process = context.Process(target=child, args=(queue,))
    process.start()
    print(queue.get())
    process.join()
    assert process.exitcode == 0
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems need threads that a fork does not have")
def test_a_fork_between_calls_uses_steps_of_its_parent(guests: Guests, run_python: Any) -> None:
    done = run_python(FORK + "fork(); assert step(table).num_rows == 2; fork()", str(guests["keep_long"]))
    assert (done.returncode, done.stdout) == (0, "[2, 2]\n[2, 2]\n"), done.stderr


def test_a_fork_during_a_call_gets_a_clear_error(guests: Guests, run_python: Any) -> None:
    program = FORK + """
busy, reading = threading.Event(), threading.Event()

def rows():
    reading.set()
    busy.wait()
    yield table.to_batches()[0]

thread = threading.Thread(target=lambda: step(pyarrow.RecordBatchReader.from_batches(table.schema, rows())))
thread.start()
reading.wait()
fork()
busy.set()
thread.join()
"""
    done = run_python(program, str(guests["keep_long"]))
    assert done.returncode == 0, done.stderr
    assert "RuntimeError: this process was forked from process" in done.stdout
    assert "spawn" in done.stdout


@pytest.mark.parametrize("when", ["before", "after", "between"])
def test_a_trap_is_a_failure_with_faulthandler(when: str, guests: Guests, run_python: Any) -> None:
    program = """
import faulthandler, sys
import pyarrow
if sys.argv[1] == "before":
    faulthandler.enable()
import stillbox

table = pyarrow.table({"id": pyarrow.array(range(6), pyarrow.int64()), "text": ["a"] * 6})
steps = [stillbox.Step(path) for path in sys.argv[2:]]
if sys.argv[1] == "between":
    for step in steps:
        try:
            step(table)
        except stillbox.Failure:
            pass
if sys.argv[1] != "before":
    faulthandler.enable()
kinds = []
for step in steps:
    try:
        step(table)
    except stillbox.Failure as failure:
        kinds.append(failure.kind)
assert kinds == ["trap", "trap", "trap"], kinds
"""
    traps = ["bad_unreachable", "bad_out_of_bounds", "bad_stack_overflow"]
    done = run_python(program, when, *(str(guests[guest]) for guest in traps))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


@pytest.mark.parametrize("order", ["other first", "own first"])
def test_traps_of_another_embedder_of_wasmtime_stay_apart(order: str, guests: Guests, run_python: Any) -> None:
    pytest.importorskip("wasmtime")
    program = """
import sys
import pyarrow
import stillbox
import wasmtime

TEXT = '''(module (memory 1)
  (func (export "unreachable") unreachable)
  (func (export "bounds") (drop (i32.load (i32.const 100000))))
  (func $again (export "stack") call $again))'''
engine = wasmtime.Engine()
table = pyarrow.table({"id": pyarrow.array(range(6), pyarrow.int64()), "text": ["a"] * 6})

def other():
    store = wasmtime.Store(engine)
    exports = wasmtime.Instance(store, wasmtime.Module(engine, TEXT), []).exports(store)
    kinds = []
    for name in ["unreachable", "bounds", "stack"]:
        try:
            exports[name](store)
        except wasmtime.Trap as trap:
            kinds.append(trap.trap_code.name)
    assert kinds == ["UNREACHABLE", "MEMORY_OUT_OF_BOUNDS", "STACK_OVERFLOW"], kinds

def own():
    kinds = []
    for path in sys.argv[2:]:
        try:
            stillbox.Step(path)(table)
        except stillbox.Failure as failure:
            kinds.append(failure.kind)
    assert kinds == ["trap"] * 3, kinds

for work in [other, own, other, own] if sys.argv[1] == "other first" else [own, other, own, other]:
    work()
"""
    traps = ["bad_unreachable", "bad_out_of_bounds", "bad_stack_overflow"]
    done = run_python(program, order, *(str(guests[guest]) for guest in traps))
    assert (done.returncode, done.stderr) == (0, "")
