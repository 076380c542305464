"""Describe why an order is on hold, and what ends the hold.

Pure: an order in, lines for people out.
"""

from collections.abc import Iterator

from jiuwu.orders.effect_key import Ship
from jiuwu.orders.order import HoldReason, Order, Status
from jiuwu.orders.outcomes import awaits_refund
from jiuwu.orders.payment_sum import missing_fen, received_fen
from jiuwu.orders.refund_rules import refundable_fen
from jiuwu.platform.money import yuan

_NOT_KNOWN = "its history does not reach back so far: see the timeline"


def lines(order: Order) -> Iterator[str]:
    """The reasons and the way out of a held order; nothing for any other."""
    if order.status is Status.HELD:
        for why in [*_reasons(order)] or [_NOT_KNOWN]:
            yield f"held because {why}"
        ship = order.effect(Ship())
        yield f"{'it was shipped before' if ship and ship.done_at else 'it is not shipped'}; {_way_out(order)}"


def _reasons(order: Order) -> Iterator[str]:
    yield from (entry.detail for entry in order.history if entry.kind == "held" and entry.detail)
    for payment in order.payments:
        if order.remaining_fen(payment.ref) < 0:
            back = yuan(order.refunded_fen(payment.ref))
            yield f"payment {payment.ref} brought {yuan(payment.fen)} yuan and {back} went back"
    for payment in order.doubted:
        yield f"the platform does not show payment {payment.ref} of {yuan(payment.fen)} yuan"
    if order.hold_reason is HoldReason.SHORT:
        here, missing = yuan(received_fen(order)), yuan(missing_fen(order))
        yield f"{here} of {yuan(order.amount_fen)} yuan are here: {missing} are missing"


def _way_out(order: Order) -> str:
    # docs/runbook.md, AmountDiffers, OrdersUnderpaid and StateImpossible
    if order.hold_reason is HoldReason.UNPROVEN:
        return "it ends as soon as the platform shows the payment; if nobody paid, cancel it at the platform"
    if not order.ledger:
        return "to end it, cancel it at the platform, so that nobody pays it"
    if left := refundable_fen(order):
        if order.hold_reason is HoldReason.SHORT:
            return f"the rest of the money ends it; if it expires or is cancelled, {yuan(left)} yuan go back"
        return f"to end it, give {yuan(left)} yuan back: `jiuwu refund {order.order_no}`, or at the platform"
    if any(awaits_refund(order, payment.ref) for payment in order.payments):
        return "its refund is on its way, and ends it once the platform confirms it"
    return "no refund ends it: see docs/runbook.md, StateImpossible"
