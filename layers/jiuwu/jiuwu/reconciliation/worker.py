"""The work on one part of a reconciliation: a shard's due orders, or the orders that the platform says have changed.

Page by page, until the end or until the time is nearly over. Each order that was dealt with is no longer due, and the
cursor is kept after each page, so that the continuation begins there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from jiuwu.deadline import Deadline
from jiuwu.orders.lookup import remotes
from jiuwu.orders.order import Order
from jiuwu.orders.placement import NotPlaceable
from jiuwu.orders.repository import OrderStore
from jiuwu.platform.errors import (
    BadParameters,
    ClockSkew,
    InvalidClient,
    PlatformError,
    SignatureRefused,
    UnknownOutcome,
)
from jiuwu.runtime import SYSTEM, Runtime

from . import alerts
from .decide import RECONCILER, STOREFRONT
from .drift import Finding, Report
from .page_trail import ListStuck
from .repository import OVERLAP_SECONDS, Cursor, Records
from .settle import OrderSynchroniser, Remotes, Synchronised
from .shard_tasks import CHANGED, ShardTask

if TYPE_CHECKING:
    from jiuwu.platform.calls.client import PlatformClient
    from jiuwu.platform.models import Page, RemoteOrder

# The work ends this long before its time: the slowest step, an order placed at a hanging platform, fits in.
_MARGIN_SECONDS = 20.0
# What was found at the platform goes into an order's history under such ids (reconciliation/decide.py).
_BY_RECONCILER, _BY_STOREFRONT = f"{RECONCILER}:", f"{STOREFRONT}:"
# So many placements failing in a row mean that the platform is down, and not that these orders are unlucky.
_IN_A_ROW = 3
# Nothing of these says that the platform would take another order.
_ABOUT_ALL = (SignatureRefused, ClockSkew, InvalidClient)

# What changed a moment ago has its notification still on its way: a part of the time that an order may wait for news,
# never less than intake, queue and processor take on a slow day, and never so long that the next pass over the list of
# changes would begin after it.
_FRESH_PART, _FRESH_AT_LEAST, _FRESH_AT_MOST = 6, 3, OVERLAP_SECONDS // 2

Acquire = Callable[[], bool]


def fresh_seconds(payment_check_seconds: int) -> int:
    """Return for how many seconds a change is left to its notification."""
    return min(max(payment_check_seconds // _FRESH_PART, _FRESH_AT_LEAST), _FRESH_AT_MOST)


@dataclass(slots=True)
class ReconciliationOutcome:
    """The outcome so far: orders checked, findings, repairs; `problems` are what could not be."""

    checked: dict[str, str] = field(default_factory=dict)  # order number: its status now
    pending: set[str] = field(default_factory=set)  # order numbers with effects that are still to be carried out
    findings: list[Finding] = field(default_factory=list)
    transitions: list[str] = field(default_factory=list)
    alerts: list[tuple[str, str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    lag_seconds: int | None = None  # how far the list of changes is behind, once it was read
    silent: bool = False  # a whole pass over the list of changes met missed notifications, and none that came

    def note(self, synchronised: Synchronised) -> None:
        """Add what became of some orders."""
        for number, repaired in synchronised.orders.items():
            self.findings += repaired.findings
            self.findings += alerts.findings(number, repaired.alerts, repaired.findings)
            self.transitions += repaired.transitions
            self.alerts += [(number, alert) for alert in repaired.alerts]
            if repaired.order:
                self.checked[number] = str(repaired.order.status)
                if repaired.order.pending:
                    self.pending.add(number)
        self.problems += [f"{number}: written by others again and again" for number in sorted(synchronised.busy)]

    def answer(self, order_no: str) -> dict[str, Any]:
        """Return what was found and done about one order, for the person who requested it."""
        return {
            "order_no": order_no,
            "status": self.checked.get(order_no, "unknown"),
            "found": [{"class": finding.class_, "evidence": finding.evidence} for finding in self.findings],
            "did": self.transitions,
            "incomplete": bool(self.problems),
            "problems": self.problems,
        }

    def report(self, started_at: int) -> Report:
        """Return the work as it is kept."""
        return Report(
            started_at, len(self.checked), tuple(self.findings), tuple(self.transitions), tuple(self.problems)
        )


class _CutOff(Exception):
    """The time is over."""


class ReconciliationWorker:
    """Works on one part. `place` creates an order at the platform and raises PlatformError or NotPlaceable. What
    changed less than `fresh_seconds` ago is left to the notification on its way."""

    def __init__(  # noqa: PLR0913 -- both sides, the runtime and the deadlines
        self,
        store: OrderStore,
        synchroniser: OrderSynchroniser,
        *,
        platform: "Callable[[], PlatformClient]",
        place: "Callable[[Order], RemoteOrder]",
        deadline: Deadline,
        fresh_seconds: int = 0,
        runtime: Runtime = SYSTEM,
    ) -> None:
        self._store, self._synchroniser = store, synchroniser
        self._platform, self._place, self._deadline = platform, place, deadline
        self._fresh_seconds, self._clock = fresh_seconds, runtime.clock
        self._failed_in_a_row = 0
        self.outcome = ReconciliationOutcome()

    def work(self, part: ShardTask, records: Records, acquire: Acquire) -> ShardTask | None:
        """Work on the part if its lease can be acquired; return the continuation if the time ended first.

        Where the platform fails, what is still due is left to the next tick.
        """
        try:
            return self._changed(part, records, acquire) if part.name == CHANGED else self._due(part, acquire)
        except PlatformError as error:
            self.outcome.problems.append(f"{part.name}: {error}")
        return None

    def one(self, order_no: str) -> ReconciliationOutcome:
        """Reconcile this order now."""
        try:
            self._check([order_no])
        except PlatformError as error:
            self.outcome.problems.append(f"{order_no}: {error}")
        except _CutOff:
            self.outcome.problems.append(f"{order_no}: no time left")
        return self.outcome

    def _due(self, part: ShardTask, acquire: Acquire) -> ShardTask | None:
        start: Mapping[str, Any] | None = part.start
        # a first read that finds nothing, as most ticks' do, costs no lease
        acquired = part.step > 0 and acquire()
        if part.step and not acquired:
            return None
        while (page := self._store.due(part.name, part.until, start=start)).order_nos:
            if not (acquired := acquired or acquire()):
                return None
            try:
                self._check(page.order_nos)
            except _CutOff:
                return part.rest(start)
            if (start := page.next_start) is None:
                return None
            if self._late:
                return part.rest(start)
        return None

    def _changed(self, part: ShardTask, records: Records, acquire: Acquire) -> ShardTask | None:
        if not acquire():
            return None
        cursor = records.cursor(now := int(self._clock())).begin(now)
        self.outcome.lag_seconds = cursor.lag(now)
        named = ""  # the page that the platform has named since this work began
        while True:
            fetched_at = self._clock()
            page = self._page(cursor)
            if page is None and cursor.page != named:
                # the platform has forgotten its page since the pass was cut off: it begins again
                cursor = cursor.restart()
                continue
            if page is None:
                cursor = self._broken_off(cursor, [], "it refuses a page that it has named")
            else:
                cursor = self._onward(self._compared(cursor, page, fetched_at), page)
            records.save_cursor(cursor)
            self.outcome.lag_seconds = cursor.lag(int(self._clock()))
            if not (named := cursor.page):
                return None
            if self._late:
                return part.rest(None)

    def _page(self, cursor: Cursor) -> "Page | None":
        """Return the cursor's page of the list; None where the platform refuses to know it."""
        try:
            return self._platform().changed_orders(cursor.updated_after, cursor.page)
        except BadParameters:
            if not cursor.page:
                raise
            return None

    def _compared(self, cursor: Cursor, page: "Page", fetched_at: float) -> Cursor:
        self.outcome.problems += page.unreadable
        synchronised = self._synchronise({remote.out_order_no: remote for remote in page.orders}, fetched_at)
        skipped = [one.updated_at for one in page.orders if one.out_order_no not in synchronised.compared]
        cursor = _counted(cursor, synchronised).skipping(skipped)
        self.outcome.silent = cursor.silent and not page.next_cursor
        return cursor

    def _onward(self, cursor: Cursor, page: "Page") -> Cursor:
        """Return the cursor after this page; a list that makes no progress ends the pass, with a problem."""
        changes = [remote.updated_at for remote in page.orders]
        try:
            trail = cursor.trail.onward(cursor.page, page)
        except ListStuck as stuck:
            return self._broken_off(cursor, changes, str(stuck))
        return replace(cursor, trail=trail).after(changes, page.next_cursor)

    def _broken_off(self, cursor: Cursor, changes: Sequence[int], why: str) -> Cursor:
        self.outcome.problems.append(f"{CHANGED}: the platform's list makes no progress: {why}")
        return cursor.broken_off(changes)

    def _check(self, numbers: Sequence[str]) -> None:
        fetched_at = self._clock()
        found, unreadable = remotes(self._platform, numbers, deadline=self._deadline)
        self.outcome.problems += unreadable.values()
        readable = (number for number in numbers if number not in unreadable)
        synchronised = self._synchronise({number: found.get(number) for number in readable}, fetched_at)
        for order in synchronised.to_place:
            if self._failed_in_a_row == _IN_A_ROW:
                return  # they stay due; what the platform knows of other orders is still worth asking
            if self._late:
                raise _CutOff
            self._put_there(order)

    def _synchronise(self, views: Remotes, fetched_at: float) -> Synchronised:
        old = {number: remote for number, remote in views.items() if not self._fresh(remote)}
        synchronised = self._synchroniser.synchronise(old, seen_at=fetched_at)
        self.outcome.note(synchronised)
        return synchronised

    def _fresh(self, remote: "RemoteOrder | None") -> bool:
        return remote is not None and abs(self._clock() - remote.updated_at) < self._fresh_seconds

    def _put_there(self, order: Order) -> None:
        try:
            remote = self._place(order)
        except NotPlaceable as why:
            self._not_placeable(order, why)
        except PlatformError as error:
            self._not_placed(order, error)
        else:
            self._failed_in_a_row = 0
            self.outcome.note(self._synchroniser.synchronise({order.order_no: remote}))

    def _not_placeable(self, order: Order, why: NotPlaceable) -> None:
        self.outcome.problems.append(f"{order.order_no}: {why}")
        if not why.final:
            self._synchroniser.defer([order])
        elif repaired := self._synchroniser.abandon(order, why.reason):
            self.outcome.note(Synchronised({order.order_no: repaired}, frozenset()))

    def _not_placed(self, order: Order, error: PlatformError) -> None:
        self.outcome.problems.append(f"{order.order_no}: {error}")
        alone = _about_one(error)
        self._failed_in_a_row = 0 if alone else self._failed_in_a_row + 1
        if alone or isinstance(error, UnknownOutcome):
            # it may be this order that the platform chokes on: then it must not come first in every tick
            self._synchroniser.defer([order])

    @property
    def _late(self) -> bool:
        return not self._deadline.has(_MARGIN_SECONDS)


def _about_one(error: PlatformError) -> bool:
    """Return whether an error may be this order's alone, and the platform well."""
    if isinstance(error, UnknownOutcome):
        return error.answered
    return not error.retryable and not isinstance(error, _ABOUT_ALL)


def _counted(cursor: Cursor, synchronised: Synchronised) -> Cursor:
    """Count how notifications fared for these orders since the pass's time: the history says who brought each event,
    whichever part repaired the order. What a member's request found first says nothing: its notification was still on
    its way."""
    missed, received = cursor.missed, cursor.received
    for order in (repaired.order for repaired in synchronised.orders.values() if repaired.order):
        keys = [entry.idempotency_key for entry in order.history if entry.at >= cursor.updated_after]
        found_here = [key.startswith(_BY_RECONCILER) for key in keys if key and not key.startswith(_BY_STOREFRONT)]
        missed += any(found_here)
        received += not all(found_here)
    return replace(cursor, missed=missed, received=received)
