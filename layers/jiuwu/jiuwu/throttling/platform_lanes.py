"""The lanes of a profile: what each is held to, and how a call of the platform's client gets its permit."""

from typing import TYPE_CHECKING

import msgspec

from . import circuit_breaker, token_bucket
from .lane import LaneRules

if TYPE_CHECKING:
    from jiuwu.platform.calls.permit import Permit, PermitSource
    from jiuwu.platform.profile.contract import Profile

    from .limiter import Lanes


def lane_rules(profile: "Profile") -> dict[str, LaneRules]:
    """Return what each lane of a profile is held to."""
    limits, breaker = profile.limits, circuit_breaker.CircuitBreakerRules(**msgspec.structs.asdict(profile.circuit))
    return {
        name: LaneRules(token_bucket.Rate(limits.per_second(name), limits.burst(name)), breaker)
        for name in limits.lanes
    }


def permit_source(profile: "Profile", lanes: "Lanes") -> "PermitSource":
    """Return what gives a call its permit. OAuth calls never go to the fallback address: they carry the app secret."""
    has_fallback = bool(profile.gateway.fallback_url)

    def permit(call: str, max_wait_seconds: float) -> "Permit":
        fallback = has_fallback and not call.startswith("oauth.")
        return lanes.acquire(profile.limits.lane(call), max_wait_seconds=max_wait_seconds, fallback=fallback)

    return permit
