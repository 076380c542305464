"""Payments in doubt: a notification reported them, and the platform does not show them. Pure.

Such a payment counts for nothing, so nothing ships and nothing goes back because of it. Only the platform's own showing
of it ends the doubt (`Paid.shown`).
"""

from dataclasses import replace

from .effect_key import PushStatus
from .events import PaymentsDoubted
from .order import Effect, HoldReason, Order, Status
from .outcomes import EventOutcome, Ignored, Policy, applied
from .payment_rules import short
from .payment_sum import give_back, is_own_refund, is_paid, received_fen


def doubted(order: Order, event: PaymentsDoubted, policy: Policy) -> EventOutcome:
    """Put payments in doubt that several checks did not find at the platform, or found with other amounts."""
    new = {entry.ref for entry in order.payments if entry.ref in event.transactions}
    if not new:
        return Ignored("not_in_doubt")
    entries = (replace(one, doubted_at=event.at) if one.ref in new and not one.of else one for one in order.ledger)
    order = _without_own_refunds(replace(order, ledger=tuple(entries)))
    alerts = ("payment_unknown_there", *(("amount_differs",) if event.differing else ()))
    return applied(_weighed(order, differing=event.differing), event, "payment_unknown_there", policy, alerts)


def _without_own_refunds(order: Order) -> Order:
    """Withdraw the refunds that the rules decided: they were reckoned with a payment that may not exist."""
    return order.without_pending(*(key for key, _ in order.effects if is_own_refund(key)))


def _weighed(order: Order, *, differing: bool) -> Order:
    """Return the order by what still counts: the true payment of an order that was served is not a second one."""
    received = received_fen(order)
    if order.status in (Status.CANCELLED, Status.REFUNDED):
        return give_back(order, received)
    unserved = order.status is Status.PAID or (order.status is Status.HELD and order.awaits_money)
    if is_paid(order) or not unserved:
        return _pushed_again(give_back(order, received - order.amount_fen))
    order = short(order)
    return order.moved(Status.HELD, HoldReason.DIFFERS) if differing else order


def _pushed_again(order: Order) -> Order:
    """Push "shipped" again: the platform refused it for an untrue payment, and takes it for a true one."""
    push = order.effect(PushStatus("shipped"))
    refused = push is not None and push.refused and is_paid(order)
    return order.with_effect(PushStatus("shipped"), Effect()) if refused else order
