"""The rules of a placement, a payment, a cancellation and a completion at the platform."""

from dataclasses import replace

from .effect_key import PushStatus, RefundAll, ReturnPoints, Ship, SpendPoints
from .events import Cancelled, Completed, Expired, Paid, Placed
from .order import Effect, Entry, HoldReason, Order, Status
from .outcomes import (
    UNPAID,
    Applied,
    EventOutcome,
    Ignored,
    Policy,
    applied,
    needs_lookup,
    request_effect,
    unknown_payment,
)
from .payment_sum import give_back, is_over, is_paid, may_be_paid_anew, received_fen, was_paid

# What is not done any more for an order that is over.
_UNLESS_OVER = (PushStatus("cancelled"), Ship(), SpendPoints())


def placed(order: Order, event: Placed, policy: Policy) -> EventOutcome:
    """Take in that the platform has the order."""
    if order.platform_order_no == event.platform_order_no:
        return Ignored("already_placed")
    if order.platform_order_no:
        return needs_lookup(order, event, "placed_under_another_number")
    known = replace(order, platform_order_no=event.platform_order_no, pay_url=event.pay_url)
    if order.status is Status.CREATED:
        known = known.moved(Status.PLACED)
    elif order.status is Status.CANCELLED:
        known = request_effect(known, PushStatus("cancelled"))  # or it stays payable over there
    return applied(known, event, "placed", policy)


def paid(order: Order, event: Paid, policy: Policy) -> EventOutcome:
    """Book a transaction once, whatever the status."""
    known = order.payment(event.transaction_id)
    if known is not None:
        return _known_payment(order, known, event, policy)
    if not event.amount_fen:
        return _paid_nothing(order, event, policy)
    entry = Entry(event.transaction_id, event.amount_fen, event.paid_at, by=event.event_id)
    return _payment(order, replace(order, ledger=(*order.ledger, entry)), event, policy)


def _known_payment(order: Order, known: Entry, event: Paid, policy: Policy) -> EventOutcome:
    """Take in a booked payment that is reported again; only the platform's own showing of it ends a doubt."""
    if known.fen != event.amount_fen:
        return needs_lookup(order, event, "payment_contradicts_ledger")
    if not known.doubted_at:
        return Ignored("duplicate_payment", known.by)
    if not event.shown:
        return needs_lookup(order, event, "payment_unknown_there")
    ledger = tuple(replace(known, doubted_at=0) if entry is known else entry for entry in order.ledger)
    return _payment(order, replace(order, ledger=ledger), event, policy)


def _paid_nothing(order: Order, event: Paid, policy: Policy) -> EventOutcome:
    """Take in a payment of 0 fen: only an order that costs nothing, one paid with points, is paid by it."""
    if order.amount_fen:
        return needs_lookup(order, event, "paid_nothing")
    if nothing := [payment for payment in order.payments if not payment.fen]:
        return Ignored("duplicate_payment", nothing[0].by)
    if order.status not in UNPAID:
        return needs_lookup(order, event, f"paid_nothing_while_{order.status}")
    entry = Entry(event.transaction_id, 0, event.paid_at, by=event.event_id)
    booked = replace(order, ledger=(*order.ledger, entry))
    if any(refund.of == event.transaction_id for refund in order.refunds):
        return applied(given_back(booked), event, "paid_and_refunded", policy)
    return _weighed(booked, event, policy)


def _payment(order: Order, booked: Order, event: Paid, policy: Policy) -> Applied:
    """Take in a transaction that counts from now on for the `order` that it is booked for."""
    given_back = order.refunded_fen(event.transaction_id)
    if given_back and given_back >= event.amount_fen:
        return _paid_and_given_back(booked, event, policy, over=given_back > event.amount_fen)
    if order.points:
        return _second_payment(booked, event, policy)
    if order.status is Status.CANCELLED:
        return _late_payment(booked, event, policy)
    if order.awaits_money or may_be_paid_anew(order):
        return _weighed(booked, event, policy)
    if _has_room(order, booked):
        return _kept_payment(booked, event, policy)
    return _second_payment(booked, event, policy)


def _has_room(order: Order, booked: Order) -> bool:
    """Return whether a further payment of an order only takes the place of what went back, or is for a person to
    decide."""
    served = order.status in (Status.PAID, Status.SHIPPED, Status.COMPLETED) and received_fen(order) > 0
    return received_fen(booked) <= order.amount_fen and (served or order.status is Status.HELD)


def _kept_payment(booked: Order, event: Paid, policy: Policy) -> Applied:
    if booked.status is Status.HELD:
        return applied(booked, event, "on_hold", policy, ("paid_while_held",))
    return applied(booked, event, "paid_again", policy)


def _second_payment(booked: Order, event: Paid, policy: Policy) -> Applied:
    """Give back money that the order does not need; nothing else changes."""
    refunding = request_effect(booked, RefundAll(event.transaction_id))
    return applied(refunding, event, "second_payment", policy, ("second_payment",))


def _weighed(order: Order, event: Paid, policy: Policy, what: str = "paid", *alerts: str) -> Applied:
    """Compare the sum of what came with the amount: below it the order waits, with exactly the amount it ships, and
    above it the surplus goes back."""
    if _all_is_going_back(order):
        return applied(order.moved(Status.PAID).without_pending(PushStatus("cancelled")), event, what, policy, alerts)
    if not is_paid(order):
        known = order.status is Status.HELD and order.awaits_money
        return applied(short(order), event, "underpaid", policy, (*alerts, *(() if known else ("underpaid",))))
    if received_fen(order) > order.amount_fen:
        alerts += ("overpaid",)
    return applied(serve(order), event, what, policy, alerts)


