"""Both sides of one order compared: what must be done, and what is worth reporting. Pure, like the state machine.

The platform's view is turned into the events that no notification brought, and those are applied as notifications are.
Where we hold proof and the platform is behind, its effect is due again. What neither can settle is reported with its
evidence; nothing is guessed.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from jiuwu.orders.effect_key import EffectKey, PushStatus, Ship
from jiuwu.orders.events import (
    Cancelled,
    Completed,
    EffectDone,
    EffectMissingRemotely,
    Event,
    Expired,
    Paid,
    Placed,
    Refunded,
    RefundStatusChanged,
)
from jiuwu.orders.ids import effect_id, fingerprint, is_order_no
from jiuwu.orders.order import Entry, HistoryEntry, HoldReason, Line, Order, Status
from jiuwu.orders.outcomes import awaits_refund
from jiuwu.orders.state_machine import Applied, Policy, apply

from .contradictions import another_order, contradiction, differing_amounts
from .drift import Drift, Finding

if TYPE_CHECKING:
    from jiuwu.platform.models import RemoteOrder

# An order that the platform would not take for so long is abandoned where no expiry is set: nobody waits for its
# payment page any more.
UNPLACED_SECONDS = 86_400
# Who compared the sides; the ids of the events that they find begin with it.
RECONCILER, STOREFRONT = "reconcile", "storefront"

# How far each state is along the way; a side with the lower number is behind. Cancelled and refunded end it.
_PROGRESS = {"created": 0, "paid": 1, "shipped": 2, "completed": 3, "cancelled": 9, "refunded": 9}


@dataclass(frozen=True, slots=True)
class Adopt:
    """Take the platform's order into our table (`adopt`): it is ours, and only the platform still knew."""


@dataclass(frozen=True, slots=True)
class Place:
    """Create the order at the platform, perhaps repeatedly: idempotent by its number."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Put the order on hold before anything is shipped; a person decides."""

    why: str


Action = Event | Adopt | Place | Hold


@dataclass(frozen=True, slots=True)
class Decision:
    """The repairs to make, in this sequence, and the findings to report."""

    actions: tuple[Action, ...] = ()
    findings: tuple[Finding, ...] = ()


class NotOurs(Exception):
    """The platform's order cannot be shown to have come from us; says why."""


def decide(
    local: Order | None, remote: "RemoteOrder | None", *, now: int, policy: Policy, finder: str = RECONCILER
) -> Decision:
    """Return what one order's two sides call for at `now` (Unix seconds); None for a side that does not have the order.
    `finder` is who compares the sides.

    One round: once its actions are done, decide again, until there are none. Three rounds settle any order.
    """
    if remote is None:
        return Decision() if local is None else _missing_there(local, now, policy)
    if why := contradiction(local, remote):
        failures = _failures(local, remote, now, policy) if local else ()
        return _reported(Drift.STATE_IMPOSSIBLE, remote.out_order_no, why, *failures)
    if local is None:
        return _missing_here(remote, now)
    differing = tuple(differing_amounts(local, remote))
    hold = (Hold(differing[0].evidence),) if differing and _may_hold(local) else ()
    events, missed = _unseen_events(local, remote_events(local, remote, at=now, finder=finder), policy)
    if hold or events:
        return Decision((*hold, *events), (*differing, *missed))
    if expired := _expired(local, remote, now, policy):
        return Decision(expired, differing)
    missing = _missing_remotely(local, remote, now, policy)
    return Decision(missing, (*differing, *_remaining_differences(local, remote, missing)))


def remote_events(local: Order, remote: "RemoteOrder", *, at: int, finder: str = RECONCILER) -> Iterator[Event]:
    """Yield what the platform shows and `local` has not taken in, oldest first, under ids made of the evidence and of
    who found it: what a member's look finds first is no missed notification.

    Two who find the same news at once apply it once, since each books a transaction, a refund or an end only once.
    """
    if not local.platform_order_no:
        yield Placed(at, remote.platform_order_no, remote.pay_url)
    fallback_at = remote.updated_at or at  # when money moved, where the platform does not say
    for payment in sorted(remote.payments, key=lambda payment: payment.paid_at):
        known = local.payment(txn := payment.transaction_id)
        if known is None or (known.doubted_at and known.fen == payment.amount_fen):
            found = f"shown:{known.doubted_at}" if known else "paid"
            paid_at = payment.paid_at or fallback_at
            yield Paid(f"{finder}:{found}:{txn}", at, txn, payment.amount_fen, paid_at, shown=True)
    yield from _refund_states(local, remote, at)
    for refund in sorted(remote.given_back, key=lambda refund: refund.refunded_at):
        if local.refund(refund_id := refund.refund_id) is None:
            evidence = (refund_id, refund.transaction_id, refund.amount_fen, refund.refunded_at or fallback_at)
            yield Refunded(f"{finder}:refunded:{refund_id}", at, *evidence, refund.out_refund_no)
    if remote.status == "cancelled" and local.status is not Status.CANCELLED:
        yield Cancelled(f"{finder}:cancelled:{local.order_no}", at, "shown by the platform")
    if remote.status == "completed" and local.status is not Status.COMPLETED:
        yield Completed(f"{finder}:completed:{local.order_no}", at)


