"""GET /orders of a member, and GET /merchant/orders of the merchant's ERP, with the local AWS."""

from collections.abc import Iterator
from types import ModuleType
from urllib.parse import urlencode

import pytest

from jiuwu.orders.effect_key import Ship
from jiuwu.orders.ids import order_no_for
from jiuwu.orders.listing import SETTLING_SECONDS
from jiuwu.orders.order import Effect, Order
from sandbox.openapi import replies
from tests.functions.both_sides import MERCHANT_KEY, NOW, Sides
from tests.functions.conftest import warm
from tests.functions.storefront_rig import Answer, Customer
from tests.functions.test_back_office import EVENT, Merchant
from tests.orders.stored import an_order


@pytest.fixture(scope="module")
def back_office(cloud: object) -> Iterator[ModuleType]:
    yield from warm("back_office")


@pytest.fixture(scope="module")
def storefront(cloud: object) -> Iterator[ModuleType]:
    yield from warm("storefront")


@pytest.fixture
def customer(storefront: ModuleType, sides: Sides) -> Customer:
    return Customer(storefront, sides)


@pytest.fixture
def merchant(back_office: ModuleType, sides: Sides) -> Merchant:
    return Merchant(back_office, sides)


def listed(customer: Customer, **query: str) -> Answer:
    return customer.ask("GET", "/orders", rawQueryString=urlencode(query))


def pulled(merchant: Merchant, **query: str) -> Answer:
    http = EVENT["requestContext"]["http"] | {"method": "GET", "path": "/merchant/orders"}
    route = {"rawPath": "/merchant/orders", "requestContext": EVENT["requestContext"] | {"http": http}}
    headers = {"authorization": f"Bearer {MERCHANT_KEY}"}
    return merchant.send(EVENT | route | {"headers": headers, "rawQueryString": urlencode(query), "body": ""})


def paid(merchant: Merchant) -> Order:
    """A paid order of a member whom no other test has."""
    number = order_no_for(merchant.member_id, "1")
    return merchant.sides.put(merchant.paid(), order_no=number, member_id=merchant.member_id)


def numbers(answer: Answer) -> list[str]:
    assert 200 == answer.status, answer.body
    return [order["order_no"] for order in answer.body["orders"]]


# ── Members ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_member_sees_each_order_in_a_list_on_any_device_newest_first(customer: Customer, sides: Sides) -> None:
    first = customer.buy("one").order_no
    sides.now += 60
    second = customer.buy("two").order_no
    customer.session = sides.log_in()  # another device

    answer = listed(customer)

    assert [second, first] == numbers(answer)
    assert "cursor" not in answer.body
    replies.check(replies.OrderPage, answer.body)
    assert customer.look(first).body == answer.body["orders"][1]


def test_no_member_sees_orders_of_another_one_also_not_with_their_cursor(
    storefront: ModuleType, customer: Customer, sides: Sides
) -> None:
    for n in range(21):
        sides.store.create(an_order(n, order_no=f"JW{'A' * 20}{chr(65 + n)}A", member_id=customer.member_id))
    cursor = listed(customer).body["cursor"]
    stranger = Customer(storefront, sides, "bao")

    assert [] == numbers(listed(stranger))
    refused = listed(stranger, cursor=cursor)
    assert (400, "cursor_of_another_list", "cursor") == (refused.status, refused.body["reason"], refused.body["field"])
    assert 1 == len(numbers(listed(customer, cursor=cursor)))


def test_a_list_needs_a_session(customer: Customer) -> None:
    assert 401 == customer.ask("GET", "/orders", session=None).status


def test_a_member_lists_the_orders_of_one_status(customer: Customer) -> None:
    number = customer.buy().order_no

    assert [number] == numbers(listed(customer, status="placed"))
    assert [] == numbers(listed(customer, status="paid"))


