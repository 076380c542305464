"""Another site in the same browser presses no button of the simulator's, and reads nothing by a rebound name."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi.routing import APIRoute

from sandbox.simulator.app import Simulator
from tests.sandbox.simulator.simulated import Merchant, merchant

pytestmark = pytest.mark.anyio

FOREIGN_HOSTS = [
    "evil.example",
    "evil.example:8095",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "",
    "192.0.2.1",
]
FOREIGN_ORIGINS = [
    *("http://evil.example", "https://evil.example:8095", "null", "", "file://", "http://127.0.0.1.evil.example"),
    *("http://localhost@evil.example", "http://evil.example#127.0.0.1", "javascript://127.0.0.1"),
]
OWN_HOSTS = ["127.0.0.1", "127.0.0.1:8095", "localhost:8095", "LOCALHOST", "[::1]:8095", "platform"]
OWN_ORIGINS = ["http://127.0.0.1:8095", "http://localhost:8095", "http://[::1]:8095", "http://platform"]
PAGES = [("POST", "/pay/P1"), ("POST", "/debug/signature"), ("POST", "/oauth/authorize")]


def buttons(simulator: Simulator) -> list[tuple[str, str]]:
    found = [route for route in simulator.asgi.routes if isinstance(route, APIRoute)]
    return [
        (method, route.path.format(**dict.fromkeys(route.param_convertors, "x")))  # codespell:ignore
        for route in found
        for method in route.methods or ()
    ]


@pytest.fixture
async def one() -> AsyncIterator[Merchant]:
    async with merchant() as found:
        yield found


async def statuses(one: Merchant, **headers: str) -> set[int]:
    requested: list[tuple[str, str]] = [*buttons(one.simulator), *PAGES]
    sent: dict[str, Any] = {"headers": headers, "json": {}}
    return {(await one.http.request(method, path, **sent)).status_code for method, path in requested}


async def test_there_are_buttons(one: Merchant) -> None:
    assert ("POST", "/_sim/orders/x/pay") in buttons(one.simulator)
    assert {path for _, path in buttons(one.simulator)} == {
        path for _, path in buttons(one.simulator) if path.startswith("/_sim/")
    }


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
async def test_a_rebound_name_reaches_no_button_and_no_form(one: Merchant, host: str) -> None:
    assert {403} == await statuses(one, host=host)


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
async def test_another_sites_page_reaches_no_button_and_no_form(one: Merchant, origin: str) -> None:
    assert {403} == await statuses(one, host="127.0.0.1:8095", origin=origin)


@pytest.mark.parametrize("host", OWN_HOSTS)
async def test_programs_on_this_machine_reach_them(one: Merchant, host: str) -> None:
    assert 403 not in await statuses(one, host=host)


@pytest.mark.parametrize("origin", OWN_ORIGINS)
async def test_our_own_pages_reach_them(one: Merchant, origin: str) -> None:
    assert 403 not in await statuses(one, host="127.0.0.1:8095", origin=origin)


async def test_two_hosts_are_refused(one: Merchant) -> None:
    reply = await one.http.get("/_sim/orders", headers=[("host", "127.0.0.1"), ("host", "evil.example")])
    assert 403 == reply.status_code


async def test_the_platforms_own_calls_do_not_go_by_host(one: Merchant) -> None:
    reply = await one.http.post("/oauth/token", data={"grant_type": "x"}, headers={"host": "host.docker.internal:8095"})
    assert 403 != reply.status_code


async def test_a_refusal_changes_nothing(one: Merchant) -> None:
    await one.place("JW9")
    foreign = {"host": "127.0.0.1:8095", "origin": "http://evil.example"}
    await one.http.post("/_sim/orders/JW9/pay", headers=foreign)
    assert "created" == (await one.control("GET", "orders/JW9"))["status"]
