"""Refunds that the merchant asks for, as they are written down: once per request, however often it comes."""

import pytest

from jiuwu.checkout.refunds import Refunds
from jiuwu.orders.order import Order
from jiuwu.orders.repository import OrderStore
from jiuwu.orders.state_machine import Policy, apply
from jiuwu.runtime import Runtime
from sandbox.simulation.aws.account import Account
from tests.effects.both_receivers import NUMBER
from tests.orders.lives import NOW, PAID, REFUND, order_of, refunded


@pytest.fixture
def store() -> OrderStore:
    """A table with one order, of 12.34 yuan and paid."""
    made = OrderStore(Account.of_template(lambda: NOW).client("dynamodb"), "OrdersTable")
    made.create(PAID)
    return made


@pytest.fixture
def refunds(store: OrderStore) -> Refunds:
    return Refunds(store, Policy(), queue=lambda _: None, runtime=Runtime(clock=lambda: NOW))


def now_in(store: OrderStore) -> Order:
    order = store.get(NUMBER)
    assert order
    return order


@pytest.mark.parametrize("fen", [None, 1234], ids=["all", "that much"])
def test_the_same_request_gets_what_the_platform_left_of_it(
    refunds: Refunds, store: OrderStore, fen: int | None
) -> None:
    refunds.request(NUMBER, "r1", fen)
    order = now_in(store)
    store.save_many([(order, order_of(order, apply(order, refunded("r9", "t1", 1000), policy=REFUND)))])

    again = refunds.request(NUMBER, "r1", fen)

    assert (234, True) == (again.amount_fen, again.repeated)
    assert 234 == sum(effect.fen for _, effect in now_in(store).effects)
