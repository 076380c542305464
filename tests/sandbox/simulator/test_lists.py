"""Lists and queries of the simulator, and its rules for products."""

import pytest

from sandbox.simulator import orders
from sandbox.simulator.order_store import PlatformOrders
from tests.sandbox.simulator.order_steps import fits
from tests.sandbox.simulator.simulated import merchant

pytestmark = pytest.mark.anyio


async def test_a_query_leaves_out_what_is_unknown_and_takes_a_hundred() -> None:
    async with merchant() as one:
        await one.place("JW1")
        found = await one.call("orders.query", body={"out_order_nos": ["JW1", *(f"none{n}" for n in range(99))]})
        many = await one.call("orders.query", body={"out_order_nos": ["JW1"] * 101})
    assert [order["out_order_no"] for order in found["data"]["orders"]] == ["JW1"]
    assert (many["code"], many["msg"]) == (10000, "out_order_nos: 101 given, at most 100 allowed")


async def test_changed_orders_come_page_by_page_and_those_that_change_meanwhile_come_again() -> None:
    async with merchant() as one:
        token = (await one.log_in())["access_token"]
        for number in range(5):
            await one.place(f"JW{number}", token)
        since = str((await one.control("GET", "orders/JW0"))["updated_at"])
        seen, cursor = [], ""
        for _ in range(3):
            page = (await one.call("orders.changed", updated_after=since, cursor=cursor, limit="2"))["data"]
            seen += [order["out_order_no"] for order in page["orders"]]
            cursor = page["next_cursor"]
            if len(seen) == 2:
                await one.control("POST", "orders/JW0/pay")
        later = (await one.call("orders.changed", updated_after=str(int(since) + 100)))["data"]
    assert (seen, cursor) == (["JW0", "JW1", "JW2", "JW3", "JW4", "JW0"], "")
    assert later == {"orders": [], "next_cursor": ""}


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "101"}, {"cursor": "x"}, {"updated_after": "-1"}])
async def test_a_wrong_query_is_refused(query: dict[str, str]) -> None:
    async with merchant() as one:
        reply = await one.call("orders.changed", **query)
    assert (reply["code"], reply["msg"].split(":")[0]) == (10000, next(iter(query)))


@pytest.mark.parametrize(
    ("title", "price", "reason"),
    [
        ("字" * 60, "1000000.00", None),
        ("字" * 61, "6.17", "title_too_long"),
        ("高仿手表", "6.17", "title_forbidden"),
        ("龙井", "1000000.01", "price_too_high"),
    ],
)
async def test_a_product_that_breaks_a_rule_is_refused_with_its_reason(
    title: str, price: str, reason: str | None
) -> None:
    async with merchant() as one:
        put = await one.call("products.upsert", body={"title": title, "price": price, "on_shelf": True}, product_id="p")
        found = await one.call("products.get", product_id="p")
    if reason is None:
        assert (0, 0) == (put["code"], found["code"])
    else:
        assert (70002, {"reason": reason}, 70001) == (put["code"], put["data"], found["code"])
        fits("Refusal", put)


def test_changes_are_listed_once_each_and_from_where_one_left_off() -> None:
    book = PlatformOrders()
    for number in range(5):
        book.put(orders.place(orders.NewOrder(f"JW{number}", 100, ()), "ou_lan", 1000 + number))
    book.put(orders.pay(book.get("JW1"), 100, "t", 1010))

    first, cursor = book.changed(1001, 0, 2)
    rest, end = book.changed(1001, cursor, 2)

    assert ["JW2", "JW3"] == [order.number for order in first]
    assert (["JW4", "JW1"], 0) == ([order.number for order in rest], end)
    assert (["JW1"], 0) == ([order.number for order in book.changed(1010, 0, 9)[0]], book.changed(1010, 0, 9)[1])
    assert ([], 0) == book.changed(0, book.newest, 9)
