"""What strangers send to OAuthCallback: every row is answered with a 4xx and its reason, and leaves nothing behind."""

import base64
import copy
import importlib
import json
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.functions.community import Community
from tests.functions.oauth_browser import ENVIRONMENT, EVENT, browser_of

STATE = "a" * 43
TICKET = json.dumps({"ticket": STATE})
ANYWHERE = ENVIRONMENT | {"MEMBERS_TABLE": "m", "LOGINS_TABLE": "l", "TOKEN_KEY_ID": "k", "APP_SECRET_NAME": "s"}


def _get(path: str, query: object, **changes: Any) -> dict[str, Any]:
    return _request("GET", path, rawQueryString=query, **changes)


def _session(body: object, content_type: object = "application/json", **changes: Any) -> dict[str, Any]:
    return _request("POST", "/oauth/session", body=body, headers={"content-type": content_type}, **changes)


def _unlink(authorization: object) -> dict[str, Any]:
    return _request("POST", "/oauth/unlink", headers={"authorization": authorization})


def _request(method: object, path: object, **changes: Any) -> dict[str, Any]:
    event = copy.deepcopy(EVENT) | {"rawPath": path} | changes
    event["requestContext"]["http"] |= {"method": method, "path": path}
    return event


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


LOGIN, CALLBACK = "/oauth/login", "/oauth/callback"
POSTS = ["/oauth/session", "/oauth/unlink"]
PATHS = [LOGIN, CALLBACK, *POSTS]
SHOP = "return_to=https%3A%2F%2Fshop.example.com%2F"

