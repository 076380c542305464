"""What each pair of sides calls for."""

from dataclasses import replace

import pytest

from jiuwu.orders.effect_key import PushStatus, RefundAll, Ship
from jiuwu.orders.events import (
    Cancelled,
    Completed,
    EffectDone,
    EffectFailed,
    EffectMissingRemotely,
    Expired,
    Paid,
    PaymentsDoubted,
    Placed,
    Refunded,
    RefundRequested,
)
from jiuwu.orders.ids import effect_id, fingerprint
from jiuwu.orders.order import Failure, HistoryEntry, HoldReason, Order, Status
from jiuwu.orders.outcomes import Policy
from jiuwu.platform.models import RemoteOrder, RemoteRefund
from jiuwu.reconciliation.decide import Adopt, Hold, NotOurs, Place, adopt, decide, hold, remote_events
from jiuwu.reconciliation.drift import Drift
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
    paid,
    refunded,
)
from tests.reconciliation.sides import ITEMS, payment, refund, remote

LATER = NOW + 1000
PAY = [payment()]
BACK = [refund()]
REFUND_DONE = after(CANCELLED, paid(), done(RefundAll("t1")))
CANCEL_PENDING = after(CREATED, cancelled(), *[Placed(NOW + 71, "P1")])
PUSHED_FOR_T2 = after(PLACED, paid("t2"), done(), done(PushStatus("shipped")))
OTHERS = remote(open_id="ou_other")

