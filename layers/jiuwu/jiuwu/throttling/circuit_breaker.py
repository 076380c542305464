"""A circuit breaker by failure rate: pure functions from a circuit and its calls' outcomes to the next circuit.

closed → (enough calls in the window, too many of them failed) → open → (its time is over) → half-open: so many probes
go through, from any caller → closed when all of them succeeded, open again with the first that failed. Probes
whose outcome is unknown by the next round are repeated.
"""

from dataclasses import dataclass
from typing import Literal

import msgspec

# A time that lies further ahead than a rule could have put it was written by a wrong clock (seconds).
_TOLERANCE = 1.0

Admission = Literal["all", "probe", "none"]


@dataclass(frozen=True, slots=True)
class CircuitBreakerRules:
    """Opens when at least `least_calls` of the last one to two windows are known and this part of them failed."""

    failure_percent: int
    least_calls: int
    window_seconds: int
    open_seconds: float
    probes: int


class Circuit(msgspec.Struct, frozen=True, omit_defaults=True):
    """`until`: an open circuit's end, a half-open one's next round. Counts are of the window numbered `window` and of
    the one before it. `forced` is the operator's setting, which overrides everything."""

    state: Literal["closed", "open", "half_open"] = "closed"
    until: float = 0.0
    forced: Literal["", "open", "closed"] = ""
    window: int = 0
    calls: int = 0
    failures: int = 0
    calls_before: int = 0
    failures_before: int = 0
    probes: int = 0
    passed: int = 0


def noted(circuit: Circuit, calls: int, failures: int, now: float, rules: CircuitBreakerRules) -> Circuit:
    """Return the circuit after so many more calls, of which `failures` failed; only a closed circuit counts."""
    if not calls or circuit.state != "closed":
        return circuit
    circuit = _in_window(circuit, int(now // rules.window_seconds))
    circuit = msgspec.structs.replace(circuit, calls=circuit.calls + calls, failures=circuit.failures + failures)
    known, failed = circuit.calls + circuit.calls_before, circuit.failures + circuit.failures_before
    # forced open, nothing is called; forced closed, nothing may open
    if circuit.forced or known < rules.least_calls or failed * 100 < known * rules.failure_percent:
        return circuit
    return _opened(circuit, now, rules)


def _in_window(circuit: Circuit, window: int) -> Circuit:
    if window <= circuit.window:  # also for an instance whose clock is a little behind
        return circuit
    follows = window == circuit.window + 1
    return msgspec.structs.replace(
        circuit,
        window=window,
        calls=0,
        failures=0,
        calls_before=circuit.calls if follows else 0,
        failures_before=circuit.failures if follows else 0,
    )


def _opened(circuit: Circuit, now: float, rules: CircuitBreakerRules) -> Circuit:
    return Circuit(state="open", until=now + rules.open_seconds, forced=circuit.forced)


def admitted(circuit: Circuit, now: float, rules: CircuitBreakerRules) -> tuple[Circuit, Admission]:
    """Return the circuit after admitting a call at `now`, and whether calls may go; a probe is one call."""
    if circuit.forced:
        return circuit, "all" if circuit.forced == "closed" else "none"
    if circuit.state == "closed":
        return circuit, "all"
    if now >= circuit.until or circuit.until > now + rules.open_seconds + _TOLERANCE:
        round_ends = now + rules.open_seconds
        return Circuit(state="half_open", until=round_ends, probes=rules.probes - 1), "probe"
    if circuit.probes:
        return msgspec.structs.replace(circuit, probes=circuit.probes - 1), "probe"
    return circuit, "none"


def probed(circuit: Circuit, now: float, rules: CircuitBreakerRules, *, failed: bool) -> Circuit:
    """Return the circuit after a probe ended."""
    if circuit.state != "half_open":
        return circuit
    if failed:
        return _opened(circuit, now, rules)
    passed = circuit.passed + 1
    return Circuit() if passed >= rules.probes else msgspec.structs.replace(circuit, passed=passed)