# name: (event, status, reason); a page has no reason code, and its row says so by ""
JUNK: dict[str, tuple[object, int, str]] = {
    # no HTTP event at all
    "null": (None, 400, "no_http_event"),
    "a list": ([], 400, "no_http_event"),
    "a number": (7, 400, "no_http_event"),
    "a text": ("GET /oauth/login", 400, "no_http_event"),
    "an empty object": ({}, 400, "no_http_event"),
    "a queue's event": ({"Records": [{"body": "{}"}]}, 400, "no_http_event"),
    "payload format 1.0": ({"httpMethod": "GET", "path": LOGIN, "requestContext": {}}, 400, "no_http_event"),
    "requestContext a list": (EVENT | {"requestContext": []}, 400, "no_http_event"),
    "path a number": (_request("GET", 7), 400, "no_http_event"),
    "method a list": (_request(["GET"], LOGIN), 400, "no_http_event"),
    # paths and methods
    "another path": (_request("GET", "/"), 404, "not_found"),
    "an empty path": (_request("GET", ""), 404, "not_found"),
    "a path above": (_request("GET", "/oauth/login/../../etc/passwd"), 404, "not_found"),
    "a path with a null": (_request("GET", "/oauth/login\x00"), 404, "not_found"),
    "a path of surrogates": (_request("GET", "/oauth/\ud800"), 404, "not_found"),
    "a slash too much": (_request("GET", "/oauth/login/"), 404, "not_found"),
    "login by POST": (_request("POST", LOGIN), 405, "method_not_allowed"),
    "callback by DELETE": (_request("DELETE", CALLBACK), 405, "method_not_allowed"),
    "session by GET": (_request("GET", "/oauth/session"), 405, "method_not_allowed"),
    "unlink by PUT": (_request("PUT", "/oauth/unlink"), 405, "method_not_allowed"),
    "a method of its own": (_request("GÉT", LOGIN), 405, "method_not_allowed"),
    "a method in small letters": (_request("get", "/oauth/session"), 405, "method_not_allowed"),
    # login
    "login without a query": (_get(LOGIN, ""), 400, ""),
    "login with a query of null": (_get(LOGIN, None), 400, ""),
    "login with a query of list": (_get(LOGIN, ["return_to"]), 400, ""),
    "login to nowhere": (_get(LOGIN, "return_to="), 400, ""),
    "login to evil": (_get(LOGIN, "return_to=https%3A%2F%2Fevil.example%2F"), 400, ""),
    "login to //evil": (_get(LOGIN, "return_to=%2F%2Fevil.example"), 400, ""),
    "login to a script": (_get(LOGIN, "return_to=javascript%3Aalert(1)"), 400, ""),
    "login to two places": (_get(LOGIN, f"{SHOP}&{SHOP}"), 400, ""),
    "login to nowhere and somewhere": (_get(LOGIN, f"return_to=&{SHOP}"), 400, ""),
    "login past a header": (_get(LOGIN, f"{SHOP}%0d%0aSet-Cookie:a=b"), 400, ""),
    "login with a null": (_get(LOGIN, f"{SHOP}%00"), 400, ""),
    "login not in UTF-8": (_get(LOGIN, "return_to=%ff%fe"), 400, ""),
    "login of surrogates": (_get(LOGIN, "return_to=\ud800"), 400, ""),
    "login in Chinese": (_get(LOGIN, "return_to=https://商店.example.com/"), 400, ""),
    "login with a huge query": (_get(LOGIN, f"{SHOP}&x={'y' * 9000}"), 414, ""),
    "login with a hundred parameters": (_get(LOGIN, "&".join(f"a{n}=1" for n in range(100))), 400, ""),
    "login by an unknown flow": (_get(LOGIN, f"{SHOP}&flow=carrier_pigeon"), 400, ""),
    "mini program to evil": (
        _get(LOGIN, "flow=mini_program&return_to=https://evil.example/"),
        400,
        "return_to_refused",
    ),
    "mini program twice": (_get(LOGIN, "flow=mini_program&flow=mini_program"), 400, "parameter_repeated"),
    # callback
    "callback without a query": (_get(CALLBACK, ""), 400, ""),
    "callback without a state": (_get(CALLBACK, "code=ac_1"), 400, ""),
    "callback without code and error": (_get(CALLBACK, f"state={STATE}"), 400, ""),
    "callback with code and error": (_get(CALLBACK, f"state={STATE}&code=a&error=b"), 400, ""),
    "callback with two codes": (_get(CALLBACK, f"state={STATE}&code=a&code=b"), 400, ""),
    "callback with two states": (_get(CALLBACK, f"state={STATE}&state={STATE}&code=a"), 400, ""),
    "callback with a short state": (_get(CALLBACK, "state=abc&code=a"), 400, ""),
    "callback with a state of other letters": (_get(CALLBACK, "state=" + "é" * 43 + "&code=a"), 400, ""),
    "callback with a huge code": (_get(CALLBACK, f"state={STATE}&code={'a' * 2049}"), 400, ""),
    "callback with a code of nulls": (_get(CALLBACK, f"state={STATE}&code=%00%00"), 400, ""),
    "callback with an array": (_get(CALLBACK, f"state[]={STATE}&code[]=a"), 400, ""),
    "callback with broken escapes": (_get(CALLBACK, f"state=%zz&code=%&x={STATE}"), 400, ""),
    "mini program without a state": (
        _get(CALLBACK, "code=a", headers={"X-Jiuwu-Login": STATE}),
        400,
        "malformed",
    ),
    # session
    "session without a body": (_session(None), 400, "body_malformed"),
    "session with a body of list": (_session([TICKET]), 400, "body_malformed"),
    "session with an empty body": (_session(""), 400, "body_malformed"),
    "session not JSON": (_session("ticket=abc"), 400, "body_malformed"),
    "session by form": (_session("ticket=abc", "application/x-www-form-urlencoded"), 415, "not_json"),
    "session without a type": (_request("POST", "/oauth/session", body=TICKET, headers=None), 415, "not_json"),
    "session with a type of list": (_session(TICKET, ["application/json"]), 415, "not_json"),
    "session of JSON null": (_session("null"), 400, "field_malformed"),
    "session of an array": (_session(f"[{TICKET}]"), 400, "field_malformed"),
    "session without a ticket": (_session("{}"), 400, "field_malformed"),
    "ticket misspelt": (_session('{"tickt":"x"}'), 400, "field_unknown"),
    "ticket null": (_session('{"ticket":null}'), 400, "field_malformed"),
    "ticket a number": (_session('{"ticket":7}'), 400, "field_malformed"),
    "ticket a list": (_session('{"ticket":["a"]}'), 400, "field_malformed"),
    "ticket empty": (_session('{"ticket":""}'), 400, "ticket_malformed"),
    "ticket too long": (_session(json.dumps({"ticket": STATE + "a"})), 400, "ticket_malformed"),
    "ticket with a null": (_session('{"ticket":"\\u0000"}'), 400, "ticket_malformed"),
    "ticket a lone surrogate": (_session('{"ticket":"\\ud800"}'), 400, "body_malformed"),
    "ticket in Chinese": (_session(json.dumps({"ticket": "票" * 43}, ensure_ascii=False)), 400, "ticket_malformed"),
    "body of surrogates": (_session('{"ticket":"\ud800"}'), 400, "body_unreadable"),
    "body cut off": (_session(TICKET[:-1]), 400, "body_malformed"),
    "ticket twice": (_session('{"ticket":"' + "a" * 43 + '","ticket":"' + "b" * 43 + '"}'), 400, "field_repeated"),
    "body deep": (_session("[" * 4000), 400, "field_malformed"),
    "body deep in an unknown field": (_session('{"x":' + "[" * 4000), 400, "field_unknown"),
    "body huge": (_session(json.dumps({"ticket": "a" * 10_000_000})), 413, "body_too_large"),
    "Base64 broken": (_session("%%%", isBase64Encoded=True), 400, "body_unreadable"),
    "Base64 not ASCII": (_session("票", isBase64Encoded=True), 400, "body_unreadable"),
    "Base64 of bytes": (_session(_base64(b"\xff\x00\xfe"), isBase64Encoded=True), 400, "body_malformed"),
    "Base64 of bad UTF-8": (_session(_base64(b'{"ticket":"\xff"}'), isBase64Encoded=True), 400, "body_malformed"),
    # unlink
    "unlink by nobody": (_request("POST", "/oauth/unlink", headers={}), 401, "session_required"),
    "unlink by a list": (_unlink(["Bearer"]), 401, "session_required"),
    "unlink by Basic": (_unlink("Basic YTpi"), 401, "session_required"),
    "unlink by an empty bearer": (_unlink("Bearer "), 401, "session_required"),
    "unlink by a short bearer": (_unlink("Bearer abc"), 401, "session_required"),
    "unlink by two bearers": (_unlink(f"Bearer {STATE}, Bearer {STATE}"), 401, "session_required"),
    "unlink by a bearer in Chinese": (_unlink("Bearer " + "票" * 43), 401, "session_required"),
    "unlink by a bearer with a line": (_unlink(f"Bearer {STATE}\nx: y"), 401, "session_required"),
    "unlink by a huge bearer": (_unlink("Bearer " + "a" * 100_000), 401, "session_required"),
}
# These get as far as the table, which knows nothing of them.
UNKNOWN: dict[str, tuple[object, int, str]] = {
    "callback of an unknown state": (_get(CALLBACK, f"state={STATE}&code=a"), 410, ""),
    "callback with a cookie of surrogates": (
        _get(CALLBACK, f"state={STATE}&code=a", cookies=["__Host-jiuwu_login=\ud800", 7, None, "=", ""]),
        410,
        "",
    ),
    "callback with cookies of text": (_get(CALLBACK, f"state={STATE}&code=a", cookies="a=b"), 410, ""),
    "callback with a header of surrogates": (
        _get(CALLBACK, f"state={STATE}&code=a", headers={"x-jiuwu-login": "\ud800"}),
        410,
        "unknown",
    ),
    "session of an unknown ticket": (_session(TICKET), 410, "ticket_refused"),
    "session of an unknown ticket in Base64": (
        _session(_base64(TICKET.encode()), isBase64Encoded=True),
        410,
        "ticket_refused",
    ),
    "unlink of an unknown session": (_unlink(f"Bearer {STATE}"), 401, "session_required"),
}


