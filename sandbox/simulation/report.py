"""A run as data and as a table."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from jiuwu.platform.money import yuan
from sandbox.invariants.checks import violations
from sandbox.invariants.facts import Facts
from sandbox.simulation.plot import Line, svg
from sandbox.simulation.run import ChaosOutcome

_SHOWN_BROKEN = 20


def summarize(outcome: ChaosOutcome, seconds: float) -> dict[str, Any]:
    """Return everything about a run; `seconds` is its duration."""
    broken, orders = [str(one) for one in violations(outcome.facts)], outcome.plan.orders
    return {
        "verdict": "broken" if broken else "kept",
        "broken": broken[:200],
        "findings": len(broken),
        "seed": outcome.plan.seed,
        "orders": orders,
        "switched off": sorted(outcome.plan.off),
        "faults switched on": sorted(outcome.plan.faults),
        "seconds": round(seconds, 1),
        "orders per second": round(orders / seconds),
        "virtual minutes": round(outcome.virtual_seconds / 60),
        "meant to be": dict(outcome.fates.most_common()),
        "here": dict(Counter(order.status.value for order in outcome.facts.local.values()).most_common()),
        "there": dict(Counter(order.status for order in outcome.facts.remote.values()).most_common()),
        "faults injected": dict(outcome.faults.most_common()),
        "failed invocations": dict(outcome.failures.most_common()),
        "notifications": dict(outcome.notifications.most_common()),
        "ship requests": _ship_requests(outcome.facts),
        "money": _money(outcome.facts),
        "statement": _statement(outcome.statement),
        "drift": {name: value for name, value in outcome.metrics.items() if name.startswith("Drift ")},
        "requests": _requests(outcome),
        "per order": _per_order(outcome),
        "curve": [[round(at, 1), placed, differing] for at, placed, differing in outcome.curve],
    }


def _ship_requests(facts: Facts) -> dict[str, int]:
    return {"received": len(facts.ship_requests), "distinct effect ids": len(set(facts.ship_requests))}


def _money(facts: Facts) -> dict[str, str]:
    paid = sum(sum(order.payments.values()) for order in facts.remote.values())
    refunded = sum(sum(order.refunds.values()) for order in facts.remote.values())
    ledger = sum(order.balance_fen for order in facts.local.values())
    return {
        "paid": yuan(paid),
        "refunded": yuan(refunded),
        "ledger": yuan(ledger),
        "differs by": f"{ledger - paid + refunded} fen",
    }


def _statement(statement: Mapping[str, Any]) -> dict[str, Any]:
    """Return the lines of the day's statement that a merchant reads first."""
    if not statement:
        return {}
    total = statement["total"]["there"]
    return {
        "day": statement["day"],
        "complete": statement["complete"],
        "orders": total["orders"],
        "paid": total["paid_yuan"],
        "orders differing": statement["orders_differing"],
    }


def _requests(outcome: ChaosOutcome) -> dict[str, Any]:
    """Return the run's requests by service and operation, units by table and kind, invocations by function."""
    by_service: dict[str, dict[str, int]] = {}
    for (service, operation), count in sorted(outcome.calls.items()):
        by_service.setdefault(service, {})[operation] = count
    units = {f"{table} {kind}": round(float(count), 1) for (table, kind), count in sorted(outcome.units.items())}
    return {"calls": by_service, "units": units, "invocations": dict(sorted(outcome.invocations.items()))}


def _per_order(outcome: ChaosOutcome) -> dict[str, float]:
    """Return what an order costs over its whole lifecycle in this run, faults and idle schedules included."""
    orders, services = outcome.plan.orders, Counter[str]()
    for (service, _), count in outcome.calls.items():
        services[service] += count
    kinds = Counter[str]()
    for (_, kind), count in outcome.units.items():
        kinds[kind] += count
    found = {f"{service} requests": count for service, count in services.items()}
    found |= {f"{kind} units": count for kind, count in kinds.items()} | {"invocations": outcome.invocations.total()}
    return {name: round(float(count) / orders, 3) for name, count in sorted(found.items())}


def picture(title: str, runs: Mapping[str, ChaosOutcome]) -> str:
    """Draw the curves of some runs."""
    lines = [
        Line(label, [(at / 60, 100 * differing / max(placed, 1)) for at, placed, differing in run.curve])
        for label, run in runs.items()
    ]
    return svg(title, lines, x_label="minutes of the run", y_label="orders not the same on both sides, %")


def show(console: Console, title: str, summary: Mapping[str, Any]) -> None:
    """Print a run's table and its findings."""
    table = Table(title=title, show_lines=True)
    table.add_column("what")
    table.add_column("seen", overflow="fold")
    for name, value in summary.items():
        if name not in {"verdict", "broken", "findings", "curve", "requests"}:
            table.add_row(name, _cell(value))
    console.print(table)
    control = bool(summary["switched off"])
    mark, style, shown = ("as it must be", "dim", 3) if control else ("BROKEN", "red", _SHOWN_BROKEN)
    for line in summary["broken"][:shown]:
        console.print(f"{mark}  {line}", markup=False, style=style)
    if summary["findings"] > shown:
        console.print(f"… and {summary['findings'] - shown} more", style=style)


def _cell(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {part}" for name, part in value.items()) or "none"
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)
