"""A lane of calls: one token bucket, and a circuit for each address of the platform. Pure decisions.

Every change of a lane is one conditional write of it, and the same write takes tokens, reports outcomes and moves the
circuits: so what all instances share costs one write per block of tokens.
"""

from dataclasses import dataclass, field
from typing import Literal

import msgspec

from . import circuit_breaker, token_bucket
from .circuit_breaker import Circuit
from .token_bucket import Rate

Address = Literal["primary", "fallback"]
# The longest pause that a platform can order (seconds): a garbled reply must not stop a lane for years.
MAX_PAUSE_SECONDS = 60.0
# Where tokens are scarce, blocks of less than so many seconds' tokens are not worth a write.
_SCARCE_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class LaneRules:
    """The rate and the circuit breaker of a lane."""

    rate: Rate
    circuit: circuit_breaker.CircuitBreakerRules


class Lane(msgspec.Struct, frozen=True, omit_defaults=True):
    """The state of a lane that all instances share; `full_at` in microseconds (token_bucket), `paused_until` in Unix
    seconds."""

    full_at: int = 0
    paused_until: float = 0.0
    primary: Circuit = Circuit()
    fallback: Circuit = Circuit()


@dataclass(frozen=True, slots=True)
class OutcomeCounts:
    """Outcomes that are not in the table yet."""

    calls: int = 0
    failures: int = 0


@dataclass(frozen=True, slots=True)
class LeaseRequest:
    """A request for a lease: the tokens wanted, whether the fallback address would do, and the outcomes to report."""

    tokens: int
    fallback: bool = False
    primary_outcomes: OutcomeCounts = field(default_factory=OutcomeCounts)
    fallback_outcomes: OutcomeCounts = field(default_factory=OutcomeCounts)


@dataclass(frozen=True, slots=True)
class TokenLease:
    """Tokens for one address; a probe is one token whose outcome has to be reported at once."""

    tokens: int
    address: Address
    probe: bool = False


@dataclass(frozen=True, slots=True)
class LeaseRefused:
    """No token: over the limit or paused by the platform, or no circuit lets calls through; `wait` in seconds."""

    reason: Literal["limit", "circuit"]
    wait: float


def lease(lane: Lane, request: LeaseRequest, now: float, rules: LaneRules) -> tuple[Lane, TokenLease | LeaseRefused]:
    """Return the lane after a lease at `now` (Unix seconds), and the lease; outcomes count whether granted or not."""
    lane = _reported(lane, request, now, rules)
    if now < lane.paused_until <= now + MAX_PAUSE_SECONDS + 1:
        return lane, LeaseRefused("limit", lane.paused_until - now)
    admitted = _admitted(lane, request, now, rules)
    if admitted is None:
        return lane, LeaseRefused("circuit", _reopens_in(lane, now, rules))
    moved, address, probe = admitted
    at = token_bucket.micros(now)
    full_at = token_bucket.plausible_full_at(rules.rate, lane.full_at, at)
    wanted = 1 if probe else min(request.tokens, rules.rate.burst)
    worthwhile = min(wanted, max(1, int(rules.rate.per_second * _SCARCE_SECONDS)))
    there = token_bucket.tokens(rules.rate, full_at, at)
    if there < worthwhile:
        kept = msgspec.structs.replace(lane, full_at=full_at)
        return kept, LeaseRefused("limit", token_bucket.seconds_until(rules.rate, full_at, at, worthwhile))
    granted = min(wanted, there)
    full_at = token_bucket.taken(rules.rate, full_at, at, granted)
    return msgspec.structs.replace(moved, full_at=full_at), TokenLease(granted, address, probe)


def _reported(lane: Lane, request: LeaseRequest, now: float, rules: LaneRules) -> Lane:
    first, second = request.primary_outcomes, request.fallback_outcomes
    return msgspec.structs.replace(
        lane,
        primary=circuit_breaker.noted(lane.primary, first.calls, first.failures, now, rules.circuit),
        fallback=circuit_breaker.noted(lane.fallback, second.calls, second.failures, now, rules.circuit),
    )


def _admitted(lane: Lane, request: LeaseRequest, now: float, rules: LaneRules) -> tuple[Lane, Address, bool] | None:
    """Return the lane after admitting calls to the first address that takes them."""
    moved, admission = circuit_breaker.admitted(lane.primary, now, rules.circuit)
    if admission != "none":
        return msgspec.structs.replace(lane, primary=moved), "primary", admission == "probe"
    if not request.fallback:
        return None
    moved, admission = circuit_breaker.admitted(lane.fallback, now, rules.circuit)
    if admission == "none":
        return None
    return msgspec.structs.replace(lane, fallback=moved), "fallback", admission == "probe"


def _reopens_in(lane: Lane, now: float, rules: LaneRules) -> float:
    if lane.primary.forced:
        return rules.circuit.open_seconds  # unknown; an occasional try costs little
    return lane.primary.until - now


def paused(lane: Lane, now: float, seconds: float) -> Lane:
    """Return the lane after the platform asked for a pause of so many seconds."""
    until = now + min(seconds, MAX_PAUSE_SECONDS)
    return msgspec.structs.replace(lane, paused_until=max(until, min(lane.paused_until, now + MAX_PAUSE_SECONDS)))


def probed(lane: Lane, address: Address, now: float, rules: LaneRules, *, failed: bool) -> Lane:
    """Return the lane after a probe of that address ended."""
    known: Circuit = getattr(lane, address)
    return _with(lane, address, circuit_breaker.probed(known, now, rules.circuit, failed=failed))


def forced(lane: Lane, address: Address, word: Literal["open", "closed", "auto"]) -> Lane:
    """Return the lane as an operator sets an address; "auto" lets the circuit follow its counts, from closed."""
    return _with(lane, address, Circuit(forced="" if word == "auto" else word))


def _with(lane: Lane, address: Address, circuit_: Circuit) -> Lane:
    return msgspec.structs.replace(lane, **{address: circuit_})
