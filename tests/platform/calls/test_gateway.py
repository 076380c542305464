"""How a call is signed, corrected, retried, counted; and what is certain when it fails."""

from pathlib import Path

import httpx
import pytest

from jiuwu.platform import errors, signing
from jiuwu.platform.errors import PlatformError, UnknownOutcome
from jiuwu.platform.profile import load
from tests.platform.fakes import FRESH, NOW, SECRET, STALE, Member, Step, client, envelope, ok, raw

BUSY, SKEWED, EXPIRED = envelope(90001), envelope(20002, {"server_time": int(NOW) + 900}), envelope(30002)
LOST, REFUSED = httpx.ReadTimeout, httpx.ConnectError


@pytest.mark.parametrize("json", [None, {"title": "茶 & cake", "空": ""}])
def test_a_call_carries_what_the_profile_names_and_a_signature_over_it(json: object) -> None:
    api, rig = client(ok({}))
    api.call("orders.create", json=json, query={"q": "a b", "empty": ""}, token=Member())
    request = rig.requests[0]
    params = dict(request.url.params)
    signature = params.pop("sign")
    expected = {"app_id": "app-1", "timestamp": str(int(NOW)), "nonce": "nonce-1", "sign_method": "HMAC-SHA256"}
    assert expected | {"access_token": STALE, "q": "a b"} == params
    signed = params | ({"body": request.content.decode()} if json else {})
    assert signing.verify(load().signing, signed, signature, secrets=[SECRET]) == 0


