"""The tasks of a statement: each goes through its part of a day step by step, and may stop and go on between any two.

One task for each part of the days index looks at the orders that we have; one goes through the platform's list for
those that only the platform has.
"""

from dataclasses import dataclass, replace

import msgspec

from jiuwu.aws.dynamodb import TableBusy
from jiuwu.deadline import Deadline
from jiuwu.orders.codec import day_shards
from jiuwu.orders.repository import OrderStore
from jiuwu.platform.errors import BadParameters, PlatformError

from .comparison import Comparer
from .runs import Progress, Run, StatementRuns
from .totals import Totals

THERE = "there"
# A task of its own that sees to it that a run ends, and says so when tasks of it never did.
WATCH = "watch"
_ORDERS_AT_ONCE = 500  # kept together: five questions to the platform
# A task stops this long before its time: five questions fit in, each answered at its last try.
_MARGIN_SECONDS = 45.0
# So many failures in a row, and the task is abandoned; the waits between them come to three quarters of an hour.
_TRIES = 7
_RESTARTS = 3  # a platform that refuses each page that it has named would restart the task for ever
_FIRST_WAIT_SECONDS, _MAX_WAIT_SECONDS = 60, 900


class StatementTask(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A task of a run, as the statement queue carries it."""

    day: str
    run: str
    task: str

    def body(self) -> str:
        """Return the message that carries this task."""
        return msgspec.json.encode(self).decode()


def tasks_of(day: str) -> list[str]:
    """Return the tasks of a day's statement."""
    return [*day_shards(day), THERE]


def wait_seconds(progress: Progress) -> int:
    """Return how long a task that is not done waits before it goes on; at most what a queue can delay a message."""
    growing = _FIRST_WAIT_SECONDS * 2 ** (progress.failures - 1)
    return min(int(growing), _MAX_WAIT_SECONDS) if progress.failures else 0


@dataclass(frozen=True, slots=True)
class StatementWorker:
    """Carry tasks of one run forward, step by step until the deadline."""

    run: Run
    runs: StatementRuns
    store: OrderStore
    comparer: Comparer
    deadline: Deadline

    def walk(self, task: str) -> Progress | None:
        """Carry on with a task until it is done, fails, or time is over; return None when another copy of it is
        ahead."""
        progress = self.runs.progress(self.run, task)
        while not progress.done and self.deadline.has(_MARGIN_SECONDS):
            saved = self.runs.save(self.run, task, self._step(task, progress))
            if saved is None or saved.failures:
                return saved
            progress = saved
        return progress

    def _step(self, task: str, progress: Progress) -> Progress:
        try:
            moved = self._there(progress) if task == THERE else self._here(task, progress)
        except BadParameters as error:
            if task != THERE or not progress.position:
                return _failed(task, progress, error)
            if progress.restarts == _RESTARTS:
                return _abandoned(task, progress, error)
            # the platform has forgotten its page: the list is gone through again
            return Progress(failures=progress.failures + 1, version=progress.version, restarts=progress.restarts + 1)
        except (PlatformError, TableBusy) as error:
            return _failed(task, progress, error)
        return replace(moved, failures=0)

    def _here(self, day_shard: str, progress: Progress) -> Progress:
        numbers = self.store.of_day(day_shard, after=progress.position, limit=_ORDERS_AT_ONCE)
        if not numbers:
            return replace(progress, done=True)
        return replace(progress, totals=progress.totals + self.comparer.known_here(numbers), position=numbers[-1])

    def _there(self, progress: Progress) -> Progress:
        counted = [line.order_no for line in (*progress.totals.differences, *progress.totals.in_flight)]
        there = self.comparer.changed_there(progress.position, progress.trail, counted=counted)
        totals = progress.totals + there.totals
        return replace(progress, totals=totals, position=there.next_page, trail=there.trail, done=not there.next_page)


def _failed(task: str, progress: Progress, error: Exception) -> Progress:
    failed = replace(progress, failures=progress.failures + 1)
    return failed if failed.failures < _TRIES else _abandoned(task, failed, error)


def _abandoned(task: str, progress: Progress, error: Exception) -> Progress:
    return replace(progress, totals=progress.totals + Totals(problems=(f"{task}: abandoned: {error}",)), done=True)