Case = tuple[Order | None, RemoteOrder | None, list[type], list[Drift]]
TABLE: dict[str, Case] = {
    "neither side has it": (None, None, [], []),
    # ---- the same on both sides
    "placed": (PLACED, remote(), [], []),
    "paid, the ship request not yet out": (PAID, remote("paid", PAY), [], []),
    "shipped, not yet pushed": (SHIPPED, remote("paid", PAY), [], []),
    "shipped": (PUSHED, remote("shipped", PAY), [], []),
    "completed": (COMPLETED, remote("completed", PAY), [], []),
    "cancelled": (CANCELLED, remote("cancelled"), [], []),
    "cancelled, not yet pushed": (CANCEL_PENDING, remote(), [], []),
    "refunded": (REFUNDED, remote("refunded", PAY, BACK), [], []),
    "paid in part, waiting for the rest": (HELD, remote("paid", [payment(fen=1000)]), [], []),
    "paid in part, open there": (HELD, remote("created", [payment(fen=1000)]), [], []),
    "held for a person": (
        replace(HELD, hold_reason=HoldReason.DIFFERS),
        remote("paid", [payment(fen=1000)]),
        [],
        [Drift.AMOUNT_DIFFERS],
    ),
    "never placed and cancelled": (after(CREATED, cancelled()), None, [], []),
    # ---- missed notifications
    "placed, the reply was lost": (CREATED, remote(), [Placed], []),
    "paid": (PLACED, remote("paid", PAY), [Paid], [Drift.MISSED_NOTIFICATION]),
    "paid before we knew it was placed": (CREATED, remote("paid", PAY), [Placed, Paid], [Drift.MISSED_NOTIFICATION]),
    "cancelled there": (PLACED, remote("cancelled"), [Cancelled], [Drift.MISSED_NOTIFICATION]),
    "completed there": (PUSHED, remote("completed", PAY), [Completed], [Drift.MISSED_NOTIFICATION]),
    "refunded there": (PUSHED, remote("refunded", PAY, BACK), [Refunded], [Drift.MISSED_NOTIFICATION]),
    "paid and refunded there": (
        PLACED,
        remote("refunded", PAY, BACK),
        [Paid, Refunded],
        [Drift.MISSED_NOTIFICATION, Drift.MISSED_NOTIFICATION],
    ),
    "a whole life": (
        PLACED,
        remote("completed", PAY),
        [Paid, Completed],
        [Drift.MISSED_NOTIFICATION, Drift.MISSED_NOTIFICATION],
    ),
    "paid after we cancelled": (CANCELLED, remote("paid", PAY), [Paid], [Drift.MISSED_NOTIFICATION]),
    "paid a second time": (
        PUSHED,
        remote("shipped", [payment(), payment("t2")]),
        [Paid],
        [Drift.MISSED_NOTIFICATION],
    ),
    "cancelled there, paid in part": (
        PLACED,
        remote("cancelled", [payment(fen=1000)]),
        [Paid, Cancelled],
        [Drift.MISSED_NOTIFICATION, Drift.MISSED_NOTIFICATION],
    ),
    "paid in part, then the rest": (
        HELD,
        remote("paid", [payment(fen=1000), payment("t2", 234)]),
        [Paid],
        [Drift.MISSED_NOTIFICATION],
    ),
    "paid with another amount": (
        PLACED,
        remote("paid", [payment(fen=1000)]),
        [Paid],
        [Drift.MISSED_NOTIFICATION],
    ),
    # ---- the platform is behind
    "shipped, pushed, forgotten": (PUSHED, remote("paid", PAY), [EffectMissingRemotely], [Drift.PLATFORM_BEHIND]),
    "completed, it does not even know of shipping": (
        COMPLETED,
        remote("paid", PAY),
        [EffectMissingRemotely],
        [Drift.PLATFORM_BEHIND],
    ),
    "completed, it says shipped": (COMPLETED, remote("shipped", PAY), [], [Drift.PLATFORM_BEHIND]),
    "cancelled here only": (CANCELLED, remote(), [EffectMissingRemotely], [Drift.PLATFORM_BEHIND]),
    "refund requested, confirmed, not made": (
        REFUND_DONE,
        remote("paid", PAY),
        [EffectMissingRemotely],
        [Drift.PLATFORM_BEHIND],
    ),
    "our proof of payment is not there": (PAID, remote(), [], [Drift.PLATFORM_BEHIND]),
    "our refund is not there": (REFUNDED, remote("paid", PAY), [], [Drift.PLATFORM_BEHIND]),
    "refunded here after shipping, paid there": (
        after(PUSHED, refunded()),
        remote("paid", PAY),
        [],
        [Drift.PLATFORM_BEHIND],
    ),
    "completed here, its parcel withdrawn for a refund in whole, paid there": (
        after(PAID, RefundRequested("ask", NOW + 70, 1234), completed()),
        remote("paid", PAY),
        [],
        [],
    ),
    "paid here, paid there without its payment": (PAID, remote("paid"), [], [Drift.PLATFORM_BEHIND]),
    "cancelled here unpaid, its push given up, open there": (
        after(
            CANCEL_PENDING,
            EffectFailed(NOW + 90, PushStatus("cancelled"), failure=Failure("exhausted", "TransitionRefused")),
        ),
        remote(),
        [],
        [Drift.PLATFORM_BEHIND],
    ),
    # ---- one side does not have it
    "only there": (None, remote(), [Adopt], [Drift.MISSING_HERE]),
    "refunded here, cancelled there, both over": (
        REFUNDED,
        remote("cancelled", [payment()], [refund()]),
        [],
        [Drift.STATE_IMPOSSIBLE],
    ),
    "only there, number not ours": (None, remote(out_order_no="X1"), [], [Drift.STATE_IMPOSSIBLE]),
    "only there, lines do not explain it": (None, remote(amount_fen=1235), [], [Drift.STATE_IMPOSSIBLE]),
    "only there, paid without payment": (None, remote("paid"), [], [Drift.STATE_IMPOSSIBLE]),
    "created, not placed": (CREATED, None, [Place], [Drift.MISSING_THERE]),
    "placed, unknown there": (PLACED, None, [Place], [Drift.MISSING_THERE]),
    "paid, unknown there": (PAID, None, [], [Drift.STATE_IMPOSSIBLE]),
    "held, unknown there": (HELD, None, [], [Drift.STATE_IMPOSSIBLE]),
    "refunded, unknown there": (REFUNDED, None, [], [Drift.STATE_IMPOSSIBLE]),
    "to be cancelled, unknown there": (CANCEL_PENDING, None, [EffectDone], []),
    # ---- money that does not fit
    "another amount, unpaid": (PLACED, remote(amount_fen=1300), [Hold], [Drift.AMOUNT_DIFFERS]),
    "another amount, paid": (PAID, remote("paid", PAY, amount_fen=1300), [Hold], [Drift.AMOUNT_DIFFERS]),
    "another amount, shipped": (PUSHED, remote("shipped", PAY, amount_fen=1300), [], [Drift.AMOUNT_DIFFERS]),
    "the payment has another amount": (PAID, remote("paid", [payment(fen=1000)]), [Hold], [Drift.AMOUNT_DIFFERS]),
    "the refund has another amount": (
        REFUNDED,
        remote("refunded", PAY, [refund(fen=1)]),
        [],
        [Drift.AMOUNT_DIFFERS],
    ),
    # ---- what cannot be
    "another member's": (PLACED, OTHERS, [], [Drift.STATE_IMPOSSIBLE]),
    "under another number": (PLACED, remote(platform_order_no="P2"), [], [Drift.STATE_IMPOSSIBLE]),
    "paid without a payment": (PLACED, remote("paid"), [], [Drift.STATE_IMPOSSIBLE]),
    "paid without a payment, its number not heard of": (CREATED, remote("paid"), [], [Drift.STATE_IMPOSSIBLE]),
    "completed without a payment": (PLACED, remote("completed"), [], [Drift.STATE_IMPOSSIBLE]),
    "cancelled with money in it": (PLACED, remote("cancelled", PAY), [], [Drift.STATE_IMPOSSIBLE]),
    "created with money in it": (PLACED, remote("created", PAY), [], [Drift.STATE_IMPOSSIBLE]),
    "refunded without a refund": (PAID, remote("refunded", PAY), [], [Drift.STATE_IMPOSSIBLE]),
    "cancelled there, shipped here": (
        PUSHED,
        remote("cancelled"),
        [],
        [Drift.PLATFORM_BEHIND, Drift.STATE_IMPOSSIBLE],
    ),
    "shipped there, refunded here": (
        REFUNDED,
        remote("shipped", PAY, BACK),
        [],
        [Drift.PLATFORM_BEHIND],
    ),
    "cancelled there, its shipping under way here": (
        PAID,
        remote("cancelled"),
        [],
        [Drift.PLATFORM_BEHIND, Drift.STATE_IMPOSSIBLE],
    ),
    "refunded and paid again there, heard of in the other sequence": (
        after(PUSHED_FOR_T2, paid("t1"), refunded()),
        remote("refunded", [payment(), payment("t2")], BACK),
        [],
        [Drift.STATE_IMPOSSIBLE],
    ),
    "paid there, cancelled here, nothing owed": (
        replace(REFUND_DONE, effects=()),
        remote("paid", PAY),
        [],
        [Drift.STATE_IMPOSSIBLE],
    ),
}


