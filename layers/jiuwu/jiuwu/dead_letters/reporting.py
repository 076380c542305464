"""Logs and metrics of this room: each message that is kept as a dead letter, or could not be."""

from jiuwu.aws import clients, telemetry

from .dead_letter import DeadLetter


def kept(dead_letter: DeadLetter) -> None:
    """Count and log a dead letter; nothing of its body.

    Also for a message that was kept before and is redelivered: counted twice it raises the alarm as well, and not at
    all would be what a crash between keeping and counting leaves.
    """
    telemetry.count("DeadLetters", kind=dead_letter.kind.value)
    fields = {
        "dead_letter_id": dead_letter.dead_letter_id,
        "kind": dead_letter.kind.value,
        "reason": dead_letter.reason,
        "source": dead_letter.source,
        "event_id": dead_letter.event_id,
        "order_no": dead_letter.order_no,
        "effect": dead_letter.effect,
        "delivery_id": dead_letter.delivery_id,
        "attempts": dead_letter.attempts,
        "failures": dead_letter.failures,
        "state": dead_letter.state,
    }
    telemetry.logger.error("dead letter", extra={name: value for name, value in fields.items() if value})


def not_kept(message_id: str, error: Exception) -> None:
    """Log a message that could not be kept, and is redelivered."""
    telemetry.logger.error("dead letter not kept", failed=clients.describe_error(error), message_id=message_id)