BAD_LISTS = {
    "an unknown status": ({"status": "sold"}, "status_unknown", "status"),
    "a status in capitals": ({"status": "PAID"}, "status_unknown", "status"),
    "no cursor of ours": ({"cursor": "x"}, "cursor_malformed", "cursor"),
    "a cursor in Chinese": ({"cursor": "游标"}, "cursor_malformed", "cursor"),
    "a cursor without end": ({"cursor": "A" * 5000}, "cursor_malformed", "cursor"),
}
BAD_PULLS = BAD_LISTS | {
    "a date": ({"since": "2026-11-23"}, "time_malformed", "since"),
    "a negative time": ({"since": "-1"}, "time_malformed", "since"),
    "a time with a fraction": ({"until": "1763800000.5"}, "time_malformed", "until"),
    "milliseconds": ({"until": "1763800000000"}, "time_malformed", "until"),
    "full-width digits": ({"since": "１７６３８０００００"}, "time_malformed", "since"),
    "an empty period": ({"since": "5", "until": "5"}, "period_empty", "until"),
    "until the beginning": ({"until": "0"}, "period_empty", "until"),
    "no member id": ({"member": "ou_lan"}, "member_malformed", "member"),
}


@pytest.mark.parametrize(("query", "reason", "field"), BAD_LISTS.values(), ids=BAD_LISTS.keys())
def test_a_wrong_query_of_a_member_is_told_its_reason(
    customer: Customer, query: dict[str, str], reason: str, field: str
) -> None:
    answer = listed(customer, **query)

    assert (400, reason, field) == (answer.status, answer.body["reason"], answer.body["field"])


# ── The merchant ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_erp_hears_of_each_change_once_it_is_settled_and_of_nothing_twice(merchant: Merchant, sides: Sides) -> None:
    order = paid(merchant)
    start = pulled(merchant, member=order.member_id).body["cursor"]
    sides.now += SETTLING_SECONDS + 1
    bought = pulled(merchant, member=order.member_id, cursor=start)
    nothing = pulled(merchant, member=order.member_id, cursor=bought.body["cursor"])
    merchant.refund(order.order_no)
    sides.now += SETTLING_SECONDS + 1
    refunding = pulled(merchant, member=order.member_id, cursor=nothing.body["cursor"])

    assert ([order.order_no], [], [order.order_no]) == tuple(map(numbers, (bought, nothing, refunding)))
    assert (False, NOW + SETTLING_SECONDS + 1 - SETTLING_SECONDS) == (bought.body["more"], bought.body["settled_until"])
    for answer in (bought, refunding):
        replies.check(replies.ChangedOrders, answer.body)
    (shown,) = refunding.body["orders"]
    assert (1234, NOW + SETTLING_SECONDS + 1) == (shown["refunding_fen"], shown["changed_at"])


def test_what_was_confirmed_to_us_alone_is_no_change(merchant: Merchant, sides: Sides) -> None:
    order = paid(merchant)
    sides.now += SETTLING_SECONDS + 1
    start = pulled(merchant, member=order.member_id).body["cursor"]
    read = sides.order(order.order_no)
    assert set() == sides.store.save_many([(read, read.with_effect(Ship(), Effect(attempts=2)))])
    sides.now += SETTLING_SECONDS + 1

    assert [] == numbers(pulled(merchant, member=order.member_id, cursor=start))


def test_an_erp_narrows_its_pull(merchant: Merchant, sides: Sides) -> None:
    order = paid(merchant)
    sides.now += SETTLING_SECONDS + 1
    member = {"member": order.member_id}

    assert [order.order_no] == numbers(pulled(merchant, **member, status="paid", since=str(NOW), until=str(NOW + 1)))
    assert [] == numbers(pulled(merchant, **member, status="shipped"))
    assert [] == numbers(pulled(merchant, **member, since=str(NOW + 1)))
    assert [] == numbers(pulled(merchant, **member, until=str(NOW)))


@pytest.mark.parametrize(("query", "reason", "field"), BAD_PULLS.values(), ids=BAD_PULLS.keys())
def test_a_wrong_query_of_the_merchant_is_told_its_reason(
    merchant: Merchant, query: dict[str, str], reason: str, field: str
) -> None:
    answer = pulled(merchant, **query)

    assert (400, reason, field) == (answer.status, answer.body["reason"], answer.body["field"])


def test_a_cursor_goes_with_its_filters(merchant: Merchant) -> None:
    cursor = pulled(merchant, status="paid").body["cursor"]

    assert "cursor_of_another_list" == pulled(merchant, status="shipped", cursor=cursor).body["reason"]


def test_a_list_needs_the_merchants_key(merchant: Merchant) -> None:
    assert 401 == merchant.ask("GET", "/merchant/orders", authorization="Bearer nobody").status
