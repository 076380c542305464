"""The simulated gateway lets in what the app signed, and tells everybody else exactly what is wrong."""

import json
import time
from pathlib import Path

import httpx
import pytest

from jiuwu.platform import profile
from sandbox.simulator.gateway import TokenBucket
from sandbox.simulator.refusals import Refused
from tests.sandbox.simulator.simulated import APP, Merchant, merchant

pytestmark = pytest.mark.anyio


async def get(one: Merchant, params: dict[str, str]) -> dict[str, object]:
    reply = await one.http.get("/orders/JW1", params=params)
    found: dict[str, object] = reply.json()
    return found


@pytest.mark.parametrize("name", ["app_id", "timestamp", "nonce", "sign_method", "sign"])
async def test_a_missing_parameter_is_named(name: str) -> None:
    async with merchant() as one:
        params = one.query({})
        del params[name]
        reply = await get(one, params)
    assert (reply["code"], reply["msg"]) == (10000, f"missing in the query: {name}")


@pytest.mark.parametrize(
    ("changed", "code", "said"),
    [
        ({"app_id": "another"}, 10000, "app_id: no such app"),
        ({"sign_method": "MD5"}, 10000, "sign_method: expected HMAC-SHA256"),
        ({"timestamp": "yesterday"}, 10000, "timestamp: expected a time as seconds"),
        ({"timestamp": "-1"}, 10000, "timestamp: expected a time as seconds"),
        ({"nonce": "n" * 129}, 10000, "nonce: longer than 128 characters"),
    ],
)
async def test_a_wrong_parameter_is_named(changed: dict[str, str], code: int, said: str) -> None:
    async with merchant() as one:
        reply = await get(one, one.query(changed))
    assert (reply["code"], reply["msg"]) == (code, said)


async def test_a_name_that_comes_twice_is_refused() -> None:
    async with merchant() as one:
        reply = await one.http.get("/orders/JW1", params=[*one.query({}).items(), ("nonce", "again")])
    assert reply.json()["msg"] == "given more than once: nonce"


async def test_a_wrong_signature_shows_the_canonical_string_and_no_secret() -> None:
    async with merchant() as one:
        params = one.query({}) | {"sign": "0" * 64}
        reply = await get(one, params)
    expected = "&".join(f"{name}={params[name]}" for name in ("app_id", "nonce", "sign_method", "timestamp"))
    assert (reply["code"], reply["data"]) == (20001, {"canonical_string": expected})
    assert APP.secret not in json.dumps(reply)


async def test_a_body_changed_on_the_way_is_refused() -> None:
    async with merchant() as one:
        params = one.query({}, '{"out_order_nos":["JW1"]}')
        reply = await one.http.post("/orders/query", params=params, content='{"out_order_nos":["JW2"]}')
    assert reply.json()["code"] == 20001


async def test_the_previous_secret_is_good_too_and_counted() -> None:
    async with merchant() as one:
        reply = await get(one, one.query({}, secret=APP.previous_secret))
        assert reply["code"] == 50001
        assert one.simulator.gateway.authentication.secrets_matched == {"current": 0, "previous": 1}


async def test_a_time_outside_the_window_is_told_with_both_clocks() -> None:
    async with merchant() as one:
        reply = await get(one, one.query({"timestamp": "1000"}))
    assert isinstance(reply["data"], dict)
    assert abs(reply["data"]["server_time"] - time.time()) < 5
    assert (reply["code"], str(reply["msg"]).startswith("timestamp 1000 is -")) == (20002, True)
    assert str(reply["data"]["server_time"]) in str(reply["msg"])


async def test_a_clock_that_runs_ahead_refuses_and_says_its_time() -> None:
    async with merchant() as one:
        await one.control("PUT", "faults", clock_skew=3600)
        reply = await get(one, one.query({}))
        server_time = (await one.http.get("/time")).json()["data"]["server_time"]
    assert (reply["code"], server_time - time.time() > 3500) == (20002, True)


async def test_a_nonce_is_good_once() -> None:
    async with merchant() as one:
        params = one.query({})
        replies = [(await get(one, params))["code"] for _ in range(2)]
    assert replies == [50001, 20004]


async def test_every_reply_has_a_request_id_of_its_own() -> None:
    async with merchant() as one:
        replies = [await one.http.get("/time"), await one.http.get("/orders/JW1"), await one.http.get("/nothing/here")]
        replies += [await one.http.delete("/orders"), await one.http.get("/orders/JW1", params=one.query({}))]
    assert len({reply.json()["request_id"] for reply in replies}) == 5
    assert [reply.status_code for reply in replies] == [200, 200, 404, 405, 200]


def test_as_many_calls_as_the_rate_pass_at_once_and_no_more() -> None:
    bucket = TokenBucket(2)
    bucket.take(10.0)
    bucket.take(10.0)
    with pytest.raises(Refused) as refused:
        bucket.take(10.4)
    assert (refused.value.meaning, refused.value.status, refused.value.retry_after) == ("rate_limited", 429, 1)
    bucket.take(10.6)


async def test_another_contract_is_served_by_its_profile(tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text(
        """
        signing = { algorithm = "md5", secret_place = "append_key", output = "hex_upper", include_path = true }
        call = { app_id = "appid", sign_method_value = "" }
        reply = { code = "errcode", data = "", success = ["OK"] }
        codes = { order_unknown = ["NO_ORDER"] }
        api = { "orders.get" = "GET /v2/order/{out_order_no}" }
        """
    )
    async with merchant(profile.load("other", directory=tmp_path)) as one:
        params = one.query({}, path="/v2/order/JW1")
        reply: httpx.Response = await one.http.get("/v2/order/JW1", params=params)
        time_reply = await one.http.get("/time")
    assert (reply.json()["errcode"], time_reply.json()["errcode"]) == ("NO_ORDER", "OK")
    assert "server_time" in time_reply.json()
