"""The component's exports, as the bindings want them, and the way from `logging` and `print` to the host.

Only inside a component: what it imports is made while a step is built.
"""

from __future__ import annotations

import contextlib
import logging
import os
import random
import sys
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from componentize_py_types import Err
from wit_world.imports import log, panic

from . import contract
from .code import Code, located
from .contract import ErrorKind
from .errors import InternalError
from .failures import CAUGHT, clean, describe, message_of
from .function import OutOfMemory
from .step import Instance, Step

T = TypeVar("T")

_LEVELS = (
    (logging.DEBUG, log.Level.TRACE),
    (logging.INFO, log.Level.DEBUG),
    (logging.WARNING, log.Level.INFO),
    (logging.ERROR, log.Level.WARN),
)


class HostHandler(logging.Handler):
    """Hands log records to the host."""

    def emit(self, record: logging.LogRecord) -> None:
        """Writes a record, with its exception if it has one."""
        try:
            message = clean(self.format(record))
        except Exception:
            self.handleError(record)
            return
        level = next((level for below, level in _LEVELS if record.levelno < below), log.Level.ERROR)
        log.write(level, message)

    def handleError(self, record: logging.LogRecord) -> None:
        """Says that a record could not be formatted, which must not end the step."""
        log.write(log.Level.ERROR, f"a log message could not be formatted: {message_of(sys.exc_info()[1] or Exception())}")


class HostFormatter(logging.Formatter):
    """Formats a record's exception as failures have it: without the SDK's frames, and without looking for files."""

    def __init__(self, code: Code) -> None:
        super().__init__("%(message)s")
        self._code = code

    def formatException(self, ei: Any) -> str:
        """The trace, the message and the causes."""
        error = ei[1]
        if not isinstance(error, BaseException):
            return ""
        told = describe(error, self._code, ErrorKind.INTERNAL)
        return "\n".join([*told.trace, told.message, *(f"caused by {cause}" for cause in told.causes)])


def listen(code: Code) -> None:
    """Has the host hear what the step says. Called before the author's module is imported, so that it can't come too late.

    All records are handed over, because the host keeps the last of them anyway; a line that is printed is written at once,
    because a trap leaves no time for it.
    """
    handler = HostHandler()
    handler.setFormatter(HostFormatter(code))
    logging.basicConfig(level=logging.NOTSET, handlers=[handler])
    logging.captureWarnings(True)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True, write_through=False, errors="backslashreplace")  # type: ignore[union-attr]


class Exports:
    """The exports of a step. The class that the bindings look for derives from it; they make an object of it for each call,
    so what lasts belongs to the class."""

    step: Step
    _instance: Instance | None = None

    def manifest(self) -> contract.Manifest:
        """Says what the step is."""
        return self.step.manifest()

    def bind(self, parameters: str) -> contract.Signature:
        """Takes the parameters, and names the columns."""
        # The generator's state is part of the component, and the same in every instance. The host's numbers are not.
        random.seed(os.urandom(32))
        signature, Exports._instance = self._call(ErrorKind.PARAMETERS, lambda: self.step.bind(parameters))
        return signature

    def process(self, batch: contract.Batch) -> contract.Output:
        """Turns a batch into an output."""
        return self._call(ErrorKind.INPUT, lambda: self._bound().process(batch))

    def finish(self) -> contract.Output | None:
        """Makes the next output."""
        return self._call(ErrorKind.INTERNAL, lambda: self._bound().finish())

    def _bound(self) -> Instance:
        if self._instance is None:
            raise InternalError("the host didn't call `bind` first")
        return self._instance

    def _call(self, kind: ErrorKind, call: Callable[[], T]) -> T:
        try:
            return call()
        except OutOfMemory as error:
            self._give_up(error.__cause__ or error, error.row)
        except MemoryError as error:
            self._give_up(error, None)
        except CAUGHT as error:
            raise Err(describe(error, self.step.code, kind, self.step.target)) from None
        finally:
            # What is left of a line that has not ended. The author may have closed the streams, or put others there.
            for stream in (sys.stdout, sys.stderr):
                with contextlib.suppress(Exception):
                    stream.flush()

    def _give_up(self, error: BaseException, row: int | None) -> NoReturn:
        """Ends the instance, which has no memory left to trust in. The host knows which limit it was."""
        location, _ = located(self.step.code, error.__traceback__)
        panic.report(message_of(error), location, row)
        os.abort()