def _all_is_going_back(order: Order) -> bool:
    """Return whether the refund of an order that misses no money was under way before we heard of its payment."""
    return order.amount_fen > 0 >= received_fen(order) and was_paid(order) and order.effect(Ship()) is None


def serve_if_paid(order: Order) -> Order:
    """Return the order served if it waited for money that turns out to be here."""
    on_hold = order.status is Status.HELD and order.awaits_money
    return serve(order) if on_hold and is_paid(order) else order


def serve(order: Order) -> Order:
    """Return the order on its way, and what is above its amount on its way back."""
    return give_back(_shipping(order), received_fen(order) - order.amount_fen)


def _shipping(order: Order) -> Order:
    """Return the order with its goods on their way, rescued if it was expiring; what left before is not sent again."""
    order = order.without_pending(PushStatus("cancelled"))
    shipped = order.effect(Ship())
    if shipped and shipped.done_at:
        return request_effect(order.moved(Status.SHIPPED), PushStatus("shipped"))
    order = request_effect(order.moved(Status.PAID), Ship())
    return request_effect(order, SpendPoints()) if order.points else order


def short(order: Order) -> Order:
    """Return the order waiting for the rest of its money; nothing ships meanwhile."""
    reason = HoldReason.UNPROVEN if order.doubted else HoldReason.SHORT
    return order.moved(Status.HELD, reason).without_pending(Ship(), SpendPoints())


def _late_payment(order: Order, event: Paid, policy: Policy) -> Applied:
    if policy.late_payment == "revive":
        return _weighed(order, event, policy, "revived", "late_payment")
    refunding = request_effect(order, RefundAll(event.transaction_id))
    return applied(refunding, event, "late_payment", policy, ("late_payment",))


def _paid_and_given_back(order: Order, event: Paid, policy: Policy, *, over: bool) -> Applied:
    """Book a payment whose refund was booked first, and ship nothing for it."""
    if over:
        on_hold = order.moved(Status.HELD, HoldReason.OVER_REFUNDED).without_pending(Ship())
        return applied(on_hold, event, "on_hold", policy, ("refund_exceeds_payment",))
    if order.points or not (order.awaits_money or order.status is Status.CANCELLED):
        return applied(order, event, "paid_and_refunded", policy)
    if order.status is Status.CANCELLED:  # it came late: no later payment begins the order anew
        order = order.with_effect(RefundAll(event.transaction_id), Effect(done_at=event.at))
    elif is_over(order):  # what came after that is not for this order
        order = give_back(order, received_fen(order))
    elif is_paid(order):
        return applied(serve(order), event, "paid", policy)
    return applied(order if received_fen(order) > 0 else given_back(order), event, "paid_and_refunded", policy)


def cancelled(order: Order, event: Cancelled, policy: Policy) -> EventOutcome:
    """Take in that the platform cancelled the order, or confirmed our cancellation."""
    if order.status is Status.CANCELLED:
        return Ignored("already_cancelled", _latest(order, "cancelled"))
    if order.awaits_money and order.status is Status.HELD:
        return applied(closed(order), event, "cancelled", policy)
    # also one that was held before any money came: with the cancellation there is nothing left to decide
    unpaid = not order.ledger and order.status in (*UNPAID, Status.HELD)
    if not unpaid and not _only_points(order):
        return needs_lookup(order, event, "cancelled_but_paid")
    return applied(closed(order), event, "cancelled", policy)


def _only_points(order: Order) -> bool:
    """Return whether no money is on the order and it is not on its way: the platform may cancel it, paid as it is."""
    return bool(order.points) and not order.balance_fen and order.status in (*UNPAID, Status.PAID)


def closed(order: Order) -> Order:
    """Return the order cancelled, with its payments going back, and the points that were reserved for it."""
    order = order.without_pending(*_UNLESS_OVER)
    return _ended(give_back(order, received_fen(order)), Status.CANCELLED)


def given_back(order: Order) -> Order:
    """Return the order refunded; points that were reserved for it go back as well."""
    return _ended(order, Status.REFUNDED)


def _ended(order: Order, status: Status) -> Order:
    order = order.moved(status)
    return request_effect(order, ReturnPoints()) if order.points else order


def expired(order: Order, event: Expired, policy: Policy) -> EventOutcome:
    """Ask the platform to cancel: only it knows whether a payment is on its way."""
    on_hold = order.awaits_money and order.status is Status.HELD
    unheard = any(unknown_payment(order, refund.of) for refund in order.refunds)
    if unheard or not (on_hold or (order.status is Status.PLACED and not order.ledger)):
        return Ignored("not_expirable")
    cancellation = order.effect(PushStatus("cancelled"))
    if cancellation is None:
        return applied(request_effect(order, PushStatus("cancelled")), event, "expiring", policy)
    if on_hold and cancellation.done_at:  # revived since; the platform has cancelled it already
        return applied(closed(order), event, "cancelled", policy)
    return Ignored("already_expiring")


def completed(order: Order, event: Completed, policy: Policy) -> EventOutcome:
    """Take in that the member has the goods."""
    if order.status is Status.COMPLETED:
        return Ignored("already_completed", _latest(order, "completed"))
    if order.status in (Status.PAID, Status.SHIPPED):
        return applied(order.moved(Status.COMPLETED), event, "completed", policy)
    return needs_lookup(
        order, event, "completed_but_unpaid" if order.status in UNPAID else f"completed_but_{order.status}"
    )


def _latest(order: Order, kind: str) -> str:
    """Return the event that last did this; empty when it was by our own doing, or too long ago for the history."""
    return next((entry.idempotency_key for entry in reversed(order.history) if entry.kind == kind), "")
