"""The demo shop, the OAuth pages and the cashier, clicked through in a real browser as a member does."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from sandbox.environment import Sandbox
from tests.browser import NEEDS_CHROMIUM, phone_page

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.browser,
    pytest.mark.xdist_group("sandbox"),
    pytest.mark.timeout(300, func_only=True),
    NEEDS_CHROMIUM,
]
# a cold start of each function that takes part, on a busy machine
TIMEOUT_MS = 45_000


@pytest.fixture
def page(sandbox: Sandbox) -> Iterator[Page]:
    """The shop's page in a fresh browser; a script's error fails the test."""
    with phone_page() as shown:
        shown.set_default_timeout(TIMEOUT_MS)
        shown.goto(sandbox.shop_url)
        yield shown


def log_in(page: Page) -> None:
    page.get_by_role("link", name="玖伍社区账号登录").click()
    page.get_by_role("button", name="同意").click()
    expect(page.locator("#member")).to_contain_text("已登录：林晓岚", timeout=TIMEOUT_MS)


def test_a_member_logs_in_orders_pays_and_sees_the_order_shipped(page: Page) -> None:
    log_in(page)
    assert "ticket" not in page.url

    page.locator(".product", has_text="熊猫马克杯").get_by_role("button", name="购买").click()
    order = page.locator(".order").first
    expect(order.locator(".status")).to_have_text("待支付", timeout=TIMEOUT_MS)
    expect(order.locator(".amount")).to_have_text("¥39.90")
    order.get_by_role("link", name="去支付").click()
    page.get_by_role("button", name="确认支付").click()
    page.get_by_role("link", name="返回商家").click()

    expect(order.locator(".status")).to_have_text("已发货", timeout=TIMEOUT_MS)
    expect(order.locator(".timeline li")).to_contain_text(["已提交", "已下单", "已支付", "已通知发货"])


def test_a_member_pays_with_points_and_sees_how_many_are_left(page: Page) -> None:
    log_in(page)
    expect(page.locator("#points")).to_contain_text("积分", timeout=TIMEOUT_MS)
    before = _points(page)

    page.locator(".product", has_text="社区表情贴纸").get_by_role("button", name="100 积分兑换").click()

    order = page.locator(".order").first
    expect(order.locator(".status")).to_have_text("已发货", timeout=TIMEOUT_MS)
    expect(order.locator(".amount")).to_have_text("100 积分")
    expect(page.locator("#points")).to_have_text(f" · {before - 100} 积分", timeout=TIMEOUT_MS)


def _points(page: Page) -> int:
    return int(re.sub(r"\D", "", page.locator("#points").inner_text()))


def test_a_member_cancels_an_order_that_is_not_paid(page: Page) -> None:
    log_in(page)
    page.locator(".product", has_text="试用装").get_by_role("button", name="购买").click()

    order = page.locator(".order").first
    order.get_by_role("button", name="取消订单").click()

    expect(order.locator(".status")).to_have_text("已取消", timeout=TIMEOUT_MS)


def test_a_member_sees_their_orders_on_another_device(page: Page) -> None:
    log_in(page)
    page.locator(".product", has_text="试用装").get_by_role("button", name="购买").click()
    number = page.locator(".order").first.get_attribute("data-number", timeout=TIMEOUT_MS)

    # a context shares neither cookies nor storage
    browser = page.context.browser
    assert browser is not None
    other = browser.new_context(locale="zh-CN").new_page()
    other.set_default_timeout(TIMEOUT_MS)
    other.goto(page.url)
    log_in(other)

    expect(other.locator(f'.order[data-number="{number}"] .number')).to_contain_text("试用装", timeout=TIMEOUT_MS)
    other.context.close()


def test_a_ticket_from_a_strangers_link_logs_nobody_in(page: Page, sandbox: Sandbox) -> None:
    page.goto(f"{sandbox.shop_url}?login=strangers&ticket={'a' * 43}")

    expect(page.locator("#notice")).to_have_text("这次登录不是从这里开始的，请重新登录。")
    assert "ticket" not in page.url


def test_who_refuses_consent_is_told_so_calmly_and_can_try_again(page: Page) -> None:
    page.get_by_role("link", name="玖伍社区账号登录").click()
    page.get_by_role("button", name="拒绝").click()

    again = page.get_by_role("link", name=re.compile("登录|重试|再试"))
    expect(again).to_be_visible()
    expect(page.locator("body")).not_to_contain_text(re.compile("access_denied|Traceback|state="))
    again.click()

    expect(page.get_by_role("button", name="同意")).to_be_visible()


def test_nothing_can_be_ordered_before_login(page: Page) -> None:
    page.locator(".product").first.get_by_role("button", name="购买").click()

    expect(page.get_by_role("status")).to_have_text("请先登录，再下单。")
