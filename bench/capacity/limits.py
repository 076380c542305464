"""Which limit so many orders a second, or so many linked members, meet first. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bench.capacity import page_seconds, template_queues
from bench.capacity.concurrency import (
    DAY_SECONDS,
    PAGE,
    PRODUCT_CHECK_SECONDS,
    STATEMENT_SECONDS,
    functions,
    listed,
    refresher,
    renewals,
)
from bench.capacity.inputs import Inputs
from bench.capacity.order_usage import OrderUsage
from jiuwu.catalogue.pricing import FRESH_SECONDS
from jiuwu.members.grants import SHARDS as MEMBER_SHARDS
from jiuwu.orders.codec import CHANGED_SHARDS, DAY_SHARDS, SHARDS

_MONEY_CALLS = ("orders.create", "orders.push_status", "refunds.create")
_PLATFORM_REMEDY = "[limits] calls_per_second in the profile, if the platform grants more"
_TABLE_REMEDY = "the table's quota, and warm it"
_KMS_REMEDY = "KMS' quota of cryptographic requests"
# These depend on failures and on members, not on orders.
_OTHER_READERS = ("DeadLetterKeeper", "TokenRefresher")


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit: demand and what is allowed, in `unit`; `remedy` is what to raise."""

    name: str
    demand: float
    allowed: float
    unit: str
    remedy: str

    @property
    def utilisation(self) -> float:
        """Return the part that is used; above 1 the limit is met."""
        return self.demand / self.allowed


@dataclass(frozen=True, slots=True)
class _Load:
    """So many orders a second."""

    rate: float
    order: OrderUsage
    inputs: Inputs
    template: Mapping[str, Any]

    def concurrency(self) -> dict[str, float]:
        return {one.function: one.concurrency for one in functions(self.rate, self.order, self.inputs)}


def limits(rate: float, order: OrderUsage, inputs: Inputs, template: Mapping[str, Any]) -> list[Limit]:
    """Return every limit that orders come near, the most used first."""
    load = _Load(rate, order, inputs, template)
    groups = (_lanes, _single_readers, _concurrency, _tables, _hot_keys, _quotas)
    return sorted((limit for group in groups for limit in group(load)), key=lambda limit: -limit.utilisation)


def limits_of_members(members: float, inputs: Inputs) -> list[Limit]:
    """Return every limit that renewing so many linked members' tokens comes near, the most used first."""
    return sorted(_of_members(members, inputs), key=lambda limit: -limit.utilisation)


def requests(order: OrderUsage, inputs: Inputs) -> float:
    """Return how many requests to the API an order causes."""
    shop = inputs.shop
    return 1 + shop.order_views + 3 * shop.logins + order.notifications + shop.back_office_calls


def _lanes(load: _Load) -> Iterator[Limit]:
    rate, shop = load.rate, load.inputs.shop
    compared = 2 * rate * DAY_SECONDS / PAGE / STATEMENT_SECONDS
    demand = {
        "money": rate * load.order.platform(*_MONEY_CALLS),
        "login": rate * shop.logins * 2,
        "reading": rate * shop.due_checks / PAGE + listed(rate, load.order) / PAGE + compared,
        "products": shop.products / PRODUCT_CHECK_SECONDS,
    }
    for lane, calls in demand.items():
        allowed = load.inputs.configuration.calls_per_second[lane]
        yield Limit(f"platform calls, lane {lane}", calls, allowed, "calls/s", _PLATFORM_REMEDY)


def _single_readers(load: _Load) -> Iterator[Limit]:
    """Yield the two lists that one reader at a time goes through. The statement's comes after our own orders."""
    inputs, configuration = load.inputs, load.inputs.configuration
    list_page = page_seconds.list_page(inputs)
    remedy = "ReconcileSchedule: at 15 minutes each change is listed 1.3 times, at 3 minutes 2.7; or larger pages there"
    yield Limit("the reconciler's list of changes", listed(load.rate, load.order), PAGE / list_page, "orders/s", remedy)
    by_readers = page_seconds.local_page(inputs) / configuration.max_concurrency["StatementQueue"]
    local_page = max(1 / configuration.calls_per_second["reading"], by_readers)
    in_time = STATEMENT_SECONDS * PAGE / (local_page + list_page)
    remedy = "_MAX_RUN_SECONDS in functions/daily_statement, up to a day; or larger pages there"
    yield Limit("a day's statement in two hours", load.rate * DAY_SECONDS, in_time, "orders", remedy)


