"""The rows of the products table: what the merchant sells, and how far the platform has heard of it.

A row is written by the merchant (product_id, title, price_fen, on_shelf, price_points) and marked by ProductSync
(synced_hash, synced_at, refused). Each touches its own attributes only, and a mark is made only while the row still
has the content that was pushed, so neither undoes the other.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jiuwu.aws.dynamodb import Table, marshal_fields, unmarshal_fields
from jiuwu.human_text import first_hidden
from jiuwu.platform.money import MAX_FEN
from jiuwu.runtime import SYSTEM, Runtime

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MAX_ID_CHARACTERS = 64

Item = Mapping[str, Any]


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
        """Return the digest of the content at the platform: a change of it has to be pushed."""
        content = json.dumps([self.title, self.price_fen, self.on_shelf], ensure_ascii=True)
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    @property
    def changed(self) -> bool:
        """Return whether the platform has not answered to this yet."""
        return self.synced_hash != self.digest


def from_item(item: Item) -> Product:
    """Return the product in a row; raise RowMalformed."""
    product_id = item["product_id"]
    if not is_id(product_id):
        raise RowMalformed(product_id, "product_id")
    content = {
        "title": _of(str, item.get("title")),
        "price_fen": _whole(item.get("price_fen"), maximum=MAX_FEN),
        "on_shelf": _of(bool, item.get("on_shelf")),
        "price_points": _whole(item.get("price_points", 0)),
    }
    for field, value in content.items():
        if value is None or value == "" or (field == "price_fen" and value == 0):
            raise RowMalformed(product_id, field)
    return Product(
        product_id,
        **content,
        synced_hash=_of(str, item.get("synced_hash")) or "",
        synced_at=_whole(item.get("synced_at")) or 0,
        refused=_of(str, item.get("refused")) or "",
    )


def is_id(text: str) -> bool:
    """Return whether a basket and a path of the platform can carry this product id."""
    return 1 <= len(text) <= MAX_ID_CHARACTERS and first_hidden(text) is None and text not in (".", "..")


def _of(kind: type, value: object) -> Any:  # noqa: ANN401 -- of that kind, or None
    return value if type(value) is kind else None


def _whole(value: object, maximum: int = 10**15) -> int | None:
    number: int | None = _of(int, value)
    return number if number is not None and 0 <= number <= maximum else None


class Rows:
    """The products table, read in pages; the writing of what merchants say is theirs (`jiuwu products`)."""

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        *,
        runtime: Runtime = SYSTEM,
    ) -> None:
        self._table = Table(client, table, runtime=runtime)

    def page(self, start: str = "", *, limit: int = 100) -> tuple[list[Item], str]:
        """Return rows after the product `start` ("": the first), and after which one to go on ("": that was all)."""
        page = self._table.scan(limit=limit, start=marshal_fields({"product_id": start}) if start else None)
        return [*page.items], unmarshal_fields(page.next_start or {}).get("product_id", "")

    def every(self) -> Iterator[Item]:
        """Yield all rows, page by page."""
        items, start = self.page(limit=1000)
        yield from items
        while start:
            items, start = self.page(start, limit=1000)
            yield from items

    def get_many(self, product_ids: Iterable[str], *, consistent: bool = True) -> dict[str, Item]:
        """Return the rows of these products that exist; raise TableBusy.

        They are as now, or (if not `consistent`, for half the units) as a moment ago.
        """
        keys = ({"product_id": product_id} for product_id in dict.fromkeys(product_ids))
        return {item["product_id"]: item for item in self._table.get_many(keys, consistent=consistent)}

    def mark(self, product: Product, *, at: int, refused: str = "") -> bool:
        """Note that the platform answered to the product as it is here; return False when the row has changed since."""
        reason = ", refused = :refused" if refused else " REMOVE refused"
        written = self._table.update_if(
            {"product_id": product.product_id},
            f"SET synced_hash = :hash, synced_at = :at{reason}",
            "title = :title AND price_fen = :price_fen AND on_shelf = :on_shelf",
            title=product.title,
            price_fen=product.price_fen,
            on_shelf=product.on_shelf,
            hash=product.digest,
            at=at,
            **({"refused": refused} if refused else {}),
        )
        return written.done
