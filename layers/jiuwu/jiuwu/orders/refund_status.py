"""Refunds that the platform shows and that gave nothing back: under way, or failed.

Only what succeeded is booked (orders/refund_rules.py). While a refund is under way, its money counts as on its way
back. When it failed, the money can be given back by another, and an alert is raised.
"""

from dataclasses import replace

from .effect_key import RefundKey, Ship
from .events import RefundStatusChanged
from .order import REFUND_FAILED, Order, Status, UnbookedRefund
from .outcomes import Applied, EventOutcome, Ignored, Policy, applied, mark_effect_done, needs_lookup, request_effect
from .payment_rules import serve_if_paid
from .payment_sum import give_back, received_fen, take_back_refunds
from .refund_rules import answered_effect, reduce_pending_refunds, reduce_surplus_refunds

# So many refunds that gave nothing back are remembered: an order is one item, and must not fill up.
_MAX_UNBOOKED = 50


def refund_status_changed(order: Order, event: RefundStatusChanged, policy: Policy) -> EventOutcome:
    """Take in how a refund stands that gave nothing back. Notifications come in any order: one that says less than we
    know changes nothing, one that contradicts it is looked into, and the platform's list has the last word."""
    if booked := order.refund(event.refund_id):
        contradicts = event.status == "failed" and not event.listed  # listed, it is reported as a difference
        return (
            needs_lookup(order, event, "refund_contradicts_ledger")
            if contradicts
            else Ignored("refund_booked", booked.by)
        )
    known = order.unbooked_refund(event.refund_id)
    if known and known.status == event.status:
        return Ignored("duplicate_refund_status")
    if known and not known.under_way and not event.listed:
        return needs_lookup(order, event, "refund_failed_before")
    noted = _noted(order, event, answers := answered_effect(order, event))
    if event.status == "failed":
        return _failed(noted, event, answers, policy)
    return _under_way(noted, event, answers, policy)


def _noted(order: Order, event: RefundStatusChanged, answers: RefundKey | None) -> Order:
    """Return the order that remembers how the refund stands; what failed longest ago is forgotten first."""
    others = tuple(one for one in order.unbooked if one.ref != event.refund_id)
    this = UnbookedRefund(event.refund_id, event.amount_fen, event.at, event.transaction_id, event.status, answers)
    kept = sorted((*others, this), key=lambda one: (one.under_way, one.at))[-_MAX_UNBOOKED:]
    return replace(order, unbooked=tuple(kept))


def _under_way(order: Order, event: RefundStatusChanged, answers: RefundKey | None, policy: Policy) -> Applied:
    """Take in a refund that the platform is processing: its money counts as on its way back."""
    if answers:
        order = mark_effect_done(order, answers, event.at)
    else:
        order = reduce_surplus_refunds(take_back_refunds(order, event.at), event.amount_fen)
    order, alerts = reduce_pending_refunds(order, event.transaction_id)
    unknown = ("refund_status_unknown",) if event.status == "unknown" else ()
    return applied(order, event, f"refund_{event.status}", policy, (*alerts, *unknown))


def _failed(order: Order, event: RefundStatusChanged, answers: RefundKey | None, policy: Policy) -> Applied:
    """Take in a refund that failed: its money may be given back again. The reply to our request may have said so
    before."""
    effect = order.effect(answers) if answers else None
    if effect and effect.refund_failed:
        return applied(order, event, "refund_failed", policy)
    if answers and effect:
        order = order.with_effect(answers, replace(effect, done_at=0, next_at=0, failure=REFUND_FAILED))
    order = _ships_again(serve_if_paid(order), answers)
    return applied(order if answers else _without_surplus(order), event, "refund_failed", policy, ("refund_failed",))


def _without_surplus(order: Order) -> Order:
    """Give back what is above the amount, now that the platform did not give it back by itself."""
    served = order.status in (Status.PAID, Status.SHIPPED, Status.COMPLETED) and not order.points
    return give_back(order, received_fen(order) - order.amount_fen) if served else order


def _ships_again(order: Order, answers: RefundKey | None) -> Order:
    """Ask again for a parcel that was withdrawn for a refund that the platform began and could not make; where the
    merchant wanted money given back, a person decides."""
    merchants = any(order.requested_parts(payment.ref) for payment in order.kept)
    if answers or merchants or order.status is not Status.PAID or received_fen(order) <= 0:
        return order
    return request_effect(order, Ship())
