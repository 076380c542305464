"""The borders of the next check, of pauses, and of how a refund stands; what a policy begins with."""

from dataclasses import replace

import pytest

from jiuwu.orders import outcomes
from jiuwu.orders.effect_key import RefundAll, RefundPart, Ship
from jiuwu.orders.events import Completed
from jiuwu.orders.order import Effect, Entry, HistoryEntry, Order, UnbookedRefund
from jiuwu.orders.outcomes import Policy, awaits_refund, effect_state, growing_pause, needs_lookup, next_check
from tests.orders.lives import COMPLETED, CREATED, NOW, PAID, PLACED, SHIPPED, completed

POLICY = Policy()
REFUND = RefundAll("t1")


def test_a_policy_gives_late_money_back_checks_every_three_minutes_and_waits_two_weeks_for_completion() -> None:
    assert Policy(late_payment="refund", check_seconds=180, completion_seconds=1_209_600, expiry_seconds=0) == Policy()


# ── The next check ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("due_at", "expected"),
    [
        (0, NOW + 180),  # never due: due after the pause
        (1, 1),  # has come: the reconciler clears it
        (NOW, NOW),
        (NOW + 1, NOW + 1),  # soon enough
        (NOW + 180, NOW + 180),
        (NOW + 181, NOW + 180),  # too late
    ],
)
def test_a_due_time_that_has_come_or_is_soon_enough_stays(due_at: int, expected: int) -> None:
    assert expected == next_check(replace(PLACED, due_at=due_at), NOW, POLICY)


@pytest.mark.parametrize(("early_by", "stays"), [(180, True), (181, False)])
def test_a_due_time_much_sooner_than_needed_moves(early_by: int, *, stays: bool) -> None:
    wanted = NOW + POLICY.completion_seconds
    order = replace(SHIPPED, effects=((Ship(), Effect(1, NOW)),), due_at=wanted - early_by)

    assert (wanted - early_by if stays else wanted) == next_check(order, NOW, POLICY)


@pytest.mark.parametrize(("due_at", "expected"), [(0, NOW), (1, 1), (NOW, NOW), (NOW + 1, NOW)])
def test_an_order_to_be_looked_up_is_due_at_once_or_was_before(due_at: int, expected: int) -> None:
    event = Completed("e1", NOW)

    found = needs_lookup(replace(PLACED, due_at=due_at), event, "why")

    assert (expected, "why") == (found.order.due_at, found.reason)
    assert HistoryEntry(NOW, "e1", "lookup_needed", "why") == found.order.history[-1]


@pytest.mark.parametrize(("status", "checked"), [("processing", True), ("failed", False)])
def test_a_refund_under_way_at_the_platform_keeps_an_order_that_is_over_checked(status: str, *, checked: bool) -> None:
    order = replace(COMPLETED, effects=(), due_at=0, unbooked=(UnbookedRefund("r1", 5, NOW, "t9", status),))

    assert (NOW + 180 if checked else 0) == next_check(order, NOW, POLICY)


@pytest.mark.parametrize(("expiry_seconds", "expires_at"), [(0, 0), (1, NOW + 1), (1800, NOW + 1800)])
def test_an_order_expires_so_long_after_it_was_made_or_never(expiry_seconds: int, expires_at: int) -> None:
    assert expires_at == Policy(expiry_seconds=expiry_seconds).expires_at(CREATED)


def test_twenty_four_lines_of_history_are_kept() -> None:
    order = PAID
    for number in range(30):
        order = needs_lookup(order, completed(f"e{number}"), "why").order

    assert [f"e{number}" for number in range(6, 30)] == [line.idempotency_key for line in order.history]


# ── Pauses and refunds ────────────────────────────────────────────────────────────────────────────────────────────────


def test_pauses_double_from_fifteen_seconds_to_an_hour() -> None:
    expected = [15, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600]

    assert expected == [growing_pause(attempts) for attempts in range(1, 11)]
    assert 3600 == growing_pause(1_000_000)


def with_refund(left_fen: int, effect: Effect = Effect()) -> Order:  # noqa: B008 -- a value
    """A paid order of 1234 fen, a refund of all of it requested, and all but so much booked as given back."""
    back = Entry("r1", left_fen - 1234, NOW, of="t1")
    return replace(PAID, ledger=(*PAID.ledger, back), effects=((REFUND, effect),))


@pytest.mark.parametrize(("left_fen", "awaited"), [(1, True), (0, False), (-1, False)])
def test_a_refund_is_awaited_while_a_fen_is_left(left_fen: int, *, awaited: bool) -> None:
    assert awaited == awaits_refund(with_refund(left_fen), "t1")


@pytest.mark.parametrize(("left_fen", "state"), [(2, "processing"), (1, "processing"), (0, "done"), (-1, "done")])
def test_a_refund_the_platform_took_is_processed_until_nothing_is_left(left_fen: int, state: str) -> None:
    assert state == effect_state(with_refund(left_fen, Effect(done_at=NOW)), REFUND)


@pytest.mark.parametrize(("doubted_at", "unknown"), [(0, False), (1, True), (NOW, True)])
def test_a_payment_in_doubt_is_unknown(doubted_at: int, *, unknown: bool) -> None:
    order = replace(PAID, ledger=(Entry("t1", 1234, NOW, doubted_at=doubted_at),))

    assert unknown == outcomes.unknown_payment(order, "t1")
    assert outcomes.unknown_payment(order, "t2")


def test_an_effect_that_nobody_requested_is_not_marked_done_for_others() -> None:
    key = RefundPart("t1", "r9")

    assert PAID == outcomes.mark_effect_done(PAID, key, NOW)
    assert Effect(1, NOW) == outcomes.mark_effect_done(PAID, key, NOW, attempts=1).effect(key)


def test_an_effect_is_requested_once_and_names_an_amount_only_where_it_is_given() -> None:
    whole, part = RefundAll("t1"), RefundPart("t1", "r9")

    assert Effect(fen=0) == outcomes.request_effect(PAID, whole).effect(whole)
    requested = outcomes.request_effect(PAID, part, 7)
    assert Effect(fen=7) == requested.effect(part)
    assert requested == outcomes.request_effect(requested, part, 9)
