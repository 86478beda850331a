"""The standard step `text-features`, written in Python: it passes the same cases as the one in Rust."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from zlib import crc32

from stillbox_sdk import column, step


@dataclass(slots=True)
class Parameters:
    column: str
    """The column with the texts."""


@dataclass(slots=True)
class Row:
    text: Annotated[str, column(from_parameter="column")]


@dataclass(slots=True)
class Features:
    n_words: int
    n_bytes: int
    tri_hash: int


@step
def text_features(parameters: Parameters, row: Row) -> Features:
    """Counts the words and bytes of texts, and hashes their word trigrams."""
    text = row.text.encode()
    words = text.split(b" ")
    trigrams = zip(words, words[1:], words[2:])
    return Features(len(words), len(text), min((crc32(b" ".join(three)) for three in trigrams), default=crc32(text)))
