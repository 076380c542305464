"""A writer of an order that others write at the same time succeeds in the end."""

from typing import Any

import pytest

from jiuwu.checkout.refunds import OrderBusy, Refunds
from jiuwu.intake.inbox import Inbox
from jiuwu.intake.parser import Notice
from jiuwu.orders.order import Order
from jiuwu.orders.repository import OrderStore
from jiuwu.orders.state_machine import Policy
from jiuwu.runtime import Runtime
from sandbox.simulation.aws.account import Account
from tests.effects.both_receivers import NUMBER, Bus, Platform, dispatch, now_in, unfinished
from tests.orders.lives import NOW, PAID, PLACED, SHIPPED, paid

MAX_LOST = 8


class Rushed(OrderStore):
    """A store in which someone else is always faster, so many times."""

    def __init__(self, order: Order, times: int) -> None:
        account = Account.of_template(lambda: NOW)
        super().__init__(account.client("dynamodb"), "OrdersTable", runtime=Runtime(sleep=lambda _: None))
        self.times = times
        self.create(order)

    def save_many(self, pairs: Any) -> set[str]:
        if not self.times:
            return super().save_many(pairs)
        self.times -= 1
        return {old.order_no for old, _ in pairs}


def test_a_notification_that_loses_eight_rounds_is_taken_in() -> None:
    taken = Inbox(Rushed(PLACED, MAX_LOST), Policy(), lambda _: {}).take_in([Notice(PLACED.order_no, "P1", paid())])

    assert ["applied"] == [result.outcome for result in taken.results]


def test_a_refund_that_loses_eight_rounds_is_requested() -> None:
    refunds = Refunds(Rushed(PAID, MAX_LOST), Policy(), queue=lambda _: None, runtime=Runtime(clock=lambda: NOW))

    assert 100 == refunds.request(NUMBER, "r1", 100).amount_fen


def test_a_refund_that_loses_every_round_may_be_requested_again() -> None:
    with pytest.raises(OrderBusy):
        Refunds(Rushed(PAID, 99), Policy(), queue=lambda _: None, runtime=Runtime(clock=lambda: NOW)).request(
            NUMBER, "r1", 100
        )


def test_an_effect_confirmed_that_loses_eight_rounds_is_written_down() -> None:
    store = Rushed(SHIPPED, MAX_LOST)

    assert not unfinished(dispatch(store, Bus(), Platform()))
    assert () == now_in(store).pending
