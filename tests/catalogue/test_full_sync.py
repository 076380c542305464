"""What a pass over the catalogue costs, page by page; and that it may die anywhere."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from jiuwu.aws.bookmarks import Bookmark
from jiuwu.catalogue.full_sync import RECORD, FullSync, SyncResult
from jiuwu.catalogue.repository import Product, Rows, from_item
from jiuwu.catalogue.sync import Catalogue, SyncOutcome, compare
from jiuwu.deadline import Deadline
from jiuwu.platform.models import NewProduct, RemoteProduct
from jiuwu.runtime import Runtime
from sandbox.simulation.aws.account import Account
from sandbox.simulation.aws.calls import Phase
from tests.catalogue.remote_products import NOW, RemoteProducts, a_product, row, there

DAY = 86_400
SYNCED = replace(a_product(), synced_hash=a_product().digest, synced_at=NOW - 100)


class Warehouse:
    """So many products in a table in memory, which the platform has heard of."""

    def __init__(self, count: int = 0) -> None:
        self.account, self.shelf = Account.of_template(lambda: NOW), RemoteProducts()
        dynamodb = self.account.client("dynamodb")
        for number in range(count):
            dynamodb.put_item(TableName="ProductsTable", Item=row(replace(SYNCED, product_id=f"p{number:06}")))
        self.account.calls.counts.clear()
        self.account.calls.units.clear()
        self.rows, self.bookmark = Rows(dynamodb, "ProductsTable"), Bookmark(dynamodb, "ReconciliationTable", RECORD)

    def write(self, *products: Product) -> None:
        for product in products:
            self.account.client("dynamodb").put_item(TableName="ProductsTable", Item=row(product))

    def run(self, platform: Any = None) -> SyncResult:
        platform = platform or self.shelf
        catalogue = Catalogue(self.rows, lambda: platform, runtime=Runtime(clock=lambda: NOW))
        run = FullSync(
            catalogue,
            self.rows,
            deadline=Deadline(lambda: 300.0),
            check_seconds=DAY,
            runtime=Runtime(clock=lambda: NOW),
        )
        return run.run(self.bookmark)


@pytest.mark.parametrize("count", [100, 1000, 5000])
def test_an_unchanged_product_costs_the_same_however_many_there_are(count: int) -> None:
    warehouse = Warehouse(count)
    stock, calls = warehouse.run(), warehouse.account.calls

    assert ({SyncOutcome.NOT_COMPARED: count}, [], True) == (dict(stock.counts), warehouse.shelf.calls, stock.finished)
    pages = count // 100 + 1  # DynamoDB says only with the next page that there was none
    assert {"scan": pages, "put_item": pages, "get_item": 1} == {name: made for (_, name), made in calls.counts.items()}
    # rows of some 150 bytes, read eventually consistent: 8 KB for a unit
    assert 0.02 * count >= calls.units["ProductsTable", "read"]
    assert 0 == calls.units["ProductsTable", "write"]


# ── Dying anywhere ────────────────────────────────────────────────────────────────────────────────────────────────────

# One of each: new, changed, taken off, not taken by the platform, and due for a comparison that finds something.
STOCK = (
    a_product(product_id="new"),
    replace(SYNCED, product_id="edited", price_fen=700),
    replace(SYNCED, product_id="off", on_shelf=False),
    a_product(product_id="bad", title="高仿"),
    replace(SYNCED, product_id="drifted", synced_at=NOW - 2 * DAY),
)
type Point = tuple[str, str, str]  # what is called, for which product, and whether before or after it took effect


class Killed(BaseException):
    """The process dies here."""


class Mortal:
    """Runs over STOCK; the first one dies at a point."""

    def __init__(self, dies_at: Point | None = None) -> None:
        self.warehouse, self.points, self._dies_at = Warehouse(), set[Point](), dies_at
        self.warehouse.shelf.dislikes = ("高仿",)
        shown = {product.product_id: there(a_product(product_id=product.product_id), price_fen=1) for product in STOCK}
        self.warehouse.shelf.products = {one: shown[one] for one in ("edited", "off", "drifted")}
        self.warehouse.write(*STOCK)
        self.warehouse.account.calls.on_call = self._on_call

    def meet(self, point: Point) -> None:
        self.points.add(point)
        if point == self._dies_at:
            self._dies_at = None
            raise Killed

    def _on_call(self, service: str, operation: str, phase: Phase, request: Mapping[str, Any]) -> None:
        self.meet((operation, request.get("Key", {}).get("product_id", {}).get("S", ""), phase))

    # the platform's calls

    def upsert_product(self, product: NewProduct) -> RemoteProduct:
        return self._call("upsert", product.product_id, lambda: self.warehouse.shelf.upsert_product(product))

    def get_product(self, product_id: str) -> RemoteProduct:
        return self._call("get", product_id, lambda: self.warehouse.shelf.get_product(product_id))

    def _call(self, call: str, product_id: str, act: Callable[[], RemoteProduct]) -> RemoteProduct:
        self.meet((call, product_id, "before"))
        done = act()
        self.meet((call, product_id, "after"))
        return done


def points() -> list[Point]:
    """Every place where a run over STOCK can die."""
    mortal = Mortal()
    mortal.warehouse.run(mortal)
    return sorted(mortal.points)


@pytest.mark.parametrize("point", points(), ids=" ".join)
def test_a_run_that_dies_anywhere_is_made_good_by_the_next(point: Point) -> None:
    mortal = Mortal(point)
    with pytest.raises(Killed):
        mortal.warehouse.run(mortal)

    assert mortal.warehouse.run(mortal).finished
    products = {item["product_id"]: from_item(item) for item in mortal.warehouse.rows.every()}
    shown = mortal.warehouse.shelf.products
    assert ["bad"] == [one for one, product in products.items() if product.refused]
    assert {()} == {compare(product, shown.get(one)) for one, product in products.items() if one != "bad"}
    assert not any(product.changed for product in products.values())
    # a third run has nothing to say
    mortal.points.clear()
    mortal.warehouse.run(mortal)
    assert {"scan", "get_item"} == {call for call, _, _ in mortal.points}


def test_every_call_of_a_run_is_a_place_to_die() -> None:
    found = points()

    assert {"scan", "get_item", "update_item", "upsert", "get"} == {call for call, _, _ in found}
    assert {product.product_id for product in STOCK} == {one for call, one, _ in found if call == "update_item"}
