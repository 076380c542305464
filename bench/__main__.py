"""Measure the ratios of the README's budget table and write .sandbox/bench.json: `python -m bench`.

No threshold makes it fail.
"""

import json
import os
import sys
from importlib import util
from types import ModuleType
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import (
    cold_start,
    order_lifecycle,
    payment_writes,
    rate_limit,
    resolver,
    signing,
    throughput,
    warm_invocation,
)
from bench.measure import Ratio
from jiuwu.aws import clients
from jiuwu_cli.terminal.encoding import escape_unencodable
from sandbox.cloud import ministack
from sandbox.cloud.environments import ROOT, SANDBOX
from sandbox.environment import Sandbox


def main() -> int:
    """Return exit status 0 when everything was measured."""
    escape_unencodable()
    console = Console()
    with Sandbox("bench", report=console.print) as sandbox:
        console.print("measuring: signing, warm and cold starts, writes, throughput …")
        os.environ |= ministack.CREDENTIALS | {"AWS_ENDPOINT_URL": sandbox.stack.endpoint_url}
        ratios = [*signing.run(), *_warm(sandbox), *cold_start.run(sandbox), *_resolver(sandbox)]
        used, flow = _writes(sandbox), throughput.run(sandbox)
    lifecycle = order_lifecycle.run()
    _show(console, ratios, used, flow)
    _show_lifecycle(console, lifecycle)
    leased = rate_limit.run()
    for name, units in leased.items():
        console.print(f"rate limit, per 1,000 calls of the platform, {name}: {units}")
    data = {
        "ratios": [ratio.as_dict() for ratio in ratios],
        "DynamoDB": used,
        "order lifecycle": lifecycle,
        "throughput": flow,
        "rate limit": leased,
    }
    (SANDBOX / "bench.json").write_text(json.dumps(data, indent=2, ensure_ascii=False), "utf-8")
    return 0


def _warm(sandbox: Sandbox) -> list[Ratio]:
    intake = _load(sandbox, "webhook_intake", "WebhookIntake")
    return warm_invocation.run(intake, sandbox.stack.outputs["CommunityQueue"], sandbox.app_secret)


def _resolver(sandbox: Sandbox) -> list[Ratio]:
    return resolver.run(sandbox, _load(sandbox, "storefront", "Storefront"))


def _writes(sandbox: Sandbox) -> dict[str, Any]:
    processor = _load(sandbox, "order_processor", "OrderProcessor")
    payment_writes.attach(clients.client("dynamodb"))
    from bench.powertools_peer import Peer  # Powertools' idempotency wants the region at import

    table = sandbox.stack.outputs["OrdersTable"]
    with warm_invocation.silent():
        return payment_writes.run(processor, Peer(table), table)


def _load(sandbox: Sandbox, folder: str, function: str) -> ModuleType:
    """Return the function's module, loaded in the environment that it is deployed with."""
    name = sandbox.stack.resources[function]
    os.environ |= sandbox.aws("lambda").get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    spec = util.spec_from_file_location(folder, ROOT / "functions" / folder / "app.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(folder)
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _show(console: Console, ratios: list[Ratio], used: dict[str, Any], flow: dict[str, Any]) -> None:
    table = Table(title="ratios (medians, both sides alternately)")
    for column in ("what", "ours", "floor", "ratio", "budget"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for r in ratios:
        budget = "" if r.budget is None else f"≤ {r.budget:g}"
        table.add_row(r.name, f"{r.ours:.3g} {r.unit}", f"{r.floor:.3g} {r.unit}", f"{r.ratio:.2f}", budget)
    console.print(table)
    table = Table(title="DynamoDB per payment notification (requests, write units with the index)")
    for column in ("what", *used):
        table.add_column(column)
    for row in next(iter(used.values())):
        table.add_row(
            row, *(f"{side[row]['requests']:g} requests, {side[row]['write units']:g} units" for side in used.values())
        )
    console.print(table)
    for name, value in flow.items():
        console.print(f"{name}: {value}")


def _show_lifecycle(console: Console, sides: dict[str, dict[str, float]]) -> None:
    table = Table(title="DynamoDB for an order's whole lifecycle: created, paid, shipped, completed")
    for column in ("what", *sides):
        table.add_column(column)
    for what in next(iter(sides.values())):
        table.add_row(what, *(f"{side[what]:g}" for side in sides.values()))
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
