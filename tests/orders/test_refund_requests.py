"""Refunds that the merchant asks for: in whole, in parts, and never more than was paid."""

import json
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jiuwu.orders.codec import to_item
from jiuwu.orders.effect_key import EffectKey, RefundAll, RefundPart, Ship
from jiuwu.orders.events import EffectFailed, EffectMissingRemotely, Redriven, RefundRequested
from jiuwu.orders.ids import effect_id
from jiuwu.orders.order import Effect, Failure, Order, Status
from jiuwu.orders.refund_rules import (
    MAX_REASON_CHARACTERS,
    MAX_REQUESTS,
    refundable_fen,
    request_digest,
    request_failed,
)
from jiuwu.orders.state_machine import Applied, Duplicate, Ignored, apply
from tests.orders.lives import (
    CANCELLED,
    COMPLETED,
    CREATED,
    HELD,
    NOW,
    PAID,
    PLACED,
    REFUND,
    REFUNDED,
    SHIPPED,
    after,
    done,
    name,
    order_of,
    paid,
    refunded,
)


def ask(fen: int | None, request: str = "ask-1", at: int = NOW + 200) -> RefundRequested:
    return RefundRequested(request, at, fen, "changed their mind")


def requested(order: Order, fen: int | None, request: str = "ask-1") -> Order:
    outcome = apply(order, ask(fen, request), policy=REFUND)
    assert isinstance(outcome, Applied), outcome
    return outcome.order


def wanted(order: Order) -> dict[str, int]:
    """The refunds still to be requested: payment → fen."""
    fen: Counter[str] = Counter()
    for key, effect in order.effects:
        if effect.pending and isinstance(key, RefundPart):
            fen[key.transaction_id] += effect.fen
    return dict(fen)


def answer(order: Order, refund: str = "r1", fen: int | None = None) -> Order:
    """The platform's notification of the refund asked last."""
    effect = order.effects[-1][0]
    fen = fen or order.effects[-1][1].fen
    refund_event = replace(refunded(refund, "t1", fen), out_refund_no=effect_id(order.order_no, effect))
    return after(after(order, done(effect)), refund_event)


@pytest.mark.parametrize("order", [PAID, SHIPPED, COMPLETED], ids=name)
def test_a_part_is_given_back_once(order: Order) -> None:
    assert {"t1": 500} == wanted(requested(order, 500))


def test_a_part_given_back_is_in_the_ledger_and_the_order_ships_on() -> None:
    order = answer(requested(PAID, 500))

    assert (1234 - 500, Status.PAID) == (order.balance_fen, order.status)
    assert Ship() in order.pending
    assert order.effects[-1][0] == order.refunds[0].answers


@pytest.mark.parametrize("order", [PAID, SHIPPED, COMPLETED, HELD], ids=name)
def test_the_whole_is_given_back_and_ships_no_more(order: Order) -> None:
    whole = requested(order, order.balance_fen)
    back = answer(whole)

    assert Ship() not in whole.pending
    assert (Status.REFUNDED, 0, ()) == (back.status, back.balance_fen, back.pending)


def test_a_parcel_that_left_while_everything_was_requested_back_counts_and_raises_an_alert() -> None:
    outcome = apply(requested(PAID, 1234), done(Ship()), policy=REFUND)

    assert isinstance(outcome, Applied)
    assert (Status.SHIPPED, ("shipped_while_refunding",)) == (outcome.order.status, outcome.alerts)


@pytest.mark.parametrize("fen", [-1, 0, 1235])
def test_more_than_was_paid_is_refused(fen: int) -> None:
    assert Ignored("refund_exceeds_payment") == apply(PAID, ask(fen), policy=REFUND)


def test_what_is_on_its_way_back_counts_as_given_back() -> None:
    order = requested(PAID, 1000)

    assert Ignored("refund_exceeds_payment") == apply(order, ask(235, "ask-2"), policy=REFUND)
    assert {"t1": 1234} == wanted(requested(order, 234, "ask-2"))


def test_a_refund_made_at_the_platform_counts_too() -> None:
    order = after(PAID, refunded("r9", "t1", 1000))

    assert Ignored("refund_exceeds_payment") == apply(order, ask(235), policy=REFUND)


