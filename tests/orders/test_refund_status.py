"""A refund is booked when it succeeded: under way it is shown as under way, failed its money is here again."""

from dataclasses import replace
from itertools import permutations

import pytest

from jiuwu.orders.codec import from_item, to_item
from jiuwu.orders.effect_key import EffectKey, PushStatus, RefundAll, Ship
from jiuwu.orders.events import (
    EffectDone,
    EffectFailed,
    EffectMissingRemotely,
    Event,
    PaymentsDoubted,
    Redriven,
    RefundRequested,
)
from jiuwu.orders.ids import effect_id
from jiuwu.orders.order import REFUND_FAILED, Order, Status, request_no
from jiuwu.orders.refund_rules import refundable_fen
from jiuwu.orders.state_machine import Ignored, NeedsLookup, apply
from tests.orders.lives import (
    CANCELLED,
    COMPLETED,
    HELD,
    NOW,
    PAID,
    PLACED,
    REFUND,
    SHIPPED,
    after,
    done,
    name,
    paid,
    refunded,
)
from tests.orders.refund_news import NOT_SUCCEEDED, alerts, changed, listed, requested

KEPT = [PAID, SHIPPED, COMPLETED, HELD]


# ── Nothing is booked but what succeeded ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", NOT_SUCCEEDED)
@pytest.mark.parametrize("order", KEPT, ids=name)
def test_a_refund_that_did_not_succeed_gives_nothing_back(order: Order, status: str) -> None:
    heard = after(order, changed(status))

    assert (order.status, order.ledger) == (heard.status, heard.ledger)


@pytest.mark.parametrize("status", ["processing", "unknown"])
def test_a_refund_under_way_at_the_platform_counts_as_on_its_way_and_is_checked(status: str) -> None:
    order = after(COMPLETED, changed(status, fen=1000))

    assert 234 == refundable_fen(order)
    assert Ignored("refund_exceeds_payment") == apply(order, RefundRequested("a", NOW + 90, 235), policy=REFUND)
    assert NOW + 85 + 180 == order.due_at


def test_an_order_whose_refund_under_way_is_heard_of_before_its_payment_misses_no_money_and_does_not_ship() -> None:
    going = after(PLACED, changed("processing"), paid())
    failed = after(going, changed("failed"))

    assert (Status.PAID, ()) == (going.status, going.pending)
    assert (Status.PAID, (Ship(),)) == (failed.status, failed.pending)


def test_what_is_under_way_back_in_whole_is_not_shipped() -> None:
    assert Ship() not in after(PAID, changed("processing")).pending
    assert Ship() in after(PAID, changed("processing", fen=1000)).pending


@pytest.mark.parametrize(
    "events",
    list(permutations([changed("processing"), refunded(), refunded(event="evt-other"), changed("unknown")])),
    ids=lambda events: " ".join(type(one).__name__ for one in events),
)
def test_a_refund_that_succeeds_in_the_end_is_booked_once_in_any_order_of_arrival(events: tuple[Event, ...]) -> None:
    order = after(SHIPPED, *events)

    assert (Status.REFUNDED, 0, (), 1) == (order.status, order.balance_fen, order.unbooked, len(order.refunds))


def test_a_refund_under_way_before_its_payment_is_known_and_books_nothing() -> None:
    order = after(PLACED, changed("processing"), paid())

    assert (1234, 0) == (order.balance_fen, refundable_fen(order))


def test_a_word_that_nobody_knows_is_reported_once() -> None:
    assert ("refund_status_unknown",) == alerts(SHIPPED, changed("unknown"))
    assert () == alerts(after(SHIPPED, changed("unknown")), changed("unknown", event="again"))


# ── A refund that failed ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("before", [(), (changed("processing"),)], ids=["at once", "after a while"])
def test_a_refund_that_failed_is_a_persons_once_and_its_money_is_here_again(before: tuple[Event, ...]) -> None:
    order = after(SHIPPED, *before)

    assert ("refund_failed",) == alerts(order, changed("failed"))
    failed = after(order, changed("failed"))
    assert 1234 == refundable_fen(failed)
    assert () == alerts(failed, changed("failed", event="again")) == alerts(failed, listed("failed"))


