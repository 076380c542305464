"""How busy everything is at so many orders a second, and which limit is met first. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jiuwu.catalogue.pricing import FRESH_SECONDS
from jiuwu.orders.codec import DAY_SHARDS, SHARDS
from jiuwu.reconciliation.repository import OVERLAP_SECONDS
from sandbox.capacity import queues
from sandbox.capacity.inputs import Inputs
from sandbox.capacity.order import PerOrder

_BATCH = 10  # the template's BatchSize of the queues that carry more than tasks; full once messages wait
_PAGE = 100
_DAY = 86_400.0
_TICK, _REFRESH_TICK, _PRODUCT_TICK = 180.0, 300.0, 300.0  # the schedules' defaults
_PRODUCT_AGE = 2700.0 + _PRODUCT_TICK  # so old a product's comparison is when it is made again
_TASK_SECONDS, _STATEMENT_SECONDS = 100.0, 75.0  # how long a task goes on before it queues its rest
_MEMBER_SHARDS, _RENEWED_AT_ONCE = 8, 8
_RENEWAL_SECONDS = 7200.0 - 900.0  # a token's life, and how long before its end it is renewed
_RUN_SECONDS = 7200.0  # a statement's tasks, then it is written as it is


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
    """All functions at `rate` orders a second, DailyStatement while a day's statement is made. At 0 orders there is
    what goes by the clock, by members and by products."""
    seconds = inputs.invocation_seconds
    return [
        *(Busy(name, count, count * seconds[kind]) for name, kind, count in _invoked(rate, order, inputs)),
        _reconciler(rate, order, inputs),
        _statement(rate, inputs),
        _refresher(inputs.shop.members, inputs),
        _products(inputs),
    ]


def _invoked(rate: float, order: PerOrder, inputs: Inputs) -> Iterator[tuple[str, str, float]]:
    """Functions that requests and messages call: name, which of the assumed seconds, how often. Queues hand out full
    batches once the functions behind them are busy all the time; below that each message is an invocation."""
    shop = inputs.shop
    yield "Storefront", "Storefront", rate
    yield "Storefront, looks", "look", rate * shop.looks
    yield "OAuthCallback", "OAuthCallback", rate * shop.logins * 3
    yield "WebhookIntake", "WebhookIntake", rate * order.notifications
    yield "OrderProcessor", "OrderProcessor", _batched(rate * order.notifications)
    yield "EffectDispatcher", "EffectDispatcher", _batched(rate * order.platform("orders.push_status"))
    yield "BackOffice", "BackOffice", rate * shop.office_calls
    yield "DeadLetterKeeper", "DeadLetterKeeper", _batched(rate * shop.letters)


def _batched(messages: float) -> float:
    """Above some twenty messages a second a batch is full before its window ends."""
    return messages if messages < 2 * _BATCH else messages / _BATCH


def _reconciler(rate: float, order: PerOrder, inputs: Inputs) -> Busy:
    """Each tick's look at every part, and the pages of what is due and of what has changed."""
    busy = rate * inputs.shop.due_looks / _PAGE * _due_page(inputs) + _listed(rate, order) / _PAGE * _list_page(inputs)
    ticks = (SHARDS + 2) / _TICK
    return Busy("Reconciler", ticks + busy / _TASK_SECONDS, ticks * inputs.invocation_seconds["idle"] + busy)


def _statement(rate: float, inputs: Inputs) -> Busy:
    """While a day's orders are compared; their number is what counts, and the hours after midnight that it takes."""
    pages = rate * _DAY / _PAGE
    busy = pages * (_here_page(inputs) + _list_page(inputs)) / _RUN_SECONDS
    return Busy("DailyStatement", (DAY_SHARDS + 3) / _RUN_SECONDS + busy / _STATEMENT_SECONDS, busy)


def _refresher(members: float, inputs: Inputs) -> Busy:
    seconds = inputs.seconds
    busy = renewals(members) * (seconds.platform + 3 * seconds.kms + 3 * seconds.single_item) / _RENEWED_AT_ONCE
    ticks = (_MEMBER_SHARDS + 1) / _REFRESH_TICK
    return Busy("TokenRefresher", ticks + busy / _TASK_SECONDS, ticks * inputs.invocation_seconds["idle"] + busy)


