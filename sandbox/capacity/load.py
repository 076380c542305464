"""How busy everything is at so many orders a second, and which limit is met first. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jiuwu.trade.items import DAY_SHARDS
from jiuwu.trade.products import FRESH_SECONDS
from sandbox.capacity.inputs import Inputs
from sandbox.capacity.order import PerOrder

_BATCH = 10  # the template's BatchSize of both trade queues; full once messages wait


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit: what is asked of it and what it allows, in `unit`; `cure` is what to raise."""

    name: str
    asked: float
    allowed: float
    unit: str
    cure: str

    @property
    def share(self) -> float:
        """How much of it is used; above 1 it is met."""
        return self.asked / self.allowed


@dataclass(frozen=True, slots=True)
class Busy:
    """How often a function is invoked in a second, and how many of it run at once (Little's law)."""

    function: str
    invocations: float
    at_once: float


def functions(rate: float, order: PerOrder, inputs: Inputs) -> list[Busy]:
    """The functions in the way of an order, at `rate` orders a second. Queues hand out full batches once the functions
    behind them are busy all the time; below that each message is counted as an invocation of its own."""
    shop = inputs.shop
    invocations = {
        "Storefront": rate,
        "Storefront, looks": rate * shop.looks,
        "OAuthCallback": rate * shop.logins * 3,
        "WebhookIntake": rate * order.notifications,
        "OrderProcessor": _batched(rate * order.notifications),
        "EffectDispatcher": _batched(rate * order.platform("orders.push_status")),
    }
    seconds = {"Storefront, looks": inputs.invocation_seconds["look"], **inputs.invocation_seconds}
    return [Busy(name, count, count * seconds[name]) for name, count in invocations.items()]


def _batched(messages: float) -> float:
    """Above some twenty messages a second a batch is full before its window ends."""
    return messages if messages < 2 * _BATCH else messages / _BATCH


def limits(rate: float, order: PerOrder, inputs: Inputs, template: Mapping[str, Any]) -> list[Limit]:
    """Every limit that orders come near, the most used first."""
    return sorted(_limits(rate, order, inputs, template), key=lambda limit: -limit.share)


def _limits(rate: float, order: PerOrder, inputs: Inputs, template: Mapping[str, Any]) -> Iterator[Limit]:
    yield from _platform(rate, order, inputs)
    yield from _lambda(rate, order, inputs, template)
    yield from _tables(rate, order, inputs)
    yield from _other(rate, order, inputs, template)


def _platform(rate: float, order: PerOrder, inputs: Inputs) -> Iterator[Limit]:
    shop, cure = inputs.shop, "[limits] calls_per_second in the profile, if the platform grants more"
    money = order.platform("orders.create", "orders.push_status", "refunds.create")
    yield Limit("platform calls, lane money", rate * money, shop.money_calls_per_second, "calls/s", cure)
    login = shop.logins * 2
    yield Limit("platform calls, lane login", rate * login, shop.login_calls_per_second, "calls/s", cure)


def _lambda(rate: float, order: PerOrder, inputs: Inputs, template: Mapping[str, Any]) -> Iterator[Limit]:
    busy = functions(rate, order, inputs)
    account = "Lambda's concurrency quota of the account"
    yield Limit(
        "Lambda, all functions", sum(one.at_once for one in busy), inputs.limits.concurrency, "at once", account
    )
    for one in busy:
        if most := _most_at_once(template, one.function):
            yield Limit(f"{one.function} at once", one.at_once, most, "at once", f"{one.function}'s MaximumConcurrency")


def _most_at_once(template: Mapping[str, Any], function: str) -> int:
    resource = template["Resources"].get(function, {"Properties": {}})
    events = resource["Properties"].get("Events", {}).values()
    found = [one["Properties"].get("ScalingConfig", {}).get("MaximumConcurrency") for one in events]
    return max((most for most in found if isinstance(most, int)), default=0)


def _tables(rate: float, order: PerOrder, inputs: Inputs) -> Iterator[Limit]:
    units, most = order.units, inputs.limits
    table = units["OrdersTable", "write"]
    yield Limit("OrdersTable, writes", rate * table, most.table_write_units, "units/s", "the table's quota, or warm it")
    due = units["OrdersTable/due", "write"] / inputs.shop.due_shards
    yield Limit("one shard of the due index", rate * due, most.partition_write_units, "units/s", "DueShards")
    day = units["OrdersTable/days", "write"] / DAY_SHARDS
    yield Limit(
        "one shard of the days index", rate * day, most.partition_write_units, "units/s", "DAY_SHARDS in items.py"
    )
    # each process reads it once while what it read is fresh
    processes = next(one.at_once for one in functions(rate, order, inputs) if one.function == "Storefront")
    reads = min(rate, max(processes, 1) / FRESH_SECONDS) * 0.5
    cure = "FRESH_SECONDS (products.py)"
    yield Limit("one product in every order", reads, most.partition_read_units, "units/s", cure)


def _other(rate: float, order: PerOrder, inputs: Inputs, template: Mapping[str, Any]) -> Iterator[Limit]:
    shop, most = inputs.shop, inputs.limits
    requests = rate * (1 + shop.looks + 3 * shop.logins + order.notifications)
    throttle = template["Globals"]["HttpApi"]["DefaultRouteSettings"]["ThrottlingRateLimit"]
    busiest = rate * max(shop.looks, order.notifications)
    yield Limit("API throttle, busiest route", busiest, throttle, "requests/s", "ThrottlingRateLimit in Globals")
    yield Limit("API Gateway, account", requests, most.api_requests, "requests/s", "API Gateway's quota")
    kms = order.of("kms") + 2 * shop.logins
    yield Limit("KMS", rate * kms, most.kms_per_second, "requests/s", "KMS' quota of cryptographic requests")
    yield Limit("EventBridge", rate, most.events_per_second, "events/s", "EventBridge's PutEvents quota")
