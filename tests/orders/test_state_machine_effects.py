"""What is to be done outside because of an order, and when someone must look at it."""

from dataclasses import replace

import pytest

from jiuwu.orders.effect_key import PushStatus, RefundAll, Ship
from jiuwu.orders.events import EffectFailed, EffectMissingRemotely, PaymentsDoubted, RefundRequested, ShipUnconfirmed
from jiuwu.orders.order import Effect, Failure, Order, Status
from jiuwu.orders.state_machine import Applied, Ignored, apply
from tests.orders.lives import (
    CANCELLED,
    COMPLETED,
    CREATED,
    HELD,
    NOW,
    PAID,
    PLACED,
    PUSHED,
    REFUND,
    REFUNDED,
    SHIPPED,
    after,
    cancelled,
    completed,
    done,
    name,
    paid,
    refunded,
)

# ---- effects ---------------------------------------------------------------------------------------------------------


def test_a_shipped_order_is_to_be_pushed_to_the_platform() -> None:
    assert (SHIPPED.status, SHIPPED.pending) == (Status.SHIPPED, (PushStatus("shipped"),))
    assert dict(SHIPPED.effects)[Ship()] == Effect(attempts=1, done_at=NOW + 61)


def test_a_parcel_that_left_was_one_attempt() -> None:
    order = after(PAID, done())

    assert (Status.SHIPPED, Effect(1, NOW + 61)) == (order.status, order.effect(Ship()))


def test_an_effect_is_done_once() -> None:
    assert apply(SHIPPED, done(Ship()), policy=REFUND) == Ignored("effect_already_done")
    assert apply(PUSHED, done(PushStatus("shipped")), policy=REFUND) == Ignored("effect_already_done")


@pytest.mark.parametrize("order", [CREATED, PLACED], ids=name)
def test_an_effect_that_nobody_wanted_is_not_noted(order: Order) -> None:
    assert apply(order, done(Ship()), policy=REFUND) == Ignored("effect_not_wanted")
    assert apply(order, done(RefundAll("t1")), policy=REFUND) == Ignored("effect_not_wanted")


def test_a_completed_order_that_ships_late_stays_completed() -> None:
    order = after(PAID, completed(), done(Ship(), at=NOW + 110))

    assert (order.status, order.pending, order.due_at) == (Status.COMPLETED, (), 0)


def test_a_request_that_left_while_the_money_went_back_counts_and_is_reported() -> None:
    outcome = apply(REFUNDED, done(Ship(), at=NOW + 95), policy=REFUND)

    assert isinstance(outcome, Applied)
    assert (outcome.order.status, outcome.alerts) == (Status.REFUNDED, ("shipped_while_refunded",))
    assert apply(outcome.order, done(Ship()), policy=REFUND) == Ignored("effect_already_done")


@pytest.mark.parametrize(
    "order",
    [
        REFUNDED,
        after(PAID, RefundRequested("q", NOW + 70, 1234)),
        after(PAID, refunded(fen=2000)),
        after(PAID, PaymentsDoubted(NOW + 70, ("t1",))),
    ],
    ids=["refunded", "refund asked", "too much refunded", "in doubt"],
)
def test_a_parcel_that_may_have_left_before_it_was_withdrawn_is_reported_once(order: Order) -> None:
    outcome = apply(order, ShipUnconfirmed(NOW + 300), policy=REFUND)

    assert isinstance(outcome, Applied)
    assert (order.status, ("may_have_shipped",)) == (outcome.order.status, outcome.alerts)
    assert Ignored("effect_not_wanted") == apply(outcome.order, ShipUnconfirmed(NOW + 600), policy=REFUND)


@pytest.mark.parametrize("order", [CREATED, PLACED, CANCELLED, HELD, PAID, SHIPPED], ids=name)
def test_a_parcel_that_is_still_due_was_sent_or_never_was_is_not_reported(order: Order) -> None:
    assert Ignored("effect_not_wanted") == apply(order, ShipUnconfirmed(NOW + 300), policy=REFUND)


def test_a_withdrawn_parcel_whose_request_was_not_answered_is_reported_once() -> None:
    unanswered = EffectFailed(NOW + 61, Ship(), unanswered=True)
    order = after(PAID, unanswered, unanswered)

    outcome = apply(order, refunded(), policy=REFUND)

    assert isinstance(outcome, Applied)
    assert (Status.REFUNDED, ("may_have_shipped",)) == (outcome.order.status, outcome.alerts)
    assert Ignored("effect_not_wanted") == apply(outcome.order, unanswered, policy=REFUND)
    assert () == apply(after(order, done(Ship())), refunded(), policy=REFUND).alerts  # type: ignore[union-attr]
    assert () == apply(after(PAID, EffectFailed(NOW + 61, Ship())), refunded(), policy=REFUND).alerts  # type: ignore[union-attr]


UNANSWERED = after(PAID, EffectFailed(NOW + 61, Ship(), unanswered=True))


def test_a_parcel_that_is_still_due_raises_no_alert_because_its_request_was_not_answered() -> None:
    outcome = apply(UNANSWERED, refunded(fen=100), policy=REFUND)

    assert isinstance(outcome, Applied)
    assert ((), True) == (outcome.alerts, Ship() in outcome.order.pending)


