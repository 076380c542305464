"""The login in a real Chromium: what it keeps, sends and shows. The platform is on another site than ours."""

import html
import importlib
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import ModuleType
from urllib.parse import urlencode

import httpx
import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page

from tests.browser import NEEDS_CHROMIUM, browser
from tests.functions.community import Community, invalid_grant
from tests.functions.oauth_browser import ENVIRONMENT, Browser, Reply, browser_of

pytestmark = [
    pytest.mark.browser,
    NEEDS_CHROMIUM,
]

Answer = Callable[[httpx.URL, dict[str, str]], Reply]
HTML = {"Content-Type": "text/html; charset=utf-8"}


@contextmanager
def _serving(host: str, answer: Answer) -> Iterator[str]:
    """The URL of a web server that replies as `answer` says."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/favicon.ico":
                self.send_error(404)
                return
            reply = answer(httpx.URL(f"http://{host}{self.path}"), {"cookie": self.headers.get("cookie", "")})
            self.send_response(reply["statusCode"])
            cookies = [("Set-Cookie", cookie) for cookie in reply.get("cookies", [])]
            for name, value in [*reply["headers"].items(), *cookies]:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply["body"].encode())

        def log_message(self, *_: object) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://{host}:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def community() -> Community:
    return Community()


@pytest.fixture
def platform(community: Community) -> Iterator[str]:
    """A consent page on localhost, which is another site than 127.0.0.1."""

    def consent(url: httpx.URL, _: dict[str, str]) -> Reply:
        back, state = url.params["redirect_uri"], url.params["state"]
        yes = f"{back}?{urlencode(community.consent(str(url)))}"
        no = f"{back}?{urlencode({'error': 'access_denied', 'state': state})}"
        body = f'<a id="yes" href="{html.escape(yes)}">yes</a> <a id="no" href="{html.escape(no)}">no</a>'
        return {"statusCode": 200, "headers": HTML, "body": body}

    with _serving("localhost", consent) as url:
        yield url


@pytest.fixture(scope="module")
def app(cloud: object) -> Iterator[ModuleType]:
    tables = {"MEMBERS_TABLE": "m", "LOGINS_TABLE": "l", "TOKEN_KEY_ID": "k", "APP_SECRET_NAME": "s"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (ENVIRONMENT | tables).items():
            patch.setenv(name, value)
        sys.modules.pop("functions.oauth_callback.app", None)
        yield importlib.import_module("functions.oauth_callback.app")


@pytest.fixture
def tables(members_table: str, logins_table: str, token_key: str, app_secret: str) -> dict[str, str]:
    made = {"MEMBERS_TABLE": members_table, "LOGINS_TABLE": logins_table}
    return made | {"TOKEN_KEY_ID": token_key, "APP_SECRET_NAME": app_secret}


@pytest.fixture
def shop(app: ModuleType, community: Community, platform: str, tables: dict[str, str]) -> Iterator[str]:
    """Our function and a shop on 127.0.0.1, under one address."""
    serving: list[Browser] = []

    def answer(url: httpx.URL, headers: dict[str, str]) -> Reply:
        if not url.path.startswith("/oauth/"):
            return {"statusCode": 200, "headers": HTML, "body": "the shop"}
        return serving[0].request("GET", url.path, rawQueryString=url.query.decode(), headers=headers)

    with _serving("127.0.0.1", answer) as url:
        where = {"PLATFORM_URL": platform, "PUBLIC_URL": url, "RETURN_ORIGINS": url}
        # it must not keep the cookies: Chromium does
        serving.append(browser_of(app, community, ENVIRONMENT | tables | where, keeps_cookies=False))
        yield url


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    with browser() as started:
        yield started


@pytest.fixture
def page(chromium: Chromium) -> Iterator[Page]:
    """A telephone's screen; what the page's own rules forbid it to load fails the test."""
    context = chromium.new_context(viewport={"width": 390, "height": 700})
    page, complaints = context.new_page(), list[str]()
    page.on("console", lambda captured: complaints.append(captured.text))
    yield page
    context.close()
    assert [] == [complaint for complaint in complaints if "Content Security Policy" in complaint]


def _log_in(page: Page, shop: str, answer: str) -> None:
    page.goto(f"{shop}/oauth/login?{urlencode({'return_to': f'{shop}/cart?from=login'})}")
    page.click(answer)


def test_a_member_comes_back_to_the_shop_with_a_ticket(page: Page, shop: str) -> None:
    _log_in(page, shop, "#yes")
    assert page.url.startswith(f"{shop}/cart?from=login&ticket=")
    (cookie,) = page.context.cookies()
    assert ("__Host-jiuwu_login", True, True, "Lax") == (
        cookie["name"],
        cookie["secure"],
        cookie["httpOnly"],
        cookie["sameSite"],
    )


def test_who_said_no_can_say_yes_after_all(page: Page, shop: str) -> None:
    _log_in(page, shop, "#no")
    assert "您没有同意授权" == page.text_content("h1")
    page.get_by_role("link", name="重新登录").click()
    page.click("#yes")
    assert page.url.startswith(f"{shop}/cart?from=login&ticket=")


def test_a_page_fits_a_telephone_and_its_button_a_thumb(page: Page, shop: str, community: Community) -> None:
    community.trouble["/oauth/token"] = invalid_grant
    _log_in(page, shop, "#yes")
    assert "授权已过期" == page.text_content("h1")
    assert 390 == page.evaluate("document.documentElement.scrollWidth")
    button = page.locator("a").bounding_box()
    assert button is not None
    assert button["height"] >= 44
    assert "rgb(194, 65, 12)" == page.locator("a").evaluate("link => getComputedStyle(link).backgroundColor")


def test_a_callback_opened_in_another_browser_is_not_taken(page: Page, shop: str) -> None:
    page.goto(f"{shop}/oauth/login?{urlencode({'return_to': f'{shop}/'})}")
    link = page.get_attribute("#yes", "href")
    page.context.clear_cookies()
    page.goto(str(link))
    assert "请在同一个浏览器里登录" == page.text_content("h1")


def test_back_and_forth_in_the_history_ends_in_the_shop(page: Page, shop: str) -> None:
    page.goto(f"{shop}/oauth/login?{urlencode({'return_to': f'{shop}/cart'})}")
    link = page.get_attribute("#yes", "href")
    page.goto(str(link))
    page.goto(str(link))
    assert page.url.startswith(f"{shop}/cart?ticket=")


def test_a_hash_routed_app_gets_its_route_back_and_finds_the_ticket(page: Page, shop: str) -> None:
    page.goto(f"{shop}/oauth/login?{urlencode({'return_to': f'{shop}/#/商品/1'})}")
    page.click("#yes")
    assert "#/商品/1" == page.evaluate("decodeURIComponent(location.hash)")
    assert 43 == page.evaluate("new URLSearchParams(location.search).get('ticket').length")
