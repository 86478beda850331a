"""Requests by HTTP, for a step with a grant. Needs the extra `http`: `dependencies = ["stillbox-sdk[http]"]`.

    from stillbox_sdk import http

    page = http.get("https://api.example.org/v1/items/7").text()
    answer = http.post("https://api.example.org/v1/score", json={"text": "some words"}).json()

The host decides which requests leave the machine: the pipeline file grants URLs under `[[step.allow.http]]`, and the host adds
keys and tokens by itself. It follows no redirects. Requests to anything else fail, and the failure's record has the lines that
are missing from the pipeline file.

In an `async` step the rows of a batch are processed at the same time, with `get_async`, `post_async` and `request_async`.

An error of a request is a `TransientError` if another attempt may succeed: no connection, a timeout, or a response with the status
408, 425, 429 or 5xx, whose `retry-after` the host obeys under `on-failure = { retry = … }`. Other errors are `InputError`s.
"""

from __future__ import annotations

import json as _json
from collections.abc import Iterable, Mapping
from typing import Any

from .contract import IN_COMPONENT
from .errors import InternalError, extra_is_missing
from .http_messages import Request, Response

if IN_COMPONENT:
    try:
        from . import http_client
    except ImportError as error:
        raise extra_is_missing("requests need", "http") from error

__all__ = ["Request", "Response", "get", "get_async", "post", "post_async", "request", "request_async"]

Headers = Mapping[str, str] | Iterable[tuple[str, str]]


def request(
    method: str,
    url: str,
    *,
    headers: Headers = (),
    body: bytes | str = b"",
    json: Any = None,
    timeout: float | None = None,
) -> Response:
    """Sends a request, and waits for the whole response.

    `json` is sent as the body, with the header `content-type: application/json`. `timeout` is the number of seconds to wait for a
    connection, for the head of the response, and for each part of its body; the grant limits the time of the whole request in any
    case. Headers that decide how the message is sent, and those into which the host puts a secret, cannot be set.

    Raises `InputError` if the request is not granted or not valid, or the response breaks a limit, and `TransientError` if the
    server cannot be reached or does not answer in time.
    """
    return send(_request(method, url, headers, body, json, timeout))


def get(url: str, *, headers: Headers = (), timeout: float | None = None) -> Response:
    """Sends a GET request, as `request`."""
    return request("GET", url, headers=headers, timeout=timeout)


def post(
    url: str, *, headers: Headers = (), body: bytes | str = b"", json: Any = None, timeout: float | None = None
) -> Response:
    """Sends a POST request, as `request`."""
    return request("POST", url, headers=headers, body=body, json=json, timeout=timeout)


async def request_async(
    method: str,
    url: str,
    *,
    headers: Headers = (),
    body: bytes | str = b"",
    json: Any = None,
    timeout: float | None = None,
) -> Response:
    """Sends a request in an `async` step, as `request`: other rows and tasks continue meanwhile."""
    return await send_async(_request(method, url, headers, body, json, timeout))


async def get_async(url: str, *, headers: Headers = (), timeout: float | None = None) -> Response:
    """Sends a GET request, as `request_async`."""
    return await request_async("GET", url, headers=headers, timeout=timeout)


async def post_async(
    url: str, *, headers: Headers = (), body: bytes | str = b"", json: Any = None, timeout: float | None = None
) -> Response:
    """Sends a POST request, as `request_async`."""
    return await request_async("POST", url, headers=headers, body=body, json=json, timeout=timeout)


def send(request: Request) -> Response:
    """Sends a request, as `request`."""
    if not IN_COMPONENT:
        raise _outside(request)
    return http_client.send(request)


async def send_async(request: Request) -> Response:
    """Sends a request in an `async` step, as `request`."""
    if not IN_COMPONENT:
        raise _outside(request)
    return await http_client.send_async(request)


def _request(method: str, url: str, headers: Headers, body: bytes | str, json: Any, timeout: float | None) -> Request:
    pairs = tuple(headers.items() if isinstance(headers, Mapping) else headers)
    if json is not None:
        if body:
            raise TypeError("a request has either `body` or `json`")
        body = _json.dumps(json)
        if not any(name.lower() == "content-type" for name, _ in pairs):
            pairs += (("content-type", "application/json"),)
    return Request(method, url, pairs, body.encode() if isinstance(body, str) else bytes(body), timeout)


def _outside(request: Request) -> InternalError:
    return InternalError(
        f"cannot send {request}: requests work in a component only",
        hint="test the step with recorded responses: `stillbox test`",
    )
