"""Which side is behind, what an order is put on hold for, and what is adopted: the borders of each decision."""

from dataclasses import replace

import pytest

from jiuwu.orders.effect_key import PushStatus
from jiuwu.orders.events import EffectMissingRemotely, Expired, RefundRequested
from jiuwu.orders.order import Order, Status
from jiuwu.orders.outcomes import Policy
from jiuwu.platform.models import RemoteItem, RemoteOrder
from jiuwu.reconciliation.decide import Hold, NotOurs, adopt, decide
from jiuwu.reconciliation.drift import Drift
from tests.orders.lives import (
    CANCELLED,
    COMPLETED,
    HELD,
    NOW,
    PAID,
    PLACED,
    PUSHED,
    REFUND,
    REFUNDED,
    after,
    cancelled,
    completed,
)
from tests.reconciliation.sides import payment, refund, remote

LATER = NOW + 1000
PAY = [payment()]
BACK = [refund()]
BEHIND, IMPOSSIBLE = Drift.PLATFORM_BEHIND, Drift.STATE_IMPOSSIBLE


@pytest.mark.parametrize(
    ("local", "there", "drift"),
    [
        # its payment is not there, and that explains the state
        (replace(PAID, effects=()), remote(), [BEHIND]),
        (replace(PUSHED, effects=()), remote("paid", PAY), [BEHIND]),
        (replace(COMPLETED, effects=()), remote("shipped", PAY), [BEHIND]),
        # both ends are as far as an order comes: no effect of ours leads from one to the other
        (REFUNDED, remote("cancelled", PAY, BACK), [IMPOSSIBLE]),
        (replace(CANCELLED, ledger=REFUNDED.ledger), remote("refunded", PAY, BACK), [IMPOSSIBLE]),
        (HELD, remote("shipped", [payment(fen=1000)]), []),
    ],
)
def test_the_platform_is_behind_where_an_order_comes_further_here(
    local: Order, there: RemoteOrder, drift: list[Drift]
) -> None:
    taken = after(local, *decide(local, there, now=LATER, policy=REFUND).actions)  # type: ignore[arg-type]

    assert drift == [finding.class_ for finding in decide(taken, there, now=LATER, policy=REFUND).findings]


# ---- on hold ---------------------------------------------------------------------------------------------------------


def test_an_order_on_hold_says_the_first_difference() -> None:
    there = remote("paid", [payment(fen=1000)], amount_fen=1300)

    assert (Hold("ordered for 1234 fen, there for 1300 fen"),) == decide(PAID, there, now=LATER, policy=REFUND).actions


@pytest.mark.parametrize(
    ("local", "there"),
    [
        (after(PAID, RefundRequested("ask", NOW + 70, 1234)), remote("paid", PAY, amount_fen=1300)),
        (after(PAID, completed()), remote("completed", PAY, amount_fen=1300)),
    ],
    ids=["withdrawn", "completed"],
)
def test_an_order_whose_parcel_is_withdrawn_or_that_is_completed_is_not_put_on_hold(
    local: Order, there: RemoteOrder
) -> None:
    decision = decide(local, there, now=LATER, policy=REFUND)

    assert () == decision.actions
    assert [Drift.AMOUNT_DIFFERS] == [finding.class_ for finding in decision.findings]


# ---- expiry ----------------------------------------------------------------------------------------------------------


def test_a_short_order_that_is_further_there_does_not_expire() -> None:
    policy = Policy(expiry_seconds=1800)

    shipped, paid = (
        decide(HELD, remote(status, [payment(fen=1000)]), now=NOW + 1800, policy=policy).actions
        for status in ("shipped", "paid")
    )

    assert ((), (Expired(NOW + 1800),)) == (shipped, paid)


def test_an_order_that_expires_at_the_first_second_of_all_does_expire() -> None:
    order = replace(PLACED, created_at=0)

    assert (Expired(1),) == decide(order, remote(), now=1, policy=Policy(expiry_seconds=1)).actions


# ---- orders for points -----------------------------------------------------------------------------------------------

FREE = replace(PLACED, amount_fen=0, points=300)
NOTHING = [payment(fen=0)]


@pytest.mark.parametrize(("status", "pushed"), [("created", True), ("paid", True), ("shipped", False)])
def test_an_order_for_points_that_is_cancelled_here_is_cancelled_where_it_was_paid_by_nothing(
    status: str, pushed: bool
) -> None:
    there = remote(status, NOTHING, amount_fen=0)

    decision = decide(after(FREE, cancelled()), there, now=LATER, policy=REFUND)

    cancellation = EffectMissingRemotely(LATER, PushStatus("cancelled"))
    assert ((cancellation,) if pushed else ()) == decision.actions


def test_an_order_that_costs_money_and_is_paid_there_is_not_cancelled_there() -> None:
    late = replace(CANCELLED, ledger=PAID.ledger)

    assert () == decide(late, remote("paid", PAY), now=LATER, policy=REFUND).actions


# ---- adopted ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("there", "why"),
    [
        (remote(open_id=""), "it names no member"),
        (
            remote(amount_fen=0, items=(RemoteItem(product_id="p1", title="茶", quantity=2, price_fen=0),)),
            "it costs nothing: how many points paid for it, only we knew",
        ),
    ],
)
def test_an_order_without_a_member_or_a_price_is_not_adopted(there: RemoteOrder, why: str) -> None:
    with pytest.raises(NotOurs) as refused:
        adopt(there, member_id="mb_x", now=LATER)

    assert why == str(refused.value)


# ---- notifications that did not come ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("local", "there", "evidence"),
    [
        (PLACED, remote("paid", PAY), ["paid:t1"]),
        (PLACED, remote("cancelled"), [f"cancelled:{PLACED.order_no}"]),
        (PUSHED, remote("completed", PAY), [f"completed:{PLACED.order_no}"]),
        (PUSHED, remote("refunded", PAY, BACK), ["refunded:r1"]),
    ],
)
def test_a_missed_notification_is_named_by_what_it_would_have_told(
    local: Order, there: RemoteOrder, evidence: list[str]
) -> None:
    assert Status.HELD is not local.status
    assert evidence == [finding.evidence for finding in decide(local, there, now=LATER, policy=REFUND).findings]
