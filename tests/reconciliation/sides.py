"""The platform's view of an order for tests, and the sandbox's own rules as the platform that answers."""

from collections.abc import Sequence
from typing import Any

from jiuwu.orders.order import Order
from jiuwu.platform.models import RefundState, RemoteItem, RemoteOrder, RemotePayment, RemoteRefund
from sandbox.simulator import orders as platform
from tests.orders.lives import CREATED, NOW

ITEMS = tuple(
    RemoteItem(product_id=line.product_id, title=line.title, quantity=line.quantity, price_fen=line.price_fen)
    for line in CREATED.lines
)


def payment(transaction: str = "t1", fen: int = 1234, at: int = NOW + 50) -> RemotePayment:
    return RemotePayment(transaction_id=transaction, amount_fen=fen, paid_at=at)


def refund(
    refund_id: str = "r1",
    of: str = "t1",
    fen: int = 1234,
    out_refund_no: str = "",
    status: RefundState = "succeeded",
) -> RemoteRefund:
    return RemoteRefund(
        refund_id=refund_id,
        transaction_id=of,
        amount_fen=fen,
        refunded_at=NOW + 80 if status == "succeeded" else 0,
        out_refund_no=out_refund_no,
        status=status,
    )


def remote(
    status: str = "created",
    payments: Sequence[RemotePayment] = (),
    refunds: Sequence[RemoteRefund] = (),
    **other: Any,
) -> RemoteOrder:
    """The platform's view of lives.PLACED, and of what became of it."""
    fields: dict[str, Any] = {
        "platform_order_no": "P1",
        "out_order_no": CREATED.order_no,
        "open_id": CREATED.open_id,
        "status": status,
        "amount_fen": 1234,
        "paid_amount_fen": sum(one.amount_fen for one in payments),
        "payments": tuple(payments),
        "refunds": tuple(refunds),
        "items": ITEMS,
        "pay_url": "https://pay",
        "created_at": NOW,
        "updated_at": NOW + 100,
    }
    return RemoteOrder(**fields | other)


def shown(order: platform.Order | None) -> RemoteOrder | None:
    """What the platform's calls would tell of its order."""
    if order is None:
        return None
    return RemoteOrder(
        platform_order_no=order.platform_order_no,
        out_order_no=order.number,
        open_id=order.open_id,
        status=order.status,  # type: ignore[arg-type]
        amount_fen=order.request.amount_fen,
        paid_amount_fen=order.paid_fen,
        payments=tuple(payment(one.transaction_id, one.amount_fen, one.paid_at) for one in order.payments),
        refunds=tuple(
            refund(one.refund_id, one.transaction_id, one.amount_fen, one.out_refund_no, one.status)
            for one in order.refunds
        ),
        items=ITEMS,
        pay_url="https://pay",
        created_at=order.created_at,
        updated_at=order.updated_at,
    )


def placed_there(order: Order, now: int) -> platform.Order:
    """The platform takes our order."""
    items = tuple(platform.Item(line.product_id, line.title, line.quantity, line.price_fen) for line in order.lines)
    return platform.place(platform.NewOrder(order.order_no, order.amount_fen, items), order.open_id, now)
