"""JSON that is passed on as it is."""

from __future__ import annotations

import json
from typing import Any


class Json(str):
    """The text of a JSON value, as it stands in a column of type json. What is written must be JSON; the host refuses the rest.

    For a column whose values are to be parsed, use `Any`, `dict[str, Any]` or `list[Any]` instead.
    """

    __slots__ = ()

    @classmethod
    def of(cls, value: object) -> Json:
        """Writes a value as JSON."""
        return cls(dumps(value))

    def parse(self) -> Any:
        """Reads the value. Raises `ValueError` where the text is not JSON."""
        return json.loads(self)


def dumps(value: object) -> str:
    """A value as JSON, without spaces. Raises `TypeError` or `ValueError` for what JSON doesn't have."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
