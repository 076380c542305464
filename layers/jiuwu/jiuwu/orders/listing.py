"""Lists of orders: a member's own, newest first; and the merchant's, by when they changed, which misses nothing.

A list of changes that grows while it is read can hide an entry: one that is stamped before the reader's position, and
written behind it. So the list ends SETTLING_SECONDS before now. By then each write stamped earlier is done or will
never be, and the index has it.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from jiuwu.aws.dynamodb import Table, marshal_fields
from jiuwu.runtime import SYSTEM, Runtime

from .codec import changed_key, changed_shards
from .cursor import Position
from .merging import Entry, ShardPage, merge_pages, select
from .order import Order, Status
from .repository import OrderStore

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MEMBER_INDEX = "member"
CHANGED_INDEX = "changed"

MAX_WRITE_SECONDS = 120  # from the stamp to the write: no function that writes orders lives longer
SKEW_SECONDS = 30  # clocks that differ, a stamp's lost fraction, and the index, which is behind by less than a second
SETTLING_SECONDS = MAX_WRITE_SECONDS + SKEW_SECONDS
# The list up to this second, for a person: it may still change.
UNSETTLED = -1

MEMBER_PAGE = 20
CHANGED_PAGE = 100
_MEMBER_ROUNDS = 5  # of reading, for one request that filters
_FILTERED_PAGE = 500  # index entries of one shard, for one request that filters


class MemberPage(NamedTuple):
    """Some of a member's orders, newest first, and where the rest begins (None: that was all)."""

    orders: list[Order]
    next: Position | None


class Changes(NamedTuple):
    """Which changed orders are listed: from `since` on, before `until` (Unix seconds; 0: no end), and of which kind."""

    since: int = 0
    until: int = 0
    status: Status | None = None
    member_id: str = ""

    @property
    def filters(self) -> bool:
        """Return whether orders may be left out."""
        return bool(self.status or self.member_id)

    def match(self, entry: Entry) -> bool:
        """Return whether an entry of the index is listed."""
        return self.status in (None, entry["status"]) and self.member_id in ("", entry.get("member_id", ""))


class ChangedPage(NamedTuple):
    """Some changed orders, in the order of their changes; where to go on, now if `more`, else later; and up to when
    the list is complete (Unix seconds)."""

    orders: list[Order]
    next: Position
    more: bool
    settled_until: int


class OrderListing:
    """Reads the lists from the indexes, and the orders as they are now."""

    def __init__(
        self,
        dynamodb: "DynamoDBClient",
        table: str,
        store: OrderStore,
        *,
        settling_seconds: int = SETTLING_SECONDS,
        runtime: Runtime = SYSTEM,
    ) -> None:
        self._table, self._store, self._runtime = Table(dynamodb, table, runtime=runtime), store, runtime
        self._settling_seconds = settling_seconds

    def of_member(self, member_id: str, *, status: Status | None = None, start: Position | None = None) -> MemberPage:
        """Return the member's next orders; reading is bounded, so with a status a page may be short or empty."""
        found: list[Order] = []
        for _ in range(_MEMBER_ROUNDS):
            keys, more = self._newest(member_id, start)
            found += [order for order in self._read(keys) if status in (None, order.status)]
            if not more:
                return MemberPage(found, None)
            start = Position(keys[-1]["created_at"], keys[-1]["order_no"])
            if len(found) >= MEMBER_PAGE:
                break
        return MemberPage(found, start)

    def changed(self, wanted: Changes, start: Position | None = None) -> ChangedPage:
        """Return the next changed orders. An order that changes meanwhile appears again later, in its new place."""
        start = start or Position(wanted.since)
        settled = int(self._runtime.clock()) - self._settling_seconds
        end = min(settled, wanted.until or settled)
        pages = [self._shard(shard, start, end, wanted) for shard in changed_shards()] if start.at < end else []
        chosen, last, more = select(merge_pages(pages), wanted.match, CHANGED_PAGE)
        # the state may have moved on since the index had it; then the order comes again, or does not match any more
        orders = [order for order in self._read(chosen) if wanted.status in (None, order.status)]
        return ChangedPage(orders, _position(last) if last else start, more, end)

    def _newest(self, member_id: str, start: Position | None) -> tuple[list[dict[str, Any]], bool]:
        behind = {"member_id": member_id, "created_at": start.at, "order_no": start.order_no} if start else None
        page = self._table.query(
            MEMBER_INDEX,
            "member_id = :member",
            member=member_id,
            limit=MEMBER_PAGE,
            newest_first=True,
            start=marshal_fields(behind) if behind else None,
        )
        return page.items, page.next_start is not None

    def _shard(self, shard: str, start: Position, end: int, wanted: Changes) -> ShardPage:
        after = changed_key(*start)
        limit = _FILTERED_PAGE if wanted.filters else CHANGED_PAGE
        page = self._table.query(
            CHANGED_INDEX,
            "changed_shard = :shard AND #changed BETWEEN :after AND :end",
            shard=shard,
            after=after,
            end=changed_key(end),
            limit=limit + 1,  # BETWEEN includes the order that `start` is behind
        )
        return ShardPage([item for item in page.items if item["changed"] != after], page.next_start is not None)

    def _read(self, entries: Iterable[Mapping[str, Any]]) -> list[Order]:
        """Return the orders of index entries as they are now, in the entries' order."""
        numbers = [entry["order_no"] for entry in entries]
        orders = self._store.get_many(numbers)
        return [orders[number] for number in numbers if number in orders]


def _position(entry: Entry) -> Position:
    at, _, order_no = entry["changed"].partition("#")
    return Position(int(at), order_no)
