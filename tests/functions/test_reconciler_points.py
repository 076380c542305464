"""Orders for points whose process died somewhere, and payments of nothing: what the reconciler makes of them."""

from dataclasses import replace

from jiuwu.orders.effect_key import PushStatus, ReturnPoints, Ship, SpendPoints
from jiuwu.orders.events import Cancelled, EffectDone, Paid, Placed
from jiuwu.orders.order import Line, Status
from jiuwu.orders.placement import new_order
from sandbox.simulator import orders as platform
from tests.functions.both_sides import NOW
from tests.functions.reconciler_rig import Clockwork
from tests.orders.lives import after

FREE_TEA = Line("tea", "龙井", 2, 0)


def for_points(clockwork: Clockwork, *, granted: int = 1000, reserved: bool = False) -> str:
    """An order of 600 points that nobody has placed yet; its number."""
    sides = clockwork.sides
    open_id, member_id = sides.member()
    made = new_order(member_id, open_id, "key-1", (FREE_TEA,), now=NOW, check_seconds=180, points=600)
    sides.ledger.grant(member_id, "welcome", granted, at=NOW)
    if reserved:
        sides.ledger.reserve(member_id, made.order_no, 600, at=NOW)
    return sides.put(made).order_no


def balance(clockwork: Clockwork) -> int:
    return clockwork.sides.ledger.balance(clockwork.sides.member()[1])


def put_there(clockwork: Clockwork, order_no: str) -> None:
    """The platform has it, as it takes such an order."""
    requested = platform.NewOrder(order_no, 0, (platform.Item("tea", "龙井", 2, 0),))
    placed = platform.place(requested, clockwork.sides.member()[0], NOW)
    clockwork.sides.platform.orders[order_no] = platform.pay(placed, 0, "free", NOW)


def test_an_order_whose_process_died_before_the_reservation_is_reserved_and_placed(clockwork: Clockwork) -> None:
    order_no = for_points(clockwork)

    clockwork.run()

    order = clockwork.sides.order(order_no)
    assert (Status.PAID, (Ship(), SpendPoints()), 400) == (order.status, order.pending, balance(clockwork))


def test_an_order_whose_process_died_after_the_reservation_is_placed_and_reserves_nothing_more(
    clockwork: Clockwork,
) -> None:
    order_no = for_points(clockwork, reserved=True)

    clockwork.run()
    clockwork.one(order_no)

    assert (Status.PAID, 400) == (clockwork.sides.order(order_no).status, balance(clockwork))


def test_an_order_whose_process_died_after_it_was_placed_is_paid(clockwork: Clockwork) -> None:
    order_no = for_points(clockwork, reserved=True)
    put_there(clockwork, order_no)

    clockwork.run()

    assert (Status.PAID, 400) == (clockwork.sides.order(order_no).status, balance(clockwork))


def test_an_order_for_which_the_points_are_gone_is_cancelled_and_never_gets_to_the_platform(
    clockwork: Clockwork,
) -> None:
    order_no = for_points(clockwork, granted=599)

    clockwork.run()

    order = clockwork.sides.order(order_no)
    assert (Status.CANCELLED, (ReturnPoints(),), 599) == (order.status, order.pending, balance(clockwork))
    assert {} == clockwork.sides.platform.orders


def test_an_order_that_was_cancelled_while_it_was_on_its_way_there_is_cancelled_there_too(clockwork: Clockwork) -> None:
    order_no = for_points(clockwork, reserved=True)
    order = clockwork.sides.order(order_no)
    cancelled = replace(after(order, Cancelled("reconcile:cancelled", NOW)), due_at=NOW)
    clockwork.sides.store.save_many([(order, cancelled)])
    put_there(clockwork, order_no)

    clockwork.run()

    assert (ReturnPoints(), PushStatus("cancelled")) == clockwork.sides.order(order_no).pending
    there = platform.push(clockwork.sides.platform.orders[order_no], "cancelled", "r1", NOW)
    assert "cancelled" == there.status


def test_a_cancelled_order_that_the_platform_takes_as_paid_with_nothing_is_cancelled_there(
    clockwork: Clockwork,
) -> None:
    order_no = for_points(clockwork, reserved=True)
    put_there(clockwork, order_no)
    order = clockwork.sides.order(order_no)
    number = clockwork.sides.platform.orders[order_no].platform_order_no
    known = after(
        order, Cancelled("reconcile:cancelled", NOW), Placed(NOW, number), EffectDone(NOW, PushStatus("cancelled"))
    )
    clockwork.sides.store.save_many([(order, replace(known, due_at=NOW))])

    clockwork.run()

    assert PushStatus("cancelled") in clockwork.sides.order(order_no).pending


def test_a_payment_of_nothing_neither_pays_nor_holds_an_order_that_costs_money(clockwork: Clockwork) -> None:
    order_no = clockwork.order()
    clockwork.sides.platform.pay(order_no, 0, "nothing")

    clockwork.one(order_no)
    before = clockwork.sides.order(order_no)
    paid = after(before, Paid("evt-nothing", NOW, "nothing", 0, NOW), Paid("evt", NOW, "t1", 1234, NOW))

    assert (Status.PLACED, ()) == (before.status, before.ledger)
    assert (Status.PAID, (Ship(),), 1234) == (paid.status, paid.pending, paid.balance_fen)


def test_an_order_of_nothing_that_our_table_lost_is_reported_and_not_adopted(clockwork: Clockwork) -> None:
    order_no = for_points(clockwork)
    clockwork.sides.dynamodb.delete_item(
        TableName=clockwork.sides.names["ORDERS_TABLE"], Key={"order_no": {"S": order_no}}
    )
    put_there(clockwork, order_no)

    answer = clockwork.one(order_no)

    assert ["state_impossible"] == [found["class"] for found in answer["found"]]
    assert clockwork.sides.store.get(order_no) is None
