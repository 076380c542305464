"""What a reply of any kind ends in: its data or one typed error that shows nothing confidential."""

import logging
import traceback
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import httpx
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jiuwu.platform import errors
from jiuwu.platform.errors import BadReply, PlatformError, RateLimited
from jiuwu.platform.profile import load
from tests.platform.fakes import FRESH, NOW, SECRET, STALE, Member, Step, client, envelope, ok, raw

CODES = {
    10000: errors.BadParameters,
    19999: errors.BadParameters,
    20001: errors.SignatureRefused,
    20002: errors.ClockSkew,
    20004: errors.NonceReused,
    30001: errors.TokenInvalid,
    30002: errors.TokenExpired,
    30003: errors.ScopeMissing,
    40001: errors.RateLimited,
    50001: errors.OrderUnknown,
    50002: errors.OrderConflict,
    50003: errors.TransitionRefused,
    60001: errors.ContentRefused,
    70001: errors.ProductUnknown,
    70002: errors.ProductRefused,
    90000: errors.PlatformInternal,
    90001: errors.PlatformBusy,
    77777: PlatformError,
    -1: PlatformError,
}


def refusal(*steps: Step, name: str = "time") -> PlatformError:
    api, _rig = client(*steps)
    with pytest.raises(PlatformError) as caught:
        api.call(name)
    return caught.value


@pytest.mark.parametrize(("code", "kind"), CODES.items())
@pytest.mark.parametrize("status", [200, 400])
def test_each_code_is_its_own_error_whatever_the_http_status(code: int, kind: type[PlatformError], status: int) -> None:
    error = refusal(envelope(code, status=status))
    assert (kind, code, status, "r-1") == (type(error), error.code, error.status, error.request_id)


def test_the_request_id_is_the_envelopes_else_the_headers_else_our_nonce() -> None:
    assert refusal(envelope(50001, x_request_id="h-1")).request_id == "r-1"
    assert refusal(raw(b"<html>", x_request_id="h-1")).request_id == "h-1"
    assert refusal(raw(b'{"code": 50001, "request_id": 7}', x_request_id="h-1")).request_id == "7"
    assert refusal(raw(b"<html>", status=404)).request_id == "nonce-1"
    assert refusal(httpx.ReadTimeout).request_id == "nonce-3"


@pytest.mark.parametrize("request_id", ["a b", "x\ny", "", "编号", "x" * 129])
def test_a_request_id_that_would_spoil_a_log_line_is_not_taken(request_id: str) -> None:
    assert refusal(ok(None), envelope(0)).request_id == "r-1"
    body = httpx.Response(200, json={"code": 50001, "request_id": request_id}).content
    assert refusal(raw(body)).request_id == "nonce-1"


DATE = format_datetime(datetime.fromtimestamp(NOW + 30, UTC), usegmt=True)


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (envelope(40001, {"retry_after": 7}), 7.0),
        (envelope(40001, {"retry_after": 2.5}), 2.5),
        (envelope(40001, {"retry_after": "7"}), 7.0),
        (envelope(40001, {"retry_after": 7}, status=429, retry_after="9"), 7.0),
        (envelope(40001, retry_after="9"), 9.0),
        (envelope(77777, status=429, retry_after="9"), 9.0),
        (raw(b"slow down", status=429, retry_after="9"), 9.0),
        (raw(b"", status=429, retry_after=DATE), 30.0),
        (raw(b"", status=429, retry_after=DATE.replace("GMT", "-0000")), 30.0),
        (envelope(40001), None),
        (envelope(40001, {"retry_after": True}), None),
        (envelope(40001, {"retry_after": -1}), None),
        (envelope(40001, {"retry_after": 10**400}), None),
        (envelope(40001, [3]), None),
        (raw(b"", status=429, retry_after="soon"), None),
        (raw(b"", status=429, retry_after="９"), None),
        (raw(b"", status=429, retry_after="Mon, 99 Foo 2026 99:99:99 GMT"), None),
    ],
)
def test_a_rate_limit_is_understood_in_each_of_its_forms(step: Step, expected: float | None) -> None:
    error = refusal(step)
    assert isinstance(error, RateLimited)
    assert expected == error.retry_after


