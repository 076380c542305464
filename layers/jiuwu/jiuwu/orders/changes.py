"""Which writes of an order are news to the merchant, and move it to the end of the list of changed orders.

A move costs two write units of the index. Attempts, due times and confirmed effects are our own business, and move
nothing.
"""

from .order import Order
from .refund_rules import going_back_fen


def is_news(old: Order, new: Order) -> bool:
    """Return whether the merchant's list shows the order differently after the write."""
    return old is not new and _facts(old) != _facts(new)


def _facts(order: Order) -> tuple[object, ...]:
    state = order.status, order.hold_reason, order.platform_order_no, order.pay_url
    return *state, order.lines, order.amount_fen, order.points, order.ledger, order.unbooked, going_back_fen(order)