def test_a_parcel_withdrawn_for_a_refund_that_the_platform_could_not_make_is_due_again() -> None:
    assert Ship() in after(PAID, changed("processing"), changed("failed")).pending


def test_a_parcel_withdrawn_for_a_refund_that_the_merchant_wanted_stays_withdrawn() -> None:
    order, number = requested(PAID, 1234)

    assert Ship() not in after(order, changed("failed", number=number)).pending


@pytest.mark.parametrize("status", ["processing", "succeeded"])
def test_a_platform_that_thinks_better_of_a_failure_is_followed(status: str) -> None:
    order, number = requested(SHIPPED, 500)
    failed = after(order, changed("failed", fen=500, number=number))

    booked = replace(refunded(fen=500), out_refund_no=number) if status == "succeeded" else None
    order = after(failed, booked or listed(status, fen=500, number=number))

    assert 734 == refundable_fen(order)
    assert (1234 - 500 if booked else 1234) == order.balance_fen


def test_a_late_word_of_under_way_does_not_undo_a_failure_and_needs_a_lookup() -> None:
    failed = after(SHIPPED, changed("failed"))
    outcome = apply(failed, changed("processing"), policy=REFUND)

    assert isinstance(outcome, NeedsLookup)
    assert 1234 == refundable_fen(outcome.order)


def test_a_failure_of_what_is_booked_needs_a_lookup_and_unbooks_nothing() -> None:
    outcome = apply(after(SHIPPED, refunded()), changed("failed"), policy=REFUND)

    assert isinstance(outcome, NeedsLookup)
    assert (Status.REFUNDED, 0) == (outcome.order.status, outcome.order.balance_fen)


def test_the_same_word_again_and_a_listed_failure_of_what_is_booked_are_told_apart() -> None:
    under_way = after(SHIPPED, changed("processing"))

    assert Ignored("duplicate_refund_status") == apply(under_way, changed("processing", event="e"), policy=REFUND)
    assert Ignored("refund_booked", "evt-refunded-r1") == apply(
        after(SHIPPED, refunded()), listed("failed"), policy=REFUND
    )


def test_a_payment_in_doubt_counts_again_only_when_the_platform_shows_it() -> None:
    doubted = after(PAID, PaymentsDoubted(NOW + 300, ("t1",)))
    again = replace(paid(event="evt-again"), at=NOW + 310)

    unproven, shown = apply(doubted, again, policy=REFUND), after(doubted, replace(again, shown=True))

    assert isinstance(unproven, NeedsLookup)
    assert ("payment_unknown_there", doubted.ledger) == (unproven.reason, unproven.order.ledger)
    assert (PAID.ledger, Status.PAID, (Ship(),)) == (shown.ledger, shown.status, shown.pending)


# ── It can be requested again, under another number ───────────────────────────────────────────────────────────────────


def test_what_failed_is_requested_again_under_another_number() -> None:
    first, number = requested(SHIPPED, 1234)
    failed = after(first, changed("failed", number=number))
    again, another = requested(failed, 1234, "ask-2")

    assert number != another
    assert Status.REFUNDED == after(again, replace(refunded("r2"), out_refund_no=another)).status


def test_a_second_payment_whose_refund_failed_can_be_requested_back_and_the_first_is_kept() -> None:
    twice = after(SHIPPED, paid("t2"))
    number = effect_id(twice.order_no, RefundAll("t2"))
    failed = after(twice, done(RefundAll("t2")), changed("failed", "r2", of="t2", number=number))

    assert 2 * 1234 == refundable_fen(failed)
    again = after(failed, RefundRequested("ask-1", NOW + 90, 1234))
    (effect,) = again.requested_parts("t2")
    assert {} == again.requested_parts("t1")
    there = replace(refunded("r3", of="t2"), out_refund_no=effect_id(again.order_no, effect))
    back = after(again, done(effect), there)
    assert (Status.SHIPPED, 1234, (PushStatus("shipped"),)) == (back.status, back.balance_fen, back.pending)


