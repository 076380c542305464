"""Passes requests on to the local AWS's API endpoint as the bytes they are, a few at a time."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

type Headers = list[tuple[bytes, bytes]]

# Lambda would add an execution environment for every request in flight. Here each is a process on a laptop, its cold
# start a second of a core, so the fourth request to the same part of the API waits for one of three.
_IN_FLIGHT = 3
# API Gateway gives up after 30 s.
_TIMEOUT_SECONDS = 30.0
# Younger than the 75 s after which the other side closes idle connections.
_IDLE_SECONDS = 30.0
# They speak of one connection, not of the request; the body's length is said anew.
_HOP_BY_HOP = {b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade"}
_OWN = _HOP_BY_HOP | {b"content-length"}

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


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
    """One HTTP server with a path prefix, and the open connections to it."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port, self._prefix = parts.hostname, parts.port, parts.path.rstrip("/").encode()
        self._idle: list[tuple[float, Connection]] = []
        self._lanes: defaultdict[bytes, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(_IN_FLIGHT))

    async def send(self, request: Request) -> Reply:
        """Passes `request` on; raises TimeoutError, OSError or EOFError when no whole reply comes back."""
        lane = request.target.split(b"?")[0].split(b"/")[1]
        async with self._lanes[lane[:32]], asyncio.timeout(_TIMEOUT_SECONDS), self._connection() as (reader, writer):
            writer.writelines(self._head(request))
            writer.write(request.body)
            await writer.drain()
            return await _read(reader, request.method)

    def _head(self, request: Request) -> Iterable[bytes]:
        yield b"%s %s%s HTTP/1.1\r\n" % (request.method, self._prefix, request.target)
        yield from (b"%s: %s\r\n" % pair for pair in request.headers if pair[0].lower() not in _OWN)
        yield b"content-length: %d\r\n\r\n" % len(request.body) if request.body else b"\r\n"

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        connection = await self._open()
        try:
            yield connection
        except BaseException:  # also a cancelled request leaves its reply half read
            connection[1].close()
            raise
        self._idle.append((time.monotonic(), connection))

    async def _open(self) -> Connection:
        while self._idle:
            since, (reader, writer) = self._idle.pop()
            if time.monotonic() - since < _IDLE_SECONDS and not reader.at_eof():
                return reader, writer
            writer.close()
        return await asyncio.open_connection(self._host, self._port)


async def _read(reader: asyncio.StreamReader, method: bytes) -> Reply:
    status_line, *lines = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[:-2]
    status, headers = int(status_line.split()[1]), [_header(line) for line in lines]
    known = {name.lower(): value for name, value in headers}
    if method == b"HEAD" or status in {204, 304}:
        body = b""
    elif b"content-length" in known:
        body = await reader.readexactly(int(known[b"content-length"]))
    else:
        body = await _chunks(reader)
    return Reply(status, [(name, value) for name, value in headers if name.lower() not in _HOP_BY_HOP], body)


def _header(line: bytes) -> tuple[bytes, bytes]:
    name, _, value = line.partition(b":")
    return name, value.strip()


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readuntil(b"\r\n")
    return bytes(body)
