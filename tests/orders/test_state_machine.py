"""What each event does to each kind of order: it is placed, money comes, it is cancelled, it is completed."""

from dataclasses import replace

import pytest

from jiuwu.orders.effect_key import PushStatus, RefundAll, ReturnPoints, Ship
from jiuwu.orders.events import Event
from jiuwu.orders.order import Entry, Order, Status
from jiuwu.orders.state_machine import Applied, Ignored, NeedsLookup, apply
from tests.orders.lives import (
    ALL,
    CANCELLED,
    CLOSED_FOR_PAYMENT,
    COMPLETED,
    CREATED,
    HELD,
    NOW,
    PAID,
    PLACED,
    REFUND,
    REFUNDED,
    REVIVE,
    SHIPPED,
    after,
    cancelled,
    completed,
    done,
    name,
    paid,
    placed,
    refunded,
)

# ---- the platform has it ---------------------------------------------------------------------------------------------


def test_a_placed_order_has_the_platforms_number_and_where_to_pay() -> None:
    order = after(CREATED, placed())

    assert (Status.PLACED, "P1", "https://pay") == (order.status, order.platform_order_no, order.pay_url)


@pytest.mark.parametrize("order", [order for order in ALL if order.platform_order_no], ids=name)
def test_the_same_number_again_changes_nothing(order: Order) -> None:
    assert apply(order, placed(), policy=REFUND) == Ignored("already_placed")


@pytest.mark.parametrize("order", [order for order in ALL if order.platform_order_no], ids=name)
def test_another_number_is_not_taken_over(order: Order) -> None:
    outcome = apply(order, placed("P2"), policy=REFUND)

    assert isinstance(outcome, NeedsLookup)
    assert (outcome.reason, outcome.order.platform_order_no) == ("placed_under_another_number", "P1")


def test_a_payment_heard_of_before_the_number_keeps_its_status() -> None:
    order = after(CREATED, paid(), placed())

    assert (order.status, order.platform_order_no) == (Status.PAID, "P1")


def test_an_order_placed_after_its_cancellation_is_cancelled_over_there_too() -> None:
    order = after(CREATED, cancelled(), placed())

    assert (order.status, order.pending) == (Status.CANCELLED, (PushStatus("cancelled"),))


# ---- money comes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [CREATED, PLACED], ids=name)
def test_a_payment_that_fits_is_booked_and_ships(order: Order) -> None:
    outcome = apply(order, paid(), policy=REFUND)

    assert isinstance(outcome, Applied)
    assert (outcome.transition, outcome.alerts) == ("paid", ())
    assert outcome.order.status is Status.PAID
    assert outcome.order.ledger == (Entry("t1", 1234, NOW + 50, by="evt-paid-t1"),)
    assert outcome.order.pending == (Ship(),)


@pytest.mark.parametrize("order", CLOSED_FOR_PAYMENT, ids=name)
def test_the_same_notification_again_writes_nothing(order: Order) -> None:
    assert apply(order, paid(), policy=REFUND) == Ignored("duplicate_event", "evt-paid-t1")


@pytest.mark.parametrize("order", CLOSED_FOR_PAYMENT, ids=name)
def test_the_same_payment_under_another_event_id_writes_nothing(order: Order) -> None:
    known = order.payments[0]

    assert apply(order, paid(fen=known.fen, event="evt-2"), policy=REFUND) == Ignored("duplicate_payment", known.by)


@pytest.mark.parametrize("order", CLOSED_FOR_PAYMENT, ids=name)
def test_another_amount_for_a_payment_already_booked_needs_a_lookup(order: Order) -> None:
    outcome = apply(order, paid(fen=1, event="evt-2"), policy=REFUND)

    assert isinstance(outcome, NeedsLookup)
    assert (outcome.reason, outcome.order.ledger) == ("payment_contradicts_ledger", order.ledger)


@pytest.mark.parametrize("order", [CREATED, PLACED], ids=name)
@pytest.mark.parametrize("fen", [1, 1233])
def test_a_payment_that_is_short_of_the_amount_is_booked_and_held_and_never_ships(order: Order, fen: int) -> None:
    outcome = apply(order, paid(fen=fen), policy=REFUND)

    assert isinstance(outcome, Applied)
    assert (outcome.order.status, outcome.order.pending) == (Status.HELD, ())
    assert (outcome.alerts, outcome.order.balance_fen) == (("underpaid",), fen)


@pytest.mark.parametrize("order", [PAID, SHIPPED, COMPLETED, REFUNDED], ids=name)
@pytest.mark.parametrize("fen", [1234, 1])
def test_a_second_payment_is_booked_and_given_back(order: Order, fen: int) -> None:
    outcome = apply(order, paid("t2", fen), policy=REFUND)

    assert isinstance(outcome, Applied)
    assert outcome.alerts == ("second_payment",)
    assert outcome.order.status is order.status
    assert outcome.order.balance_fen == order.balance_fen + fen
    assert set(outcome.order.pending) - set(order.pending) == {RefundAll("t2")}


def test_the_first_payment_of_an_order_that_is_held_is_kept_for_a_person_to_decide() -> None:
    outcome = apply(replace(PLACED, status=Status.HELD), paid(), policy=REFUND)

    assert isinstance(outcome, Applied)
    assert (outcome.order.status, outcome.order.pending, outcome.alerts) == (Status.HELD, (), ("paid_while_held",))
    assert outcome.order.balance_fen == 1234


