"""ProductSync: tells the platform what changed in the catalogue, and mends what differs there.

It runs on a schedule. Invoked with {"product_ids": […]}, it syncs these products now. {"retry_refused": true} also
retries refused products, {"full": true} also compares products that were compared recently; both take
{"after": PRODUCT_ID}, the place where the run before stopped.
"""

from jiuwu.aws import cold_start  # first: it switches the collector off while the rest loads
from jiuwu.deadline import Deadline
from jiuwu.runtime import SYSTEM, Runtime

# isort: split
from typing import TYPE_CHECKING, Any, NamedTuple

from jiuwu.aws import clients, invocation, settings, telemetry
from jiuwu.aws.bookmarks import Bookmark
from jiuwu.aws.invocation import WrongPayload
from jiuwu.bootstrap import Platform
from jiuwu.catalogue.full_sync import RECORD, Stock, Stocktaking
from jiuwu.catalogue.repository import Rows
from jiuwu.catalogue.sync import Catalogue, Outcome

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# What one invocation takes by name: a page.
_MOST_NAMED = 100

Answer = dict[str, Any]


class Settings(settings.PlatformSettings, frozen=True, kw_only=True):
    products_table: str
    reconciliation_table: str
    product_check_seconds: int


class ProductSync(NamedTuple):
    """What a run needs."""

    settings: Settings
    rows: Rows
    bookmark: Bookmark
    catalogue: Catalogue
    runtime: Runtime = SYSTEM


def handle(sync: ProductSync, event: object, deadline: Deadline) -> Answer:
    """What was found and done; raises WrongPayload."""
    asked = _asked(event)
    check_seconds = sync.settings.product_check_seconds
    run = Stocktaking(sync.catalogue, sync.rows, deadline=deadline, check_seconds=check_seconds, runtime=sync.runtime)
    if asked.product_ids is None:
        _tell(_pass(sync, run, asked))
        return run.stock.as_dict()
    found = sync.rows.get_many(asked.product_ids)
    run.stock.finished = run.take(list(found.values()), retry_refused=True, full=True)
    _tell(run.stock)
    return run.stock.as_dict() | {"unknown": [one for one in asked.product_ids if one not in found]}


class Asked(NamedTuple):
    """What an invocation is for: some products, the products after one, or the schedule's pass."""

    product_ids: list[str] | None = None
    after: str | None = None
    retry_refused: bool = False
    full: bool = False


def _asked(event: object) -> Asked:
    given = invocation.fields(event, *Asked._fields)
    for name in ("retry_refused", "full"):
        if not isinstance(given.get(name, False), bool):
            raise WrongPayload(f"{name}: expected true or false")
    if not isinstance(after := given.get("after", ""), str):
        raise WrongPayload("after: expected a product id, or an empty text for all products")
    product_ids = _named(given["product_ids"]) if "product_ids" in given else None
    return Asked(product_ids, after if given else None, bool(given.get("retry_refused")), bool(given.get("full")))


def _pass(sync: ProductSync, run: Stocktaking, asked: Asked) -> Stock:
    """Run a pass. One that a person asks for keeps its own place, so that neither it nor the schedule's skips a row."""
    if asked.after is None:
        return run.run(sync.bookmark)
    return run.pass_over(asked.after, lambda _: None, retry_refused=asked.retry_refused, full=asked.full)


def _named(product_ids: object) -> list[str]:
    if not isinstance(product_ids, list) or not 1 <= len(product_ids) <= _MOST_NAMED:
        raise WrongPayload(f"product_ids: expected a list of 1 to {_MOST_NAMED}")
    if not all(isinstance(product_id, str) and 1 <= len(product_id) <= 64 for product_id in product_ids):
        raise WrongPayload("product_ids: expected texts of 1 to 64 characters")
    return list(dict.fromkeys(product_ids))


def _tell(stock: Stock) -> None:
    """Counts and logs what a run found. A reason is the platform's word; its sentence stays in the row."""
    for outcome, number in stock.counts.items():
        telemetry.count("Products", number, outcome=outcome.value)
    for found in stock.findings:
        level = telemetry.logger.warning if found.outcome is not Outcome.MENDED else telemetry.logger.info
        level("product", product_id=found.product_id, outcome=found.outcome.value, reason=found.detail)
    if stock.problems:
        telemetry.logger.warning("left for the next run", problem=stock.problems[0])
    telemetry.logger.info("catalogue", finished=stock.finished, outcomes=stock.as_dict()["outcomes"])


def build(environment: Settings, platform: Platform, runtime: Runtime = SYSTEM) -> ProductSync:
    """The function for an environment; the AWS clients come from jiuwu.aws.clients."""
    dynamodb = clients.client("dynamodb")
    rows = Rows(dynamodb, environment.products_table)
    catalogue = Catalogue(rows, lambda: platform.client, runtime=runtime)
    bookmark = Bookmark(dynamodb, environment.reconciliation_table, RECORD)
    return ProductSync(environment, rows, bookmark, catalogue, runtime)


_settings = settings.load(Settings)
_sync = build(_settings, Platform(_settings))


def handler(event: object, context: "LambdaContext") -> Answer:
    """Entry point for Lambda."""
    return handle(_sync, event, Deadline.of(context))


cold_start.finish()