@pytest.mark.parametrize("case", TABLE.values(), ids=TABLE.keys())
def test_each_pair_of_sides_has_its_actions_and_its_drift(case: Case) -> None:
    local, there, actions, drift = case

    decision = decide(local, there, now=LATER, policy=REFUND)

    assert actions == [type(action) for action in decision.actions]
    assert drift == [finding.class_ for finding in decision.findings]


@pytest.mark.parametrize("case", TABLE.values(), ids=TABLE.keys())
def test_a_finding_names_the_order_and_its_evidence(case: Case) -> None:
    local, there, _, _ = case
    number = local.order_no if local else there.out_order_no if there else ""

    for finding in decide(local, there, now=LATER, policy=REFUND).findings:
        assert finding.order_no == number
        assert finding.evidence


def test_news_has_ids_made_of_the_evidence_so_that_two_finders_apply_it_once() -> None:
    there = remote("completed", PAY, BACK)

    ids = [getattr(event, "event_id", "") for event in remote_events(CREATED, there, at=LATER)]

    number = CREATED.order_no
    assert ids == ["", "reconcile:paid:t1", "reconcile:refunded:r1", f"reconcile:completed:{number}"]


def test_events_come_in_the_order_in_which_the_money_moved() -> None:
    there = remote("paid", [payment("late", at=NOW + 70), payment("early", at=NOW + 50)])

    first, second = remote_events(PLACED, there, at=LATER)

    assert (isinstance(first, Paid), isinstance(second, Paid)) == (True, True)
    assert [getattr(event, "transaction_id", "") for event in (first, second)] == ["early", "late"]


