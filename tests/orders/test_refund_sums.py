"""Sums of money to the fen: what is here, what was here, what goes back, and the limits of a request."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from jiuwu.orders.effect_key import EffectKey, RefundAll, RefundPart
from jiuwu.orders.events import Event, Paid, Refunded, RefundRequested
from jiuwu.orders.order import Entry, Order, Status
from jiuwu.orders.payment_sum import give_back, is_over, is_paid, missing_fen, received_fen, was_paid
from jiuwu.orders.refund_rules import going_back_fen, refundable_fen, request_digest, requested_fen
from jiuwu.orders.state_machine import Applied, Ignored, apply
from tests.orders.lives import NOW, PAID, PLACED, REFUND, SHIPPED, after, paid, refunded
from tests.orders.refund_news import changed, pending_fen, requested

FREE = replace(PLACED, amount_fen=0, points=300)


def money(transaction: str, fen: int, at: int) -> Paid:
    return replace(paid(transaction, fen), paid_at=NOW + at)


def back(number: str, of: str, fen: int, at: int) -> Refunded:
    return replace(refunded(number, of, fen), refunded_at=NOW + at)


def answered(order: Order, fen: int) -> Order:
    """The order after a request of the merchant's that the platform carried out."""
    order, number = requested(order, fen)
    return after(order, replace(refunded(fen=fen), out_refund_no=number))


# ---- what is and was here --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("fen", "missing"), [(1233, 1), (1234, 0), (1235, 0), (5000, 0)])
def test_nothing_is_missing_of_an_order_that_has_more_than_its_amount(fen: int, missing: int) -> None:
    assert missing == missing_fen(replace(PLACED, ledger=(Entry("t1", fen, NOW),)))


@pytest.mark.parametrize(("order", "expected"), [(FREE, True), (replace(PLACED, amount_fen=1), False)])
def test_without_any_payment_only_what_costs_nothing_is_paid(order: Order, expected: bool) -> None:
    assert expected == was_paid(order)


@pytest.mark.parametrize(
    ("moves", "expected"),
    [
        ([money("t1", 1234, 1), back("r1", "t1", 1233, 2)], False),
        ([money("t1", 1234, 1), back("r1", "t1", 1234, 2)], True),
        ([money("t1", 400, 1), back("r1", "t1", 400, 2), money("t2", 1234, 3)], False),
        ([money("t1", 400, 1), money("t2", 834, 2), back("r1", "t1", 400, 3), back("r2", "t2", 834, 4)], True),
    ],
)
def test_an_order_is_over_when_all_went_back_after_the_amount_was_here(
    moves: Sequence[Paid | Refunded], expected: bool
) -> None:
    entries = (
        Entry(one.transaction_id, one.amount_fen, one.paid_at)
        if isinstance(one, Paid)
        else Entry(one.refund_id, -one.amount_fen, one.refunded_at, one.transaction_id)
        for one in moves
    )
    assert expected == is_over(replace(PLACED, ledger=tuple(entries)))


def test_an_order_of_which_all_went_back_by_request_is_over() -> None:
    assert (True, False) == (is_over(answered(SHIPPED, 1234)), is_over(answered(SHIPPED, 1233)))


def test_what_the_platform_began_to_give_back_by_itself_was_here() -> None:
    assert (1134, True) == (received_fen(order := after(PAID, changed("processing", fen=100))), is_paid(order))


def test_what_went_back_by_request_counts_as_gone_from_the_beginning() -> None:
    order = after(answered(after(PLACED, paid("t1", 400)), 100), paid("t2", 834))

    assert (Status.HELD, 100) == (order.status, missing_fen(order))


def test_of_one_second_a_refund_of_one_fen_comes_before_another_payment() -> None:
    order = after(PLACED, money("t2", 834, 2), back("r1", "t1", 1, 2), money("t1", 400, 1))

    assert (Status.HELD, 1) == (order.status, missing_fen(order))


# ---- refunds heard of before their payment ---------------------------------------------------------------------------


def test_a_short_payment_of_which_a_part_went_back_before_it_was_heard_of_has_the_order_wait() -> None:
    order = after(PLACED, refunded(fen=100), paid(fen=400))

    assert (Status.HELD, 934) == (order.status, missing_fen(order))


