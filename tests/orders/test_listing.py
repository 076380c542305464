"""Lists of orders in the table: a member's own, and the merchant's by change, which misses nothing."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jiuwu.orders.cursor import Position
from jiuwu.orders.listing import (
    CHANGED_PAGE,
    MAX_WRITE_SECONDS,
    MEMBER_PAGE,
    SETTLING_SECONDS,
    SKEW_SECONDS,
    Changes,
    OrderListing,
)
from jiuwu.orders.order import Entry, Order, Status
from jiuwu.orders.repository import OrderStore
from jiuwu.runtime import Runtime
from sandbox.cloud import template
from sandbox.simulation.aws.account import Account
from tests.orders.stored import NOW, an_order

MEMBER, OTHER = "mb_aaaaaaaaaaaaaaaaaaaa", "mb_bbbbbbbbbbbbbbbbbbbb"


class Shop:
    """An orders table with a clock of its own."""

    def __init__(self, dynamodb: Any, table: str, settling: int = SETTLING_SECONDS) -> None:
        self.now = float(NOW)
        self._dynamodb, self._table = dynamodb, table
        runtime = Runtime(clock=lambda: self.now)
        self.store = OrderStore(dynamodb, table, runtime=runtime)
        self.listing = OrderListing(dynamodb, table, self.store, settling_seconds=settling, runtime=runtime)

    def put(self, number: int, **changes: Any) -> Order:
        return self.store.create(an_order(number, **changes))

    def write(self, order: Order, *, stamped: float) -> Order:
        """Change the order now, by a writer that read its clock at `stamped`."""
        writer = OrderStore(self._dynamodb, self._table, runtime=Runtime(clock=lambda: stamped))
        new = replace(order, ledger=(*order.ledger, Entry(f"t{order.version}", 1, NOW)))
        assert set() == writer.save_many([(order, new)])
        return replace(new, version=order.version + 1)

    def member_pages(self, member_id: str = MEMBER, status: Status | None = None) -> Iterator[list[Order]]:
        page = self.listing.of_member(member_id, status=status)
        yield page.orders
        while page.next:
            page = self.listing.of_member(member_id, status=status, start=page.next)
            yield page.orders

    def pull(self, wanted: Changes = Changes(), start: Position | None = None) -> tuple[list[Order], Position]:  # noqa: B008
        """Every page that there is now, and where the next pull goes on."""
        found, more = list[Order](), True
        while more:
            page = self.listing.changed(wanted, start)
            found, start, more = found + page.orders, page.next, page.more
        assert start is not None
        return found, start


@pytest.fixture(params=["local", "in memory"])
def shop(request: pytest.FixtureRequest) -> Shop:
    if request.param == "in memory":
        return in_memory()
    aws: Callable[[str], Any] = request.getfixturevalue("aws")
    return Shop(aws("dynamodb"), request.getfixturevalue("orders_table"))


def in_memory(settling: int = SETTLING_SECONDS) -> Shop:
    return Shop(Account.of_template(lambda: float(NOW)).client("dynamodb"), "OrdersTable", settling)


def numbers(orders: list[Order]) -> list[str]:
    return [order.order_no for order in orders]


# ── A member's own orders ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_member_sees_their_own_orders_newest_first_in_pages(shop: Shop) -> None:
    # some of the same second, also where a page ends
    mine = [shop.put(n, created_at=NOW + n // 3) for n in range(2 * MEMBER_PAGE + 5)]
    shop.put(1000, member_id=OTHER)

    pages = list(shop.member_pages())

    assert [MEMBER_PAGE, MEMBER_PAGE, 5] == [len(page) for page in pages]
    listed = [order for page in pages for order in page]
    assert sorted(numbers(mine)) == sorted(numbers(listed))
    assert sorted((order.created_at for order in mine), reverse=True) == [order.created_at for order in listed]


def test_a_member_without_orders_sees_none(shop: Shop) -> None:
    assert [[]] == list(shop.member_pages(OTHER))


def test_one_request_for_a_rare_status_reads_a_bounded_number_of_orders_and_gives_a_cursor(shop: Shop) -> None:
    paid = shop.put(0, created_at=NOW - 9, status=Status.PAID)
    for n in range(1, 6 * MEMBER_PAGE):
        shop.put(n, created_at=NOW + n)

    pages = list(shop.member_pages(status=Status.PAID))

    assert [[], [paid.order_no]] == [numbers(page) for page in pages]


# ── The merchant's list of changes ────────────────────────────────────────────────────────────────────────────────────


def test_changes_are_listed_in_their_order_once_they_are_settled(shop: Shop) -> None:
    orders = []
    for n in range(CHANGED_PAGE + 30):
        shop.now = NOW + n
        orders.append(shop.put(n))
    shop.now = NOW + SETTLING_SECONDS + CHANGED_PAGE + 30
    shop.write(orders[7], stamped=shop.now)

    first = shop.listing.changed(Changes())
    rest = shop.listing.changed(Changes(), first.next)

    expected = numbers([order for n, order in enumerate(orders) if n != 7])
    assert expected[:CHANGED_PAGE] == numbers(first.orders)
    assert expected[CHANGED_PAGE:] == numbers(rest.orders)
    assert (True, False) == (first.more, rest.more)
    assert NOW + CHANGED_PAGE + 30 == first.settled_until


def test_a_later_pull_goes_on_where_the_last_page_ended(shop: Shop) -> None:
    order = shop.put(0)
    nothing, start = shop.pull()
    shop.now += SETTLING_SECONDS + 1
    made, start = shop.pull(start=start)
    again, start = shop.pull(start=start)
    changed = shop.write(order, stamped=shop.now)
    shop.now += SETTLING_SECONDS + 1
    changes, _ = shop.pull(start=start)

    assert ([], [1], [], [2]) == (nothing, [o.version for o in made], again, [o.version for o in changes])
    assert changed == changes[0]


def test_since_is_included_and_until_is_not(shop: Shop) -> None:
    for n in range(4):
        shop.now = NOW + n
        shop.put(n)
    shop.now += 10 * SETTLING_SECONDS

    found, _ = shop.pull(Changes(since=NOW + 1, until=NOW + 3))

    assert numbers([an_order(1), an_order(2)]) == numbers(found)


@pytest.mark.parametrize(
    ("wanted", "places"),
    [
        (Changes(member_id=OTHER), [1, 3]),
        (Changes(status=Status.PAID), [2, 3]),
        (Changes(0, 0, Status.PAID, OTHER), [3]),
    ],
)
def test_filters_leave_out_what_does_not_match(shop: Shop, wanted: Changes, places: list[int]) -> None:
    kinds = [(MEMBER, Status.PLACED), (OTHER, Status.PLACED), (MEMBER, Status.PAID), (OTHER, Status.PAID)]
    for n, (member_id, status) in enumerate(kinds):
        shop.now = NOW + n
        shop.put(n, member_id=member_id, status=status)
    shop.now += 10 * SETTLING_SECONDS

    assert numbers([an_order(n) for n in places]) == numbers(shop.pull(wanted)[0])


def test_an_order_that_left_the_status_since_the_index_had_it_is_not_listed() -> None:
    shop = in_memory()
    order = shop.put(0, status=Status.PAID)
    shop.now += 2 * SETTLING_SECONDS
    found = shop.listing.changed(Changes(status=Status.PAID))
    shop.listing._table.query = _then(shop, order, shop.listing._table.query)  # type: ignore[method-assign]

    assert [order.order_no] == numbers(found.orders)
    assert [] == shop.listing.changed(Changes(status=Status.PAID)).orders


def _then(shop: Shop, order: Order, query: Callable[..., Any]) -> Callable[..., Any]:
    """Query, and ship the order right after its entry was read."""

    def asked(*given: Any, **more: Any) -> Any:
        page = query(*given, **more)
        if page.items:
            shop.store.save_many([(order, replace(order, status=Status.SHIPPED))])
        return page

    return asked


# ── Nothing is missed ─────────────────────────────────────────────────────────────────────────────────────────────────


class Write(NamedTuple):
    """A write of one order, so many seconds after the last event; its stamp is so much older, its clock off so far."""

    pause: int
    order: int
    delay: int
    skew: int


PULL = st.integers(0, 200)
WRITE = st.builds(
    Write,
    st.integers(0, 90),
    st.integers(0, 3),
    st.integers(0, MAX_WRITE_SECONDS),
    st.integers(-SKEW_SECONDS + 1, SKEW_SECONDS - 1),
)


def missed(events: list[Write | int], settling: int = SETTLING_SECONDS) -> set[str]:
    """Write and (an int: after so many seconds) pull; return the orders whose last state the reader does not have."""
    shop = in_memory(settling)
    orders = [shop.put(n) for n in range(4)]
    known, start = dict[str, Order](), None
    for event in [*events, 3 * SETTLING_SECONDS + MAX_WRITE_SECONDS]:
        shop.now += event if isinstance(event, int) else event.pause
        if isinstance(event, Write):
            stamped = shop.now - event.delay + event.skew
            orders[event.order] = shop.write(orders[event.order], stamped=stamped)
        else:
            found, start = shop.pull(start=start)
            known |= {order.order_no: order for order in found}
    return {order.order_no for order in orders if known.get(order.order_no) != order}


@settings(max_examples=60)
@given(st.lists(st.one_of(WRITE, PULL), max_size=14))
def test_whatever_writers_and_a_reader_do_the_last_state_of_each_order_arrives(events: list[Write | int]) -> None:
    assert set() == missed(events)


def slowest(settling: int) -> list[Write | int]:
    """A writer stamps, and hangs as long as it may; meanwhile another one writes, and the reader has that."""
    return [SETTLING_SECONDS, Write(300, 1, 0, 0), settling + 1, Write(0, 0, MAX_WRITE_SECONDS, 1 - SKEW_SECONDS)]


@pytest.mark.parametrize("wait", [0, MAX_WRITE_SECONDS, SETTLING_SECONDS])
def test_the_slowest_write_beside_a_pull_arrives(wait: int) -> None:
    assert set() == missed(slowest(wait))


@pytest.mark.parametrize("settling", [0, MAX_WRITE_SECONDS])
def test_with_a_shorter_settling_time_the_slowest_write_is_missed(settling: int) -> None:
    assert {an_order(0).order_no} == missed(slowest(settling), settling)


def test_no_function_that_writes_orders_lives_longer_than_the_longest_write() -> None:
    writers = {
        name: properties["Timeout"]
        for name, properties in template.resources("AWS::Serverless::Function").items()
        if "dynamodb:PartiQLUpdate" in str(properties["Policies"])
    }

    assert {"OrderProcessor", "Storefront", "BackOffice", "EffectDispatcher", "Reconciler"} == writers.keys()
    assert MAX_WRITE_SECONDS >= max(writers.values())