@pytest.mark.parametrize("fen", [1000, 1234])
def test_a_refund_made_at_the_platform_leaves_the_rest_to_be_given_back(fen: int) -> None:
    outcome = apply(requested(PAID, fen), refunded("r9", "t1", 300), policy=REFUND)

    assert isinstance(outcome, Applied)
    assert ({"t1": 934}, ("refund_reduced",)) == (wanted(outcome.order), outcome.alerts)
    assert Ship() not in outcome.order.pending


def test_a_refund_made_at_the_platform_that_leaves_room_for_what_was_requested_reduces_nothing() -> None:
    outcome = apply(requested(PAID, 300), refunded("r9", "t1", 934), policy=REFUND)

    assert isinstance(outcome, Applied)
    assert ({"t1": 300}, ()) == (wanted(outcome.order), outcome.alerts)


@pytest.mark.parametrize("parts", [(300,), (100, 200)], ids=str)
def test_what_goes_back_in_whole_is_not_shipped_from_whichever_side_each_part_goes(parts: tuple[int, ...]) -> None:
    order = PAID
    for number, fen in enumerate(parts):
        order = requested(order, fen, f"ask-{number}")
    assert Ship() in order.pending

    assert Ship() not in after(order, refunded("r9", "t1", 934)).pending


def test_a_payment_that_more_went_back_of_than_came_leaves_less_of_the_others() -> None:
    """One sum: what is offered as all that can go back is granted, and a fen more is not."""
    order = after(PAID, refunded("r2", "t2", 1300), paid("t2"))

    assert 1234 - (1300 - 1234) == refundable_fen(order)
    assert Ignored("refund_exceeds_payment") == apply(order, ask(refundable_fen(order) + 1), policy=REFUND)
    assert {"t1": refundable_fen(order)} == wanted(requested(order, refundable_fen(order)))


def test_of_two_requests_the_newer_one_makes_room_for_a_refund_made_at_the_platform() -> None:
    outcome = apply(requested(requested(PAID, 1000), 200, "ask-2"), refunded("r9", "t1", 300), policy=REFUND)

    assert isinstance(outcome, Applied)
    assert [934] == [effect.fen for _, effect in outcome.order.effects if effect.fen]
    assert 0 == outcome.order.refundable_fen("t1")


@pytest.mark.parametrize("order", [CREATED, PLACED, CANCELLED], ids=name)
def test_nothing_is_given_back_where_nothing_was_paid(order: Order) -> None:
    assert Ignored("nothing_paid") == apply(order, ask(1), policy=REFUND)


def test_a_refunded_order_has_nothing_left() -> None:
    assert Ignored("nothing_left") == apply(REFUNDED, ask(1), policy=REFUND)


def test_the_same_request_again_asks_for_nothing_more() -> None:
    assert repeated(500) == apply(requested(PAID, 500), ask(500), policy=REFUND)


def repeated(fen: int, request: str = "ask-1", at: int = NOW + 200) -> Duplicate:
    return Duplicate("duplicate_event", f"request→{request}", amount_fen=fen, at=at)


def test_a_request_without_an_amount_is_for_all_that_is_left() -> None:
    order = requested(requested(PAID, 234), None, "ask-2")

    assert {"t1": 1234} == wanted(order)
    assert repeated(1000, "ask-2") == apply(order, ask(None, "ask-2"), policy=REFUND)
    assert repeated(1000, "ask-2") == apply(order, ask(1000, "ask-2"), policy=REFUND)


@pytest.mark.parametrize("fen", [1200, None])
def test_what_was_requested_stays_the_request_when_the_platform_gives_a_part_of_it_back_meanwhile(
    fen: int | None,
) -> None:
    order = after(requested(PAID, 1200), refunded("r9", "t1", 500))

    assert repeated(734) == apply(order, ask(fen), policy=REFUND)
    for another in (500, 700, 734):
        assert Ignored("request_reused", "request→ask-1") == apply(order, ask(another), policy=REFUND)


def test_the_same_request_for_another_amount_is_told_apart() -> None:
    outcome = apply(requested(PAID, 500), ask(501), policy=REFUND)

    assert isinstance(outcome, Ignored)
    assert ("request_reused", "request→ask-1") == (outcome.reason, outcome.duplicate_of)


