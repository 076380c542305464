"""Expiry, effects that fail, fail permanently and are redriven, payments of nothing, and used event ids."""

from dataclasses import replace
from itertools import permutations

import pytest

from jiuwu.orders.effect_key import EffectKey, PushStatus, RefundAll, ReturnPoints, Ship, SpendPoints
from jiuwu.orders.events import (
    EffectDone,
    EffectFailed,
    EffectMissingRemotely,
    Event,
    Expired,
    Redriven,
    RefundRequested,
)
from jiuwu.orders.order import Effect, Entry, Failure, Order, Status
from jiuwu.orders.state_machine import Applied, Ignored, NeedsLookup, Policy, apply
from tests.orders.lives import (
    CANCELLED,
    COMPLETED,
    CREATED,
    HELD,
    NOW,
    PAID,
    PLACED,
    REFUND,
    REFUNDED,
    SHIPPED,
    after,
    cancelled,
    done,
    name,
    paid,
    refunded,
)

EXPIRED = Expired(NOW + 1800)
EXPIRING = after(PLACED, EXPIRED)


def test_an_unpaid_order_is_cancelled_there_before_it_is_cancelled_here() -> None:
    confirmed = after(EXPIRING, done(PushStatus("cancelled")))

    assert (Status.PLACED, (PushStatus("cancelled"),)) == (EXPIRING.status, EXPIRING.pending)
    assert (Status.CANCELLED, (), 0) == (confirmed.status, confirmed.pending, confirmed.due_at)


def test_a_payment_that_arrives_a_moment_later_rescues_the_order() -> None:
    rescued = after(EXPIRING, paid())

    assert (Status.PAID, (Ship(),)) == (rescued.status, rescued.pending)


def test_a_payment_for_an_order_that_the_platform_just_cancelled_needs_a_lookup() -> None:
    outcome = apply(after(EXPIRING, paid()), done(PushStatus("cancelled")), policy=REFUND)

    assert isinstance(outcome, NeedsLookup)
    assert ("cancelled_but_paid", Status.PAID) == (outcome.reason, outcome.order.status)


@pytest.mark.parametrize("fen", [1, 400])
def test_an_order_whose_refund_came_before_its_payment_does_not_expire(fen: int) -> None:
    order = after(PLACED, refunded(fen=fen))

    assert Ignored("not_expirable") == apply(order, EXPIRED, policy=REFUND)


def test_the_confirmation_of_a_cancellation_that_the_platform_reported_first_is_not_wanted() -> None:
    order = after(PLACED, EXPIRED, cancelled())

    assert (Status.CANCELLED, ()) == (order.status, order.pending)
    assert Ignored("effect_not_wanted") == apply(order, done(PushStatus("cancelled")), policy=REFUND)


@pytest.mark.parametrize("order", [CREATED, PAID, SHIPPED, COMPLETED, CANCELLED, REFUNDED], ids=name)
def test_only_an_unpaid_order_of_both_sides_expires(order: Order) -> None:
    assert Ignored("not_expirable") == apply(order, EXPIRED, policy=REFUND)


def test_an_order_expires_once() -> None:
    assert Ignored("already_expiring") == apply(EXPIRING, EXPIRED, policy=REFUND)


def test_the_platform_taking_a_refund_does_not_close_an_order_that_waits_for_its_rest() -> None:
    requested = after(HELD, RefundRequested("ask", NOW + 70, 100))
    (key,) = requested.requested_parts("t1")

    assert Status.HELD == after(requested, done(key)).status


def test_the_platforms_own_cancellation_ends_an_expiring_order() -> None:
    order = after(EXPIRING, cancelled())

    assert (Status.CANCELLED, ()) == (order.status, order.pending)


def test_an_effect_that_failed_is_checked_when_its_next_try_is_due() -> None:
    soon = after(SHIPPED, EffectFailed(NOW + 70, PushStatus("shipped"), next_at=NOW + 100))
    late = after(SHIPPED, EffectFailed(NOW + 70, PushStatus("shipped"), next_at=NOW + 3600))

    assert NOW + 70 < soon.due_at <= NOW + 70 + 180
    assert NOW + 3600 == late.due_at
    assert Effect(1, next_at=NOW + 3600) == late.effect(PushStatus("shipped"))


