"""The platform's shelf in this process, by the client's two calls; products as rows."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from jiuwu.catalogue.repository import Product
from jiuwu.platform.errors import PlatformError, ProductRefused, ProductUnknown
from jiuwu.platform.models import NewProduct, RemoteProduct

NOW = 1_763_800_000


def a_product(**changes: Any) -> Product:
    return replace(Product("tea", "龙井", 617, on_shelf=True), **changes)


def row(product: Product) -> dict[str, Any]:
    """The row as merchants write it, and what ProductSync marked in it."""
    written: dict[str, Any] = {
        "product_id": {"S": product.product_id},
        "title": {"S": product.title},
        "price_fen": {"N": str(product.price_fen)},
        "on_shelf": {"BOOL": product.on_shelf},
    }
    if product.price_points:
        written["price_points"] = {"N": str(product.price_points)}
    if product.synced_hash:
        written |= {"synced_hash": {"S": product.synced_hash}, "synced_at": {"N": str(product.synced_at)}}
    return written | ({"refused": {"S": product.refused}} if product.refused else {})


def there(product: Product, **changes: Any) -> RemoteProduct:
    """The platform's view of the product, as it is once it was pushed."""
    shown: dict[str, Any] = {
        "product_id": product.product_id,
        "title": product.title,
        "price_fen": product.price_fen,
        "on_shelf": product.on_shelf,
    }
    return RemoteProduct(**(shown | changes))


class RemoteProducts:
    """What the platform has; titles in `dislikes` are refused. `meanwhile` happens during the next calls, one each."""

    def __init__(self, *products: RemoteProduct, dislikes: tuple[str, ...] = ()) -> None:
        self.products = {product.product_id: product for product in products}
        self.calls: list[str] = []
        self.dislikes = dislikes
        self.meanwhile: list[Callable[[], object]] = []
        self.show: Callable[[RemoteProduct], RemoteProduct] = lambda product: product

    def upsert_product(self, product: NewProduct) -> RemoteProduct:
        self._called(f"put {product.product_id}")
        if product.title in self.dislikes:
            raise ProductRefused("products.upsert", code=70002, msg="标题\n不妥", reason="title_forbidden")
        self.products[product.product_id] = self.show(RemoteProduct(**product.model_dump(include=_CONTENT)))
        return self.products[product.product_id]

    def get_product(self, product_id: str) -> RemoteProduct:
        self._called(f"get {product_id}")
        if product_id not in self.products:
            raise ProductUnknown("products.get", code=70001)
        return self.products[product_id]

    def _called(self, call: str) -> None:
        self.calls.append(call)
        if self.meanwhile:
            self.meanwhile.pop(0)()


_CONTENT = {"product_id", "title", "price_fen", "on_shelf"}


def fails(error: PlatformError) -> Callable[[], object]:
    def fail() -> object:
        raise error

    return fail
