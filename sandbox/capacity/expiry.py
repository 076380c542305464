"""Orders that nobody has paid in time: the reconciler asks for their cancellation, EffectDispatcher tells the platform.
What a page and a batch ask for is what reconciliation/worker.py and effects/dispatcher.py ask for.
"""

import heapq
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from jiuwu.effects.queue_delay import Backlog
from jiuwu.orders.codec import SHARDS
from jiuwu.reconciliation.repository import OVERLAP_SECONDS
from sandbox.capacity.inputs import Inputs
from sandbox.capacity.reconciling import Changes, look, tick
from sandbox.capacity.simulation import Pass
from sandbox.capacity.steps import PAGE, even, queued

_BATCH = 10  # messages an invocation gets
# An order with an effect that nobody has tried yet is looked at again after so long, and the ticks come as often; then
# after ever longer, up to an hour (reconciliation/repair.py), and never before the queue has had its turn.
CHECK_SECONDS, _LONGEST_SECONDS = 180.0, 3600.0
# How far back a tick goes in the list of changes: to the last tick's latest one, and what overlaps.
_LISTED_SECONDS = CHECK_SECONDS + OVERLAP_SECONDS


@dataclass(slots=True)
class _Group:
    """A page of unpaid orders: when the reconciler looks at it again, and when the platform has been told of it."""

    shard: int
    size: int
    due_at: float = 0.0
    told_at: float = float("inf")
    first_at: float = float("inf")

    def looked_at(self, now: float, wait: float) -> None:
        """Sets the next look, not before its message's turn."""
        self.first_at = min(self.first_at, now)
        self.due_at = now + max(CHECK_SECONDS, min(2 * (now - self.first_at), _LONGEST_SECONDS), wait)


class _Dispatchers:
    """EffectDispatcher, taking its queue's messages in their sequence, by full batches. What it does lies far ahead of
    the reconciler's time, so it is a pass of its own, with the limits to itself."""

    def __init__(self, done: Pass) -> None:
        self.done = done
        self._free = [0.0] * done.inputs.setup.most_at_once["EffectQueue"]
        self._room = 0  # in the last batch
        self._turns: list[tuple[float, int]] = []  # when messages are taken, and how many
        self._held = 0
        per_second = done.inputs.setup.calls_per_second["money"]
        self._backlogs = [Backlog(per_second, readers=SHARDS) for _ in range(SHARDS)]

    def wait(self, shard: int, now: float) -> float:
        """How long a message waits, as this shard's reader knows it (seconds)."""
        return self._backlogs[shard].wait(now, partial(self._count, now))

    def take(self, group: _Group, now: float) -> None:
        """A message for each order of the group: the platform is told of it, or was before."""
        if group.told_at < float("inf"):
            self._find_told(group.size, now)
        else:
            group.told_at = self._tell(group.size, now)
        self._backlogs[group.shard].add(group.size)
        heapq.heappush(self._turns, (group.told_at, group.size))
        self._held += group.size

    def _count(self, now: float) -> int:
        self.done.ask("sqs", "get_queue_attributes")
        while self._turns and self._turns[0][0] <= now:
            self._held -= heapq.heappop(self._turns)[1]
        return self._held

    def _tell(self, left: int, now: float) -> float:
        """The platform is told of so many, and that is written; when the last one's is."""
        ended = now
        while left:
            if not self._room:
                self._invoke(1)
                self.done.ask("dynamodb", "batch_execute_statement")
                self._room = _BATCH
            size = min(left, self._room)
            ended = self._batch(size, now)
            left, self._room = left - size, self._room - size
        return ended

    def _find_told(self, size: int, now: float) -> None:
        """The same messages a second time: each order is read, and nothing is left to do."""
        batches, seconds = -(-size // _BATCH), self.done.inputs.seconds
        self._invoke(batches)
        self.done.spend(now, "OrdersTable", "read", size)
        self._end(max(now, heapq.heappop(self._free)), batches * (seconds.queue + seconds.batch_get))

    def _batch(self, size: int, now: float) -> float:
        done, seconds = self.done, self.done.inputs.seconds
        begun = max(now, heapq.heappop(self._free)) + seconds.queue
        read = done.spend(begun, "OrdersTable", "read", size) + seconds.batch_get
        told = done.call(read, "money", "orders.push_status", size)
        ended = done.spend(told, "OrdersTable", "write", size) + seconds.batch_write
        self._end(begun, ended - begun)
        return ended

    def _invoke(self, batches: int) -> None:
        for operation in ("lambda_receive", "lambda_delete"):
            self.done.ask("sqs", operation, batches)
        self.done.ask("dynamodb", "batch_get_item", batches)
        self.done.invocations += batches

    def _end(self, begun: float, lasted: float) -> None:
        self.done.lambda_seconds += lasted
        heapq.heappush(self._free, begun + lasted)


def expire(orders: int, inputs: Inputs, *, per_shard: list[int] | None = None) -> Pass:
    """`orders` whose time to be paid is over at once: the reconciler asks for their cancellation, EffectDispatcher
    tells the platform, and what the platform has not been told by the next look is asked for again."""
    done, waiting = Pass(orders, inputs), _pages(per_shard or even(orders, SHARDS))
    dispatchers, now = _Dispatchers(Pass(orders, inputs)), 0.0
    groups, overdue = waiting, list[_Group]()
    while waiting or overdue:
        due = [group for group in waiting if group.due_at <= now]
        listed = sum(group.size for group in groups if now - _LISTED_SECONDS < group.told_at <= now)
        _look_at(done, due, dispatchers, now, Changes(listed, [(str(one.shard), one.size) for one in overdue]))
        now += CHECK_SECONDS
        told, waiting = [one for one in waiting if one.told_at <= now], [one for one in waiting if one.told_at > now]
        overdue = [group for group in told if group.due_at < group.told_at]
        _leave_index(done, sum(group.size for group in told) - sum(group.size for group in overdue))
    done.add(dispatchers.done)
    done.seconds = max(group.told_at for group in groups)
    return done


def _leave_index(done: Pass, orders: int) -> None:
    """With the write that the platform has been told; an order whose time to be looked at has come stays for the
    reconciler to clear."""
    done.spend(0, "OrdersTable/due", "write", orders)


def _look_at(done: Pass, due: Iterable[_Group], dispatchers: _Dispatchers, begun: float, changes: Changes) -> None:
    of_shard: dict[int, deque[_Group]] = defaultdict(deque)
    for group in due:
        of_shard[group.shard].append(group)

    def step(shard: int, size: int, now: float) -> float:
        if not size:
            return look(done, str(shard), 0, now)
        group = of_shard[shard].popleft()
        if group.told_at <= now:
            return now  # it has left the index
        group.looked_at(now, dispatchers.wait(shard, now))
        now = queued(done, size, look(done, str(shard), size, now))
        dispatchers.take(group, now)
        return now

    sizes = [sum(group.size for group in of_shard[shard]) for shard in range(SHARDS)]
    tick(done, [partial(step, shard) for shard in range(SHARDS)], sizes, begun, changes=changes)


def _pages(per_shard: list[int]) -> list[_Group]:
    return [
        _Group(shard, min(PAGE, size - begin)) for shard, size in enumerate(per_shard) for begin in range(0, size, PAGE)
    ]
