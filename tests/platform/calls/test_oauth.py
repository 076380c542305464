"""The member's grant: what is asked, what is believed, and what may be repeated."""

import logging
import traceback
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs

import httpx
import pytest

from jiuwu.platform import errors
from jiuwu.platform.calls.oauth import OAuthClient
from jiuwu.platform.errors import PlatformError, UnknownOutcome
from jiuwu.platform.profile import load
from tests.platform.fakes import SECRET, Rig, Step, envelope, oauth, raw

CODE, VERIFIER, OLD = "code-5b1d", "verifier-1e7c", "RT-old-88aa"
GRANT = {
    "access_token": "AT-new-0f0f",
    "token_type": "Bearer",
    "expires_in": 3600,
    "refresh_token": "RT-new-1f1f",
    "refresh_expires_in": 86400,
    "scope": "profile orders",
    "open_id": "o1",
}
CALLBACK = "https://shop.example/oauth/callback"


def reply(body: object, status: int = 200, **headers: str) -> Step:
    return lambda request: httpx.Response(status, json=body, headers=headers)


def refused(error: object, status: int = 400) -> Step:
    return reply({"error": error, "error_description": f"about {OLD}"}, status)


def form(rig: Rig, index: int = -1) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(rig.requests[index].content.decode()).items()}


def exchange(api: OAuthClient) -> object:
    return api.exchange(CODE, VERIFIER, CALLBACK)


def refresh(api: OAuthClient) -> object:
    return api.refresh(OLD)


def revoke(api: OAuthClient) -> None:
    api.revoke(OLD)


type Act = Callable[[OAuthClient], object]


def test_the_browser_is_sent_with_state_and_challenge() -> None:
    api, _rig = oauth(reply(GRANT))
    url = httpx.URL(api.authorize_url(redirect_uri=f"{CALLBACK}?a=1&b=2", state="s t&", challenge="c-1"))
    expected = {
        "response_type": "code",
        "client_id": "app-1",
        "redirect_uri": f"{CALLBACK}?a=1&b=2",
        "scope": "profile orders",
        "state": "s t&",
        "code_challenge": "c-1",
        "code_challenge_method": "S256",
    }
    assert ("platform.example", "/api/oauth/authorize", expected) == (url.host, url.path, dict(url.params))