def test_a_second_payment_of_which_a_part_went_back_before_it_was_heard_of_goes_back() -> None:
    assert {RefundAll("t2"): 0} == pending_fen(after(PAID, refunded("r2", of="t2", fen=100), paid("t2")))


# ---- to the fen ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payments", "goes_back"),
    [
        ([money("t1", 1235, 1)], {RefundPart("t1", "rule-1"): 1}),
        ([money("t1", 1, 1), money("t2", 1234, 2)], {RefundAll("t1"): 0}),
        ([money("t1", 1234, 1), money("t2", 1, 2)], {RefundAll("t2"): 0}),
    ],
)
def test_a_surplus_of_one_fen_goes_back(payments: Sequence[Event], goes_back: dict[EffectKey, int]) -> None:
    assert goes_back == pending_fen(after(PLACED, *payments))


def test_the_first_part_of_an_order_without_effects_has_number_one() -> None:
    order = give_back(replace(PLACED, ledger=(Entry("t1", 1234, NOW),)), 100)

    assert {RefundPart("t1", "rule-1"): 100} == pending_fen(order)


def test_a_part_gets_the_first_number_that_is_free() -> None:
    order = replace(PLACED, ledger=(Entry("t1", 1234, NOW),))
    for _ in range(3):
        order = give_back(order, 100)

    assert {RefundPart("t1", f"rule-{number}"): 100 for number in (1, 2, 3)} == pending_fen(order)


@pytest.mark.parametrize("fen", [1234, 1235, 1300])
def test_an_order_of_which_too_much_went_back_has_nothing_to_give_and_nothing_on_its_way(fen: int) -> None:
    order = after(PAID, refunded(fen=fen))

    assert (0, 0) == (refundable_fen(order), going_back_fen(order))


def test_no_more_is_on_its_way_back_than_is_left_of_a_payment() -> None:
    order, _ = requested(SHIPPED, 1234)

    assert 1234 == going_back_fen(after(order, changed("processing", "r9", fen=100)))


# ---- requests --------------------------------------------------------------------------------------------------------


def test_an_order_takes_fifty_requests_and_no_more() -> None:
    order = after(SHIPPED, *(RefundRequested(f"ask-{number}", NOW + 70, 1) for number in range(49)))

    fiftieth = apply(order, RefundRequested("ask-50", NOW + 70, 1), policy=REFUND)
    assert isinstance(fiftieth, Applied)

    one_more = apply(fiftieth.order, RefundRequested("ask-51", NOW + 70, 1), policy=REFUND)
    assert Ignored("too_many_refunds") == one_more


def test_two_hundred_characters_of_a_reason_are_kept() -> None:
    order = after(SHIPPED, RefundRequested("ask", NOW + 70, 1, "破" * 201))

    assert ["破" * 200] == [text for _, text in order.reasons]


@pytest.mark.parametrize(("reason", "kept"), [("", ()), ("broken", ("broken",))])
def test_a_request_without_a_reason_keeps_none(reason: str, kept: tuple[str, ...]) -> None:
    order = after(PAID, RefundRequested("ask", NOW + 70, 100, reason))

    assert kept == tuple(text for _, text in order.reasons)


def test_a_request_has_the_same_digest_for_ever() -> None:
    """The digest is part of a refund's number at the platform: another one would make the refund again."""
    # printf ask-1 | sha256sum | xxd -r -p | base32 | cut -c -16
    assert "HTC3O6NERRR3K2S4" == request_digest("ask-1")


def test_two_requests_are_summed_apart() -> None:
    order = after(PAID, RefundRequested("one", NOW + 70, 100), RefundRequested("two", NOW + 71, 30))

    assert (100, 30, 0) == tuple(requested_fen(order, request) for request in ("one", "two", "three"))


def test_a_refund_without_a_number_of_ours_answers_none_of_our_requests() -> None:
    order, number = requested(SHIPPED, 100)
    (key,) = order.requested_parts("t1")

    by_itself, ours = (after(order, replace(refunded(fen=100), out_refund_no=no)) for no in ("", number))

    assert ([None], [key]) == ([one.answers for one in by_itself.refunds], [one.answers for one in ours.refunds])
