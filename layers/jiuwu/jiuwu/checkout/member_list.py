"""GET /orders: a member's own orders, newest first."""

from jiuwu.aws.http.request import Request
from jiuwu.orders.cursor import Scope, encode
from jiuwu.orders.listing import OrderListing

from .list_query import read_cursor, read_status
from .views import receipt


def member_page(listing: OrderListing, member_id: str, request: Request) -> dict[str, object]:
    """Return the member's next orders, with a cursor while there may be more; raise HttpError."""
    query = request.query("status", "cursor")
    status = read_status(query["status"])
    scope: Scope = ("member", member_id, query["status"])
    page = listing.of_member(member_id, status=status, start=read_cursor(query["cursor"], scope))
    fields: dict[str, object] = {"orders": [receipt(order) for order in page.orders]}
    return fields | ({"cursor": encode(page.next, scope)} if page.next else {})
