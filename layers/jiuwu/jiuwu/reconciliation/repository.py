"""The reconciliation table: how far we have read the platform's list of changed orders, and what each run found."""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from jiuwu.aws.dynamodb import Table
from jiuwu.orders.codec import SHARDS

from .drift import Report
from .page_trail import NOTHING_READ, PageTrail
from .shard_tasks import Lease, ShardTask

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

REPORT_SECONDS = 90 * 86_400
# The platform's clock, and several changes within one second, leave the edge of what was read unsharp.
OVERLAP_SECONDS = 300
# How far back the first run of all looks.
_FIRST_SECONDS = 86_400
# Fewer missed notifications than this may be chance; as many without a single one that came are a silent channel.
_SILENT_FROM = 3


@dataclass(frozen=True, slots=True)
class Cursor:
    """The place where reading goes on: orders changed after `since`, from the platform's `page` on (empty: the first).

    `began` is when this pass over the list began, `seen` the latest change it has met, `skipped` the oldest one that it
    skipped (0: none). Times are Unix seconds. Of the orders met so far, `missed` had to be repaired because no
    notification came, and of `received` some did come. `trail` is the way through the pages of this pass.
    """

    since: int
    page: str = ""
    began: int = 0
    seen: int = 0
    missed: int = 0
    received: int = 0
    skipped: int = 0
    trail: PageTrail = NOTHING_READ

    @property
    def updated_after(self) -> int:
        """Return what to ask the platform for: the same for all pages of a pass."""
        return max(0, self.since - OVERLAP_SECONDS)

    def begin(self, now: int) -> "Cursor":
        """Return the cursor of a pass that begins now, or of the one that was cut off."""
        return self if self.page else replace(self, began=now)

    def restart(self) -> "Cursor":
        """Return the cursor of the same pass from its first page on."""
        return replace(self, page="", missed=0, received=0, skipped=0, trail=NOTHING_READ)

    @property
    def silent(self) -> bool:
        """Return whether notifications went missing and not one came: then the channel itself is broken."""
        return self.missed >= _SILENT_FROM and not self.received

    def skipping(self, changes: Iterable[int]) -> "Cursor":
        """Return the cursor when orders with these changes were left to their notifications, or to those who wrote
        them."""
        return replace(self, skipped=min((at for at in (self.skipped, *changes) if at), default=0))

    def after(self, changes: Iterable[int], next_page: str) -> "Cursor":
        """Return the cursor once a page with these changes is dealt with.

        The last page ends the pass. The next one begins at the latest change, or where this one began if nothing
        changes any more, so that an idle shop reads nothing. It never begins later than our clock explains, or one
        change with a wrong date would hide all that come before it; and never after a change that was skipped, which
        may be known from nowhere else.
        """
        seen = max(self.seen, *changes, 0)
        if next_page:
            return replace(self, page=next_page, seen=seen)
        return self._ended(max(self.since, seen, self.began - OVERLAP_SECONDS), seen)

    def broken_off(self, changes: Iterable[int]) -> "Cursor":
        """Return the cursor when the list leads nowhere new after a page with these changes: the next pass begins at
        the latest one, for the list names the oldest first, and not a moment later."""
        seen = max(self.seen, *changes, 0)
        return self._ended(max(self.since, seen), seen)

    def lag(self, now: int) -> int:
        """Return how many seconds ago the latest change was made that this reading has reached."""
        return max(0, now - max(self.since, min(self.seen, self.began + OVERLAP_SECONDS)))

    def _ended(self, latest: int, seen: int) -> "Cursor":
        reach = min(latest, self.began + OVERLAP_SECONDS)
        return Cursor(min(reach, self.skipped + OVERLAP_SECONDS) if self.skipped else reach, seen=seen)


_NUMBERS = tuple(field.name for field in fields(Cursor) if field.name not in {"page", "trail"})


class Records:
    """The reconciliation table."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._table = Table(client, table)

    def lease(self, task: ShardTask) -> Lease:
        """Return the lease of a task, not taken yet."""
        return Lease(self._table, task)

    def cursor(self, now: int) -> Cursor:
        """Return where the last run came to; a day back for the first of all."""
        item = self._table.get({"record": "cursor"})
        if item is None:
            return Cursor(now - _FIRST_SECONDS)
        numbers = {name: item[name] for name in _NUMBERS if name in item}
        trail = msgspec.json.decode(item["trail"], type=PageTrail) if "trail" in item else NOTHING_READ
        return Cursor(page=item["page"], trail=trail, **numbers)

    def save_cursor(self, cursor: Cursor) -> None:
        """Keep how far a pass came. Its lease lets one at a time do so; what is read twice does no harm."""
        numbers = {name: getattr(cursor, name) for name in _NUMBERS}
        trail = msgspec.json.encode(cursor.trail).decode()
        self._table.put({"record": "cursor", "page": cursor.page, "trail": trail, **numbers})

    def max_shards_ever(self, shards: int) -> int:
        """Return the most due shards there ever were, `shards` and those of writers that know no number included.
        Orders stay in the shard they were written into, so those beyond a number that was lowered are read for ever."""
        shards = max(shards, SHARDS)
        key = {"record": "shards"}
        known: int = (self._table.get(key) or {}).get("due", 0)
        if known >= shards:
            return known
        raised = self._table.put_if({**key, "due": shards}, "attribute_not_exists(due) OR due < :shards", shards=shards)
        return int(raised.item["due"])

    def save_report(self, report: Report, *, now: float, part: str) -> str:
        """Keep a part's report for 90 days; return its key."""
        record = f"report#{datetime.fromtimestamp(now, UTC).isoformat(timespec='milliseconds')}#{part}"
        self._table.put(
            {
                "record": record,
                "counts": report.counts,
                "incomplete": bool(report.problems),
                "report": msgspec.json.encode(report.as_dict()).decode(),
                "expires_at": int(now) + REPORT_SECONDS,
            }
        )
        return record
