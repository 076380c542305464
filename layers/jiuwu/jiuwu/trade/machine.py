"""What an event does to an order: a pure function without clock, table or network.

Two ideas keep it right in any order of arrival. The ledger is the truth about money: every transaction and refund is
booked once, when first heard of, whatever the status, so the order of arrival cannot change a balance. And an event
that cannot be judged from here is not guessed at: the order becomes due at once, and the reconciler, which sees both
sides, settles it; the event's id stays in the history, so that hearing of it again does not start that over.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from .orders import (
    Cancelled,
    Completed,
    Effect,
    EffectDone,
    EffectFailed,
    Entry,
    Event,
    Happened,
    Order,
    Owed,
    Paid,
    Placed,
    Refunded,
    Status,
)

# Ids that fall off are harmless: the ledger knows transactions and refunds, the status the rest.
HISTORY_KEPT = 24

_UNPAID = (Status.CREATED, Status.PLACED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a merchant may choose, and how soon an order is looked at again."""

    late_payment: Literal["refund", "revive"] = "refund"  # money for an order that is cancelled here
    check_seconds: int = 180  # for a payment not heard of, an effect not confirmed, an order held
    completion_seconds: int = 14 * 86_400  # for a completion not heard of
    expiry_seconds: int = 0  # after which an unpaid order is cancelled on both sides; 0: never


@dataclass(frozen=True, slots=True)
class Applied:
    """The order as it is to be written, what happened to it, and what a person should hear of."""

    order: Order
    transition: str
    alerts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ignored:
    """Nothing to write, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class NeedsLookup:
    """Not to be judged without the platform's view: write the order, which is due at once; the reconciler decides."""

    order: Order
    reason: str


Outcome = Applied | Ignored | NeedsLookup


def apply(order: Order, event: Event, *, policy: Policy) -> Outcome:
    """What `event` makes of `order`. The version is left alone: it belongs to the write."""
    cause = _cause(event)
    if cause and order.saw(cause):
        return Ignored("duplicate_event")
    rule: Callable[..., Outcome] = _RULES[type(event)]
    return rule(order, event, policy)


def next_look(order: Order, at: int, policy: Policy) -> int:
    """When somebody must next look at the order (Unix seconds; 0: never), as seen at `at`.

    Moving an index key costs two more write units, so a time that is soon enough stays. A time that has come stays
    too: it is the reconciler's to clear.
    """
    wanted = _wanted_look(order, at, policy)
    come = 0 < order.due_at <= at
    soon_enough = at < order.due_at <= wanted <= order.due_at + policy.check_seconds
    return order.due_at if come or soon_enough else wanted


def _wanted_look(order: Order, at: int, policy: Policy) -> int:
    if any(order.payment(refund.of) is None for refund in order.refunds):
        return at  # its payment is to be fetched
    if order.pending or _awaits_refund(order) or order.status in (*_UNPAID, Status.PAID, Status.HELD):
        return at + policy.check_seconds
    return at + policy.completion_seconds if order.status is Status.SHIPPED else 0


def _awaits_refund(order: Order) -> bool:
    """The platform took our refund request, and the money has not gone back yet, as far as we heard."""
    return any(order.effect(f"refund:{payment.ref}") and order.left_fen(payment.ref) > 0 for payment in order.payments)


def _cause(event: Event) -> str:
    return event.event_id if isinstance(event, Paid | Cancelled | Completed | Refunded) else ""


def _applied(order: Order, event: Event, what: str, policy: Policy, alerts: tuple[str, ...] = ()) -> Applied:
    remembered = _remember(order, event, what)
    return Applied(replace(remembered, due_at=next_look(remembered, event.at, policy)), what, alerts)


def _look(order: Order, event: Event, reason: str) -> NeedsLookup:
    due_at = order.due_at if 0 < order.due_at <= event.at else event.at
    return NeedsLookup(replace(_remember(order, event, f"look:{reason}"), due_at=due_at), reason)


def _remember(order: Order, event: Event, what: str) -> Order:
    line = Happened(event.at, _cause(event), what)
    return replace(order, history=(*order.history, line)[-HISTORY_KEPT:])


