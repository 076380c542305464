"""The front door: what comes in goes on as it is, and what comes back too."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from sandbox.shop.api_gateway import ApiGateway
from sandbox.shop.front_door import FrontDoor
from tests.sandbox.shop.test_api_gateway import RULES, SHOP

REPLY = (
    b"HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nSet-Cookie: a=1; Path=/\r\n"
    b"Set-Cookie: b=2; HttpOnly\r\ncontent-length: 11\r\n\r\n" + b'{"code": 1}'
)

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def api(answer: Callable[[bytes], Awaitable[bytes]]) -> AsyncIterator[str]:
    """A server that gets each request's bytes and gives the reply's."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        writer.write(await answer(head + await reader.readexactly(int(length or 0))))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/_aws/execute-api/abc"
    finally:
        server.close()


def browser(api_url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(FrontDoor(api_url, ApiGateway(RULES))), base_url="http://shop.test"
    )


async def test_a_request_reaches_the_api_byte_for_byte() -> None:
    seen: list[bytes] = []

    async def answer(request: bytes) -> bytes:
        seen.append(request)
        return REPLY

    body = b'{"a":  "\xe7\x8e\x96\\u4f0d"}\n'
    async with api(answer) as url, browser(url) as http:
        await http.post("/webhooks/jiuwu?b=%20x&a=", content=body, headers={"X-Jiuwu-Nonce": "n1", "Cookie": "q=1"})

    head, _, sent = seen[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /_aws/execute-api/abc/webhooks/jiuwu?b=%20x&a= HTTP/1.1\r\n")
    assert {b"x-jiuwu-nonce: n1", b"cookie: q=1", b"host: shop.test"} <= set(head.lower().split(b"\r\n"))
    assert sent == body


async def test_a_reply_comes_back_with_its_status_and_every_cookie() -> None:
    async def answer(_request: bytes) -> bytes:
        return REPLY

    async with api(answer) as url, browser(url) as http:
        reply = await http.get("/orders/JW1")

    assert (reply.status_code, reply.content) == (401, b'{"code": 1}')
    assert reply.headers.get_list("set-cookie") == ["a=1; Path=/", "b=2; HttpOnly"]


async def test_the_fourth_request_to_a_part_of_the_api_waits_its_turn() -> None:
    under_way, most = 0, 0

    async def answer(_request: bytes) -> bytes:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.01)
        under_way -= 1
        return REPLY

    async with api(answer) as url, browser(url) as http:
        replies = await asyncio.gather(*(http.post("/webhooks/jiuwu") for _ in range(12)))

    assert [reply.status_code for reply in replies] == [401] * 12
    assert most == 3


async def test_an_api_that_is_not_there_is_a_502_that_says_so() -> None:
    async with browser("http://127.0.0.1:9") as http:
        reply = await http.get("/orders/JW1")

    assert reply.status_code == 502
    assert "is the sandbox running?" in reply.json()["message"]


async def test_a_reply_cut_off_half_way_is_a_502() -> None:
    async def answer(_request: bytes) -> bytes:
        return REPLY[:-1]

    async with api(answer) as url, browser(url) as http:
        reply = await http.get("/orders/JW1")

    assert reply.status_code == 502


@pytest.mark.parametrize("path", ["/", "/shop"])
async def test_the_home_address_leads_to_the_shop(path: str) -> None:
    async with browser("http://127.0.0.1:9") as http:
        reply = await http.get(path)

    assert (reply.status_code, reply.headers["location"]) == (302, "/shop/")


async def test_the_shop_lists_its_products_in_yuan() -> None:
    async with browser("http://127.0.0.1:9") as http:
        page, listed = await http.get("/shop/"), await http.get("/shop/products.json")

    assert "玖伍社区账号登录" in page.text
    assert {"product_id": "sample", "title": "试用装", "price": "0.01", "points": 0} in listed.json()


async def test_a_preflight_reaches_no_function_and_a_foreign_page_reads_no_reply() -> None:
    seen: list[bytes] = []

    async def answer(request: bytes) -> bytes:
        seen.append(request)
        return REPLY

    async with api(answer) as url, browser(url) as http:
        requested = {"Origin": SHOP, "Access-Control-Request-Method": "POST"}
        preflight = await http.options("/orders", headers=requested)
        own, foreign = [await http.get("/points", headers={"Origin": one}) for one in (SHOP, "https://evil.example")]

    assert (204, SHOP, 2) == (preflight.status_code, preflight.headers["access-control-allow-origin"], len(seen))
    assert (SHOP, None) == tuple(one.headers.get("access-control-allow-origin") for one in (own, foreign))
