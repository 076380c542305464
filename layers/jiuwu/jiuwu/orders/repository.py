"""The orders table. One way to read and one way to write, used by every function."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import batched
from typing import TYPE_CHECKING, Any

from jiuwu.aws.dynamodb import Table, TableBusy, marshal
from jiuwu.backoff import CONTENTION, THROTTLED
from jiuwu.runtime import SYSTEM, Runtime

from .changes import is_news
from .codec import SHARDS, changed_fields, from_item, key, shard_of, to_item
from .order import Order

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

DUE_INDEX = "due"
DAYS_INDEX = "days"

_WRITES_AT_ONCE = 25  # BatchExecuteStatement's limit

# Worth another try with the same words: the version they name keeps a write that did happen from happening twice.
_TRANSIENT = {
    "InternalServerError",
    "ProvisionedThroughputExceeded",
    "RequestLimitExceeded",
    "ThrottlingError",
    "TransactionConflict",
}
# The version moved on (or DynamoDB refuses this one item); the order's own reader must see what that means.
_LOST = {"ConditionalCheckFailed", "ItemCollectionSizeLimitExceeded", "ValidationError"}

# Set by the statement itself.
_WRITTEN_BESIDE = {"version", "changed", "changed_shard"}

Pair = tuple[Order, Order]


class TableRefused(Exception):
    """DynamoDB refused a statement for a reason that no retry changes; carries its code."""


@dataclass(frozen=True, slots=True)
class DueOrders:
    """Some due orders, oldest first, and where the rest begins (None: that was all)."""

    order_nos: tuple[str, ...]
    next_start: Mapping[str, Any] | None


class OrderStore:
    """Orders by number; `shards` is how many parts of the due index they are written into."""

    def __init__(
        self,
        dynamodb: "DynamoDBClient",
        table: str,
        *,
        shards: int = SHARDS,
        runtime: Runtime = SYSTEM,
    ) -> None:
        self._dynamodb: Any = dynamodb
        self._table, self._shards, self._runtime = Table(dynamodb, table, runtime=runtime), shards, runtime

    def get(self, order_no: str) -> Order | None:
        """Return the order as it is now, or None."""
        return self.get_many([order_no]).get(order_no)

    def get_many(self, order_nos: Iterable[str]) -> dict[str, Order]:
        """Return the orders that exist, as they are now. Raise TableBusy."""
        found = map(from_item, self._table.get_many(key(number) for number in dict.fromkeys(order_nos)))
        return {order.order_no: order for order in found}

    def create(self, order: Order) -> Order:
        """Put a new order; return what stands in the table now: it, or the one that was there under its number."""
        stored = replace(order, version=1, changed_at=int(self._runtime.clock()))
        written = self._table.put_if(to_item(stored, self._shards), "attribute_not_exists(order_no)")
        return stored if written.done else from_item(written.item)

    def save_many(self, pairs: Iterable[Pair]) -> set[str]:
        """Write each (order as read, order as it shall be), if nobody has written it since; one request per 25.

        Return the numbers of the orders not written: read and decide those once more. A pair without a difference costs
        nothing. Raise TableRefused.
        """
        lost: set[str] = set()
        changed = [pair for pair in pairs if _changes(*pair)]
        _refuse_duplicates(changed)
        for group in batched(changed, _WRITES_AT_ONCE, strict=False):
            lost |= self._write(list(group))
        return lost

    def claim_check(self, order_no: str, now: int, *, since: int) -> bool:
        """Note that this order is checked with the platform now; False if that was noted after `since` (Unix seconds).

        Leave the version alone, so that no other writer of the order loses a round to a member who looks.
        """
        free = "attribute_exists(order_no) AND (attribute_not_exists(checked_at) OR checked_at <= :since)"
        return self._table.update_if(key(order_no), "SET checked_at = :now", free, now=now, since=since).done

    def rounds(self) -> Iterator[int]:
        """Yield rounds of reading, deciding and writing; the caller leaves them once `save_many` has lost nothing."""
        return CONTENTION.attempts(self._runtime)

    def _written_by_retry(self, lost: list[Pair]) -> set[str]:
        """Return those that stand in the table just as we wanted them: a reply was lost, and the retried request found
        its own write. Counted as lost, the caller would take its own event for a second delivery.

        Checked only where a request was retried: otherwise another process took in the same event at the same
        instant, and both would count it and ask for its effects.
        """
        try:
            current = self.get_many(old.order_no for old, _ in lost) if lost else {}
        except TableBusy:
            return set()
        return {old.order_no for old, new in lost if current.get(old.order_no) == replace(new, version=old.version + 1)}

    def due(self, shard: str, now: int, *, limit: int = 100, start: Mapping[str, Any] | None = None) -> DueOrders:
        """Return the orders of a shard that are due by `now` (Unix seconds)."""
        due = "due_shard = :shard AND due_at <= :now"
        page = self._table.query(DUE_INDEX, due, shard=shard, now=now, limit=limit, start=start)
        return DueOrders(tuple(item["order_no"] for item in page.items), page.next_start)

    def of_day(self, day_shard: str, *, after: str = "", limit: int = 1000) -> tuple[str, ...]:
        """Return the next order numbers of a day's part (codec.day_shards) after `after`, sorted; none at the end."""
        condition = "day_shard = :shard" + (" AND order_no > :after" if after else "")
        values: dict[str, Any] = {"shard": day_shard, **({"after": after} if after else {})}
        page = self._table.query(DAYS_INDEX, condition, limit=limit, **values)
        return tuple(item["order_no"] for item in page.items)

    def _write(self, pairs: list[Pair]) -> set[str]:
        """Write in rounds until each statement is done or lost; what stays throttled counts as lost."""
        lost: set[str] = set()
        for attempt in THROTTLED.attempts(self._runtime):
            # stamped anew in each round: orders/listing.py relies on a stamp being as old as one request at most
            now = int(self._runtime.clock())
            reply = self._dynamodb.batch_execute_statement(
                Statements=[_statement(self._table.name, self._shards, now, *pair) for pair in pairs]
            )
            codes = [answer.get("Error", {}).get("Code", "") for answer in reply["Responses"]]
            lost |= _lost(pairs, codes)
            if attempt or _was_retried(reply):
                lost -= self._written_by_retry([pair for pair in pairs if pair[0].order_no in lost])
            pairs = [pair for pair, code in zip(pairs, codes, strict=True) if code in _TRANSIENT]
            if not pairs:
                return lost
        return lost | {old.order_no for old, _ in pairs}


