"""Each check over orders can fail: broken by hand, its invariant is named with the evidence."""

from dataclasses import replace

import pytest

from jiuwu.orders.effect_key import PushStatus, RefundAll
from jiuwu.orders.effect_rules import MAY_HAVE_SHIPPED
from jiuwu.orders.order import REFUND_FAILED, Effect, Entry, Failure, HistoryEntry, HoldReason, Order, Status
from sandbox.invariants.checks import INVARIANTS, violations
from sandbox.invariants.facts import Facts, RemoteOrder, same
from tests.sandbox.invariants.kept import KEPT, SHIPPED, THERE, found

CANCELLED = replace(SHIPPED, status=Status.CANCELLED, ledger=(), effects=(), platform_order_no="")
REFUNDED = replace(
    SHIPPED, status=Status.REFUNDED, ledger=(*SHIPPED.ledger, Entry("RF1", -1234, 3, of="TX1")), effects=()
)
REFUNDED_THERE = RemoteOrder("refunded", {"TX1": 1234}, {"RF1": 1234})
OUR_FAULT = Failure("poison", "OrderUnknown")


def with_order(**changes: object) -> Facts:
    return replace(KEPT, local={"JW1": replace(SHIPPED, **changes)})  # type: ignore[arg-type]


def with_remote(**changes: object) -> Facts:
    return replace(KEPT, remote={"JW1": replace(THERE, **changes)})  # type: ignore[arg-type]


def failed(key: PushStatus | RefundAll, failure: Failure) -> Facts:
    return with_order(effects=(*SHIPPED.effects, (key, Effect(failure=failure))))


def test_a_run_that_kept_every_promise_passes() -> None:
    assert [] == violations(KEPT)


BROKEN = {
    "missing here": (
        replace(KEPT, remote={"JW1": THERE, "JW2": RemoteOrder("cancelled", {}, {})}),
        "both sides have every order",
        "JW2: the platform has it (cancelled), we do not",
    ),
    "missing there": (
        replace(KEPT, remote={}),
        "both sides have every order",
        "JW1: we have it (shipped), the platform does not",
    ),
    "cancelled, and the platform never had it though it confirmed it": (
        replace(KEPT, local={**KEPT.local, "JW2": replace(CANCELLED, platform_order_no="P2")}),
        "both sides have every order",
        "JW2: we have it (cancelled), the platform does not",
    ),
    "statuses differ": (
        with_remote(status="paid"),
        "the status is the same on both sides",
        "JW1: shipped here, paid there",
    ),
    "not placed yet here, and there": (
        replace(with_order(status=Status.CREATED), remote={"JW1": replace(THERE, status="created")}),
        "the status is the same on both sides",
        "JW1: created here, created there",
    ),
    "held here, open there": (
        replace(with_order(status=Status.HELD), remote={"JW1": replace(THERE, status="created")}),
        "the status is the same on both sides",
        "JW1: held here, created there",
    ),
    "not shipped": (
        replace(KEPT, ship_requests=()),
        "one ship request per paid order",
        "JW1: shipped, 0 ship requests instead of 1",
    ),
    "shipped twice": (
        replace(KEPT, ship_requests=("JW1:ship", "JW1:ship-again")),
        "one ship request per paid order",
        "JW1: shipped, 2 ship requests instead of 1",
    ),
    "shipped unpaid": (
        with_order(status=Status.PLACED),
        "one ship request per paid order",
        "JW1: placed, 1 ship requests instead of 0",
    ),
    "shipped though held": (
        with_order(status=Status.HELD),
        "one ship request per paid order",
        "JW1: held, 1 ship requests instead of 0",
    ),
    "a ship request without an order": (
        replace(KEPT, ship_requests=("JW1:ship", "JW9:ship")),
        "one ship request per paid order",
        "JW9: a ship request, and no such order",
    ),
    "a ship request that the order does not show": (
        with_order(effects=()),
        "an order shows its ship request",
        "JW1: a ship request went out, and the order does not show it",
    ),
    "a payment booked twice": (
        with_order(ledger=SHIPPED.ledger * 2),
        "each payment is booked once",
        "JW1: payment TX1 is booked 2 times",
    ),
    "a payment not booked": (
        with_order(ledger=()),
        "each payment is booked once",
        "JW1: payment TX1 is booked 0 times",
    ),
    "a payment that the platform does not have": (
        with_remote(payments={}),
        "each payment is booked once",
        "JW1: payment TX1 is booked, and unknown at the platform",
    ),
    "a payment booked a fen short": (
        with_order(ledger=(Entry("TX1", 1233, 1),)),
        "each payment is booked once",
        "JW1: payment TX1 is booked with 1233 fen instead of 1234",
    ),
    "a refund not booked": (
        with_remote(refunds={"RF1": 1}),
        "each refund is booked once",
        "JW1: refund RF1 is booked 0 times",
    ),
    "a refund booked with another amount": (
        replace(with_remote(refunds={"RF1": 2}), local={"JW1": REFUNDED}),
        "each refund is booked once",
        "JW1: refund RF1 is booked with -1234 fen instead of -2",
    ),
    "the sums differ": (
        with_order(ledger=(Entry("TX1", 1233, 1),)),
        "paid less refunded = ledger",
        "JW1: the ledger says 1233 fen, the platform 1234 fen",
    ),
    "an effect is pending": (
        with_order(effects=(*SHIPPED.effects, (PushStatus("shipped"), Effect()))),
        "no effect is pending",
        "JW1: pending push:shipped",
    ),
    "an effect failed permanently": (
        failed(PushStatus("shipped"), OUR_FAULT),
        "no effect failed permanently",
        "JW1: failed permanently push:shipped",
    ),
    "unpaid after its expiry": (
        replace(
            KEPT,
            local={**KEPT.local, "JW2": replace(CANCELLED, status=Status.PLACED)},
            remote={**KEPT.remote, "JW2": RemoteOrder("created", {}, {})},
        ),
        "unpaid orders expire",
        "JW2: waits for money past its expiry (placed here)",
    ),
    "paid in part after its expiry": (
        with_order(status=Status.HELD, hold_reason=HoldReason.SHORT),
        "unpaid orders expire",
        "JW1: waits for money past its expiry (held here)",
    ),
}


