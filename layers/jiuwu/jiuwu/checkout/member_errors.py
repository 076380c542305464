"""Refusals of members' requests as HTTP errors: what the member reads, and the reason for programs."""

from jiuwu.aws.http.errors import HttpError
from jiuwu.aws.http.router import RETRY_SOON, ErrorTable
from jiuwu.catalogue.pricing import NotForPoints, NotForSale
from jiuwu.orders.placement import NotPlaceable
from jiuwu.platform.errors import AppSecretUnavailable

from .cart import Basket
from .checkout import AmountTooLarge, CancelLater, KeyReused, LoginNeeded, NotCancellable
from .merchant_errors import order_unknown
from .refunds import NoSuchOrder


def not_for_sale(unsold: NotForSale, basket: Basket) -> HttpError:
    """Return the error that names the line of the basket."""
    field = f"items[{list(basket.quantities).index(unsold.product_id)}].product_id"
    if isinstance(unsold, NotForPoints):
        return HttpError(422, "not_for_points", "商品不支持积分支付", field)
    return HttpError(422, "not_for_sale", "商品不存在或已下架", field)


def _login_needed() -> HttpError:
    return HttpError(401, "reauth_required", "社区账号授权已失效，请重新登录", "Authorization")


def _not_placeable(why: NotPlaceable) -> HttpError:
    if not why.final:
        # our order is safe: the same request goes on with it once the member has logged in, as does the reconciler
        return _login_needed()
    if why.reason == "content_refused":
        return HttpError(422, "content_refused", "订单内容未通过平台审核，订单未成立", "items")
    return HttpError(422, "points_short", "积分不足，订单未成立，没有扣除任何积分", "pay_with")


def _not_cancellable(late: NotCancellable) -> HttpError:
    if late.order.payments:
        return HttpError(409, "already_paid", "已支付，不能取消")
    return HttpError(409, "not_cancellable", "订单已不能取消")


def _key_reused(_: KeyReused) -> HttpError:
    return HttpError(
        409, "idempotency_key_reused", "这个 Idempotency-Key 已用于内容不同的订单，请换一个", "Idempotency-Key"
    )


def _cancel_later(_: CancelLater) -> HttpError:
    return HttpError(503, "cancel_unconfirmed", "暂时无法确认取消结果，请稍后再试", headers=RETRY_SOON)


def _secret_unavailable(_: AppSecretUnavailable) -> HttpError:
    # the reader has named, counted and logged what is wrong with it; our order is safe
    return HttpError(503, "secret_unavailable", "服务暂时不可用，请稍后再试", headers=RETRY_SOON)


ERRORS: ErrorTable = {
    NoSuchOrder: lambda _: order_unknown(),
    KeyReused: _key_reused,
    AmountTooLarge: lambda _: HttpError(422, "amount_too_large", "订单金额过大", "items"),
    LoginNeeded: lambda _: _login_needed(),
    NotPlaceable: _not_placeable,
    NotCancellable: _not_cancellable,
    CancelLater: _cancel_later,
    AppSecretUnavailable: _secret_unavailable,
}
