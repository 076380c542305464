"""What holds for every order, whatever happens to it in whatever order."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from jiuwu.orders.codec import from_item, to_item
from jiuwu.orders.effect_key import PushStatus, RefundAll, Ship
from jiuwu.orders.events import (
    Cancelled,
    Completed,
    EffectFailed,
    EffectMissingRemotely,
    Event,
    Paid,
    Refunded,
    RefundStatusChanged,
)
from jiuwu.orders.order import Effect, Order, Status
from jiuwu.orders.state_machine import HISTORY_KEPT, Ignored, Policy, apply, next_check
from tests.orders.lives import (
    CREATED,
    NOW,
    PLACED,
    REFUND,
    REVIVE,
    after,
    cancelled,
    completed,
    done,
    order_of,
    paid,
    placed,
    refunded,
)

# What the platform says about a transaction or a refund is always the same; who hears what when is not.
PAYMENTS = {"t1": 1234, "t2": 1234, "t3": 1000}
REFUNDS = {"r1": ("t1", 1234), "r2": ("t2", 400), "r3": ("t2", 834), "r4": ("t3", 1000), "r5": ("t1", 1)}


def at_random_times(event: Event, at: int) -> Event:
    return replace(event, at=NOW + at)


one_event = st.one_of(
    st.builds(lambda t, e: paid(t, PAYMENTS[t], f"p{t}{e}"), st.sampled_from(sorted(PAYMENTS)), st.integers(0, 2)),
    st.builds(lambda r, e: refunded(r, *REFUNDS[r], f"{r}{e}"), st.sampled_from(sorted(REFUNDS)), st.integers(0, 2)),
    st.builds(
        lambda r, status, e: RefundStatusChanged(e and f"{r}{status}{e}", NOW, r, *REFUNDS[r], status),
        st.sampled_from(sorted(REFUNDS)),
        st.sampled_from(["processing", "failed", "unknown"]),
        st.sampled_from(["", "0", "1"]),
    ),
    st.builds(cancelled, st.sampled_from(["c1", "c2"])),
    st.builds(completed, st.sampled_from(["d1", "d2"])),
    st.just(placed()),
    st.builds(
        done,
        st.sampled_from([Ship(), PushStatus("shipped"), PushStatus("cancelled"), RefundAll("t1"), RefundAll("t2")]),
    ),
    st.builds(lambda: EffectFailed(NOW, Ship())),
    st.builds(
        lambda effect: EffectMissingRemotely(NOW, effect),
        st.sampled_from([Ship(), PushStatus("shipped"), RefundAll("t1")]),
    ),
)
some_events = st.lists(st.builds(at_random_times, one_event, st.integers(0, 2000)), max_size=40)
policies = st.sampled_from([REFUND, REVIVE])


def states(order: Order, events: Iterable[Event], policy: Policy) -> list[Order]:
    passed = [order]
    for event in events:
        passed.append(after(passed[-1], event, policy=policy))
    return passed


def money_in(events: Iterable[Event]) -> dict[tuple[str, str], int]:
    paid_in = {("paid", e.transaction_id): e.amount_fen for e in events if isinstance(e, Paid)}
    return paid_in | {("back", e.refund_id): -e.amount_fen for e in events if isinstance(e, Refunded)}


def booked(order: Order) -> dict[tuple[str, str], int]:
    return {("back" if entry.of else "paid", entry.ref): entry.fen for entry in order.ledger}


def max_sum(order: Order) -> int:
    """The most that was here at once, as the money moved."""
    kept = {payment.ref: payment.at for payment in order.kept}
    moves = [(entry.at, entry.fen < 0, entry.fen) for entry in order.ledger if (entry.of or entry.ref) in kept]
    return max(accumulate(fen for _, _, fen in sorted(moves)), default=0)


@given(some_events, policies)
def test_every_transaction_and_refund_is_booked_once_whatever_else_happens(
    events: Sequence[Event], policy: Policy
) -> None:
    order = after(CREATED, *events, policy=policy)

    assert booked(order) == money_in(events)
    assert len(order.ledger) == len(booked(order))
    assert order.balance_fen == sum(money_in(events).values())


@given(some_events.flatmap(lambda events: st.tuples(st.just(events), st.permutations(events))), policies)
def test_the_order_of_arrival_does_not_change_the_money(
    pair: tuple[Sequence[Event], Sequence[Event]], policy: Policy
) -> None:
    one, other = (after(CREATED, *events, policy=policy) for events in pair)

    assert booked(one) == booked(other)


@given(some_events, policies)
def test_an_order_ships_at_most_once_and_never_forgets_it(events: Sequence[Event], policy: Policy) -> None:
    shipped_at = [dict(order.effects).get(Ship(), Effect()).done_at for order in states(CREATED, events, policy)]

    assert len({at for at in shipped_at if at}) <= 1
    assert all(later for sooner, later in pairwise(shipped_at) if sooner)


@given(some_events, policies)
def test_shipping_waits_only_while_the_right_money_is_here(events: Sequence[Event], policy: Policy) -> None:
    for order in states(CREATED, events, policy):
        if Ship() in order.pending:
            assert order.status in (Status.PAID, Status.COMPLETED)
            assert any(order.remaining_fen(payment.ref) for payment in order.kept)
            assert max_sum(order) >= order.amount_fen


@given(some_events, policies)
def test_an_event_applied_twice_changes_nothing_more(events: Sequence[Event], policy: Policy) -> None:
    order = CREATED
    for event in events:
        order = after(order, event, policy=policy)
        again = after(order, event, policy=policy)
        if not isinstance(event, EffectFailed):
            assert replace(again, history=(), due_at=0) == replace(order, history=(), due_at=0)
        if isinstance(event, Paid | Refunded | Cancelled | Completed):
            assert again == order


@given(some_events, policies)
def test_money_already_booked_is_known_when_its_event_fell_off_the_history(
    events: Sequence[Event], policy: Policy
) -> None:
    forgetful = replace(after(CREATED, *events, policy=policy), history=())

    assert after(forgetful, *(e for e in events if isinstance(e, Paid | Refunded)), policy=policy) == forgetful


@given(some_events, policies)
def test_whatever_is_unfinished_is_checked_soon(events: Sequence[Event], policy: Policy) -> None:
    order = CREATED
    for event in events:
        outcome = apply(order, event, policy=policy)
        order = order_of(order, outcome)
        if not isinstance(outcome, Ignored) and (order.pending or order.status in ("created", "placed", "held")):
            assert 0 < order.due_at <= event.at + policy.check_seconds
        if not isinstance(outcome, Ignored) and order.due_at == 0:
            assert not order.pending
            assert all(order.remaining_fen(p.ref) <= 0 for p in order.payments if order.effect(RefundAll(p.ref)))
            assert order.status in (Status.COMPLETED, Status.CANCELLED, Status.REFUNDED)


@given(some_events, policies)
def test_the_history_is_bounded_and_any_order_survives_the_table(events: Sequence[Event], policy: Policy) -> None:
    for order in states(CREATED, events, policy):
        assert len(order.history) <= HISTORY_KEPT
        assert from_item(to_item(order)) == order


one_payment_and_its_refunds = st.tuples(
    st.sampled_from([1234, 1000, 5000]), st.lists(st.sampled_from([1, 234, 1000, 1234]), max_size=3)
).map(lambda case: [paid(fen=case[0]), *(refunded(f"r{n}", fen=fen) for n, fen in enumerate(case[1]))])


@settings(max_examples=300)
@given(one_payment_and_its_refunds.flatmap(lambda events: st.tuples(st.just(events), st.permutations(events))))
def test_one_payment_and_its_refunds_end_alike_in_any_order(sequences: tuple[Sequence[Event], Sequence[Event]]) -> None:
    one, other = (after(PLACED, *events) for events in sequences)

    assert (one.status, one.pending, booked(one)) == (other.status, other.pending, booked(other))


@given(some_events, st.integers(0, 3000))
def test_looking_for_the_next_look_twice_finds_the_same(events: Sequence[Event], at: int) -> None:
    order = after(CREATED, *events)
    looked = replace(order, due_at=next_check(order, NOW + at, REFUND))

    assert next_check(looked, NOW + at, REFUND) == looked.due_at
