"""CORS and throttling at the local API, by the template's values."""

import re
from dataclasses import replace

import pytest

from jiuwu.members.return_to import OriginMalformed, ReturnOrigins
from jiuwu.throttling.token_bucket import Rate
from sandbox.cloud import template
from sandbox.shop.api_gateway import ApiGateway, Rules
from sandbox.shop.upstream import Headers, Reply, Request

SHOP = "https://shop.example.com"
RULES = Rules.of_template(template.load(), f"{SHOP},http://127.0.0.1:9001")
FOREIGN = ["https://evil.example", "https://shop.example.com.evil.example", "http://shop.example.com", "null", ""]


def preflight(origin: str, path: str = "/orders") -> Request:
    requested = [(b"access-control-request-method", b"POST"), (b"access-control-request-headers", b"authorization")]
    return Request(b"OPTIONS", path.encode(), [(b"origin", origin.encode()), *requested], b"")


def call(origin: str = "") -> Request:
    return Request(b"POST", b"/orders", [(b"Origin", origin.encode())] if origin else [], b"{}")


def answered(gateway: ApiGateway, request: Request) -> Reply:
    reply = gateway.answer(request)
    assert reply is not None
    return reply


def cors(headers: Headers) -> dict[str, str]:
    named = {name.decode().lower(): value.decode() for name, value in headers}
    return {name: value for name, value in named.items() if name.startswith("access-control-")}


@pytest.mark.parametrize("path", ["/orders", "/oauth/session", "/webhooks/jiuwu", "/merchant/orders/JW1", "/nowhere"])
@pytest.mark.parametrize("origin", [SHOP, "http://127.0.0.1:9001"])
def test_a_preflight_of_the_merchants_app_is_answered_by_the_template(path: str, origin: str) -> None:
    said = template.load()["Globals"]["HttpApi"]["CorsConfiguration"]

    reply = answered(ApiGateway(RULES), preflight(origin, path))

    assert 204 == reply.status
    assert cors(reply.headers) == {
        "access-control-allow-origin": origin,
        "access-control-allow-methods": ",".join(said["AllowMethods"]),
        "access-control-allow-headers": ",".join(said["AllowHeaders"]),
        "access-control-max-age": str(said["MaxAge"]),
    }


def test_what_members_apps_send_is_allowed_by_the_template() -> None:
    assert {"authorization", "content-type", "idempotency-key"} <= set(RULES.headers)
    assert {"GET", "POST"} == set(RULES.methods)


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_preflight_of_a_foreign_page_is_told_nothing(origin: str) -> None:
    reply = answered(ApiGateway(RULES), preflight(origin))

    assert (204, {}) == (reply.status, cors(reply.headers))


def test_options_that_are_no_preflight_go_to_the_function() -> None:
    assert ApiGateway(RULES).answer(Request(b"OPTIONS", b"/webhooks/jiuwu", [], b"")) is None


@pytest.mark.parametrize(("origin", "readable"), [(SHOP, True), *((foreign, False) for foreign in FOREIGN)])
def test_only_the_merchants_app_may_read_a_reply(origin: str, readable: bool) -> None:
    theirs = [(b"Access-Control-Allow-Origin", b"*"), (b"Content-Type", b"application/json")]

    reply = ApiGateway(RULES).with_cors(call(origin), Reply(201, theirs, b"{}"))

    assert cors(reply.headers) == ({"access-control-allow-origin": SHOP} if readable else {})
    assert (201, b"{}", (b"Content-Type", b"application/json")) == (reply.status, reply.body, reply.headers[0])


def test_over_the_templates_limit_a_request_is_429_and_after_a_while_no_more() -> None:
    now = [1_763_800_000.0]
    gateway = ApiGateway(RULES, clock=lambda: now[0])
    said = template.load()["Globals"]["HttpApi"]["DefaultRouteSettings"]

    burst = [gateway.answer(call()) for _ in range(said["ThrottlingBurstLimit"] + 1)]
    now[0] += 1.0
    later = [gateway.answer(call()) for _ in range(said["ThrottlingRateLimit"] + 1)]

    assert [None] * said["ThrottlingBurstLimit"] == burst[:-1]
    assert [None] * said["ThrottlingRateLimit"] == later[:-1]
    for refused in (burst[-1], later[-1]):
        assert refused is not None
        assert (429, b'{"message":"Too Many Requests"}') == (refused.status, refused.body)


def test_a_flood_of_preflights_is_held_back_too() -> None:
    gateway = ApiGateway(replace(RULES, rate=Rate(1, 2)), clock=lambda: 0.0)

    assert [204, 204, 429] == [answered(gateway, preflight(SHOP)).status for _ in range(3)]


# ── One reader of ReturnOrigins ───────────────────────────────────────────────────────────────────────────────────────

SPELLINGS = {
    "https://shop.example.com": "https://shop.example.com",
    "https://shop.example.com/": "https://shop.example.com",
    "HTTPS://Shop.Example.COM": "https://shop.example.com",
    "https://shop.example.com:443": "https://shop.example.com",
    "https://shop.example.com:443/": "https://shop.example.com",
    "https://shop.example.com:8443/": "https://shop.example.com:8443",
    "https://商店.example": "https://xn--czrs0t.example",
    "https://商店.example.com:8443/": "https://xn--czrs0t.example.com:8443",
    "https://xn--czrs0t.example": "https://xn--czrs0t.example",
    "http://127.0.0.1:80": "http://127.0.0.1",
    "http://LOCALHOST:3000/": "http://localhost:3000",
    "http://[::1]:3000": "http://[::1]:3000",
}
NONE = [
    *("*", "https://*.example.com", "http://shop.example.com", "https://shop.example.com/cart", "shop.example.com"),
    *("https://a@shop.example.com", "https://shop.example.com?x", "https://shop.example.com#x", "https://", "null"),
    *("https://-a.example", "https://a_b.example", "https://shop.example.com:0443", "ftp://shop.example.com"),
]


def taken_by_the_template(entry: str) -> bool:
    return re.fullmatch(template.load()["Parameters"]["ReturnOrigins"]["AllowedPattern"], entry) is not None


@pytest.mark.parametrize(("entry", "sent"), SPELLINGS.items())
def test_login_and_cors_have_an_origin_as_browsers_send_it(entry: str, sent: str) -> None:
    origins = ReturnOrigins(entry)

    assert (sent,) == origins.as_browsers_send
    assert f"{sent}/cart" == origins.check(f"{sent}/cart")
    assert (sent,) == Rules.of_template(template.load(), entry).origins


@pytest.mark.parametrize(("entry", "sent"), SPELLINGS.items())
def test_the_template_takes_an_origin_only_as_browsers_send_it(entry: str, sent: str) -> None:
    assert (entry == sent, True) == (taken_by_the_template(entry), taken_by_the_template(sent))


@pytest.mark.parametrize("entry", NONE)
def test_what_is_no_origin_deploys_nowhere(entry: str) -> None:
    assert not taken_by_the_template(entry)


@pytest.mark.parametrize("entry", NONE[:10])
def test_what_is_no_origin_lets_nobody_log_in_or_call(entry: str) -> None:
    with pytest.raises(OriginMalformed):
        ReturnOrigins(entry)
