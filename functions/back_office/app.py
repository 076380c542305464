"""BackOffice: the merchant's servers list and read orders, request refunds and change members' points."""

from jiuwu.aws import cold_start  # first: it switches the collector off while the rest loads

# isort: split
from functools import partial
from typing import Annotated, NamedTuple

from aws_lambda_powertools.event_handler import Depends, Response

from jiuwu.aws import clients
from jiuwu.aws.http.router import Call, HttpApi, Reply, current_call
from jiuwu.aws.settings import PlatformSettings, load
from jiuwu.backoff import Contended
from jiuwu.checkout import merchant_errors, replies
from jiuwu.checkout.merchant_key import MerchantKey, authenticate
from jiuwu.checkout.merchant_list import merchant_page
from jiuwu.checkout.merchant_requests import read_points, read_refund, require_known_member
from jiuwu.checkout.refunds import Refunds
from jiuwu.checkout.views import for_merchant, points_for_merchant, refund_receipt
from jiuwu.deadline import NO_DEADLINE
from jiuwu.effects.queue import queue_effects
from jiuwu.members.accounts import Accounts
from jiuwu.orders.ids import is_order_no
from jiuwu.orders.listing import OrderListing
from jiuwu.orders.repository import OrderStore, TableRefused
from jiuwu.orders.state_machine import Policy
from jiuwu.points.ledger import PointsLedger
from jiuwu.runtime import SYSTEM, Runtime


class Settings(PlatformSettings, frozen=True, kw_only=True):
    orders_table: str
    members_table: str
    points_table: str
    effect_queue_url: str
    merchant_key_name: str
    payment_check_seconds: int


class Dependencies(NamedTuple):
    """The dependencies of a request of the merchant."""

    key: MerchantKey
    accounts: Accounts
    store: OrderStore
    listing: OrderListing
    refunds: Refunds
    ledger: PointsLedger
    runtime: Runtime


ApiCall = Annotated[Call[Dependencies], Depends(current_call)]
api = HttpApi("back office", before=[authenticate], errors=merchant_errors.ERRORS, busy=(Contended, TableRefused))


@api.get("/merchant/orders")
def list_orders(call: ApiCall) -> Response[str]:
    """Return a page of the orders that changed, in the order of their changes."""
    return replies.to_merchant(200, "listed", merchant_page(call.dependencies.listing, call.request))


@api.get("/merchant/orders/<order_no>")
def show_order(order_no: str, call: ApiCall) -> Response[str]:
    """Return an order with its money and what is still to be done for it."""
    order = call.dependencies.store.get(order_no) if is_order_no(order_no) else None
    if order is None:
        raise merchant_errors.order_unknown()
    return replies.to_merchant(200, "shown", for_merchant(order), order_no=order_no)


@api.post("/merchant/orders/<order_no>/refunds")
def request_refund(order_no: str, call: ApiCall) -> Response[str]:
    """Request a refund, in part or of all that is left, once per Idempotency-Key."""
    key, (amount_fen, reason) = call.request.idempotency_key, read_refund(call.request)
    result = call.dependencies.refunds.request(order_no, key, amount_fen, reason)
    receipt = refund_receipt(result, key)
    return replies.to_merchant(202, "refund requested", receipt, order_no=order_no, repeated=result.repeated)


@api.get("/merchant/members/<member_id>/points")
def show_points(member_id: str, call: ApiCall) -> Response[str]:
    """Return a member's points and their latest changes."""
    dependencies = call.dependencies
    require_known_member(member_id, dependencies.accounts)
    points = points_for_merchant(dependencies.ledger.balance(member_id), dependencies.ledger.recent(member_id))
    return replies.to_merchant(200, "points", {"member_id": member_id} | points)


@api.post("/merchant/members/<member_id>/points")
def change_points(member_id: str, call: ApiCall) -> Response[str]:
    """Add points, or take them away, once per Idempotency-Key; the balance never falls below zero."""
    key, (points, reason) = call.request.idempotency_key, read_points(call.request)
    dependencies = call.dependencies
    require_known_member(member_id, dependencies.accounts)
    dependencies.ledger.grant(member_id, key, points, at=int(dependencies.runtime.clock()), reason=reason)
    return show_points(member_id, call)


def build(settings: Settings, runtime: Runtime = SYSTEM) -> Dependencies:
    """Return the dependencies for these settings; the AWS clients come from jiuwu.aws.clients."""
    dynamodb = clients.client("dynamodb")
    store = OrderStore(dynamodb, settings.orders_table, runtime=runtime)
    policy = Policy(check_seconds=settings.payment_check_seconds)  # the only rule that a refund needs
    queue = partial(queue_effects, clients.client("sqs"), settings.effect_queue_url)
    return Dependencies(
        key=MerchantKey.of(settings.merchant_key_name, settings.limits_table, runtime),
        accounts=Accounts(dynamodb, settings.members_table),
        store=store,
        listing=OrderListing(dynamodb, settings.orders_table, store, runtime=runtime),
        refunds=Refunds(store, policy, queue=queue, runtime=runtime),
        ledger=PointsLedger(dynamodb, settings.points_table),
        runtime=runtime,
    )


def handle(dependencies: Dependencies, event: object) -> Reply:
    """Return the reply to an API Gateway HTTP API event (payload 2.0)."""
    return api.serve(event, dependencies, NO_DEADLINE)


_dependencies = build(load(Settings))


def handler(event: object, _context: object) -> Reply:
    """Entry point for Lambda."""
    return handle(_dependencies, event)


cold_start.finish()