def _placed(order: Order, event: Placed, policy: Policy) -> Outcome:
    if order.platform_order_no == event.platform_order_no:
        return Ignored("already_placed")
    if order.platform_order_no:
        return _look(order, event, "placed_under_another_number")
    placed = replace(order, platform_order_no=event.platform_order_no, pay_url=event.pay_url)
    if order.status is Status.CREATED:
        placed = replace(placed, status=Status.PLACED)
    elif order.status is Status.CANCELLED:
        placed = _want(placed, "push:cancelled")  # or it stays payable over there
    return _applied(placed, event, "placed", policy)


def _paid(order: Order, event: Paid, policy: Policy) -> Outcome:
    known = order.payment(event.transaction_id)
    if known is None:
        entry = Entry(event.transaction_id, event.amount_fen, event.paid_at)
        return _payment(order, replace(order, ledger=(*order.ledger, entry)), event, policy)
    if known.fen == event.amount_fen:
        return Ignored("duplicate_payment")
    return _look(order, event, "payment_contradicts_ledger")


def _payment(order: Order, booked: Order, event: Paid, policy: Policy) -> Applied:
    """What a transaction heard of for the first time means to the `order` that it is booked for."""
    given_back = order.refunded_fen(event.transaction_id)
    if given_back and given_back >= event.amount_fen:
        return _paid_and_given_back(booked, event, policy, over=given_back > event.amount_fen)
    if order.status in _UNPAID or (order.status is Status.REFUNDED and not order.payments):
        return _first_payment(booked, event, policy)
    if order.status is Status.CANCELLED:
        return _late_payment(booked, event, policy)
    if order.status is Status.HELD and not order.payments:
        return _applied(booked, event, "held", policy, ("paid_while_held",))  # held by the reconciler, before any money
    owed = _want(booked, f"refund:{event.transaction_id}")
    return _applied(owed, event, "second_payment", policy, ("second_payment",))


def _first_payment(order: Order, event: Paid, policy: Policy, what: str = "paid", *alerts: str) -> Applied:
    if event.amount_fen != order.amount_fen:
        return _applied(replace(order, status=Status.HELD), event, "held", policy, (*alerts, "amount_differs"))
    return _applied(_want(replace(order, status=Status.PAID), "ship"), event, what, policy, alerts)


def _late_payment(order: Order, event: Paid, policy: Policy) -> Applied:
    if policy.late_payment == "revive":
        revived = order.without_pending("push:cancelled")
        return _first_payment(revived, event, policy, "revived", "late_payment")
    owed = _want(order, f"refund:{event.transaction_id}")
    return _applied(owed, event, "late_payment", policy, ("late_payment",))


def _paid_and_given_back(order: Order, event: Paid, policy: Policy, *, over: bool) -> Applied:
    """The refund of this very payment was heard of first: book it, ship nothing for it."""
    if over:
        held = replace(order, status=Status.HELD).without_pending("ship")
        return _applied(held, event, "held", policy, ("refund_exceeds_payment",))
    alone = order.status in (*_UNPAID, Status.CANCELLED)
    closed = replace(order, status=Status.REFUNDED) if alone else order
    return _applied(closed, event, "paid_and_refunded", policy)


def _cancelled(order: Order, event: Cancelled, policy: Policy) -> Outcome:
    if order.status is Status.CANCELLED:
        return Ignored("already_cancelled")
    # also one that was held before any money came: with the cancellation there is nothing left to decide
    if order.ledger or order.status not in (*_UNPAID, Status.HELD):
        return _look(order, event, "cancelled_but_paid")
    return _applied(replace(order, status=Status.CANCELLED), event, "cancelled", policy)


def _completed(order: Order, event: Completed, policy: Policy) -> Outcome:
    if order.status is Status.COMPLETED:
        return Ignored("already_completed")
    if order.status in (Status.PAID, Status.SHIPPED):
        return _applied(replace(order, status=Status.COMPLETED), event, "completed", policy)
    unpaid = order.status in _UNPAID
    return _look(order, event, "completed_but_unpaid" if unpaid else f"completed_but_{order.status}")


