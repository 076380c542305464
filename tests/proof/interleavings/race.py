"""Where invocations cross: a stage at one moment, that any number of schedules can begin from."""

import copy
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from jiuwu.orders.codec import shard_of
from sandbox.simulation.aws.calls import Phase
from sandbox.simulation.world.world import Context
from tests.proof.interleavings.schedules import Act, Crossing
from tests.proof.promises import broken
from tests.proof.stage import SHARDS, Stage

# What happens after the crossing: a few runs of each schedule.
_REST_SECONDS = 800.0
_INVOCATION_SECONDS = 300.0


@dataclass
class Crossroads:
    """The stage, the invocations that cross, and the state to go back to."""

    stage: Stage
    arrivals: list[tuple[str, object, Callable[[Any], None]]] = field(default_factory=list)
    crossed: int = 0
    _saved: Any = None

    def arrive(self, function: str, event: object, then: Callable[[Any], None] = lambda _: None) -> None:
        """One more invocation, in a process of its own; `then` is given its reply at the end of each schedule."""
        self.arrivals.append((function, event, then))

    def arrive_for(self, function: str, queue_name: str) -> None:
        """An invocation for each message that the queue holds."""
        world = self.stage.world
        queue = world.account.queue(queue_name)
        for held in world.account.client("sqs").take(queue, 100, queue.visibility):
            event = world.batch(queue, [held])
            self.arrive(function, event, partial(self._deleted, queue_name, held.message_id))

    def _deleted(self, queue_name: str, message_id: str, reply: Any) -> None:
        failed = {one["itemIdentifier"] for one in reply["batchItemFailures"]}
        if message_id not in failed:
            self.stage.world.account.queue(queue_name).messages.pop(message_id, None)

    def remember(self) -> None:
        """Every schedule begins from here."""
        world, state = self.stage.world, self.stage.world.platform.state
        held = {queue.name: (queue.messages, queue.heap) for queue in world.account.queues.values()}
        self._saved = copy.deepcopy((world.account.tables, held, state.orders, state.grants)), world.clock.now

    def walk(self, choices: Sequence[int]) -> tuple[list[tuple[int, ...]], list[str]]:
        """One schedule from the remembered moment to rest: who could go on when, and the promises that broke."""
        self._go_back()
        world, crossing = self.stage.world, Crossing(self._matters)
        world.calls.on_call, world.clock.ends = crossing.on_call, world.clock.now + _INVOCATION_SECONDS
        answers, ways = crossing.walk([self._act(function, event) for function, event, _ in self.arrivals], choices)
        world.calls.on_call, world.clock.ends = _nothing, float("inf")
        for (_, _, then), answer in zip(self.arrivals, answers, strict=True):
            then(answer)
        self.crossed += 1
        world.start()
        for queue in world.account.queues.values():
            if queue.heap:
                queue.on_sent(queue.heap[0][0])  # what was sent while nobody read
        world.clock.run(world.clock.now + _REST_SECONDS)
        return ways, broken(self.stage)

    def _act(self, function: str, event: object) -> Act:
        # a new process each time: what one keeps in its memory is later than the moment that we went back to
        handler, clock = self.stage.world.process(function), self.stage.world.clock
        return lambda: handler(event, Context(clock))

    def _go_back(self) -> None:
        world, ((tables, held, book, grants), now) = self.stage.world, copy.deepcopy(self._saved)
        world.stop()
        world.clock.now = now
        world.account.tables.clear()
        world.account.tables.update(tables)
        for queue in world.account.queues.values():
            queue.messages, queue.heap = held[queue.name]
        world.platform.state.orders, world.platform.state.grants = book, grants
        world.platform.restart()
        self.stage.parcels.clear()
        world.errors.clear()

    def _matters(self, service: str, operation: str, request: Any) -> bool:
        """Reading and writing the orders, the points, and the platform's orders. All else commutes: each invocation
        only sends to queues and the bus, reads what nobody writes here, and writes what is its own; the rate limit's
        leases (LimitsTable) decide when a call leaves, and never what it says."""
        if service == "platform":
            return bool(operation.startswith(("orders.", "refunds.")))
        if service != "dynamodb":
            return False
        tables = json.dumps(request, default=str)
        if "PointsTable" in tables:
            return True
        return "OrdersTable" in tables and (operation != "query" or bool(self._finds_it(request)))

    def _finds_it(self, request: Any) -> bool:
        """The index of what is due is cut into shards, and only one of them can hold the order."""
        due = self.stage.order
        values = json.dumps(request.get("ExpressionAttributeValues", {}))
        return json.dumps({"S": shard_of(due.order_no, SHARDS)}) in values


def _nothing(service: str, operation: str, phase: Phase, request: Any) -> None:
    """Notify nobody."""
