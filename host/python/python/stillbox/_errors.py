"""The exceptions of the package."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ._report import Report


@dataclass(frozen=True)
class RowPlace:
    """A row, by its index and its place in the input."""

    index: int
    """The index in the batch, from 0."""
    file: str | None = None
    """The input file; for other rows, a description of them."""
    line: int | None = None
    """The line in that file, from 1; for text formats."""
    row: int | None = None
    """The row in that file or input, from 1; for the other formats, and for tables."""


@dataclass(frozen=True)
class Location:
    """A place in a source file."""

    file: str
    line: int
    column: int | None = None


@dataclass(frozen=True)
class Frame:
    """One frame of the stack of a step."""

    function: str
    location: Location | None = None


@dataclass(frozen=True)
class LogEntry:
    """A message that a step has logged."""

    level: str
    message: str


@dataclass(frozen=True)
class LimitHit:
    """A limit that has ended a call."""

    name: str
    value: str


class Failure(Exception):
    """A step, a row or a run that did not succeed.

    ``str(failure)`` is the text that the command prints. ``record`` is the failure record as in the files of the command; its
    fields are attributes as well. An exception can be pickled.
    """

    def __init__(self, record: dict[str, Any], text: str) -> None:
        super().__init__(text)
        self.record: dict[str, Any] = record
        """The record, as `docs/failures.md` describes it."""
        self.failures: list[Failure] = [self]
        """All failures of the run in the order of their batches, the first of which is this one."""
        self.report: Report | None = None
        """The numbers of the run until then; ``None`` for a single step."""

    @classmethod
    def _from_json(cls, record: str, text: str) -> Failure:
        return cls(json.loads(record), text)

    def _of_run(self, records: list[str], report: str | None) -> None:
        others = [json.loads(record) for record in records[1:]]
        self.failures = [self, *(Failure(record, record["message"]) for record in others)]
        self.report = None if report is None else Report._from_json(report)

    def __reduce__(self) -> tuple[Any, ...]:
        others = [(failure.record, str(failure)) for failure in self.failures[1:]]
        return _restored, (type(self), self.record, str(self), others, self.report)

    @property
    def kind(self) -> str:
        """Such as ``guest-error``, ``trap``, ``timeout``, ``memory``, ``exit``, ``bad-output``."""
        return str(self.record["kind"])

    @property
    def message(self) -> str:
        """The message; the step's own if it has one."""
        return str(self.record["message"])

    @property
    def run(self) -> str | None:
        """The run's id."""
        return self.record.get("run")

    @property
    def step(self) -> str | None:
        """The name of the step."""
        return self.record.get("step")

    @property
    def component(self) -> str | None:
        """The digest of the component."""
        return self.record.get("component")

    @property
    def batch(self) -> int | None:
        """The number of the batch, from 0."""
        return self.record.get("batch")

    @property
    def attempt(self) -> int:
        """The number of the attempt, from 1."""
        return int(self.record.get("attempt", 1))

    @property
    def row(self) -> RowPlace | None:
        """The row that has failed."""
        return _place(self.record.get("row"))

    @property
    def first_row(self) -> RowPlace | None:
        """The first row of the batch."""
        return _place(self.record.get("first_row"))

    @property
    def code(self) -> str | None:
        """The sandbox's code for a trap."""
        return self.record.get("code")

    @property
    def causes(self) -> list[str]:
        """The causes, the nearest first."""
        return list(self.record.get("causes", []))

    @property
    def location(self) -> Location | None:
        """The place in the step's source."""
        place = self.record.get("location")
        return None if place is None else _location(place)

    @property
    def backtrace(self) -> list[Frame]:
        """The step's stack, the innermost frame first."""
        frames = self.record.get("backtrace", [])
        return [
            Frame(frame["function"], _location(frame["location"]) if "location" in frame else None) for frame in frames
        ]

    @property
    def trace(self) -> list[str]:
        """The trace of the step's language."""
        return list(self.record.get("trace", []))

    @property
    def stderr(self) -> str:
        """The end of the step's standard error."""
        return str(self.record.get("stderr", ""))

    @property
    def stdout(self) -> str:
        """The end of the step's standard output."""
        return str(self.record.get("stdout", ""))

    @property
    def log(self) -> list[LogEntry]:
        """The last messages of the step's log."""
        return [LogEntry(entry["level"], entry["message"]) for entry in self.record.get("log", [])]

    @property
    def limit(self) -> LimitHit | None:
        """The limit that has ended the call."""
        limit = self.record.get("limit")
        return None if limit is None else LimitHit(limit["name"], limit["value"])

    @property
    def elapsed_ms(self) -> float | None:
        """The time that the call took, in milliseconds."""
        return self.record.get("elapsed_ms")

    @property
    def hint(self) -> str | None:
        """Advice."""
        return self.record.get("hint")

    @property
    def transient(self) -> bool:
        """Whether the step has marked the error as one that may not occur again."""
        return bool(self.record.get("transient", False))

    @property
    def retry_after_ms(self) -> int | None:
        """The wait before another attempt that the step asks for, in milliseconds."""
        return self.record.get("retry_after_ms")


class ConfigError(ValueError):
    """A pipeline file, or the settings of a step, are wrong. The text has every problem with its place."""

    def __init__(self, text: str, messages: list[str], failures: list[Failure]) -> None:
        super().__init__(text)
        self.messages: list[str] = messages
        """The message of each problem."""
        self.failures: list[Failure] = failures
        """The records of steps that do not accept their parameters or columns, or cannot be loaded."""

    @classmethod
    def _create(cls, text: str, messages: list[str], records: list[str]) -> ConfigError:
        parsed = [json.loads(record) for record in records]
        return cls(text, messages, [Failure(record, record["message"]) for record in parsed])

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.messages, self.failures)


def _restored(
    kind: type[Failure], record: dict[str, Any], text: str, others: list[tuple[dict[str, Any], str]], report: Report | None
) -> Failure:
    failure = kind(record, text)
    failure.failures = [failure, *(Failure(*other) for other in others)]
    failure.report = report
    return failure


def _place(place: dict[str, Any] | None) -> RowPlace | None:
    if place is None:
        return None
    return RowPlace(place["index"], place.get("file"), place.get("line"), place.get("row"))


def _location(place: dict[str, Any]) -> Location:
    return Location(place["file"], place["line"], place.get("column"))
