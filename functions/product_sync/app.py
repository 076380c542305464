"""ProductSync: pushes what changed in the catalogue to the platform, and repairs what differs there.

It runs on a schedule. Invoked with {"product_ids": […]}, it syncs these products now. {"retry_refused": true} also
retries refused products, {"full": true} also compares products that were compared recently; both take
{"after": PRODUCT_ID}, the place where the run before stopped.
"""

from jiuwu.aws import cold_start  # first: it switches the collector off while the rest loads

# isort: split
from typing import TYPE_CHECKING, Any, NamedTuple

from jiuwu.aws import clients, invocation
from jiuwu.aws.bookmarks import Bookmark
from jiuwu.aws.invocation import WrongPayload
from jiuwu.aws.settings import PlatformSettings, load
from jiuwu.bootstrap import Platform
from jiuwu.catalogue import reporting
from jiuwu.catalogue.full_sync import RECORD, FullSync
from jiuwu.catalogue.repository import Rows
from jiuwu.catalogue.sync import Catalogue
from jiuwu.deadline import Deadline
from jiuwu.runtime import SYSTEM, Runtime

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# How many products one invocation takes by id: a page.
_MAX_REQUESTED = 100

Answer = dict[str, Any]


class Settings(PlatformSettings, frozen=True, kw_only=True):
    products_table: str
    reconciliation_table: str
    product_check_seconds: int


class Dependencies(NamedTuple):
    """The dependencies of a run."""

    settings: Settings
    rows: Rows
    bookmark: Bookmark
    catalogue: Catalogue
    runtime: Runtime


class Request(NamedTuple):
    """The subject of an invocation: some products, the products after one, or the schedule's pass."""

    product_ids: list[str] | None = None
    after: str | None = None
    retry_refused: bool = False
    full: bool = False


def build(settings: Settings, platform: Platform, runtime: Runtime = SYSTEM) -> Dependencies:
    """Return the dependencies for these settings; the AWS clients come from jiuwu.aws.clients."""
    dynamodb = clients.client("dynamodb")
    rows = Rows(dynamodb, settings.products_table)
    return Dependencies(
        settings=settings,
        rows=rows,
        bookmark=Bookmark(dynamodb, settings.reconciliation_table, RECORD),
        catalogue=Catalogue(rows, lambda: platform.client, runtime=runtime),
        runtime=runtime,
    )


def handle(dependencies: Dependencies, event: object, deadline: Deadline) -> Answer:
    """Return what was found and done; raise WrongPayload."""
    request = _request(event)
    run = FullSync(
        dependencies.catalogue,
        dependencies.rows,
        deadline=deadline,
        check_seconds=dependencies.settings.product_check_seconds,
        runtime=dependencies.runtime,
    )
    if request.product_ids is None:
        _pass(dependencies, run, request)
        reporting.finished(run.result)
        return run.result.as_dict()
    found = dependencies.rows.get_many(request.product_ids)
    run.result.finished = run.take(list(found.values()), retry_refused=True, full=True)
    reporting.finished(run.result)
    return run.result.as_dict() | {"unknown": [one for one in request.product_ids if one not in found]}


def _request(event: object) -> Request:
    fields = invocation.fields(event, *Request._fields)
    for name in ("retry_refused", "full"):
        if not isinstance(fields.get(name, False), bool):
            raise WrongPayload(f"{name}: expected true or false")
    if not isinstance(after := fields.get("after", ""), str):
        raise WrongPayload("after: expected a product id, or an empty text for all products")
    product_ids = _product_ids(fields["product_ids"]) if "product_ids" in fields else None
    return Request(product_ids, after if fields else None, bool(fields.get("retry_refused")), bool(fields.get("full")))


def _product_ids(requested: object) -> list[str]:
    if not isinstance(requested, list) or not 1 <= len(requested) <= _MAX_REQUESTED:
        raise WrongPayload(f"product_ids: expected a list of 1 to {_MAX_REQUESTED}")
    if not all(isinstance(product_id, str) and 1 <= len(product_id) <= 64 for product_id in requested):
        raise WrongPayload("product_ids: expected texts of 1 to 64 characters")
    return list(dict.fromkeys(requested))


def _pass(dependencies: Dependencies, run: FullSync, request: Request) -> None:
    """Run a pass. A requested one keeps its own place, so that neither it nor the schedule's skips a row."""
    if request.after is None:
        run.run(dependencies.bookmark)
    else:
        run.pass_over(request.after, lambda _: None, retry_refused=request.retry_refused, full=request.full)


_settings = load(Settings)
_dependencies = build(_settings, Platform(_settings))


def handler(event: object, context: "LambdaContext") -> Answer:
    """Entry point for Lambda."""
    return handle(_dependencies, event, Deadline.of(context))


cold_start.finish()
