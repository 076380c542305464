"""Retries of a call: when, after which wait, and when the outcome is unknown."""

from collections.abc import Callable

from jiuwu.backoff import Backoff
from jiuwu.platform.errors import (
    BadParameters,
    BadReply,
    ContentRefused,
    Facts,
    NonceReused,
    OrderConflict,
    OrderUnknown,
    PlatformError,
    PlatformInternal,
    ProductRefused,
    ProductUnknown,
    RateLimited,
    TransitionRefused,
    UnknownOutcome,
)
from jiuwu.runtime import Runtime

# These speak of the matter itself, so they hold even when an earlier attempt of the call may have been done.
_VERDICTS = (
    BadParameters,
    ContentRefused,
    OrderConflict,
    OrderUnknown,
    ProductRefused,
    ProductUnknown,
    TransitionRefused,
)
# A call is one member's or one task's wait: three attempts end within two seconds of pauses.
_BACKOFF = Backoff(rounds=3, first_seconds=0.1, longest_seconds=1.0)


def call_with_retries[T](send: Callable[[], T], *, write: bool, repeatable: bool, runtime: Runtime) -> T:
    """Return the result of `send`, retried where that is safe; `repeatable`: a second attempt has no further effect.

    Raise the last attempt's error, or UnknownOutcome when an attempt of a write may have been done and the last one
    does not say.
    """
    doubt: UnknownOutcome | None = None
    for attempt in range(1, _BACKOFF.rounds + 1):
        try:
            return send()
        except PlatformError as error:
            doubt = (_doubt(error) if write else None) or doubt
            wait = _wait(attempt, error, runtime)
            hopeful = error.retryable or isinstance(error, UnknownOutcome)
            last = error.held_back or attempt == _BACKOFF.rounds or wait > _BACKOFF.longest_seconds
            if last or not (repeatable and hopeful):
                raise (error if doubt is None or isinstance(error, _VERDICTS) else doubt) from None
        runtime.sleep(wait)
    raise AssertionError("the last attempt returns or raises")


def _wait(attempt: int, error: PlatformError, runtime: Runtime) -> float:
    """Return the seconds to wait after `attempt` (from 1); the platform's own retry_after takes precedence."""
    if isinstance(error, RateLimited) and error.retry_after is not None:
        return error.retry_after
    return _BACKOFF.pause(attempt, runtime.random)


def _doubt(error: PlatformError) -> UnknownOutcome | None:
    """Return what a write's error leaves open; None when it says that nothing was done."""
    if isinstance(error, UnknownOutcome):
        return error
    if isinstance(error, PlatformInternal):
        return _unknown(error, "the platform failed on the way")
    if isinstance(error, NonceReused):
        # our nonces are fresh, so the platform has had this very request once before
        return _unknown(error, "the request arrived twice")
    if isinstance(error, BadReply) and error.status is not None and 200 <= error.status < 300:
        return _unknown(error, f"reply not understood, {error.field}: {error.problem}")
    return None


def _unknown(error: PlatformError, reason: str) -> UnknownOutcome:
    facts: Facts = {"code": error.code, "msg": error.msg, "request_id": error.request_id, "status": error.status}
    return UnknownOutcome(error.name, reason=reason, **facts)
