"""An order as its member may see it: what, how much, what happened and where to pay. Nothing about the person."""

from jiuwu.platform.money import yuan

from .orders import Order, Status

# What a line of the history means to a member; lines that are our own business are not here.
_HAPPENED = {
    "placed": "已下单",
    "paid": "已支付",
    "revived": "已支付，订单已恢复",
    "shipped": "已通知发货",
    "completed": "已完成",
    "cancelled": "已取消",
    "expiring": "超时未支付，正在取消",
    "refund_asked": "商家已申请退款",
    "held": "订单核实中，请联系商家",
    "late_payment": "取消后收到付款，将原路退回",
    "second_payment": "收到重复付款，将原路退回",
    "second_payment_refunded": "重复付款已退回",
    "partly_refunded": "已部分退款",
    "refunded": "已退款",
    "refunded_before_payment": "已退款",
    "paid_and_refunded": "付款已退回",
}


def receipt(order: Order) -> dict[str, object]:
    """The order as JSON; amounts as integer fen and as yuan text, times in Unix seconds."""
    payable = order.status is Status.PLACED and order.pay_url
    return {
        "order_no": order.order_no,
        "status": str(order.status),
        "amount_fen": order.amount_fen,
        "amount": yuan(order.amount_fen),
        "currency": "CNY",
        "created_at": order.created_at,
        "lines": [
            {
                "product_id": line.product_id,
                "title": line.title,
                "quantity": line.quantity,
                "price_fen": line.price_fen,
                "price": yuan(line.price_fen),
            }
            for line in order.lines
        ],
        "timeline": _timeline(order),
    } | ({"pay_url": order.pay_url} if payable else {})


def _timeline(order: Order) -> list[dict[str, object]]:
    begun: list[dict[str, object]] = [{"at": order.created_at, "event": "created", "what": "已提交"}]
    told = ((happened.at, happened.what.partition(":")[0]) for happened in order.history)
    return begun + [{"at": at, "event": what, "what": _HAPPENED[what]} for at, what in told if what in _HAPPENED]
