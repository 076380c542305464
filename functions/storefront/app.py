"""Storefront: the merchant's app places and reads orders for its members.

POST /orders, GET /orders/{order_no}, POST /orders/{order_no}/cancel, GET /points.
"""

from jiuwu.aws import cold_start  # first: it switches the collector off while the rest loads

# isort: split
from functools import partial
from typing import TYPE_CHECKING, Annotated, NamedTuple

from aws_lambda_powertools.event_handler import Depends, Response
from botocore.exceptions import BotoCoreError, ClientError

from jiuwu.aws import clients
from jiuwu.aws.dynamodb import TableBusy
from jiuwu.aws.http.errors import HttpError
from jiuwu.aws.http.request import Request
from jiuwu.aws.http.router import REPLY_SECONDS, Call, HttpApi, Reply, current_call, json_response
from jiuwu.aws.settings import load
from jiuwu.bootstrap import MembersPlatform
from jiuwu.catalogue.pricing import NotForSale, Products
from jiuwu.catalogue.repository import Rows
from jiuwu.checkout import member_errors, reporting
from jiuwu.checkout.cart import read_basket
from jiuwu.checkout.checkout import Checkout
from jiuwu.checkout.views import points_receipt, receipt, waiting_receipt
from jiuwu.deadline import Deadline
from jiuwu.effects.queue import queue_effects
from jiuwu.members.accounts import Accounts, member_id_for
from jiuwu.members.logins import Sessions, is_secret
from jiuwu.orders.order import Order, Status
from jiuwu.orders.repository import OrderStore, TableRefused
from jiuwu.orders.settings import TradeSettings
from jiuwu.reconciliation.decide import STOREFRONT
from jiuwu.reconciliation.repair import Repairer
from jiuwu.reconciliation.settle import OrderSynchroniser
from jiuwu.reconciliation.shard_tasks import queue_placing
from jiuwu.runtime import SYSTEM, Runtime

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# A page polls its order: a check with the platform takes at most so many seconds.
_CHECK_SECONDS = 8.0
_BUSY = (TableBusy, TableRefused)


class Settings(TradeSettings, frozen=True, kw_only=True):
    products_table: str
    members_table: str
    logins_table: str
    token_key_id: str
    effect_queue_url: str
    reconcile_queue_url: str
    points_table: str


class Dependencies(NamedTuple):
    """The dependencies of serving a request."""

    sessions: Sessions
    checkout: Checkout
    platform: MembersPlatform


class MemberCall(NamedTuple):
    """A request of a member who is logged in."""

    request: Request
    dependencies: Dependencies
    deadline: Deadline
    member_id: str


def _member_call(call: Annotated[Call[Dependencies], Depends(current_call)]) -> MemberCall:
    token = call.request.bearer
    member_id = call.dependencies.sessions.member_id(token) if is_secret(token) else None
    if member_id is None:
        raise HttpError(401, "session_required", "请先登录", "Authorization")
    return MemberCall(*call, member_id)


LoggedIn = Annotated[MemberCall, Depends(_member_call)]
api = HttpApi("storefront", errors=member_errors.ERRORS, busy=_BUSY)


@api.post("/orders")
def place_order(call: LoggedIn) -> Response[str]:
    """Place the order of this request, once per Idempotency-Key; 202 while the platform does not have it yet."""
    key, basket = call.request.idempotency_key, read_basket(call.request)
    try:
        order, new = call.dependencies.checkout.buy(call.member_id, key, basket, call.deadline)
    except NotForSale as unsold:
        raise member_errors.not_for_sale(unsold, basket) from None
    if order.status is Status.CREATED:
        reporting.order_served(202, "ordered", order)
        return json_response(202, waiting_receipt(order), {"Retry-After": "5"})
    return _served(201 if new else 200, "ordered", order)


@api.get("/points")
def show_points(call: LoggedIn) -> Response[str]:
    """Return the member's points and their latest changes."""
    ledger = call.dependencies.platform.ledger
    return json_response(200, points_receipt(ledger.balance(call.member_id), ledger.recent(call.member_id)))


@api.get("/orders/<order_no>")
def show_order(order_no: str, call: LoggedIn) -> Response[str]:
    """Return an order as the platform has it now, or as it stands in our table."""
    order = call.dependencies.checkout.own(call.member_id, order_no)
    try:
        order = call.dependencies.checkout.check(order, call.deadline.at_most(_CHECK_SECONDS))
    except (ClientError, BotoCoreError, *_BUSY) as fault:
        # what stands in our table is still an answer
        reporting.not_checked(order_no, fault)
    return _served(200, "looked", order)


@api.post("/orders/<order_no>/cancel")
def cancel_order(order_no: str, call: LoggedIn) -> Response[str]:
    """Cancel an order that is not paid, once the platform has agreed."""
    checkout = call.dependencies.checkout
    order = checkout.cancel(checkout.own(call.member_id, order_no), call.deadline)
    return _served(200, "cancelled", order)


def _served(status: int, outcome: str, order: Order) -> Response[str]:
    reporting.order_served(status, outcome, order)
    return json_response(status, waiting_receipt(order) if order.status is Status.CREATED else receipt(order))


def build(settings: Settings, platform: MembersPlatform, runtime: Runtime = SYSTEM) -> Dependencies:
    """Return the dependencies for these settings; the AWS clients come from jiuwu.aws.clients."""
    dynamodb, sqs = clients.client("dynamodb"), clients.client("sqs")
    store = OrderStore(dynamodb, settings.orders_table, shards=settings.due_shards)
    synchroniser = OrderSynchroniser(
        store,
        Repairer(settings.policy, partial(member_id_for, settings.app_id), finder=STOREFRONT),
        queue=partial(queue_effects, sqs, settings.effect_queue_url),
        runtime=runtime,
    )
    check_seconds = settings.payment_check_seconds
    retry = partial(queue_placing, sqs, settings.reconcile_queue_url, tries=0, check_seconds=check_seconds)
    return Dependencies(
        sessions=Sessions(dynamodb, settings.logins_table, runtime=runtime),
        checkout=Checkout(
            store,
            Products(Rows(dynamodb, settings.products_table), runtime=runtime),
            Accounts(dynamodb, settings.members_table),
            platform,
            synchroniser=synchroniser,
            policy=settings.policy,
            retry=retry,
            runtime=runtime,
        ),
        platform=platform,
    )


def handle(dependencies: Dependencies, event: object, deadline: Deadline) -> Reply:
    """Return the reply to an API Gateway HTTP API event: an order, points, or an error in Chinese with its reason."""
    return api.serve(event, dependencies, deadline)


_settings = load(Settings)
_dependencies = build(
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
    return handle(_dependencies, event, Deadline.of(context, reserve_seconds=REPLY_SECONDS))


cold_start.finish()
