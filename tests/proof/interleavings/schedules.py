"""Invocations stepped through every interleaving: one runs at a time, from one call that matters to the next.

Stateless: a schedule is a list of choices, and each run begins from the same state. The next schedule takes another
choice at the last place where there was one, so that all are walked, each once. Calls that cannot meet those of the
others (another table, a queue that nobody reads meanwhile, another shard of the index) are no places to choose at:
their order against anything else changes nothing.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.simulation.aws.calls import Phase

type Act = Callable[[], object]
# Whether a call can meet those of other invocations: (service, operation, request).
type Matters = Callable[[str, str, Mapping[str, Any]], bool]

_STUCK_SECONDS = 20.0


class Stuck(Exception):
    """An invocation neither came to a call nor to its end."""


@dataclass
class Walker:
    """One invocation in a thread of its own, which goes on only at a step of the schedule."""

    act: Act
    go: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    rests: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    answer: object = None
    failure: BaseException | None = None
    done: bool = False

    def run(self) -> None:
        """The thread's work."""
        self.go.acquire()
        try:
            self.answer = self.act()
        except BaseException as error:  # noqa: BLE001 -- shown to who waits
            self.failure = error
        self.done = True
        self.rests.release()

    def step(self) -> None:
        """Lets it run to its next call that matters, or its end."""
        self.go.release()
        if not self.rests.acquire(timeout=_STUCK_SECONDS):
            raise Stuck


class Crossing:
    """The hook of all calls while invocations cross."""

    def __init__(self, matters: Matters) -> None:
        self._matters = matters
        self._walkers: dict[int, Walker] = {}
        self.steps = 0

    def on_call(self, service: str, operation: str, phase: Phase, request: Mapping[str, Any]) -> None:
        """A walker rests before each call that matters; who is no walker passes."""
        walker = self._walkers.get(threading.get_ident())
        if walker and phase == "before" and self._matters(service, operation, request):
            walker.rests.release()
            walker.go.acquire()

    def walk(self, acts: Sequence[Act], choices: Sequence[int]) -> tuple[list[object], list[tuple[int, ...]]]:
        """The answers, and who could have gone on at each step, first the one who would without anybody's choice: the
        same as before, else the first who can. `choices` first."""
        walkers = [Walker(act) for act in acts]
        threads = [threading.Thread(target=self._enrolled, args=(walker,), daemon=True) for walker in walkers]
        for thread, walker in zip(threads, walkers, strict=True):
            thread.start()
            walker.step()
        ways: list[tuple[int, ...]] = []
        chosen = 0
        while able := sorted(
            (n for n, walker in enumerate(walkers) if not walker.done), key=lambda n: (n != chosen, n)
        ):
            chosen = choices[len(ways)] if len(ways) < len(choices) else able[0]
            ways.append(tuple(able))
            walkers[chosen].step()
            self.steps += 1
        for thread, walker in zip(threads, walkers, strict=True):
            thread.join(_STUCK_SECONDS)
            if walker.failure:
                raise walker.failure
        return [walker.answer for walker in walkers], ways

    def _enrolled(self, walker: Walker) -> None:
        self._walkers[threading.get_ident()] = walker
        try:
            walker.run()
        finally:
            del self._walkers[threading.get_ident()]


def schedules(
    run: Callable[[Sequence[int]], list[tuple[int, ...]]], *, preemptions: float = float("inf")
) -> Iterator[tuple[int, ...]]:
    """Every schedule once, depth first, in which no more often than this one who could go on has to wait for another;
    `run` runs one that begins with these choices and tells who could go on."""
    choices: list[int] | None = []
    while choices is not None:
        ways = run(choices)
        taken = [choices[n] if n < len(choices) else able[0] for n, able in enumerate(ways)]
        yield tuple(taken)
        choices = _next(taken, ways, preemptions)


def _next(taken: Sequence[int], ways: Sequence[tuple[int, ...]], preemptions: float) -> list[int] | None:
    for n in range(len(taken) - 1, -1, -1):
        for other in ways[n][ways[n].index(taken[n]) + 1 :]:
            if _preemptions([*taken[:n], other], ways) <= preemptions:
                return [*taken[:n], other]
    return None


def _preemptions(choices: Sequence[int], ways: Sequence[tuple[int, ...]]) -> int:
    before = zip(choices, choices[1:], ways[1:], strict=False)
    return sum(last != now and last in able for last, now, able in before)
