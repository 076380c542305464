"""The dead-letter table: one item per dead letter, an index by kind and time in shards, and one by order."""

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from jiuwu.aws.dynamodb import Table
from jiuwu.backoff import Contended

from .dead_letter import DeadLetter, dead_letter_id, keep
from .failed_message import FailedMessage, Kind

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEPT_SECONDS = 180 * 86_400
# A flood of one kind (the platform changed its format) is as many writes as notifications; a partition takes 1,000/s.
SHARDS = 8
BY_KIND, BY_ORDER = "by_kind", "by_order"

# An item is at most 400 KB. Bodies are at most 256 KiB, but characters that SQS refuses travel as escapes of double
# length; those shrink to less than they were.
_DEFLATED_FROM = 300_000
_ROUNDS = 4
_REDRIVEN = "SET redriven_at = :at, redriven_as = :as, redriven_after = :failures ADD redrives :one, version :one"

type Item = dict[str, Any]


class DeadLettersBusy(Contended):
    """Others kept writing the dead letter; nothing was kept, so the message has to be redelivered."""


class DeadLetterRepository:
    """Letters by id."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str) -> None:
        self._table = Table(dynamodb, table)

    def get(self, id_: str) -> DeadLetter | None:
        """Return the whole dead letter, or None."""
        item = self._table.get({"dead_letter_id": id_})
        return from_item(item) if item else None

    def keep(self, message: FailedMessage) -> DeadLetter:
        """Add a failure to its dead letter, once per message; return the dead letter. Raise DeadLettersBusy."""
        for _ in range(_ROUNDS):
            before = self.get(dead_letter_id(message))
            after = keep(before, message)
            if after is None and before is not None:
                return before
            if after is not None and self._put(after):
                return after
        raise DeadLettersBusy(dead_letter_id(message))

    def redriven(self, dead_letter: DeadLetter, *, as_: str, at: int) -> None:
        """Note that a dead letter, as it was read, was sent back to its queue under this delivery id."""
        # the version moves, so that a failure kept at the same instant does not write over this
        values = {"at": at, "as": as_, "failures": dead_letter.failures, "one": 1}
        self._table.update_if(
            {"dead_letter_id": dead_letter.dead_letter_id}, _REDRIVEN, "attribute_exists(dead_letter_id)", **values
        )

    def of_kind(self, kind: Kind, *, since: int = 0) -> Iterator[DeadLetter]:
        """Return the dead letters of a kind whose last failure was at `since` (Unix seconds) or later; no bodies."""
        condition = "kind_shard = :shard AND last_at >= :since"
        shards = (self._table.query_all(BY_KIND, condition, shard=f"{kind}#{n}", since=since) for n in range(SHARDS))
        return map(from_item, chain.from_iterable(shards))

    def about(self, order_no: str) -> Iterator[DeadLetter]:
        """Return the dead letters about an order, oldest failure first, without their bodies."""
        return map(from_item, self._table.query_all(BY_ORDER, "order_no = :order", order=order_no))

    def _put(self, dead_letter: DeadLetter) -> bool:
        """Return whether the dead letter was written: not when another process wrote it since it was read."""
        item = to_item(replace(dead_letter, version=dead_letter.version + 1))
        if dead_letter.version:
            return self._table.put_if(item, "version = :version", version=dead_letter.version).done
        return self._table.put_if(item, "attribute_not_exists(dead_letter_id)").done


def to_item(dead_letter: DeadLetter) -> Item:
    """Return the dead letter's item; what is empty or zero has no attribute."""
    item: Item = {name: value for name in _TEXTS + _NUMBERS if (value := getattr(dead_letter, name))}
    deflated = len(dead_letter.body) > _DEFLATED_FROM
    body = zlib.compress(dead_letter.body) if deflated else dead_letter.body
    shard = zlib.crc32(dead_letter.dead_letter_id.encode()) % SHARDS
    return item | {
        "messages": dead_letter.messages,
        "body": body,
        "kind_shard": f"{dead_letter.kind}#{shard}",
        "expires_at": dead_letter.last_at + KEPT_SECONDS,
        **({"deflated": True} if deflated else {}),
    }


def from_item(item: Mapping[str, Any]) -> DeadLetter:
    """Return the dead letter that an item holds; an index has it without body and messages."""
    body = item.get("body", b"")
    values: dict[str, Any] = {name: item.get(name, "") for name in _TEXTS}
    values |= {name: item.get(name, 0) for name in _NUMBERS}
    messages = tuple(item.get("messages", ()))
    body = zlib.decompress(body) if "deflated" in item else body
    return DeadLetter(**values | {"kind": Kind(values["kind"]), "body": body, "messages": messages})


_NUMBERS = tuple(field.name for field in fields(DeadLetter) if field.type is int)
_TEXTS = tuple(field.name for field in fields(DeadLetter) if field.type in (str, Kind))
