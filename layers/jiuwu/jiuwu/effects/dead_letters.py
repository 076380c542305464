"""Effects that failed permanently, sent to the dead letters: a person can read and redrive them there."""

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from jiuwu.dead_letters.failed_message import Kind, Record
from jiuwu.dead_letters.queue import DeadLetterQueue
from jiuwu.orders.order import Failure

from . import reporting
from .dispatcher import Attempt

_MAX_REASON_CHARACTERS = 1000


def send_to_dlq(queue: DeadLetterQueue, attempt: Attempt, failure: Failure) -> None:
    """Send an effect with the reason and the number of its attempts; raise what SQS raises."""
    effect = {"order_no": attempt.order_no, "effect": str(attempt.effect)}
    facts = {"kind": failure.kind, "reason": f"{failure.reason}: {attempt.problem}"[:_MAX_REASON_CHARACTERS]}
    queue.send(msgspec.json.encode(effect).decode(), facts | {"attempts": str(attempt.number)} | effect)


def malformed_sent(queue: DeadLetterQueue, record: Record) -> bool:
    """Move a message that is no request of ours to the dead letters as received; return whether that went well."""
    try:
        queue.send_message(record, kind=Kind.POISON, reason="malformed: not a request of ours")
    except (ClientError, BotoCoreError) as error:
        reporting.not_sent_to_dlq(error)
        return False
    return True
