"""The capacity model: its document is fresh, its passes do not grow with the number of orders, hot keys stay cool."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import msgspec
import pytest

from jiuwu.intake.inbox import Inbox
from jiuwu.intake.parser import Notice
from jiuwu.orders.events import Cancelled, Paid
from jiuwu.orders.repository import OrderStore
from jiuwu.orders.state_machine import Policy
from sandbox.capacity import expiry, inputs, report
from sandbox.capacity.__main__ import DOCUMENT, renewed
from sandbox.capacity.cost import per_million
from sandbox.capacity.days_statement import statement
from sandbox.capacity.expiry import expire
from sandbox.capacity.load import functions, limits
from sandbox.capacity.order import PerOrder, counted
from sandbox.capacity.reconciling import reconcile
from sandbox.capacity.renewals import refresh
from sandbox.capacity.simulation import Pass, Source, Task, work
from sandbox.cloud import template
from sandbox.simulation.aws.account import Account
from tests.orders.lives import NOW, PLACED

GIVEN = inputs.load()
CROWD = 10_000


def wider(times: float) -> inputs.Inputs:
    """A platform with so many times the rate."""
    return msgspec.structs.replace(GIVEN, setup=GIVEN.setup.wider(times))


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


def test_what_one_reader_goes_through_is_a_limit(order: PerOrder) -> None:
    met = {limit.name for limit in limits(1000, order, GIVEN, template.load()) if limit.share > 1}

    assert {"the reconciler's list of changes", "a day's statement in two hours", "platform calls, lane reading"} < met


def test_every_function_of_the_template_is_counted(order: PerOrder) -> None:
    counted_ones = {busy.function for busy in functions(10, order, GIVEN)}

    assert template.resources("AWS::Serverless::Function").keys() <= counted_ones


def test_the_clocks_are_those_of_the_template() -> None:
    parameters = template.load()["Parameters"]
    names = (
        "ReconcileSchedule",
        "RefreshSchedule",
        "ProductSyncSchedule",
        "RefreshAheadSeconds",
        "ProductCheckSeconds",
    )

    # as load.py and expiry.py have them
    assert ["rate(3 minutes)", "rate(5 minutes)", "rate(5 minutes)", 900, 2700] == [
        parameters[name]["Default"] for name in names
    ]
    assert expiry.CHECK_SECONDS == parameters["PaymentCheckSeconds"]["Default"]


def test_every_queue_of_the_template_is_in_the_document() -> None:
    text = DOCUMENT.read_text("utf-8")

    assert [] == [name for name in template.resources("AWS::SQS::Queue") if f"\n| {name} | " not in text]


def test_what_goes_by_the_clock_is_in_no_orders_bill(order: PerOrder) -> None:
    crowded = msgspec.structs.replace(GIVEN, shop=msgspec.structs.replace(GIVEN.shop, members=10**8, products=10**6))

    assert per_million(order, crowded, rate=10) == pytest.approx(per_million(order, GIVEN, rate=10))


def test_a_better_price_is_a_smaller_bill(order: PerOrder) -> None:
    cheaper = msgspec.structs.replace(GIVEN, prices=msgspec.structs.replace(GIVEN.prices, write_unit=0.0))

    assert per_million(order, cheaper, rate=10)["DynamoDB write units"] == 0
    assert sum(per_million(order, cheaper, rate=10).values()) < sum(per_million(order, GIVEN, rate=10).values())


@pytest.mark.parametrize("run", [reconcile, refresh, statement], ids=["orders", "members", "statement"])
def test_what_one_costs_does_not_grow_with_their_number(run: Callable[[int, inputs.Inputs], Pass]) -> None:
    few, many = run(20_000, GIVEN), run(1_000_000, GIVEN)

    assert many.dollars / 1_000_000 <= 1.02 * few.dollars / 20_000
    assert many.of("platform") <= 50 * few.of("platform")


@pytest.mark.parametrize("rate", [1, 10], ids=["the lane is narrow", "EffectDispatcher is"])
def test_what_a_cancellation_costs_does_not_grow_with_their_number(rate: float) -> None:
    """They wait hours for the platform, and nobody looks after one before its turn. Those that are over within a tick
    or two are listed once less by the platform, which is all the difference."""
    few, many, most = (expire(orders, wider(rate)) for orders in (20_000, 200_000, 1_000_000))

    assert [2, 2, 2] == [run.units["OrdersTable", "write"] / run.items for run in (few, many, most)]
    assert most.dollars / 1_000_000 <= 1.03 * many.dollars / 200_000
    assert most.dollars / 1_000_000 <= 1.15 * few.dollars / 20_000


def test_cancellations_by_too_few_hands_are_looked_at_again_and_cost_more() -> None:
    setup = GIVEN.setup.wider(10)
    one_hand = msgspec.structs.replace(setup, most_at_once=setup.most_at_once | {"EffectQueue": 1})
    slow = expire(50_000, msgspec.structs.replace(GIVEN, setup=one_hand))

    assert 2.5 * 50_000 < slow.units["OrdersTable", "write"]
    assert expire(50_000, wider(10)).dollars < slow.dollars


def test_a_slow_platform_is_what_a_big_pass_waits_for() -> None:
    slow, fast = reconcile(1_000_000, GIVEN), reconcile(1_000_000, wider(2))

    assert 500 == pytest.approx(slow.seconds, rel=0.02)
    assert 0.7 * slow.seconds > fast.seconds


@pytest.mark.parametrize(
    "limit",
    ["table_read_units", "table_write_units", "partition_write_units", "sqs_in_flight", "poller_concurrency"],
)
def test_a_pass_waits_for_each_limit_of_aws(limit: str) -> None:
    narrow = msgspec.structs.replace(wider(400).limits, **{limit: 2})
    held_up = msgspec.structs.replace(wider(400), limits=narrow)

    for run in (reconcile, refresh):
        assert 1.5 * run(20_000, wider(400)).seconds < run(20_000, held_up).seconds


def test_lambda_comes_to_read_a_queue_by_and_by() -> None:
    """Five tasks at once, and 300 more a minute: the tenth begins a second after the first."""
    begun: list[float] = []

    def step(_size: int, now: float) -> float:
        begun.append(now)
        return now + 60

    work(Pass(10, GIVEN), [Task(1, 1, step, ends_below=2) for _ in range(10)], Source(10, 100))

    assert 1.0 == pytest.approx(max(begun) - min(begun))


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
