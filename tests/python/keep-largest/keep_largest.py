"""An aggregate that keeps the largest numbers, and adds the number of input rows."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

from stillbox_sdk import Aggregate, Batch, Rows, step


@dataclass
class Parameters:
    count: int
    """The number of rows to keep."""


@dataclass
class Number:
    number: int


@dataclass
class Ranked:
    rank: int
    of: int


@step
class KeepLargest(Aggregate[Parameters, Number, Ranked]):
    """Keeps the largest numbers."""

    def __init__(self, parameters: Parameters) -> None:
        self.count = parameters.count
        self.largest: list[tuple[int, int]] = []
        self.seen = 0
        self.done = False

    def process(self, batch: Batch[Number]) -> None:
        found = [(number, self.seen + row) for row, number in enumerate(batch.column("number"))]
        self.largest = heapq.nlargest(self.count, self.largest + found)
        self.seen += len(batch)

    def finish(self) -> Rows[Ranked] | None:
        if self.done:
            return None
        self.done = True
        rows: Rows[Ranked] = Rows()
        for rank, (_, row) in enumerate(self.largest, 1):
            rows.push_from(row, Ranked(rank, self.seen))
        return rows