def _refunded(order: Order, event: Refunded, policy: Policy) -> Outcome:
    known = order.refund(event.refund_id)
    if known is not None:
        same = (known.fen, known.of) == (-event.amount_fen, event.transaction_id)
        return Ignored("duplicate_refund") if same else _look(order, event, "refund_contradicts_ledger")
    entry = Entry(event.refund_id, -event.amount_fen, event.refunded_at, of=event.transaction_id)
    booked = replace(order, ledger=(*order.ledger, entry))
    if booked.payment(event.transaction_id) is None:
        return _refunded_before_payment(booked, event, policy)
    if booked.left_fen(event.transaction_id) <= 0:
        booked = _settle(booked, f"refund:{event.transaction_id}", event.at)
    return _after_refund(booked, event, policy)


def _after_refund(order: Order, event: Refunded, policy: Policy) -> Applied:
    left = order.left_fen(event.transaction_id)
    if left < 0:
        # Booked all the same: the ledger says what moved, and a person hears that too much did.
        held = replace(order, status=Status.HELD).without_pending("ship")
        return _applied(held, event, "held", policy, ("refund_exceeds_payment",))
    if left > 0:
        return _applied(order, event, "partly_refunded", policy)
    if any(order.left_fen(payment.ref) for payment in order.kept):
        return _applied(order, event, "second_payment_refunded", policy)
    closed = replace(order, status=Status.REFUNDED).without_pending("ship", "push:shipped")
    return _applied(closed, event, "refunded", policy)


def _refunded_before_payment(order: Order, event: Refunded, policy: Policy) -> Applied:
    """The payment itself is still to be heard of; `next_look` has it fetched."""
    whole = order.refunded_fen(event.transaction_id) >= order.amount_fen
    if whole and order.status in _UNPAID:
        order = replace(order, status=Status.REFUNDED)
    return _applied(order, event, "refunded_before_payment", policy)


def _effect_done(order: Order, event: EffectDone, policy: Policy) -> Outcome:
    effect = order.effect(event.effect)
    if effect is not None and effect.done_at:
        return Ignored("effect_already_done")
    withdrawn = event.effect == "ship" and order.status in (Status.REFUNDED, Status.HELD)
    if effect is None and not withdrawn:
        return Ignored("effect_not_wanted")
    done = _settle(order, event.effect, event.at, attempts=1)
    if event.effect != "ship":
        return _applied(done, event, f"done:{event.effect.partition(':')[0]}", policy)
    if order.status is Status.PAID:
        done = _want(replace(done, status=Status.SHIPPED), "push:shipped")
    # The request left while the money was going back: it counts, and somebody must call it back.
    return _applied(done, event, "shipped", policy, (f"shipped_while_{order.status}",) if withdrawn else ())


def _effect_failed(order: Order, event: EffectFailed, policy: Policy) -> Outcome:
    effect = order.effect(event.effect)
    if effect is None or effect.done_at:
        return Ignored("effect_not_wanted")
    tried = order.with_effect(event.effect, Effect(effect.attempts + 1))
    return Applied(replace(tried, due_at=next_look(tried, event.at, policy)), "effect_failed")


def _owed(order: Order, event: Owed, policy: Policy) -> Outcome:
    kind, _, of = event.effect.partition(":")
    if event.effect in order.pending:
        return Ignored("effect_pending")
    # only a refund decided before: this is no way to give back what the order keeps
    again = kind == "refund" and order.effect(event.effect) is not None and order.left_fen(of) > 0
    if kind == "push" or again:
        return _applied(order.with_effect(event.effect, Effect()), event, f"owed:{kind}", policy)
    return Ignored("effect_never_repeated")


def _want(order: Order, effect: str) -> Order:
    return order if order.effect(effect) else order.with_effect(effect, Effect())


def _settle(order: Order, name: str, at: int, attempts: int = 0) -> Order:
    """The effect is done; one that nobody asked for is noted only when this very process carried it out."""
    effect = order.effect(name)
    if effect is None and not attempts:
        return order
    tried = effect.attempts if effect else 0
    return order if effect and effect.done_at else order.with_effect(name, Effect(tried + attempts, at))


_RULES: dict[type[Event], Callable[..., Outcome]] = {
    Placed: _placed,
    Paid: _paid,
    Cancelled: _cancelled,
    Completed: _completed,
    Refunded: _refunded,
    EffectDone: _effect_done,
    EffectFailed: _effect_failed,
    Owed: _owed,
}
