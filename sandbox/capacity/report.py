"""The model's tables as Markdown, as docs/capacity.md holds them."""

from collections.abc import Iterable, Sequence
from typing import Any

from sandbox.capacity import cost, load, simulation
from sandbox.capacity.inputs import Inputs
from sandbox.capacity.order import ORDERS, PerOrder

RATES = (10, 1_000, 20_000)
_SIZES = (1_000, 20_000, 1_000_000)
_LIMITS_SHOWN = 6


def render(order: PerOrder, inputs: Inputs, template: dict[str, Any]) -> str:
    """All tables."""
    parts = [
        ("What an order asks for", _order(order)),
        ("How many of each function run at once", _functions(order, inputs)),
        *((f"{rate:,} orders a second", _limits(rate, order, inputs, template)) for rate in RATES),
        ("A million orders in dollars", _cost(order, inputs)),
        ("A pass over everything", _passes(inputs)),
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
        (name, *(f"{busy[rate][name].invocations:,.0f}/s, {busy[rate][name].at_once:,.0f} at once" for rate in RATES))
        for name in names
    ]
    return _table(("function", *(f"{rate:,} orders/s" for rate in RATES)), rows)


def _limits(rate: int, order: PerOrder, inputs: Inputs, template: dict[str, Any]) -> str:
    found = load.limits(rate, order, inputs, template)
    met = [limit for limit in found if limit.share > 1]
    first = f"First met: **{met[0].name}**." if met else "No limit is met."
    rows = [
        (limit.name, f"{limit.asked:,.0f}", f"{limit.allowed:,.0f} {limit.unit}", f"{limit.share:.0%}", limit.cure)
        for limit in (met or found[:_LIMITS_SHOWN])
    ]
    return f"{first}\n\n" + _table(("limit", "asked", "allowed", "used", "what to raise"), rows)


def _cost(order: PerOrder, inputs: Inputs) -> str:
    bills = [cost.per_million(order, inputs, rate=rate) for rate in RATES]
    rows = [(name, *(f"{bill[name]:.2f}" for bill in bills)) for name in bills[0]]
    rows.append(("**total**", *(f"**{sum(bill.values()):.2f}**" for bill in bills)))
    return _table(("paid for", *(f"at {rate:,}/s" for rate in RATES)), rows)


def _passes(inputs: Inputs) -> str:
    rows = []
    for name, run in (("orders reconciled", simulation.reconcile), ("members' tokens renewed", simulation.refresh)):
        for size in _SIZES:
            done = run(size, inputs)
            dollars = done.dollars(inputs)
            calls = sum(
                done.requests[kind] for kind in ("query", "batch_get", "batch_write", "get_item", "update_item")
            )
            rows.append(
                (
                    f"{size:,} {name}",
                    _time(done.seconds),
                    f"{done.requests['platform']:,}",
                    f"{calls:,}",
                    f"{done.requests['invocation']:,}",
                    f"{dollars:.2f}",
                    f"{dollars / size * cost.MILLION:.2f}",
                )
            )
    heads = ("pass", "time", "platform calls", "DynamoDB requests", "invocations", "USD", "USD per million")
    return _table(heads, rows)


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
