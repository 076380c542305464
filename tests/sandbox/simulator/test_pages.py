"""What people see of the simulator: paying, the overview, and the signature debugger."""

import hmac
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from jiuwu.platform import signed_notifications
from jiuwu.platform.profile import load
from sandbox.simulator.signature_debugger import EMPTY, explanation
from tests.sandbox.simulator.simulated import APP, Merchant, merchant

pytestmark = pytest.mark.anyio


async def pay_page(one: Merchant) -> str:
    order = (await one.place())["data"]
    assert order["pay_url"].startswith("http://platform/pay/")
    return str(order["pay_url"])


async def debug(one: Merchant, **fields: str) -> str:
    reply = await one.http.post("/debug/signature", data=fields)
    assert reply.status_code == 200
    return reply.text


async def test_a_person_pays_and_reloading_pays_nothing_more() -> None:
    async with merchant() as one:
        url = await pay_page(one)
        before = await one.http.get(url)
        paid = await one.http.post(url, data={"decision": "pay"})
        after = await one.http.get(paid.headers["location"])
        again = await one.http.post(url, data={"decision": "pay"})
        seen = await one.control("GET", "orders/JW1")
        await one.attempts(1)
    assert ("12.34" in before.text, "确认支付" in before.text) == (True, True)
    assert (paid.status_code, "支付成功" in after.text, "确认支付" in after.text) == (303, True, False)
    assert (again.status_code, len(seen["payments"])) == (409, 1)
    assert [body["event_type"] for _, body in one.received] == ["order.paid"]


async def test_a_person_pays_in_parts() -> None:
    async with merchant() as one:
        url = await pay_page(one)
        await one.http.post(url, data={"decision": "pay", "amount": "4.00"})
        between = await one.http.get(url)
        await one.http.post(url, data={"decision": "pay", "amount": "99.00"})
        after = await one.http.get(url)
        seen = await one.control("GET", "orders/JW1")
    assert ("还差 ¥8.34" in between.text, "确认支付" in between.text) == (True, True)
    assert ("支付成功" in after.text, "确认支付" in after.text) == (True, False)
    assert ["4.00", "8.34"] == [payment["amount"] for payment in seen["payments"]]


@pytest.mark.parametrize("amount", ["", "4.00", "12.34"], ids=["unpaid", "paid in part", "paid"])
async def test_the_way_back_to_the_merchant_is_always_there(amount: str) -> None:
    async with merchant() as one:
        url = await pay_page(one)
        back = urlencode({"return_to": "https://shop.example/orders?a=1&b=2"})
        if amount:
            await one.http.post(url, data={"decision": "pay", "amount": amount})
        with_address, without = await one.http.get(f"{url}?{back}"), await one.http.get(url)
    assert 'href="https://shop.example/orders?a=1&amp;b=2">返回商家</a>' in with_address.text
    assert "返回商家" not in without.text


async def test_a_person_cancels_instead() -> None:
    async with merchant() as one:
        url = await pay_page(one)
        await one.http.post(url, data={"decision": "cancel"})
        page = await one.http.get(url)
        await one.attempts(1)
    assert "订单已取消" in page.text
    assert [body["data"]["reason"] for _, body in one.received] == ["member"]


async def test_the_way_back_leads_to_the_web_only() -> None:
    async with merchant() as one:
        url = await pay_page(one)
        paid = await one.http.post(url + "?return_to=https://shop.example/", data={"decision": "pay"})
        page = await one.http.get(paid.headers["location"])
        script = await one.http.get(url, params={"return_to": "javascript:alert(1)"})
        broken = await one.http.get(url, params={"return_to": "http://[x"})
    assert 'href="https://shop.example/"' in page.text
    assert ("javascript" in script.text, broken.status_code) == (False, 200)


async def test_an_order_that_is_not_there_gets_a_calm_page() -> None:
    async with merchant() as one:
        replies = [await one.http.get("/pay/none"), await one.http.post("/pay/none")]
    assert [(reply.status_code, "没有这个订单" in reply.text) for reply in replies] == [(404, True), (404, True)]


async def test_titles_are_shown_as_text() -> None:
    async with merchant() as one:
        item = {"product_id": "x", "title": "<img src=x>", "quantity": 1, "price": "1"}
        order = (await one.place(items=[item]))["data"]
        page = await one.http.get(order["pay_url"])
    assert ("<img src=x>" in page.text, "&lt;img src=x&gt;" in page.text) == (False, True)


async def test_the_overview_offers_the_buttons_that_the_state_allows() -> None:
    async with merchant() as one:
        empty = await one.http.get("/")
        await one.place()
        created = await one.http.get("/")
        await one.control("POST", "orders/JW1/pay")
        paid = await one.http.get("/")
    assert "还没有订单" in empty.text
    assert ("/_sim/orders/JW1/pay" in created.text, "/_sim/orders/JW1/refund" in created.text) == (True, False)
    assert ("/_sim/orders/JW1/pay" in paid.text, "/_sim/orders/JW1/refund" in paid.text) == (False, True)


async def test_avatars_are_drawn_for_members_only() -> None:
    async with merchant() as one:
        drawn = await one.http.get("/avatars/ou_lan.svg")
        junk = await one.http.get("/avatars/<script>.svg")
    assert (drawn.headers["content-type"], drawn.text[:4], junk.status_code) == ("image/svg+xml", "<svg", 404)