def test_a_platform_that_signs_the_path_gets_it_signed(tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text("[signing]\ninclude_path = true\n[call]\nsign_method_value = ''", "utf-8")
    profile = load("other", directory=tmp_path)
    api, rig = client(ok({}), profile=profile)
    api.call("orders.get", path_args={"out_order_no": "JW1"})
    params = dict(rig.requests[0].url.params)
    signature = params.pop("sign")
    assert "sign_method" not in params
    assert signing.verify(profile.signing, params, signature, secrets=[SECRET], path="/orders/JW1") == 0


def test_each_attempt_is_freshly_signed() -> None:
    api, rig = client(BUSY, BUSY, ok({}))
    api.call("products.get", path_args={"product_id": "p1"})
    nonces = [request.url.params["nonce"] for request in rig.requests]
    assert ["nonce-1", "nonce-2", "nonce-3"] == nonces
    assert len({request.url.params["sign"] for request in rig.requests}) == 3


def test_a_read_is_tried_three_times_with_growing_full_jitter() -> None:
    api, rig = client(BUSY)
    with pytest.raises(errors.PlatformBusy):
        api.call("time")
    assert (3, [0.1, 0.2]) == (len(rig.requests), rig.slept)


@pytest.mark.parametrize("step", [BUSY, REFUSED, envelope(40001), envelope(90000), LOST])
def test_a_write_without_an_idempotency_key_is_sent_once(step: Step) -> None:
    api, rig = client(step)
    with pytest.raises(PlatformError):
        api.call("orders.create", json={})
    assert len(rig.requests) == 1


@pytest.mark.parametrize("step", [BUSY, REFUSED, envelope(40001), envelope(90000), LOST, raw(b"", status=502)])
def test_a_write_with_an_idempotency_key_is_repeated_until_it_is_answered(step: Step) -> None:
    api, rig = client(step, step, ok({"done": True}))
    assert {"done": True} == api.call("orders.create", json={}, idempotency_key="JW1")
    assert len(rig.requests) == 3


@pytest.mark.parametrize(
    ("step", "read", "write"),
    [
        (httpx.ConnectError, "PlatformUnreachable", "PlatformUnreachable"),
        (httpx.ConnectTimeout, "PlatformUnreachable", "PlatformUnreachable"),
        (httpx.PoolTimeout, "PlatformUnreachable", "PlatformUnreachable"),
        (httpx.ReadTimeout, "PlatformUnreachable", "UnknownOutcome"),
        (httpx.ReadError, "PlatformUnreachable", "UnknownOutcome"),
        (httpx.WriteError, "PlatformUnreachable", "UnknownOutcome"),
        (httpx.RemoteProtocolError, "PlatformUnreachable", "UnknownOutcome"),
        (raw(b"<html>", status=500), "PlatformInternal", "UnknownOutcome"),
        (raw(b"<html>", status=504), "PlatformInternal", "UnknownOutcome"),
        (raw(b"<html>", status=503), "PlatformInternal", "UnknownOutcome"),
        (envelope(77777, status=500), "PlatformInternal", "UnknownOutcome"),
        (envelope(90000), "PlatformInternal", "UnknownOutcome"),
        (envelope(90001, status=503), "PlatformBusy", "PlatformBusy"),
        (envelope(20004), "NonceReused", "UnknownOutcome"),
        (raw(b"<html>"), "BadReply", "UnknownOutcome"),
        (raw(b"<html>", status=403), "BadReply", "BadReply"),
        (raw(b"", status=302, location="/"), "BadReply", "BadReply"),
        (raw(b"", status=429), "RateLimited", "RateLimited"),
        (envelope(77777), "PlatformError", "PlatformError"),
    ],
)
def test_what_is_certain_after_a_failure(step: Step, read: str, write: str) -> None:
    for name, expected in (("orders.get", read), ("orders.push_status", write)):
        api, _rig = client(step)
        with pytest.raises(PlatformError) as caught:
            api.call(name, path_args={"out_order_no": "JW1"})
        assert expected == type(caught.value).__name__


@pytest.mark.parametrize(
    "then", [REFUSED, BUSY, envelope(40001, {"retry_after": 60}), envelope(30001), envelope(20001)]
)
def test_a_write_once_in_doubt_stays_in_doubt_when_a_later_attempt_does_not_tell(then: Step) -> None:
    api, _rig = client(LOST, then)
    with pytest.raises(UnknownOutcome, match="no reply in time"):
        api.call("orders.create", json={}, idempotency_key="JW1")


@pytest.mark.parametrize(("code", "kind"), [(50002, errors.OrderConflict), (50003, errors.TransitionRefused)])
def test_a_verdict_on_the_matter_ends_the_doubt(code: int, kind: type[PlatformError]) -> None:
    api, _rig = client(LOST, envelope(code))
    with pytest.raises(kind):
        api.call("orders.create", json={}, idempotency_key="JW1")


def test_a_clock_that_is_off_is_corrected_once_and_remembered() -> None:
    api, rig = client(SKEWED, ok({}))
    api.call("orders.create", json={})
    api.call("time")
    assert [int(NOW), int(NOW) + 900, int(NOW) + 900] == rig.timestamps()
    assert [] == rig.slept


def test_a_refusal_that_does_not_say_the_time_makes_us_ask_for_it() -> None:
    api, rig = client(envelope(20002), ok({"server_time": int(NOW) - 900}), ok({}))
    api.call("orders.create", json={})
    assert ["/api/orders", "/api/time", "/api/orders"] == [request.url.path for request in rig.requests]
    assert int(NOW) - 900 == rig.timestamps()[2]


def test_the_time_calls_own_refusal_tells_the_time_too() -> None:
    api, rig = client(envelope(20002), SKEWED, ok({}))
    api.call("orders.create", json={})
    assert int(NOW) + 900 == rig.timestamps()[2]


@pytest.mark.parametrize(
    "steps",
    [
        (SKEWED,),
        (envelope(20002), BUSY),
        (envelope(20002, {"server_time": "noon"}), ok({"server_time": True})),
        (envelope(20002, {"server_time": -1}), LOST),
    ],
)
def test_a_clock_that_cannot_be_corrected_is_an_error_after_one_correction(steps: tuple[Step, ...]) -> None:
    api, rig = client(*steps)
    with pytest.raises(errors.ClockSkew):
        api.call("orders.create", json={})
    assert len(rig.requests) == 2


def test_an_expired_token_is_renewed_once_and_the_call_repeated_with_it() -> None:
    member = Member()
    api, rig = client(EXPIRED, ok({}))
    api.call("orders.create", json={}, token=member)
    assert [STALE] == member.stale
    assert [STALE, FRESH] == [request.url.params["access_token"] for request in rig.requests]


def test_a_token_that_stays_expired_is_an_error() -> None:
    member = Member()
    api, _rig = client(EXPIRED)
    with pytest.raises(errors.TokenExpired):
        api.call("users.me", token=member)
    assert [STALE] == member.stale


def test_a_token_that_is_not_known_is_not_renewed() -> None:
    member = Member()
    api, rig = client(envelope(30001))
    with pytest.raises(errors.TokenInvalid):
        api.call("users.me", token=member)
    assert ([], 1) == (member.stale, len(rig.requests))


def test_clock_and_token_may_both_need_mending_in_one_call() -> None:
    api, rig = client(SKEWED, EXPIRED, ok({"fine": 1}))
    assert {"fine": 1} == api.call("orders.create", json={}, token=Member())
    assert len(rig.requests) == 3


def test_every_attempt_is_counted_with_its_outcome_and_time() -> None:
    api, rig = client(BUSY, LOST, ok({}))
    api.call("time")
    expected = [("time", "PlatformBusy", 90001), ("time", "PlatformUnreachable", None), ("time", "ok", None)]
    assert expected == rig.outcomes()
    assert all(record.milliseconds >= 0 for record in rig.records)


@pytest.mark.parametrize("value", ["", ".", "..", "\ud800"])
def test_a_path_argument_that_would_lead_elsewhere_is_not_sent(value: str) -> None:
    api, rig = client(ok({}))
    with pytest.raises(errors.BadParameters):
        api.call("orders.get", path_args={"out_order_no": value})
    assert [] == rig.requests


def test_a_path_argument_stays_one_segment() -> None:
    api, rig = client(ok({}))
    api.call("orders.get", path_args={"out_order_no": "../a/b?c#d%2F"})
    assert b"/api/orders/..%2Fa%2Fb%3Fc%23d%252F" == rig.requests[0].url.raw_path.partition(b"?")[0]


def test_text_that_is_not_unicode_is_not_sent() -> None:
    api, rig = client(ok({}))
    with pytest.raises(errors.BadParameters):
        api.call("orders.create", json={"title": "\ud800"})
    assert [] == rig.requests


@pytest.mark.parametrize(
    "url", ["", "platform.example", "ftp://platform.example", "https://", "https://u:p@h", "https://h?x=1"]
)
def test_a_base_url_that_is_none_is_refused_at_start(url: str) -> None:
    from jiuwu.platform.calls.client import PlatformClient
    from tests.platform.fakes import AppSecrets

    with pytest.raises(ValueError, match="base URL"):
        PlatformClient(load(), base_url=url, app_id="a", secrets=AppSecrets)


def test_a_calls_own_timeout_goes_before_the_profiles() -> None:
    api, rig = client(ok({}))
    api.call("time")
    api.call("time", timeout=0.5)
    assert [2.0, 0.5] == [request.extensions["timeout"]["read"] for request in rig.requests]
