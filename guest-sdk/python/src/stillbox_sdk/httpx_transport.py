"""Transports for httpx, which send its requests through the host.

    client = httpx.Client(transport=Transport())

Redirects, cookies and content encodings remain those of httpx. The timeout of a request is that of its reads; HTTP/2 and certificates
are the host's.
"""

from __future__ import annotations

import httpx

from . import http
from .errors import StepError
from .http_libraries import _FRAMING


class Transport(httpx.BaseTransport):
    """For `httpx.Client`."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Sends a request."""
        try:
            return _response(http.send(_request(request, request.read())))
        except StepError as error:
            raise httpx.TransportError(str(error)) from error


class AsyncTransport(httpx.AsyncBaseTransport):
    """For `httpx.AsyncClient`, in an `async` step."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Sends a request."""
        try:
            return _response(await http.send_async(_request(request, await request.aread())))
        except StepError as error:
            raise httpx.TransportError(str(error)) from error


def _request(request: httpx.Request, body: bytes) -> http.Request:
    headers = tuple((name, value) for name, value in request.headers.multi_items() if name.lower() not in _FRAMING)
    timeout = request.extensions.get("timeout", {}).get("read")
    return http.Request(request.method, str(request.url), headers, body, timeout)


def _response(response: http.Response) -> httpx.Response:
    return httpx.Response(response.status, headers=list(response.headers), content=response.body)
