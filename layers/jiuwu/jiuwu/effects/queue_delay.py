"""The wait of a message in the effect queue, from what is known of the queue. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

# SQS' count may be as old.
_COUNT_SECONDS = 60.0
# Others call the platform in the same lane, and EffectDispatcher may be slower than the lane.
_SPARE = 3
# Cap the delay: a stalled queue has its own alarm.
_MAX_SECONDS = 12 * 3600.0


@dataclass(slots=True)
class Backlog:
    """The messages that wait in the queue, and go out at `per_second`, the rate at which the platform takes it.

    `readers` fill the queue beside each other, each with a Backlog of its own, and take this one for typical: so what
    was not counted yet counts as well.
    """

    per_second: float
    readers: int
    _waiting: int = 0
    _before: int = 0  # what was added within the time before the count, which may lack it
    _added: int = 0
    _counted_at: float = float("-inf")

    def add(self, messages: int) -> None:
        """Count so many more messages."""
        self._added += messages

    def wait(self, now: float, count: Callable[[], int | None]) -> float:
        """Return how many seconds a message queued now waits, rather too many than too few. `count` returns how many
        there are (None: not known), and is called once a minute at most."""
        if now - self._counted_at >= _COUNT_SECONDS:
            self._counted_at = now
            if (counted := count()) is not None:
                self._waiting, self._before, self._added = counted, self._added, 0
        waiting = self._waiting + (self._before + self._added) * self.readers
        return min(waiting / self.per_second * _SPARE, _MAX_SECONDS)