@pytest.fixture(scope="module")
def app(cloud: object) -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ANYWHERE.items():
            patch.setenv(name, value)
        sys.modules.pop("functions.oauth_callback.app", None)
        yield importlib.import_module("functions.oauth_callback.app")


class NoCommunity(Community):
    """The platform that nothing of this may reach."""

    def _handle(self, request: object) -> Any:
        raise AssertionError("the platform was called")


def _is_refused(reply: dict[str, Any], status: int, reason: str) -> None:
    assert status == reply["statusCode"]
    assert "no-store" in reply["headers"]["Cache-Control"]
    if reason:
        content = json.loads(reply["body"])
        assert (status, reason) == (content["code"], content["reason"])
        assert content["message"]
    else:
        assert reply["headers"]["Content-Type"] == "text/html; charset=utf-8"
        assert "请" in reply["body"]
    assert "evil" not in json.dumps(reply)


@pytest.mark.parametrize("name", JUNK)
def test_junk_is_refused_before_any_table_is_asked(app: ModuleType, name: str) -> None:
    event, status, reason = JUNK[name]
    # there is no table of this name: asking it would be a 503
    _is_refused(browser_of(app, NoCommunity(), ANYWHERE).serve(event), status, reason)


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_the_tables_do_not_know_is_refused(app: ModuleType, logins_table: str, name: str) -> None:
    event, status, reason = UNKNOWN[name]
    browser = browser_of(app, NoCommunity(), ANYWHERE | {"LOGINS_TABLE": logins_table})
    _is_refused(browser.serve(event), status, reason)


