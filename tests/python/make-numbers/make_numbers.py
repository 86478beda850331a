"""A source that counts from 0."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Annotated

from stillbox_sdk import Source, TransientError, parameter, step


@dataclass
class Parameters:
    count: Annotated[int, parameter(min=0)]
    """The number of rows."""
    fail_at: int | None = None
    """The number at which the source fails."""


@dataclass
class Number:
    number: int


@step
class Numbers(Source[Parameters, Number]):
    """Counts from 0."""

    def __init__(self, parameters: Parameters) -> None:
        self.fail_at = parameters.fail_at
        self.left = iter(range(parameters.count))

    def next(self) -> list[Number] | None:
        numbers = list(islice(self.left, 10))
        if self.fail_at in numbers:
            raise TransientError(f"no {self.fail_at}")
        return [Number(number) for number in numbers] or None
