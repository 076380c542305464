"""What a refund that the platform could not make leaves: its money, the parcel, the surplus; and what is remembered."""

from dataclasses import replace

import pytest

from jiuwu.orders.effect_key import RefundAll, Ship
from jiuwu.orders.events import EffectFailed, RefundRequested
from jiuwu.orders.ids import effect_id
from jiuwu.orders.order import REFUND_FAILED, Effect, Entry, HoldReason, Order, Status, UnbookedRefund
from jiuwu.orders.state_machine import Applied, EventOutcome, Ignored, NeedsLookup, apply
from tests.orders.lives import NOW, PAID, REFUND, SHIPPED, after, refunded
from tests.orders.refund_news import changed, listed, requested

REFUNDED = after(SHIPPED, refunded())
BOOKED = Ignored("refund_booked", "evt-refunded-r1")


def outcome_of(order: Order, status: str, *, notified: bool) -> EventOutcome:
    return apply(order, changed(status, event="late") if notified else listed(status), policy=REFUND)


@pytest.mark.parametrize("status", ["processing", "unknown", "failed"])
def test_the_list_changes_nothing_about_a_refund_that_is_booked(status: str) -> None:
    assert BOOKED == outcome_of(REFUNDED, status, notified=False)


@pytest.mark.parametrize("status", ["processing", "unknown"])
def test_a_late_word_of_under_way_changes_nothing_about_a_refund_that_is_booked(status: str) -> None:
    assert BOOKED == outcome_of(REFUNDED, status, notified=True)


def test_the_word_of_a_failure_of_a_refund_that_is_booked_is_looked_into() -> None:
    assert isinstance(outcome_of(REFUNDED, "failed", notified=True), NeedsLookup)


@pytest.mark.parametrize("notified", [True, False], ids=["notified", "listed"])
@pytest.mark.parametrize("status", ["processing", "unknown", "failed"])
def test_the_same_word_of_a_refund_again_is_a_duplicate(status: str, notified: bool) -> None:
    assert Ignored("duplicate_refund_status") == outcome_of(after(SHIPPED, changed(status)), status, notified=notified)


def test_the_fifty_refunds_that_gave_nothing_back_last_are_remembered() -> None:
    order = after(SHIPPED, *(replace(changed("failed", f"r{number}", 1), at=NOW + number) for number in range(51)))

    assert [f"r{number}" for number in range(1, 51)] == [one.ref for one in order.unbooked]


def test_a_failure_that_the_reply_told_of_before_is_noted_without_a_second_alert() -> None:
    order = after(SHIPPED, RefundRequested("ask", NOW + 62, 500))
    (key,) = order.requested_parts("t1")
    failed = after(order, EffectFailed(NOW + 63, key, failure=REFUND_FAILED))

    outcome = apply(failed, changed("failed", fen=500, number=effect_id(order.order_no, key)), policy=REFUND)

    assert isinstance(outcome, Applied)
    assert ("refund_failed", (), failed.effects) == (outcome.transition, outcome.alerts, outcome.order.effects)
    assert (UnbookedRefund("r1", 500, NOW + 85, "t1", "failed", key),) == outcome.order.unbooked


def test_a_refund_that_failed_is_not_tried_again_under_its_number() -> None:
    order, number = requested(SHIPPED, 500)
    (key,) = order.requested_parts("t1")

    assert Effect(1, fen=500, failure=REFUND_FAILED) == after(order, changed("failed", number=number)).effect(key)


def test_a_refund_with_a_number_of_ours_that_nobody_requested_leaves_the_effects_as_they_are() -> None:
    order = after(SHIPPED, changed("failed", number=effect_id(SHIPPED.order_no, RefundAll("t1"))))

    assert (SHIPPED.effects, ["failed"]) == (order.effects, [one.status for one in order.unbooked])


@pytest.mark.parametrize("reason", [HoldReason.DIFFERS, HoldReason.OVER_REFUNDED])
def test_what_an_order_has_above_its_amount_stays_while_a_person_decides(reason: HoldReason) -> None:
    held = replace(PAID, status=Status.HELD, hold_reason=reason, effects=(), ledger=(Entry("t1", 5000, NOW),))

    assert () == after(held, changed("failed", fen=3766)).effects


@pytest.mark.parametrize(
    ("under_way", "failed", "ships"),
    [
        ({"r1": 1234}, "r9", False),
        ({"r1": 1233, "r2": 1}, "r2", True),
        ({"r1": 1000, "r2": 234}, "r1", True),
    ],
)
def test_a_withdrawn_parcel_is_due_again_when_a_refund_fails_and_any_money_is_left(
    under_way: dict[str, int], failed: str, ships: bool
) -> None:
    order = after(PAID, *(changed("processing", number, fen) for number, fen in under_way.items()))
    assert Ship() not in order.pending

    order = after(order, changed("failed", failed, under_way.get(failed, 100)))

    assert ships == (Ship() in order.pending)
