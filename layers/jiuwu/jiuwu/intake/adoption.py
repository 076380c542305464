"""Orders that the platform reports and our table lacks: adopted when they are provably ours, refused otherwise.

What proves it: the platform has the order under this number for our app (it answers only for the app that signed), the
number is one that we make, and its lines explain its amount.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from jiuwu.deadline import Deadline
from jiuwu.orders.ids import is_order_no
from jiuwu.orders.lookup import remotes
from jiuwu.orders.order import Order
from jiuwu.platform.errors import PlatformError
from jiuwu.reconciliation.decide import NotOurs, adopt

from .inbox import TryLater
from .parser import Poison

if TYPE_CHECKING:
    from jiuwu.platform.calls.client import PlatformClient
    from jiuwu.platform.models import RemoteOrder


def adopt_from(
    platform: "Callable[[], PlatformClient]",
    order_nos: Sequence[str],
    *,
    member_id_for: Callable[[str], str],
    now: int,
    deadline: Deadline,
) -> dict[str, Order | Poison | TryLater]:
    """Return each order as it must have been before the platform had it, or why there is none, or none yet. Raise
    TryLater. `member_id_for` returns the member of a platform account (open_id)."""
    # a number that we never made could spoil the question for all others
    ours = [number for number in order_nos if is_order_no(number)]
    found: dict[str, Order | Poison | TryLater] = {
        number: Poison("not_our_order", "out_order_no: not of our making") for number in order_nos
    }
    try:
        theirs, unreadable = remotes(platform, ours, deadline=deadline) if ours else ({}, {})
    except PlatformError as error:
        raise TryLater(f"platform:{type(error).__name__}") from error
    adopted = {number: _adopt(theirs.get(number), member_id_for, now) for number in ours}
    return found | adopted | {number: TryLater("platform:BadReply") for number in unreadable}


def _adopt(remote: "RemoteOrder | None", member_id_for: Callable[[str], str], now: int) -> Order | Poison:
    if remote is None:
        return Poison("order_unknown", "out_order_no: neither our table nor the platform has this order")
    try:
        return adopt(remote, member_id=member_id_for(remote.open_id), now=now)
    except NotOurs as why:
        return Poison("not_our_order", f"out_order_no: {why}")
