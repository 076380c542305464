"""GET /merchant/orders: the orders that changed, in the order of their changes."""

import re

from jiuwu.aws.http.errors import HttpError
from jiuwu.aws.http.request import Request
from jiuwu.members.accounts import is_member_id
from jiuwu.orders.cursor import Scope, encode
from jiuwu.orders.listing import Changes, OrderListing

from .list_query import read_cursor, read_status
from .views import listed_for_merchant

_SECONDS = re.compile(r"[0-9]{1,10}")


def merchant_page(listing: OrderListing, request: Request) -> dict[str, object]:
    """Return the next changed orders, and the cursor for the next request or pull; raise HttpError."""
    query = request.query("since", "until", "status", "member", "cursor")
    wanted = _changes(query)
    scope: Scope = ("merchant", wanted.since, wanted.until, query["status"], wanted.member_id)
    page = listing.changed(wanted, read_cursor(query["cursor"], scope))
    return {
        "orders": [listed_for_merchant(order) for order in page.orders],
        "cursor": encode(page.next, scope),
        "more": page.more,
        "settled_until": page.settled_until,
    }


def _changes(query: dict[str, str]) -> Changes:
    if query["member"] and not is_member_id(query["member"]):
        raise HttpError(400, "member_malformed", "member 应为会员编号 mb_…", "member")
    since, until = _seconds("since", query["since"]), _seconds("until", query["until"])
    if query["until"] and until <= since:
        raise HttpError(400, "period_empty", "until 必须晚于 since", "until")
    return Changes(since, until, read_status(query["status"]), query["member"])


def _seconds(name: str, text: str) -> int:
    if text and not _SECONDS.fullmatch(text):
        raise HttpError(400, "time_malformed", f"{name} 应为 Unix 秒，如 1763800000", name)
    return int(text or 0)
