"""Runs generated Python code."""

from __future__ import annotations

import io
import linecache
import sys
import traceback
from dataclasses import dataclass
from functools import reduce
from operator import or_
from sys import monitoring
from types import CodeType
from typing import Annotated, Any, Literal

from stillbox_sdk import Batch, InputError, Rows, column, parameter, step

TOOL = monitoring.PROFILER_ID
EVENTS = monitoring.events.JUMP, monitoring.events.PY_START, monitoring.events.PY_RESUME

Verdict = Literal["passed", "failed", "error", "limit"]


@dataclass(slots=True)
class Parameters:
    column: str = "code"
    """The column with the code."""
    tests: str = "tests"
    """A column with code that runs afterwards, in the same module, and fails if the code is wrong. It may be missing."""
    stdin: str = "stdin"
    """A column with the text that the code reads from standard input. It may be missing."""
    verdict: str = "verdict"
    """The output column for `passed`, `failed` (an exception or an exit in the tests, or a failed assertion), `error` (another exception, a
    syntax error or an exit status other than 0 in the code) or `limit`."""
    output: str = "output"
    """The output column for what the code prints, on standard output and standard error."""
    traceback: str = "traceback"
    """The output column for the traceback. Null if the verdict is `passed`."""
    max_characters: Annotated[int, parameter(min=0, max=10_000_000)] = 10_000
    """The most characters of the output, whose start is kept, and of the traceback, whose end is kept."""
    max_iterations: Annotated[int, parameter(min=1)] = 10_000_000
    """The most iterations of loops and calls of functions, together, after which the verdict is `limit`."""


@dataclass(slots=True)
class Row:
    code: Annotated[str, column(from_parameter="column")]
    tests: Annotated[str | None, column(from_parameter="tests", optional=True)]
    stdin: Annotated[str | None, column(from_parameter="stdin", optional=True)]


@dataclass(slots=True)
class Result:
    verdict: Annotated[str, column(from_parameter="verdict")]
    output: Annotated[str, column(from_parameter="output")]
    traceback: Annotated[str | None, column(from_parameter="traceback")]


class LimitReached(BaseException):
    """The code ran for too long. Handlers for `Exception` do not catch it."""

    __module__ = "__main__"  # shown without the name of this module


class Output(io.TextIOBase):
    """Stores the start of what is written."""

    def __init__(self, most: int) -> None:
        self.parts: list[str] = []
        self.left = most
        self.lost = 0

    def writable(self) -> bool:
        return True

    def write(self, text: str, /) -> int:
        part = text[: self.left]
        self.left -= len(part)
        self.lost += len(text) - len(part)
        if part:
            self.parts.append(part)
        return len(text)

    def text(self) -> str:
        end = f"\n[{self.lost} more characters]" if self.lost else ""
        return well_formed("".join(self.parts)) + end


def well_formed(text: str) -> str:
    """Replaces surrogates, which a column cannot have."""
    return text.encode("utf-8", "replace").decode("utf-8")


def count(iterations: int) -> None:
    """Lets the code that runs from here on raise `LimitReached` after this number of iterations of loops and calls of functions."""
    left = iterations

    def on_event(*_: Any) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise LimitReached(f"more than {iterations} iterations of loops and calls of functions")

    monitoring.use_tool_id(TOOL, "run-python")
    for event in EVENTS:
        monitoring.register_callback(TOOL, event, on_event)
    monitoring.set_events(TOOL, reduce(or_, EVENTS))


def execute(code: CodeType, module: dict[str, Any], stdin: str, output: Output, iterations: int) -> None:
    before = sys.stdin, sys.stdout, sys.stderr
    sys.stdin, sys.stdout, sys.stderr = io.StringIO(stdin), output, output
    try:
        count(iterations)
        exec(code, module)
    finally:
        # Without a call of a function in Python, which would be counted.
        if monitoring.get_tool(TOOL) is not None:
            monitoring.set_events(TOOL, 0)
            monitoring.free_tool_id(TOOL)
        sys.stdin, sys.stdout, sys.stderr = before


def compiled(code: str, name: str) -> CodeType:
    linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
    return compile(code, name, "exec", dont_inherit=True)


def trace(error: BaseException, most: int) -> str:
    """Returns the traceback, without the frames of this module."""
    try:
        report = traceback.TracebackException.from_exception(error)
        report.stack = traceback.StackSummary.from_list([frame for frame in report.stack if frame.filename != __file__])
        text = "".join(report.format())
    except BaseException as other:  # the code can define how its exceptions are shown
        text = f"{type(error).__name__}, whose text raises {type(other).__name__}"
    text = well_formed(text.rstrip())
    # The end says what happened.
    return text if len(text) <= most else f"[{len(text) - most} more characters]\n{text[len(text) - most :]}"


def verdict_of(error: BaseException, in_tests: bool) -> Verdict:
    match error:
        case LimitReached():
            return "limit"
        # An exit in the tests leaves out the assertions after it.
        case SystemExit(code=None | 0) if not in_tests:
            return "passed"
        case AssertionError():
            return "failed"
        case _:
            return "failed" if in_tests else "error"


def run(parameters: Parameters, row: Row) -> Result:
    output = Output(parameters.max_characters)
    module: dict[str, Any] = {"__name__": "__main__", "__builtins__": __builtins__}
    sources = [(row.code, "<code>")] + ([(row.tests, "<tests>")] if row.tests else [])
    for source, name in sources:
        try:
            code = compiled(source, name)
            execute(code, module, row.stdin or "", output, parameters.max_iterations)
        except BaseException as error:
            verdict = verdict_of(error, name == "<tests>")
            if verdict != "passed":
                return Result(verdict, output.text(), trace(error, parameters.max_characters))
    return Result("passed", output.text(), None)


is_used = False


@step
def run_python(parameters: Parameters, batch: Batch[Row]) -> Rows[Result]:
    """Runs the Python code of each row in an instance of its own, and writes its verdict, output and traceback.

    Requires `batch-rows = 1`, so that no code meets what the code of another row has changed."""
    global is_used
    rows: Rows[Result] = Rows()
    if len(batch) > 1 or is_used:
        raise InputError(
            "the code of several rows would run in one instance",
            hint='set `batch-rows = 1` at the step, and leave `instance` at "batch"',
        )
    for row in batch:
        is_used = True
        rows.push(run(parameters, row))
    return rows
