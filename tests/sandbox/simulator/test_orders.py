"""The simulated orders: what the contract promises of them, in its words and shapes."""

import pytest

from tests.sandbox.simulator.order_steps import fits, give_back, paid, push
from tests.sandbox.simulator.simulated import ITEM, merchant

pytestmark = pytest.mark.anyio


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