def test_a_short_wait_that_the_platform_asks_for_is_kept_exactly() -> None:
    api, rig = client(envelope(40001, {"retry_after": 0.7}), raw(b"", status=429, retry_after="1"), ok({"x": 1}))
    assert {"x": 1} == api.call("time")
    assert [0.7, 1.0] == rig.slept


def test_a_long_wait_is_the_callers_to_decide() -> None:
    api, rig = client(envelope(40001, {"retry_after": 2}))
    with pytest.raises(RateLimited):
        api.call("time")
    assert ([], 1) == (rig.slept, len(rig.requests))


def test_a_date_in_the_past_means_now() -> None:
    past = format_datetime(datetime.fromtimestamp(NOW - 30, UTC), usegmt=True)
    api, rig = client(raw(b"", status=429, retry_after=past), ok({}))
    api.call("time")
    assert [0.0] == rig.slept


HOSTILE = {
    "empty": raw(b""),
    "not JSON": raw(b"<html>"),
    "cut short": raw(b'{"code": 0, "data": {'),
    "more after it": raw(b'{"code": 0, "data": {}} {}'),
    "a list": raw(b"[]"),
    "a number": raw(b"0"),
    "null": raw(b"null"),
    "UTF-16": raw('{"code": 0, "data": {}}'.encode("utf-16"), content_type="application/json; charset=utf-16"),
    "an unknown charset": raw(b'"\xff"', content_type="application/json; charset=klingon"),
    "nested without end": raw(b"[" * 1_000_000),
    "a number without end": raw(b'{"code": ' + b"9" * 10_000 + b"}"),
    "NaN": raw(b'{"code": NaN}'),
    "no code": raw(b'{"data": {}}'),
    "code null": envelope(None, {}),
    "code text": envelope("0", {}),
    "code true": envelope(True, {}),
    "code false": envelope(False, {}),
    "code float": envelope(0.5, {}),
    "code list": envelope([0], {}),
    "no data": raw(b'{"code": 0}'),
    "data null": envelope(0, None),
    "10 MB": raw(b'{"code": 0, "data": "' + b"x" * 10_000_000 + b'"}'),
    "compressed": raw(b"\x1f\x8b", content_encoding="gzip"),
    "compressed by nobody knows what": raw(b'{"code": 0, "data": {}}', content_encoding="zstd, br"),
    "redirect": raw(b"", status=302, location="https://evil.example/"),
    "redirect with an envelope": envelope(0, {}, status=301, location="https://evil.example/"),
    "success that says not found": envelope(0, {}, status=404),
    "a firewall's page": raw("<html>访问被拒绝".encode(), status=403),
    "no content": raw(b"", status=204),
    "a status that is none": raw(b"", status=299),
}


@pytest.mark.parametrize("step", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_reply_that_is_none_is_a_bad_reply(step: Step) -> None:
    error = refusal(step)
    assert BadReply is type(error)
    assert error.field
    assert error.problem


def test_a_redirect_is_called_one_and_not_followed() -> None:
    api, rig = client(envelope(50001, {}, status=307, location="https://evil.example/"))
    with pytest.raises(BadReply, match="redirect"):
        api.call("time")
    assert ["platform.example"] == [request.url.host for request in rig.requests]


@pytest.mark.parametrize(
    "data", [7, "text", [], True, {"server_time": None}, {"server_time": "noon"}, {"server_time": -1}]
)
def test_data_of_the_wrong_kind_is_a_bad_reply_of_the_typed_call(data: object) -> None:
    api, _rig = client(ok(data))
    with pytest.raises(BadReply, match=r"data\.server_time: missing"):
        api.time()


@settings(max_examples=200)
@given(
    body=st.binary(max_size=60) | st.sampled_from([b'{"code":0,"data":{}}', b'{"code":40001}', b'{"code":20002}']),
    status=st.integers(200, 599),
    header=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40),
)
def test_any_bytes_with_any_status_are_a_value_or_a_platform_error(body: bytes, status: int, header: str) -> None:
    api, _rig = client(raw(body, status=status, retry_after=header, x_request_id=header, location=header))
    try:
        api.call("time")
    except PlatformError as error:
        str(error)


