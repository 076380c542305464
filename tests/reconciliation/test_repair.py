"""One order carried through its rounds, and when it is looked at again."""

from dataclasses import replace

import pytest

from jiuwu.orders.effect_key import EffectKey, PushStatus, RefundAll, Ship
from jiuwu.orders.events import Cancelled, EffectDone, EffectFailed, EffectMissingRemotely
from jiuwu.orders.order import Order, Status
from jiuwu.orders.state_machine import Policy
from jiuwu.platform.models import RemoteOrder
from jiuwu.reconciliation.decide import UNPLACED_SECONDS, decide
from jiuwu.reconciliation.drift import Drift
from jiuwu.reconciliation.repair import Repaired, Repairer
from tests.orders.lives import (
    CANCELLED,
    COMPLETED,
    CREATED,
    NOW,
    PAID,
    PLACED,
    PUSHED,
    REFUND,
    REFUNDED,
    REVIVE,
    after,
    paid,
)
from tests.reconciliation.sides import payment, remote

LATER = NOW + 1000
PAY = [payment()]


def repaired(local: Order | None, there: RemoteOrder | None, *, now: int = LATER) -> Repaired:
    return Repairer(REFUND, lambda open_id: f"mb_of_{open_id}").repair(local, there, now=now)


def test_an_order_that_the_platform_would_not_take_for_a_day_is_abandoned() -> None:
    decision = decide(CREATED, None, now=NOW + UNPLACED_SECONDS + 1, policy=REFUND)

    assert [Cancelled] == [type(action) for action in decision.actions]
    assert repaired(CREATED, None, now=NOW + UNPLACED_SECONDS + 1).order == replace(
        after(CREATED, *decision.actions),  # type: ignore[arg-type]
        status=Status.CANCELLED,
    )


def test_an_order_only_there_is_adopted_with_everything_that_happened_to_it() -> None:
    result = repaired(None, remote("shipped", PAY))

    assert result.order is not None
    assert (result.order.status, result.order.member_id) == (Status.PAID, "mb_of_ou_1")
    assert result.order.pending == (Ship(),)
    assert [Drift.MISSING_HERE, Drift.MISSED_NOTIFICATION] == [finding.class_ for finding in result.findings]


def test_a_payment_that_is_short_of_the_amount_holds_the_order_and_says_so() -> None:
    result = repaired(PLACED, remote("paid", [payment(fen=1000)]))

    assert result.order is not None
    assert (result.order.status, result.order.pending) == (Status.HELD, ())
    assert "underpaid" in result.alerts
    assert {Drift.MISSED_NOTIFICATION} == {finding.class_ for finding in result.findings}


@pytest.mark.parametrize("local", [CREATED, PLACED, PAID])
def test_an_order_of_another_amount_there_ships_nothing_though_its_payment_fits(local: Order) -> None:
    result = repaired(local, remote("paid", PAY, amount_fen=1300))

    assert result.order is not None
    assert (Status.HELD, (), 1234) == (result.order.status, result.order.pending, result.order.balance_fen)


def test_a_payment_for_an_order_held_before_it_waits_for_a_person() -> None:
    held = repaired(PLACED, remote(amount_fen=1300)).order
    assert held is not None

    assert (Status.HELD, ()) == ((order := after(held, paid())).status, order.pending)


def test_what_is_due_again_is_pending_again() -> None:
    result = repaired(PUSHED, remote("paid", PAY))

    assert result.order is not None
    assert result.order.pending == (PushStatus("shipped"),)


def test_a_late_payment_found_here_follows_the_merchants_choice() -> None:
    revived = Repairer(REVIVE, str).repair(CANCELLED, remote("paid", PAY), now=LATER).order
    given_back = repaired(CANCELLED, remote("paid", PAY)).order

    assert revived is not None
    assert given_back is not None
    assert ((Ship(),), (RefundAll("t1"),)) == (revived.pending, given_back.pending)


def test_nothing_to_mend_leaves_the_order_as_it_was_read() -> None:
    assert repaired(PUSHED, remote("shipped", PAY)) == Repaired(PUSHED)


# ---- when to look again ----------------------------------------------------------------------------------------------


def test_an_unpaid_order_is_checked_ever_more_rarely() -> None:
    repairer, looks = Repairer(REFUND, str), [NOW + 180]
    while len(looks) < 8:
        looks.append(repairer.next_due(PLACED, now=looks[-1]))

    minutes = [(look - NOW) // 60 for look in looks]
    assert minutes == [3, 8, 26, 80, 241, 724, 2174, 6524]


@pytest.mark.parametrize("order", [COMPLETED, CANCELLED, REFUNDED])
def test_what_is_final_is_never_checked_again(order: Order) -> None:
    assert Repairer(REFUND, str).next_due(replace(order, due_at=NOW), now=LATER) == 0


def test_an_effect_that_cannot_leave_is_tried_again_within_the_hour_however_long_it_takes() -> None:
    month, tried = NOW + 30 * 86_400, after(PAID, EffectFailed(NOW + 70, Ship(), next_at=NOW + 90))

    assert Repairer(REFUND, str).next_due(tried, now=month) == month + 3600


def test_trying_in_vain_does_not_count_as_progress() -> None:
    owed = (
        EffectMissingRemotely(NOW + 9000, PushStatus("shipped")),
        EffectFailed(NOW + 9000, PushStatus("shipped"), next_at=NOW + 9015),
    )
    pushed_again = after(PUSHED, *owed)

    assert Repairer(REFUND, str).next_due(pushed_again, now=NOW + 9001) == NOW + 9001 + 3600


EXPIRING = Policy(expiry_seconds=1800)


@pytest.mark.parametrize(("age", "expected"), [(1799, ()), (1800, (PushStatus("cancelled"),))])
def test_an_order_that_nobody_pays_is_cancelled_when_its_time_is_over(
    age: int, expected: tuple[EffectKey, ...]
) -> None:
    result = Repairer(EXPIRING, str).repair(PLACED, remote("created"), now=PLACED.created_at + age)

    assert result.order is not None
    assert (expected, Status.PLACED) == (result.order.pending, result.order.status)


def test_a_payment_that_came_a_moment_before_is_taken_and_nothing_is_cancelled() -> None:
    result = Repairer(EXPIRING, str).repair(PLACED, remote("paid", PAY), now=PLACED.created_at + 1801)

    assert result.order is not None
    assert (Status.PAID, (Ship(),)) == (result.order.status, result.order.pending)


def test_without_a_set_time_orders_wait_for_ever() -> None:
    result = Repairer(REFUND, str).repair(PLACED, remote("created"), now=PLACED.created_at + 10**7)

    assert result.order == PLACED


def test_an_unpaid_order_is_checked_when_it_expires_and_not_later() -> None:
    assert PLACED.created_at + 1800 == Repairer(EXPIRING, str).next_due(PLACED, now=PLACED.created_at + 1700)


def test_an_order_that_the_platform_never_took_is_abandoned_when_its_time_is_over() -> None:
    decision = decide(CREATED, None, now=NOW + 1801, policy=EXPIRING)

    assert [Cancelled] == [type(action) for action in decision.actions]


def test_an_effect_that_nobody_has_tried_is_requested_soon_and_then_ever_more_rarely() -> None:
    shipped, repairer = after(PAID, EffectDone(NOW, Ship())), Repairer(REFUND, str)
    looks = [NOW]
    while len(looks) < 7:
        looks.append(repairer.next_due(shipped, now=looks[-1]))

    assert [3, 7, 19, 55, 115, 175] == [(look - NOW) // 60 for look in looks[1:]]
