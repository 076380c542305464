"""Refusals of the merchant's requests as HTTP errors: what the merchant reads, and the reason for programs."""

from jiuwu.aws.http.errors import HttpError
from jiuwu.aws.http.router import ErrorTable
from jiuwu.orders.refund_rules import MAX_REQUESTS
from jiuwu.points.ledger import InsufficientPoints, RequestReused

from .refunds import NoSuchOrder, RefundRefused


def order_unknown() -> HttpError:
    """Return the error for an order that does not exist, or belongs to another member; it does not say which."""
    return HttpError(404, "order_unknown", "没有这个订单", "order_no")


def member_unknown() -> HttpError:
    """Return the error for a member that does not exist."""
    return HttpError(404, "member_unknown", "没有这个会员", "member_id")


def _refund_refused(refused: RefundRefused) -> HttpError:
    match refused.reason:
        case "request_reused":
            return _request_reused(refused)
        case "nothing_paid":
            return HttpError(
                422,
                "nothing_paid",
                "订单没有可退的付款：没有付款，或已全部退回；积分请用 /merchant/members/{member_id}/points 退还",
            )
        case "nothing_left":
            return HttpError(422, "nothing_left", "订单没有可退余额：付款已全部退回，或正在退回")
        case "too_many_refunds":
            return HttpError(422, "too_many_refunds", f"一笔订单最多申请 {MAX_REQUESTS} 次退款")
        case "refund_exceeds_payment":
            return HttpError(422, "refund_exceeds_payment", "退款金额超过可退余额", "amount")


def _request_reused(_: object) -> HttpError:
    return HttpError(409, "request_reused", "这个 Idempotency-Key 已用于内容不同的请求，请换一个", "Idempotency-Key")


ERRORS: ErrorTable = {
    NoSuchOrder: lambda _: order_unknown(),
    RefundRefused: _refund_refused,
    RequestReused: _request_reused,
    InsufficientPoints: lambda short: HttpError(422, "points_short", f"积分不足，当前余额 {short.balance}", "points"),
}