def _products(inputs: Inputs) -> Busy:
    """One task each tick that goes through the catalogue; each product is looked up at the platform within the hour."""
    looked_up = inputs.shop.products / _PRODUCT_AGE * inputs.invocation_seconds["product"]
    read = inputs.shop.products / _PAGE * inputs.seconds.query / _PRODUCT_TICK
    return Busy("ProductSync", 1 / _PRODUCT_TICK, looked_up + read)


def renewals(members: float) -> float:
    """Tokens renewed in a second, of so many linked members."""
    return members / _RENEWAL_SECONDS


def _listed(rate: float, order: PerOrder) -> float:
    """Orders that the platform's list of changes names in a second: each change, as often as passes overlap. An upper
    bound: an order that changes twice between two ticks is there once."""
    changes = order.platform("orders.create", "orders.push_status") + order.notifications
    return rate * changes * (_TICK + OVERLAP_SECONDS) / _TICK


def _due_page(inputs: Inputs) -> float:
    """Seconds that a hundred due orders take."""
    seconds = inputs.seconds
    return seconds.query + seconds.platform + seconds.batch_get + 4 * seconds.batch_write


def _here_page(inputs: Inputs) -> float:
    """Seconds that a hundred of our orders take in a statement."""
    seconds = inputs.seconds
    return seconds.platform + seconds.batch_get + (seconds.query + seconds.single_item) / 5


def _list_page(inputs: Inputs) -> float:
    """Seconds that a hundred orders of the platform's list take. Each page names the next one: they go one by one."""
    seconds = inputs.seconds
    return seconds.platform + seconds.batch_get + seconds.single_item


def limits(rate: float, order: PerOrder, inputs: Inputs, template: Mapping[str, Any]) -> list[Limit]:
    """Every limit that orders come near, the most used first."""
    return sorted(_limits(rate, order, inputs, template), key=lambda limit: -limit.share)


def _limits(rate: float, order: PerOrder, inputs: Inputs, template: Mapping[str, Any]) -> Iterator[Limit]:
    yield from _lanes(rate, order, inputs)
    yield from _readers(rate, order, inputs)
    yield from _lambda(rate, order, inputs, template)
    yield from _tables(rate, order, inputs)
    yield from _hot_keys(rate, order, inputs)
    yield from _other(rate, order, inputs, template)


def _lanes(rate: float, order: PerOrder, inputs: Inputs) -> Iterator[Limit]:
    cure = "[limits] calls_per_second in the profile, if the platform grants more"
    due, listed = rate * inputs.shop.due_looks / _PAGE, _listed(rate, order) / _PAGE
    compared = 2 * rate * _DAY / _PAGE / _RUN_SECONDS
    asked = {
        "money": rate * order.platform("orders.create", "orders.push_status", "refunds.create"),
        "login": rate * inputs.shop.logins * 2,
        "reading": due + listed + compared,
        "products": inputs.shop.products / _PRODUCT_AGE,
    }
    for lane, calls in asked.items():
        yield Limit(f"platform calls, lane {lane}", calls, inputs.setup.calls_per_second[lane], "calls/s", cure)


def _readers(rate: float, order: PerOrder, inputs: Inputs) -> Iterator[Limit]:
    """The two lists that only one reader at a time can go through. The statement comes to its list when ours is done:
    the queue has it last."""
    one_reader = _PAGE / _list_page(inputs)
    cure = "ReconcileSchedule: at 15 minutes each change is listed 1.3 times, at 3 minutes 2.7; or larger pages there"
    yield Limit("the reconciler's list of changes", _listed(rate, order), one_reader, "orders/s", cure)
    cure = "_LONGEST_RUN_SECONDS in functions/daily_statement, up to a day; or larger pages there"
    setup = inputs.setup
    ours = max(1 / setup.calls_per_second["reading"], _here_page(inputs) / setup.most_at_once["StatementQueue"])
    in_time = _RUN_SECONDS * _PAGE / (ours + _list_page(inputs))
    yield Limit("a day's statement in two hours", rate * _DAY, in_time, "orders", cure)


