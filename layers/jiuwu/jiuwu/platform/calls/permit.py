"""What stands between a call and the platform: a rate limit and a circuit breaker that all instances share.

Here only how a call asks for leave and tells its end; who keeps the books is given from outside.
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

Outcome = Literal["ok", "failed", "neither"]

# The platform is down or drowning. What it answers with reason, be it a refusal, shows that it lives.
_FAILURES = (PlatformBusy, PlatformInternal, PlatformUnreachable, UnknownOutcome)
# The pause after a refusal for our rate that names none (seconds).
_PAUSE = 1.0


class Permit(Protocol):
    """Leave for one attempt, or none: `refused` says why and `retry_after` (seconds) when to ask again."""

    @property
    def refused(self) -> Literal["", "limit", "circuit"]: ...
    @property
    def retry_after(self) -> float: ...
    @property
    def fallback(self) -> bool:
        """To the profile's fallback address instead of the platform's own."""

    def report(self, outcome: Outcome, pause: float | None = None) -> None:
        """How the attempt ended; `pause`: the platform wants no such call for so many seconds."""


class Gate(Protocol):
    """Asked for leave before each attempt of a call; may wait for it up to `patience` seconds."""

    def __call__(self, call: str, patience: float) -> Permit: ...


class _Free:
    refused: Literal[""] = ""
    retry_after = 0.0
    fallback = False

    def report(self, outcome: Outcome, pause: float | None = None) -> None:
        """Nobody counts."""


def no_gate(call: str, patience: float) -> Permit:  # noqa: ARG001 -- a Gate
    """Where nothing limits calls."""
    return _Free()


def admitted(gate: Gate, call: str, patience: float) -> Permit:
    """Leave for an attempt; raises OwnLimitReached or CircuitOpen."""
    leave = gate(call, patience)
    if leave.refused == "limit":
        raise OwnLimitReached(call, retry_after=leave.retry_after)
    if leave.refused == "circuit":
        raise CircuitOpen(call, retry_after=leave.retry_after)
    return leave


def tell(leave: Permit, error: PlatformError | None) -> None:
    """Reports an attempt's end."""
    if isinstance(error, RateLimited):
        leave.report("neither", _PAUSE if error.retry_after is None else error.retry_after)
    else:
        leave.report("failed" if isinstance(error, _FAILURES) else "ok")