def test_a_platform_without_pkce_is_sent_none(tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text('[oauth]\npkce = false\nscope_joiner = ","', "utf-8")
    api, rig = oauth(reply(GRANT), profile=load("other", directory=tmp_path))
    params = dict(httpx.URL(api.authorize_url(redirect_uri=CALLBACK, state="s", challenge="c-1")).params)
    assert "profile,orders" == params["scope"]
    assert "code_challenge" not in params
    exchange(api)
    assert "code_verifier" not in form(rig)


def test_a_code_becomes_tokens() -> None:
    api, rig = oauth(reply(GRANT))
    token = api.exchange(CODE, VERIFIER, CALLBACK)
    assert ("AT-new-0f0f", "RT-new-1f1f", 3600, 86400, "o1") == (
        token.access_token,
        token.refresh_token,
        token.expires_in,
        token.refresh_expires_in,
        token.open_id,
    )
    app = {"client_id": "app-1", "client_secret": SECRET}
    requested = {"grant_type": "authorization_code", "code": CODE, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    assert ("POST", "/api/oauth/token", app | requested) == (
        rig.requests[0].method,
        rig.requests[0].url.path,
        form(rig),
    )


def test_a_refresh_without_lifetime_and_refresh_token_is_whole() -> None:
    api, rig = oauth(reply({"access_token": "AT-new-0f0f"}))
    token = api.refresh(OLD)
    assert (7200, None) == (token.expires_in, token.refresh_token)
    assert ("refresh_token", OLD) == (form(rig)["grant_type"], form(rig)["refresh_token"])


OVER = [
    *("bad_refresh_token", "invalid_token", "Invalid Grant", "REFRESH-TOKEN-EXPIRED", "invalidGrant", "TokenExpired"),
    *("token.expired", {"code": "invalid_grant"}, {"code": 400, "type": "invalid_grant"}, {"code": 30002}),
    {"code": 401, "status": "TOKEN_EXPIRED", "message": "…"},
]


def test_what_says_that_a_grant_is_over_stands_in_the_profile(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        '[reply]\ncode = "data.error_code"\n[fields.token]\naccess_token = "data.access_token"\n'
        '[codes]\ntoken_invalid = [10010]\n[oauth]\ngrant_over = ["GONE", 7, [100, 199]]\n'
    )
    mine = load("mine", directory=tmp_path)
    for said in (
        {"data": {"error_code": 10010}},
        {"data": {"error_code": 7}},
        {"data": {"error_code": "150"}},
        {"error": "gone"},
        {"error": "invalid_grant"},
        {"error": {"code": 7, "message": "gone"}},
    ):
        api, _rig = oauth(reply(said), profile=mine)
        with pytest.raises(errors.InvalidGrant):
            api.refresh(OLD)
    api, _rig = oauth(reply({"data": {"error_code": 0, "access_token": "AT"}}), profile=mine)
    assert "AT" == api.refresh(OLD).access_token


@pytest.mark.parametrize(
    "step", [raw(b""), raw(b"", status=204), raw(b"ok"), reply({}), reply({"code": 0, "msg": "success"})]
)
def test_a_revocation_needs_only_its_status(step: Step) -> None:
    api, rig = oauth(step)
    api.revoke(OLD)
    assert ("/api/oauth/revoke", OLD) == (rig.requests[0].url.path, form(rig)["token"])


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        (refused("invalid_grant"), errors.InvalidGrant),
        (refused("invalid_grant", 401), errors.InvalidGrant),
        (refused("invalid_grant", 200), errors.InvalidGrant),
        *((refused(word, status), errors.InvalidGrant) for word in OVER for status in (200, 400, 401)),
        *(
            (reply({"code": code}, status), errors.InvalidGrant)
            for code in (30001, 30002.0, "30002")
            for status in (200, 401)
        ),
        (reply({"error": "new", "code": 30002}), errors.InvalidGrant),
        (reply({"error": 30002}), errors.InvalidGrant),
        (reply({"error": "new", "code": 77}), errors.PlatformError),
        (reply({"error": {"code": "invalid_client"}}, 401), errors.InvalidClient),
        (reply({"error": {"code": 503, "status": "temporarily_unavailable"}}), errors.PlatformBusy),
        (reply({"error": {"code": "new", "message": "invalid_grant"}}, 400), errors.BadReply),
        (reply({"error": {}, "code": 77}, 400), errors.PlatformError),
        (reply({"error": True}, 400), errors.BadReply),
        (refused("invalid_client", 401), errors.InvalidClient),
        (refused("unauthorized_client"), errors.InvalidClient),
        (refused("invalid_request"), errors.BadParameters),
        (refused("unsupported_grant_type"), errors.BadParameters),
        (refused("invalid_scope"), errors.ScopeMissing),
        (refused("brand_new_error"), errors.BadReply),
        (refused(["invalid_grant"]), errors.BadReply),
        (refused("temporarily_unavailable", 503), errors.PlatformBusy),
        (refused("invalid_grant", 429), errors.RateLimited),
        (reply({"code": 40001, "data": {"retry_after": 9}}), errors.RateLimited),
        (reply({"code": 20001}, 401), errors.SignatureRefused),
        (raw(b"", status=302, location="/login"), errors.BadReply),
        (raw(b"<html>", status=403), errors.BadReply),
        (reply({}, 400), errors.BadReply),
        (reply([], 400), errors.BadReply),
        (httpx.ConnectError, errors.PlatformUnreachable),
    ],
)
@pytest.mark.parametrize("act", [exchange, refresh, revoke])
def test_each_refusal_is_its_own_error(step: Step, kind: type[PlatformError], act: Act) -> None:
    api, _rig = oauth(step)
    with pytest.raises(PlatformError) as caught:
        act(api)
    assert kind is type(caught.value)


