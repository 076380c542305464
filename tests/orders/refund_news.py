"""How the platform tells of a refund that gave nothing back, and how the merchant asks for one."""

from dataclasses import replace

from jiuwu.orders.effect_key import EffectKey
from jiuwu.orders.events import Event, RefundRequested, RefundStatusChanged
from jiuwu.orders.ids import effect_id
from jiuwu.orders.order import Order
from jiuwu.orders.state_machine import Applied, apply
from tests.orders.lives import NOW, REFUND, after, done

NOT_SUCCEEDED = ["processing", "failed", "unknown"]


def changed(
    status: str, refund_id: str = "r1", fen: int = 1234, *, event: str = "", of: str = "t1", number: str = ""
) -> RefundStatusChanged:
    """What a notification says of a refund that gave nothing back."""
    return RefundStatusChanged(event or f"evt-{status}-{refund_id}", NOW + 85, refund_id, of, fen, status, number)


def listed(status: str, refund_id: str = "r1", fen: int = 1234, *, of: str = "t1", number: str = "") -> Event:
    """The same, as the platform's list shows it."""
    return replace(changed(status, refund_id, fen, of=of, number=number), event_id="", at=NOW + 400)


def requested(order: Order, fen: int, request: str = "ask-1") -> tuple[Order, str]:
    """The order with a refund requested and taken by the platform, and the refund's number."""
    order = after(order, RefundRequested(request, NOW + 62, fen))
    (effect,) = [name for name, one in order.requested_parts("t1").items() if one.pending]
    return after(order, done(effect, NOW + 63)), effect_id(order.order_no, effect)


def alerts(order: Order, event: Event) -> tuple[str, ...]:
    outcome = apply(order, event, policy=REFUND)
    return outcome.alerts if isinstance(outcome, Applied) else ()


def pending_fen(order: Order) -> dict[EffectKey, int]:
    """What is still to be requested back of which payment, 0 for all of it."""
    return {key: effect.fen for key, effect in order.effects if key.kind == "refund" and effect.pending}
