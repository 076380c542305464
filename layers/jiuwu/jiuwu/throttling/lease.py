"""One instance's lease of one lane: a block of tokens, the lane as last seen, and outcomes to report."""

import threading
from collections import deque
from collections.abc import Callable
from typing import Literal, Protocol

from jiuwu.runtime import Runtime

from . import lane as lanes_
from .lane import Address, Lane, LaneRules, LeaseRefused, LeaseRequest, OutcomeCounts, TokenLease
from .repository import LaneTable, Stored

CallOutcome = Literal["ok", "failed", "neither"]

# A block expires after so many seconds, so that a frozen instance cannot wake up with old tokens.
BLOCK_SECONDS = 1.0
# A lane as last seen is used for so long (seconds); then it is read anew.
_CACHED_SECONDS = 2.0
# After another instance wrote the lane, it is read before each lease for so long (seconds).
_CONTENDED_SECONDS = 10.0
# One block takes at most the burst divided by this, so that one instance does not empty the bucket.
_BURST_DIVISOR = 2
# An instance that lost so many writes in a row pauses for a moment (seconds).
_TRIES, _STEP_BACK = 5, 0.02


class OnChange(Protocol):
    """Called for every change of the lane that this instance wrote."""

    def __call__(self, name: str, before: Lane, after: Lane) -> None: ...


class LeaseHolder:
    """Safe to share between threads: they wait for each other's lease, and one lease serves them all."""

    def __init__(  # noqa: PLR0913 -- everything that Lanes decides for it
        self, table: LaneTable, name: str, rules: LaneRules, *, fallback: bool, runtime: Runtime, on_change: OnChange
    ) -> None:
        self.name, self._table, self._rules, self._fallback = name, table, rules, fallback
        self._clock, self._on_change = runtime.clock, on_change
        self._lock = threading.Lock()
        self._seen: Stored | None = None
        self._seen_at = float("-inf")
        self._contended_until = self._empty_until = float("-inf")
        self._block = TokenLease(0, "primary")
        self._left, self._ends, self._wanted = 0, 0.0, 1
        self._outcomes = deque[tuple[float, Address, bool]]()

    def take(self) -> TokenLease | LeaseRefused:
        """Take a token from the block, or from a new one; raise as LaneTable does."""
        with self._lock:
            now = self._clock()
            if not (self._left and self._ends - BLOCK_SECONDS <= now < self._ends):
                leased = self._lease() if now >= self._empty_until else LeaseRefused("limit", self._empty_until - now)
                if isinstance(leased, LeaseRefused):
                    self._empty_until = now + leased.wait if leased.reason == "limit" else float("-inf")
                    return leased
                if leased.probe:
                    return leased
                # from before the write, so that a slow one does not keep old tokens good
                self._block, self._left, self._ends = leased, leased.tokens, now + BLOCK_SECONDS
            self._left -= 1
            return self._block

    def note(self, address: Address, outcome: CallOutcome) -> None:
        """Note an outcome, which is reported with the next lease."""
        if outcome != "neither":
            self._outcomes.append((self._clock(), address, outcome == "failed"))

    def probed(self, address: Address, outcome: CallOutcome) -> None:
        """Report a probe's outcome at once; after one that says nothing, the next round of probes decides."""
        if outcome != "neither":
            failed, rules = outcome == "failed", self._rules
            self._change(lambda lane: lanes_.probed(lane, address, self._clock(), rules, failed=failed))

    def pause(self, seconds: float) -> None:
        """Pause the lane for all instances (seconds); others may still use up their blocks."""
        self._change(lambda lane: lanes_.paused(lane, self._clock(), seconds))

    def _change(self, change: Callable[[Lane], Lane]) -> None:
        with self._lock:
            before, after = self._table.change(self.name, change)
            self._left = 0
            self._see(after)
        if before.lane != after.lane:
            self._on_change(self.name, before.lane, after.lane)

    def _lease(self) -> TokenLease | LeaseRefused:
        self._resize_block()
        reported = len(self._outcomes)
        seen = self._current()
        for _ in range(_TRIES):
            now = self._clock()
            after, answer = lanes_.lease(seen.lane, self._request(reported, now), now, self._rules)
            if after == seen.lane:
                return answer
            won, stored = self._table.save(self.name, seen, after)
            self._see(stored)
            if won:
                for _ in range(reported):
                    self._outcomes.popleft()
                self._on_change(self.name, seen.lane, after)
                return answer
            seen = stored
            self._expect_contention()
        return LeaseRefused("limit", _STEP_BACK)

    def _resize_block(self) -> None:
        """Size the next block by the last one: twice as big if it was used up in time, half if it ran out of time."""
        if self._left:
            self._wanted = max(1, self._wanted // 2)
        elif self._clock() < self._ends:
            self._wanted = min(self._wanted * 2, self._most)
        self._left, self._ends = 0, float("-inf")

    def _current(self) -> Stored:
        """Return the lane as last seen; read it anew where others write: a read costs less than a lost write."""
        seen = self._seen
        now = self._clock()
        if seen is None or now < self._contended_until or now - self._seen_at >= _CACHED_SECONDS:
            found = self._table.read(self.name)
            if seen is not None and found.version != seen.version:
                self._expect_contention()
            self._see(found)
            return found
        return seen

    def _expect_contention(self) -> None:
        self._contended_until = self._clock() + _CONTENDED_SECONDS

    def _see(self, stored: Stored) -> None:
        self._seen, self._seen_at = stored, self._clock()

    @property
    def _most(self) -> int:
        return max(1, self._rules.rate.burst // _BURST_DIVISOR)

    def _request(self, reported: int, now: float) -> LeaseRequest:
        """Return the request with the first `reported` outcomes; those before the window say nothing of now."""
        since = now - self._rules.circuit.window_seconds
        outcomes = {}
        for address in ("primary", "fallback"):
            failures = [
                failed for at, where, failed in list(self._outcomes)[:reported] if where == address and at >= since
            ]
            outcomes[address] = OutcomeCounts(len(failures), sum(failures))
        return LeaseRequest(
            self._wanted, self._fallback, primary_outcomes=outcomes["primary"], fallback_outcomes=outcomes["fallback"]
        )
