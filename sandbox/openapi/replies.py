"""What our HTTP APIs reply with. Fields may be added later, so that a client must pass over those it does not know."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from jiuwu.orders.order import Status
from jiuwu.points.codec import PointsState

Fen = Annotated[int, Meta(ge=0, description="金额，单位分")]
Yuan = Annotated[str, Meta(pattern=r"^[0-9]+\.[0-9]{2}$", description="同一金额，单位元")]
Seconds = Annotated[int, Meta(ge=0, description="Unix 秒")]
Missing = Annotated[int, Meta(ge=1, description="部分付款后还差多少，单位分")]


class Error(Struct):
    code: Annotated[int, Meta(description="HTTP 状态码")]
    reason: Annotated[str, Meta(description="供程序判断的原因")]
    message: Annotated[str, Meta(description="给人看的中文说明")]
    field: Annotated[str, Meta(description="出错的字段、请求头或路径参数")] | UnsetType = UNSET


class Line(Struct):
    product_id: str
    title: str
    quantity: Annotated[int, Meta(ge=1)]
    price_fen: Fen
    price: Yuan


class TimelineEntry(Struct):
    at: Seconds
    event: str
    what: Annotated[str, Meta(description="给会员看的说明")]


class OrderSummary(Struct, kw_only=True):
    order_no: str
    status: Status
    amount_fen: Fen
    amount: Yuan
    currency: Literal["CNY"]
    created_at: Seconds
    lines: list[Line]
    points: Annotated[int, Meta(ge=1, description="用多少积分支付；此时金额为 0.00")] | UnsetType = UNSET
    pay_url: Annotated[str, Meta(description="付款页面；订单等待付款时才有")] | UnsetType = UNSET
    missing_fen: Missing | UnsetType = UNSET
    missing: Yuan | UnsetType = UNSET
    message: Annotated[str, Meta(description="给会员看的一句话")] | UnsetType = UNSET
    refunding_fen: Fen | UnsetType = UNSET
    refunding: Yuan | UnsetType = UNSET
    reason: Literal["waiting_for_platform"] | UnsetType = UNSET
    hint: Annotated[str, Meta(description="平台尚未确认时，接下来怎么做")] | UnsetType = UNSET


class Order(OrderSummary, kw_only=True):
    timeline: list[TimelineEntry]


class OrderPage(Struct):
    orders: Annotated[list[Order], Meta(description="一般每页 20 个；按状态筛选时可能更少、为空，或最多 39 个")]
    cursor: Annotated[str, Meta(description="下一页；没有更多订单时不出现")] | UnsetType = UNSET


class Payment(Struct):
    transaction_id: str
    amount_fen: Fen
    amount: Yuan
    at: Seconds


class Refund(Struct):
    refund_id: str
    transaction_id: str
    amount_fen: Fen
    amount: Yuan
    at: Seconds
    status: Annotated[
        Literal["succeeded", "processing", "failed", "unknown"],
        Meta(description="succeeded 才是钱已退回；其余尚未或没有退回"),
    ]


class Effect(Struct):
    effect: Annotated[str, Meta(description="外发动作")]
    state: Annotated[
        Literal["pending", "processing", "done", "failed", "failed_permanently"],
        Meta(description="退款从平台受理到入账为 processing；failed 的退款可以重新申请"),
    ]
    attempts: Annotated[int, Meta(ge=0)]
    why: Annotated[str, Meta(description="永久失败的原因")] | UnsetType = UNSET
    reason: Annotated[str, Meta(description="您申请退款时填写的原因")] | UnsetType = UNSET


class MerchantOrder(Order, kw_only=True):
    member_id: str
    platform_order_no: str
    payments: list[Payment]
    payments_in_doubt: Annotated[list[Payment], Meta(description="通知提到而平台查不到的付款；平台查到之前不算数")]
    refunds: list[Refund]
    refundable_fen: Fen
    effects: list[Effect]


class ChangedOrder(OrderSummary, kw_only=True):
    member_id: str
    platform_order_no: str
    payments: list[Payment]
    payments_in_doubt: list[Payment]
    refunds: list[Refund]
    refundable_fen: Fen
    changed_at: Annotated[int, Meta(ge=0, description="最近一次变更的时间，Unix 秒")]


class ChangedOrders(Struct):
    orders: Annotated[list[ChangedOrder], Meta(description="最多 100 个，按变更时间从早到晚；筛选时可能更少或为空")]
    cursor: Annotated[str, Meta(description="下一页，或下次拉取的起点；请保存")]
    more: Annotated[bool, Meta(description="true：现在就有下一页；false：过几分钟再用 cursor 继续")]
    settled_until: Annotated[int, Meta(description="此时间之前的变更已全部可列出，Unix 秒")]


class RefundAccepted(Struct):
    order_no: str
    request_id: Annotated[str, Meta(description="即 Idempotency-Key")]
    amount_fen: Fen
    amount: Yuan
    refundable_fen: Fen
    refundable: Yuan


class PointsEntry(Struct, kw_only=True):
    points: Annotated[int, Meta(description="余额的变化")]
    what: Annotated[str, Meta(description="给人看的说明")]
    at: Seconds
    order_no: str | UnsetType = UNSET
    order_points: Annotated[int, Meta(description="订单用的积分；退还后余额已包含")] | UnsetType = UNSET
    state: PointsState | UnsetType = UNSET


class Points(Struct):
    balance: Annotated[int, Meta(ge=0)]
    entries: list[PointsEntry]


class MerchantPointsEntry(PointsEntry, kw_only=True):
    request_id: Annotated[str, Meta(description="即 Idempotency-Key")] | UnsetType = UNSET
    reason: str | UnsetType = UNSET


class MerchantPoints(Struct):
    member_id: str
    balance: Annotated[int, Meta(ge=0)]
    entries: list[MerchantPointsEntry]


class LoginBegun(Struct):
    authorize_url: Annotated[str, Meta(description="平台的授权页")]
    state: str
    login_secret: Annotated[str, Meta(description="小程序保存，回调时放在请求头 X-Jiuwu-Login")]
    expires_in: Annotated[int, Meta(ge=1, description="秒")]


class LoginTicket(Struct):
    ticket: Annotated[str, Meta(description="一次性登录票据，60 秒内换取会话")]


class Session(Struct):
    member_id: str
    session_token: Annotated[str, Meta(description="放在请求头 Authorization: Bearer …")]
    expires_in: Annotated[int, Meta(ge=1, description="秒")]
    nickname: str
    avatar_url: str


class Unlinked(Struct):
    status: Literal["unlinked", "unlinking"]


def check(kind: type[Struct], content: object) -> None:
    """Raise msgspec.ValidationError where `content` is no reply of this kind, or has a field that it does not name."""
    strict = msgspec.defstruct(f"Strict{kind.__name__}", [], bases=(kind,), forbid_unknown_fields=True, kw_only=True)
    msgspec.convert(content, strict)
