"""Checks over the orders of both sides: status, money, ship requests and effects."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from jiuwu.orders.effect_key import Ship
from jiuwu.orders.effect_rules import MAY_HAVE_SHIPPED
from jiuwu.orders.order import Entry, Order, Status
from sandbox.invariants.facts import Facts, RemoteOrder, never_sent, same_status


def both_sides_have_it(facts: Facts) -> Iterator[str]:
    """Yield orders that one side lacks, except those cancelled before the platform heard of them."""
    for order_no in sorted(facts.remote.keys() - facts.local.keys()):
        yield f"{order_no}: the platform has it ({facts.remote[order_no].status}), we do not"
    for order_no in sorted(facts.local.keys() - facts.remote.keys()):
        if not never_sent(order := facts.local[order_no]):
            yield f"{order_no}: we have it ({order.status}), the platform does not"


def statuses_agree(facts: Facts) -> Iterator[str]:
    """Yield orders whose status differs between the sides."""
    for order_no, order, remote in _pairs(facts):
        decided_by_a_person = facts.held_may_differ and order.status is Status.HELD
        if not same_status(order, remote) and not decided_by_a_person:
            yield f"{order_no}: {order.status} here, {remote.status} there"


def payments_booked_once(facts: Facts) -> Iterator[str]:
    """Yield payments that are not booked exactly once with their amount.

    A payment of 0.00 that comes for a cancelled order moves nothing and need not be booked.
    """
    for order_no, remote in sorted(facts.remote.items()):
        order = facts.local.get(order_no)
        free = order is not None and order.status is Status.CANCELLED
        wanted = {ref: fen for ref, fen in remote.payments.items() if fen or not free}
        booked = [one for one in order.payments if one.fen or not free] if order else []
        yield from (f"{order_no}: payment {problem}" for problem in _misbooked(booked, wanted))


def refunds_booked_once(facts: Facts) -> Iterator[str]:
    """Yield refunds that are not booked exactly once with their amount."""
    for order_no, remote in sorted(facts.remote.items()):
        order = facts.local.get(order_no)
        wanted = {ref: -fen for ref, fen in remote.refunds.items()}
        yield from (f"{order_no}: refund {problem}" for problem in _misbooked(order.refunds if order else (), wanted))


def ledger_is_paid_less_refunded(facts: Facts) -> Iterator[str]:
    """Yield orders whose ledger is not what was paid less what was refunded."""
    for order_no, remote in sorted(facts.remote.items()):
        ledger_fen = facts.local[order_no].balance_fen if order_no in facts.local else 0
        if ledger_fen != remote.balance_fen:
            yield f"{order_no}: the ledger says {ledger_fen} fen, the platform {remote.balance_fen} fen"


def one_ship_request_per_order(facts: Facts) -> Iterator[str]:
    """Yield orders that are shipped without exactly one ship request, or not shipped and with one."""
    shipped = _shipped(facts)
    for order_no, order in sorted(facts.local.items()):
        allowed = _allowed_ship_requests(order, held_may_differ=facts.held_may_differ)
        if shipped[order_no] not in allowed:
            counts = " or ".join(map(str, sorted(allowed)))
            yield f"{order_no}: {order.status}, {shipped[order_no]} ship requests instead of {counts}"
    for order_no in sorted(shipped.keys() - facts.local.keys()):
        yield f"{order_no}: a ship request, and no such order"


def ship_requests_are_known(facts: Facts) -> Iterator[str]:
    """Yield orders with a ship request that their effects and history do not show."""
    shipped = _shipped(facts)
    for order_no, order in sorted(facts.local.items()):
        effect = order.effect(Ship())
        if shipped[order_no] and not (effect and effect.done_at) and not _may_have_shipped(order):
            yield f"{order_no}: a ship request went out, and the order does not show it"


def no_effect_is_pending(facts: Facts) -> Iterator[str]:
    """Yield orders with effects still to be done."""
    for order_no, order in sorted(facts.local.items()):
        if order.pending:
            yield f"{order_no}: pending {', '.join(map(str, order.pending))}"


def no_effect_failed_permanently(facts: Facts) -> Iterator[str]:
    """Yield orders with effects that failed permanently.

    A refund that failed at the platform is not among them: the merchant requests it again under another number.
    """
    for order_no, order in sorted(facts.local.items()):
        failed = [key for key, effect in order.effects if effect.failure and not effect.refund_failed]
        if unexpected := [str(key) for key in failed if key.kind != facts.expected_failure]:
            yield f"{order_no}: failed permanently {', '.join(unexpected)}"


def unpaid_orders_expire(facts: Facts) -> Iterator[str]:
    """Yield orders that still wait for money long after their expiry."""
    if not facts.expiry_passed:
        return
    for order_no, remote in sorted(facts.remote.items()):
        order = facts.local.get(order_no)
        if remote.status == "created" or (order is not None and order.awaits_money):
            yield f"{order_no}: waits for money past its expiry ({order.status if order else 'unknown'} here)"


def _pairs(facts: Facts) -> Iterator[tuple[str, Order, RemoteOrder]]:
    for order_no in sorted(facts.local.keys() & facts.remote.keys()):
        yield order_no, facts.local[order_no], facts.remote[order_no]


def _misbooked(entries: Sequence[Entry], wanted: Mapping[str, int]) -> Iterator[str]:
    """Yield what is wrong with these bookings, in words; `wanted` is fen by reference."""
    booked, amounts = Counter(entry.ref for entry in entries), {entry.ref: entry.fen for entry in entries}
    for ref in sorted(wanted.keys() | booked.keys()):
        if ref not in wanted:
            yield f"{ref} is booked, and unknown at the platform"
        elif booked[ref] != 1:
            yield f"{ref} is booked {booked[ref]} times"
        elif amounts[ref] != wanted[ref]:
            yield f"{ref} is booked with {amounts[ref]} fen instead of {wanted[ref]}"


def _shipped(facts: Facts) -> Counter[str]:
    """Count the different ship requests by order number; a repeat has the same effect id."""
    return Counter(effect_id.split(":", 1)[0] for effect_id in set(facts.ship_requests))


def _allowed_ship_requests(order: Order, *, held_may_differ: bool) -> set[int]:
    if order.status in (Status.SHIPPED, Status.COMPLETED):
        return {1}
    # a refund may come before or after the ship request; both are right, twice is not
    either = order.status is Status.REFUNDED or _may_have_shipped(order)
    return {0, 1} if either or (held_may_differ and order.status is Status.HELD) else {0}


def _may_have_shipped(order: Order) -> bool:
    return order.has_history(MAY_HAVE_SHIPPED)
