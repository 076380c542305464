"""Storefront: the merchant's app places, lists, reads and cancels orders for its members, and reads their points."""

from jiuwu.aws import cold_start  # first: it switches the collector off while the rest loads

# isort: split
from typing import TYPE_CHECKING, Annotated, NamedTuple

from aws_lambda_powertools.event_handler import Depends, Response

from jiuwu.aws import clients
from jiuwu.aws.dynamodb import TableBusy
from jiuwu.aws.http.router import REPLY_SECONDS, HttpApi, Reply, json_response
from jiuwu.aws.settings import load
from jiuwu.bootstrap import MembersPlatform
from jiuwu.catalogue.pricing import NotForSale, Products
from jiuwu.catalogue.repository import Rows
from jiuwu.checkout import member_errors, replies
from jiuwu.checkout.cart import read_basket
from jiuwu.checkout.checkout import Checkout
from jiuwu.checkout.member_list import member_page
from jiuwu.checkout.views import points_receipt
from jiuwu.deadline import Deadline
from jiuwu.members.accounts import Accounts
from jiuwu.members.logins import Sessions
from jiuwu.members.member_request import MemberCall, member_call
from jiuwu.orders.listing import OrderListing
from jiuwu.orders.repository import OrderStore, TableRefused
from jiuwu.orders.settings import PlacingSettings
from jiuwu.runtime import SYSTEM, Runtime

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


class Settings(PlacingSettings, frozen=True, kw_only=True):
    products_table: str
    logins_table: str


class Dependencies(NamedTuple):
    """The dependencies of serving a request."""

    sessions: Sessions
    checkout: Checkout
    listing: OrderListing
    platform: MembersPlatform


LoggedIn = Annotated[MemberCall[Dependencies], Depends(member_call)]
api = HttpApi("storefront", errors=member_errors.ERRORS, busy=(TableBusy, TableRefused))


@api.post("/orders")
def place_order(call: LoggedIn) -> Response[str]:
    """Place the order of this request, once per Idempotency-Key; 202 while the platform does not have it yet."""
    key, basket = call.request.idempotency_key, read_basket(call.request)
    try:
        order, new = call.dependencies.checkout.buy(call.member_id, key, basket, call.deadline)
    except NotForSale as unsold:
        raise member_errors.not_for_sale(unsold, basket) from None
    return replies.placed(order, new=new)


@api.get("/orders")
def list_orders(call: LoggedIn) -> Response[str]:
    """Return a page of the member's own orders, newest first, as they stand in our table."""
    return json_response(200, member_page(call.dependencies.listing, call.member_id, call.request))


@api.get("/points")
def show_points(call: LoggedIn) -> Response[str]:
    """Return the member's points and their latest changes."""
    ledger = call.dependencies.platform.ledger
    return json_response(200, points_receipt(ledger.balance(call.member_id), ledger.recent(call.member_id)))


@api.get("/orders/<order_no>")
def show_order(order_no: str, call: LoggedIn) -> Response[str]:
    """Return an order as the platform has it now, or as it stands in our table."""
    checkout = call.dependencies.checkout
    order = checkout.own(call.member_id, order_no)
    return replies.shown("shown", checkout.checked_or_stored(order, call.deadline))


@api.post("/orders/<order_no>/cancel")
def cancel_order(order_no: str, call: LoggedIn) -> Response[str]:
    """Cancel an order that is not paid, once the platform has agreed."""
    checkout = call.dependencies.checkout
    order = checkout.cancel(checkout.own(call.member_id, order_no), call.deadline)
    return replies.shown("cancelled", order)


def build(settings: Settings, platform: MembersPlatform, runtime: Runtime = SYSTEM) -> Dependencies:
    """Return the dependencies for these settings; the AWS clients come from jiuwu.aws.clients."""
    dynamodb = clients.client("dynamodb")
    store = OrderStore(dynamodb, settings.orders_table, shards=settings.due_shards, runtime=runtime)
    return Dependencies(
        sessions=Sessions(dynamodb, settings.logins_table, runtime=runtime),
        checkout=Checkout(
            settings,
            store=store,
            products=Products(Rows(dynamodb, settings.products_table), runtime=runtime),
            accounts=Accounts(dynamodb, settings.members_table),
            platform=platform,
            sqs=clients.client("sqs"),
            runtime=runtime,
        ),
        listing=OrderListing(dynamodb, settings.orders_table, store, runtime=runtime),
        platform=platform,
    )


def handle(dependencies: Dependencies, event: object, deadline: Deadline) -> Reply:
    """Return the reply to an API Gateway HTTP API event: an order, points, or an error in Chinese with its reason."""
    return api.serve(event, dependencies, deadline)


_settings = load(Settings)
_dependencies = build(_settings, MembersPlatform.of(_settings))


def handler(event: object, context: "LambdaContext") -> Reply:
    """Entry point for Lambda."""
    return handle(_dependencies, event, Deadline.of(context, reserve_seconds=REPLY_SECONDS))


cold_start.finish()
