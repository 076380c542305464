"""The daily statement: our orders of a day in their parts, and the platform's list. What a step asks for is what
statements/tasks.py and functions/daily_statement ask for.
"""

from functools import partial

from jiuwu.orders.codec import DAY_SHARDS
from sandbox.capacity.inputs import Inputs
from sandbox.capacity.simulation import Pass, Source, Task, work
from sandbox.capacity.steps import PAGE, SENT, even, get, put, read

_NUMBERS = 500  # orders of a step
_ENTRY_BYTES = 54  # a key of the days index: names and values of its two keys
_TASK_SECONDS = 75.0  # a task of 120 s stops 45 s before its end and queues its rest


def statement(orders: int, inputs: Inputs, *, per_shard: list[int] | None = None) -> Pass:
    """The statement of a day with `orders`, all of which both sides have alike, and none has changed since."""
    done, shards = Pass(orders, inputs), per_shard or even(orders, DAY_SHARDS)
    _begin_statement(done)
    opening = partial(_current, done)
    tasks = [
        Task(size, PAGE, _Here(done, str(shard), size).step, opening, partial(_told, done), ends_below=1)
        for shard, size in enumerate(shards)
    ]
    tasks.append(Task(orders, PAGE, partial(_there, done), opening, partial(_told, done), ends_below=PAGE + 1))
    source = Source(inputs.setup.most_at_once["StatementQueue"], _TASK_SECONDS)
    done.seconds = _written(done, work(done, tasks, source))
    return done


def _begin_statement(done: Pass) -> None:
    """The run is noted, then a message for each task and one for the watch, which looks and waits for a quarter of an
    hour."""
    put(done, 0)
    done.ask("sqs", "send_message_batch", -(-(DAY_SHARDS + 2) // SENT))
    for operation in ("lambda_receive", "lambda_delete", "send_message"):
        done.ask("sqs", operation)
    get(done, 0, 1)
    done.invocations += 2
    done.lambda_seconds += 2 * done.inputs.invocation_seconds["idle"]


def _current(done: Pass, now: float) -> float:
    """Which run counts, and how far the task came."""
    return get(done, now, 2)


class _Here:
    """Our orders in one part of a day: five hundred numbers, each hundred compared with the platform's, then how far
    that came is kept."""

    def __init__(self, done: Pass, shard: str, orders: int) -> None:
        self._done, self._shard, self._left = done, shard, orders
        self._asked, self._compared = 0, 0

    def step(self, size: int, now: float) -> float:
        """A hundred orders, or the look that finds no more."""
        done = self._done
        if self._compared == self._asked:
            self._asked, self._compared = min(_NUMBERS, self._left), 0
            now = done.query(now, "OrdersTable/days", self._shard, self._asked, _ENTRY_BYTES)
        if size:
            now = done.call(read(done, size, now), "reading", "orders.query")
        self._left, self._compared = self._left - size, self._compared + size
        return put(done, now) if self._compared == self._asked else now


def _there(done: Pass, size: int, now: float) -> float:
    """A page of the platform's list, and which of it we have; each names the next one, so one reader has them all."""
    now = done.call(now, "reading", "orders.changed")
    return put(done, read(done, size, now) if size else now)


def _told(done: Pass, task: Task, now: float) -> float:
    """Whether the others are done, asked from the likeliest not to be: the list, which goes on for longest."""
    return get(done, now, 1) if task.done else now


def _written(done: Pass, now: float) -> float:
    """By the last task: all the others are done, too, so all tallies are read, and the report is written."""
    now = get(done, now, DAY_SHARDS + DAY_SHARDS + 1)
    done.ask("dynamodb", "update_item", 2)
    done.ask("s3", "put_object", 2)
    return done.spend(now, "ReconciliationTable", "write", 2) + 4 * done.inputs.seconds.single_item