def test_the_junk_is_sixty_distinct_kinds() -> None:
    assert len({repr(event) for event, _, _ in (JUNK | UNKNOWN).values()}) >= 60


ANYTHING = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda part: st.lists(part, max_size=3))


@given(changes=st.dictionaries(st.sampled_from(sorted(EVENT)), ANYTHING, max_size=4), path=st.sampled_from(PATHS))
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_stands_in_the_event_is_refused(app: ModuleType, changes: dict[str, object], path: str) -> None:
    event = _request("POST" if path in POSTS else "GET", path, rawQueryString="") | changes
    assert 400 <= browser_of(app, NoCommunity(), ANYWHERE).serve(event)["statusCode"] < 500


@given(body=st.text() | st.binary().map(_base64), is_base64=st.booleans())
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_stands_in_the_body_is_refused(app: ModuleType, body: str, is_base64: bool) -> None:
    reply = browser_of(app, NoCommunity(), ANYWHERE).serve(_session(body, isBase64Encoded=is_base64))
    assert 400 == reply["statusCode"]


@given(query=st.text(), path=st.sampled_from([LOGIN, CALLBACK]))
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_stands_in_the_query_is_refused(app: ModuleType, query: str, path: str) -> None:
    assert 400 == browser_of(app, NoCommunity(), ANYWHERE).serve(_get(path, query))["statusCode"]


def test_a_wrong_method_is_told_the_right_one(app: ModuleType) -> None:
    reply = browser_of(app, NoCommunity(), ANYWHERE).serve(_request("POST", LOGIN))
    assert "GET" == reply["headers"]["Allow"]


def test_who_is_not_logged_in_is_told_how(app: ModuleType) -> None:
    reply = browser_of(app, NoCommunity(), ANYWHERE).serve(_unlink(""))
    assert "Bearer" == reply["headers"]["WWW-Authenticate"]
