"""Effects that failed permanently, sent to the dead letters: a person can read and redrive them there."""

import msgspec

from jiuwu.dead_letters.queue import DeadLetterQueue
from jiuwu.orders.order import Failure

from .dispatcher import Attempt

_LONGEST_REASON = 1000


def send_to_dlq(queue: DeadLetterQueue, attempt: Attempt, failure: Failure) -> None:
    """Send an effect with the reason and the number of its attempts; raise what SQS raises."""
    effect = {"order_no": attempt.order_no, "effect": str(attempt.effect)}
    facts = {"kind": failure.kind, "reason": f"{failure.reason}: {attempt.problem}"[:_LONGEST_REASON]}
    queue.send(msgspec.json.encode(effect).decode(), facts | {"attempts": str(attempt.number)} | effect)
