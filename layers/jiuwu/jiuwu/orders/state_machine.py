"""The effect of an event on an order: a pure function without clock, table or network.

Two ideas keep it right in any order of arrival. The ledger is the truth about money: every transaction and refund is
booked once, when first heard of, whatever the status, so the order of arrival cannot change a balance. And an event
that cannot be judged from here is not guessed at: the order becomes due at once, and the reconciler, which sees both
sides, decides; the event's id stays in the history, so that a repetition does not start that over.
"""

from collections.abc import Callable

from . import effect_rules, payment_doubts, payment_rules, refund_rules, refund_status
from .events import (
    Cancelled,
    Completed,
    EffectDone,
    EffectFailed,
    EffectMissingRemotely,
    Event,
    Expired,
    MessageFacts,
    Paid,
    PaymentsDoubted,
    Placed,
    Redriven,
    Refunded,
    RefundRequested,
    RefundStatusChanged,
    ShipUnconfirmed,
)
from .order import Order
from .outcomes import HISTORY_KEPT, Applied, Duplicate, EventOutcome, Ignored, NeedsLookup, Policy, next_check

__all__ = [
    "HISTORY_KEPT",
    "Applied",
    "Duplicate",
    "EventOutcome",
    "Ignored",
    "NeedsLookup",
    "Policy",
    "apply",
    "next_check",
]


def apply(order: Order, event: Event, *, policy: Policy) -> EventOutcome:
    """Return what `event` makes of `order`. The version is left alone: it belongs to the write."""
    if isinstance(event, MessageFacts) and event.event_id and (known := order.seen(event.event_id)):
        if event.payload_digest and known.payload_digest and event.payload_digest != known.payload_digest:
            return Ignored("event_id_reused", event.event_id, ("event_id_reused",))
        return Ignored("duplicate_event", event.event_id)
    rule: Callable[..., EventOutcome] = _RULES[type(event)]
    return effect_rules.parcel_withdrawn(order, rule(order, event, policy), at=event.at)


_RULES: dict[type[Event], Callable[..., EventOutcome]] = {
    Placed: payment_rules.placed,
    Paid: payment_rules.paid,
    Cancelled: payment_rules.cancelled,
    Completed: payment_rules.completed,
    Expired: payment_rules.expired,
    Refunded: refund_rules.refunded,
    RefundStatusChanged: refund_status.refund_status_changed,
    RefundRequested: refund_rules.refund_requested,
    EffectDone: effect_rules.effect_done,
    EffectFailed: effect_rules.effect_failed,
    ShipUnconfirmed: effect_rules.ship_unconfirmed,
    PaymentsDoubted: payment_doubts.doubted,
    Redriven: effect_rules.redriven,
    EffectMissingRemotely: effect_rules.missing_remotely,
}