def _concurrency(load: _Load) -> Iterator[Limit]:
    busy, allowed = load.concurrency(), load.inputs.limits
    remedy = "Lambda's concurrency quota of the account"
    yield Limit("Lambda, all functions", sum(busy.values()), allowed.concurrency, "at once", remedy)
    for queue in template_queues.queues(load.template):
        name = queue.function
        if queue.max_concurrency and name not in _OTHER_READERS:
            remedy = "ReconcileConcurrency" if name == "Reconciler" else f"{name}'s MaximumConcurrency"
            yield Limit(f"{name} at once", busy[name], queue.max_concurrency, "at once", remedy)
            in_flight = busy[name] * queue.batch
            yield Limit(f"{queue.name}, in flight", in_flight, allowed.sqs_in_flight, "messages", "SQS' quota")


def _tables(load: _Load) -> Iterator[Limit]:
    limits = load.inputs.limits
    allowed = {"read": limits.table_read_units, "write": limits.table_write_units}
    for (name, kind), units in load.order.units.items():
        yield Limit(f"{name}, {kind}s", load.rate * units, allowed[kind], "units/s", _TABLE_REMEDY)


def _hot_keys(load: _Load) -> Iterator[Limit]:
    """Yield the keys that many orders share."""
    rate, units, allowed, busy = load.rate, load.order.units, load.inputs.limits, load.concurrency()
    due = rate * units["OrdersTable/due", "write"] / SHARDS
    yield Limit("one shard of the due index", due, allowed.partition_write_units, "units/s", "DueShards")
    day = rate * units["OrdersTable/days", "write"] / DAY_SHARDS
    remedy = "DAY_SHARDS in orders/codec.py"
    yield Limit("one shard of the days index", day, allowed.partition_write_units, "units/s", remedy)
    changed = rate * units["OrdersTable/changed", "write"] / CHANGED_SHARDS
    remedy = "CHANGED_SHARDS in orders/codec.py"
    yield Limit("one shard of the changed index", changed, allowed.partition_write_units, "units/s", remedy)
    # each process reads a product once while what it read is fresh
    reads = min(rate, max(busy["Storefront"], 1) / FRESH_SECONDS) * 0.5
    remedy = "FRESH_SECONDS in catalogue/pricing.py"
    yield Limit("one product in every order", reads, allowed.partition_read_units, "units/s", remedy)
    # each instance leases calls for a second at a time
    calls = rate * load.order.platform(*_MONEY_CALLS)
    leases = min(calls, max(busy["Storefront"] + busy["EffectDispatcher"], 1))
    remedy = "BLOCK_SECONDS in throttling/lease.py"
    yield Limit("the money lane's item", leases, allowed.partition_write_units, "units/s", remedy)


def _quotas(load: _Load) -> Iterator[Limit]:
    rate, order, shop, allowed = load.rate, load.order, load.inputs.shop, load.inputs.limits
    throttle = load.template["Globals"]["HttpApi"]["DefaultRouteSettings"]["ThrottlingRateLimit"]
    busiest = rate * max(shop.order_views, order.notifications)
    yield Limit("API throttle, busiest route", busiest, throttle, "requests/s", "ThrottlingRateLimit in Globals")
    requested = rate * requests(order, load.inputs)
    yield Limit("API Gateway, account", requested, allowed.api_requests, "requests/s", "API Gateway's quota")
    yield Limit("KMS", rate * order.of("kms"), allowed.kms_per_second, "requests/s", _KMS_REMEDY)
    yield Limit("EventBridge", rate, allowed.events_per_second, "events/s", "EventBridge's PutEvents quota")


def _of_members(members: float, inputs: Inputs) -> Iterator[Limit]:
    each, allowed, configuration = renewals(members), inputs.limits, inputs.configuration
    calls_per_second = configuration.calls_per_second["login"]
    yield Limit("platform calls, lane login", each, calls_per_second, "calls/s", _PLATFORM_REMEDY)
    at_once, most = refresher(members, inputs).concurrency, configuration.max_concurrency["RefreshQueue"]
    yield Limit("TokenRefresher at once", at_once, most, "at once", "MaximumConcurrency")
    yield Limit("KMS", 3 * each, allowed.kms_per_second, "requests/s", _KMS_REMEDY)
    shard, remedy = 2 * each / len(MEMBER_SHARDS), "SHARDS in members/grants.py"
    yield Limit("one shard of the refresh index", shard, allowed.partition_write_units, "units/s", remedy)
    yield Limit("MembersTable, writes", 2 * each, allowed.table_write_units, "units/s", _TABLE_REMEDY)
