"""Errors with a kind, a hint and a retry delay."""

from __future__ import annotations

from datetime import timedelta

from .contract import ErrorKind


class StepError(Exception):
    """The base class of the SDK's errors.

    Any exception rejects a row. This class and its subclasses are reported without their type, and have in addition:

    - `hint`: advice on how to fix the error;
    - `kind`: the kind of the error, which the subclass sets. A `StepError` is an error in the parameters while the step is bound
      to them, and in the input afterwards.
    """

    kind: ErrorKind | None = None
    retry_after: float | None = None

    def __init__(self, message: object, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class InputError(StepError):
    """An error in this input: another input may succeed."""

    kind = ErrorKind.INPUT


class ParameterError(StepError):
    """An error in the parameters: the step fails for every input."""

    kind = ErrorKind.PARAMETERS


class InternalError(StepError):
    """A bug of the step."""

    kind = ErrorKind.INTERNAL


class TransientError(StepError):
    """A temporary error: a retry after `retry_after` seconds, rounded down to milliseconds, may succeed."""

    kind = ErrorKind.TRANSIENT

    def __init__(
        self, message: object, *, hint: str | None = None, retry_after: float | timedelta | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after.total_seconds() if isinstance(retry_after, timedelta) else retry_after


class DefinitionError(TypeError):
    """A mistake in the definition of a step, raised when its module is imported. `file` and `line` are its location, if known."""

    def __init__(self, message: str, file: str | None = None, line: int | None = None) -> None:
        super().__init__(message if file is None else f"{file}:{line}: {message}")
        self.message = message
        self.file = file
        self.line = line


def extra_is_missing(who_needs: str, extra: str) -> DefinitionError:
    """Returns the error of a step that uses a part of the SDK without its extra. `who_needs` is the start of the sentence."""
    example = f'dependencies = ["stillbox-sdk[{extra}]"]'
    return DefinitionError(f"{who_needs} the extra `{extra}` of the SDK: write `{example}` in pyproject.toml")
