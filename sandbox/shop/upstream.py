"""Forward requests to the local AWS's API endpoint byte by byte, a few at a time."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

type Headers = list[tuple[bytes, bytes]]

# Lambda would add an execution environment for every request in flight. Here each is a process on a laptop, its cold
# start a second of a core, so the fourth request to the same part of the API waits for one of three.
_IN_FLIGHT = 3
# API Gateway gives up after 30 s.
_TIMEOUT_SECONDS = 30.0
# They concern one connection, not the request; the body's length is set again.
_HOP_BY_HOP = {b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade"}
_OWN = _HOP_BY_HOP | {b"content-length"}


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came in; `target` is the raw path with its query."""

    method: bytes
    target: bytes
    headers: Headers
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply as it came back."""

    status: int
    headers: Headers
    body: bytes


class Upstream:
    """One HTTP server with a path prefix; each request has a connection of its own, cheap on a loopback."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port, self._prefix = parts.hostname, parts.port, parts.path.rstrip("/").encode()
        self._lanes: defaultdict[bytes, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(_IN_FLIGHT))

    async def send(self, request: Request) -> Reply:
        """Forward `request`; raise TimeoutError, OSError or EOFError when no complete reply comes back."""
        lane = request.target.split(b"?")[0].split(b"/")[1]
        async with self._lanes[lane[:32]], asyncio.timeout(_TIMEOUT_SECONDS):
            reader, writer = await asyncio.open_connection(self._host, self._port)
            try:
                writer.write(b"".join([*self._head(request), request.body]))
                return _parse(await reader.read(), request.method)
            finally:
                writer.close()
                await writer.wait_closed()

    def _head(self, request: Request) -> Iterable[bytes]:
        yield b"%s %s%s HTTP/1.1\r\n" % (request.method, self._prefix, request.target)
        yield from (b"%s: %s\r\n" % pair for pair in request.headers if pair[0].lower() not in _OWN)
        yield b"content-length: %d\r\n" % len(request.body) if request.body else b""
        yield b"connection: close\r\n\r\n"


def _parse(reply: bytes, method: bytes) -> Reply:
    head, end, body = reply.partition(b"\r\n\r\n")
    status_line, *lines = head.split(b"\r\n")
    headers = [(name, value.strip()) for name, _, value in (line.partition(b":") for line in lines)]
    length = next((int(value) for name, value in headers if name.lower() == b"content-length"), len(body))
    if not end or (len(body) < length and method != b"HEAD"):
        raise EOFError
    kept = [(name, value) for name, value in headers if name.lower() not in _HOP_BY_HOP]
    return Reply(int(status_line.split()[1]), kept, body)
