"""Notifications of the simulator: signed afresh for each try, tried until received, and wrong as configured."""

import itertools
import json
from collections import Counter
from pathlib import Path

import httpx
import msgspec
import pytest

from jiuwu.platform import profile
from sandbox.simulator import deliveries, events, orders
from sandbox.simulator.app import Simulator
from sandbox.simulator.orders import NewOrder
from sandbox.simulator.state import Delivery
from tests.sandbox.simulator.simulated import APP, Merchant, merchant

pytestmark = pytest.mark.anyio

JSON = {"content-type": "application/json"}


async def test_a_payment_is_told_once_when_it_is_received() -> None:
    async with merchant() as one:
        await one.paid()
        stats = await one.settled()
        (attempt,) = await one.attempts(1)
    ((_, body),) = one.received
    assert (attempt["status"], attempt["outcome"], attempt["kind"], attempt["attempt"]) == (
        200,
        "accepted",
        "original",
        1,
    )
    assert body["data"]["amount"] == "12.34"
    assert (attempt["event_id"], stats["counts"]["notifications"]["accepted"]) == (body["event_id"], 1)


@pytest.mark.parametrize(
    ("answer", "status", "outcome"),
    [
        (httpx.Response(500), 500, "refused"),
        (httpx.Response(200, text="ok"), 200, "refused"),
        (httpx.Response(202, text='{"code":0,"msg":"success"}'), 202, "refused"),
        (httpx.Response(200, text='{"code":1,"msg":"later"}'), 200, "refused"),
        (httpx.ReadTimeout("slow"), None, "timeout"),
        (httpx.ConnectError("down"), None, "unreachable"),
    ],
)
async def test_anything_but_success_is_tried_again_freshly_signed(
    answer: httpx.Response | Exception, status: int | None, outcome: str
) -> None:
    async with merchant() as one:
        one.answers = [answer]
        await one.paid()
        first, second = await one.attempts(2)
    assert (first["status"], first["outcome"], second["outcome"], second["attempt"]) == (status, outcome, "accepted", 2)
    (nonce, body), (later_nonce, later_body) = one.received
    assert (nonce != later_nonce, body) == (True, later_body)


async def test_success_may_be_written_in_any_json() -> None:
    async with merchant() as one:
        one.answers = [httpx.Response(200, text='{ "msg": "success",\n "code": 0 }')]
        await one.paid()
        assert [attempt["outcome"] for attempt in await one.attempts(1)] == ["accepted"]


async def test_after_fifteen_more_tries_the_platform_gives_up() -> None:
    async with merchant() as one:
        one.answers = [httpx.Response(503) for _ in range(20)]
        await one.paid()
        await one.settled()
        assert len(await one.attempts(16)) == 16


def test_the_pauses_are_those_of_the_contract() -> None:
    one = Delivery(1, "evt_1", "order.paid", "JW1", "original", "{}", "http://m", 0.0)
    pauses = []
    for one.attempts in itertools.count(1):
        if (pause := deliveries.retry_after(one)) is None:
            break
        pauses.append(pause)
    hour = 3600
    assert pauses == [15, 15, 30, 180, 600, 1200, *[1800] * 3, hour, *[3 * hour] * 3, *[6 * hour] * 2]


@pytest.mark.parametrize(
    ("share", "kinds", "event_ids"),
    [
        ({"duplicate": 1, "new_event_id": 0}, ["original", "duplicate"], 1),
        ({"duplicate": 1, "new_event_id": 1}, ["original", "new_event_id"], 2),
        ({"simultaneous": 1}, ["original", "simultaneous"], 1),
        ({"reorder": 1}, ["reordered"], 1),
        ({"delay": 1}, ["delayed"], 1),
    ],
)
async def test_each_fault_sends_what_it_says(share: dict[str, float], kinds: list[str], event_ids: int) -> None:
    async with merchant() as one:
        await one.control("PUT", "faults", notifications=share)
        await one.paid()
        await one.settled()
        log = await one.attempts(len(kinds))
    assert sorted(attempt["kind"] for attempt in log) == sorted(kinds)
    assert {attempt["outcome"] for attempt in log} == {"accepted"}
    assert len({body["event_id"] for _, body in one.received}) == event_ids
    assert len({body["data"]["transaction_id"] for _, body in one.received}) == 1
    assert len({nonce for nonce, _ in one.received}) == len(kinds)


async def test_a_dropped_notification_is_listed_and_never_sent() -> None:
    async with merchant() as one:
        await one.control("PUT", "faults", notifications={"drop": 1})
        await one.paid()
        await one.settled()
        (entry,) = await one.attempts(1)
    assert (entry["outcome"], entry["status"], entry["attempt"], one.received) == ("dropped", None, 0, [])


