"""A pass of the reconciler over any number of due orders, and of the refresher over any number of members, simulated:
tasks on a queue, workers, pages, and the limits that make them wait. Time is simulated; nothing is read or written.

What a page asks for is what trade/sweep.py and functions/token_refresher ask for; a test holds both against the real
code, request by request.
"""

import heapq
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from sandbox.capacity.inputs import Inputs

# A page of a shard: (shard, how many, now) → when it is done.
type Step = Callable[[int, int, float], float]

PAGE = 100  # orders a page: what orders.query takes
WRITES = 25  # statements a request
# An order's write: its item, and the old and the new place in the index of what is due.
TABLE_UNITS, INDEX_UNITS = 1, 2
# A task of 120 s stops 20 s before its end and queues its rest.
TASK_SECONDS = 100.0


class Bucket:
    """A rate limit that makes callers wait: `take` returns when a request of this size may go."""

    def __init__(self, per_second: float) -> None:
        self._per_second, self._free_at = per_second, 0.0

    def take(self, now: float, amount: float = 1.0) -> float:
        """The time, `now` or later, at which `amount` is there."""
        start = max(now, self._free_at)
        self._free_at = start + amount / self._per_second
        return start


@dataclass(slots=True)
class Pass:
    """What a pass took: simulated seconds, requests by name, units, and the seconds that functions ran."""

    items: int
    seconds: float = 0.0
    requests: Counter[str] = field(default_factory=Counter)
    write_units: int = 0
    read_units: float = 0.0
    lambda_seconds: float = 0.0

    def dollars(self, inputs: Inputs) -> float:
        """What it costs, the tick's idle requests included."""
        prices, count = inputs.prices, self.requests
        return (
            self.write_units * prices.write_unit
            + self.read_units * prices.read_unit
            + count["kms"] * prices.kms_request
            + (count["sqs.send"] + count["sqs.receive"] + count["sqs.delete"]) * prices.sqs_request
            + count["invocation"] * prices.lambda_invocation
            + self.lambda_seconds * inputs.shop.memory_gb * prices.lambda_gb_second
        )


def reconcile(orders: int, inputs: Inputs, *, per_shard: list[int] | None = None) -> Pass:
    """A tick that finds `orders` due, by default evenly over the shards; none differs from the platform's view, and
    nothing is new in the platform's list of changed orders, which is a task of its own."""
    shards = inputs.shop.due_shards
    per_shard = per_shard or [orders // shards + (shard < orders % shards) for shard in range(shards)]
    done = Pass(orders)
    done.requests += Counter({"sqs.send": -(-(shards + 1) // 10), "invocation": 2, "platform": 1})
    done.requests += Counter({"sqs.receive": 1, "sqs.delete": 1})
    lane, table = Bucket(inputs.shop.reading_calls_per_second), Bucket(inputs.limits.table_write_units)
    indexes = [Bucket(inputs.limits.partition_write_units) for _ in range(shards)]

    def page(shard: int, size: int, now: float) -> float:
        done.requests += Counter(query=1, batch_get=1, platform=1)
        batches = -(-size // WRITES)
        done.requests["batch_write"] += batches
        done.read_units += size * 1.0
        done.write_units += size * (TABLE_UNITS + INDEX_UNITS)
        now = lane.take(now + inputs.seconds.query) + inputs.seconds.platform + inputs.seconds.batch_get
        now = max(table.take(now, size * TABLE_UNITS), indexes[shard].take(now, size * INDEX_UNITS))
        return now + batches * inputs.seconds.batch_write

    done.seconds = _work(per_shard, inputs.shop.reconcile_concurrency, page, done, inputs)
    return done


def refresh(members: int, inputs: Inputs, *, shards: int = 8, at_once: int = 8) -> Pass:
    """A tick that finds `members` due: each lease, renewal and save, `at_once` of them beside each other in a task."""
    per_shard = [members // shards + (shard < members % shards) for shard in range(shards)]
    done = Pass(members)
    done.requests += Counter({"sqs.send": 1, "invocation": 1})
    lane = Bucket(inputs.shop.login_calls_per_second)
    each = inputs.seconds.platform + 3 * inputs.seconds.kms + 3 * inputs.seconds.single_item

    def page(_shard: int, size: int, now: float) -> float:
        done.requests += Counter(query=1, kms=3 * size, platform=size, get_item=size, update_item=2 * size)
        done.write_units += 4 * size
        done.read_units += size
        now += inputs.seconds.query
        ends = [lane.take(now + each * (n // at_once)) + each for n in range(size)]
        return max(ends)

    done.seconds = _work(per_shard, shards, page, done, inputs)
    return done


def _work(per_shard: list[int], workers: int, page: Step, done: Pass, inputs: Inputs) -> float:
    """All shards' pages by so many workers, a page at a time in the sequence of time; a shard is one worker's at a
    time, and a task whose time is over queues its rest. Returns when the last one ends."""
    waiting = deque(enumerate(per_shard))
    running: list[tuple[float, int, int, float]] = []  # (now, shard, left, started)
    ended = 0.0
    while waiting or running:
        while waiting and len(running) < workers:
            done.requests += Counter({"sqs.receive": 1, "sqs.delete": 1, "invocation": 1})
            shard, left = waiting.popleft()
            started = ended + inputs.seconds.queue
            heapq.heappush(running, (started, shard, left, started))
        now, shard, left, started = heapq.heappop(running)
        if left and now - started < TASK_SECONDS:
            size = min(PAGE, left)
            heapq.heappush(running, (page(shard, size, now), shard, left - size, started))
            continue
        done.lambda_seconds += now - started
        ended = now
        if left:
            done.requests["sqs.send"] += 1
            waiting.append((shard, left))
    return ended
