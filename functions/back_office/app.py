"""BackOffice: where the merchant's own servers look at orders, ask for refunds and change members' points.

GET /merchant/orders/{order_no}, POST /merchant/orders/{order_no}/refunds, GET and POST
/merchant/members/{member_id}/points.
"""

from jiuwu.aws import cold_start  # first: it switches the collector off while the rest loads
from jiuwu.runtime import SYSTEM, Runtime

# isort: split
import hmac
import math
import re
from collections.abc import Callable
from functools import partial
from typing import Annotated, NamedTuple

import msgspec

from jiuwu.aws import api, clients, settings, telemetry, web
from jiuwu.aws.api import Refused
from jiuwu.aws.secrets import SecretReader
from jiuwu.aws.web import Reply, Request
from jiuwu.bootstrap import on_lane_event, queue_effects
from jiuwu.checkout.refunds import NoSuchOrder, OrderBusy, RefundRefused, Refunds
from jiuwu.checkout.views import for_merchant, points_for_merchant, refund_receipt
from jiuwu.human_text import first_unfit
from jiuwu.members.accounts import Accounts, is_member_id
from jiuwu.orders.ids import is_order_no
from jiuwu.orders.refund_rules import MOST_REASON, MOST_REQUESTS
from jiuwu.orders.repository import OrderStore, TableBusy, TableRefused
from jiuwu.orders.state_machine import Policy
from jiuwu.platform.money import MOST_FEN, MoneyError, fen
from jiuwu.points.ledger import MOST_POINTS, InsufficientPoints, LedgerBusy, PointsLedger, RequestReused
from jiuwu.throttling.repository import LaneTable
from jiuwu.throttling.source_limit import KEPT_SECONDS, SourceLimit, source_of


class Settings(settings.PlatformSettings, frozen=True, kw_only=True):
    orders_table: str
    members_table: str
    points_table: str
    effect_queue_url: str
    merchant_key_name: str
    payment_check_seconds: int


Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=MOST_REASON)]