@pytest.mark.parametrize(("fen", "reason"), [(500, "duplicate_event"), (501, "request_reused")])
def test_a_request_that_fell_off_the_history_is_still_known(fen: int, reason: str) -> None:
    forgotten = replace(requested(PAID, 500), history=())

    outcome = apply(forgotten, ask(fen), policy=REFUND)
    assert isinstance(outcome, Ignored)
    assert (reason, "request→ask-1") == (outcome.reason, outcome.duplicate_of)


def test_a_request_and_a_notification_of_one_name_are_two() -> None:
    """An event id may be any visible ASCII text, so also what would be the key of a request."""
    notified = after(PAID, paid("t2", 100, "request:ask-1"))
    outcome = apply(notified, ask(500), policy=REFUND)
    assert isinstance(outcome, Applied)

    payment = paid("t3", 100, "request:ask-1")
    assert isinstance(apply(requested(PAID, 500), payment, policy=REFUND), Applied)


def test_a_second_payment_that_goes_back_anyway_is_not_requested_back_again() -> None:
    order = after(PAID, paid("t2"))

    assert Ignored("refund_exceeds_payment") == apply(order, ask(1235), policy=REFUND)
    assert {"t1": 1234} == wanted(requested(order, 1234))


def test_a_refund_that_failed_permanently_may_be_requested_again() -> None:
    order = requested(PAID, 1234)
    dead = order.with_effect(order.effects[-1][0], Effect(5, fen=1234, failure=Failure("poison", "refused")))

    assert {"t1": 1234} == wanted(requested(dead, 1234, "ask-2"))


def given_up(order: Order, effect: EffectKey) -> Order:
    return after(order, EffectFailed(NOW + 210, effect, failure=Failure("poison", "BadParameters")))


def test_a_refund_that_failed_permanently_is_not_revived_when_its_money_was_requested_back_otherwise() -> None:
    first = requested(PAID, 600)
    dead = given_up(first, effect := first.effects[-1][0])
    again = requested(dead, 1234, "ask-2")

    assert Ignored("refund_exceeds_payment") == apply(again, Redriven(NOW + 220, effect), policy=REFUND)
    assert {"t1": 600} == wanted(after(dead, Redriven(NOW + 220, effect)))


def test_a_refund_that_failed_permanently_is_not_revived_when_the_platform_gave_its_money_back() -> None:
    first = requested(PAID, 600)
    dead = after(given_up(first, effect := first.effects[-1][0]), refunded("f1", "t1", 1234))

    assert Ignored("refund_exceeds_payment") == apply(dead, Redriven(NOW + 220, effect), policy=REFUND)


def test_a_refund_that_no_longer_fits_or_was_answered_is_not_due_again() -> None:
    first = requested(PAID, 600)
    effect = first.effects[-1][0]
    there = after(first, done(effect))

    assert {"t1": 600} == wanted(after(there, EffectMissingRemotely(NOW + 230, effect)))
    for settled in (after(there, refunded("f1", "t1", 1000)), answer(first)):
        assert Ignored("effect_never_repeated") == apply(
            settled, EffectMissingRemotely(NOW + 230, effect), policy=REFUND
        )


steps = st.lists(
    st.one_of(
        st.builds(ask, st.integers(1, 1300), st.sampled_from(["a", "b", "c", "d"])),
        st.sampled_from(["request", "notify", "foreign", "give up", "redrive", "owe"]),
    ),
    max_size=14,
)


@given(steps, st.integers(1, 1234))
def test_never_more_is_given_back_than_was_paid(lived: list[RefundRequested | str], foreign: int) -> None:
    """Whatever is asked, requested and notified in whatever sequence; the platform itself refuses what it has not."""
    order, there = PAID, 0
    for number, step in enumerate(lived):
        if isinstance(step, RefundRequested):
            order = order_of(order, apply(order, step, policy=REFUND))
        elif step == "foreign" and there + foreign <= 1234:
            there += foreign
            order = after(order, refunded(f"f{number}", "t1", foreign))
        elif step in {"give up", "redrive", "owe"}:
            order = troubled(order, step)
        elif step in {"request", "notify"}:
            order, there = answered(order, there, number, step)
        assert sum(wanted(order).values()) <= order.remaining_fen("t1")
        assert 0 <= order.balance_fen <= 1234


