"""Orders that the platform tells us of and our table lacks: taken over when they are provably ours, else refused.

What proves it: the platform has the order under this number for our app (it answers only for the app that signed), the
number is one that we make, and its lines explain its amount.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from jiuwu.platform.errors import BadReply, PlatformError

from .inbox import TryLater
from .notices import Poison
from .orders import Order, is_order_no
from .reconcile import NotOurs, adopt

if TYPE_CHECKING:
    from jiuwu.platform.client import PlatformClient
    from jiuwu.platform.models import RemoteOrder


def adopt_from(
    platform: "Callable[[], PlatformClient]",
    order_nos: Sequence[str],
    *,
    member_id_for: Callable[[str], str],
    now: int,
) -> dict[str, Order | Poison | TryLater]:
    """Each order as it must have been before the platform had it, or why there is none, or none yet; raises TryLater.

    `member_id_for` gives the member of a platform account (open_id).
    """
    # a number that we never made could spoil the question for all others
    ours = [number for number in order_nos if is_order_no(number)]
    found: dict[str, Order | Poison | TryLater] = {
        number: Poison("not_our_order", "out_order_no: not of our making") for number in order_nos
    }
    remotes = _ask(platform(), ours) if ours else {}
    return found | {number: _adopt(remotes.get(number), member_id_for, now) for number in ours}


def _ask(platform: "PlatformClient", order_nos: Sequence[str]) -> "dict[str, RemoteOrder | TryLater]":
    """The platform's orders; one whose reply cannot be read is set aside and does not hold up the others."""
    try:
        return {remote.out_order_no: remote for remote in platform.query_orders(order_nos)}
    except BadReply as unreadable:
        if len(order_nos) == 1:
            return {order_nos[0]: _later(unreadable)}
    except PlatformError as error:
        raise _later(error) from error
    half = len(order_nos) // 2
    return _ask(platform, order_nos[:half]) | _ask(platform, order_nos[half:])


def _later(error: PlatformError) -> TryLater:
    return TryLater(f"platform:{type(error).__name__}")


def _adopt(
    remote: "RemoteOrder | TryLater | None", member_id_for: Callable[[str], str], now: int
) -> Order | Poison | TryLater:
    if remote is None:
        return Poison("order_unknown", "out_order_no: neither our table nor the platform has this order")
    if isinstance(remote, TryLater):
        return remote
    try:
        return adopt(remote, member_id=member_id_for(remote.open_id), now=now)
    except NotOurs as why:
        return Poison("not_our_order", f"out_order_no: {why}")
