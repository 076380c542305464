"""Read what both sides of a world hold, as facts for the invariants, and count the orders that differ."""

import json
from collections import Counter
from typing import Any

from jiuwu.aws.dynamodb import unmarshal_fields
from jiuwu.members.accounts import member_id_for
from jiuwu.orders.codec import from_item
from jiuwu.orders.order import Order
from jiuwu.points.ledger import PointsLedger
from sandbox.invariants.facts import Facts, PointsBalance, RemoteOrder, same
from sandbox.simulation.aws.tables import Row
from sandbox.simulation.world.world import APP_ID, World
from sandbox.simulator.orders import Order as PlatformOrder

# What an injected fault ends a scheduled run with: a crash, or AWS out of reach for longer than boto3 retries.
_INJECTED = {
    "Killed",
    "TimedOut",
    "EndpointConnectionError",
    "ReadTimeoutError",
    "ProvisionedThroughputExceededException",
    "TableBusy",
    "FanoutFailed",
}


class WorldAudit:
    """Read one world; `ship_requests` are the effect ids that the warehouse received, repeats included."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.ship_requests: list[str] = []
        world.account.buses["TradeBus"].append(self._receive)
        self._cursor = 0
        self._differing: set[str] = set()

    def differing(self) -> int:
        """Return how many orders differ between the sides; read only those that changed since the last call."""
        table, platform = self._world.account.tables["OrdersTable"], self._world.platform.state.orders
        changed, _ = platform.changed(0, self._cursor, len(platform))
        self._cursor = platform.newest
        numbers = {order.number for order in changed} | {key[0].decode() for key in table.written}
        table.written.clear()
        for number in numbers:
            self._compare(number, table.rows.get((number.encode(),)), platform.find(number))
        return len(self._differing)

    def under_way(self, off: frozenset[str]) -> Counter[str]:
        """Count what was sent and has not arrived: notifications at the platform, messages on queues that are read.

        The tasks that a schedule puts on its own function's queue do not count: of those there is always a next one.
        """
        read = {
            source.queue
            for function in self._world.functions.values()
            if function.name not in off and not function.schedules
            for source in function.mappings
        }
        moving = {name: len(self._world.account.queue(name).messages) for name in sorted(read)}
        return +Counter(moving | {"notifications": self._world.platform.notifier.waiting})

    def facts(self, off: frozenset[str], errors: list[str], open_ids: list[str]) -> Facts:
        """Return all that the invariants look at, at the end of a run that lasted beyond every order's expiry."""
        log = self._world.platform.notifier.log
        return Facts(
            local=local_orders(self._world),
            remote=remote_orders(self._world),
            ship_requests=tuple(self.ship_requests),
            dead_letters=self._dead_letters(),
            forged=Counter(one.status or 0 for one in log if one.kind.startswith("forged")),
            unsettled=dict(self.under_way(off)),
            errors=tuple(errors),
            points={open_id: self._points(open_id) for open_id in open_ids},
            expiry_passed=True,
        )

    def statement(self, day: str) -> dict[str, Any]:
        """Return the day's statement; empty if there is none."""
        text = self._world.account.buckets["StatementsBucket"].get(f"statements/{day}.json")
        statement: dict[str, Any] = json.loads(text) if text else {}
        return statement

    def _points(self, open_id: str) -> PointsBalance:
        ledger = PointsLedger(self._world.account.client("dynamodb"), "PointsTable")
        audit = ledger.audit(member_id_for(APP_ID, open_id))
        return PointsBalance(audit.balance, audit.booked)

    def _dead_letters(self) -> dict[str, int]:
        """Count dead letters by kind, and messages by dead-letter queue.

        Scheduled runs that an injected fault ended do not count, nor do refunds that failed at the platform: the
        merchant requested those again.
        """
        world, account = self._world, self._world.account
        items = [row.item for row in account.tables["DeadLettersTable"].rows.values()]
        kinds = Counter(item["kind"]["S"] for item in items if "RefundFailed" not in item["reason"]["S"])
        found = {f"dead letters, {kind}": count for kind, count in kinds.items()}
        found |= {name: len(account.queue(name).messages) for name in sorted(self._dead_letter_queues())}
        injected = sum(count for kind, count in world.failed_runs.items() if kind in _INJECTED)
        return found | {"FailedRuns": len(account.queue("FailedRuns").messages) - injected}

    def _dead_letter_queues(self) -> set[str]:
        """Return the dead-letter queues that must be empty.

        That of a scheduled function's tasks is not among them when injected faults ended a task three times in a row:
        the next tick queues the task again, and what it did not reach is still due.
        """
        names = {queue.dead_letters for queue in self._world.account.queues.values()} - {""}
        for function in self._world.functions.values():
            kinds = {kind for name, kind in self._world.errors if name == function.name}
            if function.schedules and kinds <= _INJECTED:
                names -= {self._world.account.queue(source.queue).dead_letters for source in function.mappings}
        return names

    def _receive(self, event: dict[str, Any]) -> None:
        self.ship_requests.append(event["detail"]["effect_id"])

    def _compare(self, number: str, row: Row | None, remote: PlatformOrder | None) -> None:
        if row is not None and same(from_item(unmarshal_fields(row.item)), _as_remote(remote) if remote else None):
            self._differing.discard(number)
        else:
            self._differing.add(number)


def local_orders(world: World) -> dict[str, Order]:
    """Return our orders by number."""
    rows = world.account.tables["OrdersTable"].rows.values()
    return {order.order_no: order for order in (from_item(unmarshal_fields(row.item)) for row in rows)}


def remote_orders(world: World) -> dict[str, RemoteOrder]:
    """Return the platform's orders by our number."""
    return {order.number: _as_remote(order) for order in world.platform.state.orders}


def _as_remote(order: PlatformOrder) -> RemoteOrder:
    payments = {one.transaction_id: one.amount_fen for one in order.payments}
    refunds = {one.refund_id: one.amount_fen for one in order.succeeded_refunds}
    return RemoteOrder(order.status, payments, refunds)
