"""Money that goes back: refunds that the platform reports, and refunds that the merchant requests."""

import base64
import hashlib
from dataclasses import replace

from .effect_key import PushStatus, RefundAll, RefundKey, RefundPart, Ship
from .events import Refunded, RefundRequested, RefundStatusChanged
from .ids import effect_id
from .order import Effect, Entry, HoldReason, Order, Status
from .outcomes import (
    UNPAID,
    Applied,
    Duplicate,
    EventOutcome,
    Ignored,
    Policy,
    applied,
    mark_effect_done,
    needs_lookup,
    request_effect,
    request_key,
    unknown_payment,
)
from .payment_rules import given_back, short
from .payment_sum import received_fen, take_back_refunds, was_paid

# An order is one item of at most 400 KB, and each write is billed by its size: a merchant's server that runs wild, a
# fen at a time, must not fill it until no notification fits any more.
MAX_REQUESTS = 50
MAX_REASON_CHARACTERS = 200  # characters


def refunded(order: Order, event: Refunded, policy: Policy) -> EventOutcome:
    """Book a refund that the platform made: each once, also one that comes before its payment."""
    known = order.refund(event.refund_id)
    if known is not None:
        same = (known.fen, known.of) == (-event.amount_fen, event.transaction_id)
        return (
            Ignored("duplicate_refund", known.by) if same else needs_lookup(order, event, "refund_contradicts_ledger")
        )
    answers = answered_effect(order, event)
    entry = Entry(event.refund_id, -event.amount_fen, event.refunded_at, event.transaction_id, event.event_id, answers)
    unbooked = tuple(one for one in order.unbooked if one.ref != event.refund_id)
    booked = replace(order, ledger=(*order.ledger, entry), unbooked=unbooked)
    if unknown_payment(booked, event.transaction_id):
        return _refunded_before_payment(booked, event, policy)
    booked = mark_effect_done(booked, answers, event.at) if answers else booked
    if booked.remaining_fen(event.transaction_id) <= 0:
        booked = mark_effect_done(booked, RefundAll(event.transaction_id), event.at)
    return _after_refund(booked, event, policy)


def answered_effect(order: Order, event: Refunded | RefundStatusChanged) -> RefundKey | None:
    """Return the effect of ours that this refund answers; None when it was made at the platform."""
    if not event.out_refund_no:
        return None
    keys = order.refund_keys(event.transaction_id)
    return next((key for key in keys if effect_id(order.order_no, key) == event.out_refund_no), None)


def _after_refund(order: Order, event: Refunded, policy: Policy) -> Applied:
    remaining = order.remaining_fen(event.transaction_id)
    if remaining < 0:
        # Booked all the same: the ledger says what moved, and a person hears that too much did.
        on_hold = order.moved(Status.HELD, HoldReason.OVER_REFUNDED).without_pending(Ship())
        return applied(on_hold, event, "on_hold", policy, ("refund_exceeds_payment",))
    if not event.out_refund_no:
        order = reduce_surplus_refunds(take_back_refunds(order, event.at), event.amount_fen)
    order, alerts = reduce_pending_refunds(order, event.transaction_id)
    payment = order.payment(event.transaction_id)
    # a payment of nothing is one by points, which no refund of money takes back
    strayed = order.points and payment and payment.fen
    if remaining > 0 or strayed or any(order.remaining_fen(kept.ref) for kept in order.kept):
        by_rule = remaining <= 0 and (strayed or order.effect(RefundAll(event.transaction_id)))
        what = "second_payment_refunded" if by_rule else "partly_refunded"
        if Ship() in order.pending and not was_paid(order):  # it went back before the rest came
            return applied(short(order), event, what, policy, (*alerts, "underpaid"))
        return applied(order, event, what, policy, alerts)
    over = given_back(order).without_pending(Ship(), PushStatus("shipped"), PushStatus("cancelled"))
    return applied(over, event, "refunded", policy, alerts)


def reduce_surplus_refunds(order: Order, fen: int) -> Order:
    """Reduce the surplus still to be requested back by what the platform gave back by itself; that may have been it."""
    served = order.status in (Status.PAID, Status.SHIPPED, Status.COMPLETED)
    spare = min(fen, order.amount_fen - received_fen(order)) if served else 0
    for key, effect in reversed(order.effects):
        if isinstance(key, RefundPart) and key.by_rule and effect.pending and spare > 0:
            cut, remaining = min(spare, effect.fen), max(effect.fen - spare, 0)
            order = order.with_effect(key, replace(effect, fen=remaining)) if remaining else order.without_pending(key)
            spare -= cut
    return order


def reduce_pending_refunds(order: Order, transaction_id: str) -> tuple[Order, tuple[str, ...]]:
    """Reduce our pending refunds, newest first, to what refunds made at the platform leave; an alert says so.

    They cannot have reached the platform, which would not have made its own then. An order whose money all goes back is
    not shipped.
    """
    pending = [(key, effect) for key, effect in order.requested_parts(transaction_id).items() if effect.pending]
    reduced = False
    while pending and (over := -order.uncommitted_fen(transaction_id)) > 0:
        (key, effect), reduced = pending.pop(), True
        remaining = effect.fen - over
        order = order.with_effect(key, replace(effect, fen=remaining)) if remaining > 0 else order.without_pending(key)
    return withdraw_parcel_if_all_goes(order), ("refund_reduced",) if reduced else ()


