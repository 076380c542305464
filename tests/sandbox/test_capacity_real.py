"""The model's passes beside the real ones: the same requests and units, counted while the real functions run."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pytest

from jiuwu.members.accounts import member_id_for
from jiuwu.members.grants import SHARDS as MEMBER_SHARDS
from jiuwu.members.grants import shard_of as member_shard_of
from jiuwu.members.tokens import Tokens
from jiuwu.orders.business_day import day_of
from jiuwu.orders.codec import DAY_SHARDS, SHARDS, day_shard_of, shard_of
from jiuwu.orders.ids import order_no_for
from jiuwu.orders.order import Order, Status
from jiuwu.orders.repository import OrderStore
from jiuwu.platform.models import TokenReply, UserProfile
from jiuwu.reconciliation.repository import Records
from jiuwu.runtime import Runtime
from sandbox.capacity import inputs
from sandbox.capacity.days_statement import statement
from sandbox.capacity.expiry import expire
from sandbox.capacity.reconciling import reconcile
from sandbox.capacity.renewals import refresh
from sandbox.capacity.simulation import Pass
from sandbox.simulation.world.wiring import following
from sandbox.simulation.world.world import APP_ID, World, simulated_world
from sandbox.simulator.orders import Item, NewOrder
from tests.orders.lives import CREATED

GIVEN = inputs.load()
DAY = 86_400.0
OFF = ["TokenRefresher", "DailyStatement", "ProductSync"]


def sizes(small: int, large: int) -> pytest.MarkDecorator:
    """Small with all tests, large with the proof."""
    marks = [pytest.mark.proof, pytest.mark.timeout(600)]
    return pytest.mark.parametrize("count", [small, pytest.param(large, marks=marks)])


# The rate limit's item and the app secret are no part of a pass; Lambda looks at a queue as often as it likes.
NOT_COMPARED = {("sqs", "lambda_receive"), ("secretsmanager", "get_secret_value")}


@dataclass(slots=True)
class Used:
    """What the functions asked for, as a Pass has it."""

    requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    units: Counter[tuple[str, str]] = field(default_factory=Counter)
    invocations: Counter[str] = field(default_factory=Counter)


@contextmanager
def used(built: World) -> Iterator[Used]:
    """What is asked for inside; of the rate limit's item each request is one unit."""
    calls, found = built.calls, Used()
    for counter in (calls.counts, calls.units, built.invocations):
        counter.clear()
    yield found
    found.requests, found.units, found.invocations = +calls.counts, +calls.units, +built.invocations
    found.requests["dynamodb", "get_item"] -= int(found.units.pop(("LimitsTable", "read"), 0))
    found.requests["dynamodb", "put_item"] -= int(found.units.pop(("LimitsTable", "write"), 0))


def same(model: Pass, real: Used) -> None:
    """The same requests to every service, and the same units of every table and index."""
    assert compared(model.requests) == compared(real.requests)
    assert dict(model.units) == dict(real.units)


def compared(requests: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], int]:
    return {name: times for name, times in requests.items() if times and name not in NOT_COMPARED}


def placed(built: World, count: int) -> list[Order]:
    """So many orders that both sides have as unpaid, all due at once; the platform's list has nothing new of them."""
    dynamodb = built.account.client("dynamodb")
    Records(dynamodb, "ReconciliationTable").widest(SHARDS)  # as the first tick of all does
    store, orders = OrderStore(dynamodb, "OrdersTable"), []
    for n in range(count):
        number = order_no_for("mb_capacity", str(n))
        items = tuple(Item(line.product_id, line.title, line.quantity, line.price_fen) for line in CREATED.lines)
        there = built.platform.actions.place(NewOrder(number, CREATED.amount_fen, items), "ou_1")
        now = int(built.clock.now)
        order = replace(CREATED, order_no=number, status=Status.PLACED, platform_order_no=there.platform_order_no)
        orders.append(store.create(replace(order, created_at=now, due_at=now + int(2 * DAY))))
    built.clock.run(built.clock.now + 2 * DAY)
    return orders


def per_shard(orders: list[Order]) -> list[int]:
    """How many of these are in each shard of the due index."""
    found = Counter(shard_of(order.order_no) for order in orders)
    return [found[str(shard)] for shard in range(SHARDS)]


@sizes(2_000, 20_000)
def test_a_pass_over_orders_asks_for_what_the_model_says(count: int) -> None:
    with simulated_world(parameters={"OrderExpirySeconds": "0"}) as built:
        orders = placed(built, count)
        built.start(off=OFF)
        with used(built) as real:
            built.invoke("Reconciler", {})
            built.clock.run(built.clock.now + 15)  # before the schedule's own tick

        store, now = OrderStore(built.account.client("dynamodb"), "OrdersTable"), int(built.clock.now)
        still_due = [number for shard in range(SHARDS) for number in store.due(str(shard), now).order_nos]

    model = reconcile(count, GIVEN, per_shard=per_shard(orders))
    assert [] == still_due
    same(model, real)
    assert model.invocations == real.invocations["Reconciler"]