class Refund(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much goes back, in one of two forms, or all that is left where neither is given; and why. A name that is
    misspelled, or null where an amount was meant, is no wish for all of it."""

    reason: Reason
    amount_fen: Annotated[int, msgspec.Meta(ge=1, le=MOST_FEN)] | msgspec.UnsetType = msgspec.UNSET
    amount: str | msgspec.UnsetType = msgspec.UNSET


class Points(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many points are added, or below zero taken away; and why."""

    points: Annotated[int, msgspec.Meta(ge=-MOST_POINTS, le=MOST_POINTS)]
    reason: Reason


class Office(NamedTuple):
    """What serving the merchant needs."""

    key: SecretReader
    source_limit: SourceLimit
    accounts: Accounts
    store: OrderStore
    refunds: Refunds
    ledger: PointsLedger
    clock: Callable[[], float]


def handle(office: Office, event: object) -> Reply:
    """The reply to an API Gateway HTTP API event (payload 2.0); whatever a stranger sends ends in a 4xx."""
    return api.answer("back office", event, partial(_serve, office), busy=_BUSY)


def _serve(office: Office, request: Request) -> Reply:
    _authenticate(office, request)
    serve, names = api.route(request, _ROUTES)
    return serve(office, request, **names)


def _authenticate(office: Office, request: Request) -> None:
    """Before anything else: a stranger does not even learn what there is. Who brings no key costs no secret."""
    given = api.bearer(request).encode()
    if not given:
        raise _key_required()
    keys = office.key()
    source = source_of(request.source, keys.current)
    if wait := office.source_limit.wait(source):
        raise _slowed(wait)
    # every key is compared to its end, whichever fits
    if True not in [hmac.compare_digest(given, key.encode()) for key in keys.all]:
        wait = office.source_limit.note_failure(source)
        raise _slowed(wait) if wait else _key_wrong()


def _key_required() -> Refused:
    return Refused(401, "merchant_key_required", "需要有效的商家密钥", "Authorization", headers=_BEARER)


def _key_wrong() -> Refused:
    telemetry.count("MerchantKeyFailures")
    return _key_required()


def _slowed(wait: float) -> Refused:
    telemetry.count("MerchantKeyFailures")
    again = {"Retry-After": str(math.ceil(wait))}
    return Refused(429, "too_many_wrong_keys", "商家密钥错误次数过多，请稍后再试", "Authorization", headers=again)


def _look(office: Office, _: Request, order_no: str) -> Reply:
    order = office.store.get(order_no) if is_order_no(order_no) else None
    if order is None:
        raise _no_order()
    return _done(200, "looked", for_merchant(order), order_no=order_no)


def _refund(office: Office, request: Request, order_no: str) -> Reply:
    key, wanted = api.idempotency_key(request), api.body(request, _REFUNDS, _about_refunds)
    amount_fen = _amount(wanted)
    if not is_order_no(order_no):
        raise _no_order()
    try:
        asked = office.refunds.ask(order_no, key, amount_fen, _reason(wanted))
    except NoSuchOrder:
        raise _no_order() from None
    except RefundRefused as refused:
        raise _refused(refused) from None
    return _done(202, "refund asked", refund_receipt(asked, key), order_no=order_no, again=asked.again)


def _amount(wanted: Refund) -> int | None:
    if wanted.amount is msgspec.UNSET:
        return None if wanted.amount_fen is msgspec.UNSET else wanted.amount_fen
    if wanted.amount_fen is not msgspec.UNSET:
        raise Refused(400, "amount_given_twice", "amount 与 amount_fen 只能填写其中一个", "amount")
    try:
        told = fen(wanted.amount)
    except MoneyError:
        told = 0
    if told < 1:
        raise Refused(400, "field_malformed", _about_refunds("amount"), "amount")
    return told


def _change_points(office: Office, request: Request, member_id: str) -> Reply:
    key, wanted = api.idempotency_key(request), api.body(request, _POINTS, _about_points)
    if not wanted.points:
        raise Refused(400, "field_malformed", _about_points("points"), "points")
    _require_member(office, member_id)
    try:
        office.ledger.grant(member_id, key, wanted.points, at=int(office.clock()), reason=_reason(wanted))
    except InsufficientPoints as short:
        raise Refused(422, "points_short", f"积分不足，当前余额 {short.balance}", "points") from None
    except RequestReused:
        raise _reused() from None
    return _points(office, request, member_id)


def _points(office: Office, _: Request, member_id: str) -> Reply:
    _require_member(office, member_id)
    told = points_for_merchant(office.ledger.balance(member_id), office.ledger.recent(member_id))
    return _done(200, "points", {"member_id": member_id} | told)


def _require_member(office: Office, member_id: str) -> None:
    if not is_member_id(member_id) or office.accounts.get(member_id) is None:
        raise Refused(404, "member_unknown", "没有这个会员", "member_id")


def _reason(wanted: Refund | Points) -> str:
    """Return the reason, which people will read; raise Refused for what is no text of people."""
    if unfit := first_unfit(wanted.reason):
        message = f"reason 的第 {unfit.position} 个字符 {unfit.code_point} 不能使用，请删除"
        raise Refused(400, "field_malformed", message, "reason")
    if not wanted.reason.strip():
        raise Refused(400, "field_malformed", "reason 不能只有空白", "reason")
    return wanted.reason


def _refused(refused: RefundRefused) -> Refused:
    match refused.reason:
        case "request_reused":
            return _reused()
        case "nothing_paid":
            return Refused(
                422,
                "nothing_paid",
                "订单没有可退的付款：没有付款，或已全部退回；积分请用 /merchant/members/{member_id}/points 退还",
            )
        case "nothing_left":
            return Refused(422, "nothing_left", "订单没有可退余额：付款已全部退回，或正在退回")
        case "too_many_refunds":
            return Refused(422, "too_many_refunds", f"一笔订单最多申请 {MOST_REQUESTS} 次退款")
        case "refund_exceeds_payment":
            return Refused(422, "refund_exceeds_payment", "退款金额超过可退余额", "amount")


def _reused() -> Refused:
    return Refused(409, "request_reused", "这个 Idempotency-Key 已用于内容不同的请求，请换一个", "Idempotency-Key")


def _no_order() -> Refused:
    return Refused(404, "order_unknown", "没有这个订单", "order_no")


def _about_refunds(field: str) -> str:
    known = {
        "amount_fen": "amount_fen 必须是不小于 1 的整数（分）",
        "amount": 'amount 必须是大于 0 的金额文本（元），如 "12.34"',
        "reason": f"reason 必须是 1 到 {MOST_REASON} 个字符的文本",
    }
    return known.get(field, '请求应为 {"amount": "12.34", "reason": "…"}；不写 amount 则退还全部余额')


def _about_points(field: str) -> str:
    known = {
        "points": f"points 必须是不为 0 的整数，绝对值不超过 {MOST_POINTS}",
        "reason": f"reason 必须是 1 到 {MOST_REASON} 个字符的文本",
    }
    return known.get(field, '请求应为 {"points": 100, "reason": "…"}；负数为扣减')


_BEARER = {"WWW-Authenticate": "Bearer"}
_LEAST_KEY, _MOST_KEY = 32, 256  # longer ones than api.bearer reads would open nothing
_REFUNDS, _POINTS = msgspec.json.Decoder(Refund), msgspec.json.Decoder(Points)
_BUSY = (TableBusy, TableRefused, LedgerBusy, OrderBusy)
_ROUTES: list[tuple[re.Pattern[str], str, Callable[..., Reply]]] = [
    (re.compile(r"/merchant/orders/(?P<order_no>[^/]*)"), "GET", _look),
    (re.compile(r"/merchant/orders/(?P<order_no>[^/]*)/refunds"), "POST", _refund),
    (re.compile(r"/merchant/members/(?P<member_id>[^/]*)/points"), "GET", _points),
    (re.compile(r"/merchant/members/(?P<member_id>[^/]*)/points"), "POST", _change_points),
]


def _done(status: int, outcome: str, content: dict[str, object], **told: object) -> Reply:
    telemetry.logger.info("back office", extra={"outcome": outcome, "code": status, **told})
    return web.json_reply(status, content)


def build(environment: Settings, runtime: Runtime = SYSTEM) -> Office:
    """The office of an environment; the AWS clients come from jiuwu.aws.clients."""
    dynamodb = clients.client("dynamodb")
    store = OrderStore(dynamodb, environment.orders_table)
    policy = Policy(check_seconds=environment.payment_check_seconds)  # of the rules, all that a refund asks for
    secretsmanager = clients.client("secretsmanager")
    wrong_keys = LaneTable(dynamodb, environment.limits_table, kept_seconds=KEPT_SECONDS, runtime=runtime)
    queue = partial(queue_effects, clients.client("sqs"), environment.effect_queue_url)
    return Office(
        key=SecretReader(secretsmanager, environment.merchant_key_name, least=_LEAST_KEY, most=_MOST_KEY),
        source_limit=SourceLimit(
            wrong_keys, on_fault=partial(on_lane_event, "unavailable", "wrong_keys"), runtime=runtime
        ),
        accounts=Accounts(dynamodb, environment.members_table),
        store=store,
        refunds=Refunds(store, policy, queue=queue, runtime=runtime),
        ledger=PointsLedger(dynamodb, environment.points_table),
        clock=runtime.clock,
    )


_office = build(settings.load(Settings))


def handler(event: object, _context: object) -> Reply:
    """Entry point for Lambda."""
    return handle(_office, event)


cold_start.finish()
