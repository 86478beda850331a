"""The text benchmark as one step in Python."""

from __future__ import annotations

from dataclasses import dataclass

from semantics import features, keep, normalise
from stillbox_sdk import step


@dataclass(slots=True)
class Row:
    text: str


@dataclass(slots=True)
class Cleaned:
    text: str
    n_words: int
    n_bytes: int
    tri_hash: int


@step
def clean_text(row: Row) -> Cleaned | None:
    """Normalises texts, keeps those of a usual length and describes them."""
    text = normalise(row.text)
    return Cleaned(text, *features(text)) if keep(text) else None