def _lambda(rate: float, order: PerOrder, inputs: Inputs, template: Mapping[str, Any]) -> Iterator[Limit]:
    busy = {one.function: one.at_once for one in functions(rate, order, inputs)}
    account = "Lambda's concurrency quota of the account"
    yield Limit("Lambda, all functions", sum(busy.values()), inputs.limits.concurrency, "at once", account)
    for queue in queues.of(template):
        # these two go by what is given up, and by members
        if queue.most_at_once and queue.function not in ("DeadLetterKeeper", "TokenRefresher"):
            at_once, name = busy[queue.function], queue.function
            cure = "ReconcileConcurrency" if name == "Reconciler" else f"{name}'s MaximumConcurrency"
            yield Limit(f"{name} at once", at_once, queue.most_at_once, "at once", cure)
            in_flight = at_once * queue.batch
            yield Limit(f"{queue.name}, in flight", in_flight, inputs.limits.sqs_in_flight, "messages", "SQS' quota")


def _tables(rate: float, order: PerOrder, inputs: Inputs) -> Iterator[Limit]:
    allowed = {"read": inputs.limits.table_read_units, "write": inputs.limits.table_write_units}
    for (name, kind), units in order.units.items():
        cure = "the table's quota, and warm it"
        yield Limit(f"{name}, {kind}s", rate * units, allowed[kind], "units/s", cure)


def _hot_keys(rate: float, order: PerOrder, inputs: Inputs) -> Iterator[Limit]:
    """The keys that many orders share."""
    units, most = order.units, inputs.limits
    due = rate * units["OrdersTable/due", "write"] / SHARDS
    yield Limit("one shard of the due index", due, most.partition_write_units, "units/s", "DueShards")
    day = rate * units["OrdersTable/days", "write"] / DAY_SHARDS
    yield Limit("one shard of the days index", day, most.partition_write_units, "units/s", "DAY_SHARDS in items.py")
    busy = {one.function: one.at_once for one in functions(rate, order, inputs)}
    # each process reads it once while what it read is fresh
    reads = min(rate, max(busy["Storefront"], 1) / FRESH_SECONDS) * 0.5
    cure = "FRESH_SECONDS in products.py"
    yield Limit("one product in every order", reads, most.partition_read_units, "units/s", cure)
    # each instance leases calls for a second at a time
    calls = rate * order.platform("orders.create", "orders.push_status", "refunds.create")
    leases = min(calls, max(busy["Storefront"] + busy["EffectDispatcher"], 1))
    cure = "BLOCK_SECONDS in throttling/lease.py"
    yield Limit("the money lane's item", leases, most.partition_write_units, "units/s", cure)


def _other(rate: float, order: PerOrder, inputs: Inputs, template: Mapping[str, Any]) -> Iterator[Limit]:
    shop, most = inputs.shop, inputs.limits
    throttle = template["Globals"]["HttpApi"]["DefaultRouteSettings"]["ThrottlingRateLimit"]
    busiest = rate * max(shop.looks, order.notifications)
    yield Limit("API throttle, busiest route", busiest, throttle, "requests/s", "ThrottlingRateLimit in Globals")
    asked = rate * requests(order, inputs)
    yield Limit("API Gateway, account", asked, most.api_requests, "requests/s", "API Gateway's quota")
    kms = rate * order.of("kms")
    yield Limit("KMS", kms, most.kms_per_second, "requests/s", "KMS' quota of cryptographic requests")
    yield Limit("EventBridge", rate, most.events_per_second, "events/s", "EventBridge's PutEvents quota")


def requests(order: PerOrder, inputs: Inputs) -> float:
    """Requests to the API that an order causes."""
    shop = inputs.shop
    return 1 + shop.looks + 3 * shop.logins + order.notifications + shop.office_calls


def of_members(members: float, inputs: Inputs) -> list[Limit]:
    """What the renewals of so many linked members' tokens come near, the most used first."""
    each, most, setup = renewals(members), inputs.limits, inputs.setup
    at_once = _refresher(members, inputs).at_once
    lane = "[limits] calls_per_second in the profile, if the platform grants more"
    found = [
        Limit("platform calls, lane login", each, setup.calls_per_second["login"], "calls/s", lane),
        Limit("TokenRefresher at once", at_once, setup.most_at_once["RefreshQueue"], "at once", "MaximumConcurrency"),
        Limit("KMS", 3 * each, most.kms_per_second, "requests/s", "KMS' quota of cryptographic requests"),
        Limit(
            "one shard of the refresh index", 2 * each / 8, most.partition_write_units, "units/s", "SHARDS in grants.py"
        ),
        Limit("MembersTable, writes", 2 * each, most.table_write_units, "units/s", "the table's quota, and warm it"),
    ]
    return sorted(found, key=lambda limit: -limit.share)
