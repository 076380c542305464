"""A reconciliation in parts that go over a queue: each due shard is one, the platform's list of changed orders another.

A lease in the reconciliation table keeps others from a task; it lapses with the invocation that took it. It saves
double work and never decides about right and wrong: two that synchronise the same order at once come to the same end.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from jiuwu.aws import task_queue, telemetry
from jiuwu.aws.dynamodb import Table
from jiuwu.orders.placement import retry_seconds

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

CHANGED = "changed"
# So many invocations on end are hours of work. A task that needs more is going in circles; the next tick starts over.
_STEPS = 500


class ShardTask(msgspec.Struct, frozen=True, omit_defaults=True):
    """A task of the reconcile queue.

    `name` is a due shard, CHANGED, or the number of an order that is to be placed; `until` the tick's time (Unix
    seconds): what comes due later is the next tick's; `start` where the shard is read on. `holder` and `step` say whose
    continuation it is, and which.
    """

    name: str
    until: int
    start: Mapping[str, Any] | None = None
    holder: str = ""
    step: int = 0

    def held_by(self, message_id: str) -> "ShardTask":
        """Return the task held by the receiver of this message, or by the one that began it."""
        return self if self.holder else msgspec.structs.replace(self, holder=message_id)

    def rest(self, start: Mapping[str, Any] | None) -> "ShardTask | None":
        """Return the continuation, reading on at `start`; None after too many."""
        return msgspec.structs.replace(self, start=start, step=self.step + 1) if self.step < _STEPS else None


def of_tick(shards: int, now: int) -> Iterator[ShardTask]:
    """Yield all parts of a reconciliation at `now`."""
    yield ShardTask(CHANGED, now)
    yield from (ShardTask(str(shard), now) for shard in range(shards))


def queue_placing(sqs: "SQSClient", queue_url: str, order_no: str, *, tries: int, check_seconds: int) -> None:
    """Have the reconciler place this order soon, after `tries` such tasks.

    A task that SQS refuses is no loss: an order that is not placed is due by itself.
    """
    if not (pause := retry_seconds(tries, check_seconds)):
        return
    task = msgspec.json.encode(ShardTask(order_no, until=0, step=tries)).decode()
    if refused := task_queue.send(sqs, queue_url, [task], delay_seconds=pause):
        telemetry.logger.warning("left to the reconciler", order_no=order_no, problem=f"not queued: {refused[0]}")


class Lease:
    """The right to work on a task until `until`, kept in the reconciliation table."""

    def __init__(self, table: Table, task: ShardTask) -> None:
        self._table, self._task = table, task
        self._key = {"record": f"lease#{task.name}"}
        self._acquired = False

    def acquire(self, now: int, until: int) -> bool:
        """Take the lease; return whether it is ours now. A continuation takes it from the step before it; the same
        message twice does not."""
        mine = {"holder": self._task.holder, "step": self._task.step}
        self._acquired = self._table.put_if(
            {**self._key, **mine, "until": until},
            "attribute_not_exists(#record) OR #until <= :now OR (#holder = :holder AND #step < :step)",
            now=now,
            **mine,
        ).done
        return self._acquired

    def release(self) -> None:
        """End the lease, unless it was never acquired or another holder has it by now."""
        if self._acquired:
            ours = "#holder = :holder AND #step = :step"
            self._table.delete_if(self._key, ours, holder=self._task.holder, step=self._task.step)
