"""Orders that the platform does not take, for their own sake or for its own: whom they may hold up, and whom not."""

from dataclasses import replace
from itertools import count

import pytest

from jiuwu.orders.codec import shard_of
from jiuwu.orders.effect_key import ReturnPoints
from jiuwu.orders.ids import order_no_for
from jiuwu.orders.order import Status
from jiuwu.reconciliation.shard_tasks import ShardTask
from tests.functions.platform_stand_in import Fault, down, refuses, unheard
from tests.functions.reconciler_rig import LATER, Clockwork
from tests.functions.test_reconciler_points import balance, for_points

# Codes that no profile lists, and that concern the order itself.
_ITS_OWN_FAULT = [12345, 10001, 50003, 50001]


@pytest.mark.parametrize("code", _ITS_OWN_FAULT)
def test_orders_that_are_refused_for_their_own_sake_do_not_keep_others_from_being_placed(
    clockwork: Clockwork, code: int
) -> None:
    numbers = clockwork.orders_of("3", 6, there=False)
    clockwork.sides.platform.fail("orders.create", *[refuses(code)] * 5)

    answer = clockwork.run()

    orders = [clockwork.sides.order(number) for number in numbers]
    assert {Status.CREATED: 5, Status.PLACED: 1} == {one: sum(order.status is one for order in orders) for one in _NEW}
    assert 5 == len(answer["problems"])


_NEW = (Status.CREATED, Status.PLACED)


@pytest.mark.parametrize("fault", [refuses(12345), unheard], ids=["refused", "its reply never comes"])
def test_an_order_that_may_be_the_trouble_itself_comes_first_in_no_tick_again(
    clockwork: Clockwork, fault: Fault
) -> None:
    (number,) = clockwork.orders_of("3", 1, there=False)
    clockwork.sides.platform.fail_always("orders.create", fault)

    clockwork.run()

    order = clockwork.sides.order(number)
    assert (Status.CREATED, True) == (order.status, order.due_at > LATER)


@pytest.mark.parametrize("fault", [down, refuses(90001), refuses(20001)], ids=["down", "busy", "another secret"])
def test_an_order_that_the_platform_could_not_take_is_the_next_ticks(clockwork: Clockwork, fault: Fault) -> None:
    (number,) = clockwork.orders_of("3", 1, there=False)
    clockwork.sides.platform.fail_always("orders.create", fault)

    clockwork.run()

    assert clockwork.sides.order(number).due_at <= LATER


def another_key(clockwork: Clockwork, shard: str) -> str:
    keys = (f"another-{n}" for n in count())
    return next(key for key in keys if shard_of(order_no_for(clockwork.sides.member()[1], key)) == shard)


def test_a_platform_that_takes_no_orders_is_still_requested_what_became_of_the_others(clockwork: Clockwork) -> None:
    clockwork.orders_of("3", 100, there=False)
    paid = clockwork.order(another_key(clockwork, "3"))
    clockwork.sides.platform.pay(paid)
    order = clockwork.sides.order(paid)
    # the last of its shard, on a page of its own
    clockwork.sides.store.save_many([(order, replace(order, due_at=LATER - 1))])
    clockwork.sides.platform.fail_always("orders.create", refuses(90001))

    clockwork.sides.now = LATER + 100  # the payment's notification has had its time

    clockwork.put(ShardTask("3", LATER + 100))

    assert Status.PAID is clockwork.sides.order(paid).status


def test_an_order_that_the_platforms_review_refuses_is_cancelled_and_requested_no_more(clockwork: Clockwork) -> None:
    (number,) = clockwork.orders_of("3", 1, there=False)
    clockwork.sides.platform.fail_always("orders.create", refuses(60001))

    answer = clockwork.run()
    clockwork.sides.now += 1
    clockwork.run()

    order = clockwork.sides.order(number)
    assert (Status.CANCELLED, 0, 1) == (order.status, order.due_at, clockwork.sides.platform.count("orders.create"))
    assert [f"{number}: not placed: content_refused"] == answer["problems"]


def test_an_order_for_points_that_the_platforms_review_refuses_gives_them_back(clockwork: Clockwork) -> None:
    number = for_points(clockwork)
    clockwork.sides.platform.fail_always("orders.create", refuses(60001))

    clockwork.run()

    order = clockwork.sides.order(number)
    assert (Status.CANCELLED, (ReturnPoints(),), 400) == (order.status, order.pending, balance(clockwork))
