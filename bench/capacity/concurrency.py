"""How often each function is invoked at so many orders a second, and how many of it run at once. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from bench.capacity import page_seconds
from bench.capacity.inputs import Inputs
from bench.capacity.order_usage import OrderUsage
from jiuwu.members.grants import SHARDS as MEMBER_SHARDS
from jiuwu.orders.codec import DAY_SHARDS, SHARDS
from jiuwu.reconciliation.repository import OVERLAP_SECONDS

PAGE = 100
DAY_SECONDS = 86_400.0
STATEMENT_SECONDS = 7200.0  # a statement's tasks; then it is written as it is
PRODUCT_CHECK_SECONDS = 2700.0 + 300.0  # a product's last comparison is so old when it is compared again
_BATCH = 10  # the template's BatchSize of the queues that carry more than tasks; full once messages wait
_TICK, _REFRESH_TICK, _PRODUCT_TICK = 180.0, 300.0, 300.0  # the schedules' defaults
_RENEWAL_SECONDS = 7200.0 - 900.0  # a token's life, less how long before its end it is renewed


@dataclass(frozen=True, slots=True)
class Busy:
    """Invocations of a function a second, and how many run at once (Little's law)."""

    function: str
    invocations: float
    concurrency: float


def functions(rate: float, order: OrderUsage, inputs: Inputs) -> list[Busy]:
    """Return every function at `rate` orders a second, DailyStatement while a day's statement is made.

    At 0 orders that is what schedules, members and products cause.
    """
    seconds = inputs.invocation_seconds
    return [
        *(Busy(name, count, count * seconds[kind]) for name, kind, count in _invoked(rate, order, inputs)),
        _reconciler(rate, order, inputs),
        _statement(rate, inputs),
        refresher(inputs.shop.members, inputs),
        _product_sync(inputs),
    ]


def _invoked(rate: float, order: OrderUsage, inputs: Inputs) -> Iterator[tuple[str, str, float]]:
    """Yield the functions that requests and messages invoke: name, key of the assumed seconds, invocations."""
    shop = inputs.shop
    yield "Storefront", "Storefront", rate
    yield "Storefront, order shown", "order_view", rate * shop.order_views
    yield "OAuthCallback", "OAuthCallback", rate * shop.logins * 3
    yield "WebhookIntake", "WebhookIntake", rate * order.notifications
    yield "OrderProcessor", "OrderProcessor", _batched(rate * order.notifications)
    yield "EffectDispatcher", "EffectDispatcher", _batched(rate * order.platform("orders.push_status"))
    yield "BackOffice", "BackOffice", rate * shop.back_office_calls
    yield "DeadLetterKeeper", "DeadLetterKeeper", _batched(rate * shop.dead_letters)


def _batched(messages: float) -> float:
    """Return the invocations for so many messages a second: from some twenty on a batch is full before its window
    ends; below that each message is an invocation."""
    return messages if messages < 2 * _BATCH else messages / _BATCH


def _reconciler(rate: float, order: OrderUsage, inputs: Inputs) -> Busy:
    due = rate * inputs.shop.due_checks / PAGE * page_seconds.due_page(inputs)
    busy = due + listed(rate, order) / PAGE * page_seconds.list_page(inputs)
    return _tasks("Reconciler", (SHARDS + 2) / _TICK, busy, inputs)


def _statement(rate: float, inputs: Inputs) -> Busy:
    pages = rate * DAY_SECONDS / PAGE
    busy = pages * (page_seconds.local_page(inputs) + page_seconds.list_page(inputs)) / STATEMENT_SECONDS
    tasks = (DAY_SHARDS + 3) / STATEMENT_SECONDS
    return Busy("DailyStatement", tasks + busy / page_seconds.STATEMENT_TASK, busy)


def refresher(members: float, inputs: Inputs) -> Busy:
    """Return TokenRefresher with so many linked members."""
    busy = renewals(members) * page_seconds.renewal(inputs)
    return _tasks("TokenRefresher", (len(MEMBER_SHARDS) + 1) / _REFRESH_TICK, busy, inputs)


def _tasks(function: str, ticks: float, busy: float, inputs: Inputs) -> Busy:
    """Return a function whose tasks are queued `ticks` times a second and are busy for so long."""
    return Busy(function, ticks + busy / page_seconds.TASK, ticks * inputs.invocation_seconds["idle"] + busy)


def _product_sync(inputs: Inputs) -> Busy:
    compared = inputs.shop.products / PRODUCT_CHECK_SECONDS * inputs.invocation_seconds["product"]
    read = inputs.shop.products / PAGE * inputs.seconds.query / _PRODUCT_TICK
    return Busy("ProductSync", 1 / _PRODUCT_TICK, compared + read)


def renewals(members: float) -> float:
    """Return how many tokens of so many linked members are renewed in a second."""
    return members / _RENEWAL_SECONDS


def listed(rate: float, order: OrderUsage) -> float:
    """Return how many orders the platform's list of changes names in a second.

    Passes overlap, so each change is listed more than once. An upper bound: an order that changes twice between two
    ticks is listed once.
    """
    changes = order.platform("orders.create", "orders.push_status") + order.notifications
    return rate * changes * (_TICK + OVERLAP_SECONDS) / _TICK
