"""The capacity model: its document is fresh, its passes do not grow with the number of orders, hot keys stay cool."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import msgspec
import pytest

from jiuwu.trade.events import Cancelled, Paid
from jiuwu.trade.inbox import Inbox
from jiuwu.trade.machine import Policy
from jiuwu.trade.notices import Notice
from jiuwu.trade.store import OrderStore
from sandbox.capacity import inputs, report, simulation
from sandbox.capacity.__main__ import DOCUMENT, renewed
from sandbox.capacity.cost import per_million
from sandbox.capacity.load import limits
from sandbox.capacity.order import PerOrder, counted
from sandbox.cloud import template
from sandbox.memory.account import Account
from tests.trade.lives import NOW, PLACED

GIVEN = inputs.load()
CROWD = 10_000


@pytest.fixture(scope="module")
def order() -> PerOrder:
    return counted()


def test_the_document_holds_what_is_counted_now(order: PerOrder) -> None:
    text = DOCUMENT.read_text("utf-8")

    # else: make capacity
    assert renewed(text, report.render(order, GIVEN, template.load())) == text


def test_the_first_limit_at_a_thousand_orders_a_second_is_the_platforms(order: PerOrder) -> None:
    first = limits(1000, order, GIVEN, template.load())[0]

    assert first.name.startswith("platform calls")
    assert first.share > 1


def test_a_better_price_is_a_smaller_bill(order: PerOrder) -> None:
    cheaper = msgspec.structs.replace(GIVEN, prices=msgspec.structs.replace(GIVEN.prices, write_unit=0.0))

    assert per_million(order, cheaper, rate=10)["DynamoDB write units"] == 0
    assert sum(per_million(order, cheaper, rate=10).values()) < sum(per_million(order, GIVEN, rate=10).values())


@pytest.mark.parametrize("run", [simulation.reconcile, simulation.refresh], ids=["orders", "members"])
def test_what_one_costs_does_not_grow_with_their_number(
    run: Callable[[int, inputs.Inputs], simulation.Pass],
) -> None:
    few, many = run(20_000, GIVEN), run(1_000_000, GIVEN)

    assert many.dollars(GIVEN) / 1_000_000 <= 1.02 * few.dollars(GIVEN) / 20_000
    assert many.requests["platform"] <= 50 * few.requests["platform"]


def test_a_slow_platform_is_what_a_big_pass_waits_for() -> None:
    slow = simulation.reconcile(1_000_000, GIVEN)
    shop = msgspec.structs.replace(GIVEN.shop, reading_calls_per_second=2 * GIVEN.shop.reading_calls_per_second)
    fast = simulation.reconcile(1_000_000, msgspec.structs.replace(GIVEN, shop=shop))

    assert 500 == pytest.approx(slow.seconds, rel=0.02)
    assert 0.7 * slow.seconds > fast.seconds


# ---- hot keys


def crowd(events: list[Notice]) -> tuple[Account, OrderStore]:
    """One order, and as many notifications of it in batches of ten."""
    account = Account.of_template(lambda: NOW)
    store = OrderStore(account.client("dynamodb"), "OrdersTable")
    store.create(replace(PLACED, version=0))
    box = Inbox(store, Policy(), lambda _: {})
    for start in range(0, len(events), 10):
        box.take_in(events[start : start + 10])
    return account, store


def notice(event: Paid | Cancelled) -> Notice:
    return Notice(PLACED.order_no, "P1", event)


def test_ten_thousand_notifications_of_one_payment_cost_one_write() -> None:
    account, store = crowd([notice(Paid(f"evt-{n}", NOW + 60, "t1", 1234, NOW)) for n in range(CROWD)])

    order = store.get(PLACED.order_no)
    assert order is not None
    assert (1, 2) == (len(order.payments), order.version)
    assert CROWD / 10 + 1 == account.calls.counts["dynamodb", "batch_get_item"]
    assert 1 == account.calls.counts["dynamodb", "batch_execute_statement"]


def test_ten_thousand_notifications_that_say_new_things_leave_a_small_item() -> None:
    account, store = crowd(
        [notice(Paid("evt-0", NOW + 60, "t1", 1234, NOW))]
        + [notice(Cancelled(f"evt-{n}", NOW + 60 + n // 10)) for n in range(1, CROWD)]
    )

    order = store.get(PLACED.order_no)
    assert order is not None
    assert len(order.history) <= 24
    assert CROWD / 10 == account.calls.counts["dynamodb", "batch_execute_statement"]
    assert account.calls.units["OrdersTable", "write"] <= 3 * CROWD / 10


def test_twenty_processors_at_one_order_take_all_in_long_before_anything_is_given_up() -> None:
    account, store = crowd([notice(Paid("evt-0", NOW + 60, "t1", 1234, NOW))])
    account.calls.on_call = lambda *_: time.sleep(0.003)  # each call takes 6 ms, as DynamoDB's do
    left = [[notice(Cancelled(f"evt-{n}", NOW + 60)) for n in range(start, start + 10)] for start in range(1, 801, 10)]

    def lost(notices: list[Notice]) -> bool:
        taken = Inbox(store, Policy(), lambda _: {}).take_in(notices)
        return "failed" in {result.outcome for result in taken.results}

    for _ in range(2):  # the queue hands a message out five times
        with ThreadPoolExecutor(20) as processors:
            left = [notices for notices, again in zip(left, processors.map(lost, left), strict=True) if again]

    assert [] == left