def troubled(order: Order, step: str) -> Order:
    """Each refund fails permanently, is redriven, or is found missing remotely, as far as the machine lets it."""
    for effect in [known for known, one in order.effects if one.fen]:
        if step == "give up":
            order = given_up(order, effect)
        else:
            order = after(
                order, Redriven(NOW + 220, effect) if step == "redrive" else EffectMissingRemotely(NOW + 230, effect)
            )
    return order


def answered(order: Order, there: int, number: int, step: str) -> tuple[Order, int]:
    """The oldest refund requested leaves, or leaves and is notified."""
    effect = next((n for n, e in order.effects if e.pending and e.fen), None)
    if effect is None:
        return order, there
    fen = order.effect(effect)
    assert fen is not None
    order = after(order, done(effect))
    refund_event = replace(refunded(f"r{number}", "t1", fen.fen), out_refund_no=effect_id(order.order_no, effect))
    return (after(order, refund_event) if step == "notify" else order), there + fen.fen


def test_a_server_that_runs_wild_fills_no_order_with_refunds() -> None:
    order = PAID
    for number in range(MAX_REQUESTS):
        order = requested(order, 1, f"ask-{number}")

    assert Ignored("too_many_refunds") == apply(order, ask(1, "one-more"), policy=REFUND)
    assert repeated(1, "ask-0", at=0) == apply(order, ask(1, "ask-0"), policy=REFUND)


def test_a_refund_exhausted_after_many_attempts_may_have_happened_and_keeps_its_money() -> None:
    order = requested(PAID, 1000)
    name = order.effects[-1][0]
    tired = order.with_effect(
        name, Effect(32, fen=1000, failure=Failure("exhausted", "UnknownOutcome, tried 32 times"))
    )

    assert Ignored("refund_exceeds_payment") == apply(tired, ask(235, "ask-2"), policy=REFUND)
    assert name in after(tired, Redriven(NOW + 900, name)).pending


def test_the_reason_is_kept_with_the_refund_once_for_all_its_parts() -> None:
    order = requested(after(PAID, done(Ship())), 1234)
    (name,) = order.requested_parts("t1")

    assert ("changed their mind", "", "") == tuple(order.reason(one) for one in (name, Ship(), RefundAll("t1")))
    assert 1 == len(order.reasons)
    assert "changed their mind" == answer(order).reason(name)


def test_the_reason_that_a_request_gave_first_stands() -> None:
    order = requested(PAID, 100)

    again = apply(order, replace(ask(100), reason="broken"), policy=REFUND)

    assert repeated(100) == again
    assert repeated(100, at=0) == apply(replace(order, history=()), replace(ask(100), reason="broken"), policy=REFUND)


def test_no_reasons_fill_an_order() -> None:
    order = PAID
    for number in range(MAX_REQUESTS):
        order = order_of(order, apply(order, replace(ask(1, f"ask-{number}"), reason="破" * 1000), policy=REFUND))

    assert {MAX_REASON_CHARACTERS} == {len(reason) for _, reason in order.reasons}
    assert 50_000 > len(json.dumps(to_item(order), ensure_ascii=False).encode())


def test_a_reason_may_name_people_and_is_shown_in_no_trace() -> None:
    assert "changed their mind" not in repr((ask(100), requested(PAID, 100)))


POISON, EXHAUSTED = Failure("poison", "BadParameters"), Failure("exhausted", "UnknownOutcome")


@pytest.mark.parametrize(
    ("failures", "part", "whole"),
    [
        ((), False, False),
        ((None,), False, False),
        ((EXHAUSTED,), False, False),
        ((POISON,), True, True),
        ((POISON, None), False, True),
        ((POISON, EXHAUSTED), False, True),
        ((POISON, POISON), True, True),
    ],
    ids=str,
)
def test_a_request_failed_when_all_its_refunds_were_refused_or_one_of_a_request_for_the_whole(
    failures: tuple[Failure | None, ...], part: bool, whole: bool
) -> None:
    order = PAID
    for number, failure in enumerate(failures):
        key = RefundPart(f"t{number}", request_digest("r1"))
        order = order.with_effect(key, Effect(fen=100, failure=failure))
    order = order.with_effect(RefundPart("t9", request_digest("another")), Effect(fen=1, failure=POISON))

    assert (part, whole) == (request_failed(order, "r1", whole=False), request_failed(order, "r1", whole=True))
