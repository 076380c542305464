"""The end of an invocation: Lambda stops the process there, and what is not stored by then is lost."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class Context(Protocol):
    """The part of Lambda's context that a deadline needs."""

    def get_remaining_time_in_millis(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Deadline:
    """The time when the work must be over; `remaining()` gives the seconds until then."""

    remaining: Callable[[], float]

    @classmethod
    def of(cls, context: Context, *, reserve_seconds: float = 0.0) -> "Deadline":
        """Return the deadline of Lambda's invocation, less the seconds reserved for what follows the work."""
        return cls(lambda: context.get_remaining_time_in_millis() / 1000 - reserve_seconds)

    def has(self, margin_seconds: float) -> bool:
        """Return whether at least so many seconds remain: the margin that a step needs to end in time."""
        return self.remaining() >= margin_seconds

    def at_most(self, seconds: float) -> "Deadline":
        """Return a deadline with at most so many seconds remaining."""
        return Deadline(lambda: min(self.remaining(), seconds))


NO_DEADLINE = Deadline(lambda: float("inf"))
