"""Logs and metrics of this room: how each notification that arrives is answered."""

from botocore.exceptions import ClientError

from jiuwu.aws import telemetry
from jiuwu.platform.signed_notifications import UNKNOWN_TYPE, Notification, NotificationQuarantined, NotificationRefused


def accepted(taken: Notification) -> None:
    """Log and count a notification that is in its queue."""
    # one line for both metrics, because each line written is CPU time that every notification costs
    telemetry.count("Notifications", also=_secret_metric(taken.secret_index), outcome="accepted")
    if taken.event_type == UNKNOWN_TYPE:
        telemetry.count("UnknownEventTypes")
    telemetry.logger.info(
        "notification",
        outcome="accepted",
        event_id=taken.event_id,
        event_type=taken.event_type,
        raw_type=taken.raw_type,
        delivery_id=taken.delivery_id,
    )


def quarantined(unreadable: NotificationQuarantined) -> None:
    """Log and count a signed notification that is not as the profile describes."""
    telemetry.count("Notifications", also=_secret_metric(unreadable.secret_index), outcome="quarantined")
    telemetry.logger.error(
        "notification",
        outcome="quarantined",
        event_id=unreadable.event_id,
        reason=unreadable.reason,
        field=unreadable.field,
        delivery_id=unreadable.delivery_id,
    )


def refused(refused: NotificationRefused) -> None:
    """Log and count a request that is refused."""
    telemetry.count("Notifications", outcome="refused")
    if refused.status == 401:
        telemetry.count("SignatureFailures", reason=refused.reason)
    telemetry.logger.warning("notification", outcome="refused", reason=refused.reason, field=refused.field)


def unavailable(error: Exception) -> None:
    """Log and count a notification that could not be taken in; of the error only its class and AWS's code."""
    telemetry.count("Notifications", outcome="unavailable")
    failed = error.operation_name if isinstance(error, ClientError) else type(error).__name__
    code = error.response["Error"].get("Code") if isinstance(error, ClientError) else None
    telemetry.logger.error("notification", outcome="unavailable", failed=failed, code=code)


def _secret_metric(secret_index: int) -> str:
    return "SecretMatchedCurrent" if secret_index == 0 else "SecretMatchedPrevious"
