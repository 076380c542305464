"""Scheduled work as the tasks of a queue: one message per task, so that tasks run in parallel and fail alone.

The run that enqueues is short and knows no task's outcome. The queue redelivers a task that raises; one that keeps
failing ends in the queue's dead letters.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING, Any, cast

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from . import clients

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_MESSAGES_AT_ONCE = 10  # SendMessageBatch's limit
_TRIES = 3

type Body = msgspec.Struct | Mapping[str, object]


class FanoutFailed(Exception):
    """The queue refused some tasks; those it took run. Says how many it refused, and why the first."""

    def __init__(self, unqueued: int, of: int, why: str) -> None:
        super().__init__(f"{unqueued} of {of} tasks were not queued: {why}")
        self.unqueued = unqueued


@dataclass(frozen=True, slots=True)
class Task[T]:
    """A task as received: the id to report when it failed, and what is to be done (None: no task of ours)."""

    message_id: str
    body: T | None


def enqueue(sqs: "SQSClient", queue_url: str, tasks: Iterable[Body]) -> int:
    """Queue each task as JSON, ten a request; return how many.

    Raise FanoutFailed after all have been tried, so that the caller's run fails visibly.
    """
    bodies = [msgspec.json.encode(task).decode() for task in tasks]
    if refused := send(sqs, queue_url, bodies):
        raise FanoutFailed(len(refused), len(bodies), next(iter(refused.values())))
    return len(bodies)


def tasks[T](event: Mapping[str, Any], of: type[T]) -> list[Task[T]]:
    """Return the tasks of an SQS event, each body read as `of`."""
    return [Task(record["messageId"], _read(record["body"], of)) for record in event["Records"]]


def batch_failures(message_ids: Iterable[str]) -> dict[str, list[dict[str, str]]]:
    """Return the reply to an SQS event: these messages failed and are redelivered, all others are deleted."""
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in message_ids]}


def send(sqs: "SQSClient", queue_url: str, bodies: Sequence[str], *, delay_seconds: int = 0) -> dict[int, str]:
    """Queue each body, to be delivered in up to 900 seconds; return the places of those refused, and why.

    boto3 retries whole requests only, so entries that SQS refused singly are sent again here.
    """
    refused: dict[int, str] = {}
    for places in batched(range(len(bodies)), _MESSAGES_AT_ONCE, strict=False):
        unsent = dict.fromkeys(places, "")
        try:
            for _ in range(_TRIES):
                unsent = _refused(sqs, queue_url, {n: bodies[n] for n in unsent}, delay_seconds) if unsent else unsent
        except (ClientError, BotoCoreError) as error:
            unsent = dict.fromkeys(unsent, clients.describe_error(error))
        refused |= unsent
    return refused


def _refused(sqs: "SQSClient", queue_url: str, bodies: Mapping[int, str], delay_seconds: int) -> dict[int, str]:
    entries = [{"Id": str(n), "MessageBody": body, "DelaySeconds": delay_seconds} for n, body in bodies.items()]
    reply = sqs.send_message_batch(QueueUrl=queue_url, Entries=cast(Any, entries))
    return {int(failed["Id"]): failed.get("Code", "unknown") for failed in reply.get("Failed", ())}


def _read[T](body: str, of: type[T]) -> T | None:
    try:
        return msgspec.json.decode(body, type=of)
    except (msgspec.DecodeError, UnicodeError):
        return None
