"""Run a busy shop under faults, and give a verdict: `python -m sandbox.demo`. Exits 1 when a promise is broken.

ORDERS=n places n orders instead of as many as fit in two minutes; SEED=n draws other faults.
"""

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from jiuwu.orders.order import Order
from jiuwu_cli.terminal.encoding import escape_unencodable
from sandbox.cloud.environments import SANDBOX
from sandbox.demo import report
from sandbox.demo.audit import SandboxAudit
from sandbox.demo.scenario import Run, Simulator, run_concurrently, settle
from sandbox.environment import Sandbox
from sandbox.install import InstallFailed
from sandbox.invariants.facts import Facts, RemoteOrder, same
from sandbox.processes import ProcessFailed
from sandbox.shop import products

# Build, deploy, ordering and settling fit in two minutes; settling needs the last part of them.
_TOTAL_SECONDS = 120.0
_SETTLING_SECONDS = 35.0
_MAX_SETTLING_SECONDS = 180.0
_MEMBERS = 50
_AT_LEAST = 250
_RECONCILE_EVERY_SECONDS = 4.0

FAULTS = {
    "notifications": {
        "duplicate": 0.30,
        "simultaneous": 0.08,
        "reorder": 0.20,
        "delay": 0.10,
        "drop": 0.05,
        "forge": 0.03,
        "unknown_fields": 0.05,
    },
    "calls": {"rate_limited": 0.02, "server_error": 0.02, "timeout": 0.004, "lost_reply": 0.02},
    "tokens_expire": 0.5,
}
PARAMETERS = {
    # a shop in fast motion: what waits for minutes in production waits for seconds here
    "PaymentCheckSeconds": "5",
    "RefreshAheadSeconds": "7170",  # of two hours: due for renewal after half a minute
    "DueShards": "2",  # as many as this machine takes at once
    "ReconcileSchedule": "rate(1 minute)",
    "RefreshSchedule": "rate(1 minute)",
}


@dataclass(slots=True)
class Demo:
    """A run, its timings, and where its progress is shown."""

    seed: int
    orders: int | None
    progress: Progress
    started: float = field(default_factory=time.monotonic)
    seconds: dict[str, float] = field(default_factory=dict)
    reconciled_at: float = 0.0
    check: Callable[[], None] = lambda: None  # raises once a part of the sandbox has ended

    def play(self, sandbox: Sandbox) -> tuple[Run, SandboxAudit, Facts]:
        """Log in, order and settle; return the run, its audit and the facts."""
        simulator = Simulator(sandbox.simulator_url, httpx.Client(timeout=20))
        put = simulator.http.put(f"{sandbox.simulator_url}/_sim/faults", json=FAULTS | {"seed": self.seed})
        put.raise_for_status()
        run = Run(self.seed, sandbox.api_url, sandbox.shop_url, simulator, [p.product_id for p in products.ALL])
        audit = SandboxAudit(sandbox)
        self.check = sandbox.check
        self._timed("members log in", lambda: self._log_in(run))
        self._timed("orders are placed and paid", lambda: self._order(run, audit))
        remaining = self._timed("both sides settle", lambda: self._settle(run, audit))
        return run, audit, _facts(run, audit, remaining)

    def _timed[T](self, what: str, step: Callable[[], T]) -> T:
        started = time.monotonic()
        try:
            return step()
        finally:
            self.seconds[what] = time.monotonic() - started

    def _log_in(self, run: Run) -> None:
        bar = self.progress.add_task("members log in", total=_MEMBERS)
        tick = partial(self._advance, bar)
        run_concurrently(run.log_in, until=lambda n: n >= _MEMBERS, errors=run.errors, tick=tick, check=self.check)

    def _order(self, run: Run, audit: SandboxAudit) -> None:
        bar = self.progress.add_task("orders", total=self.orders)
        end = self.started + _TOTAL_SECONDS - _SETTLING_SECONDS

        def enough(started: int) -> bool:
            if self.orders is not None:
                return started >= self.orders
            return started >= _AT_LEAST and time.monotonic() > end

        def tick() -> None:
            self._advance(bar)
            self._reconcile(audit)

        started = run_concurrently(run.order, until=enough, errors=run.errors, tick=tick, check=self.check)
        self.progress.update(bar, total=started)

    def _settle(self, run: Run, audit: SandboxAudit) -> Counter[str]:
        bar = self.progress.add_task("orders not yet equal", total=len(run.orders))

        def step() -> Counter[str]:
            self.check()
            self._reconcile(audit)
            remote = audit.remote()
            run.continue_orders({order_no: order.status for order_no, order in remote.items()})
            differing = _differing(audit.local(), remote)
            self.progress.update(bar, completed=len(run.orders) - differing)
            return audit.under_way() + Counter({"orders differ": differing, "orders to tend": len(run.waiting)})

        return settle(step, timeout=_MAX_SETTLING_SECONDS)

    def _reconcile(self, audit: SandboxAudit) -> None:
        """Invoke the reconciler: its schedule ticks once a minute at the fastest, the demo every few seconds."""
        if time.monotonic() - self.reconciled_at > _RECONCILE_EVERY_SECONDS:
            audit.sandbox.stack.invoke("Reconciler", {})
            self.reconciled_at = time.monotonic()

    def _advance(self, bar: TaskID) -> None:
        self.progress.advance(bar)


def _differing(local: dict[str, Order], remote: dict[str, RemoteOrder]) -> int:
    equal = {number for number, order in local.items() if same(order, remote.get(number))}
    return len((local.keys() | remote.keys()) - equal)


def _facts(run: Run, audit: SandboxAudit, remaining: Counter[str]) -> Facts:
    forged = Counter(a["status"] or 0 for a in audit.notifications() if a["kind"].startswith("forged"))
    return Facts(
        local=audit.local(),
        remote=audit.remote(),
        ship_requests=audit.ship_requests(),
        dead_letters=audit.dead_letters(),
        forged=forged,
        unsettled=dict(remaining),
        errors=tuple(run.errors),
    )


def _number(name: str) -> int | None:
    text = os.environ.get(name)
    if text and not (text.isascii() and text.isdigit() and int(text) > 0):
        raise SystemExit(f"{name}: expected a whole number above zero")
    return int(text) if text else None


def main() -> int:
    """Return 0 when every promise was kept, 1 when one was broken or a part did not start."""
    escape_unencodable()
    console = Console(stderr=False)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        demo = Demo(_number("SEED") or 1, _number("ORDERS"), progress)
        try:
            with Sandbox("demo", parameters=PARAMETERS, report=console.print) as sandbox:
                run, audit, facts = demo.play(sandbox)
                demo.seconds = sandbox.seconds | demo.seconds
                summary = report.summarize(run, audit, facts, demo.seconds)
        except (ProcessFailed, InstallFailed, OSError) as fault:
            console.print(f"the demo ends: {fault}", markup=False, highlight=False, soft_wrap=True)
            return 1
    report.show(console, summary)
    (SANDBOX / "demo.json").write_text(json.dumps(summary, indent=2, ensure_ascii=False), "utf-8")
    return 1 if summary["broken"] else 0


if __name__ == "__main__":
    sys.exit(main())