LOST = [
    httpx.ReadTimeout,
    httpx.RemoteProtocolError,
    raw(b"<html>", status=502),
    refused("server_error", 500),
    reply({"code": 90000}),
]


@pytest.mark.parametrize("step", LOST)
def test_a_code_is_never_sent_twice(step: Step) -> None:
    api, rig = oauth(step, reply(GRANT))
    with pytest.raises(UnknownOutcome):
        exchange(api)
    assert len(rig.requests) == 1


@pytest.mark.parametrize("step", LOST)
def test_a_lost_refresh_is_repeated_with_the_same_refresh_token(step: Step) -> None:
    api, rig = oauth(step, step, reply(GRANT))
    assert "RT-new-1f1f" == api.refresh(OLD).refresh_token
    assert [OLD, OLD, OLD] == [form(rig, index)["refresh_token"] for index in range(3)]


@pytest.mark.parametrize("step", LOST)
@pytest.mark.parametrize("act", [refresh, revoke])
def test_what_stays_lost_is_an_unknown_outcome(step: Step, act: Act) -> None:
    api, rig = oauth(step)
    with pytest.raises(UnknownOutcome):
        act(api)
    assert len(rig.requests) == 3


@pytest.mark.parametrize(
    "body",
    [{}, [], 7, {"access_token": ""}, {"access_token": 7}, {"access_token": "a\ufffd"}],
)
def test_a_grant_that_is_not_understood_may_have_been_given(body: object) -> None:
    for act in (exchange, refresh):
        api, _rig = oauth(reply(body))
        with pytest.raises(UnknownOutcome, match="reply not understood"):
            act(api)


def test_an_invalid_grant_after_a_lost_refresh_is_not_believed() -> None:
    api, _rig = oauth(httpx.ReadTimeout, refused("invalid_grant"))
    with pytest.raises(UnknownOutcome):
        api.refresh(OLD)


def test_every_attempt_is_counted() -> None:
    api, rig = oauth(httpx.ConnectError, reply(GRANT))
    api.refresh(OLD)
    assert [("oauth.refresh", "PlatformUnreachable", None), ("oauth.refresh", "ok", None)] == rig.outcomes()


def test_a_refused_revocation_behind_a_byte_order_mark_is_a_refusal() -> None:
    api, _rig = oauth(raw(b'\xef\xbb\xbf{"error": "invalid_client"}'))
    with pytest.raises(errors.InvalidClient):
        api.revoke(OLD)


def test_a_code_that_is_not_unicode_is_not_sent() -> None:
    api, rig = oauth(reply(GRANT))
    with pytest.raises(errors.BadParameters):
        api.exchange("\ud800", VERIFIER, CALLBACK)
    assert [] == rig.requests


def echo(request: httpx.Request) -> httpx.Response:
    said = request.content.decode()
    headers = {"x-request-id": form_value(said)}
    return httpx.Response(400, json={"error": said, "error_description": said, "msg": said}, headers=headers)


def form_value(said: str) -> str:
    values = parse_qs(said)
    return (values.get("code") or values.get("refresh_token") or values["token"])[0]


@pytest.mark.parametrize(
    "step", [echo, *LOST, refused("invalid_grant"), envelope(30001), reply(GRANT | {"access_token": 7})]
)
@pytest.mark.parametrize("act", [exchange, refresh])
def test_no_error_and_no_log_line_shows_a_token_a_code_or_the_secret(
    step: Step, act: Act, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    api, _rig = oauth(step)
    with pytest.raises(PlatformError) as caught:
        act(api)
    whole = [*traceback.format_exception(caught.value), caplog.text]
    error: BaseException | None = caught.value
    while error is not None:
        whole += [str(error), repr(error), repr(vars(error))]
        error = error.__cause__ or error.__context__
    for private in (CODE, VERIFIER, OLD, SECRET, str(GRANT["access_token"]), str(GRANT["refresh_token"])):
        assert private not in "\n".join(whole)