def _refuse_duplicates(pairs: Sequence[Pair]) -> None:
    """Raise ValueError for two writes of one order: DynamoDB refuses a whole request over them."""
    counts = Counter(old.order_no for old, _ in pairs)
    if duplicates := [order_no for order_no, count in counts.items() if count > 1]:
        raise ValueError(f"more than one write of {', '.join(duplicates)}")


def _lost(pairs: Sequence[Pair], codes: Sequence[str]) -> set[str]:
    unexpected = sorted({code for code in codes if code and code not in _TRANSIENT | _LOST})
    if unexpected:
        raise TableRefused(", ".join(unexpected))
    return {old.order_no for (old, _), code in zip(pairs, codes, strict=True) if code in _LOST}


def _was_retried(reply: Mapping[str, Any]) -> bool:
    """Return whether botocore sent the request more than once before this reply came."""
    return bool(reply.get("ResponseMetadata", {}).get("RetryAttempts"))


def _changes(old: Order, new: Order) -> dict[str, Any]:
    """Return what the write must set, and (None) remove."""
    if old.order_no != new.order_no:
        raise ValueError(f"{old.order_no} cannot become {new.order_no}")
    if old is new:
        return {}
    before, after = to_item(old), to_item(new)
    names = sorted((before.keys() | after.keys()) - _WRITTEN_BESIDE)
    return {name: after.get(name) for name in names if before.get(name) != after.get(name)}


def _statement(table: str, shards: int, now: int, old: Order, new: Order) -> dict[str, Any]:
    """Return the statement of one write. Names are quoted, because `status` and others are reserved words; values are
    parameters."""
    changes = _changes(old, new) | {"version": old.version + 1}
    if new.due_at and "due_at" in changes:
        # it moves in the index anyway: now is when it goes to where this many shards have it
        changes |= {"due_shard": shard_of(new.order_no, shards)}
    if is_news(old, new):
        changes |= changed_fields(new.order_no, now)
    sets = "".join(f' SET "{name}"=?' for name, value in changes.items() if value is not None)
    removes = "".join(f' REMOVE "{name}"' for name, value in changes.items() if value is None)
    values = [value for value in changes.values() if value is not None] + [old.order_no, old.version]
    return {
        "Statement": f'UPDATE "{table}"{sets}{removes} WHERE "order_no"=? AND "version"=?',
        "Parameters": [marshal(value) for value in values],
    }