async def test_the_debugger_confirms_a_call_pasted_as_address_query_or_lines() -> None:
    async with merchant() as one:
        params = one.query({"title": "龙井 茶+杯"}, "{}")
        address = str(httpx.URL("https://gateway.example/orders", params=params))
        lines = "\n".join(f"{name}={value}" for name, value in params.items())
        shown = [await debug(one, params=text, body="{}") for text in (address, address.partition("?")[2], lines)]
        previous = one.query({}, secret=APP.previous_secret)
        old = await debug(one, params="\n".join(f"{name}={value}" for name, value in previous.items()))
    assert ["签名正确" in page for page in shown] == [True] * 3
    assert ("上一个密钥" in old, "上一个密钥" in shown[0]) == (True, False)
    assert not any(APP.secret in page for page in shown)


async def test_the_debugger_says_of_an_old_notification_that_it_will_be_refused_though_its_signature_is_right() -> None:
    async with merchant() as one:
        event: dict[str, Any] = {
            "event_id": "ev_1",
            "body": '{"event_id":"ev_1"}',
            "timestamp": 1763800000,
            "nonce": "n",
        }
        headers = signed_notifications.sign_notification(one.platform, app_id=APP.app_id, secret=APP.secret, **event)
        page = await debug(
            one, params="\n".join(f"{name}: {text}" for name, text in headers.items()), body=event["body"]
        )
    assert ("签名正确" in page, "但这次请求会被拒绝" in page, "时间戳超出允许范围" in page) == (False, True, True)
    assert 'class="note warn"' in page


async def test_the_debugger_confirms_a_notification_pasted_as_headers() -> None:
    async with merchant() as one:
        headers = signed_notifications.sign_notification(
            one.platform,
            app_id=APP.app_id,
            secret=APP.secret,
            event_id="ev_1",
            body="{}",
            timestamp=int(time.time()),
            nonce="n",
        )
        page = await debug(one, params="\n".join(f"{name}: {text}" for name, text in headers.items()), body="{}")
    assert ("签名正确" in page, 'class="note warn"' in page) == (True, False)


async def test_the_debugger_names_the_slips_that_people_make() -> None:
    body, lines = '{"a":"茶"}', "app_id=a\nnonce=n\ntimestamp=1"
    rest = "app_id=a&nonce=n&timestamp=1"

    def signature(text: bytes) -> str:
        return hmac.digest(b"mine", text, "sha256").hex()

    slips = {
        "请求体排在了所有参数之后": signature(f"{rest}&body={body}".encode()),
        "没有带参数名和连接符": signature(f"{rest}&{body}".encode()),
        "没有参与签名（nonce）": signature(f"app_id=a&body={body}&timestamp=1".encode()),
        "一方用了 GBK": signature(f"app_id=a&body={body}&nonce=n&timestamp=1".encode("gbk")),
        "按名称的 ASCII 顺序": signature(f"nonce=n&body={body}&timestamp=1&app_id=a".encode()),
        "签名前多了前缀": "sha256=" + signature(f"app_id=a&body={body}&nonce=n&timestamp=1".encode()),
    }
    async with merchant() as one:
        for slip, sign in slips.items():
            assert slip in await debug(one, params=lines, body=body, secret="mine", sign=sign), slip


async def test_the_debugger_names_the_mistake_and_shows_where_the_strings_part() -> None:
    async with merchant() as one:
        page = await debug(one, params="b=2\na=1", canonical="b=2&a=1", sign="0" * 64)
        own = await debug(one, params="a=1\nb=2", secret="mine", sign="0" * 64, canonical="a=1&b=2")
    assert ("签名不一致" in page, "没有按名称的 ASCII 顺序排列" in page) == (True, True)
    assert ("<mark>a</mark>=1" in page, "<mark>b</mark>=2" in page) == (True, True)
    assert ("所以是密钥不同" in own, "mine" in own) == (True, False)


@pytest.mark.parametrize("params", ["", "   ", "nonsense", "X-Other: 1", "https://gateway.example/orders", "\ud800"])
async def test_what_holds_no_parameters_is_said_to(params: str) -> None:
    async with merchant() as one:
        fields = urlencode({"params": params}, errors="surrogatepass")
        reply = await one.http.post("/debug/signature", content=fields)
    assert (reply.status_code, 'role="alert"' in reply.text) == (400, True)


async def test_the_debugger_knows_the_name_under_which_a_notifications_body_is_signed(tmp_path: Path) -> None:
    overlay = '[notification.signed]\nbody = "payload"\ntimestamp = "ts"\n'
    (tmp_path / "mine.toml").write_text(overlay)
    mine = load("mine", directory=tmp_path)
    facts: dict[str, Any] = {"event_id": "ev_1", "body": "{}", "timestamp": 1763800000, "nonce": "n"}
    headers = signed_notifications.sign_notification(mine, app_id=APP.app_id, secret=APP.secret, **facts)
    requested = EMPTY | {
        "params": "\n".join(f"{name}: {text}" for name, text in headers.items()),
        "body": "{}",
    }

    good, old = (explanation(mine, APP, requested, now).explanation for now in (1763800000.0, 1763900000.0))

    assert (0, False, 0, True) == (good.secret_index, good.refused, old.secret_index, old.refused)
