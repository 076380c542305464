"""Payments are judged by their sum: what came in and did not go back, against the amount."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiuwu.orders.effect_key import EffectKey, PushStatus, RefundAll, RefundPart, Ship
from jiuwu.orders.events import (
    EffectDone,
    EffectFailed,
    Event,
    Expired,
    Paid,
    Refunded,
    RefundRequested,
    RefundStatusChanged,
)
from jiuwu.orders.ids import effect_id
from jiuwu.orders.order import Failure, HoldReason, Order, Status
from jiuwu.orders.payment_sum import missing_fen, received_fen
from jiuwu.orders.state_machine import Applied, Ignored, Policy, apply
from jiuwu.reconciliation.repair import Repairer
from tests.orders.lives import (
    CANCELLED,
    CREATED,
    NOW,
    PAID,
    PLACED,
    REFUND,
    REVIVE,
    SHIPPED,
    after,
    cancelled,
    done,
    paid,
    refunded,
)
from tests.reconciliation.sides import payment, refund, remote

GIFT, WALLET = paid("gift", 400), paid("wallet", 834)
SHORT = after(PLACED, GIFT)


def money(transaction: str, fen: int, at: int) -> Paid:
    return replace(paid(transaction, fen), paid_at=NOW + at)


def back(number: str, of: str, fen: int, at: int) -> Refunded:
    return replace(refunded(number, of, fen), refunded_at=NOW + at)


def going_back(order: Order) -> dict[EffectKey, int]:
    """What is asked back of which payment, 0 for all of it."""
    return {key: effect.fen for key, effect in order.effects if key.kind == "refund" and effect.pending}


# ---- short, exact, above ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("fen", "alerts"), [(1234, ()), (1235, ("overpaid",))])
def test_a_payment_above_the_amount_raises_an_alert_and_leaves_nothing_missing(
    fen: int, alerts: tuple[str, ...]
) -> None:
    outcome = apply(PLACED, paid("t1", fen), policy=REFUND)

    assert isinstance(outcome, Applied)
    assert (alerts, 0) == (outcome.alerts, missing_fen(outcome.order))


@pytest.mark.parametrize("parts", list(permutations([GIFT, WALLET])), ids=str)
@pytest.mark.parametrize("order", [CREATED, PLACED], ids=lambda order: str(order.status))
def test_two_parts_that_make_up_the_amount_ship_in_either_sequence(order: Order, parts: Sequence[Event]) -> None:
    whole = after(order, *parts)

    assert (Status.PAID, (Ship(),), 1234) == (whole.status, whole.pending, whole.balance_fen)


def test_a_part_alone_waits_for_the_rest_and_says_so_once() -> None:
    first = apply(PLACED, paid("t1", 400), policy=REFUND)
    assert isinstance(first, Applied)
    second = apply(first.order, paid("t2", 400), policy=REFUND)
    assert isinstance(second, Applied)

    assert (("underpaid",), ()) == (first.alerts, second.alerts)
    assert (Status.HELD, HoldReason.SHORT) == (second.order.status, second.order.hold_reason)
    assert (434, ()) == (missing_fen(second.order), second.order.pending)


@pytest.mark.parametrize(
    ("parts", "goes_back"),
    [
        ([("t1", 5000)], {RefundPart("t1", "rule-1"): 3766}),
        ([("t1", 400), ("t2", 1234)], {RefundAll("t1"): 0}),
        ([("t1", 1234), ("t2", 400)], {RefundAll("t2"): 0}),
        ([("t1", 1000), ("t2", 700)], {RefundPart("t2", "rule-1"): 466}),
        ([("t1", 1100), ("t2", 34), ("t3", 400)], {RefundAll("t2"): 0, RefundPart("t3", "rule-1"): 266}),
        ([("t1", 100), ("t2", 100), ("t3", 1200)], {RefundAll("t2"): 0, RefundPart("t3", "rule-1"): 66}),
    ],
    ids=str,
)
def test_what_is_above_the_amount_goes_back_whole_payments_first_and_the_order_ships(
    parts: list[tuple[str, int]], goes_back: dict[EffectKey, int]
) -> None:
    order = after(PLACED, *(money(transaction, fen, at) for at, (transaction, fen) in enumerate(parts)))

    assert (Status.PAID, 1234, goes_back) == (order.status, received_fen(order), going_back(order))
    assert Ship() in order.pending


def test_an_order_that_was_paid_in_parts_gives_a_further_payment_back() -> None:
    order = after(SHORT, WALLET, paid("t3", 1))

    assert ({RefundAll("t3"): 0}, Status.PAID) == (going_back(order), order.status)


def test_a_surplus_that_the_platform_gave_back_by_itself_is_not_given_back_twice() -> None:
    order = after(PLACED, paid(fen=5000), refunded(fen=3766))

    assert (Status.PAID, {}, 1234) == (order.status, going_back(order), received_fen(order))
    assert Ship() in order.pending


def test_of_a_surplus_of_which_the_platform_gave_back_a_part_by_itself_only_the_rest_is_given_back() -> None:
    order = after(PLACED, paid(fen=5000), refunded(fen=3700))

    assert (Status.PAID, {RefundPart("t1", "rule-1"): 66}, 1300) == (
        order.status,
        going_back(order),
        order.remaining_fen("t1"),
    )


# ---- refunds in between, any sequence --------------------------------------------------------------------------------

_IN_BETWEEN: list[tuple[list[Event], Status, int]] = [
    # a gift card given back, then all of it from the wallet
    ([money("t1", 400, 1), back("r1", "t1", 400, 2), money("t2", 1234, 3)], Status.PAID, 1234),
    # … and only the rest from the wallet
    ([money("t1", 400, 1), back("r1", "t1", 400, 2), money("t2", 834, 3)], Status.HELD, 834),
    # a part given back before the rest came, and after
    ([money("t1", 400, 1), back("r1", "t1", 100, 2), money("t2", 834, 3)], Status.HELD, 1134),
    ([money("t1", 400, 1), money("t2", 834, 2), back("r1", "t1", 100, 3)], Status.PAID, 1134),
    ([money("t1", 400, 1), money("t2", 400, 2), money("t3", 434, 3)], Status.PAID, 1234),
    # the gift card is given back before the rest came, and paid in once more
    (
        [money("t1", 400, 1), back("r1", "t1", 400, 2), money("t2", 834, 3), money("t3", 400, 4)],
        Status.PAID,
        1234,
    ),
    # the latest payment goes back by itself after the amount was here, and a part that never made it up
    ([money("t1", 400, 1), money("t2", 834, 2), back("r1", "t2", 834, 3)], Status.PAID, 400),
    ([money("t1", 1, 1), money("t2", 1233, 2), back("r1", "t2", 1233, 3)], Status.PAID, 1),
    ([money("t1", 1, 1), money("t2", 5, 2), back("r1", "t2", 5, 3)], Status.HELD, 1),
    # everything goes back
    (
        [money("t1", 400, 1), money("t2", 834, 2), back("r1", "t1", 400, 3), back("r2", "t2", 834, 4)],
        Status.REFUNDED,
        0,
    ),
]


@pytest.mark.parametrize("case", _IN_BETWEEN, ids=lambda case: f"{len(case[0])} {case[1]} {case[2]}")
def test_the_sum_decides_whatever_we_hear_first(case: tuple[list[Event], Status, int]) -> None:
    events, status, balance = case
    for heard in permutations(events):
        order = after(PLACED, *heard)
        assert (status, balance, Ship() in order.pending) == (order.status, order.balance_fen, status is Status.PAID)
        assert {} == going_back(order)


def test_money_that_came_after_all_went_back_goes_back_whatever_we_hear_first() -> None:
    events: list[Event] = [money("t1", 1234, 1), back("r1", "t1", 1234, 2), money("t2", 600, 3)]
    for heard in permutations(events):
        order = after(PLACED, *heard)
        assert (Status.REFUNDED, {RefundAll("t2"): 0}) == (order.status, going_back(order)), heard


def test_a_payment_that_is_kept_again_has_its_goods_wait_until_its_refund_would_be_there() -> None:
    order = after(PAID, paid("t2"), back("r1", "t1", 1234, 60))

    assert (Status.PAID, (Ship(),), 1234) == (order.status, order.pending, received_fen(order))
    assert NOW + 90 + 60 == dict(order.effects)[Ship()].next_at


@pytest.mark.parametrize("sent", [(), (done(Ship()),)], ids=["pending", "sent"])
def test_a_surplus_that_the_platform_could_not_give_back_by_itself_goes_back_by_rule(sent: Sequence[Event]) -> None:
    begun = RefundStatusChanged("", NOW + 90, "r1", "t1", 3766, "processing")
    order = after(PLACED, paid(fen=5000), *sent, begun)

    failed = after(order, replace(begun, status="failed"))

    assert ({}, {RefundPart("t1", "rule-1"): 3766}) == (going_back(order), going_back(failed))
    assert 1234 == received_fen(failed)


def test_within_one_second_a_part_that_went_back_first_leaves_the_order_short() -> None:
    part, gone, rest = money("t1", 400, 1), back("r1", "t1", 100, 1), money("t2", 834, 1)

    assert Status.HELD is after(PLACED, part, gone, rest).status
    assert Status.PAID is after(PLACED, part, rest, gone).status


def test_a_refund_of_the_same_second_comes_after_its_own_payment() -> None:
    order = after(PLACED, back("r1", "t1", 100, 1), money("t1", 1234, 1))

    assert (Status.PAID, True) == (order.status, Ship() in order.pending)


def test_money_in_the_place_of_what_went_back_is_kept() -> None:
    order = after(SHIPPED, refunded(fen=200), paid("t2", 200))

    assert (1234, {}, Status.SHIPPED) == (order.balance_fen, going_back(order), order.status)


def test_money_in_the_place_of_all_but_a_fen_is_kept() -> None:
    order = after(SHIPPED, refunded(fen=1233), paid("t2", 1233))

    assert (1234, {}, Status.SHIPPED) == (order.balance_fen, going_back(order), order.status)


def test_money_for_an_order_of_which_all_is_requested_back_goes_back_too() -> None:
    requested = after(SHIPPED, RefundRequested("ask", NOW + 70, 1234))

    outcome = apply(requested, paid("t2"), policy=REFUND)

    assert isinstance(outcome, Applied)
    assert ("second_payment", True) == (outcome.transition, RefundAll("t2") in outcome.order.pending)


def test_an_order_of_one_fen_whose_refund_is_under_way_before_its_payment_misses_nothing() -> None:
    begun = RefundStatusChanged("", NOW + 90, "r1", "t1", 1, "processing")

    order = after(replace(PLACED, amount_fen=1), begun, paid(fen=1))

    assert (Status.PAID, ()) == (order.status, order.pending)


def test_an_order_on_hold_for_a_person_is_not_shipped_because_a_refund_failed() -> None:
    held = replace(PAID, status=Status.HELD, hold_reason=HoldReason.DIFFERS, effects=())

    order = after(held, RefundStatusChanged("", NOW + 90, "r1", "t1", 1234, "failed"))

    assert (Status.HELD, HoldReason.DIFFERS, ()) == (order.status, order.hold_reason, order.pending)


def test_a_request_for_the_money_of_a_short_order_counts_as_gone() -> None:
    order = after(SHORT, RefundRequested("ask", NOW + 70, 100), WALLET)

    assert (Status.HELD, 100) == (order.status, missing_fen(order))
    assert Ship() not in order.pending


def test_a_request_that_was_refused_counts_again_and_the_order_ships() -> None:
    requested = after(SHORT, RefundRequested("ask", NOW + 70, 100), WALLET)
    (name,) = requested.requested_parts("gift")

    order = after(requested, EffectFailed(NOW + 80, name, failure=Failure("poison", "BadParameters")))

    assert (Status.PAID, True) == (order.status, Ship() in order.pending)


# ---- it expires, it is cancelled -------------------------------------------------------------------------------------


def test_a_short_order_that_expires_is_cancelled_there_first_and_then_gives_back_what_came() -> None:
    expiring = after(SHORT, Expired(NOW + 1800))
    over = after(expiring, done(PushStatus("cancelled")))
    closed = after(over, refunded("r1", "gift", 400))

    assert (Status.HELD, (PushStatus("cancelled"),)) == (expiring.status, expiring.pending)
    assert (Status.CANCELLED, {RefundAll("gift"): 0}) == (over.status, going_back(over))
    assert (Status.REFUNDED, 0, ()) == (closed.status, closed.balance_fen, closed.pending)


def test_the_rest_rescues_an_order_that_expires() -> None:
    order = after(SHORT, Expired(NOW + 1800), WALLET)

    assert (Status.PAID, (Ship(),)) == (order.status, order.pending)


@pytest.mark.parametrize("events", list(permutations([cancelled(), *[WALLET]])), ids=str)
def test_a_part_that_comes_after_the_cancellation_goes_back_too(events: Sequence[Event]) -> None:
    order = after(SHORT, cancelled(), WALLET)

    assert (Status.CANCELLED, {RefundAll("gift"): 0, RefundAll("wallet"): 0}) == (order.status, going_back(order))
    assert events


def test_no_payment_begins_an_order_anew_whose_parts_came_late_and_went_back() -> None:
    order = after(CANCELLED, GIFT, refunded("r1", "gift", 400), paid("t2"))

    assert (Status.REFUNDED, {RefundAll("t2"): 0}) == (order.status, going_back(order))


def test_no_payment_begins_an_order_anew_whose_late_part_was_given_back_before_it_was_heard_of() -> None:
    order = after(CANCELLED, refunded("r1", "gift", 400), GIFT, paid("t2"))

    assert (Status.REFUNDED, {RefundAll("t2"): 0}) == (order.status, going_back(order))


def test_parts_that_come_late_revive_where_the_merchant_says_revive() -> None:
    order = after(CANCELLED, GIFT, WALLET, policy=REVIVE)

    assert (Status.PAID, (Ship(),)) == (order.status, order.pending)


def test_a_revived_order_that_stays_short_is_given_back_without_asking_the_platform_twice() -> None:
    gone = after(PLACED, Expired(NOW + 1800), done(PushStatus("cancelled")))
    order = after(gone, GIFT, Expired(NOW + 1900), policy=REVIVE)

    assert (Status.CANCELLED, {RefundAll("gift"): 0}) == (order.status, going_back(order))


def test_the_machine_gives_back_what_is_left_of_a_part_that_the_merchant_requested_back_in_part() -> None:
    requested = after(SHORT, RefundRequested("ask", NOW + 70, 100))
    over = after(requested, cancelled())

    assert {RefundPart("gift", "rule-1"): 300} == {
        n: fen for n, fen in going_back(over).items() if isinstance(n, RefundPart) and n.by_rule
    }
    assert (0, Status.CANCELLED) == (received_fen(over), over.status)


def test_a_short_order_does_not_expire_while_a_refund_waits_for_its_payment() -> None:
    order = after(SHORT, refunded("r9", "t9", 5))

    assert Ignored("not_expirable") == apply(order, Expired(NOW + 1800), policy=REFUND)


def test_the_reconciler_lets_a_short_order_expire_and_its_platform_cancel_it() -> None:
    policy = Policy(expiry_seconds=1800)
    there = remote("paid", [payment("gift", 400)])

    repaired = Repairer(policy, str).repair(SHORT, there, now=NOW + 1800)

    assert repaired.order is not None
    assert ((PushStatus("cancelled"),), ("expiring",)) == (repaired.order.pending, repaired.transitions)
    assert Repairer(policy, str).next_due(SHORT, now=NOW + 1700) == NOW + 1800


def test_a_cancelled_order_whose_part_is_still_on_its_way_back_is_no_contradiction() -> None:
    over = after(SHORT, cancelled())
    there = remote("cancelled", [payment("gift", 400)])

    assert () == Repairer(REFUND, str).repair(over, there, now=NOW + 100).findings


def test_a_refund_requested_by_rule_is_known_again_when_the_platform_reports_it() -> None:
    order = after(PLACED, paid(fen=5000))
    number = effect_id(order.order_no, RefundPart("t1", "rule-1"))

    booked = after(order, replace(refunded(fen=3766), out_refund_no=number))

    assert ((Ship(),), 1234, [RefundPart("t1", "rule-1")]) == (
        booked.pending,
        booked.balance_fen,
        [one.answers for one in booked.refunds],
    )
    assert (
        ()
        == Repairer(REFUND, str)
        .repair(booked, remote("paid", [payment(fen=5000)], [refund(fen=3766, out_refund_no=number)]), now=NOW + 100)
        .findings
    )


def test_goods_that_left_before_the_order_turned_out_short_do_not_leave_twice() -> None:
    order = after(PLACED, money("t1", 400, 1), money("t2", 834, 3), back("r1", "t1", 400, 2))
    left = after(order, EffectDone(NOW + 100, Ship()))
    whole = after(left, money("t3", 400, 4))

    assert (Status.HELD, Status.HELD) == (order.status, left.status)
    assert (Status.SHIPPED, (PushStatus("shipped"),)) == (whole.status, whole.pending)


# ---- laws ------------------------------------------------------------------------------------------------------------

parts = st.lists(st.integers(1, 1400), min_size=1, max_size=5)


@given(parts.flatmap(lambda fens: st.tuples(st.just(fens), st.permutations(range(len(fens))))))
def test_payments_alone_ship_exactly_when_they_make_up_the_amount(case: tuple[list[int], list[int]]) -> None:
    fens, heard = case
    order = after(PLACED, *(money(f"t{number}", fens[number], number) for number in heard))

    enough = sum(fens) >= 1234
    assert enough == (Ship() in order.pending)
    assert (min(sum(fens), 1234) if enough else sum(fens)) == received_fen(order)
    assert (Status.PAID if enough else Status.HELD) is order.status
