"""The address that browsers and the platform use: the demo shop below /shop, the merchant's API everywhere else."""

import json
import mimetypes
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from sandbox.shop import products
from sandbox.shop.api_gateway import ApiGateway
from sandbox.shop.upstream import Headers, Reply, Request, Upstream

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_PAGE = Path(__file__).with_name("page")
_JSON: Headers = [(b"content-type", b"application/json")]


class FrontDoor:
    """The ASGI application."""

    def __init__(self, api_url: str, gateway: ApiGateway) -> None:
        self._upstream, self._gateway = Upstream(api_url), gateway
        self._shop = _shop()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request; ignore other kinds of connection."""
        if scope["type"] != "http":
            return
        path = scope["path"]
        if path in {"/", "/shop"}:
            await _answer(send, Reply(302, [(b"location", b"/shop/")], b""))
        elif path.startswith("/shop/"):
            await _answer(send, self._shop.get(path, Reply(404, _JSON, b'{"message":"Not Found"}')))
        else:
            await _answer(send, await self._serve(await _request(scope, receive)))

    async def _serve(self, request: Request) -> Reply:
        """Answer as API Gateway does: some requests reach no function."""
        return self._gateway.answer(request) or self._gateway.with_cors(request, await self._forward(request))

    async def _forward(self, request: Request) -> Reply:
        try:
            return await self._upstream.send(request)
        except TimeoutError:
            return Reply(503, _JSON, b'{"message":"Service Unavailable"}')
        except (OSError, EOFError):
            return Reply(502, _JSON, b'{"message":"the local AWS does not answer; is the sandbox running?"}')


def _shop() -> dict[str, Reply]:
    pages = {f"/shop/{file.name}": _file(file) for file in _PAGE.iterdir()}
    catalogue = json.dumps([product.as_listed() for product in products.ALL], ensure_ascii=False).encode()
    return pages | {"/shop/": pages["/shop/index.html"], "/shop/products.json": Reply(200, _JSON, catalogue)}


def _file(file: Path) -> Reply:
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    return Reply(200, [(b"content-type", f"{kind}; charset=utf-8".encode())], file.read_bytes())


async def _request(scope: Scope, receive: Receive) -> Request:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    query = scope["query_string"]
    target = scope["raw_path"] + (b"?" + query if query else b"")
    return Request(scope["method"].encode(), target, list(scope["headers"]), body)


async def _answer(send: Send, reply: Reply) -> None:
    headers = list(reply.headers)
    if not any(name.lower() == b"content-length" for name, _ in headers):
        headers.append((b"content-length", str(len(reply.body)).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