@pytest.mark.parametrize("location", ["A:0", "http://[", "\x7f"])
def test_a_redirect_to_nowhere_is_a_platform_error(location: str) -> None:
    api, _rig = client(raw(b"", status=302, location=location))
    with pytest.raises(PlatformError):
        api.time()


# not in the lines below, which a traceback shows
PRIVATE = "title-of-an-order"


def echo(request: httpx.Request) -> httpx.Response:
    """A platform that repeats all that it was sent, in every place it can."""
    said = f"{request.url} {request.content.decode()}"
    token = request.url.params.get("access_token", SECRET)
    body = {"code": 50001, "msg": said, "request_id": token, "data": {"said": said, "retry_after": said}}
    return httpx.Response(200, json=body, headers={"x-request-id": SECRET})


def echo_as_no_json(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, content=b'{"code": "\xff' + str(request.url).encode() + request.content)


@pytest.mark.parametrize(
    "step",
    [
        echo,
        echo_as_no_json,
        *(envelope(code) for code in CODES),
        httpx.ReadTimeout,
        httpx.ConnectError,
        *HOSTILE.values(),
    ],
)
@pytest.mark.parametrize("name", ["users.me", "orders.create"])
def test_no_error_and_no_log_line_shows_a_token_a_secret_or_a_signature(
    step: Step, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    api, rig = client(step)
    with pytest.raises(PlatformError) as caught:
        api.call(name, token=Member(), json={"title": PRIVATE})
    whole = [*traceback.format_exception(caught.value), caplog.text, *(str(record) for record in rig.records)]
    error: BaseException | None = caught.value
    while error is not None:
        assert not isinstance(error, httpx.HTTPError)  # holds the request
        whole += [str(error), repr(error), repr(vars(error))]
        error = error.__cause__ or error.__context__
    for private in (STALE, FRESH, SECRET, PRIVATE, *(request.url.params["sign"] for request in rig.requests)):
        assert private not in "\n".join(whole)


def test_codes_and_envelope_are_the_profiles(tmp_path: Path) -> None:
    overlay = """
    [reply]
    code = "result.status"
    success = ["OK"]
    data = ""
    request_id = "result.trace"
    [codes]
    order_unknown = ["NO_ORDER"]
    """
    (tmp_path / "other.toml").write_text(overlay, "utf-8")
    profile = load("other", directory=tmp_path)
    fine = {"result": {"status": "OK"}, "server_time": 5}
    api, _rig = client(lambda request: httpx.Response(200, json=fine), profile=profile)
    assert api.time() == 5
    for code, kind in (("NO_ORDER", errors.OrderUnknown), ("NEW_ERROR", PlatformError), ("bad\ncode", BadReply)):
        reply = msgspec.json.encode({"result": {"status": code, "trace": "t-1"}})
        api, _rig = client(raw(reply), profile=profile)
        with pytest.raises(PlatformError) as caught:
            api.time()
        assert (kind, "t-1") == (type(caught.value), caught.value.request_id)


def test_the_platforms_clock_is_read_as_the_profile_writes_times(tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text('[signing]\ntimestamp_format = "milliseconds"', "utf-8")
    profile = load("other", directory=tmp_path)
    api, rig = client(envelope(20002, {"server_time": int(NOW + 900) * 1000}), ok({}), profile=profile)
    api.call("orders.create", json={})
    assert (NOW + 900) * 1000 == rig.timestamps()[1]
