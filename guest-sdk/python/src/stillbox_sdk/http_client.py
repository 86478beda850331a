"""Sends requests through the host.

This module can be imported only inside a component with the world of `wasi/http.wit`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from componentize_py_types import Err, Ok
from wit_world.imports import http_types as types
from wit_world.imports import outgoing_handler
from wit_world.imports.poll import Pollable
from wit_world.imports.streams import StreamError_Closed

from .errors import InputError, InternalError, StepError, TransientError
from .event_loop import host_loop
from .http_messages import Request, Response

Wait = Callable[[Pollable], Awaitable[None]]

# Bytes of a body that are read at once.
_READ = 64 << 10

_METHODS = {
    "GET": types.Method_Get,
    "HEAD": types.Method_Head,
    "POST": types.Method_Post,
    "PUT": types.Method_Put,
    "DELETE": types.Method_Delete,
    "OPTIONS": types.Method_Options,
    "PATCH": types.Method_Patch,
}

# The text for each code of the host, and whether another attempt may succeed.
_CODES = {
    "HttpRequestDenied": ("is not granted", False),
    "DestinationIpProhibited": ("is not granted: the address of its host is not public", False),
    "DnsTimeout": ("failed: the name of its host cannot be resolved", True),
    "DnsError": ("failed: the name of its host cannot be resolved", True),
    "ConnectionRefused": ("failed: the connection was refused", True),
    "ConnectionTimeout": ("failed: no connection in time", True),
    "ConnectionReadTimeout": ("failed: no response in time", True),
    "HttpResponseTimeout": ("failed: no response in time", True),
    "ConnectionTerminated": ("failed: the server closed the connection", True),
    "HttpResponseIncomplete": ("failed: the server closed the connection", True),
    "DestinationUnavailable": ("failed: its host cannot be reached", True),
    "DestinationIpUnroutable": ("failed: its host cannot be reached", True),
    "ConnectionLimitReached": ("failed: the batch has sent as many requests as its grant allows", False),
    "TlsCertificateError": ("failed: the certificate of the server is not valid", False),
    "HttpRequestBodySize": ("failed: the request is larger than its grant allows", False),
    "HttpResponseBodySize": ("failed: the response is larger than its grant allows", False),
    "HttpResponseHeaderSectionSize": ("failed: the head of the response is too large", False),
    "HttpProtocolError": ("failed: the response is not valid HTTP", False),
}


def send(request: Request) -> Response:
    """Sends a request, and waits for the whole response."""
    return _run(_send(request, _block))


async def send_async(request: Request) -> Response:
    """Sends a request. Other tasks of the event loop continue meanwhile."""
    return await _send(request, host_loop().ready)


async def _block(pollable: Pollable) -> None:
    with pollable:
        pollable.block()


def _run(coroutine: Coroutine[Any, Any, Response]) -> Response:
    """Runs a coroutine that never suspends."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        response: Response = end.value
        return response
    raise InternalError("a blocking request does not suspend")


async def _send(request: Request, wait: Wait) -> Response:
    outgoing, options = _outgoing(request)
    body = outgoing.body()
    try:
        future = outgoing_handler.handle(outgoing, options)
    except Err as error:
        raise _error(request, error.value) from None
    with future:
        await _write(request, body, wait)
        await wait(future.subscribe())
        result = future.get()
        if not isinstance(result, Ok):
            raise InternalError("the host has no response")
        if not isinstance(result.value, Ok):
            raise _error(request, result.value.value)
        with result.value.value as response:
            return await _read(request, response, wait)


def _outgoing(request: Request) -> tuple[types.OutgoingRequest, types.RequestOptions]:
    def invalid(what: str) -> InputError:
        return InputError(f"cannot send {request}: {what}")

    scheme, found, rest = request.url.partition("://")
    if not found or scheme.lower() not in ("http", "https"):
        raise invalid("its URL does not start with http:// or https://")
    rest = rest.split("#")[0]
    end = min((at for at in (rest.find("/"), rest.find("?")) if at >= 0), default=len(rest))
    authority, path = rest[:end], rest[end:]
    headers = types.Fields()
    own = [*request.headers]
    if request.body and not any(name.lower() == "content-length" for name, _ in own):
        own.append(("content-length", str(len(request.body))))
    for name, value in own:
        try:
            headers.append(name, value.encode("latin-1"))
        except Err as error:
            if isinstance(error.value, types.HeaderError_Forbidden):
                raise invalid(f"a step may not set the header {name!r}") from None
            raise invalid(f"the header {name!r} is not valid") from None
        except UnicodeEncodeError:
            raise invalid(f"the header {name!r} has characters that a header cannot have") from None
    outgoing = types.OutgoingRequest(headers)
    method = _METHODS.get(request.method.upper())
    try:
        what = "method"
        outgoing.set_method(method() if method else types.Method_Other(request.method))
        what = "scheme"
        outgoing.set_scheme(types.Scheme_Https() if scheme.lower() == "https" else types.Scheme_Http())
        what = "host"
        outgoing.set_authority(authority)
        what = "path"
        outgoing.set_path_with_query(path if path.startswith("/") else f"/{path}")
    except Err:
        raise invalid(f"its {what} is not valid") from None
    options = types.RequestOptions()
    if request.timeout is not None:
        nanoseconds = max(0, min(int(request.timeout * 1e9), (1 << 63) - 1))
        options.set_connect_timeout(nanoseconds)
        options.set_first_byte_timeout(nanoseconds)
        options.set_between_bytes_timeout(nanoseconds)
    return outgoing, options


async def _write(request: Request, body: types.OutgoingBody, wait: Wait) -> None:
    left = memoryview(request.body)
    try:
        if left:
            with body.write() as stream:
                while left:
                    permitted = stream.check_write()
                    if permitted == 0:
                        await wait(stream.subscribe())
                        continue
                    stream.write(bytes(left[:permitted]))
                    left = left[permitted:]
    except Err:
        # The server has answered, or gone; the response shows which. An incomplete body cannot be finished.
        body.__exit__(None, None, None)
        return
    try:
        types.OutgoingBody.finish(body, None)
    except Err as error:
        raise _error(request, error.value) from None


async def _read(request: Request, response: types.IncomingResponse, wait: Wait) -> Response:
    with response.headers() as fields:
        headers = tuple((name, value.decode("latin-1")) for name, value in fields.entries())
    parts: list[bytes] = []
    with response.consume() as body, body.stream() as stream:
        try:
            while True:
                part = stream.read(_READ)
                if part:
                    parts.append(part)
                else:
                    await wait(stream.subscribe())
        except Err as error:
            if not isinstance(error.value, StreamError_Closed):
                with error.value.value as reason:
                    code = types.http_error_code(reason)
                    if code is None:
                        raise TransientError(f"{request} failed: {reason.to_debug_string()}") from None
                raise _error(request, code) from None
    return Response(response.status(), headers, b"".join(parts), str(request))


def _error(request: Request, code: Any) -> StepError:
    name = type(code).__name__.removeprefix("ErrorCode_")
    text, is_transient = _CODES.get(name, (f"failed: {name}", False))
    message = f"{request} {text}"
    return TransientError(message) if is_transient else InputError(message)
