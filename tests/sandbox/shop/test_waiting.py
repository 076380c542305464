"""The shop's page in a real browser, before an API whose platform is away: it says what is so. Needs no sandbox."""

import json
import mimetypes
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from sandbox.shop import products
from tests.browser import NEEDS_CHROMIUM, phone_page

pytestmark = [
    pytest.mark.browser,
    NEEDS_CHROMIUM,
]
HOME = "http://127.0.0.1:9/shop/"
_WAITING = {"reason": "waiting_for_platform", "message": "订单已提交，正在等待社区确认，请稍后刷新"}


class Api:
    """The storefront as the page meets it; `status` is the order's, `keys` those of the POSTs that came, `reads` counts
    the GETs of the order."""

    def __init__(self, pages: Path) -> None:
        self.pages, self.status, self.fails, self.points = pages, "created", "", 0
        self.keys: list[str] = []
        self.reads = 0
        self.lists: list[str] = []  # the queries of the lists that were asked for
        self.pages_listed: list[dict[str, Any]] = [{"orders": []}]

    def answer(self, route: Route) -> None:
        """Any request of the page."""
        method, path = route.request.method, route.request.url.partition("127.0.0.1:9")[2].partition("?")[0]
        if path == "/shop/products.json":
            listed = [product.as_listed() for product in products.ALL]
            route.fulfill(json=listed)
        elif path.startswith("/shop/"):
            file = self.pages / (path.removeprefix("/shop/") or "index.html")
            route.fulfill(body=file.read_bytes(), content_type=mimetypes.guess_type(file.name)[0])
        elif self.fails:
            route.fulfill(status=429, json={"message": self.fails})
        elif (method, path) == ("GET", "/orders"):
            self.lists.append(route.request.url.partition("?")[2])
            route.fulfill(json=self.pages_listed["cursor" in self.lists[-1]])
        elif path == "/points":
            route.fulfill(json={"balance": 500, "entries": []})
        else:
            self._order(route, method, path)

    def _order(self, route: Route, method: str, path: str) -> None:
        if path.endswith("/cancel"):
            self.status = "cancelled"
        elif method == "POST":
            self.keys.append(route.request.headers["idempotency-key"])
        else:
            self.reads += 1
        route.fulfill(status=202 if self.status == "created" else 200, json=self._shown())

    def _shown(self) -> dict[str, Any]:
        shown: dict[str, Any] = {"order_no": "JW1", "status": self.status, "amount": "39.90"}
        shown["lines"] = [{"title": "熊猫马克杯"}]
        shown["timeline"] = [{"at": 1_763_800_000, "event": "created", "what": "已提交"}]
        shown |= _WAITING if self.status == "created" else {}
        shown |= {"points": self.points} if self.points else {}
        return shown | ({"pay_url": "https://pay.example/JW1"} if self.status == "placed" else {})


@pytest.fixture
def api(project: Path) -> Api:
    return Api(project / "sandbox" / "shop" / "page")


@pytest.fixture
def page(api: Api) -> Iterator[Page]:
    """The shop's page of a member who is logged in; a script's error fails the test."""
    with phone_page() as shown:
        shown.route("**/*", api.answer)
        member = json.dumps({"session": "s", "member": "mb_1", "name": "林晓岚"})
        shown.add_init_script(
            f"if (!localStorage.seen) {{ localStorage.seen = 1; Object.assign(sessionStorage, {member}); }}"
        )
        shown.goto(HOME)
        yield shown


def buy(page: Page, button: str = "购买") -> None:
    page.locator(".product", has_text="熊猫马克杯").get_by_role("button", name=button).click()


def test_an_order_that_waits_for_the_platform_is_not_called_placed(page: Page) -> None:
    buy(page)

    expect(page.get_by_role("status")).to_have_text("订单已提交，正在等待社区确认，请稍后刷新")
    expect(page.locator(".order .status")).to_have_text("等待社区确认")
    expect(page.get_by_role("link", name="去支付")).to_be_hidden()
    expect(page.get_by_role("button", name="取消订单")).to_be_visible()


