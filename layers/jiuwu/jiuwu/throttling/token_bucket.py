"""A token bucket as one number: the time at which it is full again.

Times are microseconds since 1970 and the price of a token is rounded up, so that no rounding ever grants more than
rate × time + burst.
"""

from dataclasses import dataclass
from math import ceil

# Instances' clocks may differ by so much (µs). A bucket that claims to be emptier than empty by more was written by a
# clock that is wrong, and is taken for empty; otherwise one wrong clock would stop all calls until its time comes.
TOLERANCE = 1_000_000


@dataclass(frozen=True, slots=True)
class Rate:
    """The rate at which tokens flow in, and the bucket's size; both at least one token over any useful time."""

    per_second: float
    burst: int

    @property
    def price(self) -> int:
        """Return how many microseconds a token takes to flow in."""
        return ceil(1_000_000 / self.per_second)


def micros(seconds: float) -> int:
    return int(seconds * 1_000_000)


def plausible_full_at(rate: Rate, full_at: int, now: int) -> int:
    """Return `full_at`, or an empty bucket's where that is impossible."""
    empty = now + rate.burst * rate.price
    return empty if full_at > empty + TOLERANCE else full_at


def tokens(rate: Rate, full_at: int, now: int) -> int:
    """Return how many tokens are there now."""
    missing = -(-max(0, full_at - now) // rate.price)
    return max(0, rate.burst - missing)


def taken(rate: Rate, full_at: int, now: int, count: int) -> int:
    """Return when the bucket is full again after `count` tokens are taken now."""
    return max(full_at, now) + count * rate.price


def seconds_until(rate: Rate, full_at: int, now: int, count: int) -> float:
    """Return how many seconds until `count` tokens are there; `count` is at most the burst."""
    return max(0, full_at - (rate.burst - count) * rate.price - now) / 1_000_000
