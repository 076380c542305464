"""Money goes back, also before it is known to have come."""

from dataclasses import replace

import pytest

from jiuwu.orders.effect_key import RefundAll, Ship
from jiuwu.orders.events import Refunded
from jiuwu.orders.order import Entry, Order, Status
from jiuwu.orders.payment_sum import received_fen
from jiuwu.orders.refund_rules import MAX_REASON_CHARACTERS, MAX_REQUESTS
from jiuwu.orders.state_machine import Applied, Ignored, NeedsLookup, Policy, apply
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
    REVIVE,
    SHIPPED,
    after,
    done,
    name,
    paid,
    refunded,
)

# ---- money goes back -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [PAID, SHIPPED, PUSHED, COMPLETED], ids=name)
def test_an_order_whose_money_all_went_back_is_refunded_and_ships_no_more(order: Order) -> None:
    outcome = apply(order, refunded(), policy=REFUND)

    assert isinstance(outcome, Applied)
    assert (outcome.order.status, outcome.order.balance_fen, outcome.order.pending) == (Status.REFUNDED, 0, ())
    assert outcome.order.ledger[-1] == Entry("r1", -1234, NOW + 80, "t1", "evt-refunded-r1")


def test_a_held_order_whose_money_all_went_back_is_refunded() -> None:
    assert after(HELD, refunded(fen=1000)).status is Status.REFUNDED


@pytest.mark.parametrize("order", [PAID, SHIPPED, COMPLETED, HELD], ids=name)
def test_a_partial_refund_keeps_the_status_and_the_effects(order: Order) -> None:
    partly = after(order, refunded(fen=400))

    assert (partly.status, partly.pending) == (order.status, order.pending)
    assert partly.balance_fen == order.balance_fen - 400


def test_partial_refunds_that_add_up_refund_the_order() -> None:
    assert after(PAID, refunded("r1", fen=1000), refunded("r2", fen=234)).status is Status.REFUNDED


@pytest.mark.parametrize("event", ["evt-refunded-r1", "evt-other"])
def test_a_refund_is_booked_once(event: str) -> None:
    assert isinstance(apply(REFUNDED, refunded(event=event), policy=REFUND), Ignored)


def test_a_used_event_id_with_another_refund_rings_and_books_nothing() -> None:
    order = after(PAID, replace(refunded("r1", fen=400, event="evt"), payload_digest="11111111"))

    outcome = apply(order, replace(refunded("r2", fen=300, event="evt"), payload_digest="22222222"), policy=REFUND)

    assert Ignored("event_id_reused", "evt", ("event_id_reused",)) == outcome


@pytest.mark.parametrize("contradiction", [refunded(fen=1, event="e"), refunded(of="t9", event="e")], ids=str)
def test_another_timeline_about_a_booked_refund_needs_a_lookup(contradiction: Refunded) -> None:
    outcome = apply(REFUNDED, contradiction, policy=REFUND)

    assert isinstance(outcome, NeedsLookup)
    assert outcome.order.ledger == REFUNDED.ledger


@pytest.mark.parametrize("order", [PAID, SHIPPED, COMPLETED], ids=name)
def test_the_refund_of_a_second_payment_leaves_the_order_and_settles_its_effect(order: Order) -> None:
    twice = after(order, paid("t2"))
    back = after(twice, refunded("r2", of="t2"))

    assert (back.status, back.pending, back.balance_fen) == (order.status, order.pending, 1234)


def test_the_order_is_refunded_though_a_second_payment_is_still_to_go_back() -> None:
    order = after(PAID, paid("t2", 1000), refunded("r1", of="t1"))

    assert (order.status, order.pending) == (Status.REFUNDED, (RefundAll("t2"),))


@pytest.mark.parametrize("order", [PAID, SHIPPED, COMPLETED], ids=name)
@pytest.mark.parametrize("given", ["t1", "t2"])
def test_a_second_payment_stays_where_the_platform_gave_one_of_the_two_back_by_itself(order: Order, given: str) -> None:
    kept = after(order, paid("t2"), refunded("r1", of=given))

    assert (order.status, set(order.pending), 1234) == (kept.status, set(kept.pending), received_fen(kept))


def test_a_second_payment_whose_refund_is_at_the_platform_goes_back_though_the_first_did_too() -> None:
    order = after(PAID, paid("t2"), done(RefundAll("t2")), refunded("r1", of="t1"))

    assert (Status.REFUNDED, ()) == (order.status, order.pending)


def test_the_refund_of_a_late_payment_closes_the_order_as_refunded() -> None:
    order = after(CANCELLED, paid(), refunded())

    assert (order.status, order.pending, order.balance_fen, order.due_at) == (Status.REFUNDED, (), 0, 0)


def test_more_refunded_than_paid_is_booked_and_held() -> None:
    outcome = apply(PAID, refunded(fen=1235), policy=REFUND)

    assert isinstance(outcome, Applied)
    assert (outcome.alerts, outcome.order.status) == (("refund_exceeds_payment",), Status.HELD)
    assert (outcome.order.balance_fen, outcome.order.pending) == (-1, ())


# ---- the refund is heard of before the payment -----------------------------------------------------------------------


@pytest.mark.parametrize("order", [CREATED, PLACED], ids=name)
def test_a_refund_before_its_payment_closes_the_order_and_has_the_payment_fetched_at_once(order: Order) -> None:
    back = after(order, refunded())

    assert (back.status, back.balance_fen, back.due_at) == (Status.REFUNDED, -1234, NOW + 90)


@pytest.mark.parametrize("policy", [REFUND, REVIVE], ids=lambda policy: policy.late_payment)
@pytest.mark.parametrize("order", [CREATED, PLACED, CANCELLED], ids=name)
def test_the_payment_of_a_refund_is_booked_and_ships_nothing(order: Order, policy: Policy) -> None:
    outcome = apply(after(order, refunded()), paid(), policy=policy)

    assert isinstance(outcome, Applied)
    assert (outcome.transition, outcome.alerts) == ("paid_and_refunded", ())
    assert (outcome.order.status, outcome.order.balance_fen, outcome.order.pending) == (Status.REFUNDED, 0, ())


def test_a_partial_refund_before_its_payment_does_not_stop_the_order() -> None:
    order = after(PLACED, refunded(fen=400), paid())

    assert (order.status, order.balance_fen, order.pending) == (Status.PAID, 834, (Ship(),))


def test_the_refund_of_an_unknown_second_payment_does_not_stop_the_first() -> None:
    order = after(PLACED, refunded("r2", of="t2"), paid("t1"), paid("t2"))

    assert (order.status, order.balance_fen, order.pending) == (Status.PAID, 1234, (Ship(),))


def test_a_refund_beyond_its_payment_is_held_whichever_comes_first() -> None:
    outcome = apply(after(PLACED, refunded(fen=1235)), paid(), policy=REFUND)

    assert isinstance(outcome, Applied)
    assert (outcome.order.status, outcome.alerts) == (Status.HELD, ("refund_exceeds_payment",))


def test_an_order_has_fifty_requests_and_a_reason_two_hundred_characters_at_most() -> None:
    assert (50, 200) == (MAX_REQUESTS, MAX_REASON_CHARACTERS)