def test_an_attempt_that_was_held_back_does_not_count() -> None:
    order = after(SHIPPED, EffectFailed(NOW + 70, PushStatus("shipped"), next_at=NOW + 100, counted=False))

    assert Effect(0, next_at=NOW + 100) == order.effect(PushStatus("shipped"))


GIVEN_UP = after(SHIPPED, EffectFailed(NOW + 70, PushStatus("shipped"), failure=Failure("poison", "BadParameters")))


def test_what_failed_permanently_is_not_pending_and_raises_an_alert() -> None:
    outcome = apply(
        SHIPPED,
        EffectFailed(NOW + 70, PushStatus("shipped"), failure=Failure("poison", "BadParameters")),
        policy=REFUND,
    )

    assert isinstance(outcome, Applied)
    assert ((), ("effect_failed_permanently",)) == (outcome.order.pending, outcome.alerts)
    assert ("effect_failed_permanently", "push") == (outcome.order.history[-1].kind, outcome.order.history[-1].detail)


@pytest.mark.parametrize(
    "event", [EffectFailed(NOW + 80, PushStatus("shipped")), EffectMissingRemotely(NOW + 80, PushStatus("shipped"))]
)
def test_what_failed_permanently_comes_back_only_by_a_person(event: EffectFailed | EffectMissingRemotely) -> None:
    assert isinstance(apply(GIVEN_UP, event, policy=REFUND), Ignored)


def test_a_redrive_begins_from_the_start() -> None:
    again = after(GIVEN_UP, Redriven(NOW + 90, PushStatus("shipped")))

    assert ((PushStatus("shipped"),), Effect()) == (again.pending, again.effect(PushStatus("shipped")))
    assert again.due_at > 0


@pytest.mark.parametrize("effect", [Ship(), PushStatus("cancelled"), RefundAll("t1")])
def test_a_redrive_is_for_what_failed_permanently_only(effect: EffectKey) -> None:
    assert Ignored("effect_not_failed") == apply(GIVEN_UP, Redriven(NOW + 90, effect), policy=REFUND)


def test_an_effect_confirmed_after_it_failed_permanently_counts() -> None:
    effect = after(GIVEN_UP, EffectDone(NOW + 80, PushStatus("shipped"))).effect(PushStatus("shipped"))

    assert effect is not None
    assert NOW + 80 == effect.done_at


# ── Orders that cost nothing ──────────────────────────────────────────────────────────────────────────────────────────

FREE = replace(PLACED, amount_fen=0, points=300)


def test_an_order_paid_with_points_is_paid_by_nothing_and_spends_them() -> None:
    order = after(FREE, paid(fen=0))

    assert (Status.PAID, (Ship(), SpendPoints()), 0) == (order.status, order.pending, order.balance_fen)


@pytest.mark.parametrize("order", [CREATED, PLACED, PAID, CANCELLED], ids=name)
def test_a_payment_of_nothing_for_what_costs_something_neither_pays_nor_holds(order: Order) -> None:
    outcome = apply(order, paid("t0", 0), policy=REFUND)

    assert isinstance(outcome, NeedsLookup)
    assert (order.status, order.ledger) == (outcome.order.status, outcome.order.ledger)


def test_a_real_payment_after_a_payment_of_nothing_is_the_first() -> None:
    assert Status.PAID == after(PLACED, paid("t0", 0), paid()).status


def test_a_free_order_is_paid_once_whatever_the_transactions() -> None:
    order = after(FREE, paid(fen=0))

    assert Ignored("duplicate_payment", "evt-paid-t1") == apply(order, paid("t2", 0), policy=REFUND)


@pytest.mark.parametrize("status", [Status.CREATED, Status.PLACED], ids=str)
def test_points_come_back_when_the_order_is_cancelled(status: Status) -> None:
    order = after(replace(FREE, status=status), cancelled())

    assert (Status.CANCELLED, (ReturnPoints(),)) == (order.status, order.pending)


