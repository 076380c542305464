"""The rows of the products table: what the merchant sells, and how far the platform has heard of it.

A row is written by the merchant (product_id, title, price_fen, on_shelf, price_points) and marked by ProductSync
(synced_hash, synced_at, refused). Each touches its own attributes only, and a mark is made only while the row still
says what the platform was told, so neither undoes the other.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING, Any

from jiuwu.human_text import first_hidden
from jiuwu.orders.repository import pause
from jiuwu.platform.money import MOST_FEN
from jiuwu.runtime import SYSTEM, Runtime

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LONGEST_ID = 64

_READS_AT_ONCE = 100  # BatchGetItem's limit
_ROUNDS = 4

Item = Mapping[str, Any]


class ProductsBusy(Exception):
    """The products table did not hand everything out in time; the same request may succeed a little later."""


class RowMalformed(Exception):
    """A row that cannot be sold nor pushed: its `field` is missing or wrong; never shows the value."""

    def __init__(self, product_id: str, field: str) -> None:
        super().__init__(f"{product_id}: {field}")
        self.product_id, self.field = product_id, field


@dataclass(frozen=True, slots=True)
class Product:
    """A product; `price_points` 0 means that points do not buy it.

    `synced_hash` is the digest of what the platform last answered to, `synced_at` (Unix seconds) when that was, or when
    it was last seen to be so; `refused` is why the platform did not take it, as it said.
    """

    product_id: str
    title: str
    price_fen: int
    on_shelf: bool
    price_points: int = 0
    synced_hash: str = ""
    synced_at: int = 0
    refused: str = ""

    @property
    def digest(self) -> str:
        """Of what the platform is told: a change of it has to be pushed."""
        content = json.dumps([self.title, self.price_fen, self.on_shelf], ensure_ascii=True)
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    @property
    def changed(self) -> bool:
        """Whether the platform has not answered to this yet."""
        return self.synced_hash != self.digest


def from_item(item: Item) -> Product:
    """The product in a row; raises RowMalformed."""
    product_id = item["product_id"]["S"]
    if not is_id(product_id):
        raise RowMalformed(product_id, "product_id")
    content = {
        "title": item.get("title", {}).get("S"),
        "price_fen": _whole(item.get("price_fen", {}).get("N", ""), most=MOST_FEN),
        "on_shelf": item.get("on_shelf", {}).get("BOOL"),
        "price_points": _whole(item["price_points"].get("N", "")) if "price_points" in item else 0,
    }
    for field, value in content.items():
        if value is None or value == "" or (field == "price_fen" and value == 0):
            raise RowMalformed(product_id, field)
    return Product(
        product_id,
        **content,
        synced_hash=item.get("synced_hash", {}).get("S", ""),
        synced_at=_whole(item.get("synced_at", {}).get("N", "")) or 0,
        refused=item.get("refused", {}).get("S", ""),
    )


def is_id(text: str) -> bool:
    """Whether a basket and a path of the platform can carry this product id."""
    return 1 <= len(text) <= LONGEST_ID and first_hidden(text) is None and text not in (".", "..")


def _whole(digits: str, most: int = 10**15) -> int | None:
    # DynamoDB writes whole numbers without point or exponent
    return int(digits) if digits.isdecimal() and len(digits) <= 16 and int(digits) <= most else None


class Rows:
    """The products table, read in pages; the writing of what merchants say is theirs (`jiuwu products`)."""

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        *,
        runtime: Runtime = SYSTEM,
    ) -> None:
        self._client, self._table, self._sleep, self._rand = client, table, runtime.sleep, runtime.random

    def page(self, start: str = "", *, limit: int = 100) -> tuple[list[Item], str]:
        """Some rows after the product `start` ("": the first ones), and after which one to go on ("": that was all)."""
        after: dict[str, Any] = {"ExclusiveStartKey": {"product_id": {"S": start}}} if start else {}
        reply = self._client.scan(TableName=self._table, Limit=limit, **after)
        return list(reply["Items"]), str(reply.get("LastEvaluatedKey", {}).get("product_id", {}).get("S", ""))

    def every(self) -> Iterator[Item]:
        """All rows, page by page."""
        items, start = self.page(limit=1000)
        yield from items
        while start:
            items, start = self.page(start, limit=1000)
            yield from items

    def get_many(self, product_ids: Iterable[str], *, consistent: bool = True) -> dict[str, Item]:
        """The rows of these products that exist, as they are now or (if not `consistent`, for half the units) were a
        moment ago; raises ProductsBusy."""
        found: dict[str, Item] = {}
        for some in batched(dict.fromkeys(product_ids), _READS_AT_ONCE, strict=False):
            keys: Any = [{"product_id": {"S": product_id}} for product_id in some]
            found |= {item["product_id"]["S"]: item for item in self._read(keys, consistent)}
        return found

    def mark(self, product: Product, *, at: int, refused: str = "") -> bool:
        """Notes that the platform answered to the product as it is here; False when the row says something else now."""
        values = {
            ":title": {"S": product.title},
            ":price": {"N": str(product.price_fen)},
            ":shelf": {"BOOL": product.on_shelf},
            ":hash": {"S": product.digest},
            ":at": {"N": str(at)},
        } | ({":why": {"S": refused}} if refused else {})
        reason = ", refused = :why" if refused else " REMOVE refused"
        try:
            self._client.update_item(
                TableName=self._table,
                Key={"product_id": {"S": product.product_id}},
                UpdateExpression=f"SET synced_hash = :hash, synced_at = :at{reason}",
                ConditionExpression="title = :title AND price_fen = :price AND on_shelf = :shelf",
                ExpressionAttributeValues=values,  # type: ignore[arg-type]
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _read(self, keys: Any, consistent: bool) -> Iterator[Item]:  # noqa: ANN401, FBT001 -- boto3's
        for attempt in range(_ROUNDS):
            if attempt:
                self._sleep(pause(attempt, self._rand))
            wanted: Any = {self._table: {"Keys": keys, "ConsistentRead": consistent}}
            reply: Any = self._client.batch_get_item(RequestItems=wanted)
            yield from reply["Responses"].get(self._table, [])
            keys = reply["UnprocessedKeys"].get(self._table, {}).get("Keys", [])
            if not keys:
                return
        raise ProductsBusy
