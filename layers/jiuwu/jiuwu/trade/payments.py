"""What the platform's news of a placement, a payment, a cancellation and a completion do to an order."""

from dataclasses import replace

from .events import Cancelled, Completed, Expired, Paid, Placed
from .orders import Entry, Order, Status
from .outcomes import UNPAID, Applied, Ignored, Outcome, Policy, applied, look, want

# What is not done any more for an order that is over.
_UNLESS_OVER = ("push:cancelled", "ship", "points:spend")


def placed(order: Order, event: Placed, policy: Policy) -> Outcome:
    """The platform has the order."""
    if order.platform_order_no == event.platform_order_no:
        return Ignored("already_placed")
    if order.platform_order_no:
        return look(order, event, "placed_under_another_number")
    known = replace(order, platform_order_no=event.platform_order_no, pay_url=event.pay_url)
    if order.status is Status.CREATED:
        known = replace(known, status=Status.PLACED)
    elif order.status is Status.CANCELLED:
        known = want(known, "push:cancelled")  # or it stays payable over there
    return applied(known, event, "placed", policy)


def paid(order: Order, event: Paid, policy: Policy) -> Outcome:
    """Money came: each transaction is booked once, when first heard of, whatever the status."""
    known = order.payment(event.transaction_id)
    if known is not None:
        same = known.fen == event.amount_fen
        return Ignored("duplicate_payment", known.by) if same else look(order, event, "payment_contradicts_ledger")
    if not event.amount_fen:
        return _paid_nothing(order, event, policy)
    entry = Entry(event.transaction_id, event.amount_fen, event.paid_at, by=event.event_id)
    return _payment(order, replace(order, ledger=(*order.ledger, entry)), event, policy)


def _paid_nothing(order: Order, event: Paid, policy: Policy) -> Outcome:
    """Only an order that costs nothing is paid by nothing: one that was paid with points."""
    if order.amount_fen:
        return look(order, event, "paid_nothing")
    if nothing := [payment for payment in order.payments if not payment.fen]:
        return Ignored("duplicate_payment", nothing[0].by)
    if order.status not in UNPAID:
        return look(order, event, f"paid_nothing_while_{order.status}")
    entry = Entry(event.transaction_id, 0, event.paid_at, by=event.event_id)
    booked = replace(order, ledger=(*order.ledger, entry))
    if any(refund.of == event.transaction_id for refund in order.refunds):
        return applied(given_back(booked), event, "paid_and_refunded", policy)
    return _first_payment(booked, event, policy)


def _payment(order: Order, booked: Order, event: Paid, policy: Policy) -> Applied:
    """What a transaction heard of for the first time means to the `order` that it is booked for."""
    given_back = order.refunded_fen(event.transaction_id)
    if given_back and given_back >= event.amount_fen:
        return _paid_and_given_back(booked, event, policy, over=given_back > event.amount_fen)
    if order.points:
        return _second_payment(booked, event, policy)
    if order.status in UNPAID or (order.status is Status.REFUNDED and not order.payments):
        return _first_payment(booked, event, policy)
    if order.status is Status.CANCELLED:
        return _late_payment(booked, event, policy)
    if order.status is Status.HELD and not order.payments:
        return applied(booked, event, "held", policy, ("paid_while_held",))  # held by the reconciler, before any money
    return _second_payment(booked, event, policy)


def _second_payment(booked: Order, event: Paid, policy: Policy) -> Applied:
    """Money that the order needs no more, or that strayed to one for points: it goes back and changes nothing else."""
    owed = want(booked, f"refund:{event.transaction_id}")
    return applied(owed, event, "second_payment", policy, ("second_payment",))


def _first_payment(order: Order, event: Paid, policy: Policy, what: str = "paid", *alerts: str) -> Applied:
    order = order.without_pending("push:cancelled")  # about to expire, or cancelled: the payment rescues it
    if event.amount_fen != order.amount_fen:
        return applied(replace(order, status=Status.HELD), event, "held", policy, (*alerts, "amount_differs"))
    order = want(replace(order, status=Status.PAID), "ship")
    return applied(want(order, "points:spend") if order.points else order, event, what, policy, alerts)


def _late_payment(order: Order, event: Paid, policy: Policy) -> Applied:
    if policy.late_payment == "revive":
        return _first_payment(order, event, policy, "revived", "late_payment")
    owed = want(order, f"refund:{event.transaction_id}")
    return applied(owed, event, "late_payment", policy, ("late_payment",))


def _paid_and_given_back(order: Order, event: Paid, policy: Policy, *, over: bool) -> Applied:
    """The refund of this very payment was heard of first: book it, ship nothing for it."""
    if over:
        held = replace(order, status=Status.HELD).without_pending("ship")
        return applied(held, event, "held", policy, ("refund_exceeds_payment",))
    alone = order.status in (*UNPAID, Status.CANCELLED) and not order.points
    return applied(given_back(order) if alone else order, event, "paid_and_refunded", policy)


def cancelled(order: Order, event: Cancelled, policy: Policy) -> Outcome:
    """The platform cancelled the order, or confirmed our cancellation."""
    if order.status is Status.CANCELLED:
        return Ignored("already_cancelled", _twin(order, "cancelled"))
    # also one that was held before any money came: with the cancellation there is nothing left to decide
    unpaid = not order.ledger and order.status in (*UNPAID, Status.HELD)
    if not unpaid and not _only_points(order):
        return look(order, event, "cancelled_but_paid")
    return applied(closed(order.without_pending(*_UNLESS_OVER)), event, "cancelled", policy)


def _only_points(order: Order) -> bool:
    """An order that no money is on and that is not on its way: the platform may cancel it, paid as it is."""
    return bool(order.points) and not order.balance_fen and order.status in (*UNPAID, Status.PAID)


def closed(order: Order) -> Order:
    """The order cancelled; points that were reserved for it go back."""
    return _ended(order, Status.CANCELLED)


def given_back(order: Order) -> Order:
    """The order refunded; points that were reserved for it go back, too."""
    return _ended(order, Status.REFUNDED)


def _ended(order: Order, status: Status) -> Order:
    order = replace(order, status=status)
    return want(order, "points:return") if order.points else order


def expired(order: Order, event: Expired, policy: Policy) -> Outcome:
    """The platform is asked first, because only it knows whether a payment is on its way."""
    if order.ledger or order.status is not Status.PLACED:
        return Ignored("not_expirable")
    if order.effect("push:cancelled"):
        return Ignored("already_expiring")
    return applied(want(order, "push:cancelled"), event, "expiring", policy)


def completed(order: Order, event: Completed, policy: Policy) -> Outcome:
    """The member has the goods."""
    if order.status is Status.COMPLETED:
        return Ignored("already_completed", _twin(order, "completed"))
    if order.status in (Status.PAID, Status.SHIPPED):
        return applied(replace(order, status=Status.COMPLETED), event, "completed", policy)
    return look(order, event, "completed_but_unpaid" if order.status in UNPAID else f"completed_but_{order.status}")


def _twin(order: Order, what: str) -> str:
    """The event by which this happened; empty when it was by our own doing, or too long ago to be in the history."""
    return next((happened.cause for happened in reversed(order.history) if happened.what == what), "")