@pytest.mark.parametrize("fen", [1234, 1])
def test_a_late_payment_is_given_back_where_the_merchant_says_refund(fen: int) -> None:
    outcome = apply(CANCELLED, paid(fen=fen), policy=REFUND)

    assert isinstance(outcome, Applied)
    assert (outcome.order.status, outcome.order.pending) == (Status.CANCELLED, (RefundAll("t1"),))
    assert (outcome.alerts, outcome.order.balance_fen) == (("late_payment",), fen)


def test_a_late_payment_revives_where_the_merchant_says_revive() -> None:
    outcome = apply(CANCELLED, paid(), policy=REVIVE)

    assert isinstance(outcome, Applied)
    assert (outcome.order.status, outcome.order.pending, outcome.alerts) == (
        Status.PAID,
        (Ship(),),
        ("late_payment",),
    )


def test_a_revived_order_is_not_cancelled_over_there_any_more() -> None:
    order = after(CREATED, cancelled(), placed(), paid(), policy=REVIVE)

    assert (order.status, order.pending) == (Status.PAID, (Ship(),))


def test_a_late_payment_that_is_short_of_the_amount_ships_nothing_where_the_merchant_says_revive() -> None:
    outcome = apply(CANCELLED, paid(fen=1), policy=REVIVE)

    assert isinstance(outcome, Applied)
    assert (outcome.order.status, outcome.order.pending) == (Status.HELD, ())
    assert outcome.alerts == ("late_payment", "underpaid")


# ---- it is cancelled, it is completed --------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [CREATED, PLACED], ids=name)
def test_an_unpaid_order_is_cancelled(order: Order) -> None:
    assert after(order, cancelled()).status is Status.CANCELLED


@pytest.mark.parametrize("order", [PAID, SHIPPED, COMPLETED, REFUNDED], ids=name)
def test_a_cancellation_of_a_paid_order_needs_one_lookup(order: Order) -> None:
    outcome = apply(order, cancelled(), policy=REFUND)

    assert isinstance(outcome, NeedsLookup)
    assert outcome.reason == "cancelled_but_paid"
    assert outcome.order == replace(order, due_at=NOW + 70, history=outcome.order.history)
    assert apply(outcome.order, cancelled(), policy=REFUND) == Ignored("duplicate_event", "evt-cancelled")


def test_a_cancellation_needs_a_lookup_when_money_went_back_that_we_never_saw_come() -> None:
    outcome = apply(after(PLACED, refunded(fen=1)), cancelled(), policy=REFUND)

    assert isinstance(outcome, NeedsLookup)
    assert (outcome.reason, outcome.order.status) == ("cancelled_but_paid", Status.PLACED)


def test_a_cancelled_order_is_cancelled_once() -> None:
    assert apply(CANCELLED, cancelled("evt-2"), policy=REFUND) == Ignored("already_cancelled", "evt-cancelled")


@pytest.mark.parametrize("order", [PAID, SHIPPED], ids=name)
def test_a_completed_order_keeps_what_is_still_to_be_done_for_it(order: Order) -> None:
    outcome = apply(order, completed(), policy=REFUND)

    assert isinstance(outcome, Applied)
    assert (outcome.order.status, outcome.order.pending) == (Status.COMPLETED, order.pending)


def test_a_completed_order_is_completed_once() -> None:
    assert apply(COMPLETED, completed("evt-2"), policy=REFUND) == Ignored("already_completed", "evt-completed")


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (CREATED, "completed_but_unpaid"),
        (PLACED, "completed_but_unpaid"),
        (CANCELLED, "completed_but_cancelled"),
        (REFUNDED, "completed_but_refunded"),
        (HELD, "completed_but_held"),
    ],
)
def test_a_completion_that_cannot_be_needs_a_lookup(order: Order, reason: str) -> None:
    outcome = apply(order, completed(), policy=REFUND)

    assert isinstance(outcome, NeedsLookup)
    assert (outcome.reason, outcome.order.status, outcome.order.due_at) == (reason, order.status, NOW + 100)


def test_an_order_held_before_any_money_came_is_over_once_it_is_cancelled() -> None:
    held = replace(PLACED, status=Status.HELD)

    assert Status.CANCELLED is after(held, cancelled()).status


# ---- paid by points alone --------------------------------------------------------------------------------------------

BY_POINTS = after(replace(CREATED, points=12, amount_fen=0), placed(), paid(fen=0))


def test_the_platform_may_cancel_an_order_that_points_paid_for_and_the_points_go_back() -> None:
    order = after(BY_POINTS, cancelled())

    assert (Status.PAID, Status.CANCELLED) == (BY_POINTS.status, order.status)
    assert (ReturnPoints(),) == order.pending


@pytest.mark.parametrize("event", [done(), paid("t2", 34)], ids=["on its way", "with money on it"])
def test_a_cancellation_of_such_an_order_is_looked_up_once_it_is_on_its_way_or_has_money_on_it(event: Event) -> None:
    outcome = apply(after(BY_POINTS, event), cancelled(), policy=REFUND)

    assert isinstance(outcome, NeedsLookup)
    assert "cancelled_but_paid" == outcome.reason
