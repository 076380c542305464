"""The simulated orders: what the contract promises of them, in its words and shapes."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # publishes no types

from sandbox.simulator import orders
from sandbox.simulator.order_store import PlatformOrders
from sandbox.simulator.refusals import Refused
from tests.sandbox.simulator.simulated import ITEM, Merchant, merchant

pytestmark = pytest.mark.anyio

CONTRACT = yaml.safe_load((Path(__file__).parents[3] / "docs/platform-contract.yaml").read_text("utf-8"))


def fits(schema: str, value: object) -> None:
    whole = {"$ref": f"#/components/schemas/{schema}", "components": CONTRACT["components"]}
    Draft202012Validator(whole).validate(value)


async def paid(one: Merchant, number: str = "JW1") -> dict[str, Any]:
    assert (await one.place(number))["code"] == 0
    return await one.control("POST", f"orders/{number}/pay")


async def push(one: Merchant, status: str, request_no: str = "r1", number: str = "JW1") -> int:
    body = {"status": status, "request_no": request_no}
    code: int = (await one.call("orders.push_status", body=body, out_order_no=number))["code"]
    return code


async def give_back(
    one: Merchant, transaction_id: str, amount: str = "12.34", refund_no: str = "RF1"
) -> dict[str, Any]:
    body = {"out_order_no": "JW1", "out_refund_no": refund_no, "transaction_id": transaction_id, "amount": amount}
    return await one.call("refunds.create", body=body | {"reason": "late payment"})


async def test_every_reply_has_the_shape_that_the_contract_documents() -> None:
    async with merchant() as one:
        tokens = await one.log_in()
        transaction = (await paid(one))["payments"][0]["transaction_id"]
        refund = (await give_back(one, transaction, "2.34"))["data"]
        order = (await one.call("orders.get", out_order_no="JW1"))["data"]
        user = (await one.call("users.get", open_id="ou_lan"))["data"]
        product = {"title": "龙井", "price": "0.00", "on_shelf": True}
        written = (await one.call("products.upsert", body=product, product_id="tea"))["data"]
        read = (await one.call("products.get", product_id="tea"))["data"]
    fits("Tokens", tokens)
    fits("Order", order)
    fits("RefundDone", refund)
    fits("User", user)
    fits("Product", written)
    assert (written, refund["refund_id"]) == (read, order["refunds"][0]["refund_id"])


async def test_notifications_have_the_shape_that_the_contract_documents() -> None:
    async with merchant() as one:
        await paid(one, "JW1")
        await push(one, "shipped", number="JW1")
        await one.control("POST", "orders/JW1/complete")
        await one.control("POST", "orders/JW1/refund")
        await one.place("JW2")
        await one.control("POST", "orders/JW2/cancel")
        await one.attempts(4)
    schemas = {"order.paid": "OrderPaid", "order.completed": "OrderCompleted", "order.refunded": "OrderRefunded"}
    schemas |= {"order.cancelled": "OrderCancelled"}
    assert {body["event_type"] for _, body in one.received} == schemas.keys()
    for _, body in one.received:
        fits("Notification", body)
        fits(schemas[body["event_type"]], body["data"])


async def test_the_same_order_twice_is_one_and_other_content_a_conflict() -> None:
    async with merchant() as one:
        token = (await one.log_in())["access_token"]
        first, again = [await one.place(token=token) for _ in range(2)]
        other = await one.place(token=token, amount="12.35")
        stranger = await one.place(token=(await one.log_in("ou_other"))["access_token"])
    assert first["data"] == again["data"]
    assert (other["code"], other["msg"].endswith("differs in: amount")) == (50002, True)
    assert (stranger["code"], stranger["msg"].endswith("differs in: open_id")) == (50002, True)


async def test_an_order_of_nothing_is_paid_as_it_is_created_once() -> None:
    async with merchant() as one:
        free = {"amount": "0.00", "items": [ITEM | {"price": "0.00"}]}
        token = (await one.log_in())["access_token"]
        first, again = [(await one.place("JW1", token, **free))["data"] for _ in range(2)]
        await one.attempts(1)
    ((_, notified),) = one.received
    assert ("paid", "0.00", ["0.00"]) == (first["status"], first["amount"], [p["amount"] for p in first["payments"]])
    assert first == again
    assert ("order.paid", "0.00") == (notified["event_type"], notified["data"]["amount"])
    assert first["payments"][0]["transaction_id"] == notified["data"]["transaction_id"]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"out_order_no": None}, "out_order_no: missing"),
        ({"out_order_no": 7}, "out_order_no: expected"),
        ({"out_order_no": ""}, "out_order_no: expected"),
        ({"out_order_no": "J" * 65}, "out_order_no: expected"),
        ({"amount": 12.34}, "amount: expected"),
        ({"amount": "-1"}, "amount: expected"),
        ({"amount": "1.234"}, "amount: expected"),
        ({"amount": "１"}, "amount: expected"),
        ({"items": []}, "items: expected"),
        ({"items": {}}, "items: expected"),
        ({"items": ["tea"]}, "items.0: expected"),
        ({"items": [ITEM, ITEM | {"quantity": 0}]}, "items.1.quantity: expected"),
        ({"items": [ITEM | {"quantity": True}]}, "items.0.quantity: expected"),
        ({"items": [ITEM | {"price": "x"}]}, "items.0.price: expected"),
        ({"items": [ITEM | {"title": None}]}, "items.0.title: missing"),
        ({"notify_url": 1}, "notify_url: expected"),
    ],
)
async def test_a_wrong_field_is_named(changes: dict[str, object], named: str) -> None:
    async with merchant() as one:
        reply = await one.place("JW1", "", **changes)
    assert (reply["code"], reply["msg"][: len(named)]) == (10000, named)


@pytest.mark.parametrize("body", ["", "[]", '"x"', "{", "nonsense", "[" * 100_000])
async def test_a_body_that_is_no_object_is_the_senders_fault(body: str) -> None:
    async with merchant() as one:
        token = (await one.log_in())["access_token"]
        params = one.query({"access_token": token}, body)
        reply = await one.http.post("/orders", params=params, content=body)
    assert (reply.status_code, reply.json()["code"]) == (200, 10000)


async def test_an_order_needs_a_member() -> None:
    async with merchant() as one:
        order = {"out_order_no": "JW1", "amount": "12.34", "items": [ITEM]}
        missing = await one.call("orders.create", body=order)
        invalid = await one.place(token="at_guess")
    assert (missing["code"], "access_token is missing" in missing["msg"], invalid["code"]) == (10000, True, 30001)


async def test_an_order_goes_from_created_to_completed_and_its_version_grows() -> None:
    async with merchant() as one:
        assert (await paid(one))["status"] == "paid"
        assert await push(one, "shipped") == 0
        assert (await one.control("POST", "orders/JW1/complete"))["status"] == "completed"
        await one.attempts(2)
        seen = await one.control("GET", "orders/JW1")
    assert [change["status"] for change in seen["history"]] == ["created", "paid", "shipped", "completed"]
    assert (seen["version"], seen["paid_fen"], seen["paid_amount"]) == (4, 1234, "12.34")
    assert sorted(body["version"] for _, body in one.received) == [2, 4]


@pytest.mark.parametrize(
    ("before", "status", "code"),
    [
        ((), "shipped", 50003),
        ((), "cancelled", 0),
        (("pay",), "cancelled", 50003),
        (("pay",), "shipped", 0),
        (("cancel",), "cancelled", 0),
        (("cancel",), "shipped", 50003),
        (("pay", "refund"), "shipped", 50003),
        ((), "completed", 50003),
        ((), "lost", 10000),
    ],
)
async def test_a_push_is_allowed_or_not_by_the_state(before: tuple[str, ...], status: str, code: int) -> None:
    async with merchant() as one:
        await one.place()
        for button in before:
            await one.control("POST", f"orders/JW1/{button}")
        assert await push(one, status) == code


async def test_a_push_sent_again_is_answered_again_and_changes_nothing() -> None:
    async with merchant() as one:
        await paid(one)
        assert [await push(one, "shipped", "r1"), await push(one, "shipped", "r2")] == [0, 0]
        await one.control("POST", "orders/JW1/complete")
        assert [await push(one, "shipped", "r1"), await push(one, "cancelled", "r1")] == [0, 50002]
        assert await push(one, "shipped", "r3") == 50003
        assert (await one.control("GET", "orders/JW1"))["version"] == 4


async def test_money_comes_a_second_time_late_or_wrong_as_told() -> None:
    async with merchant() as one:
        await paid(one)
        twice = await one.control("POST", "orders/JW1/pay", transaction_id="tx-2", amount="0.01")
        again = await one.control("POST", "orders/JW1/pay", transaction_id="tx-2", amount="0.01")
        await one.place("JW2")
        await one.control("POST", "orders/JW2/cancel")
        refused = await one.http.post("/_sim/orders/JW2/pay")
        late = await one.control("POST", "orders/JW2/pay", force=True)
    assert (twice["status"], twice["paid_fen"], again["version"]) == ("paid", 1235, twice["version"])
    assert (refused.status_code, refused.json()["reason"]) == (409, "transition_refused")
    assert (late["status"], late["paid_fen"]) == ("paid", 1234)


async def test_a_refund_is_made_once_and_the_last_of_the_money_changes_the_state() -> None:
    async with merchant() as one:
        transaction = (await paid(one))["payments"][0]["transaction_id"]
        part, again = [await give_back(one, transaction, "2.34") for _ in range(2)]
        assert part["data"] == again["data"]
        assert (await one.control("GET", "orders/JW1"))["status"] == "paid"
        assert (await give_back(one, transaction, "2.35"))["code"] == 50002
        assert (await give_back(one, transaction, "10.01", "RF2"))["code"] == 50003
        assert (await give_back(one, "tx-unknown", "1.00", "RF2"))["code"] == 50003
        assert (await give_back(one, transaction, "10.00", "RF2"))["code"] == 0
        seen = await one.control("GET", "orders/JW1")
        await one.attempts(3)
    assert (seen["status"], seen["refunded_fen"]) == ("refunded", 1234)
    told = [body["data"]["out_refund_no"] for _, body in one.received if body["event_type"] == "order.refunded"]
    assert sorted(told) == ["RF1", "RF2"]


async def test_money_that_strayed_to_an_order_of_nothing_goes_back_and_leaves_the_order_as_it_is() -> None:
    async with merchant() as one:
        token = (await one.log_in())["access_token"]
        await one.place("JW1", token, amount="0.00", items=[ITEM | {"price": "0.00"}])
        strayed = await one.control("POST", "orders/JW1/pay", amount="0.01", transaction_id="strayed")
        assert (await give_back(one, "strayed", "0.01"))["code"] == 0
        after = await one.control("GET", "orders/JW1")
    assert [strayed["status"], after["status"], after["refunded_fen"]] == ["paid", "paid", 1]


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


def paid_in_part() -> orders.Order:
    order = orders.place(orders.NewOrder("JW1", 3990, ()), "ou_lan", 1000)
    return orders.pay(order, 1000, "gift", 1001)


def test_an_order_paid_in_part_takes_the_rest_and_ships_only_then() -> None:
    short = paid_in_part()
    whole = orders.pay(short, 2990, "wallet", 1002)

    assert (True, 2990, "paid") == (short.payable, short.missing_fen, short.status)
    with pytest.raises(Refused):
        orders.push(short, "shipped", "r1", 1003)
    assert (False, "shipped") == (whole.payable, orders.push(whole, "shipped", "r1", 1003).status)


def test_an_order_paid_in_part_can_be_cancelled_and_one_paid_in_full_cannot() -> None:
    short = paid_in_part()

    assert "cancelled" == orders.cancel(short, 1002, "merchant").status
    with pytest.raises(Refused):
        orders.cancel(orders.pay(short, 2990, "wallet", 1002), 1003, "merchant")


def test_an_order_whose_part_went_back_may_be_paid_anew() -> None:
    back = orders.refund(paid_in_part(), orders.Refund("r", "", "gift", 1000, 1002), 1002, "platform")

    assert ("refunded", "paid") == (back.status, orders.pay(back, 3990, "wallet", 1003).status)
