"""The reconciler's ticks: due orders in their shards, and the platform's list of changes. What a page asks for is what
reconciliation/worker.py asks for.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from jiuwu.orders.codec import SHARDS
from sandbox.capacity.inputs import Inputs
from sandbox.capacity.simulation import Pass, Source, Task, work
from sandbox.capacity.steps import PAGE, SENT, even, get, put, read, write

_ENTRY_BYTES = 54  # a key of the index of what is due: names and values of its two keys and the table's
_TASK_SECONDS = 100.0  # a task of 120 s stops 20 s before its end and queues its rest


@dataclass(frozen=True, slots=True)
class Changes:
    """What a tick finds in the platform's list: how many orders, and of those that are over but still in the index of
    what is due, as their time had come before, the shard and the number, a page each."""

    listed: int = 0
    overdue: Sequence[tuple[str, int]] = ()


NONE = Changes()


def reconcile(orders: int, inputs: Inputs, *, per_shard: list[int] | None = None) -> Pass:
    """A tick that finds `orders` due, by default evenly over the shards; none differs from the platform's view, and
    nothing is new in the platform's list of changed orders, which is a task of its own."""
    done = Pass(orders, inputs)
    shards = per_shard or even(orders, SHARDS)
    done.seconds = tick(done, [partial(look, done, str(shard)) for shard in range(len(shards))], shards, 0.0)
    return done


def tick(
    done: Pass, steps: list[Callable[[int, float], float]], sizes: list[int], now: float, *, changes: Changes = NONE
) -> float:
    """One tick: a task for each shard, and one for the platform's list of orders that have changed."""
    _begin_tick(done)
    source = Source(done.inputs.setup.most_at_once["ReconcileQueue"], _TASK_SECONDS)
    tasks = [_changes(done, changes)]
    for step, size in zip(steps, sizes, strict=True):
        tasks.append(Task(size, PAGE, step, partial(_lease, done) if size else _at_once, partial(_report, done, size)))
    return work(done, tasks, source, now)


def _begin_tick(done: Pass) -> None:
    """How many shards there have ever been is read, then a message for each part."""
    done.ask("dynamodb", "get_item")
    done.spend(0, "ReconciliationTable", "read", 1)
    done.ask("sqs", "send_message_batch", -(-(SHARDS + 1) // SENT))
    done.invocations += 1
    done.lambda_seconds += done.inputs.invocation_seconds["idle"]


def _changes(done: Pass, changes: Changes) -> Task:
    """The platform's list of changes, read on from where the last pass came to, which is kept. Both sides have these
    alike; what was due is given no other time."""
    overdue = deque(changes.overdue)

    def opening(now: float) -> float:
        return get(done, put(done, now), 1)

    def step(size: int, now: float) -> float:
        now = done.call(now, "reading", "orders.changed")
        now = read(done, size, now) if size else now
        if overdue:
            shard, over = overdue.popleft()
            now = write(done, over, now, shard, moved=1)
        return put(done, now)

    return Task(changes.listed, PAGE, step, opening, partial(_changes_end, done, changes.listed), ends_below=PAGE + 1)


def look(done: Pass, shard: str, size: int, now: float) -> float:
    """A page of due orders, read on both sides, and each given a new time."""
    now = done.query(now, "OrdersTable/due", shard, size, _ENTRY_BYTES)
    if not size:
        return now
    now = done.call(now, "reading", "orders.query")
    now = read(done, size, now)
    return write(done, size, now, shard, moved=2)


def _changes_end(done: Pass, listed: int, task: Task, now: float) -> float:
    return _give_back(done, task, put(done, now) if listed else now)


def _at_once(now: float) -> float:
    return now


def _lease(done: Pass, now: float) -> float:
    return put(done, now)


def _report(done: Pass, size: int, task: Task, now: float) -> float:
    """What was found is kept, and the lease given back at the end; where nothing was due there is neither."""
    now = put(done, now) if size else now
    return _give_back(done, task, now) if size else now


def _give_back(done: Pass, task: Task, now: float) -> float:
    if not task.done:
        return now
    done.ask("dynamodb", "delete_item")
    return done.spend(now, "ReconciliationTable", "write", 1) + done.inputs.seconds.single_item
