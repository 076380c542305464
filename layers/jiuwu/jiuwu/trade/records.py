"""The reconciliation table: how far we have read the platform's list of changed orders, and what each run found."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from .drift import Report

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

REPORT_SECONDS = 90 * 86_400
# The platform's clock, and several changes within one second, leave the edge of what was read unsharp.
OVERLAP_SECONDS = 300
# How far back the first run of all looks.
_FIRST_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where reading goes on: the orders changed after `since`, from the platform's `page` on (empty: the first).

    `began` is when this pass over the list began, `seen` the latest change it has met. Times are Unix seconds.
    """

    since: int
    page: str = ""
    began: int = 0
    seen: int = 0

    @property
    def updated_after(self) -> int:
        """What to ask the platform for: the same for all pages of a pass."""
        return max(0, self.since - OVERLAP_SECONDS)

    def begin(self, now: int) -> "Cursor":
        """The cursor of a pass that begins now, or of the one that was cut off."""
        return self if self.page else replace(self, began=now)

    def after(self, changes: Iterable[int], next_page: str) -> "Cursor":
        """The cursor once a page with these changes is dealt with. The last page ends the pass: the next one begins
        at the latest change, or where this one began if nothing changes any more, so that an idle shop reads nothing;
        and never later than our clock explains, or one change with a wrong date would hide all that come before it.
        """
        seen = max(self.seen, *changes, 0)
        if next_page:
            return replace(self, page=next_page, seen=seen)
        latest = max(self.since, seen, self.began - OVERLAP_SECONDS)
        return Cursor(min(latest, self.began + OVERLAP_SECONDS), seen=seen)


class Records:
    """The reconciliation table."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client, self._table = client, table

    def cursor(self, now: int) -> Cursor:
        """Where the last run came to; a day back for the first of all."""
        key = {"record": {"S": "cursor"}}
        item = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")
        if item is None:
            return Cursor(now - _FIRST_SECONDS)
        return Cursor(int(item["since"]["N"]), item["page"]["S"], int(item["began"]["N"]), int(item["seen"]["N"]))

    def save_cursor(self, cursor: Cursor) -> None:
        """Keeps how far a run came. Of two at once the later writer wins: what it reads again does no harm."""
        numbers = {name: {"N": str(value)} for name, value in asdict(cursor).items() if name != "page"}
        item = {"record": {"S": "cursor"}, "page": {"S": cursor.page}} | numbers
        self._client.put_item(TableName=self._table, Item=item)

    def place(self, record: str) -> str:
        """Where a pass over another table goes on ("": at its beginning)."""
        key = {"record": {"S": record}}
        item = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item", {})
        return str(item.get("place", {}).get("S", ""))

    def save_place(self, record: str, place: str) -> None:
        """Keeps how far a pass came. Of two at once the later writer wins: what it does again does no harm."""
        self._client.put_item(TableName=self._table, Item={"record": {"S": record}, "place": {"S": place}})

    def save_report(self, report: Report, *, now: float) -> str:
        """Keeps a report for 90 days; returns its key."""
        record = "report#" + datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")
        counts = {class_: {"N": str(count)} for class_, count in report.counts.items()}
        self._client.put_item(
            TableName=self._table,
            Item={
                "record": {"S": record},
                "counts": {"M": counts},
                "incomplete": {"BOOL": bool(report.problems)},
                "report": {"S": msgspec.json.encode(report.as_dict()).decode()},
                "expires_at": {"N": str(int(now) + REPORT_SECONDS)},
            },
        )
        return record
