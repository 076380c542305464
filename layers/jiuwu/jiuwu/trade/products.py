"""What the merchant sells and for how much: prices come from the products table, never from a browser."""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from jiuwu.trade.orders import Line

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# BatchGetItem hands back what it could not read within its limits; more rounds than this mean the table is throttled.
_ROUNDS = 4
FRESH_SECONDS = 2.0
_MOST_KNOWN = 1000


class NotForSale(Exception):
    """The merchant does not sell this product (any more), or its row has no title or price in whole fen."""

    def __init__(self, product_id: str) -> None:
        super().__init__(product_id)
        self.product_id = product_id


class NotForPoints(NotForSale):
    """The merchant sells this product, but not for points: its row has no `price_points` above zero."""


class ProductsBusy(Exception):
    """The products table did not hand everything out in time; the same request may succeed a little later."""


class Products:
    """The products table: product_id, title, price_fen, on_shelf, price_points.

    A row that was read is good for two seconds in its process: one product in every order is one key, of which DynamoDB
    hands out no more than 3,000 read units a second.
    """

    def __init__(self, client: "DynamoDBClient", table: str, *, clock: Callable[[], float] = time.time) -> None:
        self._client, self._table, self._clock = client, table, clock
        self._known: dict[str, tuple[float, Mapping[str, Any]]] = {}

    def priced(self, basket: Mapping[str, int]) -> tuple[Line, ...]:
        """The lines of a basket {product_id: quantity} of at most 100, in its order; raises NotForSale."""
        rows = self._rows(basket)
        return tuple(_line(product_id, quantity, rows.get(product_id)) for product_id, quantity in basket.items())

    def priced_in_points(self, basket: Mapping[str, int]) -> tuple[tuple[Line, ...], int]:
        """The lines, which cost no money, and how many points they cost; raises NotForSale and NotForPoints."""
        rows = self._rows(basket)
        lines = [_line(product_id, quantity, rows.get(product_id)) for product_id, quantity in basket.items()]
        points = sum(line.quantity * _points(rows[line.product_id]) for line in lines)
        return tuple(replace(line, price_fen=0) for line in lines), points

    def _rows(self, product_ids: Iterable[str]) -> dict[str, Mapping[str, Any]]:
        now, wanted = self._clock(), list(product_ids)
        known = {name: self._known[name] for name in wanted if name in self._known}
        fresh = {name: row for name, (read_at, row) in known.items() if 0 <= now - read_at < FRESH_SECONDS}
        missing = [name for name in wanted if name not in fresh]
        read = self._read(missing) if missing else {}
        if len(self._known) > _MOST_KNOWN:
            self._known.clear()
        self._known |= {name: (now, row) for name, row in read.items()}
        return fresh | read

    def _read(self, product_ids: Iterable[str]) -> dict[str, Mapping[str, Any]]:
        wanted: Any = {self._table: {"Keys": [{"product_id": {"S": product_id}} for product_id in product_ids]}}
        rows: dict[str, Mapping[str, Any]] = {}
        for _ in range(_ROUNDS):
            reply = self._client.batch_get_item(RequestItems=wanted)
            rows |= {row["product_id"]["S"]: row for row in reply["Responses"].get(self._table, [])}
            wanted = reply.get("UnprocessedKeys")
            if not wanted:
                return rows
        raise ProductsBusy


def _line(product_id: str, quantity: int, row: Mapping[str, Any] | None) -> Line:
    title = row and row.get("title", {}).get("S")
    price = row and row.get("price_fen", {}).get("N", "")
    on_shelf = row and row.get("on_shelf", {}).get("BOOL")
    # DynamoDB writes whole numbers without point or exponent, so digits are exactly whole fen above or equal zero
    if not (title and price and price.isdecimal() and int(price) and on_shelf):
        raise NotForSale(product_id)
    return Line(product_id, title, quantity, int(price))


def _points(row: Mapping[str, Any]) -> int:
    points: str = row.get("price_points", {}).get("N", "")
    if not (points.isdecimal() and int(points)):
        raise NotForPoints(row["product_id"]["S"])
    return int(points)


def fingerprint(lines: Iterable[tuple[str, int]], *, with_points: bool = False) -> str:
    """What makes two requests the same order: which products, how many of each, in whatever order, and what pays."""
    wanted: list[object] = [*sorted(lines), *(["points"] if with_points else [])]
    return hashlib.sha256(json.dumps(wanted, separators=(",", ":")).encode()).hexdigest()
