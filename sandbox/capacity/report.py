"""The model's tables as Markdown, as docs/capacity.md holds them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from sandbox.capacity import cost, load, queues
from sandbox.capacity.days_statement import statement
from sandbox.capacity.expiry import expire
from sandbox.capacity.inputs import Inputs
from sandbox.capacity.order import ORDERS, PerOrder
from sandbox.capacity.queues import Queue
from sandbox.capacity.reconciling import reconcile
from sandbox.capacity.renewals import refresh

RATES = (10, 1_000, 20_000)
_SIZES = (1_000, 20_000, 1_000_000)
_MEMBERS = (10_000, 1_000_000, 20_000_000)
_LIMITS_SHOWN = 8
_WIDER = 10  # how much more of the platform the last column of the passes has
_PASSES = (
    ("due orders reconciled", reconcile),
    ("unpaid orders cancelled", expire),
    ("orders in a day's statement", statement),
    ("members' tokens renewed", refresh),
)
# Where a queue's settings have a reason that they do not tell themselves.
_WHY = {
    "OrderQueue": "ten payments share one read and one write request",
    "EffectQueue": "a warehouse should hear at once",
    "ReconcileQueue": "a task uses all of its time; every tick queues all of it anew",
    "RefreshQueue": "a task uses all of its time; every tick queues all of it anew",
    "StatementQueue": "a task uses all of its time; members' calls come first",
    "CommunityQueue": "kept for what will read it",
}


def render(order: PerOrder, inputs: Inputs, template: Mapping[str, Any]) -> str:
    """All tables."""
    busy = order.with_logins(inputs.shop.logins)
    parts = [
        ("What an order asks for", _order(order)),
        ("How many of each function run at once", _functions(busy, inputs)),
        ("DynamoDB units a second", _units(busy)),
        *((f"{rate:,} orders a second", _limits(rate, busy, inputs, template)) for rate in RATES),
        ("Linked members", _members(inputs)),
        ("A million orders in dollars", _cost(order, inputs)),
        ("A pass over everything", _passes(inputs)),
        ("Queues", _queues(template)),
    ]
    return "\n\n".join(f"### {title}\n\n{text}" for title, text in parts) + "\n"


def _order(order: PerOrder) -> str:
    rows = [("platform calls", order.of("platform")), ("DynamoDB requests", order.of("dynamodb"))]
    rows += [("DynamoDB write units", order.kind("write")), ("DynamoDB read units", order.kind("read"))]
    rows += [(f"… {name}, {kind}", units) for (name, kind), units in order.units.items() if units >= 0.5]
    rows += [("KMS requests", order.of("kms")), ("notifications", order.notifications)]
    told = f"Counted over {ORDERS} orders of all fates, lived through the real functions without trouble.\n\n"
    return told + _table(("what", "per order"), [(name, f"{count:.2f}") for name, count in rows])


def _functions(order: PerOrder, inputs: Inputs) -> str:
    names = [one.function for one in load.functions(1, order, inputs)]
    busy = {rate: {one.function: one for one in load.functions(rate, order, inputs)} for rate in RATES}
    rows = [
        (name, *(f"{_rate(busy[rate][name].invocations)}, {_few(busy[rate][name].at_once)} at once" for rate in RATES))
        for name in names
    ]
    shop = inputs.shop
    told = (
        f"DailyStatement is shown while it works, TokenRefresher with {shop.members:,} linked members, ProductSync "
        f"with {shop.products:,} products.\n\n"
    )
    return told + _table(("function", *(f"{rate:,} orders/s" for rate in RATES)), rows)


def _units(order: PerOrder) -> str:
    rows = [
        (name, kind, *(_few(rate * units) for rate in RATES)) for (name, kind), units in sorted(order.units.items())
    ]
    rows += [
        (f"**all {kind}s**", kind, *(_few(rate * order.kind(kind)) for rate in RATES)) for kind in ("read", "write")
    ]
    return _table(("table or index", "units", *(f"{rate:,} orders/s" for rate in RATES)), rows)


def _limits(rate: int, order: PerOrder, inputs: Inputs, template: Mapping[str, Any]) -> str:
    found = load.limits(rate, order, inputs, template)
    met = [limit for limit in found if limit.share > 1]
    first = f"First met: **{met[0].name}**." if met else "No limit is met; these are the nearest."
    rows = [
        (limit.name, _few(limit.asked), f"{limit.allowed:,.0f} {limit.unit}", f"{limit.share:.0%}", limit.cure)
        for limit in (met or found[:_LIMITS_SHOWN])
    ]
    return f"{first}\n\n" + _table(("limit", "asked", "allowed", "used", "what to raise"), rows)


def _members(inputs: Inputs) -> str:
    rows = [
        (
            f"{members:,}",
            f"{load.renewals(members):,.0f}/s",
            "; ".join(f"{limit.name} {limit.share:.0%}" for limit in load.of_members(members, inputs)),
        )
        for members in _MEMBERS
    ]
    told = "Their tokens are renewed whether they order or not.\n\n"
    return told + _table(("members", "renewals", "limits, the most used first"), rows)


def _cost(order: PerOrder, inputs: Inputs) -> str:
    bills = [cost.per_million(order, inputs, rate=rate) for rate in RATES]
    rows = [(name, *(f"{bill[name]:.2f}" for bill in bills)) for name in bills[0]]
    rows.append(("**total**", *(f"**{sum(bill.values()):.2f}**" for bill in bills)))
    return _table(("paid for", *(f"at {rate:,}/s" for rate in RATES)), rows)


def _passes(inputs: Inputs) -> str:
    wider = msgspec.structs.replace(inputs, setup=inputs.setup.wider(_WIDER))
    rows = []
    for name, run in _PASSES:
        for size in _SIZES:
            done, fast = run(size, inputs), run(size, wider)
            rows.append(
                (
                    f"{size:,} {name}",
                    _time(done.seconds),
                    f"{done.of('platform'):,}",
                    f"{done.of('dynamodb'):,}",
                    f"{done.invocations:,}",
                    f"{done.dollars:.2f}",
                    f"{done.dollars / size * cost.MILLION:.2f}",
                    f"{_time(fast.seconds)}, {fast.dollars / size * cost.MILLION:.2f}",
                )
            )
    heads = ("pass", "time", "platform calls", "DynamoDB requests", "invocations", "USD", "USD per million")
    return _table((*heads, f"with {_WIDER} times the platform's rate"), rows)


def _queues(template: Mapping[str, Any]) -> str:
    rows = [_queue(queue) for queue in queues.of(template)]
    heads = ("queue", "read by", "visibility", "batch, window", "at once", "given up after", "kept", "why")
    return _table(heads, rows)


def _queue(queue: Queue) -> tuple[str, ...]:
    return (
        queue.name,
        queue.function or "people",
        f"{queue.visibility} s",
        f"{queue.batch}, {queue.window} s" if queue.function else "",
        str(queue.most_at_once or ""),
        f"{queue.receives} receives" if queue.receives else "",
        _kept(queue.retention),
        _WHY.get(queue.name, ""),
    )


def _kept(seconds: int) -> str:
    return f"{seconds // 86_400} days" if seconds >= 86_400 else f"{seconds // 3600} h"


def _rate(per_second: float) -> str:
    return f"{_few(per_second)}/s"


def _few(number: float) -> str:
    """Two digits of what is small, and no more than the units of what is not."""
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}" if number >= 0.001 else "0"


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
