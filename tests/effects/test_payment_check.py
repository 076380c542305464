"""Before goods or money leave because of a payment, the platform is asked whether it shows it."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from jiuwu.effects.dispatcher import Dispatched
from jiuwu.effects.payment_check import MAX_CHECKS
from jiuwu.orders.effect_key import PushStatus, RefundAll, Ship
from jiuwu.orders.events import EffectFailed, PaymentsDoubted, RefundRequested
from jiuwu.orders.order import Failure, HoldReason, Order, Status
from jiuwu.orders.refund_rules import refundable_fen
from jiuwu.orders.repository import OrderStore
from jiuwu.orders.state_machine import Applied, Ignored, NeedsLookup, apply
from jiuwu.platform.errors import PlatformError, PlatformUnreachable
from jiuwu.platform.models import RemotePayment
from jiuwu.reconciliation.repair import Repairer
from tests.effects.both_receivers import NUMBER, Bus, Platform, dispatch, now_in, stored
from tests.orders.lives import CANCELLED, NOW, PAID, PLACED, REFUND, SHIPPED, after, cancelled, done, paid, refunded
from tests.reconciliation import sides

UNTRUE = PaymentsDoubted(NOW + 300, ("t1",))


@pytest.fixture
def store(aws: Callable[[str], Any], orders_table: str) -> OrderStore:
    return OrderStore(aws("dynamodb"), orders_table)


def shows(*payments: tuple[str, int]) -> Platform:
    platform = Platform()
    platform.payments = tuple(RemotePayment(transaction_id=t, amount_fen=fen, paid_at=NOW) for t, fen in payments)
    return platform


def insist(store: OrderStore, bus: Bus, platform: Platform, **more: Any) -> list[Dispatched]:
    """As often as the effects ask for it, until nothing is to be tried again."""
    runs, at = list[Dispatched](), NOW + 100.0
    while len(runs) < 40:
        runs.append(dispatch(store, bus, platform, at=at, **more))
        times = runs[-1].next_at.get(NUMBER, ())
        if not times:
            break
        at = max(at, times[0])
    return runs


# ---- goods -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("from_fen", "requested"), [(1234, True), (1235, False), (0, True)])
def test_goods_of_a_large_order_leave_once_the_platform_shows_its_payment(
    store: OrderStore, from_fen: int, requested: bool
) -> None:
    stored(store, PAID)
    bus, platform = Bus(), shows(("t1", 1234))

    dispatch(store, bus, platform, check_from_fen=from_fen)

    assert (1, requested) == (len(bus.details), bool(platform.queried))


def test_goods_of_a_small_order_that_a_large_payment_paid_leave_once_the_platform_shows_it(store: OrderStore) -> None:
    stored(store, after(PLACED, paid(fen=5000)))
    bus = Bus()

    dispatch(store, bus, shows(), check_from_fen=5000)

    assert [] == bus.details


def test_goods_of_an_order_that_the_platform_gave_money_back_of_wait_for_a_refund_not_heard_of(
    store: OrderStore,
) -> None:
    stored(store, after(PAID, paid("t2"), refunded()))
    ours = sides.refund("r2", "t2", out_refund_no=f"{NUMBER}:refund:t2", status="processing")
    bus, platform = Bus(), shows(("t1", 1234), ("t2", 1234))
    platform.refunds = (sides.refund(), ours)

    waits = dispatch(store, bus, platform, at=NOW + 200)
    assert [] == bus.details
    platform.refunds = (sides.refund(),)
    dispatch(store, bus, platform, at=waits.next_at[NUMBER][0])

    assert (1, Status.SHIPPED) == (len(bus.details), now_in(store).status)
    assert "r2, which is not heard of" in waits.attempts[0].problem


def test_goods_wait_for_a_payment_that_the_platform_shows_a_little_later(store: OrderStore) -> None:
    stored(store, PAID)
    bus = Bus()

    first = dispatch(store, bus, shows(), check_from_fen=1)
    second = dispatch(store, bus, shows(("t1", 1234)), check_from_fen=1, at=first.next_at[NUMBER][0])

    assert ([], 1, {}) == (bus.details[1:], len(bus.details), second.next_at)
    assert Status.SHIPPED is now_in(store).status


def test_goods_for_a_payment_that_the_platform_does_not_show_are_held_with_an_alert(store: OrderStore) -> None:
    stored(store, PAID)
    bus, platform = Bus(), shows()

    runs = insist(store, bus, platform, check_from_fen=1)

    order = now_in(store)
    assert (MAX_CHECKS, []) == (len(runs), bus.details)
    assert {NUMBER: ("payment_unknown_there",)} == runs[-1].alerts
    assert (Status.HELD, HoldReason.UNPROVEN, (), 0) == (
        order.status,
        order.hold_reason,
        order.pending,
        order.balance_fen,
    )
    waits = [later - sooner for sooner, later in pairwise([NOW + 100, *(run.next_at[NUMBER][0] for run in runs[:-1])])]
    assert all(7 <= wait <= 120 for wait in waits)


def test_a_platform_that_cannot_be_reached_is_asked_later_and_nothing_is_held(store: OrderStore) -> None:
    stored(store, PAID)
    bus, platform = Bus(), Platform()
    platform.payments = PlatformUnreachable("orders.query")

    at = NOW + 100.0
    for _ in range(2 * MAX_CHECKS):
        at = dispatch(store, bus, platform, check_from_fen=1, at=at).next_at[NUMBER][0]

    assert (Status.PAID, (Ship(),), []) == (now_in(store).status, now_in(store).pending, bus.details)


def test_without_time_to_ask_nothing_leaves_that_has_to_be_requested(store: OrderStore) -> None:
    stored(store, PAID)
    bus, platform = Bus(), shows(("t1", 1234))

    run = dispatch(store, bus, platform, check_from_fen=1, remaining=lambda: 15.0)

    assert ([], [], (NOW + 100,)) == (bus.details, platform.queried, run.next_at[NUMBER])


def test_a_payment_that_the_platform_shows_with_another_amount_is_named_and_moves_nothing(store: OrderStore) -> None:
    stored(store, PAID)
    bus, platform = Bus(), shows(("t1", 1000))

    runs = insist(store, bus, platform, check_from_fen=1)

    assert "the platform shows payment t1 with another amount" == runs[-1].attempts[0].problem
    assert {NUMBER: ("payment_unknown_there", "amount_differs")} == runs[-1].alerts
    assert (Status.HELD, HoldReason.DIFFERS, []) == (now_in(store).status, now_in(store).hold_reason, bus.details)


# ---- money -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shown", [[], [("t1", 1), ("t2", 1)]], ids=["not", "with another amount"])
@pytest.mark.parametrize(
    "order",
    [after(CANCELLED, paid()), after(SHIPPED, done(PushStatus("shipped")), paid("t2")), after(PLACED, paid(fen=5000))],
    ids=["late", "second", "surplus"],
)
def test_a_refund_that_the_rules_decided_leaves_only_when_the_platform_shows_the_payments(
    store: OrderStore, order: Order, shown: list[tuple[str, int]]
) -> None:
    stored(store, order.without_pending(Ship()))
    platform = shows(*shown)

    insist(store, Bus(), platform)

    assert [] == platform.refunded
    assert len(platform.queried) == MAX_CHECKS


def test_a_refund_that_the_merchant_requested_is_not_checked(store: OrderStore) -> None:
    stored(store, after(SHIPPED, done(PushStatus("shipped")), RefundRequested("ask", NOW + 70, 100)))
    platform = shows()

    dispatch(store, Bus(), platform)

    assert (1, []) == (len(platform.refunded), platform.queried)


def test_the_true_payment_is_not_sent_back_because_of_one_that_only_a_notification_reported(store: OrderStore) -> None:
    served = after(SHIPPED, done(PushStatus("shipped")), paid("true"))  # t1 is untrue
    stored(store, served)
    platform = shows(("true", 1234))

    runs = insist(store, Bus(), platform)

    order = now_in(store)
    assert ([], {NUMBER: ("payment_unknown_there",)}) == (platform.refunded, runs[-1].alerts)
    assert (Status.SHIPPED, (), 1234, ["t1"]) == (
        order.status,
        order.pending,
        order.balance_fen,
        [one.ref for one in order.doubted],
    )


def test_several_orders_are_requested_in_one_call(store: OrderStore) -> None:
    numbers = [stored(store, replace(PAID, order_no=f"JW{'A' * 21}{n}")).order_no for n in "BCD"]
    platform = shows(("t1", 1234))

    dispatch(store, Bus(), platform, *numbers, check_from_fen=1)

    assert [sorted(numbers)] == [sorted(requested) for requested in platform.queried]


def test_what_a_doubt_makes_of_an_order_is_checked_before_it_leaves(store: OrderStore) -> None:
    """The surplus is another without the untrue payment; it leaves with the next look."""
    order = after(PLACED, paid("t1", 1000), paid("a", 1234), paid("b", 1234))
    stored(store, order.without_pending(Ship()))
    platform = shows(("a", 1234), ("b", 1234))

    insist(store, Bus(), platform)

    assert [("b", 1234)] == [(of, fen) for _, _, of, fen in platform.refunded]
    assert 1234 == refundable_fen(now_in(store))


# ---- the doubt on the order ------------------------------------------------------------------------------------------


def test_the_true_payment_of_an_order_held_in_doubt_ships_it_once_and_is_kept() -> None:
    order = after(PAID, UNTRUE, paid("true"))

    assert (Status.PAID, (Ship(),), 1234) == (order.status, order.pending, order.balance_fen)


def test_a_payment_that_the_platform_shows_after_all_ships_the_order() -> None:
    held = after(PAID, UNTRUE)

    repaired = Repairer(REFUND, str).repair(held, sides.remote("paid", [sides.payment()]), now=NOW + 900)

    assert repaired.order is not None
    assert (Status.PAID, (Ship(),), ()) == (repaired.order.status, repaired.order.pending, repaired.order.doubted)


def test_a_payment_shown_after_the_true_one_is_a_second_payment() -> None:
    served = after(PAID, UNTRUE, paid("true"))
    there = sides.remote("paid", [sides.payment(), sides.payment("true")])

    repaired = Repairer(REFUND, str).repair(served, there, now=NOW + 900)

    assert repaired.order is not None
    assert (Ship(), RefundAll("t1")) == repaired.order.pending


def test_a_notification_ends_no_doubt() -> None:
    outcome = apply(after(PAID, UNTRUE), paid(event="evt-again", at=NOW + 400), policy=REFUND)

    assert isinstance(outcome, NeedsLookup)
    assert (Status.HELD, "payment_unknown_there") == (outcome.order.status, outcome.reason)


def test_nobody_gets_money_back_that_the_platform_does_not_show() -> None:
    assert Ignored("nothing_paid") == apply(after(PAID, UNTRUE), RefundRequested("a", NOW + 400, 1), policy=REFUND)


def test_an_order_held_in_doubt_ends_by_its_cancellation() -> None:
    order = after(PAID, UNTRUE, cancelled())

    assert (Status.CANCELLED, ()) == (order.status, order.pending)


def test_what_was_shipped_for_an_untrue_payment_is_pushed_again_once_the_true_one_is_there() -> None:
    refused = EffectFailed(NOW + 90, PushStatus("shipped"), failure=Failure("poison", "TransitionRefused 5 times"))

    order = after(SHIPPED, refused, paid("true"), UNTRUE)

    assert (Status.SHIPPED, (PushStatus("shipped"),), 1234) == (order.status, order.pending, order.balance_fen)
    assert () == after(SHIPPED, refused, UNTRUE).pending


def test_a_late_payment_in_doubt_is_not_given_back_and_the_order_stays_cancelled() -> None:
    outcome = apply(after(CANCELLED, paid()), UNTRUE, policy=REFUND)

    assert isinstance(outcome, Applied)
    assert (Status.CANCELLED, (), ("payment_unknown_there",)) == (
        outcome.order.status,
        outcome.order.pending,
        outcome.alerts,
    )


def test_the_refund_of_a_payment_in_doubt_waits_for_the_platform_to_show_it() -> None:
    order = after(PAID, UNTRUE, refunded())
    both = sides.remote("refunded", [sides.payment()], [sides.refund()])

    repaired = Repairer(REFUND, str).repair(order, both, now=NOW + 900)

    assert (Status.HELD, NOW + 90) == (order.status, order.due_at)
    assert repaired.order is not None
    assert (Status.REFUNDED, 0, ()) == (repaired.order.status, repaired.order.balance_fen, repaired.order.pending)


def test_a_doubt_twice_or_of_an_unknown_payment_changes_nothing() -> None:
    for order, doubt in ((after(PAID, UNTRUE), UNTRUE), (PAID, PaymentsDoubted(NOW, ("t9",)))):
        assert Ignored("not_in_doubt") == apply(order, doubt, policy=REFUND)


@pytest.mark.parametrize("trouble", [PlatformUnreachable("x")])
def test_a_refund_waits_while_the_platform_cannot_be_reached(store: OrderStore, trouble: PlatformError) -> None:
    stored(store, after(CANCELLED, paid()))
    platform = Platform()
    platform.payments = trouble

    run = dispatch(store, Bus(), platform)

    assert ([], True) == (platform.refunded, NUMBER in run.next_at)
    assert (RefundAll("t1"),) == now_in(store).pending
