"""Write products to the table: only attributes that differ, and never those that others keep there."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import batched
from typing import TYPE_CHECKING, Any

from jiuwu.aws.dynamodb import marshal
from jiuwu.catalogue.repository import Item, Rows
from jiuwu.runtime import SYSTEM, Runtime
from jiuwu_cli.products.change import Change
from jiuwu_cli.products.price_list import DesiredValues, Entry
from jiuwu_cli.terminal.errors import CommandError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_READS_AT_ONCE = 100
_WRITES_AT_ONCE = 25  # BatchExecuteStatement's limit
_ROUNDS = 6
_KEPT = 50  # changes to print
_FIRST_WAIT_SECONDS = 0.1
# Throttled, or another writer changed the row between our read and our write: read again.
_AGAIN = {
    "ConditionalCheckFailed",
    "DuplicateItem",
    "InternalServerError",
    "ProvisionedThroughputExceeded",
    "RequestLimitExceeded",
    "ThrottlingError",
    "TransactionConflict",
}


@dataclass(slots=True)
class WriteSummary:
    """The writes that were, or would be, made: product ids, and of the first ones what changes."""

    new: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: int = 0
    first: list[Change] = field(default_factory=list)

    @property
    def more(self) -> int:
        """Return how many are not among the first."""
        return len(self.new) + len(self.changed) - len(self.first)

    def add(self, change: Change) -> None:
        """One more product is, or would be, written."""
        (self.changed if change.before is not None else self.new).append(change.product_id)
        if len(self.first) < _KEPT:
            self.first.append(change)

    def __str__(self) -> str:
        return f"{len(self.new)} new, {len(self.changed)} changed, {self.unchanged} unchanged"


def changes(items: Mapping[str, Item], entries: Iterable[Entry]) -> Iterator[Change]:
    """Yield what the entries would change of these rows."""
    for entry in entries:
        before = items.get(entry.product_id)
        if written := _changes(before, entry):
            yield Change(entry.product_id, before, written)


class ProductWriter:
    """Makes rows what entries want; the rest of each row stays as it is. A new row is on the shelf unless its entry
    says otherwise. `dry_run` only says what would be written."""

    def __init__(
        self,
        dynamodb: "DynamoDBClient",
        table: str,
        *,
        dry_run: bool = False,
        runtime: Runtime = SYSTEM,
    ) -> None:
        self._dynamodb, self._table, self._dry_run, self._sleep = dynamodb, table, dry_run, runtime.sleep
        self._rows = Rows(dynamodb, table)

    def write(self, entries: Iterable[Entry]) -> WriteSummary:
        """The same again writes nothing. Raises CommandError when DynamoDB refuses."""
        written = WriteSummary()
        for group in batched(entries, _READS_AT_ONCE, strict=False):
            waiting: Sequence[Entry] = group
            for attempt in range(_ROUNDS):
                if attempt:
                    self._sleep(_FIRST_WAIT_SECONDS * 2**attempt)
                if not (waiting := self._round(waiting, written)):
                    break
            else:
                raise CommandError("DynamoDB is throttled", "run the command again; it continues where it stopped")
        return written

    def _round(self, entries: Sequence[Entry], written: WriteSummary) -> list[Entry]:
        """Writes what differs; returns the entries to look at again."""
        found = self._rows.get_many(entry.product_id for entry in entries)
        differing = [entry for entry in entries if _changes(found.get(entry.product_id), entry)]
        written.unchanged += len(entries) - len(differing)
        again: list[Entry] = []
        for some in batched(differing, _WRITES_AT_ONCE, strict=False):
            for entry, code in zip(some, self._codes(found, some), strict=True):
                if code in _AGAIN:
                    again.append(entry)
                elif code:
                    hint = "check your permissions on the table"
                    raise CommandError(f"DynamoDB refused to write {entry.product_id} ({code})", hint)
                else:
                    before = found.get(entry.product_id)
                    written.add(Change(entry.product_id, before, _changes(before, entry)))
        return again

    def _codes(self, found: Mapping[str, Item], entries: Sequence[Entry]) -> list[str]:
        """The error code of each write, "" where it was done."""
        if self._dry_run:
            return [""] * len(entries)
        statements: Any = [_statement(self._table, found.get(entry.product_id), entry) for entry in entries]
        replies = self._dynamodb.batch_execute_statement(Statements=statements)["Responses"]
        return [str(reply.get("Error", {}).get("Code", "")) for reply in replies]


def _changes(item: Item | None, entry: Entry) -> DesiredValues:
    """Return the part of the wanted values that has to be written."""
    if item is None:
        whole = {"on_shelf": True, **entry.wanted}
        return {name: value for name, value in whole.items() if value is not None}
    return {name: value for name, value in entry.wanted.items() if _differs(item, name, value)}


def _differs(item: Item, name: str, value: object) -> bool:
    if value is None:
        return name in item  # also where it holds NULL
    # a yes is no 1, though Python has them equal
    return (type(value), value) != (type(item.get(name)), item.get(name))


def _statement(table: str, item: Item | None, entry: Entry) -> dict[str, Any]:
    changes, product_id = _changes(item, entry), entry.product_id
    values = [value for value in changes.values() if value is not None]
    if item is None:
        names = "".join(f", '{name}': ?" for name in changes)
        statement = f"INSERT INTO \"{table}\" VALUE {{'product_id': ?{names}}}"
        return {"Statement": statement, "Parameters": [marshal(value) for value in (product_id, *values)]}
    sets = "".join(f' SET "{name}"=?' for name, value in changes.items() if value is not None)
    removes = "".join(f' REMOVE "{name}"' for name, value in changes.items() if value is None)
    # unlike UpdateItem, this makes no row where there is none
    return {
        "Statement": f'UPDATE "{table}"{sets}{removes} WHERE "product_id"=?',
        "Parameters": [marshal(value) for value in (*values, product_id)],
    }
