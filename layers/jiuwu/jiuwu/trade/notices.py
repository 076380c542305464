"""From a message of the order queue to what happened to which order."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jiuwu.platform.errors import MalformedPayload
from jiuwu.platform.models import OrderCancelled, OrderCompleted, OrderNotification, OrderPaid
from jiuwu.platform.payloads import parse_notification

from .events import Cancelled, Completed, Paid, Refunded

if TYPE_CHECKING:
    from jiuwu.platform.contract import Profile


class Poison(Exception):
    """A message that can never succeed: a reason of few words for counting, and what exactly, for a person."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that the platform told us of one of our orders; `rank` sorts notices as the platform's events came."""

    order_no: str
    platform_order_no: str
    event: Paid | Cancelled | Completed | Refunded
    rank: tuple[int, int] = (0, 0)


def read(profile: "Profile", body: str, attributes: Mapping[str, str], *, now: int) -> Notice:
    """The notice in a message as WebhookIntake queued it; raises Poison naming the field and never its value."""
    event_type = attributes.get("event_type", "")
    if not event_type.startswith("order."):
        raise Poison("not_an_orders_event", "attribute event_type: expected order.…")
    try:
        told = parse_notification(profile, event_type, body)
    except MalformedPayload as wrong:
        raise Poison("malformed", str(wrong)) from None
    rank = (told.occurred_at, told.version)
    return Notice(told.event.out_order_no, told.event.platform_order_no, _event(told, now), rank)


def _event(told: OrderNotification, now: int) -> Paid | Cancelled | Completed | Refunded:
    payload = told.event
    if isinstance(payload, OrderPaid):
        return Paid(told.event_id, now, payload.transaction_id, payload.amount_fen, payload.paid_at)
    if isinstance(payload, OrderCancelled):
        return Cancelled(told.event_id, now, payload.reason)
    if isinstance(payload, OrderCompleted):
        return Completed(told.event_id, now)
    evidence = (payload.refund_id, payload.transaction_id, payload.amount_fen, payload.refunded_at)
    return Refunded(told.event_id, now, *evidence)
