"""The tables of docs/capacity.md as Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from math import ceil
from typing import Any

import msgspec

from bench.capacity import cost
from bench.capacity.bulk_passes import BulkPass
from bench.capacity.concurrency import Busy, functions, renewals
from bench.capacity.inputs import Inputs
from bench.capacity.limits import limits, limits_of_members
from bench.capacity.order_usage import ORDERS, OrderUsage
from bench.capacity.template_queues import Queue, queues

RATES = (10, 1_000, 20_000)
_SIZES = (1_000, 20_000, 1_000_000)
_MEMBERS = (10_000, 1_000_000, 20_000_000)
_LIMITS_SHOWN = 8
_FASTER = 10  # how many times the platform's rate the last column of the passes has
# Reasons of a queue's settings that are not evident.
_WHY = {
    "OrderQueue": "ten payments share one read and one write request",
    "EffectQueue": "a warehouse should hear at once",
    "ReconcileQueue": "a task uses all of its time; every tick queues all of it anew",
    "RefreshQueue": "a task uses all of its time; every tick queues all of it anew",
    "StatementQueue": "a task uses all of its time; members' calls come first",
    "CommunityQueue": "kept for what will read it",
}


def render(order: OrderUsage, passes: Mapping[str, BulkPass], inputs: Inputs, template: Mapping[str, Any]) -> str:
    """Return all tables."""
    busy = order.with_logins(inputs.shop.logins)
    parts = [
        ("What an order uses", _order(order)),
        ("How many of each function run at once", _functions(busy, inputs)),
        ("DynamoDB units a second", _units(busy)),
        *((f"{rate:,} orders a second", _limits(rate, busy, inputs, template)) for rate in RATES),
        ("Linked members", _members(inputs)),
        ("A million orders in dollars", _cost(order, passes["statement"], inputs)),
        ("A pass over everything", _passes(passes.values(), inputs)),
        ("Queues", _queues(template)),
    ]
    return "\n\n".join(f"### {title}\n\n{text}" for title, text in parts) + "\n"


def _order(order: OrderUsage) -> str:
    rows = [("platform calls", order.of("platform")), ("DynamoDB requests", order.of("dynamodb"))]
    rows += [("DynamoDB write units", order.kind("write")), ("DynamoDB read units", order.kind("read"))]
    rows += [(f"… {name}, {kind}", units) for (name, kind), units in order.units.items() if units >= 0.5]
    rows += [("KMS requests", order.of("kms")), ("notifications", order.notifications)]
    text = f"Counted over {ORDERS} orders of all kinds that the real functions processed without faults.\n\n"
    return text + _table(("what", "per order"), [(name, f"{count:.2f}") for name, count in rows])


def _functions(order: OrderUsage, inputs: Inputs) -> str:
    names = [one.function for one in functions(1, order, inputs)]
    busy = {rate: {one.function: one for one in functions(rate, order, inputs)} for rate in RATES}
    rows = [(name, *(_busy(busy[rate][name]) for rate in RATES)) for name in names]
    shop = inputs.shop
    text = (
        f"DailyStatement is shown while it works, TokenRefresher with {shop.members:,} linked members, ProductSync "
        f"with {shop.products:,} products.\n\n"
    )
    return text + _table(("function", *(f"{rate:,} orders/s" for rate in RATES)), rows)


def _busy(one: Busy) -> str:
    return f"{_rate(one.invocations)}, {_few(one.concurrency)} at once"


def _units(order: OrderUsage) -> str:
    rows = [
        (name, kind, *(_few(rate * units) for rate in RATES)) for (name, kind), units in sorted(order.units.items())
    ]
    rows += [
        (f"**all {kind}s**", kind, *(_few(rate * order.kind(kind)) for rate in RATES)) for kind in ("read", "write")
    ]
    return _table(("table or index", "units", *(f"{rate:,} orders/s" for rate in RATES)), rows)


def _limits(rate: int, order: OrderUsage, inputs: Inputs, template: Mapping[str, Any]) -> str:
    found = limits(rate, order, inputs, template)
    met = [limit for limit in found if limit.utilisation > 1]
    first = f"First met: **{met[0].name}**." if met else "No limit is met; these are the nearest."
    rows = [
        (limit.name, _few(limit.demand), f"{limit.allowed:,.0f} {limit.unit}", f"{limit.utilisation:.0%}", limit.remedy)
        for limit in (met or found[:_LIMITS_SHOWN])
    ]
    return f"{first}\n\n" + _table(("limit", "demand", "allowed", "used", "what to raise"), rows)


def _members(inputs: Inputs) -> str:
    rows = [
        (
            f"{members:,}",
            f"{renewals(members):,.0f}/s",
            "; ".join(f"{limit.name} {limit.utilisation:.0%}" for limit in limits_of_members(members, inputs)),
        )
        for members in _MEMBERS
    ]
    text = "Their tokens are renewed whether they order or not.\n\n"
    return text + _table(("members", "renewals", "limits, the most used first"), rows)


def _cost(order: OrderUsage, statement: BulkPass, inputs: Inputs) -> str:
    bills = [cost.per_million(order, statement, inputs, rate=rate) for rate in RATES]
    rows = [(name, *(f"{bill[name]:.2f}" for bill in bills)) for name in bills[0]]
    rows.append(("**total**", *(f"**{sum(bill.values()):.2f}**" for bill in bills)))
    return _table(("paid for", *(f"at {rate:,}/s" for rate in RATES)), rows)


def _passes(passes: Iterable[BulkPass], inputs: Inputs) -> str:
    faster = msgspec.structs.replace(inputs, configuration=inputs.configuration.with_platform_rate(_FASTER))
    rows = [_pass(one, size, inputs, faster) for one in passes for size in _SIZES]
    heads = ("pass", "time", "platform calls", "DynamoDB requests", "invocations", "USD", "USD per million")
    return _table((*heads, f"with {_FASTER} times the platform's rate"), rows)


def _pass(one: BulkPass, size: int, inputs: Inputs, faster: Inputs) -> tuple[str, ...]:
    done, fast = one.of(size, inputs), one.of(size, faster)
    return (
        f"{size:,} {one.items}",
        _time(done.seconds),
        f"{done.usage.of('platform'):,.0f}",
        f"{done.usage.of('dynamodb'):,.0f}",
        f"{done.invocations:,.0f}",
        f"{done.dollars:.2f}",
        f"{done.dollars / size * cost.MILLION:.2f}",
        f"{_time(fast.seconds)}, {fast.dollars / size * cost.MILLION:.2f}",
    )


def _queues(template: Mapping[str, Any]) -> str:
    rows = [_queue(queue) for queue in queues(template)]
    heads = ("queue", "read by", "visibility", "batch, window", "at once", "dead letter after", "kept", "why")
    return _table(heads, rows)


def _queue(queue: Queue) -> tuple[str, ...]:
    return (
        queue.name,
        queue.function or "people",
        f"{queue.visibility} s",
        f"{queue.batch}, {queue.window} s" if queue.function else "",
        str(queue.max_concurrency or ""),
        f"{queue.max_receives} receives" if queue.max_receives else "",
        _kept(queue.retention),
        _WHY.get(queue.name, ""),
    )


def _kept(seconds: int) -> str:
    return f"{seconds // 86_400} days" if seconds >= 86_400 else f"{seconds // 3600} h"


def _rate(per_second: float) -> str:
    return f"{_few(per_second)}/s"


def _few(number: float) -> str:
    """Format with two digits below ten, and without decimals from ten on."""
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}" if number >= 0.001 else "0"


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{ceil(seconds)} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
