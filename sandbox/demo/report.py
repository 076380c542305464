"""The table and the verdict at the end of the demo; the same as data in .sandbox/demo.json."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from jiuwu.platform.money import yuan
from sandbox.demo.audit import SandboxAudit
from sandbox.demo.scenario import Run
from sandbox.invariants.checks import violations
from sandbox.invariants.facts import Facts

Rows = dict[str, Any]


def summarize(run: Run, audit: SandboxAudit, facts: Facts, seconds: Mapping[str, float]) -> dict[str, Any]:
    """Return all that is shown, as plain data."""
    broken = [str(violation) for violation in violations(facts)]
    return {
        "verdict": "broken" if broken else "kept",
        "broken": broken,
        "seed": run.seed,
        "seconds": {name: round(value, 1) for name, value in seconds.items()},
        "sent by the platform": _sent(audit),
        "received by us": _received(audit),
        "members and tokens": _members(run, audit),
        "orders": _orders(run, facts),
        "ships": _ships(facts),
        "money": _money(facts),
        "drift reported and repaired (a held order in each run)": dict(audit.drift()),
        "left under way": {name: count for name, count in facts.unsettled.items() if count},
    }


def _sent(audit: SandboxAudit) -> Rows:
    deliveries = {attempt["delivery"]: attempt["kind"] for attempt in audit.notifications()}
    return dict(Counter(deliveries.values()).most_common()) | {"attempts": len(audit.notifications())}


def _received(audit: SandboxAudit) -> Rows:
    replies = Counter(f"HTTP {a['status']}" if a["status"] else a["outcome"] for a in audit.notifications())
    return dict(replies.most_common())


def _members(run: Run, audit: SandboxAudit) -> Rows:
    counts = audit.stats()["counts"]
    answered = Counter(status for member in run.members for _, status in member.answers)
    return {
        "members logged in": len(run.members),
        "tokens": counts.get("tokens", {}),
        "answers members saw": {f"HTTP {status}": count for status, count in sorted(answered.items())},
        "platform calls": counts.get("calls", {}),
    }


def _orders(run: Run, facts: Facts) -> Rows:
    return {
        "placed": len(run.orders),
        "meant to be": dict(Counter(fate.value for fate in run.orders.values())),
        "here": dict(Counter(order.status.value for order in facts.local.values())),
        "there": dict(Counter(order.status for order in facts.remote.values())),
    }


def _ships(facts: Facts) -> Rows:
    received = facts.ship_requests
    return {"ship requests received": len(received), "distinct effect ids": len(set(received))}


def _money(facts: Facts) -> Rows:
    paid = sum(sum(order.payments.values()) for order in facts.remote.values())
    refunded = sum(sum(order.refunds.values()) for order in facts.remote.values())
    ledger = sum(order.balance_fen for order in facts.local.values())
    return {
        "paid at the platform": yuan(paid),
        "refunded": yuan(refunded),
        "ledger": yuan(ledger),
        "differs by": f"{ledger - paid + refunded} fen",
    }


def show(console: Console, summary: Mapping[str, Any]) -> None:
    """Print the table and the verdict."""
    table = Table(title="jiuwu-connect demo", show_lines=True)
    table.add_column("what")
    table.add_column("seen", overflow="fold")
    for name, value in summary.items():
        if name not in {"verdict", "broken"}:
            table.add_row(name, _cell(value))
    console.print(table)
    for line in summary["broken"]:
        console.print(f"BROKEN  {line}", markup=False, style="red")
    kept = summary["verdict"] == "kept"
    console.print(
        "VERDICT: every promise was kept"
        if kept
        else f"VERDICT: {len(summary['broken'])} findings against our promises",
        style="bold green" if kept else "bold red",
    )


def _cell(value: object) -> str:
    if isinstance(value, Mapping):
        return "\n".join(f"{name}: {_inline(part)}" for name, part in value.items()) or "none"
    return str(value)


def _inline(value: object) -> str:
    return ", ".join(f"{name} {part}" for name, part in value.items()) if isinstance(value, Mapping) else str(value)
