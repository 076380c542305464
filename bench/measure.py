"""Measure two sides alternately in one run; take medians and their ratio. Times are this machine's."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ratio:
    """A measurement over its floor, in the same unit, with the budget to aim for."""

    name: str
    ours: float
    floor: float
    unit: str
    budget: float | None = None

    @property
    def ratio(self) -> float:
        """Return ours over the floor."""
        return self.ours / self.floor

    def as_dict(self) -> dict[str, object]:
        """Return the entry of bench.json."""
        within = None if self.budget is None else self.ratio <= self.budget
        numbers = {"ours": round(self.ours, 4), "floor": round(self.floor, 4), "ratio": round(self.ratio, 3)}
        return {"name": self.name, "unit": self.unit, **numbers, "budget": self.budget, "within": within}


def alternate(ours: Callable[[], float], floor: Callable[[], float], rounds: int) -> tuple[float, float]:
    """Return the medians of `rounds` measurements of each, taken A B A B, so that a slow spell hits both."""
    pairs = [(ours(), floor()) for _ in range(rounds)]
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)


def cpu_milliseconds(task: Callable[[], object], calls: int) -> float:
    """Return this process's CPU time per call, in milliseconds."""
    started = time.process_time()
    for _ in range(calls):
        task()
    return (time.process_time() - started) / calls * 1000


def wall_milliseconds(task: Callable[[], object]) -> float:
    """Return the wall time of one call, in milliseconds."""
    started = time.perf_counter()
    task()
    return (time.perf_counter() - started) * 1000
