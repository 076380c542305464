"""Money that the platform gives back by itself, beside what is still to be requested back."""

from dataclasses import replace

import pytest

from jiuwu.orders.effect_key import EffectKey, RefundAll, RefundPart, Ship
from jiuwu.orders.events import Event, RefundRequested
from jiuwu.orders.order import Effect, Entry, Order, Status
from jiuwu.orders.payment_sum import received_fen
from jiuwu.orders.refund_rules import reduce_surplus_refunds
from jiuwu.orders.state_machine import Applied, apply
from tests.orders.lives import CANCELLED, COMPLETED, NOW, PAID, PLACED, REFUND, SHIPPED, after, done, paid, refunded
from tests.orders.refund_news import pending_fen

FREE = replace(PLACED, amount_fen=0, points=300)
RULE_1, RULE_2, ASKED, LEFT = (RefundPart("t1", request) for request in ("rule-1", "rule-2", "ask", "rule-3"))


def surplus(fen: int, status: Status = Status.SHIPPED) -> Order:
    """An order whose surplus is requested back in several parts, after the platform gave `fen` back by itself."""
    ledger = (Entry("t1", 6000, NOW), Entry("r1", -fen, NOW + 80, "t1"))
    effects = (
        (Ship(), Effect(1, NOW)),
        (RULE_1, Effect(fen=2000)),
        (RULE_2, Effect(fen=1766)),
        (ASKED, Effect(fen=600)),
        (LEFT, Effect(1, NOW, fen=400)),
    )
    return replace(PAID, status=status, ledger=ledger, effects=effects)


@pytest.mark.parametrize(
    ("fen", "left"),
    [
        (1, {RULE_1: 2000, RULE_2: 1765}),
        (1765, {RULE_1: 2000, RULE_2: 1}),
        (1766, {RULE_1: 2000}),
        (1767, {RULE_1: 1999}),
        (3765, {RULE_1: 1}),
        (3766, {}),
        (4000, {}),
    ],
)
@pytest.mark.parametrize("status", [Status.PAID, Status.SHIPPED, Status.COMPLETED], ids=str)
def test_what_the_platform_gave_back_by_itself_is_taken_off_the_newest_parts_of_the_surplus(
    status: Status, fen: int, left: dict[EffectKey, int]
) -> None:
    order = reduce_surplus_refunds(surplus(fen, status), fen)

    assert left | {ASKED: 600} == pending_fen(order)
    assert Effect(1, NOW, fen=400) == order.effect(LEFT)


@pytest.mark.parametrize("status", [Status.HELD, Status.CANCELLED, Status.REFUNDED], ids=str)
def test_the_surplus_of_an_order_that_is_not_served_is_requested_back_as_before(status: Status) -> None:
    order = surplus(100, status)

    assert order == reduce_surplus_refunds(order, 100)


def test_no_more_is_taken_off_the_surplus_than_the_order_misses() -> None:
    assert {RULE_1: 2000, RULE_2: 1666, ASKED: 600} == pending_fen(reduce_surplus_refunds(surplus(100), 500))


def test_a_little_given_back_by_the_platform_leaves_so_much_less_of_the_surplus() -> None:
    order = after(PLACED, paid(fen=5000), refunded(fen=100))

    assert (Status.PAID, {RULE_1: 3666}, 1234) == (order.status, pending_fen(order), received_fen(order))


# ---- payments on their way back --------------------------------------------------------------------------------------


def test_a_late_payment_goes_back_though_the_platform_gave_another_one_back_by_itself() -> None:
    order = after(CANCELLED, paid(), paid("t2"), refunded())

    assert {RefundAll("t2"): 0} == pending_fen(order)


def test_money_that_strayed_goes_back_though_the_platform_gave_other_money_back_by_itself() -> None:
    order = after(FREE, paid("t0", 0), paid("t1", 500), paid("t2", 500), refunded(fen=500))

    assert {RefundAll("t2"): 0} == pending_fen(order)
    assert Effect() == order.effect(Ship())


