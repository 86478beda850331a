"""Errors that say more than their message: of what kind they are, what to do, when to try again."""

from __future__ import annotations

from datetime import timedelta

from .contract import ErrorKind


class StepError(Exception):
    """An error in the step's own words.

    Any exception will do to reject a row. This one and its kin are shown without their type's name, and say more:

    - `hint`: what to do about it;
    - the class: whose fault it is. `StepError` itself doesn't say; then it is about the parameters while the step is bound to
      them, and about the input afterwards.
    """

    kind: ErrorKind | None = None
    retry_after: float | None = None

    def __init__(self, message: object, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class InputError(StepError):
    """This input is wrong; another would do."""

    kind = ErrorKind.INPUT


class ParameterError(StepError):
    """The parameters are wrong; no input would do."""

    kind = ErrorKind.PARAMETERS


class InternalError(StepError):
    """The step is at fault."""

    kind = ErrorKind.INTERNAL


class TransientError(StepError):
    """It may work another time: `retry_after` says in how many seconds, which the host counts in milliseconds."""

    kind = ErrorKind.TRANSIENT

    def __init__(
        self, message: object, *, hint: str | None = None, retry_after: float | timedelta | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after.total_seconds() if isinstance(retry_after, timedelta) else retry_after


class DefinitionError(TypeError):
    """A step is not written as it has to be. Raised when its module is imported; `file` and `line` say where, if known."""

    def __init__(self, message: str, file: str | None = None, line: int | None = None) -> None:
        super().__init__(message if file is None else f"{file}:{line}: {message}")
        self.message = message
        self.file = file
        self.line = line
