"""Asks models through the host.

This module can be imported only inside a component with the world of `wasi/models.wit`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from componentize_py_types import Ok
from wit_world.imports import model as host

from .contract import ErrorKind
from .errors import InputError, InternalError, ParameterError, StepError, TransientError
from .event_loop import host_loop
from .model_messages import Answer, Message, Request

T = TypeVar("T")
R = TypeVar("R")

# Bytes of the arguments of one call. The host accepts 4 MiB.
_CALL_BYTES = 3 << 20
# Bytes of a single request.
_MAX_BYTES = 4_000_000

_ROLES = {"system": host.Role.SYSTEM, "user": host.Role.USER, "assistant": host.Role.ASSISTANT}
_ERRORS: dict[ErrorKind, Callable[..., StepError]] = {
    ErrorKind.PARAMETERS: ParameterError,
    ErrorKind.INPUT: InputError,
    ErrorKind.INTERNAL: InternalError,
}


def generate(role: str, requests: Sequence[Request]) -> list[Answer | StepError]:
    """Returns the answers to requests."""
    return _send([_outgoing(request) for request in requests], lambda group: host.generate(role, group), _answer)


def embed(role: str, texts: Sequence[str]) -> list[list[float] | StepError]:
    """Returns the embeddings of texts."""
    return _send([_text(text) for text in texts], lambda group: host.embed(role, group), list)


async def generate_together(role: str, requests: Sequence[Request]) -> list[Answer | StepError]:
    """Returns the answers to requests, which are sent with those of other tasks of the event loop when all tasks wait."""
    loop = host_loop()
    future: asyncio.Future[list[Answer | StepError]] = loop.create_future()
    if not _waiting:
        loop.before_wait(_send_waiting)
    _waiting.setdefault(role, []).append((list(requests), future))
    return await future


# The requests of tasks that wait, by the part that the model plays.
_waiting: dict[str, list[tuple[list[Request], asyncio.Future[list[Answer | StepError]]]]] = {}


def _send_waiting() -> None:
    waiting = dict(_waiting)
    _waiting.clear()
    for role, entries in waiting.items():
        # Those whose tasks have ended are not sent.
        entries = [(requests, future) for requests, future in entries if not future.done()]
        answers = iter(generate(role, [request for requests, _ in entries for request in requests]))
        for requests, future in entries:
            future.set_result([next(answers) for _ in requests])


def _send(
    outgoing: Sequence[tuple[R, int] | StepError], call: Callable[[list[R]], list[Any]], read: Callable[[Any], T]
) -> list[T | StepError]:
    """Calls the host with as many requests at a time as it accepts. The requests are given with their bytes; an error takes the
    place of one that cannot be sent."""
    results: list[Any] = list(outgoing)
    group: list[tuple[int, R]] = []

    def send_group() -> None:
        for (place, _), received in zip(group, call([request for _, request in group]) if group else ()):
            results[place] = read(received.value) if isinstance(received, Ok) else _error(received.value)
        group.clear()

    total = 0
    for place, entry in enumerate(outgoing):
        if isinstance(entry, StepError):
            continue
        request, size = entry
        if size > _MAX_BYTES:
            results[place] = InputError("the request to the model is larger than 4 MB")
            continue
        if total + size > _CALL_BYTES:
            send_group()
            total = 0
        group.append((place, request))
        total += size
    send_group()
    return results


def _outgoing(request: Request) -> tuple[host.Request, int] | StepError:
    """Returns a request of the contract, with the bytes that the host has to read."""
    try:
        schema = request.schema_text()
        size = 128 + sum(8 + _size(text) for text in request.stop) + _size(schema or "")
        if request.completion:
            size += _size(str(request.prompt))
            prompt = host.Prompt_Text(str(request.prompt))
        else:
            messages = request.messages()
            size += sum(map(_message_size, messages))
            prompt = host.Prompt_Messages([_message(message) for message in messages])
    except UnicodeEncodeError as error:
        return _not_text(error)
    temperature = None if request.temperature is None else float(request.temperature)
    top_p = None if request.top_p is None else float(request.top_p)
    stop, allowed = list(request.stop), bool(request.allow_truncated)
    made = host.Request(prompt, request.max_tokens, temperature, top_p, stop, request.seed, schema, allowed)
    return made, size


def _message(message: Message) -> host.Message:
    images = [host.Part_Image(host.Image(image.media_type, image.content)) for image in message.images]
    return host.Message(_ROLES[message.role], [host.Part_Text(message.text), *images])


def _message_size(message: Message) -> int:
    images = sum(32 + len(image.content) + _size(image.media_type) for image in message.images)
    return 64 + _size(message.text) + images


def _text(text: str) -> tuple[str, int] | StepError:
    try:
        return text, 8 + _size(text)
    except UnicodeEncodeError as error:
        return _not_text(error)


def _size(text: str) -> int:
    return len(str.encode(text))


def _not_text(error: UnicodeEncodeError) -> StepError:
    made = InputError("a text of the request to the model has a surrogate, which is not a character")
    made.__cause__ = error
    return made


def _answer(answer: host.Answer) -> Answer:
    return Answer(
        text=answer.text,
        is_truncated=answer.finish is host.FinishReason.LENGTH,
        model=answer.model,
        input_tokens=answer.input_tokens,
        output_tokens=answer.output_tokens,
        attempts=answer.attempts,
        seconds=answer.seconds,
    )


def _error(error: Any) -> StepError:
    """Returns the exception for an error of the host, with its causes."""
    if error.kind is ErrorKind.TRANSIENT:
        retry_after = None if error.retry_after_ms is None else error.retry_after_ms / 1000
        made: StepError = TransientError(error.message, hint=error.hint, retry_after=retry_after)
    else:
        made = _ERRORS[error.kind](error.message, hint=error.hint)
    link: BaseException = made
    for cause in error.causes:
        link.__cause__ = StepError(cause)
        link = link.__cause__
    return made
