"""What this room logs: each step of a login. Of a cause only its kind, since its text may be about a person."""

from jiuwu.aws import clients, telemetry

from .login_flow import LoginFailed


def served(route: str, outcome: str, member_id: str = "") -> None:
    """Log a request and its outcome."""
    fields = {"route": route, "outcome": outcome} | ({"member_id": member_id} if member_id else {})
    telemetry.logger.info("oauth", extra=fields)


def failed(failed: LoginFailed, cause: BaseException | None = None) -> None:
    """Log a login that failed; as an error where a fault is the cause."""
    cause = cause or failed.__cause__
    fields = {"outcome": failed.failure} | ({"cause": clients.describe_error(cause)} if cause else {})
    write = telemetry.logger.error if cause else telemetry.logger.info
    write("oauth", extra=fields)
