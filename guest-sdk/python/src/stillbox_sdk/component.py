"""The component's exports, and the forwarding of `logging` and `print` to the host.

This module can be imported only inside a component, because the modules that it imports are generated when a step is built.
"""

from __future__ import annotations

import contextlib
import logging
import operator
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeVar

from componentize_py_types import Err
from wit_world.imports import drops, log, panic

from . import contract, dropped, seeding
from .code import Code, located
from .contract import ErrorKind
from .errors import InternalError
from .failures import CAUGHT, clean, describe, format_message
from .function import OutOfMemory, current_row
from .step import Instance, Step

T = TypeVar("T")

# The longest message. The host accepts 4 MiB in one call, and a character has up to 4 bytes.
MESSAGE_CHARACTERS = 1 << 18

_LEVELS = (
    (logging.DEBUG, log.Level.TRACE),
    (logging.INFO, log.Level.DEBUG),
    (logging.WARNING, log.Level.INFO),
    (logging.ERROR, log.Level.WARN),
)


def _explain(rows: Sequence[tuple[int, str]]) -> None:
    drops.explain([drops.DroppedRow(row, reason) for row, reason in rows])


dropped.connect(drops.are_recorded, _explain)


class HostHandler(logging.Handler):
    """Forwards log records to the host."""

    def emit(self, record: logging.LogRecord) -> None:
        """Writes a record, with its exception if it has one."""
        try:
            message = clean(self.format(record))
        except Exception:
            self.handleError(record)
            return
        level = next((level for below, level in _LEVELS if record.levelno < below), log.Level.ERROR)
        log.write(level, message[:MESSAGE_CHARACTERS])

    def handleError(self, record: logging.LogRecord) -> None:
        """Reports a record that could not be formatted, without failing the step."""
        reason = format_message(sys.exc_info()[1] or Exception())
        log.write(log.Level.ERROR, f"a log message could not be formatted: {reason}"[:MESSAGE_CHARACTERS])


class HostFormatter(logging.Formatter):
    """Formats a record's exception like a failure: without the SDK's frames, and without file access."""

    def __init__(self, code: Code) -> None:
        super().__init__("%(message)s")
        self._code = code

    def formatException(self, ei: Any) -> str:
        """Returns the trace, the message and the causes."""
        error = ei[1]
        if not isinstance(error, BaseException):
            return ""
        described = describe(error, self._code, ErrorKind.INTERNAL)
        return "\n".join([*described.trace, described.message, *(f"caused by: {cause}" for cause in described.causes)])


def forward_output(code: Code) -> logging.Handler:
    """Forwards log messages, warnings and printed lines to the host. Must be called before the author's module is imported. Returns the
    handler of log messages.

    All levels are forwarded, because the host drops the oldest messages. Printed lines are flushed at once, because a trap
    discards the buffer.
    """
    handler = HostHandler()
    handler.setFormatter(HostFormatter(code))
    logging.basicConfig(level=logging.NOTSET, handlers=[handler])
    logging.captureWarnings(True)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True, write_through=False, errors="backslashreplace")  # type: ignore[union-attr]
    return handler


def report_exits() -> None:
    """Replaces `os._exit` by a function that tells the host the status. Must be called before the author's module is imported."""
    os._exit = exit_instance


def exit_instance(status: int) -> NoReturn:
    """Ends the instance, as `os._exit` does. The function of Python tells the host only whether the status is 0."""
    number = operator.index(status)
    if not -(1 << 31) <= number < 1 << 31:
        raise OverflowError("Python int too large to convert to C int")
    if not seeding.is_built():
        # A build ends with a message, and an import does so in tests.
        raise SystemExit(number)
    panic.exit(number, current_row(sys._getframe()))
    os.abort()


class Exports:
    """The exports of a step. The generated bindings create an object of a subclass for each call, so state that outlives a
    call is stored in the class."""

    step: Step
    _instance: Instance | None = None

    def manifest(self) -> contract.Manifest:
        """Returns the manifest of the step."""
        return self.step.manifest()

    def bind(self, parameters: str) -> contract.Signature:
        """Binds the parameters, and returns the columns."""
        signature, Exports._instance = self._call(ErrorKind.PARAMETERS, lambda: self.step.bind(parameters))
        return signature

    def process(self, batch: contract.Batch) -> contract.Output:
        """Turns a batch into an output."""
        return self._call(ErrorKind.INPUT, lambda: self._bound().process(batch))

    def finish(self) -> contract.Output | None:
        """Returns the next output, or `None` after the last one."""
        return self._call(ErrorKind.INTERNAL, lambda: self._bound().finish())

    def _bound(self) -> Instance:
        if self._instance is None:
            raise InternalError("the host did not call `bind` first")
        return self._instance

    def _call(self, kind: ErrorKind, call: Callable[[], T]) -> T:
        try:
            return call()
        except OutOfMemory as error:
            self._abort(error.__cause__ or error, error.row)
        except MemoryError as error:
            self._abort(error, None)
        except CAUGHT as error:
            raise Err(describe(error, self.step.code, kind, self.step.target)) from None
        finally:
            # Flushes incomplete lines. The author may have closed or replaced the streams.
            for stream in (sys.stdout, sys.stderr):
                with contextlib.suppress(Exception):
                    stream.flush()

    def _abort(self, error: BaseException, row: int | None) -> NoReturn:
        """Ends the instance, whose state is unreliable after it ran out of memory. The host reports the memory limit."""
        location, _ = located(self.step.code, error.__traceback__)
        panic.report(format_message(error)[:MESSAGE_CHARACTERS], location, row)
        os.abort()
