"""Requests to models, and answers. Public names are in `stillbox_sdk.models`."""

from __future__ import annotations

import json as _json
import math
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Literal

from .errors import InputError

_ROLES = ("system", "user", "assistant")


@dataclass(frozen=True)
class ModelRole:
    """The part that a model plays in a step. A function gets an object of a subclass as its last argument."""

    role: str = "default"
    """The name in `models` of the step; `default` for the model of `model = "..."`."""


@dataclass(frozen=True)
class Image:
    """An image in a message: its media type, such as `image/png`, and its bytes."""

    media_type: str
    content: bytes

    def __post_init__(self) -> None:
        expect(self.media_type, str, "`media_type` of an image")
        expect(self.content, bytes, "`content` of an image")


@dataclass(frozen=True)
class Message:
    """A message of a conversation. `role` is its author: `system` for instructions, `user`, or `assistant` for the model."""

    role: Literal["system", "user", "assistant"]
    text: str
    images: Sequence[Image] = ()

    def __post_init__(self) -> None:
        if self.role not in _ROLES:
            raise InputError(f"the role of a message is one of {', '.join(_ROLES)}, not {self.role!r}")
        expect(self.text, str, "`text` of a message")
        for image in self.images:
            expect(image, Image, "an element of `images`")


@dataclass(frozen=True)
class Request:
    """A request for text. Settings that are `None` are those of the pipeline file, or of the server.

    Raises `InputError` for a value that is not valid.
    """

    prompt: str | Sequence[Message]
    """The text of the user, or the messages of a conversation."""
    _: KW_ONLY
    system: str | None = None
    """Instructions for the whole conversation, before all messages."""
    completion: bool = False
    """The model continues the text of `prompt`, which contains the markers of the model's own format. Not all servers can."""
    max_tokens: int | None = None
    """The largest number of tokens of the answer."""
    temperature: float | None = None
    """The randomness of the answer, from 0."""
    top_p: float | None = None
    """The probability mass from which tokens are drawn, up to 1."""
    stop: Sequence[str] = ()
    """Texts at which the answer ends."""
    seed: int | None = None
    """The seed of the server's random numbers."""
    schema: Mapping[str, Any] | str | None = None
    """A JSON Schema that the answer has to match. The host validates the answer, and asks the model to correct it."""
    allow_truncated: bool = False
    """Whether an answer that is cut off at the largest number of tokens is returned. Otherwise it is an error."""
    _schema_text: str | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.prompt, str):
            if not isinstance(self.prompt, Sequence):
                raise InputError(f"`prompt` of a request is a text or a list of messages, not {self.prompt!r:.100}")
            for message in self.prompt:
                expect(message, Message, "an element of `prompt`")
        if self.completion and (self.system is not None or not isinstance(self.prompt, str)):
            raise InputError("a request for a completion has a text, and neither messages nor `system`")
        if self.system is not None:
            expect(self.system, str, "`system`")
        if isinstance(self.stop, str):
            raise InputError("`stop` of a request is a list of texts")
        for text in self.stop:
            expect(text, str, "an element of `stop`")
        _check_integer("max_tokens", self.max_tokens, 0, (1 << 32) - 1)
        _check_integer("seed", self.seed, -(1 << 63), (1 << 63) - 1)
        for name in ("temperature", "top_p"):
            value = getattr(self, name)
            if value is not None and not (_is_number(value) and _is_finite(value)):
                raise InputError(f"`{name}` of a request is a finite number, not {_shown(value)}")
        object.__setattr__(self, "_schema_text", _schema_text(self.schema))

    def messages(self) -> list[Message]:
        """Returns the conversation, with the instructions first."""
        first = [] if self.system is None else [Message("system", self.system)]
        return [*first, *([Message("user", self.prompt)] if isinstance(self.prompt, str) else self.prompt)]

    def schema_text(self) -> str | None:
        """Returns the schema as JSON, as it was when the request was created."""
        return self._schema_text


@dataclass(frozen=True)
class Answer:
    """The answer to a request."""

    text: str
    """The text. For a request with a schema it is JSON that matches it."""
    is_truncated: bool = False
    """Whether it was cut off at the largest number of tokens, which is an error unless the request allows it."""
    model: str = ""
    """The model, as the server names it."""
    input_tokens: int = 0
    """Tokens of the request, with those of corrections."""
    output_tokens: int = 0
    """Tokens of the answer, with those of corrections."""
    attempts: int = 1
    """The number of requests that were sent for it."""
    seconds: float = 0.0
    """The time from the first of these requests to the answer, in seconds."""

    def json(self) -> Any:
        """Reads the text as JSON, as a request with a schema returns it. Raises `InputError` if it is not."""
        try:
            return _json.loads(self.text)
        except ValueError as error:
            raise InputError("the answer of the model is not JSON") from error


def expect(value: Any, kind: type, what: str) -> Any:
    if not isinstance(value, kind):
        raise InputError(f"{what} has the type `{kind.__name__}`, and is {value!r:.100}")
    return value


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer that is larger than any float
        return False


def _shown(value: object) -> str:
    """Returns the start of the text of a value, which may have too many digits for Python to format."""
    try:
        return f"{value!r:.100}"
    except ValueError:
        return "an integer of more than 4,300 digits"


def _schema_text(schema: Mapping[str, Any] | str | None) -> str | None:
    if schema is None or isinstance(schema, str):
        return schema
    try:
        return _json.dumps(dict(schema), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError("`schema` of a request cannot be written as JSON") from error


def _check_integer(name: str, value: object, least: int, most: int) -> None:
    if value is None:
        return
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise InputError(f"`{name}` of a request is an integer from {least:,} to {most:,}, not {_shown(value)}")
