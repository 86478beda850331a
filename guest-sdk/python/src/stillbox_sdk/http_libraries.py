"""Lets urllib3, and requests with it, send their requests through the host.

Both are for sockets, which a step does not have. A connection of urllib3 is replaced, as urllib3 does itself for Python in browsers;
redirects, retries, cookies of a `Session` that the step sets, and content encodings remain those of the libraries.
"""

from __future__ import annotations

import io
import sys
from typing import Any

from . import http
from .errors import StepError

# Headers that the libraries set, and the host sets itself.
_FRAMING = {
    "connection",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}


def adapt() -> None:
    """Adapts the libraries that the step has imported."""
    if "urllib3" in sys.modules:
        _adapt_urllib3()
    if "requests" in sys.modules:
        _adapt_requests()


def _adapt_urllib3() -> None:
    import urllib3.connection
    import urllib3.connectionpool

    for pool in (urllib3.connectionpool.HTTPConnectionPool, urllib3.connectionpool.HTTPSConnectionPool):
        pool.ConnectionCls = Connection  # type: ignore[assignment]


def _adapt_requests() -> None:
    import requests.adapters
    import requests.sessions

    # The host checks certificates, and a step has no home directory.
    requests.adapters.HTTPAdapter.cert_verify = lambda *arguments, **named: None  # type: ignore[method-assign]
    requests.sessions.get_netrc_auth = lambda *arguments, **named: None  # type: ignore[attr-defined]


class Connection:
    """A connection for the pools of urllib3."""

    default_port = 80
    # The host checks the certificate.
    is_verified = True
    proxy_is_verified = None
    proxy = None
    is_closed = False
    is_connected = True
    has_connected_to_proxy = False

    def __init__(self, host: str, port: int | None = None, *, timeout: Any = None, **settings: Any) -> None:
        # Only pools of HTTPS pass settings of certificates.
        self.scheme = "https" if "cert_reqs" in settings or "assert_hostname" in settings else "http"
        self.host, self.port, self.timeout = host, port, timeout
        self._request: http.Request | None = None
        self._settings: dict[str, Any] = {}

    def set_tunnel(self, *arguments: Any, **named: Any) -> None:
        """Fails: the host opens no tunnels."""
        raise OSError("a step cannot use a proxy")

    def connect(self) -> None:
        """Does nothing: the host connects."""

    def close(self) -> None:
        """Does nothing: the host keeps connections."""

    def request(self, method: str, url: str, body: Any = None, headers: Any = None, **settings: Any) -> None:
        """Keeps a request, which `getresponse` sends."""
        host = f"[{self.host}]" if ":" in self.host and not self.host.startswith("[") else self.host
        # As others write it, also in messages.
        is_default = self.port in (None, 443 if self.scheme == "https" else 80)
        authority = host if is_default else f"{host}:{self.port}"
        pairs = [(_text(name), _text(value)) for name, value in (headers or {}).items()]
        pairs = [pair for pair in pairs if pair[0].lower() not in _FRAMING]
        timeout = self.timeout if isinstance(self.timeout, (int, float)) else None
        url = url if url.startswith("/") else f"/{url}"
        self._request = http.Request(method, f"{self.scheme}://{authority}{url}", tuple(pairs), _bytes(body), timeout)
        self._settings = settings

    def getresponse(self) -> Any:
        """Sends the request, and returns the response of urllib3."""
        import urllib3

        request = self._request
        assert request is not None, "urllib3 asks for a response after its request"
        try:
            response = http.send(request)
        except StepError as error:
            # The libraries turn it into errors of their own, which the step may catch.
            raise ConnectionError(str(error)) from error
        settings = self._settings
        return urllib3.HTTPResponse(
            body=io.BytesIO(response.body),
            headers=urllib3.HTTPHeaderDict(list(response.headers)),
            status=response.status,
            version=11,
            reason=None,
            preload_content=settings.get("preload_content", True),
            decode_content=settings.get("decode_content", True),
            request_method=request.method,
            request_url=request.url,
        )


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _bytes(body: Any) -> bytes:
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    if hasattr(body, "read"):
        return _bytes(body.read())
    if isinstance(body, (bytes, bytearray, memoryview)):
        return bytes(body)
    return b"".join(_bytes(part) for part in body)