def test_money_that_strayed_to_an_order_paid_with_points_goes_back_and_changes_nothing_else() -> None:
    order = after(FREE, paid(fen=0), paid("t2", 500), refunded("r2", "t2", 500))

    assert (Status.PAID, (Ship(), SpendPoints()), 0) == (order.status, order.pending, order.balance_fen)


def test_money_that_strayed_to_an_order_that_its_points_have_not_paid_yet_goes_back_and_ships_nothing() -> None:
    order = after(FREE, paid("t2", 500))

    assert (Status.PLACED, (RefundAll("t2"),)) == (order.status, order.pending)


def test_money_that_strayed_and_could_not_be_given_back_pays_no_order_for_points() -> None:
    refused = EffectFailed(NOW + 70, RefundAll("t2"), failure=Failure("poison", "BadParameters"))

    order = after(FREE, paid("t2", 500), refused)

    assert (Status.PLACED, ()) == (order.status, order.pending)


def test_another_payment_of_nothing_repeats_the_first_one() -> None:
    ledger = (Entry("t1", 0, NOW, by="first"), Entry("t2", 0, NOW + 1, by="second"))

    assert Ignored("duplicate_payment", "first") == apply(replace(FREE, ledger=ledger), paid("t3", 0), policy=REFUND)


_STRAYED = (paid(fen=0), paid("t2", 500), refunded("r2", "t2", 500))


@pytest.mark.parametrize(
    "events", list(permutations(_STRAYED)), ids=lambda events: " ".join(type(one).__name__ for one in events)
)
def test_money_that_strayed_goes_back_in_any_order_of_arrival(events: tuple[Event, ...]) -> None:
    order = after(FREE, *events)

    assert (Status.PAID, (Ship(), SpendPoints()), 0) == (order.status, order.pending, order.balance_fen)


@pytest.mark.parametrize("events", list(permutations([paid(fen=0), refunded(fen=0)])), ids=str)
def test_points_come_back_when_the_payment_of_nothing_is_given_back(events: tuple[Event, ...]) -> None:
    order = after(FREE, *events)

    assert (Status.REFUNDED, ReturnPoints() in order.pending) == (order.status, True)
    assert Ship() not in order.pending


def test_the_platform_may_cancel_an_order_for_points_until_it_is_shipped() -> None:
    order = after(FREE, paid(fen=0), cancelled())

    assert (Status.CANCELLED, (ReturnPoints(),)) == (order.status, order.pending)
    assert isinstance(apply(after(FREE, paid(fen=0), done()), cancelled(), policy=REFUND), NeedsLookup)


def test_a_parcel_that_left_while_the_order_was_cancelled_rings() -> None:
    outcome = apply(after(FREE, paid(fen=0), cancelled()), done(), policy=REFUND)

    assert isinstance(outcome, Applied)
    assert (Status.CANCELLED, ("shipped_while_cancelled",)) == (outcome.order.status, outcome.alerts)


def test_nothing_paid_for_an_order_whose_points_went_back_needs_a_lookup() -> None:
    outcome = apply(after(FREE, cancelled()), paid(fen=0), policy=Policy(late_payment="revive"))

    assert isinstance(outcome, NeedsLookup)


# ── Used ids ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_used_event_id_that_says_something_else_raises_an_alert_and_changes_nothing() -> None:
    order = after(PLACED, replace(paid(), payload_digest="aaaaaaaa"))

    outcome = apply(order, replace(paid("t2"), event_id="evt-paid-t1", payload_digest="bbbbbbbb"), policy=REFUND)
    assert Ignored("event_id_reused", "evt-paid-t1", ("event_id_reused",)) == outcome


@pytest.mark.parametrize(("first", "second"), [("aaaaaaaa", "aaaaaaaa"), ("", "aaaaaaaa"), ("aaaaaaaa", "")])
def test_the_same_or_an_unknown_digest_is_a_duplicate(first: str, second: str) -> None:
    order = after(PLACED, replace(paid(), payload_digest=first))

    assert Ignored("duplicate_event", "evt-paid-t1") == apply(
        order, replace(paid(), payload_digest=second), policy=REFUND
    )
