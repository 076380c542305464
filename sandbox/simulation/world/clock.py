"""Virtual time: planned actions in sequence."""

import heapq
from collections.abc import Callable

type Action = Callable[[], None]


class TimedOut(BaseException):
    """Lambda ended the invocation at its timeout. A BaseException, so that no `except Exception` catches it."""


class Clock:
    """Unix seconds that pass only by planned actions and by sleeping."""

    def __init__(self, start: float) -> None:
        self.now = start
        self.ends = float("inf")  # timeout of the running invocation
        self._plans: list[tuple[float, int, Action]] = []
        self._number = 0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass for everything; raise TimedOut at the running invocation's timeout."""
        self.now = max(self.now, min(self.now + max(seconds, 0.0), self.ends))
        self.check()

    def check(self) -> None:
        """Raise TimedOut if the running invocation is past its timeout."""
        if self.now >= self.ends:
            raise TimedOut

    def at(self, when: float, action: Action) -> None:
        """Plan an action; one planned for the past happens next."""
        self._number += 1
        heapq.heappush(self._plans, (when, self._number, action))

    def forget(self) -> None:
        """Cancel all planned actions."""
        self._plans.clear()

    @property
    def next_at(self) -> float:
        """Return when the next action is planned; infinity if none is."""
        return self._plans[0][0] if self._plans else float("inf")

    def run(self, until: float) -> None:
        """Run all actions planned up to `until`, including those they plan; then move the time to `until`."""
        while self._plans and self._plans[0][0] <= until:
            when, _, action = heapq.heappop(self._plans)
            self.now = max(self.now, when)
            action()
        self.now = max(self.now, until)
