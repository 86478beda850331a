from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from stillbox_sdk import step


@dataclass
class Row:
    operation: str
    path: str
    """A path, or the name of a variable."""
    other: str
    """A text to write."""


@dataclass
class Answer:
    result: str


@step
def use_files(row: Row) -> Answer:
    """Reads or writes a file, lists a folder, or reads variables."""
    path = Path(row.path)
    try:
        match row.operation:
            case "read":
                result = path.read_text(encoding="utf-8")
            case "list":
                result = " ".join(sorted(entry.name for entry in path.iterdir()))
            case "write":
                result = str(path.write_text(row.other, encoding="utf-8"))
            case "variable":
                result = os.environ[row.path]
            case "variables":
                result = " ".join(sorted(os.environ))
            case other:
                raise ValueError(f"unknown operation {other}")
    except (OSError, KeyError) as error:
        result = f"error: {type(error).__name__}"
    return Answer(result)
