"""The numbers of a run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

T = TypeVar("T")


def _read(kind: type[T], values: Mapping[str, Any]) -> T:
    """Creates an object from JSON. A report may have more members than this version of the package knows."""
    return kind(**{field.name: values[field.name] for field in fields(kind) if field.name in values})  # type: ignore[arg-type]


@dataclass(frozen=True)
class DropExample:
    """A dropped row."""

    reason: str
    row: Mapping[str, Any]
    """The place of the row: `index`, and `file` with `line` or `row` if they are known."""


@dataclass(frozen=True)
class DropReason:
    """A reason for dropped rows: all that differ in numbers and quoted texts only."""

    reason: str
    rows: int
    examples: list[DropExample] = field(default_factory=list)

    @classmethod
    def _from_json(cls, values: Mapping[str, Any]) -> DropReason:
        return cls(values["reason"], values["rows"], [_read(DropExample, example) for example in values["examples"]])


@dataclass(frozen=True)
class StepReport:
    """The numbers of one step."""

    name: str
    rows_in: int
    rows_out: int
    dropped: int
    rejected: int
    instances: int
    busy: float
    """Seconds spent in the step, summed over all threads."""
    cached: int = 0
    longest: float = 0.0
    """Seconds of the longest batch; for a source or an aggregate, of the longest call."""
    peak_memory: int = 0
    """Bytes of the largest linear memory of an instance."""
    drop_reasons: list[DropReason] = field(default_factory=list)
    """The reasons for dropped rows, if the pipeline file has `[dropped]`."""

    @classmethod
    def _from_json(cls, values: Mapping[str, Any]) -> StepReport:
        reasons = [DropReason._from_json(reason) for reason in values.get("drop_reasons", [])]
        return _read(cls, {**values, "drop_reasons": reasons})


@dataclass(frozen=True)
class SinkReport:
    """The numbers of one sink."""

    name: str
    rows: int


@dataclass(frozen=True)
class ModelUsage:
    """What a run used of a model."""

    name: str
    requests: int
    retries: int
    stored_answers: int
    """Answers that were stored by an earlier attempt or run."""
    input_tokens: int
    output_tokens: int
    rate_limit_seconds: float
    """Time that requests waited because of rate limits, added up over all requests."""
    cost: float | None = None
    """The cost by the model's price."""


@dataclass(frozen=True)
class UntilReport:
    """The rows of a pipeline with ``until``."""

    rows: int
    """The number of accepted rows with which the run is complete."""
    accepted: int
    left_out: int
    """Rows that steps passed to the sink and that were not written."""


@dataclass(frozen=True)
class Report:
    """The numbers of a run."""

    rows_in: int
    batches: int
    elapsed: float
    """Seconds, without planning."""
    bad_rows: int = 0
    """Rows of sources that could not be read and were rejected."""
    steps: list[StepReport] = field(default_factory=list)
    sinks: list[SinkReport] = field(default_factory=list)
    models: list[ModelUsage] = field(default_factory=list)
    until: UntilReport | None = None

    @property
    def rejected(self) -> int:
        """Rows that sources and steps have rejected."""
        return self.bad_rows + sum(step.rejected for step in self.steps)

    @classmethod
    def _from_json(cls, text: str) -> Report:
        values = json.loads(text)
        return cls(
            rows_in=values["rows_in"],
            batches=values["batches"],
            elapsed=values["elapsed"],
            bad_rows=values.get("bad_rows", 0),
            steps=[StepReport._from_json(step) for step in values["steps"]],
            sinks=[_read(SinkReport, sink) for sink in values["sinks"]],
            models=[_read(ModelUsage, model) for model in values.get("models", [])],
            until=_read(UntilReport, values["until"]) if values.get("until") else None,
        )