def test_an_adopted_order_is_the_one_that_the_same_request_would_make() -> None:
    order = adopt(remote(), member_id="mb_x", now=LATER)

    assert (CREATED.order_no, "mb_x", CREATED.open_id, CREATED.lines, 1234) == (
        order.order_no,
        order.member_id,
        order.open_id,
        order.lines,
        order.amount_fen,
    )
    assert (order.status, order.created_at, order.due_at) == (Status.CREATED, NOW, LATER)


@pytest.mark.parametrize(
    "foreign",
    [
        remote(out_order_no="ORDER-1"),
        remote(out_order_no=CREATED.order_no.lower()),
        remote(out_order_no=CREATED.order_no + "A"),
        remote(items=()),
        remote(items=ITEMS * 2),
        remote(amount_fen=0, items=()),
    ],
)
def test_what_is_not_provably_ours_is_not_adopted(foreign: RemoteOrder) -> None:
    with pytest.raises(NotOurs):
        adopt(foreign, member_id="mb_x", now=LATER)


def test_a_part_that_was_requested_back_and_is_not_there_is_due_again() -> None:
    requested = after(PAID, RefundRequested("ask-1", NOW + 70, 500))
    (name,) = requested.requested_parts("t1")
    requested = after(requested, EffectDone(NOW + 80, name))

    decision = decide(requested, remote("paid", [payment()]), now=NOW + 1000, policy=REFUND)

    assert (EffectMissingRemotely(NOW + 1000, name),) == decision.actions
    assert name in after(requested, *decision.actions).pending


def test_a_refund_that_answers_a_request_of_ours_is_booked_as_such() -> None:
    requested = after(PAID, RefundRequested("ask-1", NOW + 70, 500))
    (name,) = requested.requested_parts("t1")
    there = refund(fen=500, out_refund_no=effect_id(requested.order_no, name))

    booked = after(requested, *remote_events(requested, remote("paid", [payment()], [there]), at=NOW + 90))
    assert ([name], set()) == ([refund.answers for refund in booked.refunds], set(booked.pending) - {Ship()})


@pytest.mark.parametrize("expiry_seconds", [0, 1800])
def test_an_order_that_the_platform_would_not_take_is_abandoned_when_its_time_is_over(expiry_seconds: int) -> None:
    policy, until = Policy(expiry_seconds=expiry_seconds), NOW + (expiry_seconds or 86_400)

    kept, abandoned = (decide(CREATED, None, now=now, policy=policy).actions for now in (until, until + 1))

    assert ((Place(),), [Cancelled]) == (kept, [type(action) for action in abandoned])


@pytest.mark.parametrize("local", [PLACED, HELD], ids=lambda order: str(order.status))
def test_an_order_expires_at_its_very_second(local: Order) -> None:
    there = remote("paid", [payment(fen=1000)]) if local is HELD else remote()
    policy = Policy(expiry_seconds=1800)

    before, at = (decide(local, there, now=NOW + seconds, policy=policy).actions for seconds in (1799, 1800))

    assert ((), (Expired(NOW + 1800),)) == (before, at)


