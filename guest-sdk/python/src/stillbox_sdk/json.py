"""Unparsed JSON."""

from __future__ import annotations

import json
from typing import Any


class Json(str):
    """The unparsed text of a JSON value in a `json` column. The SDK does not check it: if it is not JSON, the host fails the batch.

    For parsed values, use `Any`, `dict[str, Any]` or `list[Any]` instead.
    """

    __slots__ = ()

    @classmethod
    def from_value(cls, value: object) -> Json:
        """Converts a value to JSON. Raises `TypeError` or `ValueError` for a value that JSON cannot represent."""
        return cls(dumps(value))

    def parse(self) -> Any:
        """Parses the value. Raises `ValueError` if the text is not JSON."""
        return json.loads(self)


def dumps(value: object) -> str:
    """Converts a value to JSON without spaces. Raises `TypeError` or `ValueError` for a value that JSON cannot represent."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
