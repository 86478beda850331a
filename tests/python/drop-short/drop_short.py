"""Drops rows with reasons, by an exception and as a batch."""

from __future__ import annotations

from dataclasses import dataclass

from stillbox_sdk import Drop, step


@dataclass(slots=True)
class Row:
    text: str


@dataclass(slots=True)
class Counted:
    n: int


@step
def drop_short(row: Row) -> Counted:
    """Counts the characters of a text, and drops short ones."""
    if len(row.text) < 3:
        raise Drop(f"too short: {len(row.text)} characters")
    return Counted(len(row.text))
