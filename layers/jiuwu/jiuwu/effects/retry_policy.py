"""The wait of a failed effect before its next attempt, by what failed, and its permanent failure. Pure.

The jitter is made of the effect and its attempt: the same wherever it is computed, and different for effects that wait
for the same receiver.
"""

import hashlib
from dataclasses import dataclass

from jiuwu.aws import clients
from jiuwu.orders.effect_key import EffectKey, PushStatus
from jiuwu.orders.ids import effect_id
from jiuwu.orders.order import Failure
from jiuwu.orders.outcomes import growing_pause
from jiuwu.platform.errors import BadParameters, ContentRefused, OrderConflict, PlatformError, TransitionRefused
from jiuwu.points.ledger import AlreadyReturned, NoReservation

from .platform_delivery import RefundFailed

# Tries at growing distances: some eight within the first hour, then one an hour, for a bit over a day in all.
MAX_ATTEMPTS = 32
# What the receiver understood and refused may still become right (a status that follows another); hardly after this.
MAX_REFUSALS = 5
_FIRST_SECONDS, _MAX_SECONDS = growing_pause(1), growing_pause(MAX_ATTEMPTS)

_HOPELESS = (BadParameters, ContentRefused, AlreadyReturned, NoReservation, RefundFailed)
_REFUSED = (TransitionRefused, OrderConflict)
# … but a payment under way keeps an order from being cancelled for as long as the member takes for it.
_KEEPS_TRYING = PushStatus("cancelled")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on a failed effect: retried not before `next_at` (Unix seconds), unless `failure`
    says why never. `counted` is False for an attempt that never left us."""

    next_at: int = 0
    failure: Failure | None = None
    counted: bool = True


DONE = Verdict()
# Confirmed by its receiver time after time, which then does not show it.
NEVER_SHOWN = "NeverShown"


def judge(order_no: str, effect: EffectKey, attempts: int, error: Exception | str, *, now: int) -> Verdict:
    """Return what becomes of an effect whose attempt number `attempts` (from 1) failed with `error`: an exception, or a
    code of EventBridge's."""
    seed = effect_id(order_no, effect)
    failed = error if isinstance(error, str) else clients.describe_error(error)
    if isinstance(error, _HOPELESS):
        return Verdict(failure=Failure("poison", failed))
    if isinstance(error, _REFUSED) and attempts >= MAX_REFUSALS and effect != _KEEPS_TRYING:
        return Verdict(failure=Failure("poison", f"{failed} {attempts} times"))
    if held_back(error):
        return Verdict(now + _requested_wait(error) + _spread(seed, attempts, _FIRST_SECONDS), counted=False)
    if attempts >= MAX_ATTEMPTS:
        return Verdict(failure=Failure("exhausted", f"{failed}, tried {attempts} times"))
    longest = growing_pause(attempts)
    return Verdict(now + max(_requested_wait(error), longest // 2 + _spread(seed, attempts, longest // 2)))


def held_back(error: Exception | str) -> bool:
    """Return whether our own limit or circuit kept the call from leaving."""
    return isinstance(error, PlatformError) and error.held_back


def _requested_wait(error: Exception | str) -> int:
    """Return the seconds to wait that the receiver, or our own limit, named; capped, because a reply may be garbled."""
    return min(int(getattr(error, "retry_after", None) or 0), _MAX_SECONDS)


def _spread(seed: str, attempts: int, maximum: int) -> int:
    digest = hashlib.sha256(f"{seed} {attempts}".encode()).digest()
    return int.from_bytes(digest[:4]) % (maximum + 1)
