"""How old the oldest comparison with the platform gets, on virtual time, by the template's own schedule."""

import threading
from typing import Any

from jiuwu.aws.bookmarks import Bookmark
from jiuwu.catalogue.full_sync import RECORD, FullSync
from jiuwu.catalogue.repository import Rows
from jiuwu.catalogue.sync import Catalogue
from jiuwu.deadline import Deadline
from jiuwu.platform.models import RemoteProduct
from jiuwu.runtime import Runtime
from sandbox.cloud import template
from sandbox.simulation.aws.account import Account
from tests.catalogue.remote_products import NOW, RemoteProducts, a_product, row

HOUR, TICK, TIMEOUT = 3600, 300, 300


class Lane:
    """A platform that takes so many calls a second, and notes how long each product was not asked about."""

    def __init__(self, calls_per_second: float) -> None:
        self.now, self._oldest = float(NOW), 0.0
        self._seconds, self._shelf, self._lock = 1 / calls_per_second, RemoteProducts(), threading.Lock()
        self._requested_at = dict[str, float]()

    def upsert_product(self, product: Any) -> RemoteProduct:
        self._call(product.product_id)
        return self._shelf.upsert_product(product)

    def get_product(self, product_id: str) -> RemoteProduct:
        self._call(product_id)
        return self._shelf.get_product(product_id)

    def _call(self, product_id: str) -> None:
        with self._lock:
            self.now += self._seconds
            self._oldest = max(self._oldest, self.now - self._requested_at.get(product_id, self.now))
            self._requested_at[product_id] = self.now

    @property
    def oldest(self) -> float:
        """The longest time, in seconds, that a product was not asked about, until now."""
        return max(self._oldest, self.now - min(self._requested_at.values()))


def oldest_comparison(products: int, *, calls_per_second: float, hours: int) -> float:
    """Return the longest time, in seconds, that a product was not compared in so many hours."""
    lane: Any = Lane(calls_per_second)
    account = Account.of_template(lambda: lane.now)
    dynamodb = account.client("dynamodb")
    for number in range(products):
        dynamodb.put_item(TableName="ProductsTable", Item=row(a_product(product_id=f"p{number:05}")))
    rows, bookmark = Rows(dynamodb, "ProductsTable"), Bookmark(dynamodb, "ReconciliationTable", RECORD)
    catalogue = Catalogue(rows, lambda: lane, runtime=Runtime(clock=lambda: lane.now))
    check_seconds = template.load()["Parameters"]["ProductCheckSeconds"]["Default"]
    for tick in range(NOW, NOW + hours * HOUR, TICK):
        lane.now = began = max(lane.now, float(tick))
        FullSync(
            catalogue,
            rows,
            deadline=Deadline(lambda began=began: TIMEOUT - (lane.now - began)),  # type: ignore[misc]
            check_seconds=check_seconds,
            runtime=Runtime(clock=lambda: lane.now),
        ).run(bookmark)
    return float(lane.oldest)


def test_the_schedule_is_the_one_that_is_reckoned_with() -> None:
    assert f"rate({TICK // 60} minutes)" == template.load()["Parameters"]["ProductSyncSchedule"]["Default"]
    assert TIMEOUT == template.resources("AWS::Serverless::Function")["ProductSync"]["Timeout"]


def test_what_changed_at_the_platform_is_compared_within_the_hour() -> None:
    """650 products at a call in four seconds: as full as 39,000 make the lane's 15 calls a second."""
    assert HOUR >= oldest_comparison(650, calls_per_second=0.25, hours=4)


def test_beyond_that_each_is_compared_as_soon_as_the_calls_allow() -> None:
    assert 1.3 * HOUR >= oldest_comparison(1000, calls_per_second=0.25, hours=5) > HOUR