async def test_forgeries_are_refused_by_the_product_and_not_repeated() -> None:
    async with merchant() as one:
        await one.control("PUT", "faults", notifications={"forge": 1})
        for number in range(8):
            await one.paid(f"JW{number}")
        await one.settled()
        log = await one.attempts(16)
    outcomes = Counter((attempt["kind"], attempt["status"], attempt["outcome"]) for attempt in log)
    assert outcomes.pop(("original", 200, "accepted")) == 8
    assert outcomes.keys() == {
        ("forged_secret", 401, "forgery_refused"),
        ("forged_timestamp", 401, "forgery_refused"),
    }
    assert set(one.refused) == {"signature_wrong", "timestamp_outside_window"}


def test_what_an_attacker_invents_names_no_real_payment_and_no_real_event() -> None:
    order = orders.pay(orders.place(NewOrder("JW1", 1234, ()), "ou_lan", 1), 1234, "tx-1", 2)
    real = events.paid(order, order.payments[0])
    forged = deliveries.forged(real)
    assert forged.event_id != real.event_id
    assert (real.facts["transaction_id"], forged.facts["transaction_id"] == "tx-1") == ("tx-1", False)
    assert (forged.order_no, forged.facts["amount"]) == ("JW1", 1234)


async def test_unknown_fields_are_added_in_the_body_and_its_data() -> None:
    async with merchant() as one:
        await one.control("PUT", "faults", notifications={"unknown_fields": 1})
        await one.paid()
        await one.attempts(1)
    ((_, body),) = one.received
    assert {"x_trace", "x_beta"} <= body.keys() & body["data"].keys()
    assert body["data"]["amount"] == "12.34"


async def test_the_same_run_hits_the_same_notifications() -> None:
    async def run() -> list[tuple[str, str, str]]:
        async with merchant() as one:
            shares = {"duplicate": 0.3, "simultaneous": 0.1, "reorder": 0.2, "drop": 0.2, "forge": 0.1}
            await one.control("PUT", "faults", seed=7, notifications=shares)
            token = (await one.log_in())["access_token"]
            for number in range(20):
                await one.place(f"JW{number}", token)
                await one.control("POST", f"orders/JW{number}/pay")
            await one.settled()
            return sorted((one_["event_id"], one_["kind"], one_["order_no"]) for one_ in await one.attempts(20))

    first, second = await run(), await run()
    assert first == second
    assert len({kind for _, kind, _ in first}) > 3


async def test_text_that_cannot_be_sent_stops_no_other_notification() -> None:
    async with merchant() as one:
        await one.place()
        await one.http.post("/_sim/orders/JW1/cancel", content=b'{"reason": "\\ud800"}', headers=JSON)
        assert one.simulator.state.save([])
        broken = b'{"event_type": "order.paid", "data": {"amount": "\\ud800"}}'
        await one.http.post("/_sim/orders/JW1/notify", content=broken, headers=JSON)
        await one.control("POST", "orders/JW1/pay", force=True)
        log = await one.attempts(3)
        assert (await one.http.get("/healthz")).text == "ok"
    assert [attempt["outcome"] for attempt in log] == ["accepted"] * 3


async def test_a_mistake_that_ends_the_notifier_shows_in_the_health_check(capsys: pytest.CaptureFixture[str]) -> None:
    async with merchant() as one:
        one.answers = [LookupError("a mistake of ours")]
        await one.paid()

        async def health() -> int:
            return (await one.http.get("/healthz")).status_code

        assert await one.until(health, lambda status: status != 200) == 500
    assert "a mistake of ours" in capsys.readouterr().err


async def test_an_order_may_name_its_own_address() -> None:
    async with merchant() as one:
        await one.place(notify_url="https://other.example/hook")
        await one.control("POST", "orders/JW1/pay")
        await one.attempts(1)
    assert one.requested == ["https://other.example/hook"]


async def test_a_restart_keeps_orders_tokens_and_what_was_on_its_way(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    async with merchant() as one:
        one.simulator._state_file = state
        tokens = await one.log_in()
        await one.place(token=tokens["access_token"])
        await one.control("PUT", "config", speed=0.001)
        await one.control("PUT", "faults", notifications={"delay": 1})
        await one.control("POST", "orders/JW1/pay")
        before = await one.control("GET", "orders/JW1")
    assert (state.stat().st_mode & 0o777, APP.secret in state.read_text()) == (0o600, False)
    after = Merchant(profile.load())
    after.simulator = Simulator(
        APP, after.platform, host="platform", state_file=state, transport=httpx.MockTransport(after.take)
    )
    transport = httpx.ASGITransport(after.simulator.asgi)
    async with (
        after.simulator.running(),
        httpx.AsyncClient(transport=transport, base_url="http://platform") as after.http,
    ):
        assert await after.control("GET", "orders/JW1") == before
        assert (await after.call("users.me", tokens["access_token"]))["code"] == 0
        await after.control("POST", "quiet", release=True)
        await after.settled()
    assert [body["data"]["out_order_no"] for _, body in after.received] == ["JW1"]


def test_a_state_that_cannot_be_read_is_not_overwritten(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    state.write_text(json.dumps({"orders": 1}))
    with pytest.raises(msgspec.ValidationError):
        Simulator(APP, profile.load(), state_file=state)
    assert state.read_text() == '{"orders": 1}'