@pytest.mark.parametrize("effect", [RefundAll("t2"), None])
def test_a_redrive_of_what_failed_goes_out_once_under_another_number(effect: EffectKey | None) -> None:
    order = after(SHIPPED, paid("t2"))
    if effect is None:  # a part
        order = after(order, RefundRequested("ask-1", NOW + 62, 500))
        (effect,) = order.requested_parts("t1")
    failed = after(order, EffectFailed(NOW + 70, effect, failure=REFUND_FAILED))

    again = after(failed, Redriven(NOW + 90, effect))

    (new,) = {name for name, one in again.effects if one.pending and name.kind == "refund"} - {RefundAll("t2")}
    assert effect_id(order.order_no, new) != effect_id(order.order_no, effect)
    assert Ignored("effect_not_failed") == apply(again, Redriven(NOW + 91, effect), policy=REFUND)


def test_a_late_payment_whose_refund_failed_waits_for_a_person_and_ends_refunded() -> None:
    late = after(CANCELLED, paid(), done(RefundAll("t1")))
    number = effect_id(late.order_no, RefundAll("t1"))
    failed = after(late, changed("failed", number=number))
    again, another = requested(failed, 1234)

    assert (Status.CANCELLED, 1234) == (failed.status, refundable_fen(failed))
    assert Status.REFUNDED == after(again, replace(refunded("r2"), out_refund_no=another)).status


def test_a_confirmation_that_comes_after_the_failure_does_not_undo_it() -> None:
    order = after(SHIPPED, RefundRequested("ask-1", NOW + 62, 500))
    (effect,) = order.requested_parts("t1")
    failed = after(order, changed("failed", fen=500, number=effect_id(order.order_no, effect)))

    assert Ignored("refund_failed") == apply(failed, EffectDone(NOW + 90, effect), policy=REFUND)


def test_a_failure_that_the_reply_reported_raises_one_alert() -> None:
    order = after(SHIPPED, RefundRequested("ask-1", NOW + 62, 500))
    (effect,) = order.requested_parts("t1")
    failed = EffectFailed(NOW + 63, effect, failure=REFUND_FAILED)

    assert ("effect_failed_permanently", "refund_failed") == alerts(order, failed)
    number = effect_id(order.order_no, effect)
    assert () == alerts(after(order, failed), listed("failed", fen=500, number=number))


# ── What is owed again has pauses ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("effect", [None, PushStatus("shipped")])
def test_what_the_platform_confirms_and_does_not_show_is_requested_again_with_growing_pauses(
    effect: EffectKey | None,
) -> None:
    order = after(SHIPPED, done(PushStatus("shipped")), RefundRequested("ask-1", NOW + 62, 500))
    effect = effect or next(iter(order.requested_parts("t1")))
    order, pauses = after(order, done(effect)), list[int]()
    for _ in range(10):
        order = after(order, EffectMissingRemotely(NOW + 100, effect))
        pauses += [max(one.next_at - NOW - 100, 0) for name, one in order.effects if name == effect]
        order = after(order, done(effect))

    assert [0, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600] == pauses


def test_a_state_that_is_pushed_again_goes_out_under_another_number_and_a_refund_does_not() -> None:
    order, number = requested(after(SHIPPED, done(PushStatus("shipped"))), 500)
    refund_name = next(iter(order.requested_parts("t1")))
    for _ in range(2):
        order = after(
            order,
            EffectMissingRemotely(NOW + 100, PushStatus("shipped")),
            EffectMissingRemotely(NOW + 100, refund_name),
        )
        order = after(
            order, EffectFailed(NOW + 101, PushStatus("shipped")), done(PushStatus("shipped")), done(refund_name)
        )

    assert (f"{order.order_no}:push:shipped:2", number) == (
        request_no(order, PushStatus("shipped")),
        request_no(order, refund_name),
    )
    assert f"{order.order_no}:push:shipped" == request_no(SHIPPED, PushStatus("shipped"))
    assert order == from_item(to_item(order))
