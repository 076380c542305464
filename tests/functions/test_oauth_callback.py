"""OAuthCallback's four routes, with the local AWS and a platform in this process."""

import importlib
import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from jiuwu.aws import telemetry
from jiuwu.aws.settings import SettingsError
from jiuwu.members.accounts import member_id_for
from jiuwu.members.logins import MAX_LOGIN_SECONDS
from jiuwu.members.return_to import OriginMalformed
from sandbox.cloud import template
from tests.functions.community import Answer, Community, envelope, invalid_grant
from tests.functions.oauth_browser import (
    API,
    ENVIRONMENT,
    EVENT,
    RETURN_TO,
    Browser,
    Reply,
    browser_of,
    button,
    link,
    ticket_in,
)

MEMBER = member_id_for("sandbox-app", "ou_1")
AGAIN = (f"{API}/oauth/login?return_to={quote(RETURN_TO, safe='')}", "重新登录")
ANYWHERE = ENVIRONMENT | {"MEMBERS_TABLE": "m", "LOGINS_TABLE": "l", "TOKEN_KEY_ID": "k", "APP_SECRET_NAME": "s"}
HOME = ("https://shop.example.com/", "返回首页")


@pytest.fixture
def environment(members_table: str, logins_table: str, token_key: str, app_secret: str) -> dict[str, str]:
    made = {"MEMBERS_TABLE": members_table, "LOGINS_TABLE": logins_table}
    return ENVIRONMENT | made | {"TOKEN_KEY_ID": token_key, "APP_SECRET_NAME": app_secret}