def test_the_goods_of_a_paid_order_do_not_wait_for_a_refund_of_another_payment() -> None:
    order = after(PAID, paid("t2"), refunded("r2", of="t2", fen=100))

    assert {RefundAll("t2"): 0} == pending_fen(order)
    assert Effect() == order.effect(Ship())


def test_the_goods_that_left_are_noted_as_they_were_when_a_payment_is_kept_again() -> None:
    order = after(SHIPPED, paid("t2"), refunded())

    assert ({}, 1234) == (pending_fen(order), received_fen(order))
    assert SHIPPED.effect(Ship()) == order.effect(Ship())


def test_a_payment_is_kept_again_for_an_order_whose_parcel_was_withdrawn() -> None:
    order = after(replace(COMPLETED, effects=()), paid("t2"), refunded())

    assert ({}, 1234, None) == (pending_fen(order), received_fen(order), order.effect(Ship()))


@pytest.mark.parametrize(("fen", "goes_back"), [(1233, {RefundAll("t2"): 0}), (1234, {})])
def test_the_refund_of_a_second_payment_is_settled_when_nothing_is_left_of_it(
    fen: int, goes_back: dict[EffectKey, int]
) -> None:
    assert goes_back == pending_fen(after(PAID, paid("t2"), refunded("r2", of="t2", fen=fen)))


def test_a_late_payment_of_which_a_fen_is_left_still_goes_back() -> None:
    order = after(CANCELLED, paid(), refunded(fen=1233))

    assert (Status.CANCELLED, {RefundAll("t1"): 0}) == (order.status, pending_fen(order))


# ---- what happened ---------------------------------------------------------------------------------------------------

PARTS = after(PLACED, paid("t1", 400), paid("t2", 834))
STRAYED = after(FREE, paid("t0", 0), paid("t2", 500))


@pytest.mark.parametrize(
    ("order", "event", "transition"),
    [
        (PAID, refunded(fen=1233), "partly_refunded"),
        (PARTS, refunded(fen=400), "partly_refunded"),
        (after(PAID, paid("t2")), refunded(of="t2", fen=1), "partly_refunded"),
        (after(PAID, paid("t2")), refunded(of="t2", fen=1233), "partly_refunded"),
        (after(PAID, paid("t2")), refunded(of="t2"), "second_payment_refunded"),
        (STRAYED, refunded(of="t2", fen=499), "partly_refunded"),
        (STRAYED, refunded(of="t2", fen=500), "second_payment_refunded"),
        (replace(STRAYED, effects=()), refunded(of="t2", fen=500), "second_payment_refunded"),
        (PAID, refunded(), "refunded"),
    ],
)
def test_a_refund_is_told_as_what_it_was(order: Order, event: Event, transition: str) -> None:
    outcome = apply(order, event, policy=REFUND)

    assert isinstance(outcome, Applied)
    assert transition == outcome.transition


# ---- the merchant's requests -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fen", "left", "alerts"),
    [
        (934, [300], ()),
        (935, [299], ("refund_reduced",)),
        (1233, [1], ("refund_reduced",)),
        (1234, [], ("refund_reduced",)),
    ],
)
def test_a_requested_refund_is_reduced_to_what_the_platforms_own_leaves_and_withdrawn_when_that_is_nothing(
    fen: int, left: list[int], alerts: tuple[str, ...]
) -> None:
    outcome = apply(after(SHIPPED, RefundRequested("ask", NOW + 70, 300)), refunded(fen=fen), policy=REFUND)

    assert isinstance(outcome, Applied)
    assert (left, alerts) == (list(pending_fen(outcome.order).values()), outcome.alerts)


def test_a_payment_of_which_nothing_is_left_gives_nothing_to_a_request() -> None:
    order = after(PARTS, done(Ship()), refunded(fen=400), RefundRequested("ask", NOW + 100, 800))

    assert [("t2", 800)] == [(key.transaction_id, one.fen) for key, one in order.effects if isinstance(key, RefundPart)]