@pytest.mark.parametrize(("facts", "invariant", "evidence"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_invariant_is_named_with_its_evidence(facts: Facts, invariant: str, evidence: str) -> None:
    assert evidence in found(facts)[invariant]


ALLOWED = {
    "cancelled before the platform heard of it": replace(KEPT, local={**KEPT.local, "JW2": CANCELLED}),
    "refunded after it was shipped": replace(
        KEPT, local={"JW1": replace(REFUNDED, effects=SHIPPED.effects)}, remote={"JW1": REFUNDED_THERE}
    ),
    "refunded before it was shipped": replace(
        KEPT, local={"JW1": REFUNDED}, remote={"JW1": REFUNDED_THERE}, ship_requests=()
    ),
    "may have been shipped, and says so": replace(
        KEPT,
        local={"JW1": replace(REFUNDED, history=(HistoryEntry(3, "", MAY_HAVE_SHIPPED),))},
        remote={"JW1": REFUNDED_THERE},
    ),
    "a payment of 0.00 for a cancelled order": replace(
        KEPT,
        local={**KEPT.local, "JW2": replace(CANCELLED, platform_order_no="P2")},
        remote={**KEPT.remote, "JW2": RemoteOrder("cancelled", {"TX0": 0}, {})},
    ),
    "a refund that failed at the platform": failed(RefundAll("TX1"), REFUND_FAILED),
    "an effect that is expected to fail": replace(failed(PushStatus("shipped"), OUR_FAULT), expected_failure="push"),
    "a held order that a person decides": replace(
        with_order(status=Status.HELD, hold_reason=HoldReason.OVER_REFUNDED), held_may_differ=True
    ),
    "an unpaid order before its expiry": replace(
        KEPT,
        local={**KEPT.local, "JW2": replace(CANCELLED, status=Status.PLACED)},
        remote={**KEPT.remote, "JW2": RemoteOrder("created", {}, {})},
        expiry_passed=False,
    ),
}


@pytest.mark.parametrize("facts", ALLOWED.values(), ids=ALLOWED.keys())
def test_what_is_right_all_the_same_breaks_nothing(facts: Facts) -> None:
    assert [] == violations(facts)


@pytest.mark.parametrize(
    ("order", "there"),
    [
        (SHIPPED, replace(THERE, status="completed")),
        (SHIPPED, replace(THERE, payments={"TX1": 1234, "TX2": 1})),
        (replace(SHIPPED, effects=((PushStatus("shipped"), Effect()),)), THERE),
        (replace(CANCELLED, platform_order_no="P2"), None),
    ],
    ids=["status", "money", "a pending effect", "unknown there"],
)
def test_orders_differ_by_status_money_or_a_pending_effect(order: Order, there: RemoteOrder | None) -> None:
    assert same(SHIPPED, THERE)
    assert same(CANCELLED, None)
    assert not same(order, there)


def test_each_invariant_has_a_name_of_its_own_and_says_its_promise() -> None:
    assert len(INVARIANTS) == len({one.name for one in INVARIANTS}) == len({one.check for one in INVARIANTS})
    (first, *_) = violations(with_remote(status="paid"))
    assert "the status is the same on both sides (promise 3): JW1: shipped here, paid there" == str(first)
