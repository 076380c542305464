"""Logs and metrics of this room: attempts at effects and their alerts, and messages of the effect queue."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from jiuwu.aws import clients, telemetry
from jiuwu.orders import alerts as order_alerts
from jiuwu.orders.ids import effect_id

if TYPE_CHECKING:
    from .dispatcher import Attempt, Dispatched


def unqueued(order_nos: Iterable[str]) -> None:
    """Log the orders whose message SQS refused."""
    telemetry.logger.error("effects left to the reconciler", order_nos=sorted(order_nos))


def queue_not_counted(error: Exception) -> None:
    """Log that SQS did not say how many messages wait."""
    telemetry.logger.warning("the effect queue's length is not known", failed=clients.describe_error(error))


def malformed(error: Exception) -> None:
    """Log a message that is no request of ours; its text stays out."""
    telemetry.logger.error("effect queue", reason="malformed", failed=type(error).__name__)


def not_sent_to_dlq(error: Exception) -> None:
    """Log that the dead-letter queue refused a malformed message, which is redelivered."""
    telemetry.logger.error("effect queue", reason="not_sent_to_dlq", failed=clients.describe_error(error))


def unavailable(error: Exception) -> None:
    """Log that the orders table did not answer; the messages are redelivered."""
    telemetry.logger.error("effect queue", reason="unavailable", failed=clients.describe_error(error))


def dispatched(dispatched: "Dispatched") -> None:
    """Log and count the attempts, the alerts, and the orders that could not be read or written."""
    _attempted(dispatched.attempts)
    _alerted(dispatched.alerts)
    _unwritten(dispatched.unwritten)


def _attempted(attempts: Sequence["Attempt"]) -> None:
    """Log each attempt, and count them by the kind of their effect and their outcome."""
    counts: Counter[tuple[str, str]] = Counter()
    for attempt in attempts:
        outcome = "failed_permanently" if attempt.verdict.failure else "failed" if attempt.problem else "done"
        counts[attempt.effect.kind, outcome] += 1
        fields = {"effect_id": effect_id(attempt.order_no, attempt.effect), "order_no": attempt.order_no}
        write = telemetry.logger.warning if attempt.problem else telemetry.logger.info
        reason = {"reason": attempt.problem} if attempt.problem else {}
        write("effect", extra={**fields, "outcome": outcome, **reason})
    for (kind, outcome), count in counts.items():
        telemetry.count("Effects", count, effect=kind, outcome=outcome)


def _unwritten(reasons: Mapping[str, str]) -> None:
    """Log the orders that could not be read or written, with the reason."""
    for order_no, reason in reasons.items():
        telemetry.logger.error("effect", order_no=order_no, outcome="failed", reason=reason)


def _alerted(alerts: Mapping[str, tuple[str, ...]]) -> None:
    """Log and count the alerts of each order."""
    for order_no, found in alerts.items():
        telemetry.logger.error("effect", order_no=order_no, alerts=found)
        order_alerts.count(found)
