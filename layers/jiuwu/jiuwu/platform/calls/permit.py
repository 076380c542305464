"""The permit that a call needs: from a rate limit and a circuit breaker that all instances share.

Here is only how a call acquires its permit and reports its outcome; throttling/ has the rest.
"""

from typing import Literal, Protocol

from jiuwu.platform.errors import (
    CircuitOpen,
    OwnLimitReached,
    PlatformBusy,
    PlatformError,
    PlatformInternal,
    PlatformUnreachable,
    RateLimited,
    UnknownOutcome,
)

CallOutcome = Literal["ok", "failed", "neither"]

# The platform is down or drowning. What it answers with reason, be it a refusal, shows that it lives.
_FAILURES = (PlatformBusy, PlatformInternal, PlatformUnreachable, UnknownOutcome)
# The pause after a refusal for our rate that names none (seconds).
_PAUSE = 1.0


class Permit(Protocol):
    """A permit for one attempt, or none: `refused` says why, and `retry_after` (seconds) when to ask next."""

    @property
    def refused(self) -> Literal["", "limit", "circuit"]: ...
    @property
    def retry_after(self) -> float: ...
    @property
    def fallback(self) -> bool:
        """Return whether the attempt goes to the profile's fallback address instead of the platform's own."""

    def report(self, outcome: CallOutcome, pause: float | None = None) -> None:
        """Report how the attempt ended; `pause`: the platform wants no such call for so many seconds."""


class PermitSource(Protocol):
    """Gives the permit for an attempt of a call; waits for it up to `max_wait_seconds`."""

    def __call__(self, call: str, max_wait_seconds: float) -> Permit: ...


class _Free:
    refused: Literal[""] = ""
    retry_after = 0.0
    fallback = False

    def report(self, outcome: CallOutcome, pause: float | None = None) -> None:
        """Count nothing."""


def unlimited(call: str, max_wait_seconds: float) -> Permit:  # noqa: ARG001 -- a PermitSource
    """Return a permit at once: a source without limits."""
    return _Free()


def acquire_permit(permits: PermitSource, call: str, max_wait_seconds: float) -> Permit:
    """Return the permit for an attempt. Raise OwnLimitReached or CircuitOpen."""
    permit = permits(call, max_wait_seconds)
    if permit.refused == "limit":
        raise OwnLimitReached(call, retry_after=permit.retry_after)
    if permit.refused == "circuit":
        raise CircuitOpen(call, retry_after=permit.retry_after)
    return permit


def report_outcome(permit: Permit, error: PlatformError | None) -> None:
    """Report how the attempt ended."""
    if isinstance(error, RateLimited):
        permit.report("neither", _PAUSE if error.retry_after is None else error.retry_after)
    else:
        permit.report("failed" if isinstance(error, _FAILURES) else "ok")
