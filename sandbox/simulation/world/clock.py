"""Virtual time: what is to happen when, one thing after the other."""

import heapq
from collections.abc import Callable

type Action = Callable[[], None]


class TimedOut(BaseException):
    """Lambda ended the invocation: its time was up. As nothing sees a process end, no `except Exception` sees it."""


class Clock:
    """Unix seconds that pass only here: by what is planned, and by whoever sleeps."""

    def __init__(self, start: float) -> None:
        self.now = start
        self.ends = float("inf")  # when the running invocation's time is up
        self._plans: list[tuple[float, int, Action]] = []
        self._number = 0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        """Time passes for everybody; raises TimedOut at the end of the running invocation's time."""
        self.now = max(self.now, min(self.now + max(seconds, 0.0), self.ends))
        self.check()

    def check(self) -> None:
        """Raises TimedOut if the running invocation's time is up."""
        if self.now >= self.ends:
            raise TimedOut

    def at(self, when: float, action: Action) -> None:
        """Plans something; what is planned for the past happens next."""
        self._number += 1
        heapq.heappush(self._plans, (when, self._number, action))

    def forget(self) -> None:
        """Nothing is planned any more."""
        self._plans.clear()

    @property
    def following(self) -> float:
        """When the next thing happens; infinity if nothing is planned."""
        return self._plans[0][0] if self._plans else float("inf")

    def run(self, until: float) -> None:
        """Everything planned up to `until`, and what it plans itself; then it is at least that late."""
        while self._plans and self._plans[0][0] <= until:
            when, _, action = heapq.heappop(self._plans)
            self.now = max(self.now, when)
            action()
        self.now = max(self.now, until)
