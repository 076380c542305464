"""The effect queue: each message asks for the pending effects of one order.

A message that SQS refuses is no loss: an order with pending effects is due by itself, and the reconciler asks again.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from jiuwu.aws import task_queue
from jiuwu.runtime import SYSTEM, Runtime

from . import reporting
from .queue_delay import Backlog

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

# SQS delays a message by so many seconds at most.
_MAX_DELAY_SECONDS = 900


class EffectRequest(msgspec.Struct, frozen=True):
    """A message of the effect queue."""

    order_no: str


def order_no_of(body: str) -> str:
    """Return the order number of a message, empty for what is no request of ours."""
    try:
        return msgspec.json.decode(body, type=EffectRequest).order_no
    except (msgspec.DecodeError, UnicodeError) as error:
        reporting.malformed(error)
        return ""


def send(sqs: "SQSClient", queue_url: str, order_nos: Iterable[str], *, delay_seconds: int = 0) -> set[str]:
    """Ask for the pending effects of these orders, in up to 900 seconds; return the orders that SQS refused."""
    numbers = list(dict.fromkeys(order_nos))
    bodies = [msgspec.json.encode(EffectRequest(number)).decode() for number in numbers]
    return {numbers[place] for place in task_queue.send(sqs, queue_url, bodies, delay_seconds=delay_seconds)}


def queue_effects(sqs: "SQSClient", queue_url: str, order_nos: Iterable[str], *, delay_seconds: int = 0) -> None:
    """Ask for the pending effects of these orders, in up to 900 seconds."""
    if refused := send(sqs, queue_url, order_nos, delay_seconds=delay_seconds):
        reporting.unqueued(refused)


def queue_retries(sqs: "SQSClient", queue_url: str, next_at: Mapping[str, Sequence[int]], *, now: int) -> None:
    """Ask again for the effects of orders at the times of their next attempts (Unix seconds).

    What waits longer than SQS can delay is left to the due time of its order.
    """
    waits: dict[int, list[str]] = {}
    for number, times in next_at.items():
        for at in times:
            waits.setdefault(max(at - now, 0), []).append(number)
    for seconds, numbers in waits.items():
        if seconds <= _MAX_DELAY_SECONDS:
            queue_effects(sqs, queue_url, numbers, delay_seconds=seconds)


class EffectQueue:
    """The effect queue for a caller that asks for many effects; `backlog` estimates how long they wait there."""

    def __init__(self, sqs: "SQSClient", url: str, backlog: Backlog, *, runtime: Runtime = SYSTEM) -> None:
        self._sqs, self._url, self._backlog, self._clock = sqs, url, backlog, runtime.clock

    def enqueue(self, order_nos: Iterable[str]) -> None:
        """Ask for the pending effects of these orders."""
        numbers = list(order_nos)
        self._backlog.add(len(numbers))
        queue_effects(self._sqs, self._url, numbers)

    def wait(self) -> float:
        """Return how many seconds an effect queued now waits for its turn."""
        return self._backlog.wait(self._clock(), self._count)

    def _count(self) -> int | None:
        try:
            reply = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["ApproximateNumberOfMessages"])
        except (ClientError, BotoCoreError) as error:
            # no harm: some orders that expire are checked once more than they had to be, or later
            reporting.queue_not_counted(error)
            return None
        return int(reply["Attributes"]["ApproximateNumberOfMessages"])
