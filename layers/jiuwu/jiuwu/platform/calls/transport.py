"""HTTP under one deadline: an attempt ends in time, whatever the other side does with its bytes.

httpx bounds each phase (connect, every single read) by itself, so a server that drips a byte a second would hold a
caller for hours. Here every wait of an attempt, headers and TLS included, gets what is left of one deadline.
"""

import logging
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpcore
import httpx

# A page of a hundred orders is some 100 KB; more than this is no reply.
MAX_BYTES = 5 * 1024 * 1024
# Below the idle times of gateways and NATs, which forget a connection without telling.
_KEEPALIVE_SECONDS = 20.0

# httpx logs each URL at INFO, and ours carry the member's token.
logging.getLogger("httpx").setLevel(logging.WARNING)


class NotSent(Exception):
    """The request certainly did not reach the platform."""


class ReplyLost(Exception):
    """The request was, or may have been, sent, and no whole reply came."""


@dataclass(frozen=True, slots=True)
class HttpReply:
    """A reply as it came; `problem` says why `body` was not taken, empty when it was."""

    status: int
    headers: httpx.Headers
    body: bytes
    problem: str = ""


@cache
def http_client() -> httpx.Client:
    """Return the process's client, which keeps and shares its connections. It is made at the first call, because its
    TLS context costs 40 ms."""
    # No cookies: what the platform sets for one member must not travel with another's call.
    jar = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
    return httpx.Client(transport=DeadlineTransport(), cookies=jar, follow_redirects=False, trust_env=False)


def fetch(http: httpx.Client, request: httpx.Request, auth: httpx.Auth | None, seconds: float) -> HttpReply:
    """Make one attempt, at most `seconds` long in total; raise NotSent or ReplyLost."""
    request.extensions["timeout"] = httpx.Timeout(seconds).as_dict()
    lost: Exception
    with _deadline(seconds) as ends:
        try:
            reply = http.send(request, auth=auth, stream=True, follow_redirects=False)
            try:
                return _take(reply, ends)
            finally:
                reply.close()
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
            lost = NotSent("no connection")
        except (httpx.UnsupportedProtocol, httpx.LocalProtocolError, httpx.ProxyError):
            lost = NotSent("the request could not be sent")
        except (httpx.TimeoutException, TimeoutError):
            lost = ReplyLost("no reply in time")
        except (httpx.HTTPError, httpx.InvalidURL):  # the latter of a Location, which httpx reads though we follow none
            lost = ReplyLost("the connection broke")
    # raised here and not above: httpx's errors hold the request, and with it the token
    raise lost


def _take(reply: httpx.Response, ends: float) -> HttpReply:
    # we ask for no compression, because a small compressed body may unfold without end
    if reply.headers.get("content-encoding", "").lower() not in ("", "identity"):
        return HttpReply(reply.status_code, reply.headers, b"", "compressed, though asked not to be")
    body = bytearray()
    for chunk in reply.iter_bytes():
        body += chunk
        if len(body) > MAX_BYTES:
            return HttpReply(reply.status_code, reply.headers, b"", "longer than 5 MB")
        if time.monotonic() > ends:
            raise TimeoutError
    return HttpReply(reply.status_code, reply.headers, bytes(body))


type Resolve = Callable[[str, int], list[str]]

_ends: ContextVar[float] = ContextVar("_ends", default=float("inf"))


@contextmanager
def _deadline(seconds: float) -> Iterator[float]:
    token = _ends.set(time.monotonic() + seconds)
    try:
        yield _ends.get()
    finally:
        _ends.reset(token)


def _remaining(timeout: float | None, expired: type[httpcore.TimeoutException]) -> float:
    """Return the seconds for the next wait, not beyond the deadline; raise `expired` when that is past."""
    remaining = _ends.get() - time.monotonic()
    if remaining <= 0:
        raise expired("past the deadline")
    return remaining if timeout is None else min(remaining, timeout)


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host; raise httpcore.ConnectError. The system's resolver keeps its own time limits."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise httpcore.ConnectError("the host has no address") from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class DeadlineTransport(httpx.HTTPTransport):
    """httpx's transport on connections that know the attempt's deadline."""

    def __init__(self, resolve: Resolve = resolve) -> None:
        context = httpx.create_ssl_context()
        super().__init__(verify=context)
        # httpx offers no parameter for httpcore's network backend
        self._pool = httpcore.ConnectionPool(
            ssl_context=context,
            max_connections=16,
            keepalive_expiry=_KEEPALIVE_SECONDS,
            network_backend=_Backend(resolve),
        )


class _Backend(httpcore.NetworkBackend):
    def __init__(self, resolve: Resolve) -> None:
        self._resolve, self._sockets = resolve, httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Try each address of the host with its share of the time, so that a dead one leaves some for the others."""
        addresses = self._resolve(host, port)
        for waiting in range(len(addresses), 0, -1):
            try:
                share = _remaining(timeout, httpcore.ConnectTimeout) / waiting
                stream = self._sockets.connect_tcp(addresses[-waiting], port, share, local_address, socket_options)
                return _Stream(stream)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if waiting == 1:
                    raise
        raise httpcore.ConnectError("the host has no address")


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _remaining(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _remaining(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        remaining = _remaining(timeout, httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, remaining))

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 -- httpcore's signature
        return self._stream.get_extra_info(info)
