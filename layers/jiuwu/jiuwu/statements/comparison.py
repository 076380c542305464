"""Orders read on both sides and compared, a hundred at a time. Reads only: nothing here writes anywhere."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING

from jiuwu.orders.lookup import remotes
from jiuwu.orders.order import Order
from jiuwu.orders.repository import OrderStore
from jiuwu.orders.state_machine import Policy
from jiuwu.reconciliation.page_trail import NOTHING_READ, ListStuck, PageTrail
from jiuwu.runtime import SYSTEM, Runtime

from .totals import Totals, of_pair, uncompared

if TYPE_CHECKING:
    from jiuwu.platform.calls.client import PlatformClient
    from jiuwu.platform.models import RemoteOrder

_AT_ONCE = 100  # orders.query's limit
# With a change that is older than this many times the reconciler's fresh time, its notification and two of the
# reconciler's runs have had their time.
_CHECKS = 2


@dataclass(frozen=True, slots=True)
class Period:
    """The orders made from `since` to before `until`, in Unix seconds."""

    since: int
    until: int

    def __contains__(self, at: int) -> bool:
        return self.since <= at < self.until


@dataclass(frozen=True, slots=True)
class ListedThere:
    """The totals of a page of the platform's list, and the next page's name (empty: that was the last to be read)."""

    totals: Totals
    next_page: str
    trail: PageTrail


@dataclass(frozen=True, slots=True)
class Comparer:
    """Compares orders made in a period. `platform` is called when its client is first needed."""

    store: OrderStore
    platform: "Callable[[], PlatformClient]"
    policy: Policy
    period: Period
    runtime: Runtime = SYSTEM

    def known_here(self, order_nos: Iterable[str]) -> Totals:
        """Return the totals of orders of ours; those made outside the period are left out. Raise PlatformError,
        TableBusy."""
        of_orders = (self._known(numbers) for numbers in batched(order_nos, _AT_ONCE, strict=False))
        return sum(of_orders, Totals())

    def changed_there(
        self, page: str = "", trail: PageTrail = NOTHING_READ, *, counted: Iterable[str] = ()
    ) -> ListedThere:
        """Read a page (empty: the first) of the platform's orders changed since the period began: the totals of those
        that we do not have, and that were made in it or of which the platform does not say when. Raise PlatformError,
        TableBusy.

        `trail` is that of the page before. `counted` are missing orders of earlier pages: one that changes meanwhile
        is listed again.
        """
        fetched_at = int(self.runtime.clock())
        listed = self.platform().changed_orders(self.period.since, page)
        made = {one.out_order_no: one for one in listed.orders if not one.created_at or one.created_at in self.period}
        missing = made.keys() - self.store.get_many(made).keys() - set(counted)
        of_orders = (self._pair(None, made[number], fetched_at) for number in missing)
        found = sum(of_orders, uncompared(listed.unreadable))
        try:
            return ListedThere(found, listed.next_cursor, trail.onward(page, listed))
        except ListStuck as stuck:
            problem = f"the platform's list makes no progress: {stuck}"
            return ListedThere(found + Totals(problems=(problem,)), "", trail)

    def _known(self, numbers: Sequence[str]) -> Totals:
        """Read the table first, then the platform: what happens in between makes the platform look ahead, and fresh."""
        found = self.store.get_many(numbers)
        mine = {number: order for number, order in found.items() if order.created_at in self.period}
        fetched_at = int(self.runtime.clock())
        theirs, unreadable = remotes(self.platform, list(mine))
        readable = mine.keys() - unreadable.keys()
        of_orders = (self._pair(mine[number], theirs.get(number), fetched_at) for number in readable)
        return sum(of_orders, uncompared(unreadable.values()))

    def _pair(self, local: Order | None, remote: "RemoteOrder | None", fetched_at: int) -> Totals:
        return of_pair(
            local, remote, now=fetched_at, policy=self.policy, fresh_seconds=_CHECKS * self.policy.check_seconds
        )
