"""Logs and metrics of this room: each step of a login, and each renewal of a token.

Of a cause only its kind, since its text may be about a person.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from jiuwu.aws import clients, telemetry

if TYPE_CHECKING:
    from .login_flow import LoginFailed


def served(route: str, outcome: str, member_id: str = "") -> None:
    """Log a request and its outcome."""
    fields = {"route": route, "outcome": outcome} | ({"member_id": member_id} if member_id else {})
    telemetry.logger.info("oauth", extra=fields)


def refused(reason: str) -> None:
    """Log a request that ended in a page."""
    telemetry.logger.info("oauth", extra={"outcome": reason})


def failed(failed: "LoginFailed", cause: BaseException | None = None) -> None:
    """Log a login that failed; as an error where a fault is the cause."""
    cause = cause or failed.__cause__
    fields = {"outcome": failed.failure} | ({"cause": clients.describe_error(cause)} if cause else {})
    write = telemetry.logger.error if cause else telemetry.logger.info
    write("oauth", extra=fields)


def renewal_tried(outcome: str, member_id: str, cause: Exception | None = None) -> None:
    """Count and log the outcome of a member's renewal."""
    telemetry.count("TokenRefreshes", outcome=outcome)
    fields = {"outcome": outcome, "member_id": member_id}
    telemetry.logger.info("token refresh", extra=fields | ({"cause": clients.describe_error(cause)} if cause else {}))


def members_table_failed(member_id: str, fault: Exception) -> None:
    """Count and log a renewal that the members table did not allow."""
    cause = clients.describe_error(fault)
    telemetry.logger.error("token refresh", outcome="table_unavailable", member_id=member_id, cause=cause)
    telemetry.count("TokenRefreshes", outcome="table_unavailable")


def token_key_failed(problem: str) -> None:
    """Count and log that KMS did not encrypt or decrypt a token."""
    telemetry.count("TokenKeyFailures")
    telemetry.logger.error("token key", extra={"outcome": "unavailable", "problem": problem})


def malformed_task(message_id: str) -> None:
    """Log a message of the refresh queue that is no task."""
    telemetry.logger.error("refresh queue", reason="malformed", message_id=message_id)


def shard_refreshed(shard: str, outcomes: Mapping[str, int], *, to_be_continued: bool) -> None:
    """Log the outcomes of a task."""
    telemetry.logger.info("token refresher", shard=shard, outcome=outcomes, to_be_continued=to_be_continued)
