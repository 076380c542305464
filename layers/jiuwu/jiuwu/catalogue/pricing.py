"""The merchant's products and their prices: prices come from the products table, never from a browser."""

from collections.abc import Iterable, Mapping

from jiuwu.orders.order import Line
from jiuwu.runtime import SYSTEM, Runtime

from .repository import Item, Product, RowMalformed, Rows, from_item

FRESH_SECONDS = 2.0
_MAX_KNOWN = 1000


class NotForSale(Exception):
    """The merchant does not sell this product (any more), or its row is malformed."""

    def __init__(self, product_id: str) -> None:
        super().__init__(product_id)
        self.product_id = product_id


class NotForPoints(NotForSale):
    """The merchant sells this product, but not for points: its row has no `price_points` above zero."""


class Products:
    """The products table, as the checkout reads it.

    A row that was read is good for two seconds in its process: one product in every order is one key, of which DynamoDB
    hands out no more than 3,000 read units a second.
    """

    def __init__(self, rows: Rows, *, runtime: Runtime = SYSTEM) -> None:
        self._rows, self._clock = rows, runtime.clock
        self._known: dict[str, tuple[float, Item]] = {}

    def priced(self, basket: Mapping[str, int]) -> tuple[Line, ...]:
        """Return the lines of a basket {product_id: quantity} of at most 100, in its order; raise NotForSale."""
        return tuple(_line(product, quantity, product.price_fen) for product, quantity in self._for_sale(basket))

    def priced_in_points(self, basket: Mapping[str, int]) -> tuple[tuple[Line, ...], int]:
        """Return the lines, which cost no money, and how many points they cost; raise NotForSale and NotForPoints."""
        sold = self._for_sale(basket)
        if unsold := [product for product, _ in sold if not product.price_points]:
            raise NotForPoints(unsold[0].product_id)
        points = sum(quantity * product.price_points for product, quantity in sold)
        return tuple(_line(product, quantity, 0) for product, quantity in sold), points

    def _for_sale(self, basket: Mapping[str, int]) -> list[tuple[Product, int]]:
        items = self._items(basket)
        return [(_sold(product_id, items.get(product_id)), quantity) for product_id, quantity in basket.items()]

    def _items(self, product_ids: Iterable[str]) -> dict[str, Item]:
        now, wanted = self._clock(), list(product_ids)
        known = {name: self._known[name] for name in wanted if name in self._known}
        fresh = {name: row for name, (read_at, row) in known.items() if 0 <= now - read_at < FRESH_SECONDS}
        missing = [name for name in wanted if name not in fresh]
        read = self._rows.get_many(missing, consistent=False) if missing else {}
        if len(self._known) > _MAX_KNOWN:
            self._known.clear()
        self._known |= {name: (now, row) for name, row in read.items()}
        return fresh | read


def _sold(product_id: str, item: Item | None) -> Product:
    try:
        product = from_item(item) if item else None
    except RowMalformed:
        product = None
    if product is None or not product.on_shelf:
        raise NotForSale(product_id)
    return product


def _line(product: Product, quantity: int, price_fen: int) -> Line:
    return Line(product.product_id, product.title, quantity, price_fen)
