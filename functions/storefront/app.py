"""Storefront: where the merchant's app orders for its members.

POST /orders, GET /orders/{order_no}, POST /orders/{order_no}/cancel, GET /points.
"""

from jiuwu.aws import cold_start  # first: it switches the collector off while the rest loads
from jiuwu.deadline import Deadline
from jiuwu.runtime import SYSTEM, Runtime

# isort: split
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from jiuwu.aws import api, clients, settings, telemetry, web
from jiuwu.aws.api import Refused
from jiuwu.aws.web import Reply, Request
from jiuwu.bootstrap import MembersPlatform, queue_effects, queue_placing
from jiuwu.catalogue.pricing import NotForPoints, NotForSale, Products
from jiuwu.catalogue.repository import ProductsBusy, Rows
from jiuwu.checkout.cart import Basket, read_basket
from jiuwu.checkout.checkout import AmountTooLarge, CancelLater, Checkout, KeyReused, NotCancellable, Reach
from jiuwu.checkout.views import points_receipt, receipt
from jiuwu.members.accounts import Accounts, member_id_for
from jiuwu.members.logins import Sessions, is_secret
from jiuwu.orders.ids import is_order_no
from jiuwu.orders.order import Order, Status
from jiuwu.orders.placement import NotPlaceable
from jiuwu.orders.repository import OrderStore, TableBusy, TableRefused
from jiuwu.orders.settings import TradeSettings
from jiuwu.platform.errors import AppSecretUnavailable
from jiuwu.reconciliation import alerts
from jiuwu.reconciliation.decide import STOREFRONT
from jiuwu.reconciliation.repair import Repaired, Repairer
from jiuwu.reconciliation.settle import OrderSynchroniser

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


class Settings(TradeSettings, frozen=True, kw_only=True):
    products_table: str
    members_table: str
    logins_table: str
    token_key_id: str
    effect_queue_url: str
    reconcile_queue_url: str
    points_table: str


class Shop(NamedTuple):
    """What serving a request needs."""

    sessions: Sessions
    accounts: Accounts
    store: OrderStore
    checkout: Checkout
    platform: MembersPlatform


class Visit(NamedTuple):
    """One request of a member, and how many seconds it still has."""

    request: Request
    member_id: str
    deadline: Deadline


def handle(shop: Shop, event: object, deadline: Deadline) -> Reply:
    """The reply to an API Gateway HTTP API event (payload 2.0): an order, or an error with its reason and a message in
    Chinese. Whatever a stranger sends ends in a 4xx."""
    return api.answer("storefront", event, partial(_serve, shop, deadline), busy=_BUSY)


def _serve(shop: Shop, deadline: Deadline, request: Request) -> Reply:
    serve, names = api.route(request, _ROUTES)
    return serve(shop, Visit(request, _member(shop, request), deadline), **names)


def _member(shop: Shop, request: Request) -> str:
    token = api.bearer(request)
    member_id = shop.sessions.member_id(token) if is_secret(token) else None
    if member_id is None:
        raise Refused(401, "session_required", "请先登录", "Authorization")
    return member_id


def _buy(shop: Shop, visit: Visit) -> Reply:
    key, basket = api.idempotency_key(visit.request), read_basket(visit.request)
    try:
        order, new = shop.checkout.buy(visit.member_id, key, basket, _reach(shop, visit))
    except KeyReused:
        raise Refused(409, "idempotency_key_reused", _KEY_REUSED, "Idempotency-Key") from None
    except NotForSale as unsold:
        raise _unsold(unsold, basket) from None
    except AmountTooLarge:
        raise Refused(422, "amount_too_large", "订单金额过大", "items") from None
    except NotPlaceable as why:
        if why.final:
            raise _given_up(why) from None
        # our order is safe: the same request goes on with it once the member has logged in, as does the reconciler
        raise _login_needed() from None
    except AppSecretUnavailable:
        # the reader has named, counted and logged what is wrong with it; our order is safe here, too
        raise Refused(503, "secret_unavailable", "服务暂时不可用，请稍后再试", headers=api.RETRY_SOON) from None
    if order.status is Status.CREATED:
        return _ordered(202, "ordered", order, _WAITING, headers=_RETRY)
    return _ordered(201 if new else 200, "ordered", order)


def _given_up(why: NotPlaceable) -> Refused:
    if why.reason == "content_refused":
        return Refused(422, "content_refused", "订单内容未通过平台审核，订单未成立", "items")
    return Refused(422, "points_short", "积分不足，订单未成立，没有扣除任何积分", "pay_with")


def _unsold(unsold: NotForSale, basket: Basket) -> Refused:
    field = f"items[{list(basket.quantities).index(unsold.product_id)}].product_id"
    if isinstance(unsold, NotForPoints):
        return Refused(422, "not_for_points", "商品不支持积分支付", field)
    return Refused(422, "not_for_sale", "商品不存在或已下架", field)


def _points(shop: Shop, visit: Visit) -> Reply:
    ledger = shop.platform.ledger
    return web.json_reply(200, points_receipt(ledger.balance(visit.member_id), ledger.recent(visit.member_id)))


def _look(shop: Shop, visit: Visit, order_no: str) -> Reply:
    order = _own(shop, visit, order_no)
    brief = visit._replace(deadline=visit.deadline.at_most(_LOOK_SECONDS))
    try:
        order = shop.checkout.look(order, _reach(shop, brief))
    except (ClientError, BotoCoreError, *_BUSY) as fault:
        # what stands in our table is still an answer
        telemetry.logger.warning("not looked", order_no=order_no, problem=clients.describe_error(fault))
    return _ordered(200, "looked", order, _WAITING if order.status is Status.CREATED else {})


