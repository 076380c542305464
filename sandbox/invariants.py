"""The promises, checked over what both sides hold when the dust has settled. Pure: plain values in, findings out."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from jiuwu.orders.order import Order, Status

_SHIPS = {Status.SHIPPED, Status.COMPLETED}


@dataclass(frozen=True, slots=True)
class Remote:
    """An order as the platform has it: its state, and what was paid and refunded, in fen by transaction or refund."""

    status: str
    payments: Mapping[str, int]
    refunds: Mapping[str, int]


def never_left(order: Order) -> bool:
    """Whether an order was cancelled before the platform heard of it: then it is right that only we have it."""
    return order.status is Status.CANCELLED and not order.platform_order_no and not order.ledger


def same(order: Order, remote: Remote | None) -> bool:
    """Whether an order is the same on both sides: its state, its money, and nothing left to be done outside."""
    if remote is None:
        return never_left(order) and not order.pending
    there = sum(remote.payments.values()) - sum(remote.refunds.values())
    return _state_there(order) == remote.status and order.balance_fen == there and not order.pending


def _state_there(order: Order) -> str:
    """Return the state that an order must have at the platform: paid for one on hold; none for one not placed yet."""
    if order.status is Status.HELD:
        return "paid"
    return "" if order.status is Status.CREATED else order.status.as_remote


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the verdict judges.

    `ships` holds the effect ids that the warehouse received, in order, repeats included; `dead` the number of letters
    of each kind and of messages in each dead-letter queue; `forged` the HTTP statuses that forged notifications got, 0
    for no reply; `unsettled` what was still under way at the end, by name.
    """

    local: Mapping[str, Order]
    remote: Mapping[str, Remote]
    ships: tuple[str, ...]
    dead: Mapping[str, int]
    forged: Counter[int]
    unsettled: Mapping[str, int]
    errors: tuple[str, ...] = ()


@dataclass(slots=True)
class Verdict:
    """Which promises hold: one line per broken one, with the evidence."""

    broken: list[str] = field(default_factory=list)

    @property
    def kept(self) -> bool:
        """Whether nothing broke."""
        return not self.broken


def judge(facts: Facts) -> Verdict:
    """Every promise of design §2 that a run can show, over these facts."""
    verdict = Verdict()
    verdict.broken += _sides(facts)
    verdict.broken += _ships(facts)
    verdict.broken += _money(facts)
    verdict.broken += _messages(facts)
    verdict.broken += [f"not an answer a member should see: {error}" for error in facts.errors]
    return verdict


def _sides(facts: Facts) -> Iterable[str]:
    for order_no in sorted(facts.local.keys() | facts.remote.keys()):
        local, remote = facts.local.get(order_no), facts.remote.get(order_no)
        if local is None:
            yield f"{order_no}: the platform has it ({remote.status if remote else ''}), we do not"
        elif remote is None and never_left(local):
            continue
        elif remote is None:
            yield f"{order_no}: we have it ({local.status}), the platform does not"
        elif _state_there(local) != remote.status:
            yield f"{order_no}: {local.status} here, {remote.status} there"


def _ships(facts: Facts) -> Iterable[str]:
    shipped = Counter(effect.split(":", 1)[0] for effect in set(facts.ships))
    for order_no, order in sorted(facts.local.items()):
        due = 1 if order.status in _SHIPS else 0
        # a refund may come before or after the parcel left; both are right, twice is not
        allowed = {0, 1} if order.status is Status.REFUNDED else {due}
        if shipped[order_no] not in allowed:
            yield f"{order_no}: {order.status}, shipped {shipped[order_no]} times instead of {due}"
    for order_no in sorted(shipped.keys() - facts.local.keys()):
        yield f"{order_no}: shipped, and no such order"


def _money(facts: Facts) -> Iterable[str]:
    for order_no, remote in sorted(facts.remote.items()):
        order = facts.local.get(order_no)
        booked = Counter(entry.ref for entry in order.ledger) if order else Counter[str]()
        for ref in sorted(remote.payments.keys() | remote.refunds.keys() | booked.keys()):
            known = ref in remote.payments or ref in remote.refunds
            if booked[ref] != 1 or not known:
                yield f"{order_no}: {ref} booked {booked[ref]} times" + ("" if known else ", unknown at the platform")
        there = sum(remote.payments.values()) - sum(remote.refunds.values())
        here = order.balance_fen if order else 0
        if here != there:
            yield f"{order_no}: the ledger says {here} fen, the platform {there} fen"


def _messages(facts: Facts) -> Iterable[str]:
    yield from (f"{name}: {count}" for name, count in facts.dead.items() if count)
    yield from (f"still under way: {count} {name}" for name, count in facts.unsettled.items() if count)
    # 0: no reply in time, as a busy machine gives; what had been let in would show in an order's money
    let_in = {status: count for status, count in facts.forged.items() if status and not 400 <= status < 500}
    yield from (f"{count} forged notifications got HTTP {status}" for status, count in let_in.items())
