"""The runs of daily statements in the reconciliation table: how far each task of a run came, and which run counts.

A day has one run that counts, the last one begun. A task keeps its totals and its position in one item, written on the
version that was read: a task that comes twice counts once.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import msgspec

from jiuwu.aws.dynamodb import Table
from jiuwu.reconciliation.page_trail import NOTHING_READ, PageTrail
from jiuwu.reconciliation.repository import REPORT_SECONDS

from .totals import Totals

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class Run:
    """The run of a day's statement that counts; `finished` once its report is written. Unix seconds."""

    day: str
    run: str
    started_at: int
    finished: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a task: its totals up to `position` (a number or a page; the task knows), or to its end.

    `failures` counts those in a row, `restarts` how often the platform had forgotten its page; `trail` is the way
    through its pages. `version` belongs to the write: it expects the one read and stores one more.
    """

    totals: Totals = field(default_factory=Totals)
    position: str = ""
    done: bool = False
    failures: int = 0
    version: int = 0
    restarts: int = 0
    trail: PageTrail = NOTHING_READ


class StatementRuns:
    """The runs, by day and task."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str) -> None:
        self._table = Table(dynamodb, table)

    def begin(self, run: Run) -> None:
        """Make this run the day's; a run that was begun before is left as it is."""
        fields = {"run": run.run, "started_at": run.started_at, "finished": False, **_expiry(run)}
        self._table.put_if(_day_key(run.day) | fields, "attribute_not_exists(#run) OR #run <> :run", run=run.run)

    def current(self, day: str) -> Run | None:
        """Return the run of the day that counts."""
        item = self._table.get(_day_key(day))
        return Run(day, item["run"], item["started_at"], finished=item["finished"]) if item else None

    def claim(self, run: Run, by: str) -> bool:
        """Return whether `by` may write the run's report: the first claim wins, and may be repeated. Return False once
        the report is written or another run counts."""
        free = "#run = :run AND finished = :no AND (attribute_not_exists(closed_by) OR closed_by = :by)"
        return self._table.update_if(_day_key(run.day), "SET closed_by = :by", free, run=run.run, by=by, no=False).done

    def finish(self, run: Run) -> bool:
        """Mark the run as finished; return False when another one counts by now."""
        return self._table.update_if(
            _day_key(run.day), "SET finished = :yes", "#run = :run", run=run.run, yes=True
        ).done

    def progress(self, run: Run, task: str) -> Progress:
        """Return how far a task of the run came; nothing at all when it has not begun."""
        item = self._table.get(_task_key(run, task))
        return msgspec.json.decode(item["progress"], type=Progress) if item else Progress()

    def all_done(self, run: Run, tasks: Iterable[str]) -> bool:
        """Return whether all of these tasks came to their end."""
        return all(self.progress(run, task).done for task in tasks)

    def totals(self, run: Run, tasks: Iterable[str]) -> Totals:
        """Return the sum of these tasks' totals; those not done are problems of the whole."""
        return sum((_totals_of(task, self.progress(run, task)) for task in tasks), Totals())

    def save(self, run: Run, task: str, progress: Progress) -> Progress | None:
        """Keep how far a task came; return what stands in the table now, or None when another copy of the task was
        ahead."""
        stored = replace(progress, totals=progress.totals.capped(), version=progress.version + 1)
        text = msgspec.json.encode(stored).decode()
        item = _task_key(run, task) | {"version": stored.version, "progress": text, **_expiry(run)}
        written = (
            self._table.put_if(item, "version = :read", read=progress.version)
            if progress.version
            else self._table.put_if(item, "attribute_not_exists(version)")
        )
        # our own write, done though its reply was lost, is no other copy
        return stored if written.item.get("progress") == text else None


def _totals_of(task: str, progress: Progress) -> Totals:
    return progress.totals + Totals(problems=() if progress.done else (f"{task}: not finished",))


def _day_key(day: str) -> dict[str, Any]:
    return {"record": f"statement#{day}"}


def _task_key(run: Run, task: str) -> dict[str, Any]:
    return {"record": f"statement#{run.day}#{run.run}#{task}"}


def _expiry(run: Run) -> dict[str, int]:
    return {"expires_at": run.started_at + REPORT_SECONDS}