def _refund_states(local: Order, remote: "RemoteOrder", at: int) -> Iterator[Event]:
    """Yield how refunds stand that gave nothing back. No notification need ever tell of it, so the event has no id: the
    order itself shows that it was taken in."""
    for refund in remote.refunds:
        known = local.unbooked_refund(refund.refund_id)
        known_status = known.status if known else "succeeded" if local.refund(refund.refund_id) else ""
        if refund.status != "succeeded" and known_status not in ("succeeded", refund.status):
            about = (refund.refund_id, refund.transaction_id, refund.amount_fen, refund.status, refund.out_refund_no)
            yield RefundStatusChanged("", at, *about)


def _failures(local: Order, remote: "RemoteOrder", now: int, policy: Policy) -> tuple[Event, ...]:
    """Return what can be acted upon though the platform contradicts itself: a person hears of a refund that failed."""
    return () if another_order(local, remote) else _taken(_refund_states(local, remote, now), local, policy)


def adopt(remote: "RemoteOrder", *, member_id: str, now: int) -> Order:
    """Return our order as it must have been before the platform had it; `member_id` is that of remote.open_id. Apply
    `remote_events` to it next.

    Raise NotOurs: the number must have our form and the lines must explain the amount, or we would ship what nobody can
    account for.
    """
    if not is_order_no(remote.out_order_no):
        raise NotOurs("its number is not of our making")
    if not remote.open_id:
        raise NotOurs("it names no member")
    if not remote.amount_fen:
        raise NotOurs("it costs nothing: how many points paid for it, only we knew")
    lines = tuple(Line(item.product_id, item.title, item.quantity, item.price_fen) for item in remote.items)
    total = sum(line.quantity * line.price_fen for line in lines)
    if not lines or total != remote.amount_fen:
        raise NotOurs(f"its lines add up to {total} fen, its amount is {remote.amount_fen} fen")
    return Order(
        order_no=remote.out_order_no,
        member_id=member_id,
        open_id=remote.open_id,
        lines=lines,
        amount_fen=total,
        fingerprint=fingerprint((line.product_id, line.quantity) for line in lines),
        created_at=remote.created_at or now,
        history=(HistoryEntry(now, "", "adopted"),),
        due_at=now,
    )


def hold(order: Order, why: str, *, at: int) -> Order:
    """Return the order on hold for a person to decide: what has not been shipped will not be."""
    history = (*order.history, HistoryEntry(at, "", "held", why))
    return replace(order.without_pending(Ship()).moved(Status.HELD, HoldReason.DIFFERS), history=history)


def _reported(class_: Drift, order_no: str, evidence: str, *actions: Action) -> Decision:
    return Decision(actions, (Finding(class_, order_no, evidence),))


def _missing_here(remote: "RemoteOrder", now: int) -> Decision:
    number = remote.out_order_no
    try:
        adopt(remote, member_id="", now=now)
    except NotOurs as why:
        return _reported(Drift.STATE_IMPOSSIBLE, number, f"unknown here and not adopted: {why}")
    return _reported(Drift.MISSING_HERE, number, f"{remote.status} there, unknown here", Adopt())


def _missing_there(local: Order, now: int, policy: Policy) -> Decision:
    number, evidence = local.order_no, f"{local.status} here with {local.balance_fen} fen, unknown there"
    if local.ledger or local.status in (Status.PAID, Status.SHIPPED, Status.COMPLETED, Status.HELD):
        # placed once more, it would ask the member to pay twice
        return _reported(Drift.STATE_IMPOSSIBLE, number, evidence)
    if local.status is Status.CANCELLED:
        cancelled = EffectDone(now, PushStatus("cancelled"))  # there is nothing to cancel
        return Decision((cancelled,) if cancelled.effect in local.pending else ())
    if local.status is Status.CREATED and now - local.created_at > (policy.expiry_seconds or UNPLACED_SECONDS):
        abandoned = Cancelled(f"reconcile:unplaced:{number}", now, "the platform never took it")
        return _reported(Drift.MISSING_THERE, number, evidence, *_taken((abandoned,), local, policy))
    return _reported(Drift.MISSING_THERE, number, evidence, Place())