def test_refreshing_repeats_the_same_request_until_the_order_can_be_paid(page: Page, api: Api) -> None:
    buy(page)
    expect(page.locator(".order .status")).to_have_text("等待社区确认")
    api.status = "placed"

    page.get_by_role("button", name="刷新").click()

    expect(page.get_by_role("link", name="去支付")).to_be_visible()
    expect(page.get_by_role("status")).to_have_text("社区已确认订单，请在下方支付。")
    assert [api.keys[0]] * 2 == api.keys


def test_an_order_gets_its_pay_button_by_itself_once_the_platform_is_back(page: Page, api: Api) -> None:
    buy(page)
    expect(page.locator(".order .status")).to_have_text("等待社区确认")
    api.status = "placed"

    expect(page.get_by_role("link", name="去支付")).to_be_visible()
    assert 1 == len(api.keys)


def test_an_order_that_waits_can_be_cancelled(page: Page) -> None:
    buy(page)

    page.get_by_role("button", name="取消订单").click()

    expect(page.locator(".order .status")).to_have_text("已取消")
    expect(page.get_by_role("button", name="取消订单")).to_be_hidden()
    expect(page.get_by_role("status")).to_have_text("订单已取消。")


def test_points_that_are_taken_once_the_platform_is_back_are_said_to_be(page: Page, api: Api) -> None:
    api.points = 400
    buy(page, "积分兑换")
    expect(page.locator(".order .status")).to_have_text("等待社区确认")
    api.status = "shipped"

    expect(page.locator(".order .status")).to_have_text("已发货")
    expect(page.get_by_role("status")).to_have_text("兑换成功。")


@pytest.mark.parametrize(("status", "polled"), [("shipped", False), ("paid", True)])
def test_a_shipped_order_is_not_polled_any_more(page: Page, api: Api, status: str, polled: bool) -> None:
    buy(page)
    api.status = status
    expect(page.locator(".order .status")).to_have_text("已发货" if status == "shipped" else "已支付")
    reads = api.reads

    page.wait_for_timeout(3000)

    assert polled == (api.reads > reads)


def test_who_leaves_is_told_so(page: Page) -> None:
    page.get_by_role("button", name="退出").click()

    expect(page.get_by_role("status")).to_have_text("已退出。")
    expect(page.get_by_role("link", name="玖伍社区账号登录")).to_be_visible()


def test_what_is_not_said_by_our_api_is_not_shown_and_ends_no_polling(page: Page, api: Api) -> None:
    buy(page)
    expect(page.locator(".order .status")).to_have_text("等待社区确认")
    api.fails = "Too Many Requests"
    expect(page.get_by_role("status")).to_have_text("请求失败（429），请稍后再试")
    api.fails, api.status = "", "placed"

    expect(page.get_by_role("link", name="去支付")).to_be_visible()


def listed(number: int) -> dict[str, Any]:
    order = {"order_no": f"JW{number}", "status": "completed", "amount": "9.90", "lines": [{"title": f"商品 {number}"}]}
    return order | {"timeline": [{"at": 1_763_800_000, "event": "created", "what": "已提交"}]}


def test_the_orders_come_from_the_server_whatever_device_made_them_and_page_by_page(page: Page, api: Api) -> None:
    api.pages_listed = [{"orders": [listed(3), listed(2)], "cursor": "next-page"}, {"orders": [listed(1)]}]
    page.reload()
    expect(page.locator(".order .number")).to_have_text(["商品 3 · JW3", "商品 2 · JW2"])

    page.get_by_role("button", name="更多订单").click()

    expect(page.locator(".order .number")).to_have_text(["商品 3 · JW3", "商品 2 · JW2", "商品 1 · JW1"])
    expect(page.get_by_role("button", name="更多订单")).to_be_hidden()
    assert ["", "cursor=next-page"] == api.lists[-2:]


def test_an_order_just_placed_is_on_top_even_before_the_list_has_it(page: Page, api: Api) -> None:
    api.pages_listed = [{"orders": [listed(7)]}]
    page.reload()
    expect(page.locator(".order")).to_have_count(1)

    buy(page)

    expect(page.locator(".order .number")).to_have_text(["熊猫马克杯 · JW1", "商品 7 · JW7"])