def test_orders_nobody_has_paid_are_cancelled_for_what_the_model_says() -> None:
    model, real = cancelled(2_000, 175)  # before any is looked at again

    same(model, real)
    assert model.invocations == real.invocations.total()


@pytest.mark.proof
@pytest.mark.timeout(600)
def test_orders_that_wait_for_the_platform_are_not_looked_at_before_their_turn_and_cost_what_the_model_says() -> None:
    model, real = cancelled(20_000, 535)

    assert 2 * 20_000 == pytest.approx(real.units["OrdersTable", "write"], rel=0.01)
    for name, times in compared(real.requests).items():
        assert times == pytest.approx(model.requests[name], rel=0.1, abs=20), name
    for name, units in real.units.items():
        assert units == pytest.approx(model.units[name], rel=0.1, abs=20), name


def cancelled(count: int, seconds: float) -> tuple[Pass, Used]:
    """So many orders, unpaid when their time is over, and what the model and the functions ask for from the first tick
    on."""
    with simulated_world() as built:
        orders = placed(built, count)
        built.start(off=OFF)
        with used(built) as real:
            built.clock.run(following("rate(3 minutes)", built.clock.now) + seconds)

        states = {order.status for order in built.platform.state.orders}

    model = expire(count, GIVEN, per_shard=per_shard(orders))
    assert {"cancelled"} == states
    return model, real


@sizes(2_000, 20_000)
def test_a_days_statement_asks_for_what_the_model_says(count: int) -> None:
    with simulated_world() as built:
        orders = placed(built, count)
        built.start(off=["Reconciler", "TokenRefresher", "ProductSync"])
        day = day_of(orders[0].created_at)
        with used(built) as real:
            built.invoke("DailyStatement", {"day": day})
            built.clock.run(built.clock.now + 800)  # before the watch looks for the second time

        report = json.loads(built.account.buckets["StatementsBucket"][f"statements/{day}.json"])

    found = Counter(day_shard_of(order) for order in orders)
    model = statement(count, GIVEN, per_shard=[found[f"{day}#{shard}"] for shard in range(DAY_SHARDS)])
    assert (True, count, count) == (
        report["complete"],
        *(report["total"][side]["orders"] for side in ("here", "there")),
    )
    same(model, real)
    assert model.invocations == real.invocations["DailyStatement"]


class NoCalls:
    """Tokens are only put in."""

    def refresh(self, refresh_token: str) -> TokenReply:
        raise AssertionError(refresh_token)

    def revoke(self, token: str) -> None:
        raise AssertionError(token)


def linked(built: World, count: int) -> list[str]:
    """So many members who came in this very second; their ids."""
    dynamodb, kms = built.account.client("dynamodb"), built.account.client("kms")
    tokens = Tokens(dynamodb, "MembersTable", kms, "TokenKey", NoCalls(), runtime=Runtime(clock=built.clock))
    ids, grants = [], built.platform.state.grants
    for n in range(count):
        open_id = f"ou_{n}"
        code = grants.issue_code(open_id, "profile orders", "", "", built.clock.now)
        issued = grants.exchange(code, "", "", built.clock.now)
        ids.append(member_id_for(APP_ID, open_id))
        given = {"access_token": issued.access_token, "refresh_token": issued.refresh_token}
        reply = TokenReply(**given, expires_in=7200, refresh_expires_in=30 * 86_400)
        tokens.link(ids[-1], UserProfile(open_id=open_id, nickname="", avatar_url=""), reply)
    return ids


def test_a_pass_over_members_asks_for_what_the_model_says() -> None:
    model, real = renewed(40)

    same(model, real)
    assert model.invocations == real.invocations["TokenRefresher"]


@pytest.mark.proof
@pytest.mark.timeout(600)
def test_a_pass_over_many_members_asks_for_what_the_model_says_of_each() -> None:
    model, real = renewed(20_000)

    # a town takes one task after the other, so that each renews more before its time is over: fewer are cut off
    for name in ("query", "send_message_batch", "lambda_delete"):
        for requests in (model.requests, real.requests):
            requests.pop(("sqs", name), 0)
            requests.pop(("dynamodb", name), 0)
    for units in (model.units, real.units):
        units.pop(("MembersTable/refresh", "read"))
    same(model, real)


def renewed(count: int) -> tuple[Pass, Used]:
    """So many members whose tokens run out together, and what the model and the functions ask for."""
    with simulated_world(parameters={"RefreshSchedule": "rate(1 day)"}) as built:
        members = linked(built, count)
        built.clock.run(built.clock.now + 7200 - 600)
        built.start(off=[name for name in built.functions if name != "TokenRefresher"])
        with used(built) as real:
            built.invoke("TokenRefresher", {})
            built.clock.run(built.clock.now + 2000)

    found = Counter(member_shard_of(member) for member in members)
    return refresh(count, GIVEN, per_shard=[found[shard] for shard in MEMBER_SHARDS]), real
