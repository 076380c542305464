"""What both sides of a world hold, as the verdict judges it, and how many orders differ between them."""

from collections import Counter
from typing import Any

from jiuwu.orders.codec import from_item
from jiuwu.orders.order import Order
from sandbox.invariants import Facts, Remote, same
from sandbox.simulation.aws.tables import Row
from sandbox.simulation.world.world import World
from sandbox.simulator.orders import Order as PlatformOrder

# What a scheduled run ends with when a trouble of ours ends it: its death, or AWS out of reach beyond boto3's patience.
_OURS = {
    "Killed",
    "TimedOut",
    "EndpointConnectionError",
    "ReadTimeoutError",
    "ProvisionedThroughputExceededException",
    "TableBusy",
    "FanoutFailed",
}


class Books:
    """Read one world; `parcels` are the effect ids that the warehouse received, repeats included."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.parcels: list[str] = []
        world.account.buses["TradeBus"].append(self._take)
        self._cursor = 0
        self._differing: set[str] = set()

    def local(self) -> dict[str, Order]:
        """Our orders by number."""
        rows = self._world.account.tables["OrdersTable"].rows.values()
        return {order.order_no: order for order in (from_item(row.item) for row in rows)}

    def remote(self) -> dict[str, Remote]:
        """The platform's orders by our number."""
        return {order.number: _remote(order) for order in self._world.platform.state.orders}

    def differing(self) -> int:
        """How many orders are not the same on both sides; looks at those only that changed since it last looked."""
        table, book = self._world.account.tables["OrdersTable"], self._world.platform.state.orders
        changed, _ = book.changed(0, self._cursor, len(book))
        self._cursor = book.newest
        numbers = {order.number for order in changed} | {key[0].decode() for key in table.written}
        table.written.clear()
        for number in numbers:
            self._note(number, table.rows.get((number.encode(),)), book.find(number))
        return len(self._differing)

    def under_way(self, off: frozenset[str]) -> Counter[str]:
        """What has been sent and not arrived: notifications at the platform, messages on queues that are read. Without
        the tasks that a schedule puts on its own function's queue: of those there is always a next one."""
        read = {
            source.queue
            for function in self._world.functions.values()
            if function.name not in off and not function.schedules
            for source in function.mappings
        }
        moving = {name: len(self._world.account.queue(name).messages) for name in sorted(read)}
        return +Counter(moving | {"notifications": self._world.platform.notifier.waiting})

    def facts(self, off: frozenset[str], errors: list[str]) -> Facts:
        """All that the verdict judges."""
        local = self.local()
        pending = sum(bool(order.pending) for order in local.values())
        unsettled = self.under_way(off) + Counter({"orders with effects pending": pending})
        log = self._world.platform.notifier.log
        forged = Counter(one.status or 0 for one in log if one.kind.startswith("forged"))
        return Facts(local, self.remote(), tuple(self.parcels), self._dead(), forged, dict(unsettled), tuple(errors))

    def _dead(self) -> dict[str, int]:
        """Letters and dead messages, but for those of scheduled runs that our own troubles ended, and of refunds that
        failed at the platform: the merchant has asked for those again."""
        world, account = self._world, self._world.account
        kept = [row.item for row in account.tables["DeadLettersTable"].rows.values()]
        letters = Counter(item["kind"]["S"] for item in kept if "RefundFailed" not in item["reason"]["S"])
        dead = {f"dead letters, {kind}": count for kind, count in letters.items()}
        dead |= {name: len(account.queue(name).messages) for name in sorted(self._graves())}
        explained = sum(count for kind, count in world.failed_runs.items() if kind in _OURS)
        return dead | {"FailedRuns": len(account.queue("FailedRuns").messages) - explained}

    def _graves(self) -> set[str]:
        """The dead-letter queues; but not those of tasks that our own troubles ended three times in a row: every tick
        queues them anew, and what they did not come to is due still."""
        graves = {queue.dead_letters for queue in self._world.account.queues.values()} - {""}
        for function in self._world.functions.values():
            kinds = {kind for name, kind in self._world.errors if name == function.name}
            if function.schedules and kinds <= _OURS:
                graves -= {self._world.account.queue(source.queue).dead_letters for source in function.mappings}
        return graves

    def _take(self, event: dict[str, Any]) -> None:
        self.parcels.append(event["detail"]["effect_id"])

    def _note(self, number: str, row: Row | None, remote: PlatformOrder | None) -> None:
        if row is not None and same(from_item(row.item), _remote(remote) if remote else None):
            self._differing.discard(number)
        else:
            self._differing.add(number)


def _remote(order: PlatformOrder) -> Remote:
    payments = {one.transaction_id: one.amount_fen for one in order.payments}
    refunds = {one.refund_id: one.amount_fen for one in order.given_back}
    return Remote(order.status, payments, refunds)
