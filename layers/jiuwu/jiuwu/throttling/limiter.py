"""An instance's share of the lanes: blocks of tokens leased from the table, shared by its threads, for one second.

The size of a block adapts: a block that was used up in time doubles the next one, a block that ran out of time
halves it. So a busy instance writes once for many calls, and an idle one takes no tokens from the others.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Literal, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from jiuwu.aws import clients
from jiuwu.runtime import SYSTEM, Runtime

from .lane import Address, Lane, LaneRules, LeaseRefused, TokenLease
from .lease import CallOutcome, LeaseHolder
from .repository import LaneContested, LaneMalformed, LaneTable

__all__ = ["CallOutcome", "Event", "LanePermit", "Lanes", "Rejection"]

# After the table failed, calls go without it for so long (seconds), so that not each of them waits for the fault.
_FAIL_OPEN_SECONDS = 5.0
_FAULTS = (ClientError, BotoCoreError, LaneMalformed)

Event = Literal["opened", "closed", "limited", "refused", "paused", "unavailable"]


class OnEvent(Protocol):
    """Called for what happens to a lane; `detail` is an address or the kind of a fault."""

    def __call__(self, event: Event, lane: str, detail: str = "") -> None: ...


class LanePermit:
    """A permit for one call, to the fallback address or not. `report` its outcome, once."""

    refused: Literal[""] = ""
    retry_after = 0.0

    def __init__(self, *, fallback: bool, report: Callable[[CallOutcome, float | None], None]) -> None:
        self.fallback, self._report = fallback, report

    def report(self, outcome: CallOutcome, pause: float | None = None) -> None:
        """Report how the call ended; `pause`: the platform refused it for its rate and asks for so many seconds without
        calls."""
        self._report(outcome, pause)


class Rejection:
    """No permit: the lane has no token in time ("limit"), or its circuits let no call through ("circuit")."""

    fallback = False

    def __init__(self, refused: Literal["limit", "circuit"], retry_after: float) -> None:
        self.refused, self.retry_after = refused, retry_after

    def report(self, outcome: CallOutcome, pause: float | None = None) -> None:
        """Report nothing, since nothing was sent."""


class Lanes:
    """One per process, safe to share between threads; `rules` by the name of the lane. `on_event` is called for what
    happens to a lane."""

    def __init__(
        self,
        table: LaneTable,
        rules: Mapping[str, LaneRules],
        *,
        on_event: OnEvent,
        runtime: Runtime = SYSTEM,
    ) -> None:
        self._table, self._rules, self._on_event = table, rules, on_event
        self._clock, self._sleep, self._random = runtime.clock, runtime.sleep, runtime.random
        self._leases = {
            (name, fallback): LeaseHolder(
                table, name, rules[name], fallback=fallback, runtime=runtime, on_change=self._on_change
            )
            for name in rules
            for fallback in (False, True)
        }
        self._fail_open_until = 0.0

    def acquire(self, lane: str, *, max_wait_seconds: float, fallback: bool = False) -> LanePermit | Rejection:
        """Wait at most `max_wait_seconds` seconds for a permit for a call. `fallback`: the fallback address would do.

        When the table fails, calls go on without limits (fail open): the money path comes first.
        """
        if self._clock() < self._fail_open_until:
            return self._unlimited()
        holder = self._leases[lane, fallback]
        while True:
            try:
                lease = holder.take()
            except _FAULTS as fault:
                self._fail_open(lane, fault)
                return self._unlimited()
            if not isinstance(lease, LeaseRefused):
                report = partial(self._report, holder, lease)
                return LanePermit(fallback=lease.address == "fallback", report=report)
            # jitter, so that not all waiting threads come back at once
            wait = lease.wait + 0.02 * self._random()
            if lease.reason == "circuit" or wait > max_wait_seconds:
                self._on_event("refused" if lease.reason == "circuit" else "limited", lane)
                return Rejection(lease.reason, lease.wait)
            self._sleep(wait)
            max_wait_seconds -= wait

    def _report(self, holder: LeaseHolder, lease: TokenLease, outcome: CallOutcome, pause: float | None) -> None:
        try:
            if pause is not None:
                self._on_event("paused", holder.name)
                holder.pause(pause)
            if lease.probe:
                holder.probed(lease.address, outcome)
            else:
                holder.note(lease.address, outcome)
        except LaneContested:
            pass  # the next refusal pauses once more, and unreported probes are repeated
        except _FAULTS as fault:
            self._fail_open(holder.name, fault)

    def _on_change(self, name: str, before: Lane, after: Lane) -> None:
        for address in _ADDRESSES:
            was, is_ = getattr(before, address), getattr(after, address)
            if is_.state not in {was.state, "half_open"}:
                self._on_event("opened" if is_.state == "open" else "closed", name, address)

    def _fail_open(self, name: str, fault: Exception) -> None:
        self._fail_open_until = self._clock() + _FAIL_OPEN_SECONDS
        self._on_event("unavailable", name, clients.describe_error(fault))

    def _unlimited(self) -> LanePermit:
        return LanePermit(fallback=False, report=lambda _outcome, _pause: None)


_ADDRESSES: tuple[Address, ...] = ("primary", "fallback")
