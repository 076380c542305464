"""An order and a member's points as JSON. The member sees what, how much, what happened and where to pay, and nothing
about the person; the merchant sees the money and the effects as well."""

from collections.abc import Iterable

from jiuwu.orders.effect_key import EffectKey
from jiuwu.orders.order import Effect, Entry, HoldReason, Order, Status, UnbookedRefund
from jiuwu.orders.outcomes import effect_state
from jiuwu.orders.payment_sum import missing_fen
from jiuwu.orders.refund_rules import going_back_fen, refundable_fen
from jiuwu.platform.money import yuan
from jiuwu.points.codec import Booking, PointsState

from .refunds import RefundResult

# What a line of the history means to a member; lines that are our own business are not here.
_HAPPENED = {
    "placed": "已下单",
    "paid": "已支付",
    "revived": "已支付，订单已恢复",
    "shipped": "已通知发货",
    "completed": "已完成",
    "cancelled": "已取消",
    "expiring": "超时未支付，正在取消",
    "refund_requested": "商家已申请退款",
    "held": "订单核实中，请联系商家",
    "payment_unknown_there": "付款核实中，请联系商家",
    "underpaid": "已收到部分付款，等待付清",
    "paid_again": "已补付",
    "late_payment": "取消后收到付款，将原路退回",
    "second_payment": "收到重复付款，将原路退回",
    "second_payment_refunded": "重复付款已退回",
    "refund_processing": "退款处理中",
    "refund_unknown": "退款处理中",
    "refund_failed": "退款未成功，请联系商家",
    "partly_refunded": "已部分退款",
    "refunded": "已退款",
    "refunded_before_payment": "已退款",
    "paid_and_refunded": "付款已退回",
}


def receipt(order: Order) -> dict[str, object]:
    """Return the order as JSON; amounts as integer fen and as yuan text, times in Unix seconds."""
    payable = order.awaits_money and order.status is not Status.CREATED and order.pay_url
    fields: dict[str, object] = {
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
    }
    fields |= _missing(order)
    fields |= {"points": order.points} if order.points else {}
    going = going_back_fen(order)
    fields |= {"refunding_fen": going, "refunding": yuan(going)} if going else {}
    return fields | ({"pay_url": order.pay_url} if payable else {})


def waiting_receipt(order: Order) -> dict[str, object]:
    """Return the receipt of an order that the platform does not have yet, with what to do meanwhile."""
    return receipt(order) | {
        "reason": "waiting_for_platform",
        "message": "订单已提交，正在等待社区确认，请稍后刷新",
        "hint": "用同一个 Idempotency-Key 和同样的内容重复 POST /orders，或查询 GET /orders/{order_no}",
    }


def for_merchant(order: Order) -> dict[str, object]:
    """Return the member's receipt, with whose order it is, the money that moved, and its effects."""
    return receipt(order) | _books(order) | {"effects": [_effect(order, key, effect) for key, effect in order.effects]}


def listed_for_merchant(order: Order) -> dict[str, object]:
    """Return the merchant's view as the list has it: with the time of its last change, and without the timeline and
    the effects, whose steps are no change (orders/changes.py)."""
    fields = receipt(order) | _books(order) | {"changed_at": order.changed_at}
    return {name: value for name, value in fields.items() if name != "timeline"}


def _books(order: Order) -> dict[str, object]:
    return {
        "member_id": order.member_id,
        "platform_order_no": order.platform_order_no,
        "payments": [_money(entry, "transaction_id") for entry in order.payments],
        "payments_in_doubt": [_money(entry, "transaction_id") for entry in order.doubted],
        "refunds": [*map(_refund, order.refunds), *map(_unbooked, order.unbooked)],
        "refundable_fen": refundable_fen(order),
    }


def refund_receipt(result: RefundResult, request_id: str) -> dict[str, object]:
    """Return what a refund request came to, and what is still refundable."""
    refundable = refundable_fen(result.order)
    return {
        "order_no": result.order.order_no,
        "request_id": request_id,
        "amount_fen": result.amount_fen,
        "amount": yuan(result.amount_fen),
        "refundable_fen": refundable,
        "refundable": yuan(refundable),
    }


def points_receipt(balance: int, bookings: Iterable[Booking]) -> dict[str, object]:
    """Return a member's points as JSON: the balance, and the latest entries, each with its change of the balance."""
    return {"balance": balance, "entries": [_booking(booking) for booking in _shown(bookings)]}


def points_for_merchant(balance: int, bookings: Iterable[Booking]) -> dict[str, object]:
    """Return the member's view, with the merchant's own words for each entry: the request id and the reason."""
    entries = [_booking(booking) | _words_of_merchant(booking) for booking in _shown(bookings)]
    return {"balance": balance, "entries": entries}


def _missing(order: Order) -> dict[str, object]:
    """Return what an order that was paid in part still waits for, and the words for its member."""
    if order.hold_reason is not HoldReason.SHORT:
        return {}
    fen = missing_fen(order)
    return {"missing_fen": fen, "missing": yuan(fen), "message": f"已付一部分，还差 {yuan(fen)} 元"}


def _money(entry: Entry, ref: str) -> dict[str, object]:
    return {ref: entry.ref, "amount_fen": abs(entry.fen), "amount": yuan(abs(entry.fen)), "at": entry.at}


def _refund(entry: Entry) -> dict[str, object]:
    return _money(entry, "refund_id") | {"transaction_id": entry.of, "status": "succeeded"}


def _unbooked(refund: UnbookedRefund) -> dict[str, object]:
    money: dict[str, object] = {"refund_id": refund.ref, "amount_fen": refund.fen, "amount": yuan(refund.fen)}
    return money | {"at": refund.at, "transaction_id": refund.of, "status": refund.status}


def _effect(order: Order, key: EffectKey, effect: Effect) -> dict[str, object]:
    reason = order.reason(key)
    fields: dict[str, object] = {"effect": str(key), "state": effect_state(order, key), "attempts": effect.attempts}
    return fields | ({"why": str(effect.failure)} if effect.failure else {}) | ({"reason": reason} if reason else {})


def _booking(booking: Booking) -> dict[str, object]:
    order: dict[str, object] = {"order_no": booking.ref, "order_points": booking.points, "state": str(booking.state)}
    return {
        "points": booking.counts,
        "what": _BOOKED[booking.state] if booking.state else "增加" if booking.points > 0 else "扣减",
        "at": booking.moved_at or booking.booked_at,
        **(order if booking.state else {}),
    }


def _shown(bookings: Iterable[Booking]) -> list[Booking]:
    # an order that never got its points left a mark of 0, which is our business alone
    return [booking for booking in bookings if booking.points]


def _words_of_merchant(booking: Booking) -> dict[str, object]:
    request: dict[str, object] = {} if booking.state else {"request_id": booking.ref}
    return request | ({"reason": booking.reason} if booking.reason else {})


_BOOKED = {PointsState.RESERVED: "下单预留", PointsState.SPENT: "下单使用", PointsState.RETURNED: "已退回"}


def _timeline(order: Order) -> list[dict[str, object]]:
    begun: list[dict[str, object]] = [{"at": order.created_at, "event": "created", "what": "已提交"}]
    shown = (entry for entry in order.history if entry.kind in _HAPPENED)
    return begun + [{"at": entry.at, "event": entry.kind, "what": _HAPPENED[entry.kind]} for entry in shown]
