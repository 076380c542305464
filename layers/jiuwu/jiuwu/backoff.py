"""Attempts with pauses between them, for writers that contend for an item, and calls that a service throttles.

Full jitter: each pause is drawn from zero to a bound that doubles, so that writers that collided once drift apart.
Source: https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from jiuwu.runtime import Runtime


class Contended(Exception):
    """Other writers won each round, or a limit held; nothing was changed, so the caller may retry."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """The number of attempts, and the bounds of the first and the longest pause (seconds)."""

    rounds: int
    first_seconds: float
    longest_seconds: float

    def pause(self, attempt: int, random: Callable[[], float]) -> float:
        """Return the seconds to wait after an attempt (from 1)."""
        bound: float = min(self.longest_seconds, self.first_seconds * 2 ** (attempt - 1))
        return bound * random()

    def attempts(self, runtime: Runtime) -> Iterator[int]:
        """Yield the number of each attempt from 0, after a pause but for the first."""
        for attempt in range(self.rounds):
            if attempt:
                runtime.sleep(self.pause(attempt, runtime.random))
            yield attempt


# For a service that throttles for a moment.
THROTTLED = Backoff(rounds=4, first_seconds=0.1, longest_seconds=0.4)
# Each round that a writer loses is one that another of the same item won. Twenty writers of one item drift apart when
# their pauses have grown to several times what a round of each takes; all pauses together: up to 5 s.
CONTENTION = Backoff(rounds=9, first_seconds=0.04, longest_seconds=1.28)
