"""When a call is tried again, how long it waits, and when its outcome is unknown."""

from collections.abc import Callable
from dataclasses import dataclass

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
from jiuwu.runtime import SYSTEM, Runtime

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often to try and how long to wait; seconds. Full jitter: any wait from 0 to a bound that doubles."""

    attempts: int = 3
    first_wait: float = 0.1
    longest_wait: float = 1.0
    runtime: Runtime = SYSTEM

    def wait(self, attempt: int, error: PlatformError) -> float:
        """Seconds before the attempt after `attempt` (from 1); what the platform asks for goes first."""
        asked = error.retry_after if isinstance(error, RateLimited) else None
        if asked is not None:
            return asked
        bound: float = min(self.longest_wait, self.first_wait * 2 ** (attempt - 1))
        return bound * self.runtime.random()


def persist[T](send: Callable[[], T], *, write: bool, repeatable: bool, patience: Patience) -> T:
    """The result of `send`, tried again where that is safe; `repeatable` says that a second time does no more.

    Raises the last attempt's error, or UnknownOutcome when any attempt of a write may have been done and the last one
    does not tell.
    """
    doubt: UnknownOutcome | None = None
    for attempt in range(1, patience.attempts + 1):
        try:
            return send()
        except PlatformError as error:
            doubt = (_doubt(error) if write else None) or doubt
            wait = patience.wait(attempt, error)
            hopeful = error.retryable or isinstance(error, UnknownOutcome)
            last = error.held_back or attempt == patience.attempts or wait > patience.longest_wait
            if last or not (repeatable and hopeful):
                raise (error if doubt is None or isinstance(error, _VERDICTS) else doubt) from None
        patience.runtime.sleep(wait)
    raise AssertionError("the last attempt returns or raises")


def _doubt(error: PlatformError) -> UnknownOutcome | None:
    """What a write's error leaves open; None when it says that nothing was done."""
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
