"""How a refund that gave nothing back is shown: to the member, the merchant, the statement and the reconciler."""

from dataclasses import replace

import pytest

from jiuwu.checkout.views import for_merchant, receipt
from jiuwu.orders.effect_key import EffectKey, RefundAll, RefundPart, Ship
from jiuwu.orders.events import EffectMissingRemotely, Event, Refunded, RefundStatusChanged
from jiuwu.orders.ids import effect_id
from jiuwu.orders.order import REFUND_FAILED, Effect, Failure, Order
from jiuwu.orders.outcomes import effect_state
from jiuwu.orders.state_machine import apply
from jiuwu.platform.models import RefundState, RemoteOrder
from jiuwu.reconciliation.decide import decide
from jiuwu.statements.totals import of_pair
from tests.orders.lives import (
    CANCELLED,
    COMPLETED,
    CREATED,
    NOW,
    PUSHED,
    REFUND,
    SHIPPED,
    after,
    done,
    order_of,
    paid,
    placed,
    refunded,
)
from tests.orders.refund_news import NOT_SUCCEEDED, alerts, changed, requested
from tests.reconciliation.sides import payment, refund, remote

# ── How it is shown ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("status", "words", "refunding"),
    [
        ("processing", "退款处理中", "12.34"),
        ("unknown", "退款处理中", "12.34"),
        ("failed", "退款未成功，请联系商家", None),
    ],
)
def test_a_member_reads_how_a_refund_stands(status: str, words: str, refunding: str | None) -> None:
    shown = receipt(after(SHIPPED, changed(status)))

    timeline = shown["timeline"]
    assert isinstance(timeline, list)
    assert (words, refunding) == (timeline[-1]["what"], shown.get("refunding"))
    assert "已退款" not in str(shown)


@pytest.mark.parametrize(
    ("status", "state"), [("processing", "processing"), ("failed", "failed"), ("succeeded", "done")]
)
def test_the_merchant_reads_how_a_refund_stands(status: str, state: str) -> None:
    order, number = requested(SHIPPED, 500)
    booked = replace(refunded(fen=500), out_refund_no=number) if status == "succeeded" else None
    shown = for_merchant(after(order, booked or changed(status, fen=500, number=number)))

    assert [status] == [one["status"] for one in shown["refunds"]]  # type: ignore[attr-defined]
    assert state == shown["effects"][-1]["state"]  # type: ignore[index]


def test_a_refund_that_the_platform_took_is_processing_until_it_is_booked() -> None:
    order, _ = requested(SHIPPED, 500)

    assert "processing" == effect_state(order, order.effects[-1][0])


# ── The statement ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", ["processing", "failed"])
def test_a_statement_counts_what_succeeded_only(status: RefundState) -> None:
    order = order_of(COMPLETED, apply(COMPLETED, changed(status), policy=REFUND))
    there = remote("completed", [payment()], [refund(status=status)])

    totals = of_pair(order, there, now=NOW + 90_000, policy=REFUND, fresh_seconds=360)

    assert {0} == {figures.refunded_fen for side in (totals.here, totals.there) for figures in side.values()}
    assert (0, 0) == (totals.differing, totals.waiting)


def test_a_statement_calls_an_order_whose_refund_is_under_way_no_difference() -> None:
    order = after(COMPLETED, changed("processing"))
    there = remote("refunded", [payment()], [refund(status="processing")])

    totals = of_pair(order, there, now=NOW + 90_000, policy=REFUND, fresh_seconds=360)

    assert (0, 1) == (totals.differing, totals.waiting)


# ── The platform's list ───────────────────────────────────────────────────────────────────────────────────────────────


def decided(order: Order, there: RemoteOrder) -> tuple[list[Event], list[str]]:
    decision = decide(order, there, now=NOW + 1000, policy=REFUND)
    events = [
        action
        for action in decision.actions
        if isinstance(action, RefundStatusChanged | EffectMissingRemotely | Refunded)
    ]
    return list(events), [finding.evidence for finding in decision.findings]


