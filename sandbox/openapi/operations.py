"""What the routes do not say of themselves: summaries in Chinese, replies, and the reasons of errors."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jiuwu.checkout.cart import NewOrder
from jiuwu.checkout.merchant_requests import NewPoints, NewRefund
from jiuwu.members import login_pages
from jiuwu.members.session_request import NewSession
from jiuwu.orders.listing import SETTLING_SECONDS
from jiuwu.orders.order import Status

from . import replies

type Reasons = Mapping[int, tuple[str, ...]]

_KEY: Reasons = {400: ("idempotency_key_malformed",)}
_BODY: Reasons = {
    400: ("body_malformed", "body_unreadable", "field_malformed", "field_unknown", "field_repeated"),
    413: ("body_too_large",),
    415: ("not_json",),
}
_ORDER: Reasons = {404: ("not_found", "order_unknown")}
_MEMBER: Reasons = {404: ("not_found", "member_unknown")}
_BUSY: Reasons = {503: ("unavailable", "secret_unavailable")}
_SESSION: Reasons = {401: ("session_required",)}
_MERCHANT_KEY: Reasons = {401: ("merchant_key_required",), 429: ("too_many_wrong_keys",)}
_QUERY: Reasons = {400: ("parameter_repeated", "parameter_malformed", "query_malformed"), 414: ("query_too_long",)}

_LIST: Reasons = {400: ("status_unknown", "cursor_malformed", "cursor_of_another_list")}
_STATUS = f"订单状态：{'、'.join(Status)}"
_CHANGES = (
    "按变更时间从早到晚，不遗漏：保存每页的 cursor，下次从它继续。新订单也是变更；付款、退款（含申请）、状态、"
    "平台订单号的改变是变更，时间线和外发动作的进展不是。"
    f"变更在约 {SETTLING_SECONDS} 秒后列出，此后不会再有更早的变更出现。"
    "翻页期间又变更的订单会再次出现：每次变更至少列出一次，以最后一次为准，请按 order_no 覆盖保存。"
)


@dataclass(frozen=True)
class Operation:
    """One route: its replies by status, and the reasons of its errors by status. `page` is for browsers too."""

    summary: str
    replies: Mapping[int, tuple[str, type | None]]
    errors: tuple[Reasons, ...]
    body: Any = None
    description: str = ""
    idempotent: bool = False
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    page: bool = False

    @property
    def reasons(self) -> dict[int, list[str]]:
        """The reasons by status, in one table."""
        merged: dict[int, set[str]] = {}
        for table in self.errors:
            for status, reasons in table.items():
                merged.setdefault(status, set()).update(reasons)
        return {status: sorted(merged[status]) for status in sorted(merged)}


@dataclass(frozen=True)
class Api:
    """One function's API: its title, what holds for all of it, who may ask, and its operations by their function."""

    title: str
    description: str
    scheme: str
    operations: Mapping[str, Operation]
    public: frozenset[str] = frozenset()


def _failures(*names: str) -> Reasons:
    table: dict[int, tuple[str, ...]] = {}
    for name in names:
        table[login_pages.MESSAGES[name].status] = (*table.get(login_pages.MESSAGES[name].status, ()), name)
    return table