def _cancel(shop: Shop, visit: Visit, order_no: str) -> Reply:
    try:
        order = shop.checkout.cancel(_own(shop, visit, order_no), _reach(shop, visit))
    except NotCancellable as late:
        if late.order.payments:
            raise Refused(409, "already_paid", "已支付，不能取消") from None
        raise Refused(409, "not_cancellable", "订单已不能取消") from None
    except CancelLater:
        raise Refused(503, "cancel_unconfirmed", "暂时无法确认取消结果，请稍后再试", headers=api.RETRY_SOON) from None
    return _ordered(200, "cancelled", order)


def _own(shop: Shop, visit: Visit, order_no: str) -> Order:
    order = shop.store.get(order_no) if is_order_no(order_no) else None
    if order is None or order.member_id != visit.member_id:
        # whether somebody else has it is nobody's business
        raise Refused(404, "order_unknown", "没有这个订单", "order_no")
    return order


def _reach(shop: Shop, visit: Visit) -> Reach:
    return Reach(
        platform=lambda: shop.platform.client,
        place=partial(shop.platform.place, deadline=visit.deadline),
        deadline=visit.deadline,
        open_id=partial(_open_id, shop),
    )


def _open_id(shop: Shop, member_id: str) -> str:
    member = shop.accounts.get(member_id)
    if member is None or member.link_status != "active":
        raise _login_needed()
    return member.open_id


def _login_needed() -> Refused:
    return Refused(401, "reauth_required", "社区账号授权已失效，请重新登录", "Authorization")


# A page polls: the platform gets no more of it than this.
_LOOK_SECONDS = 8.0
_WAITING = {
    "reason": "waiting_for_platform",
    "message": "订单已提交，正在等待社区确认，请稍后刷新",
    "hint": "用同一个 Idempotency-Key 和同样的内容重复 POST /orders，或查询 GET /orders/{order_no}",
}
_KEY_REUSED = "这个 Idempotency-Key 已用于内容不同的订单，请换一个"
_RETRY = {"Retry-After": "5"}
_BUSY = (TableBusy, TableRefused, ProductsBusy)
_ROUTES: list[tuple[re.Pattern[str], str, Callable[..., Reply]]] = [
    (re.compile(r"/orders"), "POST", _buy),
    (re.compile(r"/points"), "GET", _points),
    (re.compile(r"/orders/(?P<order_no>[^/]*)"), "GET", _look),
    (re.compile(r"/orders/(?P<order_no>[^/]*)/cancel"), "POST", _cancel),
]


def _ordered(
    status: int,
    outcome: str,
    order: Order,
    more: Mapping[str, object] | None = None,
    *,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    telemetry.logger.info("storefront", outcome=outcome, code=status, order_no=order.order_no, status=order.status)
    if order.status is Status.PLACED and not (order.pay_url or order.points):
        telemetry.logger.error("storefront", outcome="no_pay_url", order_no=order.order_no)
    return web.json_reply(status, receipt(order) | dict(more or {}), headers)


def _note(mended: Repaired) -> None:
    for transition in mended.transitions:
        telemetry.count("OrderTransitions", transition=transition)
    for name, dimension, label in alerts.metrics(mended.alerts):
        telemetry.count(name, 1, **{dimension: label})
    for alert in mended.alerts:
        telemetry.logger.error("order", order_no=mended.order and mended.order.order_no, alert=alert)


def _trouble(order_no: str, error: Exception) -> None:
    telemetry.logger.warning("left to the reconciler", order_no=order_no, problem=str(error))


def build(environment: Settings, platform: MembersPlatform, runtime: Runtime = SYSTEM) -> Shop:
    """The shop of an environment; the AWS clients come from jiuwu.aws.clients."""
    dynamodb, sqs = clients.client("dynamodb"), clients.client("sqs")
    store = OrderStore(dynamodb, environment.orders_table, shards=environment.due_shards)
    policy = environment.policy
    settler = OrderSynchroniser(
        store,
        Repairer(policy, partial(member_id_for, environment.app_id), finder=STOREFRONT),
        queue=partial(queue_effects, sqs, environment.effect_queue_url),
        runtime=runtime,
    )
    check_seconds = environment.payment_check_seconds
    retry = partial(queue_placing, sqs, environment.reconcile_queue_url, tries=0, check_seconds=check_seconds)
    products = Products(Rows(dynamodb, environment.products_table), runtime=runtime)
    return Shop(
        sessions=Sessions(dynamodb, environment.logins_table, runtime=runtime),
        accounts=Accounts(dynamodb, environment.members_table),
        store=store,
        checkout=Checkout(store, products, settler, policy, note=_note, trouble=_trouble, retry=retry, runtime=runtime),
        platform=platform,
    )


_settings = settings.load(Settings)
_shop = build(
    _settings,
    MembersPlatform(
        _settings,
        members_table=_settings.members_table,
        token_key_id=_settings.token_key_id,
        points_table=_settings.points_table,
    ),
)


def handler(event: object, context: "LambdaContext") -> Reply:
    """Entry point for Lambda."""
    return handle(_shop, event, Deadline.of(context, reserve_seconds=api.REPLY_SECONDS))


cold_start.finish()
