"""Logs and metrics of this room: each message that is kept as a dead letter, or could not be."""

from jiuwu.aws import clients, telemetry

from .dead_letter import DeadLetter


def kept(letter: DeadLetter) -> None:
    """Count and log a dead letter; nothing of its body.

    Also for a message that was kept before and is redelivered: counted twice it raises the alarm as well, and not at
    all would be what a crash between keeping and counting leaves.
    """
    telemetry.count("DeadLetters", kind=letter.kind.value)
    fields = {
        "dead_letter_id": letter.dead_letter_id,
        "kind": letter.kind.value,
        "reason": letter.reason,
        "source": letter.source,
        "event_id": letter.event_id,
        "order_no": letter.order_no,
        "effect": letter.effect,
        "delivery_id": letter.delivery_id,
        "attempts": letter.attempts,
        "failures": letter.failures,
        "state": letter.state,
    }
    telemetry.logger.error("dead letter", extra={name: value for name, value in fields.items() if value})


def not_kept(message_id: str, error: Exception) -> None:
    """Log a message that could not be kept, and is redelivered."""
    telemetry.logger.error("dead letter not kept", failed=clients.describe_error(error), message_id=message_id)
