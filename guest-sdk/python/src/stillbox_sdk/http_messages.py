"""Requests and responses."""

from __future__ import annotations

from dataclasses import dataclass
from json import loads
from typing import Any

from .errors import InputError, TransientError

# The statuses of failure, below 500, after which another attempt may succeed.
_TRANSIENT = (408, 425, 429)
# Characters of an error's body that a message quotes.
_QUOTED = 200


@dataclass(frozen=True)
class Request:
    """A request. `str` has its method and its URL without the query, which may contain personal data."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    timeout: float | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.url.split('?')[0].split('#')[0]}"


@dataclass(frozen=True)
class Response:
    """A response, with its whole body, whatever its status is."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    request: str = "the request"

    @property
    def is_success(self) -> bool:
        """Whether the status is one of success: 200 to 299."""
        return 200 <= self.status < 300

    def header(self, name: str) -> str | None:
        """Returns the first value of a header."""
        return next((value for own, value in self.headers if own.lower() == name.lower()), None)

    def raise_for_status(self) -> Response:
        """Returns the response if its status is one of success.

        Raises `TransientError` for 408, 425, 429 and 5xx, with the delay of the response, and `InputError` for others.
        """
        if self.is_success:
            return self
        quoted = self._quoted()
        message = f"{self.request} returned the status {self.status}" + (f": {quoted}" if quoted else "")
        if self.status < 500 and self.status not in _TRANSIENT:
            raise InputError(message)
        delay = (self.header("retry-after") or "").strip()
        raise TransientError(message, retry_after=float(delay) if delay.isdecimal() and len(delay) < 10 else None)

    def content(self) -> bytes:
        """Returns the body. Raises as `raise_for_status`."""
        return self.raise_for_status().body

    def text(self) -> str:
        """Returns the body as text. Raises as `raise_for_status`, and `InputError` if it is not UTF-8."""
        try:
            return self.content().decode()
        except UnicodeDecodeError as error:
            raise InputError(f"{self.request} returned text that is not UTF-8: {error.reason}") from error

    def json(self) -> Any:
        """Returns the body, parsed as JSON. Raises as `raise_for_status`, and `InputError` if it is not JSON."""
        try:
            return loads(self.content())
        except ValueError as error:
            raise InputError(f"{self.request} did not return JSON: {self._quoted()}") from error

    def _quoted(self) -> str:
        words = " ".join(self.body[:_QUOTED].decode(errors="replace").split())
        return f"{words} …" if len(self.body) > _QUOTED else words
