"""The simulator over real connections: with the product's own client, and as a process."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from jiuwu.platform.calls.client import PlatformClient
from jiuwu.platform.errors import PlatformError, RateLimited, UnknownOutcome
from jiuwu.platform.models import NewOrder, RemoteItem
from jiuwu.runtime import Runtime
from sandbox.simulator.__main__ import main
from tests.sandbox.simulator.simulated import APP, Merchant, merchant

pytestmark = pytest.mark.anyio


@contextlib.asynccontextmanager
async def served() -> AsyncIterator[tuple[Merchant, str]]:
    """A merchant, and the address of its simulator on a real port."""
    async with merchant() as one:
        listening = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(one.simulator.asgi, lifespan="off", log_level="critical"))
        task = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            yield one, f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task
            listening.close()


class Member:
    """A token source that renews at the simulator, as the product's own does with its table in between."""

    def __init__(self, url: str, tokens: dict[str, Any]) -> None:
        self._url, self._tokens = url, tokens
        self.renewals = 0

    def access_token(self) -> str:
        token: str = self._tokens["access_token"]
        return token

    def renew(self, stale: str) -> str:
        assert stale == self.access_token()
        client = {"client_id": APP.app_id, "client_secret": APP.secret}
        fields = client | {"grant_type": "refresh_token", "refresh_token": self._tokens["refresh_token"]}
        self._tokens = httpx.post(f"{self._url}/oauth/token", data=fields).raise_for_status().json()
        self.renewals += 1
        return self.access_token()


class Secrets:
    current = APP.secret


def client(one: Merchant, url: str, clock: Callable[[], float] = time.time) -> PlatformClient:
    runtime = Runtime(clock=clock, sleep=lambda _: None)
    return PlatformClient(one.platform, base_url=url, app_id=APP.app_id, secrets=Secrets, runtime=runtime)


ITEM = RemoteItem(product_id="tea", title="龙井", quantity=2, price_fen=617)
ORDER = NewOrder(out_order_no="JW1", amount_fen=1234, items=(ITEM,))


async def test_the_products_client_and_the_simulator_understand_each_other() -> None:
    async with served() as (one, url):
        member, speaking = Member(url, await one.log_in()), client(one, url)

        def life() -> tuple[object, ...]:
            me = speaking.me(member)
            placed = speaking.create_order(ORDER, member)
            httpx.post(f"{url}/_sim/orders/JW1/pay").raise_for_status()
            shipped = speaking.push_status("JW1", "shipped", "JW1.ship")
            refund = speaking.refund("JW1", "RF1", shipped.payments[0].transaction_id, 1234)
            (found,) = speaking.query_orders(["JW1", "JW2"])
            page = speaking.changed_orders(placed.created_at)
            return me.open_id, placed.status, shipped.status, refund.amount_fen, found.status, len(page.orders)

        assert await asyncio.to_thread(life) == ("ou_lan", "created", "shipped", 1234, "refunded", 1)


async def test_the_client_renews_what_the_platform_expired_and_sets_its_clock_by_it() -> None:
    async with served() as (one, url):
        await one.control("PUT", "faults", tokens_expire=1, clock_skew=3600)
        skewed = client(one, url, clock=lambda: time.time() - 1800)
        member = Member(url, await one.log_in())
        statuses = [(await asyncio.to_thread(skewed.me, member)).open_id for _ in range(3)]
    assert (statuses, member.renewals) == (["ou_lan"] * 3, 1)
    assert 5300 < skewed.clock_offset < 5500


@pytest.mark.parametrize(
    ("fault", "raised", "timeout", "done"),
    [
        ({"rate_limited": 1}, RateLimited, 20, False),
        ({"server_error": 1}, PlatformError, 20, False),
        ({"lost_reply": 1}, UnknownOutcome, 0.3, True),
        ({"timeout": 1}, UnknownOutcome, 0.3, None),
    ],
)
async def test_each_fault_of_a_call_reaches_the_client_as_what_it_is(
    fault: dict[str, float], raised: type[PlatformError], timeout: float, done: bool | None
) -> None:
    numbers = ["JW1", "JW2", "JW3"]
    async with served() as (one, url):
        await one.control("PUT", "faults", calls=fault | {"hold_seconds": 0.5, "only": ["orders.create"]})
        member, speaking = Member(url, await one.log_in()), client(one, url)
        for number in numbers:
            order = ORDER.model_copy(update={"out_order_no": number})
            with pytest.raises(raised):
                await asyncio.to_thread(speaking.create_order, order, member, timeout=timeout)

        async def there() -> set[bool]:
            return {bool(one.simulator.state.orders.find(number)) for number in numbers}

        assert done is None or await one.until(there, lambda found: found == {done})


async def test_an_odd_reply_is_read_for_what_it_says() -> None:
    async with served() as (one, url):
        member, speaking = Member(url, await one.log_in()), client(one, url)
        await one.control("PUT", "faults", calls={"odd_reply": 1})
        for number in range(20):  # each form, several times
            order = ORDER.model_copy(update={"out_order_no": f"JW{number}"})
            placed = await asyncio.to_thread(speaking.create_order, order, member)
            assert ("created", ()) == (placed.status, placed.payments)


async def test_a_reply_that_is_cut_off_breaks_the_connection() -> None:
    async with served() as (one, url), httpx.AsyncClient(base_url=url) as one.http:
        await one.control("PUT", "faults", calls={"lost_reply": 1, "hold_seconds": 0})
        outcomes = set()
        for number in range(12):
            try:
                reply = await one.send("orders.get", out_order_no=f"JW{number}")
                outcomes.add("silent" if reply.text.startswith("{") else "garbage")
            except httpx.RemoteProtocolError:
                outcomes.add("cut off")
    assert outcomes == {"cut off", "garbage", "silent"}


async def test_a_lost_renewal_leaves_the_previous_refresh_token_good() -> None:
    async with served() as (one, url), httpx.AsyncClient(base_url=url) as one.http:
        tokens = await one.log_in()
        await one.control("PUT", "faults", calls={"lost_reply": 1, "hold_seconds": 0, "only": ["oauth.token"]})
        with contextlib.suppress(httpx.RemoteProtocolError):
            await one.renew(tokens["refresh_token"])
        await one.control("POST", "quiet")
        assert (await one.renew(tokens["refresh_token"])).status_code == 200


@contextlib.contextmanager
def process(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The simulator as `python -m` starts it, and its address."""
    root = Path(__file__).parents[3]
    environment = os.environ | {"PYTHONPATH": f"{root}:{root / 'layers/jiuwu'}", "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "sandbox.simulator", *options]
    with subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        try:
            yield running, running.stdout.readline().split()[2]
        finally:
            running.kill()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_the_process_takes_a_free_port_and_leaves_its_state_when_told_to_go(
    how: signal.Signals, tmp_path: Path
) -> None:
    state = tmp_path / "folder/state.json"
    with process("--app-secret", "s", "--state-file", str(state)) as (running, url):
        health = httpx.get(f"{url}/healthz", timeout=30)
        httpx.put(f"{url}/_sim/config", json={"speed": 60}).raise_for_status()
        running.send_signal(how)
        running.wait(timeout=10)
    assert (health.text, '"speed":60.0' in state.read_text()) == ("ok", True)


def test_a_state_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    state.write_text("{}")
    with pytest.raises(SystemExit) as ended:
        main(["--state-file", str(state)])
    assert str(ended.value.code).startswith(f"{state} holds no state")


def test_a_profile_that_does_not_exist_is_named() -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--profile", "nobodys"])
    assert "JIUWU_PROFILE" in str(ended.value.code)
