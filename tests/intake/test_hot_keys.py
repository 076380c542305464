"""Hot keys: what very many notifications of one order cost, and whether twenty processors of one order all succeed."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from jiuwu.intake.inbox import Inbox
from jiuwu.intake.parser import Notice
from jiuwu.orders.events import Cancelled, Paid
from jiuwu.orders.repository import OrderStore
from jiuwu.orders.state_machine import Policy
from sandbox.simulation.aws.account import Account
from tests.orders.lives import NOW, PLACED

CROWD = 10_000


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


def test_ten_thousand_notifications_with_new_facts_leave_a_small_item() -> None:
    account, store = crowd(
        [notice(Paid("evt-0", NOW + 60, "t1", 1234, NOW))]
        + [notice(Cancelled(f"evt-{n}", NOW + 60 + n // 10)) for n in range(1, CROWD)]
    )

    order = store.get(PLACED.order_no)
    assert order is not None
    assert len(order.history) <= 24
    assert CROWD / 10 == account.calls.counts["dynamodb", "batch_execute_statement"]
    assert account.calls.units["OrdersTable", "write"] <= 3 * CROWD / 10


def test_twenty_processors_at_one_order_take_all_in_before_any_becomes_a_dead_letter() -> None:
    account, store = crowd([notice(Paid("evt-0", NOW + 60, "t1", 1234, NOW))])
    account.calls.on_call = lambda *_: time.sleep(0.003)  # each call takes 6 ms, as DynamoDB's do
    remaining = [
        [notice(Cancelled(f"evt-{n}", NOW + 60)) for n in range(start, start + 10)] for start in range(1, 801, 10)
    ]

    def failed(notices: Sequence[Notice]) -> bool:
        taken = Inbox(store, Policy(), lambda _: {}).take_in(notices)
        return "failed" in {result.outcome for result in taken.results}

    for _ in range(2):  # the queue hands a message out five times
        with ThreadPoolExecutor(20) as processors:
            remaining = [
                notices for notices, again in zip(remaining, processors.map(failed, remaining), strict=True) if again
            ]

    assert [] == remaining