def _may_hold(local: Order) -> bool:
    unshipped = local.status is Status.PAID and Ship() in local.pending
    return unshipped or local.awaits_money


def _unseen_events(local: Order, shown: Iterable[Event], policy: Policy) -> tuple[tuple[Event, ...], list[Finding]]:
    events = _taken(shown, local, policy)
    # a placement whose reply was lost is finished here; no notification ever tells of it
    event_ids = (event.event_id for event in events if isinstance(event, Paid | Cancelled | Completed | Refunded))
    missed = [event_id.partition(":")[2] for event_id in event_ids]
    return events, [Finding(Drift.MISSED_NOTIFICATION, local.order_no, evidence) for evidence in missed]


def _taken(events: Iterable[Event], local: Order, policy: Policy) -> tuple[Event, ...]:
    """Return the events that change the order; what the machine cannot judge shows as a difference that remains."""
    taken: list[Event] = []
    for event in events:
        if isinstance(outcome := apply(local, event, policy=policy), Applied):
            local = outcome.order
            taken.append(event)
    return tuple(taken)


def _expired(local: Order, remote: "RemoteOrder", now: int, policy: Policy) -> tuple[Event, ...]:
    """Return the expiry of an order that was not paid in time: cancelled at the platform, and here once that is
    confirmed."""
    open_there = remote.status == "created" or (remote.status == "paid" and local.status is Status.HELD)
    over = open_there and 0 < policy.expires_at(local) <= now
    return _taken([Expired(now)], local, policy) if over else ()


def _missing_remotely(local: Order, remote: "RemoteOrder", now: int, policy: Policy) -> tuple[Event, ...]:
    """Return the effects that we hold for done, or never requested, and that the platform does not show."""
    keys: list[EffectKey] = []
    ship = local.effect(Ship())
    if remote.status == "paid" and local.status in (Status.SHIPPED, Status.COMPLETED) and ship and ship.done_at:
        keys.append(PushStatus("shipped"))
    # paid by nothing, it costs nothing: that was no payment, and its points are the member's again
    open_there = remote.status == "created" or (remote.status == "paid" and not remote.amount_fen)
    if open_there and local.status is Status.CANCELLED:
        keys.append(PushStatus("cancelled"))
    keys += _unanswered(local, remote)
    return _taken([EffectMissingRemotely(now, key) for key in keys], local, policy)


def _unanswered(local: Order, remote: "RemoteOrder") -> list[EffectKey]:
    """Return the refunds that we requested and the platform does not show, whatever their state."""
    ours = {refund.out_refund_no for refund in remote.refunds}
    keys = [key for payment in remote.payments for key in local.refund_keys(payment.transaction_id)]
    return [key for key in keys if local.effect(key) and effect_id(local.order_no, key) not in ours]


def _remaining_differences(local: Order, remote: "RemoteOrder", missing: tuple[Event, ...]) -> Iterator[Finding]:
    """Yield what remains different once all events are taken in."""
    number = local.order_no
    evidence = [
        f"{event.effect} again: {local.status} here, {remote.status} there"
        for event in missing
        if isinstance(event, EffectMissingRemotely)
    ]
    evidence += [why for _, why in not_there(local, remote)]
    yield from (Finding(Drift.PLATFORM_BEHIND, number, each) for each in evidence)
    ahead = _PROGRESS[remote.status] < _PROGRESS.get(local.status.as_remote, 0)
    over = remote.status in ("cancelled", "refunded")  # no effect of ours that is on its way leads out of these
    awaited = any(awaits_refund(local, payment.ref) for payment in local.payments)
    going_back = awaited and (remote.status == "refunded" or local.status is Status.CANCELLED)
    explained = (local.pending and not over) or going_back or local.status is Status.HELD or (evidence and ahead)
    if not explained and remote.status != local.status.as_remote:
        kept_money = local.status is Status.CANCELLED and local.balance_fen
        class_ = Drift.PLATFORM_BEHIND if ahead and not kept_money else Drift.STATE_IMPOSSIBLE
        yield Finding(class_, number, f"{local.status} here with {local.balance_fen} fen, {remote.status} there")


def not_there(local: Order, remote: "RemoteOrder") -> Iterator[tuple[Entry, str]]:
    """Yield the payments and refunds that are booked here and that the platform does not show, each in words."""
    there = {payment.transaction_id for payment in remote.payments}
    states = {refund.refund_id: refund.status for refund in remote.refunds}
    for entry in local.ledger:
        if not entry.of and entry.ref not in there:
            yield entry, f"payment {entry.ref} is not there"
        if entry.of and (state := states.get(entry.ref, "not")) != "succeeded":
            yield entry, f"refund {entry.ref} is {state} there"