def test_a_parcel_that_is_withdrawn_a_second_time_raises_no_second_alert() -> None:
    doubted = apply(UNANSWERED, PaymentsDoubted(NOW + 300, ("t1",)), policy=REFUND)
    assert isinstance(doubted, Applied)
    again = after(doubted.order, replace(paid(event="evt-again", at=NOW + 310), shown=True))
    assert Ship() in again.pending

    outcome = apply(again, refunded(at=NOW + 320), policy=REFUND)

    assert isinstance(outcome, Applied)
    assert ("payment_unknown_there", "may_have_shipped") == doubted.alerts
    assert () == outcome.alerts


def test_a_request_that_was_not_answered_while_the_money_went_back_is_reported() -> None:
    outcome = apply(REFUNDED, EffectFailed(NOW + 95, Ship(), unanswered=True), policy=REFUND)

    assert isinstance(outcome, Applied)
    assert ("may_have_shipped",) == outcome.alerts


def test_a_failed_attempt_is_counted_and_leaves_the_effect_pending() -> None:
    order = after(PAID, EffectFailed(NOW + 61, Ship()), EffectFailed(NOW + 62, Ship()))

    assert dict(order.effects)[Ship()] == Effect(attempts=2)
    assert order.history == PAID.history


def test_a_failed_attempt_at_what_is_done_changes_nothing() -> None:
    assert apply(SHIPPED, EffectFailed(NOW + 62, Ship()), policy=REFUND) == Ignored("effect_not_wanted")


def test_a_push_that_the_platform_lost_is_pushed_again() -> None:
    order = after(PUSHED, EffectMissingRemotely(NOW + 999, PushStatus("shipped")))

    assert (order.pending, order.due_at) == ((PushStatus("shipped"),), NOW + 999 + 180)
    assert apply(order, EffectMissingRemotely(NOW + 1000, PushStatus("shipped")), policy=REFUND) == Ignored(
        "effect_pending"
    )


def test_a_refund_is_due_again_only_while_the_money_is_here() -> None:
    settled = after(PAID, paid("t2"), done(RefundAll("t2")))

    assert RefundAll("t2") in after(settled, EffectMissingRemotely(NOW + 99, RefundAll("t2"))).pending
    back = after(settled, refunded("r2", of="t2"))
    assert apply(back, EffectMissingRemotely(NOW + 99, RefundAll("t2")), policy=REFUND) == Ignored(
        "effect_never_repeated"
    )


def test_a_refund_never_decided_is_not_due_again() -> None:
    assert apply(PAID, EffectMissingRemotely(NOW + 99, RefundAll("t1")), policy=REFUND) == Ignored(
        "effect_never_repeated"
    )


@pytest.mark.parametrize("order", [SHIPPED, COMPLETED, REFUNDED, HELD, PLACED], ids=name)
def test_shipping_is_never_repeated(order: Order) -> None:
    assert apply(order, EffectMissingRemotely(NOW + 999, Ship()), policy=REFUND) == Ignored("effect_never_repeated")


# ---- when someone must look -----------------------------------------------------------------------------------------


def test_a_due_time_that_is_soon_enough_is_left_alone() -> None:
    assert CREATED.due_at == PLACED.due_at == PAID.due_at == NOW + 180


def test_a_due_time_that_is_too_late_for_an_effect_is_moved() -> None:
    waiting = replace(PLACED, due_at=NOW + 9999)

    assert after(waiting, paid()).due_at == NOW + 60 + 180


def test_a_shipped_order_is_checked_when_its_completion_is_overdue() -> None:
    assert SHIPPED.due_at == NOW + 180
    assert PUSHED.due_at == NOW + 61 + REFUND.completion_seconds


@pytest.mark.parametrize("order", [CANCELLED, COMPLETED, REFUNDED], ids=name)
def test_what_is_final_and_done_is_never_checked(order: Order) -> None:
    assert order.due_at == 0


def test_an_order_that_is_final_and_still_owes_something_is_checked() -> None:
    shipping, giving_back = after(PAID, completed()), after(CANCELLED, paid())

    assert (Status.COMPLETED, (Ship(),)) == (shipping.status, shipping.pending)
    assert (Status.CANCELLED, (RefundAll("t1"),)) == (giving_back.status, giving_back.pending)
    assert 0 < shipping.due_at <= NOW + 120 + 180
    assert 0 < giving_back.due_at <= NOW + 60 + 180


def test_a_held_order_is_checked() -> None:
    assert HELD.due_at == NOW + 180


def test_a_refund_that_the_platform_took_is_awaited_until_the_money_went_back() -> None:
    requested = after(CANCELLED, paid(), done(RefundAll("t1"), NOW + 61))

    assert (requested.pending, requested.due_at) == ((), NOW + 60 + 180)
    assert after(requested, refunded()).due_at == 0


def test_a_late_payment_whose_refund_failed_permanently_is_a_persons_and_never_due() -> None:
    order = replace(after(CANCELLED, paid()), due_at=0)

    assert (
        0 == after(order, EffectFailed(NOW + 300, RefundAll("t1"), failure=Failure("poison", "BadParameters"))).due_at
    )


def test_a_due_time_that_comes_at_this_very_second_has_come() -> None:
    assert after(PAID, replace(done(), at=PAID.due_at), done(PushStatus("shipped"), PAID.due_at)).due_at == PAID.due_at


def test_a_due_time_that_has_come_is_the_reconcilers_to_clear() -> None:
    suspicious = after(PAID, cancelled(at=NOW + 70))

    assert after(suspicious, done(Ship(), NOW + 71), done(PushStatus("shipped"), NOW + 72)).due_at == NOW + 70
    assert after(suspicious, refunded(at=NOW + 71)).due_at == NOW + 70