@pytest.mark.parametrize("local", [PLACED, HELD], ids=lambda order: str(order.status))
def test_without_an_expiry_no_order_expires(local: Order) -> None:
    there = remote("paid", [payment(fen=1000)]) if local is HELD else remote()

    assert () == decide(local, there, now=NOW + 10**8, policy=REFUND).actions


def test_an_order_of_both_sides_that_the_platform_knows_as_paid_does_not_expire() -> None:
    decision = decide(PAID, remote("paid", PAY), now=NOW + 10**6, policy=Policy(expiry_seconds=1800))

    assert () == decision.actions


def test_an_adopted_order_says_so_and_was_made_when_the_platform_says() -> None:
    order, undated = (
        adopt(there, member_id="mb_x", now=LATER) for there in (remote(created_at=NOW + 5), remote(created_at=0))
    )

    assert (NOW + 5, LATER) == (order.created_at, undated.created_at)
    assert (HistoryEntry(LATER, "", "adopted"),) == order.history
    assert fingerprint([("p1", 2)]) == order.fingerprint


def test_an_order_on_hold_says_why_and_ships_no_more() -> None:
    held = hold(PAID, "another amount", at=LATER)

    assert (Status.HELD, HoldReason.DIFFERS, ()) == (held.status, held.hold_reason, held.pending)
    assert (*PAID.history, HistoryEntry(LATER, "", "held", "another amount")) == held.history


@pytest.mark.parametrize(("updated_at", "moved_at"), [(NOW + 100, NOW + 100), (0, LATER)])
def test_money_whose_time_the_platform_does_not_say_moved_when_the_order_last_changed(
    updated_at: int, moved_at: int
) -> None:
    undated = RemoteRefund(refund_id="r1", transaction_id="t1", amount_fen=1234, refunded_at=0, status="succeeded")
    there = remote("refunded", [payment(at=0)], [undated], updated_at=updated_at)

    events = list(remote_events(PLACED, there, at=LATER))

    assert [moved_at, moved_at] == [
        event.paid_at if isinstance(event, Paid) else event.refunded_at
        for event in events
        if isinstance(event, Paid | Refunded)
    ]


def test_a_payment_in_doubt_that_the_platform_shows_is_told_again_under_an_id_of_its_own() -> None:
    doubted = after(PAID, PaymentsDoubted(NOW + 300, ("t1",)))

    (event,) = remote_events(doubted, remote("paid", PAY), at=LATER)

    assert isinstance(event, Paid)
    assert (f"reconcile:shown:{NOW + 300}:t1", True) == (event.event_id, event.shown)
    assert [] == list(remote_events(doubted, remote("paid", [payment(fen=1)]), at=LATER))


@pytest.mark.parametrize(
    ("local", "there", "evidence"),
    [
        (PUSHED, remote("paid", PAY), "push:shipped again: shipped here, paid there"),
        (PAID, remote(), "payment t1 is not there"),
        (REFUNDED, remote("paid", PAY), "refund r1 is not there"),
        (COMPLETED, remote("shipped", PAY), "completed here with 1234 fen, shipped there"),
        (CREATED, None, "created here with 0 fen, unknown there"),
        (None, remote(), "created there, unknown here"),
        (
            None,
            remote(amount_fen=1235),
            "unknown here and not adopted: its lines add up to 1234 fen, its amount is 1235 fen",
        ),
        (None, remote(open_id=""), "unknown here and not adopted: it names no member"),
        (None, remote(out_order_no="X1"), "unknown here and not adopted: its number is not of our making"),
    ],
)
def test_the_evidence_says_what_each_side_has(local: Order | None, there: RemoteOrder | None, evidence: str) -> None:
    assert [evidence] == [one.evidence for one in decide(local, there, now=LATER, policy=REFUND).findings]
