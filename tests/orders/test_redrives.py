"""Effects that are due once more: redriven by a person, or missing at the platform. No fen goes back that is gone."""

import pytest

from jiuwu.orders.effect_key import PushStatus, RefundAll, RefundKey, RefundPart
from jiuwu.orders.events import EffectFailed, EffectMissingRemotely, Redriven, RefundRequested
from jiuwu.orders.order import REFUND_FAILED, Effect, Failure, Order
from jiuwu.orders.refund_rules import request_digest
from jiuwu.orders.state_machine import Applied, Ignored, apply
from tests.orders.lives import NOW, PUSHED, REFUND, SHIPPED, after, done, paid, refunded

POISON = Failure("poison", "BadParameters")
ASK = RefundPart("t1", request_digest("ask"))
TWICE = after(SHIPPED, paid("t2"))
TOO_MUCH, UNREPEATED = Ignored("refund_exceeds_payment"), Ignored("effect_never_repeated")


def ask(fen: int, request: str = "ask") -> RefundRequested:
    return RefundRequested(request, NOW + 70, fen)


def failed(order: Order, key: RefundKey, failure: Failure = POISON) -> Order:
    return after(order, EffectFailed(NOW + 80, key, failure=failure))


# ---- redriven --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("others", "fits"), [(634, True), (635, False), (1234, False)])
def test_a_refused_part_is_redriven_while_its_payment_has_all_of_it(others: int, fits: bool) -> None:
    order = after(failed(after(SHIPPED, ask(600)), ASK), ask(others, "others"))

    outcome = apply(order, Redriven(NOW + 90, ASK), policy=REFUND)

    assert isinstance(outcome, Applied) if fits else outcome == TOO_MUCH


@pytest.mark.parametrize(("others", "fits"), [(1233, True), (1234, False)])
def test_a_refused_refund_of_a_whole_payment_is_redriven_while_a_fen_of_it_is_left(others: int, fits: bool) -> None:
    order = after(failed(TWICE, RefundAll("t2")), ask(others))

    outcome = apply(order, Redriven(NOW + 90, RefundAll("t2")), policy=REFUND)

    assert isinstance(outcome, Applied) if fits else outcome == TOO_MUCH


@pytest.mark.parametrize(
    ("order", "key", "fen"), [(after(SHIPPED, ask(500)), ASK, 500), (TWICE, RefundAll("t2"), 1234)], ids=str
)
def test_what_the_platform_could_not_give_back_is_redriven_for_as_much_as_before(
    order: Order, key: RefundKey, fen: int
) -> None:
    again = after(failed(order, key, REFUND_FAILED), Redriven(NOW + 90, key))

    assert [fen] == [
        one.fen for known, one in again.effects if one.pending and isinstance(known, RefundPart) and known != key
    ]


# ---- missing at the platform -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("given_back", "fits"), [(634, True), (635, False)])
def test_a_part_that_is_not_there_is_due_again_while_its_payment_has_all_of_it(given_back: int, fits: bool) -> None:
    order = after(SHIPPED, ask(600), done(ASK), refunded("r9", fen=given_back))

    outcome = apply(order, EffectMissingRemotely(NOW + 99, ASK), policy=REFUND)

    assert isinstance(outcome, Applied) if fits else outcome == UNREPEATED


@pytest.mark.parametrize(("given_back", "fits"), [(1233, True), (1234, False)])
def test_a_whole_refund_that_is_not_there_is_due_again_while_a_fen_of_its_payment_is_left(
    given_back: int, fits: bool
) -> None:
    order = after(TWICE, done(RefundAll("t2")), refunded("r9", of="t2", fen=given_back))

    outcome = apply(order, EffectMissingRemotely(NOW + 99, RefundAll("t2")), policy=REFUND)

    assert isinstance(outcome, Applied) if fits else outcome == UNREPEATED


def test_what_is_missing_for_the_first_time_is_due_at_once() -> None:
    order = after(PUSHED, EffectMissingRemotely(NOW + 999, PushStatus("shipped")))

    assert Effect(1, times_missing=1) == order.effect(PushStatus("shipped"))
