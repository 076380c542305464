"""Events of an order, before the profile gives them the platform's names."""

import msgspec

from sandbox.simulator.orders import Order, Payment, Refund, derived


class Event(msgspec.Struct, frozen=True):
    event_id: str
    event_type: str  # our name for it
    order_no: str
    occurred_at: int
    version: int
    facts: dict[str, object]  # by our field names, amounts in fen


def paid(order: Order, payment: Payment) -> Event:
    facts = {
        "open_id": order.open_id,
        "transaction_id": payment.transaction_id,
        "amount": payment.amount_fen,
        "paid_at": payment.paid_at,
    }
    return _event(order, "order.paid", payment.transaction_id, payment.paid_at, facts)


def cancelled(order: Order, reason: str) -> Event:
    facts = {"reason": reason, "cancelled_at": order.updated_at}
    return _event(order, "order.cancelled", "", order.updated_at, facts)


def completed(order: Order) -> Event:
    return _event(order, "order.completed", "", order.updated_at, {"completed_at": order.updated_at})


def refunded(order: Order, refund: Refund) -> Event:
    facts = {
        "refund_id": refund.refund_id,
        "out_refund_no": refund.out_refund_no,
        "transaction_id": refund.transaction_id,
        "amount": refund.amount_fen,
        "refunded_at": refund.refunded_at,
        "refund_status": refund.status,
    }
    # each change of how it stands is an event of its own
    cause = refund.refund_id if refund.status == "succeeded" else f"{refund.refund_id} {refund.status} {order.version}"
    return _event(order, "order.refunded", cause, refund.refunded_at, facts)


def of_type(order: Order, event_type: str, now: int) -> Event:
    """Return an event of this type about the order; missing facts are made up, for impossible sequences."""
    payment = order.payments[-1] if order.payments else Payment(next_transaction(order), order.request.amount_fen, now)
    if event_type == "order.paid":
        return paid(order, payment)
    if event_type == "order.refunded":
        known = order.refunds[-1] if order.refunds else None
        return refunded(order, known or Refund(next_refund(order), "", payment.transaction_id, payment.amount_fen, now))
    if event_type == "order.cancelled":
        return cancelled(order, "closed")
    if event_type == "order.completed":
        return completed(order)
    return _event(order, event_type, str(now), now, {"open_id": order.open_id})


def next_transaction(order: Order) -> str:
    return derived("42", order.number, len(order.payments))


def next_refund(order: Order) -> str:
    return derived("50", order.number, len(order.refunds))


def _event(order: Order, event_type: str, cause: str, at: int, facts: dict[str, object]) -> Event:
    about: dict[str, object] = {"out_order_no": order.number, "platform_order_no": order.platform_order_no}
    event_id = derived("evt_", order.number, event_type, cause)
    return Event(event_id, event_type, order.number, at, order.version, about | facts)
