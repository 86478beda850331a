"""Runs a small step when a component is built, so that instances start with the interpreter's caches filled.

An instance calls the SDK's functions once for each batch, so it would look up names, and adapt the bytecode, for a single use. Both also
write to memory, which the system copies page by page.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import contract
from .step import find_step, step

# The interpreter adapts bytecode after it ran a few times, and counts the first 30 objects of a class.
_CALLS = 40
_TEXTS = ["one", "two"]


@dataclass
class _Parameters:
    count: int


@dataclass
class _Row:
    text: str


@dataclass
class _Result:
    text: str
    count: int


@step
def _measure(parameters: _Parameters, row: _Row) -> _Result:
    """Counts characters."""
    return _Result(row.text, len(row.text) + parameters.count)


def warm_up(exports: type[Any]) -> None:
    """Binds and calls the step by a subclass of the component's exports, whose state is the same afterwards."""
    guest = type("Guest", (exports,), {"step": find_step(_measure)})
    joined = "".join(_TEXTS).encode()
    ends = [0, len(_TEXTS[0]), len(joined)]
    for _ in range(_CALLS):
        guest().bind('{"count": 1}')
        column = contract.Column("text", None, contract.Values_Text(contract.Texts(ends, joined)))
        guest().process(contract.Batch(len(_TEXTS), [column]))
    exports._instance = None
