"""Both sides' orders of a period are read a hundred at a time and compared, each once."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from jiuwu.orders.order import Order
from jiuwu.orders.repository import OrderStore
from jiuwu.platform.errors import BadReply
from jiuwu.platform.models import Page, RemoteOrder
from jiuwu.runtime import Runtime
from jiuwu.statements.comparison import Comparer, ListedThere, Period
from jiuwu.statements.totals import Totals
from sandbox.simulation.aws.account import Account
from tests.orders.lives import NOW, PAID, PLACED, REFUND
from tests.reconciliation.sides import payment, remote

PERIOD = Period(NOW - 100, NOW + 100)
LATER = NOW + 5_000


class Platform:
    """The platform's calls that a comparison makes, over these orders; what is unreadable fails in every query."""

    def __init__(self, *orders: RemoteOrder, unreadable: Sequence[str] = (), next_cursor: str = "") -> None:
        self.orders = {order.out_order_no: order for order in orders}
        self.unreadable, self.next_cursor = unreadable, next_cursor
        self.queries: list[list[str]] = []
        self.listed: list[tuple[int, str]] = []

    def query_orders(self, numbers: Sequence[str]) -> list[RemoteOrder]:
        self.queries.append(list(numbers))
        if set(numbers) & set(self.unreadable):
            raise BadReply("orders.query", field="data.orders", problem="expected a list")
        return [self.orders[number] for number in numbers if number in self.orders]

    def changed_orders(self, since: int, page: str) -> Page:
        self.listed.append((since, page))
        return Page(orders=tuple(self.orders.values()), next_cursor=self.next_cursor, unreadable=tuple(self.unreadable))


def numbered(number: int, order: Order = PAID, **changes: Any) -> Order:
    return replace(order, order_no=f"JW{number:022}", **changes)


def theirs(order: Order, **changes: Any) -> RemoteOrder:
    return remote("paid", [payment()], out_order_no=order.order_no, **changes)


def comparer(platform: Platform, orders: Iterable[Order] = (), *, now: float = LATER) -> Comparer:
    store = OrderStore(Account.of_template(lambda: now).client("dynamodb"), "OrdersTable")
    for order in orders:
        store.create(order)
    made: Any = platform
    return Comparer(store, lambda: made, REFUND, PERIOD, Runtime(clock=lambda: now))


@pytest.mark.parametrize(
    ("at", "inside"), [(NOW - 101, False), (NOW - 100, True), (NOW + 99, True), (NOW + 100, False)]
)
def test_a_period_begins_at_its_first_second_and_ends_before_its_last(at: int, *, inside: bool) -> None:
    assert inside == (at in PERIOD)


def counted(totals: Totals) -> dict[str, int]:
    """How many orders have each state here, and how many differ."""
    return {state: sums.orders for state, sums in totals.here.items()} | {"differing": totals.differing}


def test_orders_that_agree_are_counted_and_do_not_differ() -> None:
    orders = [numbered(n) for n in range(3)]
    platform = Platform(*map(theirs, orders))

    totals = comparer(platform, orders).known_here([order.order_no for order in orders])

    assert {"paid": 3, "differing": 0} == counted(totals)
    assert totals.there == totals.here
    assert [[order.order_no for order in orders]] == platform.queries


def test_orders_made_outside_the_period_are_left_out_and_not_asked_about() -> None:
    inside, before = numbered(1), numbered(2, created_at=NOW - 101)
    platform = Platform(theirs(inside), theirs(before))

    totals = comparer(platform, [inside, before]).known_here([inside.order_no, before.order_no])

    assert {"paid": 1, "differing": 0} == counted(totals)
    assert [[inside.order_no]] == platform.queries


def test_a_hundred_orders_are_one_query_and_more_are_several() -> None:
    orders = [numbered(n) for n in range(201)]
    platform = Platform(*map(theirs, orders))

    totals = comparer(platform, orders).known_here(order.order_no for order in orders)

    assert [100, 100, 1] == [len(query) for query in platform.queries]
    assert {"paid": 201, "differing": 0} == counted(totals)


def test_an_order_that_cannot_be_read_is_uncompared_and_costs_no_other() -> None:
    orders = [numbered(n) for n in range(3)]
    unreadable = orders[1].order_no
    platform = Platform(*map(theirs, orders), unreadable=[unreadable])

    totals = comparer(platform, orders).known_here([order.order_no for order in orders])

    assert {"paid": 2, "differing": 0} == counted(totals)
    assert (1, False) == (totals.uncompared, totals.complete)
    assert totals.problems[0].startswith(f"{unreadable}: ")


@pytest.mark.parametrize(("seconds", "differing", "waiting"), [(359, 0, 1), (360, 1, 0)])
def test_a_change_is_a_difference_once_the_reconciler_had_two_passes_for_it(
    seconds: int, differing: int, waiting: int
) -> None:
    order = numbered(1, PLACED)
    there = theirs(order, updated_at=NOW + 1000)

    totals = comparer(Platform(there), [order], now=NOW + 1000 + seconds).known_here([order.order_no])

    assert (differing, waiting) == (totals.differing, totals.waiting)


# ── What only the platform has ────────────────────────────────────────────────────────────────────────────────────────


def listed(platform: Platform, orders: Iterable[Order] = (), counted: Iterable[str] = ()) -> ListedThere:
    return comparer(platform, orders).changed_there("page-1", counted=counted)


def numbers(found: ListedThere) -> list[str]:
    return [line.order_no for line in found.totals.differences]


def test_an_order_of_the_list_that_we_do_not_have_is_missing_here() -> None:
    ours, missing = numbered(1), numbered(2)
    platform = Platform(theirs(ours), theirs(missing), next_cursor="page-2")

    found = listed(platform, [ours])

    assert [missing.order_no] == numbers(found)
    assert ("page-2", [(NOW - 100, "page-1")]) == (found.next_page, platform.listed)
    assert 1 == found.trail.pages


def test_an_order_of_the_list_made_outside_the_period_is_left_out_unless_nobody_knows_when() -> None:
    before, unknown = numbered(1), numbered(2)
    platform = Platform(theirs(before, created_at=NOW - 101), theirs(unknown, created_at=0))

    assert [unknown.order_no] == numbers(listed(platform))


def test_an_order_of_the_list_that_an_earlier_page_counted_is_left_out() -> None:
    one, other = numbered(1), numbered(2)

    assert [other.order_no] == numbers(listed(Platform(theirs(one), theirs(other)), counted=[one.order_no]))


def test_an_unreadable_order_of_the_list_is_uncompared() -> None:
    assert 1 == listed(Platform(unreadable=["orders[0]: expected an object"])).totals.uncompared


def test_a_list_that_makes_no_progress_ends_with_the_problem() -> None:
    found = listed(Platform(theirs(numbered(1)), next_cursor="page-1"))

    assert "" == found.next_page
    [problem] = found.totals.problems
    assert problem.startswith("the platform's list makes no progress: ")
    assert 1 == found.totals.differing
