"""How long a pass over very many items takes and what it costs, from its counted usage.

Duration is a bottleneck bound: of each stage's demands (platform calls of a lane, units of a table, an index or one of
its keys, work of so many concurrent functions) the one that takes longest at the rate it is granted. Stages run one
after the other. A function that waits for its turn is billed meanwhile.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from math import ceil

from bench.capacity import counted_passes, page_seconds
from bench.capacity.inputs import Inputs
from bench.capacity.usage import Line, Usage
from jiuwu.members.grants import SHARDS as MEMBER_SHARDS
from jiuwu.orders.codec import DAY_SHARDS, SHARDS

_INDEX_SHARDS = {"OrdersTable/due": SHARDS, "OrdersTable/days": DAY_SHARDS, "MembersTable/refresh": len(MEMBER_SHARDS)}
_PAGE, _BATCH = 100, 10


@dataclass(frozen=True, slots=True)
class Stage:
    """Work of one function on one queue: platform calls of a lane, seconds of work, and the messages it is split into.

    Each message is worked on by one invocation at a time, which queues the rest after `task_seconds`.
    """

    queue: str
    lane: str
    calls: float
    work_seconds: float
    messages: float
    task_seconds: float = 0.0
    parallel: bool = False  # runs beside the others, and ends before them

    def seconds(self, inputs: Inputs) -> float:
        """Return how long the stage takes, by its lane and by its functions."""
        by_lane = self.calls / inputs.configuration.calls_per_second[self.lane]
        return max(by_lane, self.work_seconds / self.concurrency(inputs))

    def billed_seconds(self, inputs: Inputs) -> float:
        """Return how long its functions run in sum, waiting included."""
        return self.seconds(inputs) * self.concurrency(inputs)

    def invocations(self, inputs: Inputs) -> float:
        """Return how many invocations it takes."""
        if not self.task_seconds:
            return self.messages
        return self.messages * max(1, ceil(self.billed_seconds(inputs) / self.messages / self.task_seconds))

    def concurrency(self, inputs: Inputs) -> float:
        """Return how many of the function run at once: each message is in flight while it is worked on."""
        limits, configured = inputs.limits, inputs.configuration.max_concurrency[self.queue]
        allowed = (limits.poller_concurrency, limits.concurrency, limits.sqs_in_flight, max(1.0, self.messages))
        return min(configured, *allowed)


type Stages = Callable[[int, Inputs], list[Stage]]


@dataclass(frozen=True)
class BulkPass:
    """A pass over many items: its counted usage, and its stages for a number of items. `task_messages` are those that
    only start or watch it."""

    items: str
    line: Line
    stages: Stages
    task_messages: int

    def of(self, count: int, inputs: Inputs) -> "Estimate":
        """Return the estimate for so many items."""
        return Estimate(count, self.line.at(count), self.stages(count, inputs), self.task_messages, inputs)


@dataclass(frozen=True)
class Estimate:
    """A pass over `count` items."""

    count: int
    usage: Usage
    stages: list[Stage]
    task_messages: int
    inputs: Inputs

    @cached_property
    def seconds(self) -> float:
        """Return how long the pass takes."""
        in_turn = sum(stage.seconds(self.inputs) for stage in self.stages if not stage.parallel)
        return max(in_turn, *_table_seconds(self.usage, self.inputs))

    @cached_property
    def invocations(self) -> float:
        """Return the number of invocations."""
        return self.task_messages + sum(stage.invocations(self.inputs) for stage in self.stages)

    @cached_property
    def dollars(self) -> float:
        """Return the cost, the rate limit's own reads and writes included."""
        prices, shop, calls = self.inputs.prices, self.inputs.shop, self.usage.of("platform")
        billed = sum(stage.billed_seconds(self.inputs) for stage in self.stages)
        return (
            (self.usage.kind("write") + calls * shop.lane_write_units) * prices.write_unit
            + (self.usage.kind("read") + calls * shop.lane_read_units) * prices.read_unit
            + self.usage.of("kms") * prices.kms_request
            + (self.usage.of("sqs") + 2 * self.invocations) * prices.sqs_request
            + self.invocations * prices.lambda_invocation
            + billed * shop.memory_gb * prices.lambda_gb_second
        )


def _table_seconds(usage: Usage, inputs: Inputs) -> Iterator[float]:
    """Yield how long each table and index takes, and each index's shards."""
    limits = inputs.limits
    for (name, kind), units in usage.units.items():
        reading = kind == "read"
        yield units / (limits.table_read_units if reading else limits.table_write_units)
        if shards := _INDEX_SHARDS.get(name):
            yield units / shards / (limits.partition_read_units if reading else limits.partition_write_units)


def count_passes() -> dict[str, BulkPass]:
    """Run and count every pass; the same figures each time."""
    return {
        "reconciled": BulkPass("due orders reconciled", counted_passes.count_reconciled(), _reconciled, 2),
        "cancelled": BulkPass("unpaid orders cancelled", counted_passes.count_cancelled(), _cancelled, 0),
        "statement": BulkPass("orders in a day's statement", counted_passes.count_statement(), _statement, 2),
        "renewed": BulkPass("members' tokens renewed", counted_passes.count_renewed(), _renewed, 1),
    }


def _reconciled(orders: int, inputs: Inputs) -> list[Stage]:
    pages = orders / _PAGE
    work = pages * page_seconds.due_page(inputs)
    return [Stage("ReconcileQueue", "reading", pages, work, SHARDS, page_seconds.TASK)]


def _cancelled(orders: int, inputs: Inputs) -> list[Stage]:
    pages, batches = orders / _PAGE, orders / _BATCH
    queued = _PAGE / _BATCH * inputs.seconds.send
    checked = pages * (page_seconds.due_page(inputs) + queued)
    work = batches * inputs.invocation_seconds["EffectDispatcher"]
    return [
        Stage("ReconcileQueue", "reading", pages, checked, SHARDS, page_seconds.TASK, parallel=True),
        Stage("EffectQueue", "money", orders, work, batches),
    ]


def _statement(orders: int, inputs: Inputs) -> list[Stage]:
    """Our orders by several readers, then the platform's list, whose pages name the next one, by one."""
    pages = orders / _PAGE
    local = pages * page_seconds.local_page(inputs)
    remote = pages * page_seconds.list_page(inputs)
    return [
        Stage("StatementQueue", "reading", pages, local, DAY_SHARDS, page_seconds.STATEMENT_TASK),
        Stage("StatementQueue", "reading", pages, remote, 1, page_seconds.STATEMENT_TASK),
    ]


def _renewed(members: int, inputs: Inputs) -> list[Stage]:
    work = members * page_seconds.renewal(inputs)
    return [Stage("RefreshQueue", "login", members, work, len(MEMBER_SHARDS), page_seconds.TASK)]