def refundable_fen(order: Order) -> int:
    """Return the refundable amount in fen: what is neither given back nor on its way back.

    It counts the payments that the order keeps, and those that were to go back anyway and failed.

    One sum for what is offered and what is granted: a payment of which too much went back leaves less of the others.
    """
    return max(0, sum(order.refundable_fen(payment.ref) for payment in order.payments))


def going_back_fen(order: Order) -> int:
    """Return the fen on their way back: requested, or begun at the platform, and not booked yet."""
    remaining = {payment.ref: order.remaining_fen(payment.ref) for payment in order.payments}
    return sum(max(0, fen - max(0, order.refundable_fen(ref))) for ref, fen in remaining.items())


def withdraw_parcel_if_all_goes(order: Order) -> Order:
    """Withdraw the parcel of an order whose money all goes back, by either side; points are no money."""
    all_goes = any(payment.fen for payment in order.kept) and received_fen(order) <= 0
    return order.without_pending(Ship()) if all_goes else order


def _refunded_before_payment(order: Order, event: Refunded, policy: Policy) -> Applied:
    """Take in a refund of an unknown payment; `next_check` has the payment fetched."""
    whole = order.refunded_fen(event.transaction_id) >= order.amount_fen
    if whole and not order.points and order.status in UNPAID:
        order = given_back(order)
    return applied(order, event, "refunded_before_payment", policy)


def refund_requested(order: Order, event: RefundRequested, policy: Policy) -> EventOutcome:
    """Request a refund for the merchant, of part or all of what the order keeps, once per request.

    The sum never exceeds what was paid, counting what is on its way back. An order refunded in whole is not shipped.
    """
    if repeated := _repeated(order, event):
        return repeated
    if not any(payment.fen for payment in _refundable_payments(order)):
        return Ignored("nothing_paid")
    if not (remaining := refundable_fen(order)):
        return Ignored("nothing_left")
    amount = remaining if event.amount_fen is None else event.amount_fen
    if not 0 < amount <= remaining:
        return Ignored("refund_exceeds_payment")
    if len({key.request for key, _ in order.effects if isinstance(key, RefundPart)}) >= MAX_REQUESTS:
        return Ignored("too_many_refunds")
    granted = with_reason(_granted(order, event, amount), request_digest(event.request_id), event.reason)
    return applied(granted, event, "refund_requested", policy, detail=str(amount))


def _repeated(order: Order, event: RefundRequested) -> Ignored | None:
    """Return the outcome of a repeated request; None for a new one.

    A repetition names the granted amount, or none. Where its line has fallen off the history, its refunds tell the
    amount.
    """
    if not was_requested(order, event.request_id):
        return None
    key, going_back = request_key(event.request_id), requested_fen(order, event.request_id)
    line = order.seen(key)
    if event.amount_fen not in (None, int(line.detail) if line else going_back):
        return Ignored("request_reused", key)
    return Duplicate("duplicate_event", key, amount_fen=going_back, at=line.at if line else 0)


def _granted(order: Order, event: RefundRequested, remaining: int) -> Order:
    request = request_digest(event.request_id)
    for payment in _refundable_payments(order):
        if part := min(remaining, max(order.refundable_fen(payment.ref), 0)):
            order, remaining = request_effect(order, RefundPart(payment.ref, request), part), remaining - part
    return withdraw_parcel_if_all_goes(order)


def _refundable_payments(order: Order) -> list[Entry]:
    """Return the payments that may be given back by request: first those that were to go back anyway and failed."""
    open_ = [payment for payment in order.payments if not order.goes_back(payment.ref)]
    return sorted(open_, key=lambda payment: payment in order.kept)


def with_reason(order: Order, request: str, reason: str) -> Order:
    """Keep a reason once per request, however many payments the request takes its money from."""
    if not reason:
        return order
    known = dict(order.reasons) | {request: reason[:MAX_REASON_CHARACTERS]}
    return replace(order, reasons=tuple(known.items())[-MAX_REQUESTS:])


def requested_fen(order: Order, request: str) -> int:
    """Return how many fen go back by this request of the merchant's; 0 if it is new."""
    return sum(effect.fen for effect in _parts(order, request))


def was_requested(order: Order, request: str) -> bool:
    """Return whether this request of the merchant's came before."""
    return bool(_parts(order, request)) or order.seen(request_key(request)) is not None


def request_failed(order: Order, request: str, *, whole: bool) -> bool:
    """Return whether nothing goes back by this request any more, so that it may be made under another id.

    A request for the whole asks for what is left, so one failed part is enough.
    """
    refused = [effect.refused for effect in _parts(order, request)]
    return any(refused) if whole else bool(refused) and all(refused)


def _parts(order: Order, request: str) -> list[Effect]:
    """Return the refunds of a request, one for each payment that it takes money from."""
    part = request_digest(request)
    return [effect for key, effect in order.effects if isinstance(key, RefundPart) and key.request == part]


def request_digest(request: str) -> str:
    """Return a request's id for an effect's key, which must stay short and without a #."""
    return base64.b32encode(hashlib.sha256(request.encode()).digest()).decode()[:16]
