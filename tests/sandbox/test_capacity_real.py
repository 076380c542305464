"""The model's passes beside the real ones: the same requests and units, counted while the real functions run."""

from collections import Counter
from dataclasses import replace

import pytest

from jiuwu.trade.items import SHARDS, shard_of
from jiuwu.trade.orders import Order, Status, order_no_for
from jiuwu.trade.store import OrderStore
from sandbox.capacity import inputs, simulation
from sandbox.platform.orders import Item, NewOrder
from sandbox.town.people import Member
from sandbox.town.town import Town, town
from tests.trade.lives import CREATED

GIVEN = inputs.load()
DAY = 86_400.0
OFF = ["TokenRefresher", "DailyStatement", "ProductSync"]
# What the model names, and what it is on the wire.
RECONCILED = {
    "query": ("dynamodb", "query"),
    "batch_get": ("dynamodb", "batch_get_item"),
    "batch_write": ("dynamodb", "batch_execute_statement"),
}


def placed(built: Town, count: int) -> list[Order]:
    """So many orders that both sides have as unpaid, all due at once; the platform's list has nothing new of them."""
    store, orders = OrderStore(built.account.client("dynamodb"), "OrdersTable"), []
    for n in range(count):
        number = order_no_for("mb_capacity", str(n))
        items = tuple(Item(line.product_id, line.title, line.quantity, line.price_fen) for line in CREATED.lines)
        there = built.platform.actions.place(NewOrder(number, CREATED.amount_fen, items), "ou_1")
        now = int(built.clock.now)
        order = replace(CREATED, order_no=number, status=Status.PLACED, platform_order_no=there.platform_order_no)
        orders.append(store.create(replace(order, created_at=now, due_at=now + int(2 * DAY))))
    built.clock.run(built.clock.now + 2 * DAY)
    return orders


@pytest.mark.parametrize("count", [2_000, pytest.param(20_000, marks=[pytest.mark.proof, pytest.mark.timeout(600)])])
def test_a_pass_over_orders_asks_for_what_the_model_says(count: int) -> None:
    with town(parameters={"OrderExpirySeconds": "0"}) as built:
        orders = placed(built, count)
        built.start(off=OFF)
        before, units, runs = built.calls.counts.copy(), built.calls.units.copy(), built.invocations.copy()

        built.invoke("Reconciler", {})
        built.clock.run(built.clock.now + 15)  # before the schedule's own tick

        used, invocations = built.calls.counts - before, (built.invocations - runs)["Reconciler"]
        written = Counter({name: built.calls.units[name] - units[name] for name in built.calls.units})
        store, now = OrderStore(built.account.client("dynamodb"), "OrdersTable"), int(built.clock.now)
        still_due = [number for shard in range(SHARDS) for number in store.due(str(shard), now).order_nos]

    per_shard = Counter(shard_of(order.order_no) for order in orders)
    model = simulation.reconcile(count, GIVEN, per_shard=[per_shard[str(shard)] for shard in range(SHARDS)])
    assert [] == still_due
    assert {name: model.requests[name] for name in RECONCILED} == {n: used[call] for n, call in RECONCILED.items()}
    assert model.requests["platform"] == used["platform", "orders.query"] + used["platform", "orders.changed"]
    assert model.requests["invocation"] == invocations
    assert model.write_units == written["OrdersTable", "write"] + written["OrdersTable/due", "write"]
    assert model.read_units == pytest.approx(written["OrdersTable", "read"], rel=0.05)


@pytest.mark.parametrize("count", [40, pytest.param(400, marks=[pytest.mark.proof, pytest.mark.timeout(600)])])
def test_a_pass_over_members_asks_for_what_the_model_says(count: int) -> None:
    with town() as built:
        for n in range(count):
            Member(built, f"ou_{n}").log_in()
        built.start(off=["Reconciler", "DailyStatement", "ProductSync", "TokenRefresher"])
        built.clock.run(built.clock.now + 7200 - 600)
        built.start(off=[name for name in built.functions if name != "TokenRefresher"])
        before, units = built.calls.counts.copy(), built.calls.units.copy()

        built.invoke("TokenRefresher", {})
        built.clock.run(built.clock.now + 100)

        used = built.calls.counts - before
        written = built.calls.units - units

    model = simulation.refresh(count, GIVEN)
    assert count == used["platform", "oauth.token"]
    assert model.requests["kms"] == used["kms", "decrypt"] + used["kms", "encrypt"]
    assert model.requests["update_item"] == used["dynamodb", "update_item"]
    # now and then the rate limit's item is read, too
    assert 0 <= used["dynamodb", "get_item"] - model.requests["get_item"] <= 3
    assert model.write_units == written["MembersTable", "write"] + written["MembersTable/refresh", "write"]
