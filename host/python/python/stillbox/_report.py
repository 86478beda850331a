"""The numbers of a run."""

from __future__ import annotations

import json
from dataclasses import dataclass, field


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


@dataclass(frozen=True)
class SinkReport:
    """The numbers of one sink."""

    name: str
    rows: int


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
            steps=[StepReport(**step) for step in values["steps"]],
            sinks=[SinkReport(**sink) for sink in values["sinks"]],
        )