@pytest.fixture(scope="module")
def app(cloud: object) -> Iterator[ModuleType]:
    """The function as one warm process for all tests; each test serves tables of its own."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ANYWHERE.items():
            patch.setenv(name, value)
        sys.modules.pop("functions.oauth_callback.app", None)
        yield importlib.import_module("functions.oauth_callback.app")


@pytest.fixture
def community() -> Community:
    return Community()


@pytest.fixture
def browser(app: ModuleType, community: Community, environment: dict[str, str]) -> Browser:
    return browser_of(app, community, environment)


@pytest.fixture
def record(aws: Callable[[str], Any], members_table: str) -> Callable[[], dict[str, Any]]:
    key = {"member_id": {"S": MEMBER}}
    return lambda: dict(aws("dynamodb").get_item(TableName=members_table, Key=key).get("Item", {}))


# ── The usual way ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_example_event_leads_to_the_consent_page(
    load_function: Callable[..., ModuleType], environment: dict[str, str]
) -> None:
    reply = load_function("oauth_callback", **environment).handler(EVENT, None)
    assert reply["statusCode"] == 302
    requested = httpx.URL(reply["headers"]["Location"])
    assert (requested.host, requested.path) == ("platform.example.com", "/oauth/authorize")
    assert requested.params["redirect_uri"] == f"{API}/oauth/callback"
    assert requested.params["code_challenge_method"] == "S256"


def test_the_browser_is_bound_by_a_cookie_that_only_this_host_can_read(browser: Browser) -> None:
    cookie = browser.get("/oauth/login", {"return_to": RETURN_TO})["cookies"][0]
    name, *attributes = cookie.split("; ")
    assert name.startswith("__Host-jiuwu_login=")
    assert {"Path=/", "Max-Age=600", "Secure", "HttpOnly", "SameSite=Lax"} == set(attributes)


def test_a_member_comes_back_with_a_ticket_and_the_shops_own_query(browser: Browser, community: Community) -> None:
    reply = browser.callback(community.consent(browser.login(RETURN_TO + "&ticket=old#/product/1")))
    assert reply["statusCode"] == 302
    assert reply["headers"]["Location"] == f"{RETURN_TO}&ticket={ticket_in(reply)}#/product/1"
    assert (reply["headers"]["Cache-Control"], reply["headers"]["Referrer-Policy"]) == ("no-store", "no-referrer")


def test_the_ticket_becomes_a_session(browser: Browser, community: Community) -> None:
    reply = browser.session(ticket_in(browser.callback(community.consent(browser.login()))))
    found = json.loads(reply["body"])
    assert (reply["statusCode"], reply["headers"]["Cache-Control"]) == (200, "no-store")
    assert browser.unlink(found.pop("session_token"))["statusCode"] == 200
    profile = {"nickname": "小九", "avatar_url": "https://img.example.com/1.png"}
    assert {"member_id": MEMBER, "expires_in": 604800} | profile == found


def test_the_same_community_account_is_the_same_member_with_the_newest_profile(
    browser: Browser, community: Community, record: Callable[[], Any]
) -> None:
    first = link(browser, community)
    community.nickname = "老九"
    again = link(browser, community)
    assert (MEMBER, MEMBER) == (first["member_id"], again["member_id"])
    assert again["nickname"] == "老九"
    assert record()["token_version"] == {"N": "2"}


def test_two_tabs_log_in_at_once(browser: Browser, community: Community) -> None:
    first, second = browser.login(), browser.login()
    assert [302, 302] == [browser.callback(community.consent(url))["statusCode"] for url in (first, second)]


def test_a_mini_program_binds_its_login_by_a_header(browser: Browser, community: Community) -> None:
    begun = json.loads(browser.get("/oauth/login", {"flow": "mini_program"})["body"])
    assert {"authorize_url", "state", "login_secret", "expires_in"} == set(begun)
    assert (begun["expires_in"], browser.cookies) == (600, {})
    header = {"x-jiuwu-login": begun["login_secret"]}
    reply = browser.get("/oauth/callback", community.consent(begun["authorize_url"]), **header)
    assert reply["statusCode"] == 200
    assert browser.session(json.loads(reply["body"])["ticket"])["statusCode"] == 200


def test_a_public_url_is_what_the_platform_and_members_see(
    app: ModuleType, community: Community, environment: dict[str, str]
) -> None:
    browser = browser_of(app, community, environment | {"PUBLIC_URL": "https://login.example.com/api/"})
    url = browser.login()
    assert httpx.URL(url).params["redirect_uri"] == "https://login.example.com/api/oauth/callback"
    denied = browser.request("GET", "/api/oauth/callback", rawQueryString="error=access_denied&state=" + _state(url))
    assert button(denied)[0].startswith("https://login.example.com/api/oauth/login?")


def _state(url: str) -> str:
    return httpx.URL(url).params["state"]


def test_cookies_are_also_found_in_the_header(browser: Browser, community: Community) -> None:
    query = community.consent(browser.login())
    (name, value), browser.cookies = next(iter(browser.cookies.items())), {}
    reply = browser.get("/oauth/callback", query, cookie=f"theme=dark; {name}={value}")
    assert reply["statusCode"] == 302


@pytest.mark.parametrize("page", ["商品?name=龙井", "%E5%95%86%E5%93%81?name=%E9%BE%99%E4%BA%95"])
def test_chinese_in_return_to_may_come_raw_or_encoded(browser: Browser, community: Community, page: str) -> None:
    back = _back(browser.callback(community.consent(browser.login(f"https://shop.example.com/{page}"))))
    assert "https://shop.example.com/%E5%95%86%E5%93%81?name=%E9%BE%99%E4%BA%95&ticket=TICKET" == back


@pytest.mark.parametrize(
    ("return_to", "reason"),
    [
        ("https://evil.example/商品", "return_to_refused"),
        ("https://shop.example.com/商\u202e品", "return_to_malformed"),
        ("https://shop.example.com/\n", "return_to_malformed"),
        ("shop.example.com/", "return_to_malformed"),
    ],
)
def test_a_refused_return_to_says_whether_its_origin_or_its_form_is_the_reason(
    browser: Browser, return_to: str, reason: str
) -> None:
    reply = browser.get("/oauth/login", {"flow": "mini_program", "return_to": return_to})
    assert (400, reason) == (reply["statusCode"], json.loads(reply["body"])["reason"])
    assert ("不属于本应用" in browser.get("/oauth/login", {"return_to": return_to})["body"]) == (
        reason == "return_to_refused"
    )


# ── What goes wrong ───────────────────────────────────────────────────────────────────────────────────────────────────


def _is_calm(reply: Reply) -> bool:
    headers, body = reply["headers"], reply["body"]
    silent = "no-store" in headers["Cache-Control"] and headers["Referrer-Policy"] == "no-referrer"
    scriptless = "default-src 'none'" in headers["Content-Security-Policy"] and "<script" not in body
    technical = ("Error", "Traceback", "invalid_grant", "token", "ac_1", "at_", "rt_", "503", "502")
    return silent and scriptless and not any(word in body for word in technical)


def test_no_consent_is_a_403_that_offers_another_try(browser: Browser) -> None:
    url = browser.login()
    reply = browser.callback({"error": "access_denied", "state": _state(url)})
    assert (403, AGAIN) == (reply["statusCode"], button(reply))
    assert _is_calm(reply)
    again = browser.callback({"error": "access_denied", "state": _state(url)})
    assert (403, reply["body"]) == (again["statusCode"], again["body"])


def _back(reply: Reply) -> str:
    """Where a redirect leads, without its ticket."""
    assert 302 == reply["statusCode"]
    return str(reply["headers"]["Location"]).replace(ticket_in(reply), "TICKET")


def test_a_browser_that_asks_twice_lands_twice_in_the_same_place(browser: Browser, community: Community) -> None:
    query = community.consent(browser.login())
    first, second = browser.callback(query), browser.callback(query)
    assert _back(first) == _back(second)
    assert [200, 200] == [browser.session(ticket_in(reply))["statusCode"] for reply in (second, first)]
    assert len(community.calls("/oauth/token")) == 1


def test_a_mini_program_that_asks_twice_gets_a_ticket_twice(browser: Browser, community: Community) -> None:
    begun = json.loads(browser.get("/oauth/login", {"flow": "mini_program"})["body"])
    query, header = community.consent(begun["authorize_url"]), {"x-jiuwu-login": begun["login_secret"]}
    replies = [json.loads(browser.get("/oauth/callback", query, **header)["body"]) for _ in range(2)]
    assert [200, 200] == [browser.session(reply["ticket"])["statusCode"] for reply in replies]


def test_a_stranger_who_asks_second_gets_nothing(browser: Browser, community: Community) -> None:
    query = community.consent(browser.login())
    browser.callback(query)
    other = Browser(browser.serve)
    other.login()
    assert [(403, AGAIN)] * 2 == [
        (reply["statusCode"], button(reply))
        for reply in (other.callback(query), Browser(browser.serve).callback(query))
    ]


@pytest.mark.parametrize("changed", [{"code": "ac_other"}, {"code": "", "error": "access_denied"}])
def test_a_used_state_with_another_answer_is_a_410_that_knows_the_way_back(
    browser: Browser, community: Community, changed: dict[str, str]
) -> None:
    query = community.consent(browser.login())
    browser.callback(query)
    reply = browser.callback(query | changed)
    assert (410, AGAIN) == (reply["statusCode"], button(reply))
    assert _is_calm(reply)
    assert len(community.calls("/oauth/token")) == 1


def test_a_login_whose_process_died_offers_to_begin_again(browser: Browser, community: Community) -> None:
    class Died(BaseException):
        """The process is gone."""

    def die() -> httpx.Response:
        raise Died

    query = community.consent(browser.login())
    community.trouble["/oauth/token"] = die
    with pytest.raises(Died):
        browser.callback(query)
    community.trouble.clear()
    reply = browser.callback(query)
    assert (410, AGAIN, True) == (reply["statusCode"], button(reply), "登录没有完成" in reply["body"])
    assert _is_calm(reply)
    assert len(community.calls("/oauth/token")) == 1


def test_a_state_nobody_knows_is_a_410_that_leads_home(browser: Browser) -> None:
    reply = browser.callback({"code": "ac_1", "state": "a" * 43})
    assert (410, HOME) == (reply["statusCode"], button(reply))


def test_a_state_of_another_browser_is_a_403_and_stays_usable(browser: Browser, community: Community) -> None:
    query = community.consent(browser.login())
    reply = Browser(browser.serve).callback(query)
    assert (403, AGAIN) == (reply["statusCode"], button(reply))
    assert browser.callback(query)["statusCode"] == 302


def test_an_expired_state_is_a_410(
    browser: Browser, community: Community, aws: Callable[[str], Any], logins_table: str
) -> None:
    query = community.consent(browser.login())
    key = aws("dynamodb").scan(TableName=logins_table)["Items"][0]["login_key"]
    past = {"ExpressionAttributeValues": {":past": {"N": "1"}}, "UpdateExpression": "SET expires_at = :past"}
    aws("dynamodb").update_item(TableName=logins_table, Key={"login_key": key}, **past)
    reply = browser.callback(query)
    assert (410, AGAIN) == (reply["statusCode"], button(reply))
    assert "超时" in reply["body"]


def _unreachable() -> httpx.Response:
    raise httpx.ConnectError("refused")


def _lost() -> httpx.Response:
    raise httpx.ReadTimeout("no reply")


TROUBLES: dict[str, tuple[str, Answer, int]] = {
    "expired code": ("/oauth/token", invalid_grant, 410),
    "platform down": ("/oauth/token", _unreachable, 503),
    "token reply lost": ("/oauth/token", _lost, 503),
    "platform overloaded": ("/oauth/token", lambda: httpx.Response(503, text="busy"), 503),
    "platform broken": ("/oauth/token", lambda: httpx.Response(200, text="<html>"), 503),
    "our secret is wrong": ("/oauth/token", lambda: httpx.Response(401, json={"error": "invalid_client"}), 502),
    "profile call down": ("/users/me", _unreachable, 503),
    "profile call refused": ("/users/me", lambda: envelope(30003), 502),
    "profile of another member": ("/users/me", lambda: envelope(0, {"open_id": "ou_2"}), 502),
    "profile malformed": ("/users/me", lambda: envelope(0, {"open_id": 7}), 502),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_trouble_at_the_platform_is_a_calm_page_and_no_member(
    browser: Browser, community: Community, record: Callable[[], Any], trouble: str
) -> None:
    path, answer, status = TROUBLES[trouble]
    query = community.consent(browser.login())
    community.trouble[path] = answer
    reply = browser.callback(query)
    assert (status, AGAIN) == (reply["statusCode"], button(reply))
    assert _is_calm(reply)
    assert ("Retry-After" in reply["headers"]) == (status == 503)
    assert record() == {}
    del community.trouble[path]
    requested = len(community.calls("/oauth/token"))
    assert reply == browser.callback(query)
    assert requested == len(community.calls("/oauth/token"))


@pytest.mark.parametrize(
    ("error", "status"), [("temporarily_unavailable", 503), ("server_error", 503), ("invalid_scope", 502), ("<b>", 502)]
)
def test_what_the_consent_page_reports_has_its_status(browser: Browser, error: str, status: int) -> None:
    reply = browser.callback({"error": error, "state": _state(browser.login())})
    assert (status, AGAIN) == (reply["statusCode"], button(reply))


def test_a_mini_program_is_told_in_json(browser: Browser, community: Community) -> None:
    begun = json.loads(browser.get("/oauth/login", {"flow": "mini_program"})["body"])
    query = {"error": "access_denied", "state": begun["state"]}
    reply = browser.get("/oauth/callback", query, **{"x-jiuwu-login": begun["login_secret"]})
    assert (403, "denied") == (reply["statusCode"], json.loads(reply["body"])["reason"])


def test_without_its_header_a_mini_programs_login_is_foreign(browser: Browser, community: Community) -> None:
    begun = json.loads(browser.get("/oauth/login", {"flow": "mini_program"})["body"])
    reply = browser.callback(community.consent(begun["authorize_url"]))
    assert (403, HOME) == (reply["statusCode"], button(reply))


@pytest.mark.parametrize("variable", ["LOGINS_TABLE", "MEMBERS_TABLE", "TOKEN_KEY_ID", "APP_SECRET_NAME"])
def test_what_aws_cannot_give_is_a_503_and_no_member(
    app: ModuleType, community: Community, environment: dict[str, str], variable: str
) -> None:
    broken = browser_of(app, community, environment | {variable: "not-there"})
    reply = broken.get("/oauth/login", {"return_to": RETURN_TO})
    if variable != "LOGINS_TABLE":
        reply = broken.callback(community.consent(reply["headers"]["Location"]))
    assert 503 == reply["statusCode"]
    assert _is_calm(reply)


def test_a_malformed_secret_is_a_calm_503_too(
    app: ModuleType, community: Community, environment: dict[str, str], aws: Callable[[str], Any]
) -> None:
    aws("secretsmanager").create_secret(Name="not-json", SecretString="hunter2")
    broken = browser_of(app, community, environment | {"APP_SECRET_NAME": "not-json"})
    reply = broken.callback(community.consent(broken.login()))
    assert 503 == reply["statusCode"]
    assert _is_calm(reply)


def test_a_session_that_cannot_be_kept_is_a_503(
    app: ModuleType, community: Community, environment: dict[str, str]
) -> None:
    reply = browser_of(app, community, environment | {"LOGINS_TABLE": "not-there"}).session("a" * 43)
    assert (503, "unavailable") == (reply["statusCode"], json.loads(reply["body"])["reason"])


def test_a_login_that_died_is_known_by_the_functions_timeout() -> None:
    assert MAX_LOGIN_SECONDS == template.resources("AWS::Serverless::Function")["OAuthCallback"]["Timeout"]


# ── Sessions and leaving ──────────────────────────────────────────────────────────────────────────────────────────────


def test_of_sixteen_callbacks_at_once_one_exchanges_the_code_and_all_land_there(
    browser: Browser, community: Community
) -> None:
    query = community.consent(browser.login())
    with ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(lambda _: browser.callback(query), range(16)))
    assert {_back(replies[0])} == {_back(reply) for reply in replies}
    assert len(community.calls("/oauth/token")) == 1


def test_a_ticket_opens_one_session(browser: Browser, community: Community) -> None:
    ticket = ticket_in(browser.callback(community.consent(browser.login())))
    assert [200, 410] == [browser.session(ticket)["statusCode"] for _ in range(2)]


def test_unlinking_revokes_erases_and_ends_every_session(
    browser: Browser, community: Community, record: Callable[[], Any]
) -> None:
    phone, laptop = link(browser, community), link(browser, community)
    reply = browser.unlink(phone["session_token"])
    assert (200, {"status": "unlinked"}) == (reply["statusCode"], json.loads(reply["body"]))
    assert len(community.calls("/oauth/revoke")) == 2
    assert "access_encrypted" not in record()
    assert 401 == browser.unlink(laptop["session_token"])["statusCode"]


def test_while_the_platform_is_down_unlinking_is_accepted_and_nothing_is_lost(
    browser: Browser, community: Community, record: Callable[[], Any]
) -> None:
    session = link(browser, community)
    community.trouble["/oauth/revoke"] = _unreachable
    reply = browser.unlink(session["session_token"])
    assert (202, {"status": "unlinking"}) == (reply["statusCode"], json.loads(reply["body"]))
    assert ("refresh_encrypted" in record(), "refresh_at" in record()) == (True, True)
    assert 401 == browser.unlink(session["session_token"])["statusCode"]


def test_a_ticket_from_before_the_unlinking_opens_nothing(browser: Browser, community: Community) -> None:
    session = link(browser, community)
    ticket = ticket_in(browser.callback(community.consent(browser.login())))
    browser.unlink(session["session_token"])
    assert 410 == browser.session(ticket)["statusCode"]


def test_who_left_can_come_back(browser: Browser, community: Community) -> None:
    browser.unlink(link(browser, community)["session_token"])
    assert link(browser, community)["member_id"] == MEMBER


# ── At start ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("missing", ["MEMBERS_TABLE", "LOGINS_TABLE", "TOKEN_KEY_ID", "RETURN_ORIGINS"])
def test_a_missing_setting_is_named_at_start(load_function: Callable[..., ModuleType], missing: str) -> None:
    with pytest.raises(SettingsError, match=missing):
        load_function("oauth_callback", **ANYWHERE | {missing: ""})


def test_a_return_origin_in_the_clear_is_refused_at_start(load_function: Callable[..., ModuleType]) -> None:
    with pytest.raises(OriginMalformed, match="RETURN_ORIGINS: entry 2"):
        load_function("oauth_callback", **ANYWHERE | {"RETURN_ORIGINS": "https://a.example,http://b.example"})


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    stream, (handler, *_) = io.StringIO(), telemetry.logger.handlers
    assert isinstance(handler, logging.StreamHandler)
    before = handler.setStream(stream)
    yield stream
    handler.setStream(before)


def test_log_lines_hold_no_secret(browser: Browser, community: Community, log: io.StringIO) -> None:
    query = community.consent(browser.login())
    back = browser.callback(query)
    session = json.loads(browser.session(ticket_in(back))["body"])
    browser.unlink(session["session_token"])
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [MEMBER] * 4 == [line["member_id"] for line in lines if "member_id" in line]
    secrets = [*query.values(), ticket_in(back), session["session_token"], *browser.cookies.values()]
    private = [*secrets, "at_", "rt_", "小九", "app-secret", "ou_1", "example.com"]
    assert [] == [secret for secret in private if secret in log.getvalue()]
