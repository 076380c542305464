"""One run of the reconciler: the orders that are due, then the orders that the platform says have changed.

Each order that was dealt with is no longer due, and the cursor is kept after each page, so a run that is cut off goes
on where it was with the next one.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import batched
from typing import TYPE_CHECKING

from jiuwu.platform.errors import BadParameters, BadReply, PlatformError

from . import alerts
from .drift import Drift, Finding, Report
from .items import SHARDS
from .orders import Order
from .placing import NotPlaceable
from .records import Cursor, Records
from .settling import Remotes, Settled, Settler
from .store import OrderStore

if TYPE_CHECKING:
    from jiuwu.platform.client import PlatformClient
    from jiuwu.platform.models import Page, RemoteOrder

_AT_ONCE = 100  # orders.query's limit
# A run ends this long before its time: the slowest step, an order placed at a hanging platform, fits in.
_MARGIN_SECONDS = 20.0
# So many placements failing in a row mean that the platform is down, and not that these orders are unlucky.
_IN_A_ROW = 3
# Fewer missed notifications than this may be chance; as many without a single one that came are a silent channel.
_SILENT_FROM = 3


@dataclass(slots=True)
class Outcome:
    """What a run has looked at, found and done so far; `problems` are what it could not do."""

    looked_at: dict[str, str] = field(default_factory=dict)  # order number: its status now
    heard: bool = False  # a notification came for any of them
    findings: list[Finding] = field(default_factory=list)
    transitions: list[str] = field(default_factory=list)
    alerts: list[tuple[str, str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def note(self, settled: Settled, *, since: int) -> None:
        """Takes in what became of some orders; notifications count as heard when they came after `since`."""
        for number, mended in settled.orders.items():
            self.findings += mended.findings
            self.findings += alerts.findings(number, mended.alerts, mended.findings)
            self.transitions += mended.transitions
            self.alerts += [(number, alert) for alert in mended.alerts]
            if mended.order:
                self.looked_at[number] = str(mended.order.status)
                self.heard = self.heard or _heard(mended.order, since)
        self.problems += [f"{number}: written by others again and again" for number in sorted(settled.busy)]

    @property
    def silent(self) -> bool:
        """Whether notifications went missing and not a single one came: then it is the channel that is broken."""
        missed = {finding.order_no for finding in self.findings if finding.class_ is Drift.MISSED_NOTIFICATION}
        return len(missed) >= _SILENT_FROM and not self.heard

    def report(self, started_at: int) -> Report:
        """The run as it is kept."""
        return Report(started_at, len(self.looked_at), tuple(self.findings), tuple(self.problems))


class _CutOff(Exception):
    """The run's time is over."""