_COMMON = (
    "错误一律为 {code, reason, message, field}：reason 供程序判断，message 是中文说明。"
    "503 和 429 带 Retry-After，可以稍后重试。回复可能增加字段，请忽略不认识的字段。"
)
_BODIES = (
    "请求体为 UTF-8 的 JSON，不超过 16,384 字节。整数只能写成数字：905.0 和 9.05e2 会被拒绝。"
    "同一对象里重复的字段名、未列出的字段名都会被拒绝。"
)
STOREFRONT = Api(
    "商城接口：会员下单、查单、列出订单、取消、查积分",
    _COMMON + _BODIES,
    "POST /oauth/session 给出的 session_token",
    {
        "place_order": Operation(
            "下单",
            {
                200: ("同一个 Idempotency-Key 已下过的订单", replies.Order),
                201: ("新订单，平台已确认", replies.Order),
                202: ("订单已保存，等待平台确认", replies.Order),
            },
            (
                _KEY,
                _BODY,
                {400: ("duplicate_product",), 401: ("reauth_required",), 409: ("idempotency_key_reused",)},
                {422: ("not_for_sale", "not_for_points", "amount_too_large", "content_refused", "points_short")},
                _SESSION,
                _BUSY,
            ),
            body=NewOrder,
            description="价格以商品表为准，请求里不写价格。同样的 Idempotency-Key 和内容可以放心重复。",
            idempotent=True,
        ),
        "list_orders": Operation(
            "我的订单：从新到旧，分页",
            {200: ("一页订单", replies.OrderPage)},
            (_SESSION, _QUERY, _LIST, _BUSY),
            description="只有会员自己的订单，不查询平台。有 cursor 就可能还有下一页，即使这一页是空的。",
            query={"status": _STATUS, "cursor": "上一页给出的 cursor；status 必须与上一页相同"},
        ),
        "show_points": Operation("查积分", {200: ("余额和最近的变动", replies.Points)}, (_SESSION, _BUSY)),
        "show_order": Operation("查订单", {200: ("订单", replies.Order)}, (_SESSION, _ORDER, _BUSY)),
        "cancel_order": Operation(
            "取消未付款的订单",
            {200: ("已取消的订单", replies.Order)},
            (_SESSION, _ORDER, {409: ("already_paid", "not_cancellable"), 503: ("cancel_unconfirmed",)}, _BUSY),
        ),
    },
)
BACK_OFFICE = Api(
    "商家后台接口：拉取订单、查单、退款、调整积分",
    "由您的服务器调用；密钥能看到所有会员的订单和积分，不能放在网页或 App 里。" + _COMMON + _BODIES,
    "MerchantKeyName 所指的密钥；轮换时旧密钥同样有效",
    {
        "list_orders": Operation(
            "变更过的订单：供 ERP 每几分钟拉取一次",
            {200: ("一页订单", replies.ChangedOrders)},
            (
                _MERCHANT_KEY,
                _QUERY,
                _LIST,
                {400: ("member_malformed", "period_empty", "time_malformed")},
                _BUSY,
            ),
            description=_CHANGES,
            query={
                "since": "变更时间不早于，Unix 秒；不写则从最早的订单开始",
                "until": "变更时间早于，Unix 秒；不写则到 settled_until",
                "status": _STATUS,
                "member": "会员编号 mb_…",
                "cursor": "上一页给出的 cursor；其他参数必须与上一页相同",
            },
        ),
        "show_order": Operation(
            "查订单：资金和待办的外发动作",
            {200: ("订单", replies.MerchantOrder)},
            (_MERCHANT_KEY, _ORDER, _BUSY),
        ),
        "request_refund": Operation(
            "申请退款：部分或全部余额，不超过已付金额",
            {202: ("已受理；是否退回请查订单", replies.RefundAccepted)},
            (
                _MERCHANT_KEY,
                _KEY,
                _BODY,
                _ORDER,
                {400: ("amount_given_twice",), 409: ("request_reused",)},
                {422: ("nothing_paid", "nothing_left", "too_many_refunds", "refund_exceeds_payment")},
                _BUSY,
            ),
            body=NewRefund,
            description="amount（元）与 amount_fen（分）只能填写其中一个；都不写则退还全部余额。",
            idempotent=True,
        ),
        "show_points": Operation(
            "查会员积分", {200: ("余额和最近的变动", replies.MerchantPoints)}, (_MERCHANT_KEY, _MEMBER, _BUSY)
        ),
        "change_points": Operation(
            "增加积分；负数为扣减，余额不会小于零",
            {200: ("变动后的余额", replies.MerchantPoints)},
            (
                _MERCHANT_KEY,
                _KEY,
                _BODY,
                _MEMBER,
                {409: ("request_reused",), 422: ("points_short",)},
                _BUSY,
            ),
            body=NewPoints,
            idempotent=True,
        ),
    },
)
OAUTH = Api(
    "会员登录接口：授权、回调、会话、解除关联",
    _COMMON + "浏览器打开 /oauth/login 和 /oauth/callback 时，错误是一个网页；带请求头 X-Jiuwu-Login 或 "
    "flow=mini_program 时是 JSON。",
    "POST /oauth/session 给出的 session_token",
    {
        "login": Operation(
            "开始登录：浏览器跳转到平台授权页",
            {200: ("小程序：授权页地址", replies.LoginBegun), 302: ("跳转到平台授权页，并设置 Cookie", None)},
            (_QUERY, {400: ("flow_unknown",)}, _failures("return_to_refused", "return_to_malformed"), _BUSY),
            query={"return_to": "登录后返回的页面；网页登录必填", "flow": "h5（默认）或 mini_program"},
            page=True,
        ),
        "callback": Operation(
            "平台授权后的回调",
            {200: ("小程序：登录票据", replies.LoginTicket), 302: ("带着登录票据返回 return_to", None)},
            (
                _QUERY,
                _failures("malformed", "unknown", "expired", "used", "unfinished", "foreign", "denied"),
                _failures("code_expired", "not_completed", "unavailable"),
                _BUSY,
            ),
            query={"state": "登录时的 state", "code": "平台的授权码", "error": "平台的错误码"},
            headers={"X-Jiuwu-Login": "小程序的 login_secret"},
            page=True,
        ),
        "open_session": Operation(
            "用登录票据换取会话",
            {200: ("会话", replies.Session)},
            (_BODY, {400: ("ticket_malformed",), 410: ("ticket_refused",)}, _BUSY),
            body=NewSession,
        ),
        "unlink": Operation(
            "解除关联，结束所有会话",
            {200: ("已解除", replies.Unlinked), 202: ("会话已结束，平台的授权稍后撤销", replies.Unlinked)},
            ({401: ("session_required",), 503: ("busy",)}, _BUSY),
        ),
    },
    public=frozenset({"login", "callback", "open_session"}),
)