@pytest.mark.parametrize("status", NOT_SUCCEEDED)
def test_what_the_list_shows_of_a_refund_is_taken_in_once_and_is_no_drift(status: RefundState) -> None:
    there = remote("shipped", [payment()], [refund(status=status)])

    events, findings = decided(PUSHED, there)

    assert ([status], []) == ([getattr(event, "status", "") for event in events], findings)
    assert ([], []) == decided(after(PUSHED, *events), there)


def test_a_refund_of_ours_that_the_list_shows_is_not_requested_again_however_it_stands() -> None:
    order, number = requested(PUSHED, 500)
    states: list[RefundState] = ["processing", "failed", "unknown"]
    for status in states:
        shown = refund(fen=500, out_refund_no=number, status=status)
        there = remote("shipped", [payment()], [shown])
        events, _ = decided(order, there)
        assert ([], []) == decided(after(order, *events), there)


def test_a_second_payment_is_requested_back_though_the_platform_gave_a_part_of_it_back() -> None:
    order = after(PUSHED, paid("t2"), done(RefundAll("t2")), refunded("r9", "t2", 234))
    there = remote("shipped", [payment(), payment("t2")], [refund("r9", "t2", 234)])

    assert [EffectMissingRemotely(NOW + 1000, RefundAll("t2"))] == decided(order, there)[0]


@pytest.mark.parametrize("status", ["processing", "failed"])
def test_a_refund_booked_here_and_not_made_there_is_a_difference(status: RefundState) -> None:
    there = remote("shipped", [payment()], [refund(status=status)])

    events, findings = decided(after(PUSHED, refunded()), there)

    assert [] == events
    assert f"refund r1 is {status} there" in findings


@pytest.mark.parametrize("state", ["refunded", "cancelled", "created"])
def test_a_failure_is_heard_of_though_the_order_there_contradicts_it(state: str) -> None:
    there = remote(state, [payment()], [refund(status="failed")])

    events, findings = decided(PUSHED, there)

    assert ["failed"] == [getattr(event, "status", "") for event in events]
    assert 1 == len(findings)
    assert () == alerts(after(PUSHED, *events), changed("failed", event="again"))


@pytest.mark.parametrize("status", ["processing", "unknown"])
def test_a_late_payment_on_its_way_back_is_no_contradiction(status: RefundState) -> None:
    late = after(CANCELLED, paid(), done(RefundAll("t1")))
    shown = refund(out_refund_no=effect_id(late.order_no, RefundAll("t1")), status=status)
    there = remote("paid", [payment()], [shown])

    events, _ = decided(late, there)
    heard = after(late, *events)

    assert ([], []) == decided(heard, there)
    totals = of_pair(heard, there, now=NOW + 90_000, policy=REFUND, fresh_seconds=360)
    assert (0, 1) == (totals.differing, totals.waiting)


@pytest.mark.parametrize(
    ("key", "effect", "state"),
    [
        (RefundAll("t2"), None, "pending"),
        (RefundAll("t1"), Effect(attempts=3), "pending"),
        (RefundAll("t1"), Effect(failure=REFUND_FAILED), "failed"),
        (RefundAll("t1"), Effect(failure=Failure("exhausted", "UnknownOutcome")), "failed_permanently"),
        (RefundAll("t1"), Effect(done_at=NOW), "processing"),
        (RefundPart("t1", "rule-1"), Effect(done_at=NOW, fen=34), "processing"),
        (RefundAll("t9"), Effect(done_at=NOW), "done"),
        (Ship(), Effect(done_at=NOW), "done"),
    ],
)
def test_a_refund_is_done_once_it_is_booked_and_any_other_effect_at_once(
    key: EffectKey, effect: Effect | None, state: str
) -> None:
    order = after(CREATED, placed(), paid())

    assert state == effect_state(order.with_effect(key, effect) if effect else order, key)