class Sweep:
    """A run. `place` creates an order at the platform and raises PlatformError or NotPlaceable; `left` is how many
    seconds the run still has. What changed less than `fresh_seconds` ago is left to the notification on its way."""

    def __init__(  # noqa: PLR0913 -- both sides, the clock and the patience
        self,
        store: OrderStore,
        settler: Settler,
        *,
        platform: "Callable[[], PlatformClient]",
        place: "Callable[[Order], RemoteOrder]",
        left: Callable[[], float],
        fresh_seconds: int = 0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store, self._settler = store, settler
        self._platform, self._place, self._left = platform, place, left
        self._fresh_seconds, self._clock = fresh_seconds, clock
        self._failed_in_a_row, self._since = 0, 0
        self._unreadable: set[str] = set()
        self.outcome = Outcome()

    def run(self, records: Records) -> Outcome:
        """Everything that is due and everything that changed, or as much of it as time and platform allow."""
        cursor = records.cursor(now := int(self._clock())).begin(now)
        self._since = cursor.updated_after
        # half of the time for each, so that neither starves the other
        self._attempt("due orders", lambda: self._due(now, until=self._left() / 2))
        self._attempt("changed orders", lambda: self._changed(records, cursor))
        return self.outcome

    def one(self, order_no: str) -> Outcome:
        """This order now."""
        self._attempt(order_no, lambda: self._look_at([order_no]))
        return self.outcome

    def _attempt(self, what: str, step: Callable[[], None]) -> None:
        try:
            step()
        except PlatformError as error:
            self.outcome.problems.append(f"{what}: {error}")
        except _CutOff:
            self.outcome.problems.append(f"{what}: cut off, to be continued")

    def _due(self, now: int, *, until: float) -> None:
        for numbers in batched(self._due_numbers(now), _AT_ONCE, strict=False):
            self._in_time(until)
            self._look_at(numbers)

    def _due_numbers(self, now: int) -> Iterator[str]:
        for shard in map(str, range(SHARDS)):
            page = self._store.due(shard, now)
            yield from page.order_nos
            while page.next_start is not None:
                page = self._store.due(shard, now, start=page.next_start)
                yield from page.order_nos

    def _changed(self, records: Records, cursor: Cursor) -> None:
        while True:
            self._in_time()
            asked_at = self._clock()
            page = self._page(cursor)
            self.outcome.problems += page.unreadable
            self._settle({remote.out_order_no: remote for remote in page.orders}, asked_at)
            cursor = cursor.after([remote.updated_at for remote in page.orders], page.next_cursor)
            records.save_cursor(cursor)
            if not page.next_cursor:
                return

    def _page(self, cursor: Cursor) -> "Page":
        try:
            return self._platform().changed_orders(cursor.updated_after, cursor.page)
        except BadParameters:
            if not cursor.page:
                raise
            # the platform has forgotten its page since a run was cut off: the pass begins again
            return self._platform().changed_orders(cursor.updated_after)

    def _look_at(self, numbers: Sequence[str]) -> None:
        asked_at = self._clock()
        found = {remote.out_order_no: remote for remote in self._query(numbers)}
        remotes = {number: found.get(number) for number in numbers if number not in self._unreadable}
        settled = self._settle(remotes, asked_at)
        for order in settled.to_place:
            self._in_time()
            self._put_there(order)

    def _query(self, numbers: Sequence[str]) -> "list[RemoteOrder]":
        """The platform's orders; one whose reply cannot be read is set aside and does not hold up the others."""
        try:
            return self._platform().query_orders(numbers)
        except BadReply as unreadable:
            if len(numbers) == 1:
                self.outcome.problems.append(f"{numbers[0]}: {unreadable}")
                self._unreadable.add(numbers[0])
                return []
            half = len(numbers) // 2
            return self._query(numbers[:half]) + self._query(numbers[half:])

    def _settle(self, remotes: Remotes, asked_at: float) -> Settled:
        old = {number: remote for number, remote in remotes.items() if not self._fresh(remote)}
        settled = self._settler.settle(old, seen_at=asked_at)
        self.outcome.note(settled, since=self._since)
        return settled

    def _fresh(self, remote: "RemoteOrder | None") -> bool:
        return remote is not None and abs(self._clock() - remote.updated_at) < self._fresh_seconds

    def _put_there(self, order: Order) -> None:
        try:
            remote = self._place(order)
        except NotPlaceable as why:
            self.outcome.problems.append(f"{order.order_no}: {why}")
            if not why.final:
                self._settler.postpone([order])
            elif mended := self._settler.give_up(order, why.reason):
                self.outcome.note(Settled({order.order_no: mended}, frozenset()), since=self._since)
            return
        except PlatformError as error:
            self._failed_in_a_row += 1
            if self._failed_in_a_row == _IN_A_ROW:
                raise
            self.outcome.problems.append(f"{order.order_no}: {error}")
            return
        self._failed_in_a_row = 0
        self.outcome.note(self._settler.settle({order.order_no: remote}), since=self._since)

    def _in_time(self, until: float = 0) -> None:
        if self._left() < max(until, _MARGIN_SECONDS):
            raise _CutOff


def _heard(order: Order, since: int) -> bool:
    """Whether the platform told us of this order since then, other than by our own looking."""
    told = (happened.cause for happened in order.history if happened.at >= since)
    return any(cause and not cause.startswith("reconcile:") for cause in told)
