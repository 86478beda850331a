"""The types of parameters, which read a value from JSON, describe it and write it."""

from __future__ import annotations

import enum
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .problems import Problems, number, quoted, suggestion

_INTEGERS = (-(2**63), 2**63 - 1)
# A placeholder for a parameter that could not be read. The problems contain the reason.
INVALID: Any = object()


class ValueType(ABC):
    """The type of a parameter."""

    @abstractmethod
    def read(self, value: object, at: str, problems: Problems) -> Any:
        """Reads a JSON value. Returns `UNREAD` after adding the mistakes to the problems."""

    @abstractmethod
    def schema(self) -> dict[str, Any]:
        """Returns the JSON Schema of the type."""

    def write(self, value: Any) -> Any:
        """Converts a value to JSON, for the schema's default."""
        return value


@dataclass(frozen=True)
class Boolean(ValueType):
    """True or false."""

    def read(self, value: object, at: str, problems: Problems) -> Any:
        if isinstance(value, bool):
            return value
        problems.wrong(at, "true or false", value)
        return INVALID

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


@dataclass(frozen=True)
class Number(ValueType):
    """A 64-bit integer, or a finite number, from `min` to `max`, both included."""

    integer: bool
    min: float | None
    max: float | None

    def read(self, value: object, at: str, problems: Problems) -> Any:
        if self.integer and isinstance(value, int) and not isinstance(value, bool):
            if not _INTEGERS[0] <= value <= _INTEGERS[1]:
                return _outside(at, *_INTEGERS, value, problems)
            read: float = value
        elif not self.integer and isinstance(value, (int, float)) and not isinstance(value, bool):
            try:
                read = float(value)
            except OverflowError:
                read = math.inf
            if not math.isfinite(read):
                problems.wrong(at, "a number in range", value)
                return INVALID
        else:
            problems.wrong(at, "an integer" if self.integer else "a number", value)
            return INVALID
        if (self.min is not None and read < self.min) or (self.max is not None and read > self.max):
            return _outside(at, self.min, self.max, read, problems)
        return read

    def schema(self) -> dict[str, Any]:
        low, high = _INTEGERS if self.integer else (None, None)
        bounds = {"minimum": low if self.min is None else self.min, "maximum": high if self.max is None else self.max}
        kind = "integer" if self.integer else "number"
        return {"type": kind, **{name: bound for name, bound in bounds.items() if bound is not None}}


def _outside(at: str, low: float | None, high: float | None, value: float, problems: Problems) -> Any:
    if low is not None and high is not None:
        range_ = f"from {number(low)} to {number(high)}"
    elif low is not None:
        range_ = f"at least {number(low)}"
    else:
        range_ = f"at most {number(high or 0)}"
    problems.add(f"`{at}` must be {range_}, not {number(value)}")
    return INVALID


@dataclass(frozen=True)
class Text(ValueType):
    """A text."""

    def read(self, value: object, at: str, problems: Problems) -> Any:
        if isinstance(value, str):
            return value
        problems.wrong(at, "a text", value)
        return INVALID

    def schema(self) -> dict[str, Any]:
        return {"type": "string"}


@dataclass(frozen=True)
class Choice(ValueType):
    """One of several texts: a `Literal`, or an enum whose members have their string value or their name in kebab-case."""

    members: dict[str, Any]

    @classmethod
    def from_members(cls, names: Iterable[Any]) -> Choice:
        """Creates a choice of the members of an enum, or of texts."""
        members = {}
        for member in names:
            value = member.value if isinstance(member, enum.Enum) else member
            named = value if isinstance(value, str) else member.name.lower().replace("_", "-")
            members[named] = member
        return cls(members)

    def read(self, value: object, at: str, problems: Problems) -> Any:
        if not isinstance(value, str):
            problems.wrong(at, "a text", value)
        elif value in self.members:
            return self.members[value]
        else:
            problems.add(f"`{at}` cannot be {quoted(value)}{suggestion(value, self.members)}")
        return INVALID

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.members)}

    def write(self, value: Any) -> Any:
        return next((name for name, member in self.members.items() if member == value), value)


@dataclass(frozen=True)
class Items(ValueType):
    """A list."""

    item: ValueType

    def read(self, value: object, at: str, problems: Problems) -> Any:
        if not isinstance(value, list):
            problems.wrong(at, "a list", value)
            return INVALID
        # All items are read before the check, so that all problems are reported.
        read = [self.item.read(item, f"{at}[{i}]", problems) for i, item in enumerate(value)]
        return INVALID if any(item is INVALID for item in read) else read

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": self.item.schema()}

    def write(self, value: Any) -> Any:
        return [self.item.write(item) for item in value]


@dataclass(frozen=True)
class Mapped(ValueType):
    """An object with arbitrary keys and values of one type."""

    item: ValueType

    def read(self, value: object, at: str, problems: Problems) -> Any:
        if not isinstance(value, dict):
            problems.wrong(at, "an object", value)
            return INVALID
        read = {key: self.item.read(item, f"{at}.{key}", problems) for key, item in value.items()}
        return INVALID if any(item is INVALID for item in read.values()) else read

    def schema(self) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": self.item.schema()}

    def write(self, value: Any) -> Any:
        return {key: self.item.write(item) for key, item in value.items()}


@dataclass(frozen=True)
class Nullable(ValueType):
    """A value of another type, or null."""

    inner: ValueType

    def read(self, value: object, at: str, problems: Problems) -> Any:
        return None if value is None else self.inner.read(value, at, problems)

    def schema(self) -> dict[str, Any]:
        return self.inner.schema()

    def write(self, value: Any) -> Any:
        return None if value is None else self.inner.write(value)


@dataclass(frozen=True)
class Anything(ValueType):
    """Any JSON."""

    def read(self, value: object, at: str, problems: Problems) -> Any:
        return value

    def schema(self) -> dict[str, Any]:
        return {}
