"""A message of the order queue read as what happened to which order."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jiuwu.orders.events import Cancelled, Completed, MessageFacts, Paid, Refunded, RefundStatusChanged
from jiuwu.platform.errors import MalformedPayload
from jiuwu.platform.models import OrderCancelled, OrderCompleted, OrderEvent, OrderNotification, OrderPaid
from jiuwu.platform.payloads import parse_notification

if TYPE_CHECKING:
    from jiuwu.platform.profile.contract import Profile


# What an event says that moves an order. Left out is what the platform may write anew at each sending (when it
# occurred, the version, the member, the reason's words), and what it may only later begin to tell.
_DIGESTED = (
    "out_order_no",
    "platform_order_no",
    "transaction_id",
    "amount_fen",
    "paid_at",
    "refund_id",
    "out_refund_no",
    "refunded_at",
)


class Poison(Exception):
    """A message that can never succeed: a reason of few words for counting, and what exactly, for a person."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail


@dataclass(frozen=True, slots=True)
class Notice:
    """One event that the platform reported of one of our orders; `rank` sorts notices as the platform's events came."""

    order_no: str
    platform_order_no: str
    event: MessageFacts
    rank: tuple[int, int] = (0, 0)


def read(profile: "Profile", body: str, attributes: Mapping[str, str], *, now: int) -> Notice:
    """Return the notice in a message as WebhookIntake queued it. Raise Poison, which names the field and never its
    value."""
    event_type = attributes.get("event_type", "")
    if not event_type.startswith("order."):
        raise Poison("not_an_orders_event", "attribute event_type: expected order.…")
    try:
        notification = parse_notification(profile, event_type, body)
    except MalformedPayload as wrong:
        raise Poison("malformed", str(wrong)) from None
    rank = (notification.occurred_at, notification.version)
    return Notice(
        notification.event.out_order_no,
        notification.event.platform_order_no,
        _event(notification, event_type, now),
        rank,
    )


def _event(notification: OrderNotification, event_type: str, now: int) -> MessageFacts:
    payload, digest = notification.event, _payload_digest(event_type, notification.event)
    fallback_at = notification.occurred_at or now  # when money moved, where the platform does not say
    if isinstance(payload, OrderPaid):
        paid_at = payload.paid_at or fallback_at
        return Paid(notification.event_id, now, payload.transaction_id, payload.amount_fen, paid_at, digest)
    if isinstance(payload, OrderCancelled):
        return Cancelled(notification.event_id, now, payload.reason, digest)
    if isinstance(payload, OrderCompleted):
        return Completed(notification.event_id, now, digest)
    about = (payload.refund_id, payload.transaction_id, payload.amount_fen)
    if payload.refund_status != "succeeded":
        return RefundStatusChanged(
            notification.event_id, now, *about, payload.refund_status, payload.out_refund_no, digest
        )
    evidence = (*about, payload.refunded_at or fallback_at)
    return Refunded(notification.event_id, now, *evidence, payload.out_refund_no, digest)


def _payload_digest(event_type: str, payload: OrderEvent) -> str:
    """Return 8 hex digits of what the event says: under one event id always the same, or it is another event."""
    digested = [event_type, *(str(getattr(payload, name, "")) for name in _DIGESTED)]
    # a platform may only later begin to tell how a refund stands: what succeeded says the same without it
    status = getattr(payload, "refund_status", "succeeded")
    digested += [status] if status != "succeeded" else []
    return hashlib.sha256("\n".join(digested).encode()).hexdigest()[:8]
