"""The end of the demo: one table of what happened, and the verdict; the same as data in .sandbox/demo.json."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from jiuwu.platform.money import yuan
from sandbox.demo.scenario import Run
from sandbox.demo.snapshot import Books
from sandbox.invariants import Facts, judge

Rows = dict[str, Any]


def summarize(run: Run, books: Books, facts: Facts, seconds: Mapping[str, float]) -> dict[str, Any]:
    """All that is shown, as plain data."""
    verdict = judge(facts)
    return {
        "verdict": "kept" if verdict.kept else "broken",
        "broken": verdict.broken,
        "seed": run.seed,
        "seconds": {name: round(value, 1) for name, value in seconds.items()},
        "sent by the platform": _sent(books),
        "received by us": _received(books),
        "members and tokens": _members(run, books),
        "orders": _orders(run, facts),
        "ships": _ships(facts),
        "money": _money(facts),
        "drift reported and mended (a held order in each run again)": dict(books.drift()),
        "left under way": {name: count for name, count in facts.unsettled.items() if count},
    }


def _sent(books: Books) -> Rows:
    deliveries = {attempt["delivery"]: attempt["kind"] for attempt in books.notifications()}
    return dict(Counter(deliveries.values()).most_common()) | {"attempts": len(books.notifications())}


def _received(books: Books) -> Rows:
    replies = Counter(f"HTTP {a['status']}" if a["status"] else a["outcome"] for a in books.notifications())
    return dict(replies.most_common())


def _members(run: Run, books: Books) -> Rows:
    counts = books.stats()["counts"]
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
    return {"ship requests received": len(facts.ships), "parcels (distinct effect ids)": len(set(facts.ships))}


def _money(facts: Facts) -> Rows:
    paid = sum(sum(order.payments.values()) for order in facts.remote.values())
    back = sum(sum(order.refunds.values()) for order in facts.remote.values())
    ledger = sum(order.balance_fen for order in facts.local.values())
    return {
        "paid at the platform": yuan(paid),
        "given back": yuan(back),
        "ledger": yuan(ledger),
        "differs by": f"{ledger - paid + back} fen",
    }


def show(console: Console, summary: Mapping[str, Any]) -> None:
    """Prints the table and the verdict."""
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
